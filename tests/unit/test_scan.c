/* test_scan.c - a scan of examples: what is counted, what the cards say and do not say, what the cleaned copy holds. */
#include "work/scan.h"
#include "hub_test.h"

static const char lines[] =
    "{\"text\": \"Write to anna.weber@example.com about the lost card, please\", \"label\": \"a\", \"license\": \"CC-BY-4.0\"}\n"
    "{\"text\": \"How long does a transfer take?\", \"label\": \"b\"}\n"
    "{\"text\": \"How long does a transfer take?\", \"label\": \"b\"}\n"
    "{\"text\": \"What is the rate of exchange for euros today?\", \"label\": \"a\"}\n"
    "{\"text\": \"What is the rate of exchange for euros today?\", \"label\": \"b\"}\n"
    "{\"text\": \"Why was my payment to the supermarket declined this morning?\", \"label\": \"a\"}\n"
    "{\"text\": \"Why was my payment to the supermarket declined this morning??\", \"label\": \"a\"}\n"
    "{\"text\": \"Why was my payment to the supermarket declined this morning!\", \"label\": \"b\"}\n"
    "{\"text\": \" \\t\", \"label\": \"b\"}\n"
    "{\"text\": \"my c\\u0430rd is l\\u200bost\", \"label\": \"b\"}\n";

static struct scan *scanned(const char *name, const char *text, const struct scan_options *options)
{
    static const struct scan_options none = { .no_planted = 1 };
    struct scan *s = NULL;
    write_text(in_home(name), text);
    assert_ok(scan_open(in_home(name), options ? options : &none, &s));
    return s;
}

static void counts(void **state)
{
    static const uint32_t why[] = { SCAN_PERSONAL, 0, SCAN_DUPLICATE, SCAN_CONTRADICTION, SCAN_CONTRADICTION, 0, SCAN_NEAR, SCAN_NEAR_CONTRADICTION,
                                    SCAN_EMPTY, SCAN_ODD };
    struct scan *s = scanned("a.jsonl", lines, NULL);
    (void)state;
    assert_int_equal(s->n, 10);
    for (int i = 0; i < 10; i++) assert_int_equal(s->at[i].why, why[i]);
    assert_int_equal(s->at[2].of, 1);
    assert_int_equal(s->at[3].of, 4);
    assert_int_equal(s->at[4].of, 3);
    assert_int_equal(s->at[6].of, 5);
    assert_int_equal(s->why[0], 1);
    assert_int_equal(s->why[2], 2);
    assert_int_equal(s->personal[PERSONAL_EMAIL], 1);
    assert_true(s->odd[ODD_INVISIBLE] == 1 && s->odd[ODD_MIXED] == 1 && s->odd[ODD_MOJIBAKE] == 0);
    assert_string_equal(s->licence[0].name, "");
    assert_int_equal(s->licence[0].n, 9);
    assert_string_equal(s->licence[1].name, "CC-BY-4.0");
    assert_int_equal(s->labels, 2);
    assert_int_equal(s->label[0].n, 6);
    assert_string_equal(s->language[0].name, "English");
    assert_int_equal(s->asked.most, 61);
    scan_close(s);
}

static void copies(void **state)
{
    struct scan *s = scanned("a.jsonl", lines, NULL);
    struct scan_clean c = { 0 };
    struct buf kept = { 0 }, left = { 0 };
    (void)state;
    assert_ok(scan_write_clean(s, &c, &kept, &left));
    assert_string_equal(kept.data, "{\"text\":\"Write to [e-mail] about the lost card, please\",\"label\":\"a\"}\n"
        "{\"text\":\"How long does a transfer take?\",\"label\":\"b\"}\n"
        "{\"text\":\"Why was my payment to the supermarket declined this morning?\",\"label\":\"a\"}\n"
        "{\"text\":\"Why was my payment to the supermarket declined this morning!\",\"label\":\"b\"}\n"
        "{\"text\":\"my c\u0430rd is l\u200bost\",\"label\":\"b\"}\n");
    assert_int_equal(s->left_out, 5);
    assert_non_null(strstr(left.data, "\"line\":3,\"why\":[\"duplicate\"],\"as_line\":2}\n"));
    assert_non_null(strstr(left.data, "\"line\":9,\"why\":[\"empty\"]}\n"));
    kept.len = left.len = 0;
    c = (struct scan_clean){ .drop = SCAN_EMPTY, .personal = SCAN_KEEP };
    assert_ok(scan_write_clean(s, &c, &kept, &left));
    assert_int_equal(s->left_out, 1);
    assert_non_null(strstr(kept.data, "anna.weber@example.com"));
    c.personal = SCAN_DROP;
    assert_ok(scan_write_clean(s, &c, NULL, NULL));
    assert_int_equal(s->left_out, 2);
    buf_free(&kept), buf_free(&left);
    scan_close(s);
}

