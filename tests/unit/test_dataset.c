/* test_dataset.c - what people bring to tune and evaluate with: each form read, each mistake named by file and line. */
#include "work/dataset.h"
#include "hub_test.h"

static const char *file_of(const char *name, const char *text)
{
    const char *path = in_home(name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    fwrite(text, 1, strlen(text), f);
    fclose(f);
    return path;
}

static struct dataset *opened(const char *name, const char *text, const char *columns)
{
    struct dataset *d = NULL;
    struct dataset_options o = { .columns = columns };
    assert_ok(dataset_open(file_of(name, text), &o, &d));
    return d;
}

static void forms(void **state)
{
    (void)state;
    struct dataset *d = opened("a.jsonl", "\xEF\xBB\xBF{\"prompt\": \"1+1\", \"completion\": \"2\"}\r\n\n{\"prompt\": \"2+2\", \"completion\": \"4\"}", NULL);
    assert_int_equal(d->source.kind, EXAMPLE_PAIR);
    assert_int_equal(d->n, 2);
    assert_string_equal(d->example[1].text, "2+2");
    assert_string_equal(d->example[1].answer, "4");
    assert_int_equal(d->example[1].line, 3);
    assert_int_equal(strlen(d->source.digest), 64);
    dataset_close(d);
    d = opened("a.jsonl", "{\"instruction\": \"add\", \"input\": \"1, 2\", \"output\": \"3\"}\n{\"instruction\": \"wait\", \"input\": \"\", \"output\": \"yes\"}\n", NULL);
    assert_string_equal(d->example[0].text, "add\n\n1, 2");
    assert_string_equal(d->example[1].text, "wait");
    dataset_close(d);
    d = opened("a.jsonl", "{\"messages\": [{\"role\": \"user\", \"content\": \"hi\"}, {\"role\": \"assistant\", \"content\": \"ho\"}]}\n", NULL);
    assert_int_equal(d->source.kind, EXAMPLE_CHAT);
    assert_string_equal(d->example[0].messages, "[{\"role\":\"user\",\"content\":\"hi\"},{\"role\":\"assistant\",\"content\":\"ho\"}]");
    assert_null(d->example[0].text);
    dataset_close(d);
    d = opened("a.jsonl", "{\"prompt\": [{\"role\": \"user\", \"content\": \"hi\"}], \"chosen\": [{\"role\": \"assistant\", \"content\": \"b\"}], \"rejected\": \"w\"}\n", NULL);
    assert_int_equal(d->source.kind, EXAMPLE_PREFERENCE);
    assert_string_equal(d->example[0].answer, "b");
    assert_string_equal(d->example[0].rejected, "w");
    assert_non_null(d->example[0].messages);
    dataset_close(d);
    d = opened("a.json", "[{\"text\": \"x\", \"label\": 3}, {\"text\": \"y\", \"label\": true}]", NULL);
    assert_int_equal(d->source.kind, EXAMPLE_LABEL);
    assert_string_equal(d->label[0], "3");
    assert_string_equal(d->label[1], "true");
    assert_int_equal(d->example[1].line, 2);
    dataset_close(d);
    d = opened("a.txt", "two\nlines\n", NULL);
    assert_int_equal(d->source.kind, EXAMPLE_TEXT);
    assert_string_equal(d->example[0].text, "two\nlines\n");
    dataset_close(d);
}

static void tables(void **state)
{
    (void)state;
    struct dataset *d = opened("a.csv", "id,Text,category\r\n1,\"a \"\"b\"\",\nc\",z\r\n\r\n2,plain \"q\",y\r\n3,last,z", NULL);
    assert_int_equal(d->n, 3);
    assert_string_equal(d->example[0].text, "a \"b\",\nc");
    assert_string_equal(d->example[1].text, "plain \"q\"");
    assert_int_equal(d->example[0].line, 2);
    assert_int_equal(d->example[1].line, 5);
    assert_int_equal(d->labels, 2);
    assert_string_equal(d->label[0], "y");
    assert_int_equal(d->example[0].label, 1);
    assert_int_equal(d->example[1].label, 0);
    dataset_close(d);
    d = opened("a.tsv", "question\tanswer\nwhy, so\tbecause\n", NULL);
    assert_int_equal(d->source.kind, EXAMPLE_PAIR);
    assert_string_equal(d->example[0].text, "why, so");
    dataset_close(d);
    d = opened("a.csv", "text;label\na,b;c\nd;e\n", NULL);
    assert_string_equal(d->example[0].text, "a,b");
    dataset_close(d);
    d = opened("a.csv", "what,kind,text\nv,1,n\nw,2,n\n", "text=what,label=kind");
    assert_string_equal(d->example[1].text, "w");
    assert_string_equal(d->example[1].answer, "2");
    dataset_close(d);
    d = opened("a.csv", "what,label,text\nv,1,n\n", "text=what");
    assert_int_equal(d->source.kind, EXAMPLE_TEXT);
    dataset_close(d);
}

static void folders(void **state)
{
    struct dataset *d;
    (void)state;
    assert_int_equal(mkdir(in_home("docs"), 0700), 0);
    assert_int_equal(mkdir(in_home("docs/sub"), 0700), 0);
    assert_fails(dataset_open(in_home("docs"), NULL, &d), HEARTH_EFORMAT, "a folder without .txt or .md");
    file_of("docs/b.md", "bee"), file_of("docs/a.txt", "ay"), file_of("docs/sub/c.txt", "sea"), file_of("docs/.hidden.txt", "no");
    file_of("docs/x.pdf", "%PDF"), file_of("docs/z.txt", "");
    assert_ok(dataset_open(in_home("docs"), NULL, &d));
    assert_int_equal(d->n, 3);
    assert_string_equal(d->example[0].text, "ay");
    assert_string_equal(d->example[1].text, "bee");
    assert_string_equal(d->example[2].text, "sea");
    assert_int_equal(d->source.files, 4);
    assert_int_equal(d->source.passed_over, 1);
    dataset_close(d);
}

static void mistakes(void **state)
{
    static const struct { const char *name, *text, *words; } bad[] = {
        { "e.csv", "", "e.csv: no example in it; the file is empty" },
        { "e.csv", "text,label\n", "no example in it" },
        { "e.csv", "a,b\n1,2\n", "line 1: which column is the text? Those of this first line are a, b; name it: --columns 'text=NAME,label=NAME'" },
        { "e.csv", "text,label,text\na,b,c\n", "line 1: two columns are called \"text\"" },
        { "e.csv", "text,label\ra,b\rc,d\r\n", "lines end with carriage returns alone; write it anew: tr" },
        { "e.csv", "text,label\ra,b\rc,d\r", "lines end with carriage returns alone; write it anew: tr" },
        { "e.csv", "text,label\na,b,c\n", "line 2: 3 fields, the heading has 2; a text with the separator in it stands in quotes" },
        { "e.csv", "text,label\nx,y\nz\n", "line 3: 1 fields, the heading has 2" },
        { "e.csv", "text,label\n\"x,y\nz\n", "line 2: a quote is opened and never closed" },
        { "e.csv", "text,label\n\"x\"q,y\n", "line 2: 'q' follows a closing quote" },
        { "e.csv", "text,label\nx,y\nz,\n", "line 3: the label is empty" },
        { "e.csv", "text,label\nx,y\n,z\n", "line 3: the text is empty" },
        { "e.csv", "text,label\nx,y\n\xE9t\xE9,z\n", "line 3: byte 0xe9 is not UTF-8" },
        { "e.csv", "\xFF\xFEt", "UTF-16, should be UTF-8" },
        { "e.jsonl", "{\"text\": \"x\"}\n{\"text\": \n", "line 2: column " },
        { "e.jsonl", "{\"text\": \"x\"}\n[1]\n", "line 2: an array, should be an object" },
        { "e.jsonl", "{\"text\": \"x\"}\n{\"t\": \"x\"}\n", "line 2: \"text\" is missing, should be a text" },
        { "e.jsonl", "{\"text\": \"x\", \"label\": 1.5}\n", "\"label\" is a number, should be a text or a whole number" },
        { "e.jsonl", "{\"prompt\": \"x\", \"completion\": 1}\n", "line 1: \"completion\" is a number, should be a text" },
        { "e.jsonl", "{\"messages\": [{\"role\": \"user\", \"content\": \"x\"}]}\n", "should be the assistant's" },
        { "e.jsonl", "{\"messages\": [{\"role\": \"user\", \"content\": \"x\"}, {\"role\": \"assistant\", \"content\": \"y\"}], \"tools\": [{}]}\n",
          "line 1: a conversation with \"tools\", which would be left out" },
        { "e.jsonl", "{\"messages\": [{\"role\": \"user\"}]}\n", "message 1 of \"messages\" should have the texts" },
        { "e.jsonl", "{\"prompt\": \"x\", \"completion\": \"y\", \"label\": false}\n", "a bad answer" },
        { "e.json", "{\"text\": \"x\"}", "an object, should be an array" },
        { "e.doc", "x", "what is read is .jsonl" },
    };
    struct dataset *d;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        enum hearth_status st = dataset_open(file_of(bad[i].name, bad[i].text), NULL, &d);
        if (st == HEARTH_OK || !strstr(hearth_errmsg(), bad[i].words))
            fail_msg("%zu: %s: %s; wanted \"%s\"", i, hearth_status_name(st), hearth_errmsg(), bad[i].words);
    }
    assert_fails(dataset_open(in_home("none.csv"), NULL, &d), HEARTH_ENOTFOUND, "none.csv");
    struct dataset_options o = { .columns = "text=nope" };
    assert_fails(dataset_open(file_of("e.csv", "a,b\n1,2\n"), &o, &d), HEARTH_EUSAGE, "there is no column \"nope\"; the columns are a, b");
    o.columns = "colour=a";
    assert_fails(dataset_open(in_home("e.csv"), &o, &d), HEARTH_EUSAGE, "should be ROLE=NAME");
}

