/* test_feedback.c - verdicts about answers: what is kept, where, what the ledger says, what is exported, what is erased. */
#include "account/feedback.h"
#include "account/ledger.h"
#include "account/receipt.h"
#include "hub_test.h"
#include "receipt_maker.h"

#include <dirent.h>
#include <signal.h>
#include <sys/resource.h>

#define ASKED "\"messages\": [{\"role\": \"user\", \"content\": \"Why is the sky blue?\"}], \"answer\": \"Because.\""

static int setup(void **state)
{
    struct ledger *l;
    if (home_make(state)) return 1;
    assert_ok(receipt_ledger(1, &l));
    const struct made_receipt wish[] = {{.model = "smollm2"}, {.model = "smollm2", .key = "anna"}};
    for (uint64_t i = 0; i < 2; i++) {
        size_t n;
        char *text = receipt_make(i, &wish[i], &n);
        json_t *j = json_loadb(text, n, 0, NULL);
        assert_ok(receipt_append(l, j, NULL));
        json_decref(j);
        free(text);
    }
    ledger_close(l);
    return 0;
}

static enum hearth_status keep(const char *text, const char *key, uint64_t *decision)
{
    struct feedback f;
    uint64_t at;
    json_t *j = json_loads(text, 0, NULL);
    assert_non_null(j);
    enum hearth_status st = feedback_read(j, &f);
    if (st == HEARTH_OK) st = feedback_keep(&f, key, decision ? decision : &at);
    json_decref(j);
    return st;
}

/* The one file of the folder, or NULL. */
static char *kept_file(void)
{
    static char path[600];
    struct dirent *e;
    DIR *d = opendir(in_home("feedback"));
    *path = 0;
    while (d && (e = readdir(d))) if (e->d_name[0] != '.') snprintf(path, sizeof path, "%s/%.100s", in_home("feedback"), e->d_name);
    if (d) closedir(d);
    return *path ? path : NULL;
}

static void exported(enum feedback_form form, size_t wanted, const char *text)
{
    struct buf b = {0};
    size_t n;
    assert_ok(feedback_export(form, &b, &n));
    assert_int_equal(n, wanted);
    if (text) assert_string_equal(b.data ? b.data : "", text);
    buf_free(&b);
}

static uint64_t ledger_entries(void)
{
    struct ledger *l;
    uint64_t n;
    assert_ok(receipt_ledger(0, &l));
    assert_ok(ledger_size(l, &n));
    ledger_close(l);
    return n;
}

