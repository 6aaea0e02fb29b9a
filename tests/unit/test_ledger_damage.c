/* Damage of every kind is found, processes that are killed lose nothing that was acknowledged, and a large log stays quick.
 *
 * HEARTH_LEDGER_SOAK=1 does all of what is claimed: 100,000 damages of a log of 1,000 entries, 200 kills, a log of 1,000,000
 * (make ledger-soak); otherwise a sample of some seconds. */
#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "base/random.h"
#include "ledger_test.h"

static char dir[96];
static int real_fsync;

/* Where only damage matters nothing waits for the disk. */
int fsync(int fd)
{
    return real_fsync ? (int)syscall(SYS_fsync, fd) : 0;
}

static int soak(void)
{
    const char *s = getenv("HEARTH_LEDGER_SOAK");
    return s && *s == '1';
}

static uint64_t drawn;
static uint64_t draw(uint64_t below)
{
    uint32_t counter[4] = {(uint32_t)drawn, (uint32_t)(drawn >> 32), 1, 0}, out[4];
    drawn++;
    philox4x32(11, counter, out);
    return ((uint64_t)out[1] << 32 | out[0]) % below;
}

static int fresh(void **state)
{
    int bad = home_make(state);
    snprintf(dir, sizeof dir, "%s/ledger", home);
    real_fsync = 0;
    return bad;
}

/* ---- files ---- */

struct bytes { char path[160]; char *data; size_t n; };

static struct bytes load(const char *name)
{
    struct bytes b = {"", NULL, 0};
    snprintf(b.path, sizeof b.path, "%s/%s", dir, name);
    FILE *f = fopen(b.path, "r");
    if (!f) fail_msg("%s", b.path);
    assert_int_equal(fseek(f, 0, SEEK_END), 0);
    b.n = (size_t)ftell(f);
    rewind(f);
    b.data = malloc(b.n + 1);
    assert_non_null(b.data);
    assert_int_equal(fread(b.data, 1, b.n, f), b.n);
    fclose(f);
    return b;
}

static void put_back(struct bytes *b)
{
    write_file(b->path, b->data, b->n);
    free(b->data);
}

/* A file of a log of that size, by chance: of each level as often as of each other. */
static struct tile any_tile(uint64_t size)
{
    for (;;) {
        int level = (int)draw(4) - 1;
        unsigned shift = (unsigned)(level < 0 ? 1 : level + 1) * TILE_BITS;
        struct tile t = {level, draw((size >> shift) + 1), 0};
        t.width = tile_width(level, t.index, size);
        if (t.width) return t;
    }
}

/* ---- damages: each returns what it did, and `undo` puts back what it changed ---- */

static struct bytes undo[3];
static int undos;

static struct bytes *take(const char *name)
{
    undo[undos] = load(name);
    return &undo[undos++];
}

static struct bytes *take_any(uint64_t size)
{
    char name[TILE_PATH];
    struct tile t = any_tile(size);
    tile_path(&t, name);
    return take(draw(12) ? name : "checkpoint");
}

static void flip(uint64_t size)
{
    struct bytes *b = take_any(size);
    uint64_t bit = draw(8 * b->n);
    b->data[bit / 8] ^= (char)(1 << bit % 8);
    write_file(b->path, b->data, b->n);
    b->data[bit / 8] ^= (char)(1 << bit % 8);
}

static void truncated(uint64_t size)
{
    struct bytes *b = take_any(size);
    if (draw(4)) assert_int_equal(truncate(b->path, (off_t)draw(b->n)), 0);
    else assert_int_equal(unlink(b->path), 0);
}

static void lengthened(uint64_t size)
{
    struct bytes *b = take_any(size);
    FILE *f = fopen(b->path, "a");
    assert_non_null(f);
    for (uint64_t n = 1 + draw(40); n; n--) fputc((int)draw(256), f);
    assert_int_equal(fclose(f), 0);
}

/* Writes `b` with two pieces exchanged. */
static void write_swapped(const struct bytes *b, size_t at1, size_t n1, size_t at2, size_t n2)
{
    FILE *f = fopen(b->path, "w");
    assert_non_null(f);
    fwrite(b->data, 1, at1, f);
    fwrite(b->data + at2, 1, n2, f);
    fwrite(b->data + at1 + n1, 1, at2 - at1 - n1, f);
    fwrite(b->data + at1, 1, n1, f);
    fwrite(b->data + at2 + n2, 1, b->n - at2 - n2, f);
    assert_int_equal(fclose(f), 0);
}