static void line_5000(void **state)
{
    struct buf b = { 0 };
    struct dataset *d;
    (void)state;
    for (int i = 1; i <= 6000; i++) assert_ok(buf_printf(&b, i == 5000 ? "{\"text\": \"%d\"\n" : "{\"text\": \"%d\"}\n", i));
    assert_fails(dataset_open(file_of("l.jsonl", b.data), NULL, &d), HEARTH_EFORMAT, "l.jsonl: line 5000: ");
    buf_free(&b);
}

static void labels(void **state)
{
    static const char *const known[] = { "y", "x" };
    struct dataset_options o = { .labels = known, .n_labels = 2 };
    struct dataset *d = opened("a.csv", "text,label\na,x\nb,x\n", NULL);
    (void)state;
    assert_fails(dataset_need_labels(d), HEARTH_EFORMAT, "all 2 examples have the label \"x\"");
    dataset_close(d);
    d = opened("a.txt", "text", NULL);
    assert_fails(dataset_need_labels(d), HEARTH_EFORMAT, "plain text, should have a text and a label");
    dataset_close(d);
    assert_ok(dataset_open(file_of("a.csv", "text,label\na,x\nb,y\n"), &o, &d));
    assert_ok(dataset_need_labels(d));
    assert_string_equal(d->label[0], "y");
    assert_int_equal(d->example[0].label, 1);
    dataset_close(d);
    assert_fails(dataset_open(file_of("a.csv", "text,label\na,x\nb,z\n"), &o, &d), HEARTH_EFORMAT, "line 3: the label \"z\" is none of the 2");
}

