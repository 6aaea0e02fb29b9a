/* test_serve_hosts.c - the words of Host and Origin, addresses to listen at, limits of a request's JSON. */
#include "serve/hosts.h"
#include "serve/object.h"
#include "serve/server_in.h"
#include "hub_test.h"

static void hosts(void **state)
{
    static const struct { const char *text, *name; int port; } good[] = {
        {"localhost", "localhost", -1}, {"LocalHost.:11434", "localhost", 11434}, {"127.0.0.1:80", "127.0.0.1", 80}, {"[::1]", "::1", -1},
        {"[::1]:11434", "::1", 11434}, {"[FE80::1]:1", "fe80::1", 1}, {"teacher.local:0", "teacher.local", 0}, {"a_b-c.d", "a_b-c.d", -1},
        {"[::ffff:127.0.0.1]:65535", "::ffff:127.0.0.1", 65535},
    };
    static const char *const bad[] = {
        "", ":80", "[::1", "[]", "[::1]x", "[::1]80", "[localhost]", "localhost:", "localhost:x", "localhost:65536", "localhost:123456",
        "localhost:-1", "a b", "a/b", "a..b", ".a", "user@localhost", "localhost\t", "::1", "a,b", "a..", "%6c", "\xc3\xa4", "localhost: 80", "a\nb", ".", "..",
    };
    char long_name[400];
    struct host_name h;
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        if (!host_parse(good[i].text, &h)) fail_msg("%s was refused", good[i].text);
        assert_string_equal(h.name, good[i].name);
        assert_int_equal(h.port, good[i].port);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) if (host_parse(bad[i], &h)) fail_msg("\"%s\" was taken as %s", bad[i], h.name);
    memset(long_name, 'a', sizeof long_name);
    long_name[255] = 0;
    assert_true(host_parse(long_name, &h));
    long_name[255] = 'a', long_name[256] = 0;
    assert_false(host_parse(long_name, &h));
}

static void origins(void **state)
{
    struct host_name h;
    int https;
    static const char *const bad[] = {"null", "", "file://", "http:/localhost", "http://", "http://a/b", "http://a@b", "ftp://a", "//a", "http://a:b",
                                      "chrome-extension://abc", "http://localhost:80:80"};
    (void)state;
    assert_true(origin_parse("http://localhost", &https, &h));
    assert_int_equal(h.port, 80);
    assert_int_equal(https, 0);
    assert_true(origin_parse("HTTPS://Example.ORG", &https, &h));
    assert_int_equal(h.port, 443);
    assert_int_equal(https, 1);
    assert_string_equal(h.name, "example.org");
    assert_true(origin_parse("http://[::1]:11434", &https, &h));
    assert_string_equal(h.name, "::1");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) if (origin_parse(bad[i], &https, &h)) fail_msg("\"%s\" was taken", bad[i]);
}

static void loopback(void **state)
{
    static const char *const yes[] = {"localhost", "a.localhost", "127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"};
    static const char *const no[] = {"localhost.evil.example", "127.0.0.1.evil.example", "evillocalhost", ".localhost", "0.0.0.0", "::", "128.0.0.1",
                                     "::ffff:10.0.0.1", "127.1", "0x7f000001", "2130706433", "localhosts"};
    (void)state;
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) if (!host_is_loopback(yes[i])) fail_msg("%s is loopback", yes[i]);
    for (size_t i = 0; i < sizeof no / sizeof *no; i++) if (host_is_loopback(no[i])) fail_msg("%s is not loopback", no[i]);
    assert_true(host_same("::ffff:10.0.0.1", "10.0.0.1"));
    assert_true(host_same("fe80::1", "fe80:0::1"));
    assert_true(host_same("Teacher.local", "teacher.LOCAL"));
    assert_false(host_same("10.0.0.1", "10.0.0.2"));
    assert_false(host_same("10.0.0.1", "10.0.0.1.example"));
}

static void addresses(void **state)
{
    static const char *const bad[] = {"", "127.0.0.1", "127.0.0.1:", ":11434", "127.0.0.1:65536", "127.0.0.1:x", "::1:80", "[::1]", "example.org:80",
                                      "127.0.0.1:-1", "1.2.3:80", "127.0.0.1:123456", "teacher.local:80"};
    int only_here;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert_fails(listen_examine(bad[i], &only_here), HEARTH_EUSAGE, "address");
    assert_ok(listen_examine("127.0.0.1:0", &only_here));
    assert_true(only_here);
    assert_ok(listen_examine("localhost:1", &only_here));
    assert_true(only_here);
    assert_ok(listen_examine("[::ffff:127.0.0.1]:1", &only_here));
    assert_true(only_here);
    assert_ok(listen_examine("0.0.0.0:11434", &only_here));
    assert_false(only_here);
    assert_ok(listen_examine("[::]:11434", &only_here));
    assert_false(only_here);
    assert_ok(listen_examine("192.168.1.2:11434", &only_here));
    assert_false(only_here);
}

static void in_use(void **state)
{
    struct listening one, two;
    char address[32], pid[32];
    (void)state;
    assert_ok(listen_open("127.0.0.1:0", &one));
    snprintf(address, sizeof address, "127.0.0.1:%d", one.port);
    assert_string_equal(one.shown, address);
    snprintf(pid, sizeof pid, "(process %d)", (int)getpid());
    assert_fails(listen_open(address, &two), HEARTH_EIO, pid);
    assert_int_equal(two.fd, -1);
    close(one.fd);
}

static void objects(void **state)
{
    enum { MANY = OBJECT_VALUES + 10 };
    char *text = malloc(2 * MANY);
    size_t values;
    (void)state;
    memset(text, '[', OBJECT_DEPTH);
    assert_ok(object_examine(text, OBJECT_DEPTH, &values));
    text[OBJECT_DEPTH] = '{';
    assert_fails(object_examine(text, OBJECT_DEPTH + 1, &values), HEARTH_ELIMIT, "deeper than 64");
    for (size_t i = 0; i < MANY; i++) text[2 * i] = '1', text[2 * i + 1] = ',';
    assert_fails(object_examine(text, 2 * MANY, &values), HEARTH_ELIMIT, "more than 400000 values");
    assert_ok(object_examine(text, 2 * MANY - 40, &values));
    assert_int_equal(values, MANY - 20);
    for (size_t i = 0; i + 1 < MANY; i += 2) text[i] = '{', text[i + 1] = '}';
    assert_fails(object_examine(text, 2 * MANY, &values), HEARTH_ELIMIT, "values");
    /* In strings nothing counts, also behind an escaped quote; a string that does not end is the parser's to refuse. */
    memset(text, '[', MANY);
    text[0] = '"', text[500] = '\\', text[501] = '"', text[MANY - 1] = '"';
    assert_ok(object_examine(text, MANY, &values));
    assert_ok(object_examine(text, MANY - 1, &values));
    assert_ok(object_examine("\"\\", 2, &values));
    assert_ok(object_examine("]]]]", 4, &values));
    assert_ok(object_examine("", 0, &values));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hosts), cmocka_unit_test(origins), cmocka_unit_test(loopback), cmocka_unit_test(addresses), cmocka_unit_test(in_use),
        cmocka_unit_test(objects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
