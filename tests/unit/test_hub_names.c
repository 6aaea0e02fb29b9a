/* test_hub_names.c - names, digests, near matches, folders; the classes of addresses. */
#include "hub/address.h"
#include "hub/names.h"
#include "hub_test.h"

#include <arpa/inet.h>
#include <netinet/in.h>

static void names(void **state)
{
    static const struct { const char *in, *out; } good[] = {
        {"smollm2", "smollm2"}, {"SmolLM2", "smollm2"}, {"x:latest", "x"}, {"X:LATEST", "x"}, {"smollm2:135m", "smollm2:135m"},
        {"a.b_c-d", "a.b_c-d"}, {"0", "0"}, {"a..b", "a..b"}};
    static const char *const bad[] = {"", "../x", "a/b", "/etc/passwd", ".hidden", "-x", ":latest", "a b", "a\nb", "caf\xc3\xa9", "a%b", "~"};
    char out[NAME_MAX_BYTES + 1], longest[NAME_MAX_BYTES + 2];
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_ok(name_canonical(good[i].in, out));
        assert_string_equal(out, good[i].out);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert_fails(name_canonical(bad[i], out), HEARTH_EUSAGE, "allowed");
    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    assert_fails(name_canonical(longest, out), HEARTH_EUSAGE, "129 bytes; allowed are 1 to 128");
    longest[NAME_MAX_BYTES] = '\0';
    assert_ok(name_canonical(longest, out));
    assert_ok(name_from_file("/x/My Model (1).Q4_1.gguf", out));
    assert_string_equal(out, "my-model-1-.q4-1");
    assert_ok(name_from_file("--a--.gguf", out));
    assert_string_equal(out, "a");
    assert_fails(name_from_file("/x/....gguf", out), HEARTH_EUSAGE, "--name");
}

static void digests(void **state)
{
    char d[66];
    (void)state;
    memset(d, 'a', 64);
    d[64] = '\0';
    assert_true(name_is_digest(d));
    d[63] = '\0';
    assert_false(name_is_digest(d));                       /* 63 */
    memcpy(d + 63, "aa", 3);
    assert_false(name_is_digest(d));                       /* 65 */
    d[64] = '\0';
    d[5] = 'A';
    assert_false(name_is_digest(d));
    d[5] = 'g';
    assert_false(name_is_digest(d));
    memcpy(d, "../../", 6);
    assert_false(name_is_digest(d));
    assert_false(name_is_digest(""));
}

static const char *near_to(const char *word)
{
    static char text[512];
    static const char *const all[] = {"smollm2", "smollm2:135m", "gemma3-270m-base", "gemma3", "mistral"};
    struct name_near near = {.word = word};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) name_near_add(&near, all[i]);
    return name_near_text(&near, text);
}

static void near_matches(void **state)
{
    (void)state;
    assert_string_equal(near_to("smolm2"), "; did you mean smollm2?");
    assert_string_equal(near_to("smollm"), "; did you mean smollm2 or smollm2:135m?");
    assert_string_equal(near_to("gemma"), "; did you mean gemma3 or gemma3-270m-base?");
    assert_string_equal(near_to("msitral"), "; did you mean mistral?");
    assert_string_equal(near_to("zzz"), "");
    assert_string_equal(near_to("qwen"), "");
}

static void is_path(enum hub_folder folder, const char *file, const char *wanted)
{
    char *path = NULL;
    assert_ok(hub_path(folder, file, &path));
    assert_string_equal(path, wanted);
    free(path);
}

