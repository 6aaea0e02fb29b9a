/* test_session_file.c - sessions in files: what follows a restore is what would have followed, bit for bit; what is damaged, cut off or of
 * another model, arithmetic or version is refused and changes nothing; what was forgotten is not in the file; a kill leaves a whole one. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/checksum.h"
#include "infer/session.h"
#include "model_maker.h"

#include <cmocka.h>

enum { CTX = 256, PROMPT = 100, GO_ON = 24, FIELD = 8 };
static struct hearth_model *model;
static char folder[] = "/tmp/hearth-session-XXXXXX", model_path[64], path[64], copy[64];
static int32_t prompt[PROMPT];

#define good(what) check_good(what, __LINE__)
static void check_good(enum hearth_status st, int line)
{
    if (st != HEARTH_OK) print_error("line %d: %s: %s\n", line, hearth_status_name(st), hearth_errmsg());
    assert_int_equal(st, HEARTH_OK);
}

static void make_model(uint64_t seed, const char *to)
{
    struct model_spec spec = {.type = "Q8_0", .layers = 1, .width = 64, .heads = 2, .kv_heads = 1, .vocab = 300, .seed = seed};
    good(model_make(to, &spec));
}

static int setup(void **state)
{
    (void)state;
    if (!mkdtemp(folder)) return -1;
    snprintf(model_path, sizeof model_path, "%s/model.gguf", folder);
    snprintf(path, sizeof path, "%s/session", folder);
    snprintf(copy, sizeof copy, "%s/copy", folder);
    make_model(5, model_path);
    good(hearth_model_open(model_path, &(struct hearth_model_params){.threads = 1}, &model));
    for (int i = 0; i < PROMPT; i++) prompt[i] = 10 + i * 7 % 280;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    hearth_model_close(model);
    const char *const files[] = {path, copy, model_path};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) unlink(files[i]);
    return rmdir(folder);
}

static struct hearth_session *open_with(struct hearth_model *m, uint32_t ctx, enum hearth_kv kv)
{
    struct hearth_session *s;
    good(hearth_session_open(m, &(struct hearth_session_params){.ctx = ctx, .kv = kv, .chunk = 16}, &s));
    return s;
}

static struct hearth_session *open_session(void) { return open_with(model, CTX, HEARTH_KV_F16); }

static uint8_t *slurp(const char *from, size_t *n)
{
    struct stat about;
    int fd = open(from, O_RDONLY);
    assert_true(fd >= 0 && fstat(fd, &about) == 0);
    uint8_t *data = malloc((size_t)about.st_size + 1);
    *n = (size_t)about.st_size;
    assert_true(read(fd, data, *n) == (ssize_t)*n);
    close(fd);
    return data;
}

static void spill(const char *to, const void *data, size_t n)
{
    int fd = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0 && write(fd, data, n) == (ssize_t)n);
    close(fd);
}

/* With its sum mended, as somebody would who means harm. */
static void spill_mended(const char *to, uint8_t *data, size_t n)
{
    uint64_t sum = checksum_of(data, n - 8);
    memcpy(data + n - 8, &sum, 8);
    spill(to, data, n);
}

/* The tokens and the last logits of going on. */
struct way { int32_t id[GO_ON]; size_t n; float logits[512]; };

static int on_token(void *user, const struct hearth_token *t)
{
    struct way *w = user;
    w->id[w->n++] = t->id;
    return 0;
}

static void go_on(struct hearth_session *s, float temperature, struct way *w)
{
    struct hearth_generate_params p = {.max_tokens = GO_ON, .logprobs = -1, .on_token = on_token, .user = w};
    struct hearth_bias no_end = {hearth_eos(model), -1e6f};
    memset(w, 0, sizeof *w);
    hearth_sampling_defaults(&p.sampling);
    p.sampling.temperature = temperature, p.sampling.seed = 3, p.sampling.repeat_penalty = 1.1f;
    p.sampling.bias = &no_end, p.sampling.n_bias = hearth_eos(model) >= 0;
    good(hearth_generate(s, NULL, 0, &p, NULL));
    memcpy(w->logits, hearth_session_logits(s), model->h.vocabulary * sizeof *w->logits);
}

