/* test_schema.c - JSON Schema: what is allowed, what is refused and by which name; random schemas, whose answers by the mask a small
 * validator of its own finds valid.  The official suite is asked by tests/papers/schema.sh. */
#include <jansson.h>

#include "grammar_test.h"

#include <time.h>

enum { LONG = 30 };                  /* processor seconds: what has a budget takes one or two, a sanitizer some times that, and without one minutes */

#define S HEARTH_JSON_SCHEMA

static void types_are_written_as_json(void **state) {
    (void)state;
    allows(S, "true", "null", "true", "-12.5e-3", "\"\"", "[]", "{}", "[1, {\"a\": [null]}, \"x\"]", "{\n  \"a\": 1,\n  \"b\": [\n    2\n  ]\n}");
    forbids(S, "true", "", "nul", "01", "1.", ".5", "+1", "'a'", "[1,]", "{a:1}", "{\"a\":1,}", " 1", "1 ", "[1,  2]", "[\n\n1]", "{\"a\" :1}", "NaN");
    allows(S, "{\"type\":\"string\"}", "\"a\\n\\u00e9\\ud83d\\ude00\xc3\xa9\\\"\\/\"");
    forbids(S, "{\"type\":\"string\"}", "\"\n\"", "\"\\x\"", "\"\\ud83d\"", "\"\\ude00\"", "\"\\ud83d\\u0041\"", "\"\\u0000\"", "\"\xff\"", "\"\xed\xa0\x80\"", "\"a");
    allows(S, "{\"type\":[\"integer\",\"null\"]}", "null", "0", "-7", "123456789012345");
    forbids(S, "{\"type\":[\"integer\",\"null\"]}", "1.0", "1e3", "true", "1234567890123456", "-", "007");
    allows(S, "{\"minLength\":2,\"maxLength\":3}", "\"ab\"", "\"\xe4\xbd\xa0\\ud83d\\ude00a\"", "\"\\n\\n\"");
    forbids(S, "{\"minLength\":2,\"maxLength\":3}", "\"a\"", "\"abcd\"", "1");
    allows(S, "{\"enum\":[\"a\",1.5,null,{\"x\":[1,2]}]}", "\"a\"", "1.5", "null", "{\"x\":[1,2]}", "{\"x\": [1, 2]}");
    allows(S, "{\"type\":\"integer\",\"enum\":[\"a\",1,2.0,9],\"maximum\":5}", "1", "2");
    forbids(S, "{\"type\":\"integer\",\"enum\":[\"a\",1,2.0,9],\"maximum\":5}", "\"a\"", "9");
    hearth_grammar_close(compiled(S, "{\"type\":\"integer\",\"enum\":[1e300]}"));  /* whole, and no long long */
    hearth_grammar_close(compiled(S, "{\"type\":\"integer\",\"enum\":[9223372036854775808.0,-1e19]}"));
}

static void objects_keep_their_properties(void **state) {
    (void)state;
    static const char plain[] = "{\"properties\":{\"a\":{\"type\":\"integer\"},\"b\":{},\"c\":{\"const\":1}},\"required\":[\"b\"]}";
    allows(S, plain, "{\"b\":1}", "{\"a\":1,\"b\":[]}", "{\"b\":\"\",\"c\":1}", "{ \"a\": 1, \"b\": 2, \"c\": 1 }");
    forbids(S, plain, "{}", "{\"a\":1}", "{\"b\":1,\"a\":1}", "{\"a\":1,\"b\":1,\"d\":1}", "{\"b\":1,\"c\":2}", "{\"b\":1,\"b\":1}");
    static const char open[] = "{\"properties\":{\"ab\":{\"type\":\"integer\"},\"a\":false},\"additionalProperties\":{\"type\":\"null\"}}";
    allows(S, open, "{}", "{\"ab\":1}", "{\"abc\":null}", "{\"ab\":1,\"b\":null,\"\":null}", "{\"\xc3\xa9\":null}", "{\"\\\"\":null}", "{\"aa\":null}");
    forbids(S, open, "{\"ab\":null}", "{\"a\":null}", "{\"abc\":1}", "{\"\\u0061b\":null}");
    static const char counted[] = "{\"properties\":{\"a\":{},\"b\":{},\"c\":{}},\"minProperties\":1,\"maxProperties\":2}";
    allows(S, counted, "{\"a\":1}", "{\"b\":1,\"c\":1}");
    forbids(S, counted, "{}", "{\"a\":1,\"b\":1,\"c\":1}");
    allows(S, "{\"type\":\"object\",\"maxProperties\":1}", "{}", "{\"x\":1}");
    forbids(S, "{\"type\":\"object\",\"maxProperties\":1}", "{\"x\":1,\"y\":2}");
    allows(S, "{\"type\":\"object\",\"required\":[\"z\"]}", "{\"z\":1}", "{\"z\":1,\"y\":2}");
}

