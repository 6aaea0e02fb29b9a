/* test_hub_index.c - what pip says about itself, and the pages of a package index in both their forms. */
#include "hub/pip.h"
#include "hub/pypi.h"
#include "hub_test.h"

static void literals(void **state)
{
    static const struct { const char *repr, *value; } good[] = {
        {"'plain'", "plain"}, {"\"it's\"", "it's"}, {"'it\\'s'", "it's"}, {"'a\\\\b'", "a\\b"}, {"'two\\nlines'", "two\nlines"},
        {"'\\x41\\u00e9\\U0001f600'", "A\xc3\xa9\xf0\x9f\x98\x80"}, {"''", ""}};
    static const char *const bad[] = {"", "'", "plain", "'a\"", "'\\q'", "'\\x4'", "'\\x'", "'\\ud800'", "None", "['a']"};
    char *v = NULL;
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_ok(pip_literal(good[i].repr, strlen(good[i].repr), &v));
        assert_string_equal(v, good[i].value);
        free(v);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(pip_literal(bad[i], strlen(bad[i]), &v), HEARTH_ENOTFOUND);
        assert_null(v);
    }
}

static void configuration(void **state)
{
    struct pip p;
    (void)state;
    assert_ok(pip_read("global.index-url='https://global/simple'\nuser.index-url='no section of that name'\n"
                       "download.index-url='https://download/simple/'\nglobal.extra-index-url='\\nhttps://a/s\\nhttps://b/s/'\n"
                       ":env:.cert='/c.pem'\nglobal.cert='/other.pem'\nglobal.timeout='7'\nglobal.retries='2'\nglobal.proxy='http://p:1'\n",
                       NULL, &p));
    assert_int_equal(p.n, 3);
    assert_string_equal(p.index[0], "https://download/simple");
    assert_string_equal(p.index[1], "https://a/s");
    assert_string_equal(p.index[2], "https://b/s");
    assert_string_equal(p.cert, "/c.pem");
    assert_string_equal(p.proxy, "http://p:1");
    assert_int_equal(p.timeout, 7);
    assert_int_equal(p.retries, 2);
    assert_null(p.client_cert);
    pip_free(&p);
    assert_ok(pip_read(":env:.default-timeout='180'\nglobal.no-index='false'\n", "https://fallback/simple\n", &p));
    assert_int_equal(p.n, 1);
    assert_string_equal(p.index[0], "https://fallback/simple");
    assert_int_equal(p.timeout, 180);
    assert_int_equal(p.retries, -1);
    pip_free(&p);
    assert_ok(pip_read("", NULL, &p));
    assert_int_equal(p.n, 0);
    pip_free(&p);
    assert_fails(pip_read(":env:.no-index='1'\n", NULL, &p), HEARTH_EUNSUPPORTED, "no-index");
    assert_fails(pip_read("global.timeout='soon'\n", NULL, &p), HEARTH_EFORMAT, "pip's timeout is \"soon\"");
    assert_fails(pip_read("global.index-url=https://x\n", NULL, &p), HEARTH_EFORMAT, "global.index-url");
}

static void environment(void **state)
{
    struct pip p;
    (void)state;
    setenv("PIP_INDEX_URL", "https://env/simple/", 1);
    setenv("PIP_EXTRA_INDEX_URL", "https://x/1 https://x/2", 1);
    setenv("PIP_CLIENT_CERT", "/me.pem", 1);
    assert_ok(pip_read(NULL, NULL, &p));
    assert_int_equal(p.n, 3);
    assert_string_equal(p.index[0], "https://env/simple");
    assert_string_equal(p.index[2], "https://x/2");
    assert_string_equal(p.client_cert, "/me.pem");
    pip_free(&p);
    unsetenv("PIP_INDEX_URL"), unsetenv("PIP_EXTRA_INDEX_URL"), unsetenv("PIP_CLIENT_CERT");
}

/* pip itself is asked; and where there is none, the message says what to do. */
static void asking(void **state)
{
    struct pip p;
    char *path = strdup(getenv("PATH"));
    (void)state;
    setenv("PIP_INDEX_URL", "https://env.example/simple", 1);
    assert_ok(pip_ask(&p));
    assert_string_equal(p.index[0], "https://env.example/simple");
    pip_free(&p);
    setenv("PATH", "/nowhere", 1);
    assert_ok(pip_ask(&p));
    assert_string_equal(p.index[0], "https://env.example/simple");
    pip_free(&p);
    unsetenv("PIP_INDEX_URL");
    assert_fails(pip_ask(&p), HEARTH_ENOTFOUND, "set PIP_INDEX_URL");
    setenv("PATH", path, 1);
    free(path);
}