static void what_follows_is_the_same(void **state)
{
    (void)state;
    for (int kv = HEARTH_KV_F16; kv <= HEARTH_KV_Q8_0; kv++)
        for (size_t n = 63; n <= PROMPT; n = n < 65 ? n + 1 : n + 35) {
            struct hearth_session *a = open_with(model, CTX, (enum hearth_kv)kv), *b = open_with(model, 2 * CTX, (enum hearth_kv)kv);
            struct way went, goes;
            good(hearth_session_eval(a, prompt, n, NULL));
            good(hearth_session_save(a, path));
            good(hearth_session_eval(b, prompt + 30, 40, NULL));
            good(hearth_session_restore(b, path));
            assert_int_equal(hearth_session_length(b), n);
            assert_memory_equal(hearth_session_tokens(b), prompt, n * sizeof *prompt);
            assert_memory_equal(hearth_session_logits(a), hearth_session_logits(b), model->h.vocabulary * sizeof(float));
            go_on(a, 0.8f, &went);
            go_on(b, 0.8f, &goes);
            assert_int_equal(went.n, GO_ON);
            assert_memory_equal(&went, &goes, sizeof went);
            hearth_session_close(a);
            hearth_session_close(b);
        }
}

static void an_empty_session_is_one(void **state)
{
    (void)state;
    struct hearth_session *a = open_session(), *b = open_session();
    struct way went, goes;
    good(hearth_session_save(a, path));
    good(hearth_session_eval(b, prompt, 70, NULL));
    good(hearth_session_restore(b, path));
    assert_int_equal(hearth_session_length(b), 0);
    assert_null(hearth_session_logits(b));
    good(hearth_session_save(b, path));
    good(hearth_session_restore(b, path));
    good(hearth_session_eval(a, prompt, PROMPT, NULL));
    good(hearth_session_eval(b, prompt, PROMPT, NULL));
    go_on(a, 0, &went);
    go_on(b, 0, &goes);
    assert_memory_equal(&went, &goes, sizeof went);
    hearth_session_close(a);
    hearth_session_close(b);
}

/* What was rewound leaves no trace: the file is that of a session which never had it. */
static void what_was_forgotten_is_not_there(void **state)
{
    (void)state;
    for (int kv = HEARTH_KV_F16; kv <= HEARTH_KV_Q8_0; kv++) {
        struct hearth_session *a = open_with(model, CTX, (enum hearth_kv)kv), *b = open_with(model, CTX, (enum hearth_kv)kv);
        size_t n_a, n_b;
        struct stat about;
        good(hearth_session_eval(a, prompt, PROMPT, NULL));
        good(hearth_session_rewind(a, 70));
        good(hearth_session_save(a, path));
        assert_true(stat(path, &about) == 0 && (about.st_mode & 0777) == 0600);
        good(hearth_session_eval(b, prompt, 71, NULL));
        good(hearth_session_rewind(b, 70));
        good(hearth_session_save(b, copy));
        uint8_t *in_a = slurp(path, &n_a), *in_b = slurp(copy, &n_b);
        assert_int_equal(n_a, n_b);
        assert_memory_equal(in_a, in_b, n_a);
        good(hearth_session_restore(b, path));
        assert_null(hearth_session_logits(b));         /* as after rewinding */
        free(in_a);
        free(in_b);
        hearth_session_close(a);
        hearth_session_close(b);
    }
}

/* ---- what is refused ---- */

static struct hearth_session *bystander;               /* holds something that no refused file may change */

static void check_unchanged(void)
{
    assert_int_equal(hearth_session_length(bystander), 50);
    assert_memory_equal(hearth_session_tokens(bystander), prompt, 50 * sizeof *prompt);
    assert_non_null(hearth_session_logits(bystander));
}