static void arrays_keep_their_items(void **state) {
    (void)state;
    allows(S, "{\"items\":{\"type\":\"boolean\"},\"minItems\":1,\"maxItems\":3}", "[true]", "[true, false,true]", "[\n  true\n]");
    forbids(S, "{\"items\":{\"type\":\"boolean\"},\"minItems\":1,\"maxItems\":3}", "[]", "[true,true,true,true]", "[1]");
    allows(S, "{\"prefixItems\":[{\"const\":1},{\"const\":2}],\"items\":{\"const\":3}}", "[]", "[1]", "[1,2]", "[1,2,3,3]");
    forbids(S, "{\"prefixItems\":[{\"const\":1},{\"const\":2}],\"items\":{\"const\":3}}", "[2]", "[1,3]", "[1,2,2]");
    allows(S, "{\"prefixItems\":[{\"const\":1},{\"const\":2},{\"const\":3}],\"minItems\":2,\"maxItems\":2}", "[1,2]");
    forbids(S, "{\"prefixItems\":[{\"const\":1},{\"const\":2},{\"const\":3}],\"minItems\":2,\"maxItems\":2}", "[1]", "[1,2,3]");
    allows(S, "{\"type\":\"array\",\"maxItems\":0}", "[]");
    forbids(S, "{\"type\":\"array\",\"maxItems\":0}", "[1]");
}

/* Every integer and every number of two places about the bounds, by the grammar and by comparing. */
static void bounds_are_exact(void **state) {
    (void)state;
    static const int bound[][4] = { { 0, 0, 0, 0 }, { -5, 3, 0, 0 }, { 13, 2047, 0, 0 }, { -120, -7, 0, 0 }, { 0, 9, 1, 1 }, { -1, 1, 1, 1 }, { 99, 100, 0, 1 }, { -30, 0, 0, 1 }, { 7, 7, 0, 0 } };
    for (size_t i = 0; i < sizeof bound / sizeof *bound; i++)
        for (int fraction = 0; fraction < 2; fraction++) {
            char text[200], number[32];
            const int *b = bound[i];
            double scale = fraction ? 100 : 1;
            snprintf(text, sizeof text, "{\"type\":\"%s\",\"%s\":%.*f,\"%s\":%.*f}", fraction ? "number" : "integer", b[2] ? "exclusiveMinimum" : "minimum",
                     2 * fraction, b[0] / scale, b[3] ? "exclusiveMaximum" : "maximum", 2 * fraction, b[1] / scale);
            if (!fraction && b[0] == 0 && b[1] == 1 && b[2] && b[3]) continue;
            struct hearth_grammar *g = compiled(S, text);
            struct grammar_state *s;
            assert_int_equal(grammar_state_open(g, &s), HEARTH_OK);
            for (int x = b[0] - 150; x <= b[1] + 150; x++) {
                int wanted = (b[2] ? x > b[0] : x >= b[0]) && (b[3] ? x < b[1] : x <= b[1]);
                snprintf(number, sizeof number, "%.*f", 2 * fraction, x / scale);
                if (follows(s, number, strlen(number)) != wanted) fail_msg("%s: %s should be %d", text, number, wanted);
            }
            grammar_state_close(s);
            hearth_grammar_close(g);
        }
    allows(S, "{\"type\":\"integer\",\"minimum\":1.5}", "2", "999999999999999");
    forbids(S, "{\"type\":\"integer\",\"minimum\":1.5}", "1", "-2", "0");
    allows(S, "{\"type\":\"integer\",\"exclusiveMaximum\":0}", "-1", "-100");
    forbids(S, "{\"type\":\"integer\",\"exclusiveMaximum\":0}", "0", "1", "-0");
    allows(S, "{\"type\":\"number\",\"exclusiveMinimum\":0,\"maximum\":0.1}", "0.1", "0.05", "0.1000", "0.0001");
    forbids(S, "{\"type\":\"number\",\"exclusiveMinimum\":0,\"maximum\":0.1}", "0", "0.0", "0.11", "0.10001", "1e-2", "-0.05");
    refused(S, "{\"type\":\"integer\",\"minimum\":3,\"maximum\":2}", 42, HEARTH_EFORMAT, "no answer");
    refused(S, "{\"minimum\":1e300}", 17, HEARTH_EUNSUPPORTED, "\"minimum\"");
}