static void package_names(void **state)
{
    static const char *const same[] = {"my-package", "My_Package", "MY.PACKAGE", "my-_.package"};
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        char *n = pypi_normal_name(same[i], strlen(same[i]));
        assert_string_equal(n, "my-package");
        free(n);
    }
}

#define SUM "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
static const char base[] = "https://index.example/simple/my-package/";

static void json_page(void **state)
{
    static const char page[] =
        "{\"meta\":{\"api-version\":\"1.1\"},\"name\":\"my-package\",\"files\":["
        "{\"filename\":\"my_package-1.0-cp311-cp311-linux_x86_64.whl\",\"url\":\"https://f/cp.whl\",\"hashes\":{}},"
        "{\"filename\":\"my_package-1.0.tar.gz\",\"url\":\"https://f/a\",\"hashes\":{}},"
        "{\"filename\":\"my_package-1.0.1-py3-none-any.whl\",\"url\":\"https://f/b\",\"hashes\":{}},"
        "{\"filename\":\"my_package-1.0-py3-none-any.whl\",\"url\":\"../../files/x.whl#sha256=abc\",\"hashes\":{\"sha256\":\"" SUM "\"},\"yanked\":true},"
        "{\"filename\":\"other-1.0-py3-none-any.whl\",\"url\":\"https://f/c\",\"hashes\":{}},"
        "{\"filename\":7},{},[],null]}";
    struct pypi_file *f;
    size_t n;
    (void)state;
    assert_ok(pypi_read_json(page, strlen(page), base, "My.Package", "1.0", &f, &n));
    assert_int_equal(n, 2);
    assert_string_equal(f[0].url, "https://index.example/files/x.whl");
    assert_string_equal(f[0].sha256, SUM);
    assert_string_equal(f[1].url, "https://f/cp.whl");
    assert_string_equal(f[1].sha256, "");
    pypi_files_free(f, n);
    assert_ok(pypi_read_json(page, strlen(page), base, "my-package", "3", &f, &n));
    assert_int_equal(n, 0);
    pypi_files_free(f, n);
    assert_fails(pypi_read_json("{", 1, base, "a", "1", &f, &n), HEARTH_EFORMAT, "no JSON at line 1");
    assert_fails(pypi_read_json("{}", 2, base, "a", "1", &f, &n), HEARTH_EFORMAT, "no list \"files\"");
    assert_null(f);
}

static void html_page(void **state)
{
    static const char page[] =
        "<!DOCTYPE html>\n<html><head><title>Links for <a href=no>my-package</title></head>\n"
        "<!-- <a href='https://f/comment'>my_package-1.0-py3-none-any.whl</a> -->"
        "<A data-gpg-sig=\"a > b\" HREF='https://f/linux.whl'>my_package-1.0-cp311-cp311-linux_x86_64.whl</A>"
        "<a href=\"../../p/my_package-1.0-py3-none-any.whl?a=1&amp;b=2#sha256=" SUM "\"\n data-requires-python=\"&gt;=3.9\">\n"
        "  my_package-1.0-py3-none-any.whl  </a><br/>"
        "<area href='https://f/area'>my_package-1.0-py3-none-any.whl</area>"
        "<a name=x>my_package-1.0-py3-none-any.whl</a><a href=https://f/old>my_package-0.9-py3-none-any.whl</a></html>";
    static const char moved[] = "<base href=\"https://cdn.example/x/\"><a href=\"y.whl\">my_package-1.0-py3-none-any.whl</a>";
    struct pypi_file *f;
    size_t n;
    (void)state;
    assert_ok(pypi_read_html(page, strlen(page), base, "my-package", "1.0", &f, &n));
    assert_int_equal(n, 2);
    assert_string_equal(f[0].url, "https://index.example/p/my_package-1.0-py3-none-any.whl?a=1&b=2");
    assert_string_equal(f[0].sha256, SUM);
    assert_string_equal(f[1].url, "https://f/linux.whl");
    pypi_files_free(f, n);
    assert_ok(pypi_read_html(moved, strlen(moved), base, "my-package", "1.0", &f, &n));
    assert_int_equal(n, 1);
    assert_string_equal(f[0].url, "https://cdn.example/x/y.whl");
    pypi_files_free(f, n);
    for (size_t cut = 0; cut <= strlen(page); cut++) {     /* a page that breaks off anywhere */
        assert_ok(pypi_read_html(page, cut, base, "my-package", "1.0", &f, &n));
        pypi_files_free(f, n);
    }
}