static void refused(const char *file, enum hearth_status wanted, const char *words)
{
    enum hearth_status st = hearth_session_restore(bystander, file);
    if (st != wanted || !strstr(hearth_errmsg(), words)) print_error("%s: %s, wanted %s: %s\n", hearth_status_name(st), hearth_errmsg(), hearth_status_name(wanted), words);
    assert_int_equal(st, wanted);
    assert_non_null(strstr(hearth_errmsg(), words));
    assert_non_null(strstr(hearth_errmsg(), file));
    check_unchanged();
}

static void every_flipped_byte_is_refused(void **state)
{
    (void)state;
    struct hearth_session *s = open_session();
    struct way before, after;
    size_t n;
    good(hearth_session_eval(s, prompt, 3, NULL));
    good(hearth_session_save(s, path));
    uint8_t *data = slurp(path, &n);
    bystander = open_session();
    good(hearth_session_eval(bystander, prompt, 50, NULL));
    good(hearth_session_save(bystander, copy));
    go_on(bystander, 0.8f, &before);
    good(hearth_session_restore(bystander, copy));
    int fd = open(path, O_RDWR);
    for (size_t i = 0; i < n; i++) {
        uint8_t other = (uint8_t)(data[i] ^ (1 << i % 8));
        assert_true(pwrite(fd, &other, 1, (off_t)i) == 1);
        if (hearth_session_restore(bystander, path) == HEARTH_OK) print_error("byte %zu of %zu\n", i, n), assert_true(0);
        check_unchanged();
        assert_true(pwrite(fd, &data[i], 1, (off_t)i) == 1);
    }
    for (size_t cut = 1; cut <= n; cut += cut < 200 || n - cut < 20 ? 1 : 13) {
        assert_true(ftruncate(fd, (off_t)(n - cut)) == 0);
        assert_true(hearth_session_restore(bystander, path) != HEARTH_OK);
        check_unchanged();
    }
    close(fd);
    data[n] = 0;
    spill(path, data, n + 1);
    refused(path, HEARTH_ECHECKSUM, "damaged");
    go_on(bystander, 0.8f, &after);                    /* nor did any of them change what it computes */
    assert_memory_equal(&before, &after, sizeof before);
    hearth_session_close(bystander);
    hearth_session_close(s);
    free(data);
}

/* One number of the header is another, the sum is right. */
static void forge(const uint8_t *data, size_t n, int field, uint64_t value, enum hearth_status wanted, const char *words)
{
    uint8_t *other = malloc(n);
    memcpy(other, data, n);
    memcpy(other + field * FIELD, &value, FIELD);
    spill_mended(copy, other, n);
    refused(copy, wanted, words);
    free(other);
}

static void what_does_not_belong_is_refused(void **state)
{
    (void)state;
    struct hearth_session *s = open_session();
    size_t n;
    good(hearth_session_eval(s, prompt, 3, NULL));
    good(hearth_session_save(s, path));
    uint8_t *data = slurp(path, &n);
    bystander = open_session();
    good(hearth_session_eval(bystander, prompt, 50, NULL));
    forge(data, n, 0, 0, HEARTH_EFORMAT, "does not begin");
    forge(data, n, 1, 2, HEARTH_EUNSUPPORTED, "version 2");
    forge(data, n, 2, HEARTH_FLOAT, HEARTH_EUSAGE, "float");
    forge(data, n, 3, 99, HEARTH_EUNSUPPORTED, "version 99 of the arithmetic");
    forge(data, n, 4, HEARTH_KV_Q8_0, HEARTH_EUSAGE, "Q8_0");
    forge(data, n, 4, 77, HEARTH_EUSAGE, "unknown");
    forge(data, n, 5, 1, HEARTH_EUSAGE, "another model");
    for (int field = 6; field <= 9; field++) forge(data, n, field, 1000, HEARTH_EFORMAT, "is 1000");
    forge(data, n, 10, 4, HEARTH_EFORMAT, "should have");
    forge(data, n, 10, 0, HEARTH_EFORMAT, "of its logits");
    forge(data, n, 10, CTX + 1, HEARTH_ECONTEXT, "257 tokens");
    forge(data, n, 10, UINT64_MAX, HEARTH_ECONTEXT, "tokens");
    forge(data, n, 11, 2, HEARTH_EFORMAT, "2 of its logits");
    forge(data, n, 11, 0, HEARTH_EFORMAT, "should have");
    forge(data, n, 12, 1, HEARTH_EUSAGE, "rotates keys in another way");
    for (int k = 0; k < 2; k++) {
        int32_t id = k ? -1 : 300;
        uint8_t *other = malloc(n);
        memcpy(other, data, n);
        memcpy(other + 13 * FIELD + 4, &id, sizeof id);
        spill_mended(copy, other, n);
        refused(copy, HEARTH_EFORMAT, "token 1 is id");
        free(other);
    }
    spill(copy, "", 0);
    refused(copy, HEARTH_EFORMAT, "too few");
    refused("/dev/zero", HEARTH_EIO, "");
    refused("/nonexistent/session", HEARTH_ENOTFOUND, "");
    assert_int_equal(hearth_session_save(s, "/nonexistent/session"), HEARTH_ENOTFOUND);
    hearth_session_close(bystander);
    hearth_session_close(s);
    free(data);
}