/* Two entries, or two hashes of a tile, or both in step, so that entries and leaves still agree. */
static void reordered(uint64_t size)
{
    struct tile t = {TILE_ENTRIES, draw((size - 1) / TILE_WIDTH + 1), 0};
    t.width = tile_width(t.level, t.index, size);
    unsigned i = (unsigned)draw(t.width - 1), k = i + 1 + (unsigned)draw(t.width - i - 1), which = (unsigned)draw(3);
    char name[TILE_PATH];
    if (which != 1) {
        size_t at = 0, n, place[2] = {0}, length[2] = {0};
        const uint8_t *entry;
        tile_path(&t, name);
        struct bytes *b = take(name);
        for (unsigned e = 0; e <= k; e++) {
            size_t begin = at;
            assert_ok(bundle_next("b", e, (uint8_t *)b->data, b->n, &at, &entry, &n));
            if (e == i || e == k) place[e == k] = begin, length[e == k] = at - begin;
        }
        write_swapped(b, place[0], length[0], place[1], length[1]);
    }
    if (which != 0) {
        t.level = 0;
        tile_path(&t, name);
        write_swapped(take(name), i * 32, 32, k * 32, 32);
    }
}

/* Two whole files of a level in each other's place. */
static void exchanged(uint64_t size)
{
    char name[2][TILE_PATH];
    uint64_t whole = size / TILE_WIDTH, first = draw(whole);
    struct tile a = {(int)draw(2) - 1, first, TILE_WIDTH}, b = a;
    b.index = (first + 1 + draw(whole - 1)) % whole;
    tile_path(&a, name[0]);
    tile_path(&b, name[1]);
    struct bytes *x = take(name[0]), *y = take(name[1]);
    write_file(x->path, y->data, y->n);
    write_file(y->path, x->data, x->n);
}

static const struct damage { const char *name; void (*make)(uint64_t size); } damages[] = {
    {"bit flips", flip}, {"truncations", truncated}, {"lengthenings", lengthened}, {"reorderings", reordered}, {"exchanges", exchanged},
};
enum { DAMAGES = sizeof damages / sizeof *damages };

static void damage_many(uint64_t size, int times)
{
    uint64_t seen, count[DAMAGES] = {0};
    for (int i = 0; i < times; i++) {
        const struct damage *d = &damages[draw(8) < 4 ? draw(2) : draw(DAMAGES)];
        count[d - damages]++;
        d->make(size);
        uint64_t at = drawn;
        if (verify_log(dir, &seen) == HEARTH_OK) fail_msg("not found: %s, number %d (drawn %llu)", d->name, i, (unsigned long long)at);
        if (!strstr(hearth_errmsg(), "ledger")) fail_msg("%s: the message names no file: %s", d->name, hearth_errmsg());
        while (undos) put_back(&undo[--undos]);
    }
    for (int i = 0; i < DAMAGES; i++) print_message("# %s: %llu, all found\n", damages[i].name, (unsigned long long)count[i]);
}

static void damage(void **state)
{
    (void)state;
    make_log(dir, 1000, 100);
    damage_many(1000, soak() ? 80000 : 800);
    assert_good(dir, 1000);
}

/* Another history, signed by the same key: what a dishonest owner, or who stole the key, would put in the ledger's place.  What was
 * signed before is remembered beside the key. */