static void patterns_mean_what_both_dialects_mean(void **state) {
    (void)state;
    allows(S, "{\"pattern\":\"^[A-Z]{2}-\\\\d+$\"}", "\"AB-1\"", "\"ZZ-00\"");
    forbids(S, "{\"pattern\":\"^[A-Z]{2}-\\\\d+$\"}", "\"AB-\"", "\"xAB-1\"", "\"AB-1 \"", "\"AB-1\\n\"");
    allows(S, "{\"pattern\":\"b.\"}", "\"abc\"", "\"bb\"", "\"\\nxb\\\"\"");
    forbids(S, "{\"pattern\":\"b.\"}", "\"ab\"", "\"b\\n\"");
    allows(S, "{\"pattern\":\"^(?:a|b\\\"?|[^\\\\s]c)+?$\"}", "\"a\"", "\"b\\\"a\"", "\"xc\"");
    allows(S, "{\"pattern\":\"^a|b$\"}", "\"axx\"", "\"xxb\"");
    forbids(S, "{\"pattern\":\"^a|b$\"}", "\"xax\"");
    allows(S, "{\"pattern\":\"^\\\\w+\\\\.\\\\u00e9$\"}", "\"a_1.\xc3\xa9\"");
    allows(S, "{\"pattern\":\"^x{2}y{0,1}{$\"}", "\"xxy{\"");
    allows(S, "{\"pattern\":\"^.{2}$\",\"minLength\":1,\"maxLength\":2}", "\"ab\"");
    static const struct { const char *pattern; enum hearth_status st; } bad[] = {
        { "(?=a)", HEARTH_EUNSUPPORTED }, { "(?<n>a)", HEARTH_EUNSUPPORTED }, { "\\\\b", HEARTH_EUNSUPPORTED }, { "(a)\\\\1", HEARTH_EUNSUPPORTED },
        { "\\\\p{L}", HEARTH_EUNSUPPORTED }, { "a^", HEARTH_EUNSUPPORTED }, { "(^a)", HEARTH_EUNSUPPORTED }, { "(", HEARTH_EFORMAT }, { "a)", HEARTH_EFORMAT },
        { "*", HEARTH_EFORMAT }, { "[a", HEARTH_EFORMAT }, { "a**", HEARTH_EFORMAT }, { "a{3,1}", HEARTH_EFORMAT } };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[100];
        int n = snprintf(text, sizeof text, "{\"pattern\":\"%s\"}", bad[i].pattern);
        refused(S, text, (size_t)n, bad[i].st, "pattern");
    }
    allows(S, "{\"type\":\"string\",\"format\":\"date\"}", "\"2024-02-28\"", "\"0001-12-31\"");
    forbids(S, "{\"type\":\"string\",\"format\":\"date\"}", "\"2024-13-01\"", "\"2024-04-31\"", "\"0000-01-01\"", "\"x\"");
    allows(S, "{\"type\":\"string\",\"format\":\"date-time\"}", "\"2024-02-28T23:59:59.5Z\"", "\"2024-02-28T00:00:00+05:30\"");
    allows(S, "{\"type\":\"string\",\"format\":\"uuid\"}", "\"2eb8aa08-aa98-11ea-b4aa-73b441d16380\"");
    allows(S, "{\"type\":\"string\",\"format\":\"no-such\"}", "\"anything\"");
}