/* Phi's keys are rotated in one way in a context of up to 64 tokens here, in another in a longer one. */
static void another_rotation_is_refused(void **state)
{
    (void)state;
    struct model_spec spec = {.family = "phi3", .layers = 1, .width = 64, .heads = 2, .kv_heads = 1, .vocab = 300, .rope_original = 64};
    struct hearth_model *m;
    char other[64];
    snprintf(other, sizeof other, "%s/other.gguf", folder);
    good(model_make(other, &spec));
    good(hearth_model_open(other, &(struct hearth_model_params){.threads = 1}, &m));
    for (int longer = 0; longer < 2; longer++) {
        struct hearth_session *s = open_with(m, longer ? CTX : 64, HEARTH_KV_F16), *to = open_with(m, longer ? 64 : CTX, HEARTH_KV_F16);
        struct hearth_session *like = open_with(m, longer ? 65 : 32, HEARTH_KV_F16);
        good(hearth_session_eval(s, prompt, 20, NULL));
        good(hearth_session_save(s, path));
        assert_int_equal(hearth_session_restore(to, path), HEARTH_EUSAGE);
        assert_non_null(strstr(hearth_errmsg(), longer ? "more than 64 tokens" : "at most 64 tokens"));
        good(hearth_session_restore(like, path));
        hearth_session_close(s), hearth_session_close(to), hearth_session_close(like);
    }
    hearth_model_close(m);
    unlink(other);
}

static void another_model_or_session_is_refused(void **state)
{
    (void)state;
    struct hearth_model *m;
    struct hearth_session *s = open_session();
    char other[64];
    snprintf(other, sizeof other, "%s/other.gguf", folder);
    good(hearth_session_eval(s, prompt, PROMPT, NULL));
    good(hearth_session_save(s, path));
    hearth_session_close(s);
    make_model(6, other);                              /* the same shape, other weights */
    good(hearth_model_open(other, NULL, &m));
    s = open_with(m, CTX, HEARTH_KV_F16);
    assert_int_equal(hearth_session_restore(s, path), HEARTH_EUSAGE);
    assert_non_null(strstr(hearth_errmsg(), "other.gguf"));
    hearth_session_close(s);
    hearth_model_close(m);
    unlink(other);
    good(hearth_model_open(model_path, &(struct hearth_model_params){.arithmetic = HEARTH_FLOAT}, &m));
    s = open_with(m, CTX, HEARTH_KV_F32);
    assert_int_equal(hearth_session_restore(s, path), HEARTH_EUSAGE);
    assert_non_null(strstr(hearth_errmsg(), "quant"));
    hearth_session_close(s);
    hearth_model_close(m);
    s = open_with(model, CTX, HEARTH_KV_Q8_0);
    assert_int_equal(hearth_session_restore(s, path), HEARTH_EUSAGE);
    assert_non_null(strstr(hearth_errmsg(), "F16"));
    hearth_session_close(s);
    s = open_with(model, 64, HEARTH_KV_F16);
    assert_int_equal(hearth_session_restore(s, path), HEARTH_ECONTEXT);
    assert_non_null(strstr(hearth_errmsg(), "100 tokens"));
    hearth_session_close(s);
    good(hearth_model_open(model_path, NULL, &m));     /* the same file, opened again: the same model */
    s = open_with(m, CTX, HEARTH_KV_F16);
    good(hearth_session_restore(s, path));
    hearth_session_close(s);
    hearth_model_close(m);
}

