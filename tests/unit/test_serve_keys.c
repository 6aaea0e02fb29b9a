/* test_serve_keys.c - keys of the server: made, kept hashed, matched, revoked; what each may use, counted by many threads at once. */
#include <pthread.h>
#include <stdatomic.h>
#include "serve/keys.h"
#include "serve/server_in.h"
#include "hub_test.h"

static char *at(const char *file)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", home, file);
    return path;
}

static void put(const char *text)
{
    FILE *f = fopen(at("keys.ini"), "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    chmod(at("keys.ini"), 0600);
}

static void made(void **state)
{
    struct keyring k;
    struct key like = {.name = "anna", .models = "smollm2 gemma3:latest", .requests_per_minute = 7, .tokens_per_day = 1000};
    char secret[64], other[64], text[4096] = "";
    struct stat s;
    (void)state;
    assert_ok(keyring_read(&k));
    assert_int_equal(k.n, 0);
    assert_ok(keyring_add(&like, secret));
    assert_int_equal(strlen(secret), KEY_TEXT);
    assert_memory_equal(secret, "hk-", 3);
    assert_int_equal(strspn(secret + 3, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"), 43);
    assert_fails(keyring_add(&like, other), HEARTH_EUSAGE, "there is a key anna already");
    strcpy(like.name, "bert");
    assert_ok(keyring_add(&like, other));
    assert_string_not_equal(secret, other);
    assert_int_equal(stat(at("keys.ini"), &s), 0);
    assert_int_equal(s.st_mode & 0777, 0600);
    FILE *f = fopen(at("keys.ini"), "r");
    assert_true(fread(text, 1, sizeof text - 1, f) > 0);
    fclose(f);
    assert_null(strstr(text, secret));
    assert_null(strstr(text, secret + 3));
    assert_ok(keyring_read(&k));
    assert_int_equal(k.n, 2);
    const struct key *a = keyring_match(&k, secret);
    assert_non_null(a);
    assert_string_equal(a->name, "anna");
    assert_int_equal(a->requests_per_minute, 7);
    assert_int_equal(a->tokens_per_day, 1000);
    assert_int_equal(keyring_valid(&k), 2);
    secret[10] ^= 1;
    assert_null(keyring_match(&k, secret));
    assert_null(keyring_match(&k, ""));
    assert_null(keyring_match(&k, "hk-"));
    assert_string_equal(keyring_match(&k, other)->name, "bert");
    keyring_free(&k);
    strcpy(like.name, "a b");
    assert_fails(keyring_add(&like, secret), HEARTH_EUSAGE, "is no name for a key");
    strcpy(like.name, "x]\n[key y");
    assert_fails(keyring_add(&like, secret), HEARTH_EUSAGE, "is no name for a key");
}

static void revoked(void **state)
{
    struct keyring k;
    struct keyring_stamp before, after;
    struct key like = {.name = "anna"};
    char secret[64];
    (void)state;
    assert_ok(keyring_add(&like, secret));
    keyring_stamp(&before);
    assert_ok(keyring_revoke("anna"));
    keyring_stamp(&after);
    assert_memory_not_equal(&before, &after, sizeof before);
    assert_fails(keyring_revoke("nobody"), HEARTH_ENOTFOUND, "there is no key nobody");
    assert_ok(keyring_read(&k));
    assert_non_null(keyring_match(&k, secret));
    assert_true(keyring_match(&k, secret)->revoked);
    assert_int_equal(keyring_valid(&k), 0);
    keyring_free(&k);
    assert_fails(keyring_add(&like, secret), HEARTH_EUSAGE, "(revoked)");
}

static void broken_files(void **state)
{
    static const char hash[] = "sha256 = 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n";
    static const struct { const char *text, *words; } bad[] = {
        {"[key a]\nmodels = x\n", "key a has no sha256"}, {"[other]\nx = y\n", "[other] is no section"}, {"[key a]\nsha256 = 12\n", "64 hex digits"},
        {"[key a]\nsecret = 12\n", "there is no setting secret"}, {"[key a b]\nmodels = x\n", "no name for a key"},
        {"[key a]\nrevoked = maybe\n", "allowed is yes or no"}, {"[key a]\nrequests_per_minute = -1\n", "requests_per_minute"},
        {"[key a]\nrequests_per_minute = 100001\n", "requests_per_minute"}, {"x = y\n", "is no section"},
    };
    struct keyring k;
    char text[256];
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        put(bad[i].text);
        enum hearth_status st = keyring_read(&k);
        if (st == HEARTH_OK || !strstr(hearth_errmsg(), bad[i].words)) fail_msg("%s: %s", bad[i].text, hearth_errmsg());
        assert_int_equal(k.n, 0);
    }
    snprintf(text, sizeof text, "[key a]\n%s", hash);
    put(text);
    assert_ok(keyring_read(&k));
    keyring_free(&k);
    chmod(at("keys.ini"), 0640);
    assert_fails(keyring_read(&k), HEARTH_EIO, "others can read or write it (mode 0640)");
    assert_fails(keyring_revoke("a"), HEARTH_EIO, "others can read or write it");
}

static void models(void **state)
{
    struct key k = {.models = (char[]){"smollm2, gemma3:latest\nqwen:1b"}};
    (void)state;
    assert_true(key_allows(&k, "smollm2"));
    assert_true(key_allows(&k, "SmolLM2:latest"));
    assert_true(key_allows(&k, "gemma3"));
    assert_true(key_allows(&k, "qwen:1b"));
    assert_false(key_allows(&k, "qwen"));
    assert_false(key_allows(&k, "smollm"));
    assert_false(key_allows(&k, "../smollm2"));
    assert_false(key_allows(&k, ""));
    k.models = (char[]){" "};
    assert_true(key_allows(&k, "anything"));
}

/* ---- limits, by eight threads ---- */

struct rush { struct limits *l; struct key k; atomic_int allowed; };

static void *rush(void *user)
{
    struct rush *r = user;
    for (int i = 0; i < 100; i++) {
        if (limits_request(r->l, &r->k) == 0) r->allowed++;
        limits_add(r->l, r->k.name, 3);
    }
    return NULL;
}

static void counted(void **state)
{
    struct rush r = {.k = {.name = "anna", .requests_per_minute = 123, .tokens_per_day = 2400}};
    pthread_t t[8];
    (void)state;
    assert_ok(limits_open(&r.l));
    assert_int_equal(limits_tokens_left(r.l, &r.k), 0);
    for (int i = 0; i < 8; i++) pthread_create(&t[i], NULL, rush, &r);
    for (int i = 0; i < 8; i++) pthread_join(t[i], NULL);
    assert_int_equal(r.allowed, 123);
    unsigned wait = limits_request(r.l, &r.k);
    assert_true(wait > 50 && wait <= 60);
    assert_true(limits_tokens_left(r.l, &r.k) > 0 && limits_tokens_left(r.l, &r.k) <= 86400);
    r.k.tokens_per_day = 2401;
    assert_int_equal(limits_tokens_left(r.l, &r.k), 0);
    r.k.tokens_per_day = 0;
    r.k.requests_per_minute = 0;
    assert_int_equal(limits_request(r.l, &r.k), 0);
    struct key other = {.name = "bert", .requests_per_minute = 1, .tokens_per_day = 1};
    assert_int_equal(limits_request(r.l, &other), 0);
    assert_int_not_equal(limits_request(r.l, &other), 0);
    assert_int_equal(limits_tokens_left(r.l, &other), 0);
    assert_ok(limits_write(r.l, 1));
    limits_close(r.l);
    assert_ok(limits_open(&r.l));                      /* tokens are remembered, requests are not */
    r.k.tokens_per_day = 2400;
    assert_int_not_equal(limits_tokens_left(r.l, &r.k), 0);
    r.k.tokens_per_day = 2401;
    assert_int_equal(limits_tokens_left(r.l, &r.k), 0);
    assert_int_equal(limits_request(r.l, &other), 0);
    limits_add(r.l, "anna", 1);
    assert_int_not_equal(limits_tokens_left(r.l, &r.k), 0);
    limits_close(r.l);
    FILE *f = fopen(at("key-usage.ini"), "w");
    fprintf(f, "[key anna]\nday = 1\ntokens = 5000\n");
    fclose(f);
    assert_ok(limits_open(&r.l));                      /* another day's */
    assert_int_equal(limits_tokens_left(r.l, &r.k), 0);
    limits_close(r.l);
    f = fopen(at("key-usage.ini"), "w");
    fprintf(f, "[key anna]\ntokens = -1\n");
    fclose(f);
    assert_fails(limits_open(&r.l), HEARTH_EFORMAT, "key-usage.ini");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(made, home_make, home_remove), cmocka_unit_test_setup_teardown(revoked, home_make, home_remove),
        cmocka_unit_test_setup_teardown(broken_files, home_make, home_remove), cmocka_unit_test(models), cmocka_unit_test_setup_teardown(counted, home_make, home_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