static void forks(void **state)
{
    int times = soak() ? 20000 : 200;
    char other[160];
    (void)state;
    make_log(dir, 1000, 1000);
    struct bytes key = load("../keys/ledger.key"), checkpoint = load("checkpoint");
    snprintf(other, sizeof other, "%s/o/ledger", home);
    for (int i = 0; i < times; i++) {
        static char text[1200][256];
        struct ledger_bytes e[1200];
        struct ledger *l;
        size_t n = 1 + draw(1200), changed = draw(1000);
        uint64_t size;
        for (size_t k = 0; k < n; k++) e[k] = (struct ledger_bytes){text[k], entry_text(k, text[k])};
        if (changed < n) text[changed][draw(e[changed].n)] ^= (char)(1 << draw(8));
        remove_tree(in_home("o"));
        assert_int_equal(mkdir(in_home("o"), 0700) || mkdir(in_home("o/keys"), 0700), 0);
        assert_ok(keys_write(in_home("o/keys/ledger.key"), key.data, key.n));
        assert_ok(ledger_open(other, LEDGER_APPEND, &l));
        assert_ok(ledger_append(l, e, n, NULL));
        ledger_close(l);
        assert_good(other, n);                             /* nothing is wrong with it, taken alone */
        int mixed = i % 4 == 3;                            /* its tiles under the true checkpoint */
        remove_tree(dir);
        assert_int_equal(rename(other, dir), 0);
        if (mixed) write_file(checkpoint.path, checkpoint.data, checkpoint.n);
        if (verify_log(dir, &size) == HEARTH_OK) fail_msg("fork %d not found: %zu entries, entry %zu changed", i, n, changed);
        if (ledger_open(dir, LEDGER_APPEND, &l) == HEARTH_OK) {
            /* nor is it grown on from; mixed, only the right edge is looked at, so a change far from it is verify's to find */
            enum hearth_status st = append_texts(l, 0, 1, NULL);
            if (!mixed) assert_int_equal(st, HEARTH_ECHECKSUM);
            ledger_close(l);
        }
    }
    free(key.data);
    free(checkpoint.data);
    print_message("# forks: %d, all found\n", times);
}

/* ---- kill -9 ---- */

struct acked { uint64_t at, seq; uint32_t writer, n; };

static size_t seq_text(uint32_t writer, uint64_t seq, uint32_t i, char out[64])
{
    return (size_t)sprintf(out, "{\"writer\":%u,\"seq\":%llu,\"of\":%u}", writer, (unsigned long long)seq, i);
}

static void write_for_ever(uint32_t writer, int pipe_)
{
    struct ledger *l;
    if (ledger_open(dir, LEDGER_APPEND, &l) != HEARTH_OK) _exit(3);
    for (struct acked a = {.writer = writer};; a.seq++) {
        char text[7][64];
        struct ledger_bytes e[7];
        a.n = 1 + (uint32_t)((a.seq * 5 + writer) % 7);
        for (uint32_t i = 0; i < a.n; i++) e[i] = (struct ledger_bytes){text[i], seq_text(writer, a.seq, i, text[i])};
        if (ledger_append(l, e, a.n, &a.at) != HEARTH_OK) {
            fprintf(stderr, "# %s\n", hearth_errmsg());
            _exit(4);
        }
        if (write(pipe_, &a, sizeof a) != sizeof a) _exit(5);
    }
}

static void check_acked(struct ledger *l, const struct acked *a)
{
    for (uint32_t i = 0; i < a->n; i++) {
        char text[64];
        void *data;
        size_t n;
        assert_ok(ledger_entry(l, a->at + i, &data, &n));
        assert_int_equal(n, seq_text(a->writer, a->seq, i, text));
        assert_memory_equal(data, text, n);
        free(data);
    }
}

static void killed(void **state)
{
    int rounds = soak() ? 200 : 8;
    uint64_t acknowledged = 0, size = 0;
    (void)state;
    for (int round = 0; round < rounds; round++) {
        int pipe_[2];
        pid_t child[2];
        struct acked a;
        struct ledger *l;
        real_fsync = round % 2;
        assert_int_equal(pipe(pipe_), 0);
        for (uint32_t w = 0; w < 2; w++) {
            child[w] = fork();
            assert_true(child[w] >= 0);
            if (child[w]) continue;
            close(pipe_[0]);
            write_for_ever(w + 2 * (uint32_t)round, pipe_[1]);
        }
        close(pipe_[1]);
        /* some acknowledgements from the pipe, a little longer, then both die in the middle of something */
        uint64_t more = draw(real_fsync ? 6 : 60), got = 0;
        struct acked seen[64];
        while (got < more && read(pipe_[0], &a, sizeof a) == sizeof a) seen[got++] = a;
        assert_int_equal(got, more);
        nanosleep(&(struct timespec){0, (long)draw(5000000)}, NULL);
        for (int w = 0; w < 2; w++) kill(child[w], SIGKILL);
        for (int w = 0; w < 2; w++) {
            int status;
            assert_int_equal(waitpid(child[w], &status, 0), child[w]);
            assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        }
        real_fsync = 0;
        assert_ok(ledger_open(dir, LEDGER_READ, &l));
        for (uint64_t i = 0; i < got; i++) check_acked(l, &seen[i]);
        for (ssize_t n; (n = read(pipe_[0], &a, sizeof a)) > 0; got++) {
            assert_int_equal(n, sizeof a);
            check_acked(l, &a);
        }
        close(pipe_[0]);
        acknowledged += got;
        uint64_t before = size;
        assert_ok(ledger_verify(l, &size, NULL, NULL));
        assert_true(size >= before);
        ledger_close(l);
    }
    print_message("# %d kills of two writers, %llu appends acknowledged, %llu entries, none lost\n", rounds,
                  (unsigned long long)acknowledged, (unsigned long long)size);
}

