/* test_chats.c - chats kept on the server: what comes back, caps, ids that are no paths, apart for each key, a file that is never
 * half-written whatever happens to its writer. */
#include "account/chats.h"
#include "hub_test.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define ID "0123456789abcdef"

static void put(const char *key, const char *id, const char *more)
{
    char text[256];
    snprintf(text, sizeof text, "{\"id\": \"%s\", \"title\": \"%s\"}", id, more);
    assert_ok(chats_put(key, id, text, strlen(text)));
}

static char *get(const char *key, const char *id)
{
    static char text[4096];
    struct buf b = {0};
    assert_ok(chats_get(key, id, &b));
    snprintf(text, sizeof text, "%.*s", (int)b.len, b.data);
    buf_free(&b);
    return text;
}

static void none(const char *key, const char *id)
{
    struct buf b = {0};
    assert_fails(chats_get(key, id, &b), HEARTH_ENOTFOUND, id);
    assert_fails(chats_remove(key, id), HEARTH_ENOTFOUND, id);
}

static void a_chat_comes_back(void **state)
{
    struct stat s;
    (void)state;
    none("", ID);
    put("", ID, "one");
    assert_string_equal(get("", ID), "{\"id\": \"" ID "\", \"title\": \"one\"}");
    put("", ID, "two, longer");
    assert_non_null(strstr(get("", ID), "two, longer"));
    put("", ID, "3");
    assert_string_equal(get("", ID), "{\"id\": \"" ID "\", \"title\": \"3\"}");
    assert_int_equal(stat(in_home("page-chats/own/" ID ".json"), &s), 0);
    assert_int_equal(s.st_mode & 0777, 0600);
    assert_int_equal(stat(in_home("page-chats/own"), &s), 0);
    assert_int_equal(s.st_mode & 0777, 0700);
    assert_int_equal(stat(in_home("page-chats"), &s), 0);
    assert_int_equal(s.st_mode & 0777, 0700);
    assert_ok(chats_remove("", ID));
    none("", ID);
}

static void each_key_has_its_own(void **state)
{
    (void)state;
    put("anna", ID, "anna's");
    put("..", "00000000000000aa", "a strange name");
    none("bert", ID);
    none("", ID);
    none("ann", ID);
    put("bert", ID, "bert's");
    assert_non_null(strstr(get("anna", ID), "anna's"));
    assert_non_null(strstr(get("..", "00000000000000aa"), "strange"));
    assert_int_equal(access(in_home("page-chats/key-..//00000000000000aa.json"), F_OK), 0);
    assert_ok(chats_remove("bert", ID));
    assert_non_null(strstr(get("anna", ID), "anna's"));
}

static void an_id_is_no_path(void **state)
{
    static const char *const ids[] = {"", "0123456789abcde", "0123456789abcdef0", "0123456789ABCDEF", "../../../../etc", "../key-anna/0123", "0123456789abcde/", "0123456789abcd\n\n",
                                      "0123456789abcde\xc3"};
    struct buf b = {0};
    char next[CHAT_ID + 1];
    size_t bad;
    (void)state;
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        assert_fails(chats_put("", ids[i], "{}", 2), HEARTH_EUSAGE, "no id");
        assert_fails(chats_get("", ids[i], &b), HEARTH_EUSAGE, "no id");
        assert_fails(chats_remove("", ids[i]), HEARTH_EUSAGE, "no id");
        if (*ids[i]) assert_fails(chats_list("", ids[i], &b, next, &bad), HEARTH_EUSAGE, "no id");
    }
}

static void links_are_not_followed(void **state)
{
    struct buf b = {0};
    struct stat s;
    (void)state;
    put("link", ID, "x");
    write_file(in_home("secret"), "{\"id\": \"" ID "\"}", 26);
    assert_int_equal(unlink(in_home("page-chats/key-link/" ID ".json")), 0);
    assert_int_equal(symlink(in_home("secret"), in_home("page-chats/key-link/" ID ".json")), 0);
    assert_fails(chats_get("link", ID, &b), HEARTH_EIO, "cannot open");
    put("link", ID, "written");
    assert_int_equal(lstat(in_home("page-chats/key-link/" ID ".json"), &s), 0);
    assert_true(S_ISREG(s.st_mode));
    assert_int_equal(stat(in_home("secret"), &s), 0);
    assert_int_equal(s.st_size, 26);
    assert_int_equal(mkdir(in_home("elsewhere"), 0700), 0);
    assert_int_equal(symlink(in_home("elsewhere"), in_home("page-chats/key-away")), 0);
    assert_true(chats_put("away", ID, "{}", 2) != HEARTH_OK);
    assert_int_equal(rmdir(in_home("elsewhere")), 0);  /* empty */
    assert_int_equal(chmod(in_home("page-chats/key-link"), 0755), 0);
    assert_fails(chats_put("link", ID, "{}", 2), HEARTH_EIO, "others than its owner");
}