static void doubles(void **state)
{
    struct dataset *d = opened("a.csv", "text,label\na,x\nb,x\na,x\na,y\na,y\nc,x\n", NULL);
    uint8_t held[6], again[6];
    uint32_t order[6], seen = 0;
    (void)state;
    assert_int_equal(d->duplicates.n, 2);
    assert_int_equal(d->duplicates.first, 0);
    assert_int_equal(d->duplicates.second, 2);
    assert_int_equal(d->contradictions.n, 2);
    assert_int_equal(d->contradictions.second, 3);
    for (uint64_t seed = 0; seed < 20; seed++) {
        assert_ok(dataset_hold_out(d, 0.3, seed, held));
        assert_ok(dataset_hold_out(d, 0.3, seed, again));
        assert_memory_equal(held, again, 6);
        int n = 0;
        for (int i = 0; i < 6; i++) n += held[i];
        assert_in_range(n, 2, 5);
        assert_true(held[0] == held[2] && held[2] == held[3] && held[3] == held[4]);
    }
    dataset_shuffle(order, 6, 1, 0);
    for (int i = 0; i < 6; i++) seen |= 1u << order[i];
    assert_int_equal(seen, 63);
    dataset_close(d);
}

/* As many of each label as can be, by seed; all where no limit is. */
static void chosen(void **state)
{
    struct dataset *d = opened("a.csv", "text,label\na,x\nb,x\nc,x\nd,x\ne,x\nf,x\ng,y\nh,y\ni,y\nj,z\n", NULL);
    uint8_t some[10], again[10];
    int differs = 0;
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        int of[3] = { 0 };
        assert_ok(dataset_choose(d, 6, seed, some));
        for (int i = 0; i < 10; i++) of[d->example[i].label] += some[i];
        assert_int_equal(of[2], 1);
        assert_int_equal(of[0] + of[1], 5);
        assert_in_range(of[0], 2, 3);
        assert_ok(dataset_choose(d, 6, seed, again));
        assert_memory_equal(some, again, 10);
        assert_ok(dataset_choose(d, 6, seed + 1, again));
        differs += memcmp(some, again, 10) != 0;
    }
    assert_true(differs > 10);
    for (size_t limit = 0; limit <= 10; limit += 10) {
        assert_ok(dataset_choose(d, limit, 1, some));
        for (int i = 0; i < 10; i++) assert_int_equal(some[i], 1);
    }
    dataset_close(d);
    d = opened("a.txt", "text", NULL);
    assert_ok(dataset_choose(d, 1, 1, some));
    assert_int_equal(some[0], 1);
    dataset_close(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms), cmocka_unit_test(tables), cmocka_unit_test(folders), cmocka_unit_test(mistakes),
        cmocka_unit_test(line_5000), cmocka_unit_test(labels), cmocka_unit_test(doubles), cmocka_unit_test(chosen),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, home_make, home_remove);
}