static void bad_fields_are_named(void **state)
{
    (void)state;
    static const struct { const char *text, *words; } bad[] = {
        {"{}", "verdict: should be"}, {"{\"verdict\": \"fine\", " ASKED "}", "verdict: should be \"good\", \"wrong\" or \"corrected\""},
        {"{\"verdict\": \"good\", \"answer\": \"a\"}", "messages: should be an array"},
        {"{\"verdict\": \"good\", \"answer\": \"a\", \"messages\": []}", "messages: should be an array"},
        {"{\"verdict\": \"good\", \"answer\": \"a\", \"messages\": [1]}", "messages[0].role"},
        {"{\"verdict\": \"good\", \"answer\": \"a\", \"messages\": [{\"role\": \"user\"}]}", "messages[0].content"},
        {"{\"verdict\": \"good\", \"messages\": [{\"role\": \"user\", \"content\": \"\"}]}", "answer: should be"},
        {"{\"verdict\": \"corrected\", " ASKED "}", "correction: should be"}, {"{\"verdict\": \"good\", \"correction\": \"x\", " ASKED "}", "correction: should be"},
        {"{\"verdict\": \"good\", \"receipt\": -1, " ASKED "}", "receipt: should be"}, {"{\"verdict\": \"good\", \"receipt\": \"0\", " ASKED "}", "receipt: should be"},
        {"{\"verdict\": \"good\", \"path\": \"/etc\", " ASKED "}", "path: no field of feedback"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert_fails(keep(bad[i].text, "", NULL), HEARTH_EFORMAT, bad[i].words);
    assert_null(kept_file());
}

static void another_keys_receipt_is_none(void **state)
{
    (void)state;
    assert_fails(keep("{\"verdict\": \"good\", \"receipt\": 1, " ASKED "}", "", NULL), HEARTH_ENOTFOUND, "no receipt 1 of yours");
    assert_fails(keep("{\"verdict\": \"good\", \"receipt\": 0, " ASKED "}", "anna", NULL), HEARTH_ENOTFOUND, "no receipt 0 of yours");
    assert_fails(keep("{\"verdict\": \"good\", \"receipt\": 77, " ASKED "}", "", NULL), HEARTH_ENOTFOUND, "no receipt 77 of yours");
    assert_fails(keep("{\"verdict\": \"good\", " ASKED "}", "anna", NULL), HEARTH_EUSAGE, "a key judges answers that were given to it");
    assert_null(kept_file());
    assert_int_equal(ledger_entries(), 2);
}

static void a_verdict_is_kept_and_decided(void **state)
{
    struct stat s;
    struct receipt r;
    uint64_t at;
    (void)state;
    exported(FEEDBACK_ENTRIES, 0, "");
    assert_ok(keep("{\"verdict\": \"wrong\", \"receipt\": 0, " ASKED "}", "", &at));
    assert_int_equal(at, 2);
    assert_ok(receipt_find("2", &r, NULL));
    assert_string_equal(r.decision, "rejected");
    assert_string_equal(r.by, "page");
    receipt_free(&r);
    assert_ok(stat(kept_file(), &s) == 0 ? HEARTH_OK : HEARTH_EIO);
    assert_int_equal(s.st_mode & 0777, 0600);
    assert_ok(stat(in_home("feedback"), &s) == 0 ? HEARTH_OK : HEARTH_EIO);
    assert_int_equal(s.st_mode & 0777, 0700);
    exported(FEEDBACK_CHAT, 0, "");
    /* the newest verdict about an answer counts */
    assert_ok(keep("{\"verdict\": \"corrected\", \"receipt\": 0, \"correction\": \"Air scatters\\nblue.\", " ASKED "}", "", &at));
    assert_ok(receipt_find("3", &r, NULL));
    assert_string_equal(r.decision, "edited");
    receipt_free(&r);
    exported(FEEDBACK_CHAT, 1, "{\"messages\":[{\"role\":\"user\",\"content\":\"Why is the sky blue?\"},{\"role\":\"assistant\",\"content\":\"Air scatters\\nblue.\"}]}\n");
    exported(FEEDBACK_PREFERENCE, 1, "{\"prompt\":[{\"role\":\"user\",\"content\":\"Why is the sky blue?\"}],\"chosen\":[{\"role\":\"assistant\",\"content\":"
                                     "\"Air scatters\\nblue.\"}],\"rejected\":[{\"role\":\"assistant\",\"content\":\"Because.\"}]}\n");
    exported(FEEDBACK_ENTRIES, 1, NULL);
    /* of a key; and an answer without a receipt */
    assert_ok(keep("{\"verdict\": \"good\", \"receipt\": 1, " ASKED "}", "anna", &at));
    assert_ok(receipt_find("4", &r, NULL));
    assert_string_equal(r.decision, "accepted");
    assert_string_equal(r.by, "anna");
    receipt_free(&r);
    assert_ok(keep("{\"verdict\": \"good\", \"receipt\": null, " ASKED "}", "", &at));
    assert_true(at == UINT64_MAX);
    assert_int_equal(ledger_entries(), 5);
    exported(FEEDBACK_CHAT, 3, NULL);
    exported(FEEDBACK_PREFERENCE, 1, NULL);
    exported(FEEDBACK_ENTRIES, 3, NULL);
}

/* No line, no decision: neither when the disk is full. */
static void a_full_disk_changes_nothing(void **state)
{
    struct rlimit was, small;
    struct stat before, after;
    (void)state;
    assert_int_equal(stat(kept_file(), &before), 0);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
    signal(SIGXFSZ, SIG_IGN);
    small = (struct rlimit){(rlim_t)before.st_size + 40, was.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    assert_fails(keep("{\"verdict\": \"wrong\", \"receipt\": 0, " ASKED "}", "", NULL), HEARTH_EIO, "cannot write");
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
    assert_int_equal(stat(kept_file(), &after), 0);
    assert_int_equal(after.st_size, before.st_size);
    assert_int_equal(ledger_entries(), 5);
}

/* What is kept must be read whole again. */
static void a_day_has_an_end(void **state)
{
    struct stat before, after;
    (void)state;
    assert_int_equal(stat(kept_file(), &before), 0);
    assert_int_equal(truncate(kept_file(), 1 << 28), 0);
    assert_fails(keep("{\"verdict\": \"good\", \"receipt\": 0, " ASKED "}", "", NULL), HEARTH_ELIMIT, "a day's verdicts");
    assert_int_equal(stat(kept_file(), &after), 0);
    assert_int_equal(after.st_size, 1 << 28);
    assert_int_equal(truncate(kept_file(), before.st_size), 0);
    assert_int_equal(ledger_entries(), 5);
}

static void what_others_can_read_is_refused(void **state)
{
    (void)state;
    assert_int_equal(chmod(kept_file(), 0644), 0);
    assert_fails(keep("{\"verdict\": \"good\", \"receipt\": 0, " ASKED "}", "", NULL), HEARTH_EIO, "others than its owner");
    assert_int_equal(ledger_entries(), 5);
    assert_int_equal(chmod(kept_file(), 0600), 0);
}

static void forgetting(void **state)
{
    struct receipt r;
    size_t n;
    (void)state;
    assert_ok(receipt_find("0", &r, NULL));
    assert_ok(feedback_forget(r.id, NULL, &n));
    receipt_free(&r);
    assert_int_equal(n, 2);
    exported(FEEDBACK_ENTRIES, 2, NULL);
    exported(FEEDBACK_PREFERENCE, 0, NULL);
    assert_ok(feedback_forget(NULL, "2020-01-01", &n));
    assert_int_equal(n, 0);
    assert_ok(feedback_forget(NULL, NULL, &n));
    assert_int_equal(n, 2);
    assert_null(kept_file());
}

static void a_damaged_line_is_named(void **state)
{
    (void)state;
    struct buf b = {0};
    size_t n;
    write_file(in_home("feedback/2026-01-02.jsonl"), "{\"verdict\": \n", 13);
    assert_fails(feedback_export(FEEDBACK_CHAT, &b, &n), HEARTH_EFORMAT, "2026-01-02.jsonl: line 1");
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_fields_are_named), cmocka_unit_test(another_keys_receipt_is_none), cmocka_unit_test(a_verdict_is_kept_and_decided),
        cmocka_unit_test(a_full_disk_changes_nothing), cmocka_unit_test(a_day_has_an_end), cmocka_unit_test(what_others_can_read_is_refused), cmocka_unit_test(forgetting), cmocka_unit_test(a_damaged_line_is_named)};
    return cmocka_run_group_tests_name("feedback", tests, setup, home_remove);
}