static void cards(void **state)
{
    struct scan *s = scanned("a.jsonl", lines, NULL), *again = scanned("a.jsonl", lines, NULL);
    struct buf md = { 0 }, md2 = { 0 };
    char *html;
    size_t n;
    (void)state;
    assert_ok(scan_markdown(s, &md));
    assert_ok(scan_markdown(again, &md2));
    assert_string_equal(md.data, md2.data);
    assert_ok(scan_html(s, &html, &n));
    for (int i = 0; i < 2; i++) {
        const char *text = i ? html : md.data;
        assert_null(strstr(text, "anna.weber"));
        assert_non_null(strstr(text, "CC-BY-4.0"));
        assert_non_null(strstr(text, s->data->source.digest));
    }
    assert_non_null(strstr(md.data, "| e-mail address | 1 |"));
    assert_non_null(strstr(md.data, "a\\*\\*\\*.\\*\\*\\*\\*\\*@"));
    assert_null(strstr(html, "<script"));
    json_t *j = scan_json(s);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(j, "found"), "duplicate")), 1);
    assert_int_equal(json_array_size(json_object_get(j, "findings")), 8);
    json_decref(j);
    free(html);
    buf_free(&md), buf_free(&md2);
    scan_close(s), scan_close(again);
}

/* Other forms: chats, preferences, documents, a table with its licences. */
static void forms(void **state)
{
    struct scan_clean c = { 0 };
    struct buf kept = { 0 };
    struct scan *s = scanned("c.jsonl", "{\"messages\": [{\"role\": \"system\", \"content\": \"S\"}, {\"role\": \"user\", \"content\": \"my mail is a@b.org\"}, "
                             "{\"role\": \"assistant\", \"content\": \"thanks, a@b.org\"}]}\n", NULL);
    (void)state;
    assert_string_equal(s->at[0].asked, "S\nmy mail is a@b.org");
    assert_string_equal(s->at[0].answered, "thanks, a@b.org");
    assert_int_equal(s->personal[PERSONAL_EMAIL], 2);
    assert_ok(scan_write_clean(s, &c, &kept, NULL));
    assert_string_equal(kept.data, "{\"messages\":[{\"role\":\"system\",\"content\":\"S\"},{\"role\":\"user\",\"content\":\"my mail is [e-mail]\"},"
                                   "{\"role\":\"assistant\",\"content\":\"thanks, [e-mail]\"}]}\n");
    scan_close(s);
    s = scanned("p.jsonl", "{\"prompt\": \"q\", \"chosen\": \"good\", \"rejected\": \"bad\"}\n{\"prompt\": \"q\", \"chosen\": \"good\", \"rejected\": \"bad 1.2.3.4\"}\n"
                           "{\"prompt\": \"q\", \"chosen\": \"good\", \"rejected\": \"bad\"}\n", NULL);
    assert_true(s->at[2].why == SCAN_DUPLICATE && s->at[2].of == 0);
    assert_int_equal(s->personal[PERSONAL_IP], 1);
    scan_close(s);
    s = scanned("l.csv", "text;label;License\nx;a;MIT\ny;b;MIT\n", NULL);
    assert_int_equal(s->licences, 1);
    assert_int_equal(s->licence[0].n, 2);
    scan_close(s);
    buf_free(&kept);
}

static int stop(void *user, const char *what, size_t done, size_t total) { (void)what, (void)done, (void)total; return --*(int *)user == 0; }

static void stops(void **state)
{
    int steps = 3;
    struct scan_options o = { .step = stop, .user = &steps };
    struct scan *s;
    (void)state;
    assert_fails(scan_open(in_home("a.jsonl"), &o, &s), HEARTH_ECANCELLED, "");
    assert_fails(scan_open(in_home("none.csv"), &o, &s), HEARTH_ENOTFOUND, "none.csv");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts), cmocka_unit_test(copies), cmocka_unit_test(cards), cmocka_unit_test(forms), cmocka_unit_test(stops),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, home_make, home_remove);
}