/* ---- a kill in the middle of a save ---- */

static void a_kill_leaves_a_whole_file(void **state)
{
    (void)state;
    struct hearth_session *s = open_session();
    int seen[2] = {0, 0};
    char sweep[128];
    good(hearth_session_eval(s, prompt, 70, NULL));
    good(hearth_session_save(s, path));
    for (int round = 0; round < 24; round++) {
        pid_t child = fork();
        if (child == 0) {
            for (;;) {
                if (hearth_session_rewind(s, 40) != HEARTH_OK || hearth_session_save(s, path) != HEARTH_OK) _exit(1);
                s->length = 70;                        /* without computing, so that it saves most of the time */
                if (hearth_session_save(s, path) != HEARTH_OK) _exit(1);
            }
        }
        usleep((useconds_t)(2000 + round * 700));
        kill(child, SIGKILL);
        int status;
        assert_true(waitpid(child, &status, 0) == child && WIFSIGNALED(status));
        struct hearth_session *back = open_session();
        good(hearth_session_restore(back, path));
        size_t n = hearth_session_length(back);
        assert_true(n == 40 || n == 70);
        assert_memory_equal(hearth_session_tokens(back), prompt, n * sizeof *prompt);
        seen[n == 70]++;
        hearth_session_close(back);
    }
    assert_true(seen[0] + seen[1] == 24);
    hearth_session_close(s);
    snprintf(sweep, sizeof sweep, "rm -f %s.*.tmp", path);
    assert_int_equal(system(sweep), 0);
}

/* A link in the folder of sessions (row 17 of the record of bad input): saving replaces the link and never writes through it; what stands
 * behind a second name of the old file stays as it was. */
static void saving_follows_no_link(void **state)
{
    struct hearth_session *s = open_session();
    struct stat is;
    char target[80], text[16] = "";
    (void)state;
    snprintf(target, sizeof target, "%s/precious", folder);
    good(hearth_session_eval(s, prompt, 20, NULL));
    for (int hard = 0; hard < 2; hard++) {
        unlink(path);
        spill(target, "precious", 8);
        assert_int_equal(hard ? link(target, path) : symlink(target, path), 0);
        good(hearth_session_save(s, path));
        int fd = open(target, O_RDONLY);
        assert_int_equal(read(fd, text, sizeof text), 8);
        close(fd);
        assert_memory_equal(text, "precious", 8);
        assert_int_equal(lstat(path, &is), 0);
        assert_true(S_ISREG(is.st_mode) && is.st_nlink == 1 && (is.st_mode & 0777) == 0600);
        good(hearth_session_restore(s, path));
    }
    unlink(path);
    assert_int_equal(symlink("/tmp/hearth-no-such-folder/x", path), 0);      /* one that leads nowhere makes nothing there */
    good(hearth_session_save(s, path));
    assert_int_equal(lstat(path, &is), 0);
    assert_true(S_ISREG(is.st_mode));
    assert_int_equal(access("/tmp/hearth-no-such-folder", F_OK), -1);
    unlink(target);
    hearth_session_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_follows_is_the_same), cmocka_unit_test(an_empty_session_is_one), cmocka_unit_test(what_was_forgotten_is_not_there),
        cmocka_unit_test(every_flipped_byte_is_refused), cmocka_unit_test(what_does_not_belong_is_refused), cmocka_unit_test(another_model_or_session_is_refused), cmocka_unit_test(another_rotation_is_refused),
        cmocka_unit_test(saving_follows_no_link), cmocka_unit_test(a_kill_leaves_a_whole_file)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