/* ---- a large log ---- */

static double cpu(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double wall(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void prove_many(struct ledger *l, uint64_t size)
{
    uint8_t root[32], leaf[32], old[32], (*proof)[32];
    size_t n, longest = 0;
    double used = 0, worst = 0;
    int times = 300;
    assert_ok(ledger_root(l, size, root));
    for (int i = 0; i < times; i++) {
        uint64_t index = draw(size);
        double begun = cpu();
        assert_ok(ledger_inclusion(l, index, size, &proof, &n));
        double took = cpu() - begun;
        used += took;
        if (took > worst) worst = took;
        if (n > longest) longest = n;
        assert_ok(ledger_leaf(l, index, leaf));
        assert_ok(merkle_check_inclusion(index, size, leaf, (const uint8_t (*)[32])proof, n, root));
        free(proof);
        if (i % 10) continue;
        assert_ok(ledger_consistency(l, index + 1, size, &proof, &n));
        assert_ok(ledger_root(l, index + 1, old));
        assert_ok(merkle_check_consistency(index + 1, size, old, root, (const uint8_t (*)[32])proof, n));
        free(proof);
    }
    print_message("# inclusion proofs of up to %zu hashes: %.3f ms of one core each, the slowest %.3f ms\n", longest, used / times * 1e3, worst * 1e3);
    assert_true(used / times < 2e-3);
}

static void large(void **state)
{
    uint64_t size = soak() ? 1000000 : 70000, group = 1000, seen, at;
    struct ledger *l;
    (void)state;
    real_fsync = soak();
    assert_ok(ledger_open(dir, LEDGER_APPEND, &l));
    double begun = cpu(), since = wall();
    for (uint64_t i = 0; i < size; i += group) assert_ok(append_texts(l, i, group, &at));
    double used = cpu() - begun, waited = wall() - since;
    print_message("# %llu entries in groups of %llu: %.0f a second of one core, %.0f by the clock%s\n", (unsigned long long)size,
                  (unsigned long long)group, (double)size / used, (double)size / waited, real_fsync ? "" : " (the disk not waited for)");
    assert_true((double)size / used >= 20000);
    begun = cpu();
    assert_ok(ledger_verify(l, &seen, NULL, NULL));
    assert_int_equal(seen, size);
    print_message("# verified in %.2f s of one core\n", cpu() - begun);
    prove_many(l, size);
    begun = cpu(), since = wall();
    for (uint64_t i = 0; i < 100; i++) assert_ok(append_texts(l, size + i, 1, &at));
    print_message("# one entry at a time: %.2f ms of one core, %.2f ms by the clock\n", (cpu() - begun) * 10, (wall() - since) * 10);
    ledger_close(l);
    real_fsync = 0;
    damage_many(size + 100, soak() ? 100 : 5);
}

#define T(f) cmocka_unit_test_setup_teardown(f, fresh, home_remove)
int main(int argc, char **argv)          /* [TEST]: only that one */
{
    const struct CMUnitTest with[] = {T(damage), T(forks), T(killed), T(large)};
    uint8_t random[1];
    if (argc > 1) cmocka_set_test_filter(argv[1]);
    return crypto_random(random, 1) == HEARTH_OK ? cmocka_run_group_tests(with, NULL, NULL) : (puts("1..1\nok 1 - no libcrypto, no ledger"), 0);
}