static void schemas_combine(void **state) {
    (void)state;
    allows(S, "{\"$defs\":{\"n\":{\"type\":\"object\",\"properties\":{\"v\":{\"type\":\"integer\"},\"next\":{\"$ref\":\"#/$defs/n\"}},\"required\":[\"v\"]}},\"$ref\":\"#/$defs/n\"}",
           "{\"v\":1}", "{\"v\":1,\"next\":{\"v\":2,\"next\":{\"v\":3}}}");
    allows(S, "{\"type\":\"array\",\"items\":{\"$ref\":\"#\"}}", "[]", "[[],[[]]]");
    allows(S, "{\"$defs\":{\"a/b%c\":{\"const\":1}},\"$ref\":\"#/$defs/a~1b%25c\"}", "1");
    allows(S, "{\"anyOf\":[{\"type\":\"integer\"},{\"type\":\"string\",\"maxLength\":1}]}", "12", "\"a\"");
    static const char required[] = "{\"type\":\"object\",\"properties\":{\"a\":{},\"b\":{}},\"anyOf\":[{\"required\":[\"a\"]},{\"required\":[\"b\"]}]}";
    allows(S, required, "{\"a\":1}", "{\"b\":1}", "{\"a\":1,\"b\":1}");
    forbids(S, required, "{}");
    allows(S, "{\"allOf\":[{\"properties\":{\"a\":{\"minimum\":3}}},{\"properties\":{\"a\":{\"maximum\":5}},\"required\":[\"a\"]}]}", "{\"a\":4}");
    forbids(S, "{\"allOf\":[{\"properties\":{\"a\":{\"minimum\":3}}},{\"properties\":{\"a\":{\"maximum\":5}},\"required\":[\"a\"]}]}", "{\"a\":2}", "{\"a\":6}", "{}");
    static const char tagged[] = "{\"oneOf\":[{\"type\":\"object\",\"properties\":{\"k\":{\"const\":\"x\"}},\"required\":[\"k\"]},"
                                 "{\"type\":\"object\",\"properties\":{\"k\":{\"const\":\"y\"},\"n\":{\"type\":\"integer\"}},\"required\":[\"k\",\"n\"]}]}";
    allows(S, tagged, "{\"k\":\"x\"}", "{\"k\":\"y\",\"n\":1}");
    forbids(S, tagged, "{\"k\":\"y\"}", "{\"k\":\"z\"}");
    allows(S, "{\"oneOf\":[{\"type\":\"string\"},{\"type\":\"number\",\"maximum\":1},{\"type\":\"number\",\"exclusiveMinimum\":1}]}", "\"\"", "1", "2");
    allows(S, "{\"title\":\"t\",\"x-own\":1,\"$comment\":\"c\",\"const\":[]}", "[]");
}