/* Every chat once, in the order of the ids, whatever the parts are. */
static void lists(void **state)
{
    struct buf b = {0};
    char next[CHAT_ID + 1], id[CHAT_ID + 1], after[CHAT_ID + 1] = "", *large = malloc(CHATS_PART);
    size_t bad, parts = 0, seen = 0;
    (void)state;
    assert_ok(chats_list("many", "", &b, next, &bad));
    assert_true(b.len == 0 && !*next && bad == 0);
    for (int i = 0; i < 9; i++) {
        snprintf(id, sizeof id, "%016x", 100 - i);
        int n = snprintf(large, CHATS_PART, "{\"id\": \"%s\", \"title\": \"", id);
        memset(large + n, 'x', CHATS_PART / 4);
        strcpy(large + n + CHATS_PART / 4, "\"}");
        assert_ok(chats_put("many", id, large, strlen(large)));
    }
    do {
        assert_ok(chats_list("many", after, &b, next, &bad));
        for (char *at = b.data; at && (at = memmem(at, b.len - (size_t)(at - b.data), "\"id\": \"", 7)); at++) {
            snprintf(id, sizeof id, "%016zx", 92 + seen++);
            assert_memory_equal(at + 7, id, CHAT_ID);
        }
        assert_true(b.len <= CHATS_PART);
        buf_free(&b);
        strcpy(after, next);
        parts++;
    } while (*next);
    assert_int_equal(seen, 9);
    assert_int_equal(parts, 3);
    write_file(in_home("page-chats/key-many/000000000000005e.json"), "{\"id\": ", 7);
    write_file(in_home("page-chats/key-many/000000000000005f.json"), "{\"id\": \"000000000000005e\"}", 26);
    assert_ok(chats_list("many", "000000000000005c", &b, next, &bad));
    assert_int_equal(bad, 2);
    assert_non_null(memmem(b.data, b.len, "0000000000000060", 16));
    buf_free(&b);
    assert_fails(chats_get("many", "000000000000005e", &b), HEARTH_EFORMAT, "000000000000005e");
    free(large);
}

static void caps_hold(void **state)
{
    char path[512], *large = calloc(1, CHAT_BYTES + 1);
    (void)state;
    put("full", ID, "x");
    assert_fails(chats_put("full", ID, large, CHAT_BYTES + 1), HEARTH_EUSAGE, "larger");
    for (int i = 0; i < CHATS_MAX; i++) {
        snprintf(path, sizeof path, "%s/page-chats/key-full/%016x.json", home, i + 1);
        int fd = open(path, O_WRONLY | O_CREAT, 0600);
        assert_true(fd >= 0 && (i >= 7 || ftruncate(fd, CHAT_BYTES) == 0));
        close(fd);
    }
    assert_fails(chats_put("full", ID, "{}", 2), HEARTH_EUSAGE, "2000 chats");
    assert_non_null(strstr(get("full", ID), "\"x\""));
    for (int i = 100; i < CHATS_MAX; i++) {
        snprintf(path, sizeof path, "%s/page-chats/key-full/%016x.json", home, i + 1);
        assert_int_equal(unlink(path), 0);
    }
    assert_ok(chats_put("full", ID, large, CHAT_BYTES - 100)); /* nearly eight of 8 MiB, which is what is kept */
    assert_fails(chats_put("full", "00000000000000f0", large, 101), HEARTH_EUSAGE, "bytes");
    assert_ok(chats_put("full", ID, "{}", 2));         /* what it replaces does not count */
    free(large);
}

static void a_full_disk_changes_nothing(void **state)
{
    struct rlimit was, small;
    char text[3000];
    (void)state;
    put("disk", ID, "as it was");
    memset(text, 'x', sizeof text);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
    signal(SIGXFSZ, SIG_IGN);
    small = (struct rlimit){1000, was.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    assert_fails(chats_put("disk", ID, text, sizeof text), HEARTH_EIO, "cannot write");
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
    assert_non_null(strstr(get("disk", ID), "as it was"));
    assert_int_equal(rmdir(in_home("page-chats/key-disk")), -1);
}

static int leftovers(void)
{
    DIR *d = opendir(in_home("page-chats/key-kill"));
    int n = 0;
    for (struct dirent *e; (e = readdir(d));) n += strstr(e->d_name, ".tmp") != NULL;
    closedir(d);
    return n;
}

/* Killed at any moment while it writes a long and a short one in turn. */
static void a_kill_leaves_a_whole_chat(void **state)
{
    enum { ROUNDS = 30, LONG = 300000 };
    static char text[2][LONG];
    size_t n[2];
    int seen[2] = {0, 0}, left = 0;
    (void)state;
    for (int k = 0; k < 2; k++) {
        n[k] = (size_t)snprintf(text[k], LONG, "{\"id\": \"" ID "\", \"title\": \"");
        size_t more = k ? LONG - n[k] - 3 : 1000;
        memset(text[k] + n[k], 'a' + k, more);
        memcpy(text[k] + n[k] + more, "\"}", 2);
        n[k] += more + 2;
    }
    assert_ok(chats_put("kill", ID, text[0], n[0]));
    for (int round = 0; round < ROUNDS; round++) {
        int status;
        struct buf b = {0};
        pid_t child = fork();
        if (child == 0)
            for (int k = 1;; k = !k) if (chats_put("kill", ID, text[k], n[k]) != HEARTH_OK) _exit(1);
        usleep((useconds_t)(1000 + round * 431));
        kill(child, SIGKILL);
        assert_true(waitpid(child, &status, 0) == child && WIFSIGNALED(status));
        assert_ok(chats_get("kill", ID, &b));
        int k = b.len == n[1];
        assert_int_equal(b.len, n[k]);
        assert_memory_equal(b.data, text[k], n[k]);
        seen[k]++;
        buf_free(&b);
        left += leftovers();
        assert_ok(chats_put("kill", ID, text[0], n[0]));
        assert_int_equal(leftovers(), 0);              /* swept away */
    }
    assert_int_equal(seen[0] + seen[1], ROUNDS);
    assert_true(left > 0);                             /* some were killed in the middle */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_chat_comes_back), cmocka_unit_test(each_key_has_its_own), cmocka_unit_test(an_id_is_no_path), cmocka_unit_test(links_are_not_followed),
        cmocka_unit_test(lists), cmocka_unit_test(caps_hold), cmocka_unit_test(a_full_disk_changes_nothing), cmocka_unit_test(a_kill_leaves_a_whole_chat)};
    return cmocka_run_group_tests(tests, home_make, home_remove);
}