static void folders(void **state)
{
    char *path = NULL;
    (void)state;
    setenv("HEARTH_HOME", "/all", 1);
    is_path(HUB_DATA, NULL, "/all");
    is_path(HUB_CONFIG, "catalogue.ini", "/all/catalogue.ini");
    is_path(HUB_CACHE, "digests", "/all/cache/digests");
    is_path(HUB_MODELS, "blobs", "/all/models/blobs");
    unsetenv("HEARTH_HOME");
    setenv("HOME", "/home/p", 1);
    unsetenv("XDG_DATA_HOME"), unsetenv("XDG_CONFIG_HOME"), unsetenv("XDG_CACHE_HOME");
    is_path(HUB_DATA, NULL, "/home/p/.local/share/hearth");
    is_path(HUB_CONFIG, "hearth.ini", "/home/p/.config/hearth/hearth.ini");
    is_path(HUB_CACHE, NULL, "/home/p/.cache/hearth");
    setenv("XDG_DATA_HOME", "/d", 1);
    setenv("XDG_CONFIG_HOME", "relative is ignored", 1);
    is_path(HUB_MODELS, NULL, "/d/hearth/models");
    is_path(HUB_CONFIG, NULL, "/home/p/.config/hearth");
    unsetenv("XDG_DATA_HOME"), unsetenv("XDG_CONFIG_HOME");
    unsetenv("HOME");
    assert_fails(hub_path(HUB_DATA, NULL, &path), HEARTH_ENOTFOUND, "set HEARTH_HOME");
    setenv("HEARTH_HOME", "relative", 1);
    assert_int_equal(chdir("/usr"), 0);
    is_path(HUB_DATA, NULL, "/usr/relative");
}

static void addresses(void **state)
{
    static const struct { const char *host; int is; } row[] = {
        {"8.8.8.8", ADDRESS_PUBLIC}, {"172.15.0.1", ADDRESS_PUBLIC}, {"172.32.0.1", ADDRESS_PUBLIC}, {"100.63.0.1", ADDRESS_PUBLIC},
        {"10.0.0.1", ADDRESS_PRIVATE}, {"172.16.0.1", ADDRESS_PRIVATE}, {"172.31.255.255", ADDRESS_PRIVATE}, {"192.168.1.1", ADDRESS_PRIVATE},
        {"100.64.0.1", ADDRESS_PRIVATE}, {"127.0.0.1", ADDRESS_LOOPBACK}, {"127.255.0.1", ADDRESS_LOOPBACK}, {"0.0.0.0", ADDRESS_NEVER},
        {"0.1.2.3", ADDRESS_NEVER}, {"169.254.169.254", ADDRESS_NEVER}, {"224.0.0.1", ADDRESS_NEVER}, {"255.255.255.255", ADDRESS_NEVER},
        {"240.0.0.1", ADDRESS_NEVER}, {"[::1]", ADDRESS_LOOPBACK}, {"[::]", ADDRESS_NEVER}, {"[2606:4700::1]", ADDRESS_PUBLIC},
        {"[::ffff:10.0.0.1]", ADDRESS_PRIVATE}, {"[::ffff:127.0.0.1]", ADDRESS_LOOPBACK}, {"[::127.0.0.1]", ADDRESS_LOOPBACK},
        {"[64:ff9b::169.254.169.254]", ADDRESS_NEVER}, {"[64:ff9b::8.8.8.8]", ADDRESS_PUBLIC}, {"[2002:0a00:0001::1]", ADDRESS_PRIVATE},
        {"[fd00::1]", ADDRESS_PRIVATE}, {"[fe80::1]", ADDRESS_NEVER}, {"[fe80::1%25eth0]", ADDRESS_NEVER}, {"[ff02::1]", ADDRESS_NEVER},
        {"[fec0::1]", ADDRESS_PRIVATE}, {"[2001:0::1]", ADDRESS_NEVER}, {"[nonsense]", ADDRESS_NEVER}, {"localhost", ADDRESS_LOOPBACK},
        {"LOCALHOST.", ADDRESS_LOOPBACK}, {"a.localhost", ADDRESS_LOOPBACK}, {"example.org", -1}, {"notlocalhost", -1}, {"", -1}};
    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        if (address_class_of_host(row[i].host) != row[i].is)
            fail_msg("%s: %d, wanted %d", row[i].host, address_class_of_host(row[i].host), row[i].is);
    }
    struct sockaddr_in a = {.sin_family = AF_INET};
    assert_int_equal(inet_pton(AF_INET, "192.168.0.9", &a.sin_addr), 1);
    assert_int_equal(address_class_of((struct sockaddr *)&a), ADDRESS_PRIVATE);
    struct sockaddr other = {.sa_family = AF_UNIX};
    assert_int_equal(address_class_of(&other), ADDRESS_NEVER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names), cmocka_unit_test(digests), cmocka_unit_test(near_matches), cmocka_unit_test(folders),
        cmocka_unit_test(addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