static void what_cannot_be_honoured_is_named(void **state) {
    (void)state;
    static const struct { const char *text; enum hearth_status st; const char *says; } bad[] = {
        { "{\"not\":{}}", HEARTH_EUNSUPPORTED, "\"not\"" },
        { "{\"if\":true,\"then\":false}", HEARTH_EUNSUPPORTED, "\"if\"" },
        { "{\"properties\":{\"a\":{\"uniqueItems\":true}}}", HEARTH_EUNSUPPORTED, "\"uniqueItems\"" },
        { "{\"patternProperties\":{\"a\":{}}}", HEARTH_EUNSUPPORTED, "\"patternProperties\"" },
        { "{\"contains\":{}}", HEARTH_EUNSUPPORTED, "\"contains\"" },
        { "{\"multipleOf\":3}", HEARTH_EUNSUPPORTED, "\"multipleOf\"" },
        { "{\"oneOf\":[{\"type\":\"string\"},{\"maxLength\":3}]}", HEARTH_EUNSUPPORTED, "\"oneOf\"" },
        { "{\"oneOf\":[{\"minLength\":2},{\"minimum\":3}]}", HEARTH_EUNSUPPORTED, "\"oneOf\"" },
        { "{\"$ref\":\"http://elsewhere.example/s\"}", HEARTH_EUNSUPPORTED, "\"$ref\"" },
        { "{\"$ref\":\"#/$defs/none\"}", HEARTH_EFORMAT, "there is nothing" },
        { "{\"$ref\":\"#\"}", HEARTH_EFORMAT, "leads back to itself" },
        { "{\"allOf\":[{\"$ref\":\"#\"}]}", HEARTH_ELIMIT, "leads to itself" },
        { "{\"anyOf\":[{\"$ref\":\"#\"}]}", HEARTH_EFORMAT, "" },
        { "{\"type\":\"text\"}", HEARTH_EFORMAT, "\"type\" should be" },
        { "{\"minLength\":-1}", HEARTH_EFORMAT, "\"minLength\"" },
        { "{\"minimum\":\"1\"}", HEARTH_EFORMAT, "\"minimum\"" },
        { "{\"exclusiveMinimum\":true}", HEARTH_EFORMAT, "\"exclusiveMinimum\"" },
        { "{\"maxItems\":1000000,\"type\":\"array\"}", HEARTH_ELIMIT, "\"maxItems\"" },
        { "{\"minProperties\":3,\"type\":\"object\"}", HEARTH_EUNSUPPORTED, "\"minProperties\"" },
        { "{\"pattern\":\"^a*$\",\"maxLength\":3}", HEARTH_EUNSUPPORTED, "\"pattern\"" },
        { "{\"properties\":[]}", HEARTH_EFORMAT, "\"properties\"" },
        { "{\"items\":[{}]}", HEARTH_EUNSUPPORTED, "\"items\"" },
        { "false", HEARTH_EFORMAT, "no answer" },
        { "1", HEARTH_EFORMAT, "an object, true or false" },
        { "{\"a\":1,\"a\":2}", HEARTH_EFORMAT, "duplicate" },
        { "{", HEARTH_EFORMAT, "schema: line 1" },
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) refused(S, bad[i].text, strlen(bad[i].text), bad[i].st, bad[i].says);
}

/* Whatever grows with the square of a text is counted. */
static void comparing_and_merging_have_a_budget(void **state) {
    (void)state;
    static const struct { const char *before, *each, *after; int n; } rows[] = {
        { "{\"oneOf\":[", "{\"const\":%d}", "]}", 20000 },
        { "{\"allOf\":[", "{\"properties\":{\"p%d\":true}}", "]}", 8000 },
        { "{\"allOf\":[", "{\"required\":[\"p%d\"]}", "]}", 8000 },
        { "{\"uniqueItems\":true,\"type\":\"array\",\"enum\":[[", "%d", "]]}", 20000 },
        { "{\"allOf\":[{\"enum\":[-1]},{\"anyOf\":[{\"enum\":[", "%d", "]}]},{\"enum\":[-2]}]}", 100 },
    };
    clock_t began = clock();
    struct buf b = { 0 };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        b.len = 0;
        buf_puts(&b, rows[i].before);
        for (int k = 0; k < rows[i].n; k++) {
            if (k) buf_putc(&b, ',');
            buf_printf(&b, rows[i].each, k);
        }
        buf_puts(&b, rows[i].after);
        if (i < 4) refused(S, b.data, b.len, HEARTH_ELIMIT, "schema: too large: comparing its values and merging its parts");
        else refused(S, b.data, b.len, HEARTH_EFORMAT, "");
    }
    b.len = 0;
    buf_puts(&b, "{\"enum\":[");
    for (int k = 0; k < 10000; k++) buf_printf(&b, "%s\"%d\"", k ? "," : "", k);
    buf_puts(&b, "]}");                                  /* a long list alone is no trouble */
    hearth_grammar_close(compiled(S, b.data));
    buf_free(&b);
    assert_true((double)(clock() - began) / CLOCKS_PER_SEC < LONG);
}