static void urls(void **state)
{
    char *u = NULL;
    (void)state;
    assert_ok(fetch_join("https://h/a/b/", "../c.whl#x", &u));
    assert_string_equal(u, "https://h/a/c.whl#x");
    free(u);
    assert_ok(fetch_public("https://user:pass@h:8/p?token=1#f", &u));
    assert_string_equal(u, "https://h:8/p");
    free(u);
    assert_int_not_equal(fetch_public("not a url", &u), HEARTH_OK);
    assert_null(u);
}

/* A handle that trusts nobody asks no private address, and speaks https only; nothing is connected to. */
static void policy(void **state)
{
    static const struct { const char *trusted, *url, *words; } row[] = {
        {NULL, "http://example.org/x", "the scheme is \"http\"; only https is allowed"},
        {NULL, "ftp://example.org/x", "only https is allowed"},
        {NULL, "file:///etc/passwd", "only https is allowed"},
        {NULL, "https://127.0.0.1:1/x", "this computer's own address"},
        {NULL, "https://localhost:1/x", "this computer's own address"},
        {NULL, "https://2130706433:1/x", "this computer's own address"},
        {NULL, "https://0x7f.1:1/x", "this computer's own address"},
        {NULL, "https://[::1]:1/x", "this computer's own address"},
        {NULL, "https://[::ffff:7f00:1]:1/x", "this computer's own address"},
        {NULL, "https://192.168.0.1/x", "private address"},
        {NULL, "https://169.254.169.254/x", "link-local or reserved address"},
        {"https://169.254.169.254/x", "https://169.254.169.254/x", "link-local or reserved address"},
        {"https://10.0.0.1/x", "http://10.0.0.1/x", "only https is allowed"},
        {"https://10.0.0.1/x", "https://127.0.0.1:1/x", "this computer's own address"},
        {"http://10.0.0.1/x", "http://10.0.0.1/x", "only https is allowed"},
        {"http://127.0.0.1:1/x", "http://192.168.0.1/x", "only https is allowed"},
        {"http://127.0.0.1:1/x", "https://192.168.0.1/x", "private address"},
        {"http://127.0.0.1:1/x", "http://127.0.0.1:1/x", "127.0.0.1"},               /* allowed: nobody listens */
    };
    struct fetch_settings set = {.retries = 0, .timeout = 2};
    (void)state;
    setenv("no_proxy", "*", 1);
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct fetch *f = NULL;
        struct fetch_page page;
        assert_ok(fetch_open(&set, NULL, &f));
        assert_ok(fetch_trust(f, row[i].trusted));
        assert_fails(fetch_page(f, row[i].url, NULL, 100, &page), HEARTH_ENETWORK, row[i].words);
        assert_int_equal(fetch_received(f), 0);
        fetch_close(f);
    }
    unsetenv("no_proxy");
}

static void without_libcurl(void **state)
{
    struct fetch_settings set = {.retries = 0};
    struct fetch *f;
    (void)state;
    assert_fails(fetch_open(&set, NULL, &f), HEARTH_EUNSUPPORTED, "built without libcurl");
    assert_null(f);
}

int main(void)
{
    const struct CMUnitTest with[] = {
        cmocka_unit_test(literals), cmocka_unit_test(configuration), cmocka_unit_test(environment), cmocka_unit_test(asking),
        cmocka_unit_test(package_names), cmocka_unit_test(json_page), cmocka_unit_test(html_page), cmocka_unit_test(urls),
        cmocka_unit_test(policy),
    };
    const struct CMUnitTest without[] = {
        cmocka_unit_test(literals), cmocka_unit_test(configuration), cmocka_unit_test(environment), cmocka_unit_test(package_names),
        cmocka_unit_test(without_libcurl),
    };
    char *url = NULL;
    int built = fetch_public("https://h/", &url) == HEARTH_OK;
    free(url);
    return built ? cmocka_run_group_tests(with, NULL, NULL) : cmocka_run_group_tests(without, NULL, NULL);
}