static void deep_and_wide_schemas_are_quick(void **state) {
    (void)state;
    clock_t began = clock();
    struct buf b = { 0 };
    for (int i = 0; i < 1000; i++) buf_puts(&b, "{\"items\":");
    buf_puts(&b, "true");
    for (int i = 0; i < 1000; i++) buf_putc(&b, '}');
    refused(S, b.data, b.len, HEARTH_ELIMIT, "in each other");
    b.len = 0;
    buf_puts(&b, "{\"allOf\":[");
    for (int i = 0; i < 30; i++) buf_printf(&b, "%s{\"anyOf\":[{\"minLength\":%d},{\"maxLength\":%d}]}", i ? "," : "", i, 100 + i);
    buf_puts(&b, "]}");
    refused(S, b.data, b.len, HEARTH_ELIMIT, "merged");
    b.len = 0;                       /* bounds of numbers, in all their pairings: each is a hundred small expressions */
    buf_puts(&b, "{\"type\":\"integer\",\"allOf\":[");
    for (int i = 0; i < 80; i++)
        buf_printf(&b, "%s{\"minimum\":%d}%s", i == 0 ? "{\"anyOf\":[" : i % 20 == 0 ? ",{\"anyOf\":[" : ",", i * 12345678, i % 20 == 19 ? "]}" : "");
    buf_puts(&b, "]}");
    refused(S, b.data, b.len, HEARTH_ELIMIT, "parts of a grammar");
    b.len = 0;
    buf_puts(&b, "{\"properties\":{");
    for (int i = 0; i < 2000; i++) buf_printf(&b, "%s\"property%d\":{\"type\":\"string\",\"maxLength\":%d}", i ? "," : "", i, i % 40 + 1);
    buf_puts(&b, "}}");
    struct hearth_grammar *g = compiled(S, b.data);
    struct grammar_state *s;
    const uint32_t *mask;
    assert_int_equal(grammar_state_open(g, &s), HEARTH_OK);
    assert_int_equal(grammar_state_accept_bytes(s, "{\"", 2), HEARTH_OK);
    assert_int_equal(grammar_state_mask(s, 100, &mask), HEARTH_OK);
    assert_int_equal(grammar_state_accept_bytes(s, "property1999\":\"\"}", 17), HEARTH_OK);
    grammar_state_close(s);
    hearth_grammar_close(g);
    buf_free(&b);
    assert_true((double)(clock() - began) / CLOCKS_PER_SEC < LONG);
}

/* ---- random schemas ---- */

static json_t *random_schema(int depth) {
    json_t *s = json_object(), *list;
    switch (draw_below(depth ? 8 : 5)) {
    case 0: json_object_set_new(s, "type", json_string("integer"));
        json_object_set_new(s, "minimum", json_integer((int)draw_below(400) - 200));
        if (draw_below(2)) json_object_set_new(s, "maximum", json_integer(200 + (int)draw_below(3000)));
        return s;
    case 1: json_object_set_new(s, "type", json_string("number"));
        if (draw_below(2)) json_object_set_new(s, "exclusiveMinimum", json_real(((int)draw_below(4000) - 2000) / 8.0));
        if (draw_below(2)) json_object_set_new(s, "maximum", json_real(250 + draw_below(4000) / 16.0));
        return s;
    case 2: json_object_set_new(s, "type", json_string("string"));
        json_object_set_new(s, "minLength", json_integer(draw_below(4)));
        if (draw_below(2)) json_object_set_new(s, "maxLength", json_integer(4 + draw_below(8)));
        return s;
    case 3: list = json_array();
        for (uint32_t i = 0; i <= draw_below(4); i++) json_array_append_new(list, draw_below(2) ? json_integer(draw_below(100)) : json_string("two words"));
        json_object_set_new(s, "enum", list);
        return s;
    case 4: json_object_set_new(s, "type", json_string(draw_below(2) ? "boolean" : "null"));
        return s;
    case 5: json_object_set_new(s, "type", json_string("array"));
        json_object_set_new(s, "items", random_schema(depth - 1));
        json_object_set_new(s, "minItems", json_integer(draw_below(3)));
        if (draw_below(2)) json_object_set_new(s, "maxItems", json_integer(3 + draw_below(3)));
        return s;
    case 6: list = json_array();
        for (int i = 0; i < 2; i++) json_array_append_new(list, random_schema(depth - 1));
        json_object_set_new(s, "anyOf", list);
        return s;
    default: break;
    }
    json_t *properties = json_object();
    json_object_set_new(s, "type", json_string("object"));
    list = json_array();
    for (uint32_t i = 0; i < 1 + draw_below(4); i++) {
        char name[12];
        snprintf(name, sizeof name, "%s%u", draw_below(2) ? "na\"me" : "\xc3\xa9", i);
        json_object_set_new(properties, name, random_schema(depth - 1));
        if (draw_below(2)) json_array_append_new(list, json_string(name));
    }
    json_object_set_new(s, "properties", properties);
    json_object_set_new(s, "required", list);
    json_object_set_new(s, "additionalProperties", draw_below(2) ? json_false() : random_schema(0));
    return s;
}

static double of(const json_t *s, const char *key, double otherwise) {
    const json_t *v = json_object_get(s, key);
    return v ? json_number_value(v) : otherwise;
}

static int is_valid(const json_t *s, const json_t *v) {
    const char *type = json_string_value(json_object_get(s, "type")), *key;
    const json_t *list, *x;
    if ((list = json_object_get(s, "anyOf"))) return is_valid(json_array_get(list, 0), v) || is_valid(json_array_get(list, 1), v);
    if ((list = json_object_get(s, "enum"))) {
        for (size_t i = 0; i < json_array_size(list); i++) if (json_equal(json_array_get(list, i), v)) return 1;
        return 0;
    }
    if (*type == 'b') return json_is_boolean(v);
    if (!strcmp(type, "null")) return json_is_null(v);
    if (*type == 'i' || !strcmp(type, "number")) {
        double n = json_number_value(v);
        return (*type == 'i' ? json_is_integer(v) : json_is_number(v)) && n >= of(s, "minimum", -1e300) && n > of(s, "exclusiveMinimum", -1e300) && n <= of(s, "maximum", 1e300);
    }
    if (*type == 's') {
        size_t n = 0;
        for (const char *p = json_string_value(v); p && *p; p++) n += ((unsigned char)*p & 0xc0) != 0x80;
        return json_is_string(v) && (double)n >= of(s, "minLength", 0) && (double)n <= of(s, "maxLength", 1e9);
    }
    if (*type == 'a') {
        for (size_t i = 0; i < json_array_size(v); i++) if (!is_valid(json_object_get(s, "items"), json_array_get(v, i))) return 0;
        return json_is_array(v) && (double)json_array_size(v) >= of(s, "minItems", 0) && (double)json_array_size(v) <= of(s, "maxItems", 1e9);
    }
    if (!json_is_object(v)) return 0;
    for (size_t i = 0; i < json_array_size(json_object_get(s, "required")); i++)
        if (!json_object_get(v, json_string_value(json_array_get(json_object_get(s, "required"), i)))) return 0;
    json_object_foreach((json_t *)v, key, x) {
        const json_t *p = json_object_get(json_object_get(s, "properties"), key);
        if (!p) p = json_object_get(s, "additionalProperties");
        if (json_is_false(p) || !is_valid(p, x)) return 0;
    }
    return 1;
}

static void answers_by_the_mask_are_valid(void **state) {
    (void)state;
    struct buf text = { 0 };
    for (int i = 0; i < 120; i++) {
        json_t *schema = random_schema(3);
        char *written = json_dumps(schema, 0);
        struct hearth_grammar *g = compiled(S, written);
        struct grammar_state *s;
        assert_int_equal(grammar_state_open(g, &s), HEARTH_OK);
        for (int k = 0; k < 4; k++) {
            json_error_t e;
            walk_by_mask(g, s, grammar_least(g) + (k ? draw_below(30) : 0) + !grammar_least(g), &text);
            json_t *v = json_loadb(text.data, text.len, JSON_DECODE_ANY, &e);
            if (!v || !is_valid(schema, v)) fail_msg("%s\nof %s", text.data, written);
            json_decref(v);
        }
        grammar_state_close(s);
        hearth_grammar_close(g);
        free(written);
        json_decref(schema);
    }
    buf_free(&text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_are_written_as_json),
        cmocka_unit_test(objects_keep_their_properties),
        cmocka_unit_test(arrays_keep_their_items),
        cmocka_unit_test(bounds_are_exact),
        cmocka_unit_test(patterns_mean_what_both_dialects_mean),
        cmocka_unit_test(schemas_combine),
        cmocka_unit_test(what_cannot_be_honoured_is_named),
        cmocka_unit_test(comparing_and_merging_have_a_budget),
        cmocka_unit_test(deep_and_wide_schemas_are_quick),
        cmocka_unit_test(answers_by_the_mask_are_valid),
    };
    return cmocka_run_group_tests(tests, vocab_setup, vocab_teardown);
}
