/* bench.c - `hearth bench [MODEL]`: how fast, as a share of what this machine can do.
 *
 * Two limits are measured beside every model, before and after it, and the larger value counts (a limit is the most
 * that was seen):
 *
 *     decode   reads all weights once a token:       at most   read bandwidth / bytes of weights
 *     prefill  multiplies them with many tokens:     at most   FMA peak / operations a token       (integer kernels may
 *              pass it: eight 4-bit products do not cost eight fused multiply-adds)
 *
 * Each model is measured in a process of its own, so that its peak memory is its own; the time to the first token is
 * that of a fresh `hearth run`, from its start to the first byte it writes.  All numbers are medians. */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/clock.h"
#include "cmd/models.h"

enum { MOST_REPEATS = 100, MOST_TYPES = 64 };

static int want_json, repeats = 5, n_prompt = 512, n_answer = 128, threads;
static struct opt_list types;

static const struct opt options[] = {
    {"type", 0, OPT_LIST, "TYPE",
     "measure the model quantised to TYPE; may be repeated; all: every type this build writes", &types, 0, 0, 0, 0},
    {"prompt", 0, OPT_INT, "N", "tokens of the prompt (default 512)", &n_prompt, 1, 100000, 0, 0},
    {"answer", 0, OPT_INT, "N", "tokens of the answer (default 128)", &n_answer, 1, 100000, 0, 0},
    {"repeats", 0, OPT_INT, "N",
     "how often each is measured; the median counts (default 5)", &repeats, 1, MOST_REPEATS, 0, 0},
    {"threads", 0, OPT_INT, "N", "threads (default: the cores this process may use)", &threads, 1, 1024, 0, 0},
    {"json", 0, OPT_FLAG, 0, "print one JSON object", &want_json, 0, 0, 0, 0},
    {0},
};

struct figures {                      /* plain numbers: they come through a pipe */
    double prefill, decode;           /* tokens per second */
    double load, first_token;         /* seconds */
    uint64_t file_bytes, weight_bytes, flops, kv_bytes;
    uint64_t peak, anonymous, file;   /* bytes of resident memory */
    double read_gbs, fma_gflops;
    int threads, code;
};

static int less(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *v, int n)
{
    qsort(v, (size_t)n, sizeof *v, less);
    return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

/* ---- in the process of one model ---- */

/* A line of /proc/self/status, "VmHWM:    1234 kB", in bytes; 0 where the system does not tell. */
static uint64_t status_bytes(const char *key)
{
    char line[256];
    unsigned long long kb = 0;
    FILE *f = fopen("/proc/self/status", "r");
    size_t n = strlen(key);
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, key, n) == 0 && line[n] == ':') kb = strtoull(line + n + 1, NULL, 10);
    if (f) fclose(f);
    return kb * 1024;
}

static enum hearth_status measure_speed(struct hearth_session *s, const int32_t *ids, struct figures *f)
{
    double prefill[MOST_REPEATS], decode[MOST_REPEATS];
    for (int r = 0; r < repeats; r++) {
        enum hearth_status st = hearth_session_rewind(s, 0);
        double begun = clock_seconds();
        if (st == HEARTH_OK) st = hearth_session_eval(s, ids, (size_t)n_prompt, NULL);
        prefill[r] = n_prompt / (clock_seconds() - begun);
        if (st == HEARTH_OK) st = hearth_session_rewind(s, 0);
        if (st == HEARTH_OK) st = hearth_session_eval(s, ids, 1, NULL);
        begun = clock_seconds();
        for (int i = 0; i < n_answer && st == HEARTH_OK; i++) st = hearth_session_eval(s, ids + 1 + i, 1, NULL);
        decode[r] = n_answer / (clock_seconds() - begun);
        if (st != HEARTH_OK) return st;
    }
    f->prefill = median(prefill, repeats);
    f->decode = median(decode, repeats);
    return HEARTH_OK;
}

/* Any tokens do: the time does not depend on them. */
static int32_t *some_tokens(uint32_t vocabulary)
{
    int n = (n_prompt > n_answer ? n_prompt : n_answer) + 1;
    int32_t *ids = xrealloc(NULL, (size_t)n, sizeof *ids);
    for (int i = 0; i < n; i++) ids[i] = (int32_t)((1000003ull * (unsigned)i + 7) % vocabulary);
    return ids;
}

static void measure_model(const char *path, struct figures *f)
{
    struct hearth_model_params mp = {.threads = threads};
    struct hearth_session_params sp = {.ctx = (uint32_t)(n_prompt > n_answer ? n_prompt : n_answer) + 1};
    struct hearth_model_info info;
    struct hearth_memory memory;
    struct hearth_model *m = NULL;
    struct hearth_session *s = NULL;
    double begun = clock_seconds();
    enum hearth_status st = hearth_model_open(path, &mp, &m);
    f->load = clock_seconds() - begun;
    if (st == HEARTH_OK) st = hearth_session_open(m, &sp, &s);
    if (st == HEARTH_OK) {
        hearth_model_describe(m, &info);
        int32_t *ids = some_tokens(info.vocabulary);
        f->file_bytes = info.file_bytes;
        f->weight_bytes = info.weight_bytes;
        f->flops = info.flops_per_token;
        f->threads = info.threads;
        if (hearth_model_memory(m, sp.ctx, sp.kv, &memory) == HEARTH_OK) f->kv_bytes = memory.kv_cache;
        st = measure_speed(s, ids, f);
        f->peak = status_bytes("VmHWM");
        f->anonymous = status_bytes("RssAnon");
        f->file = status_bytes("RssFile");
        free(ids);
    }
    f->code = report(st);
    hearth_session_close(s);
    hearth_model_close(m);
}

/* ---- around it ---- */

/* Runs measure_model in a child and takes its figures from a pipe. */
static int measure_apart(const char *path, struct figures *f)
{
    int fd[2], status;
    size_t n = 0;
    fflush(stdout);
    fflush(stderr);
    pid_t child = pipe(fd) == 0 ? fork() : -1;
    if (child < 0) {
        complain("a process for the measurement: %s", strerror(errno));
        return EXIT_FAILED;
    }
    if (child == 0) {
        struct figures out = {0};
        close(fd[0]);
        signal(SIGINT, SIG_DFL);
        measure_model(path, &out);
        _exit(write(fd[1], &out, sizeof out) == (ssize_t)sizeof out ? EXIT_DONE : EXIT_FAILED);
    }
    close(fd[1]);
    while (n < sizeof *f) {
        ssize_t got = read(fd[0], (char *)f + n, sizeof *f - n);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) break;
        n += (size_t)got;
    }
    close(fd[0]);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
    if (n == sizeof *f) return f->code;
    if (*interrupt_watch()) return EXIT_INTERRUPTED;
    complain("%s: the measuring process ended early (%s)", path,
             WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "it could not write its figures");
    return EXIT_FAILED;
}

/* Seconds from the start of `hearth run` to the first byte of its answer; negative when it failed.  The rest is nobody's
 * answer: the process ends right there, before it makes a receipt. */
static double first_token_once(const char *path)
{
    int fd[2], status = 0;
    char byte;
    double begun = clock_seconds();
    pid_t child = pipe(fd) == 0 ? fork() : -1;
    if (child < 0) return -1;
    if (child == 0) {
        int null = open("/dev/null", O_RDWR);
        if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDERR_FILENO) < 0 || dup2(fd[1], STDOUT_FILENO) < 0)
            _exit(EXIT_FAILED);
        close(fd[0]);
        close(fd[1]);
        execl("/proc/self/exe", "hearth", "run", path, "Why is the sky blue?", "--temp", "0", "--max-tokens", "64", (char *)NULL);
        _exit(EXIT_FAILED);
    }
    close(fd[1]);
    ssize_t got = read(fd[0], &byte, 1);
    double seconds = clock_seconds() - begun;
    kill(child, SIGKILL);
    close(fd[0]);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
    return got == 1 ? seconds : -1;
}

static int first_token(const char *path, double *seconds)
{
    double v[MOST_REPEATS];
    for (int r = 0; r < repeats; r++) {
        v[r] = first_token_once(path);
        if (*interrupt_watch()) return EXIT_INTERRUPTED;
        if (v[r] < 0) {
            complain("%s: `hearth run` failed when the time to its first token was measured", path);
            return EXIT_FAILED;
        }
    }
    *seconds = median(v, repeats);
    return EXIT_DONE;
}

/* The limits now, kept where they are more than before. */
static int measure_limits(int with_threads, struct figures *f)
{
    double gbs, gflops;
    enum hearth_status st = hearth_machine_measure(with_threads, 0.3, &gbs, &gflops);
    if (st != HEARTH_OK) return report(st);
    f->read_gbs = fmax(f->read_gbs, gbs);
    f->fma_gflops = fmax(f->fma_gflops, gflops);
    return EXIT_DONE;
}

static int bench_file(const char *path, int with_threads, struct figures *f)
{
    struct figures before = {0};
    double seconds = 0;
    int code = measure_limits(with_threads, &before);
    if (code == EXIT_DONE) code = measure_apart(path, f);
    if (code != EXIT_DONE) return code;
    f->read_gbs = before.read_gbs;
    f->fma_gflops = before.fma_gflops;
    if ((code = measure_limits(with_threads, f)) != EXIT_DONE) return code;
    if ((code = first_token(path, &seconds)) != EXIT_DONE) return code;
    f->first_token = seconds;
    return EXIT_DONE;
}

/* ---- what is printed ---- */

struct result { const char *type; struct figures f; };

static double decode_limit(const struct figures *f)
{
    return f->weight_bytes ? f->read_gbs * 1e9 / (double)f->weight_bytes : 0;
}

static double prefill_limit(const struct figures *f)
{
    return f->flops ? f->fma_gflops * 1e9 / (double)f->flops : 0;
}

static double share(double a, double b)
{
    return b > 0 ? a / b : 0;
}

static json_t *result_json(const struct result *r)
{
    const struct figures *f = &r->f;
    return json_pack(
        "{s:s, s:I, s:I, s:I, s:{s:f, s:f}, s:{s:i, s:f, s:f, s:f}, s:{s:i, s:f, s:f, s:f}, s:f, s:f, s:{s:I, s:I, s:I, s:I}}",
        "type", r->type, "file_bytes", (json_int_t)f->file_bytes, "weight_bytes", (json_int_t)f->weight_bytes,
        "flops_per_token", (json_int_t)f->flops,
        "limits", "read_gigabytes_per_second", f->read_gbs, "fma_gigaflops", f->fma_gflops,
        "prefill", "tokens", n_prompt, "tokens_per_second", f->prefill, "limit", prefill_limit(f),
        "share", share(f->prefill, prefill_limit(f)),
        "decode", "tokens", n_answer, "tokens_per_second", f->decode, "limit", decode_limit(f),
        "share", share(f->decode, decode_limit(f)),
        "load_seconds", f->load, "first_token_seconds", f->first_token,
        "memory", "peak", (json_int_t)f->peak, "anonymous", (json_int_t)f->anonymous, "file", (json_int_t)f->file,
        "kv_cache", (json_int_t)f->kv_bytes);
}

static int print_json(const char *model, const struct result *r, size_t n)
{
    struct hearth_machine m = {0};
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) json_array_append_new(list, result_json(&r[i]));
    if (hearth_machine_describe(&m) != HEARTH_OK) return report(HEARTH_EIO);
    return json_print(json_pack(
        "{s:o, s:s, s:s, s:s, s:i, s:i, s:i, s:o, s:o}", "cpu", json_text(m.cpu, strlen(m.cpu)), "isa", hearth_isa(),
        "version", hearth_version(), "commit", hearth_commit(), "arithmetic_version", hearth_arithmetic_version(),
        "threads", n ? r[0].f.threads : 0, "repeats", repeats, "model", json_text(model, strlen(model)), "results", list));
}

static void print_table(const char *model, const struct result *r, size_t n)
{
    static const char *const head[] = {"type", "file", "prefill t/s", "of FMA peak", "decode t/s", "of bandwidth", "first token",
                                       "load", "peak memory", "anonymous", "file-backed"};
    struct table t = {.columns = 11, .right = "01111111111"};
    char b[24];
    for (int i = 0; i < 11; i++) table_cell(&t, "%s", head[i]);
    for (size_t i = 0; i < n; i++) {
        const struct figures *f = &r[i].f;
        table_cell(&t, "%s", r[i].type);
        table_cell(&t, "%s", show_bytes(f->file_bytes, b));
        table_cell(&t, "%.0f", f->prefill);
        table_cell(&t, "%.0f %%", 100 * share(f->prefill, prefill_limit(f)));
        table_cell(&t, "%.1f", f->decode);
        table_cell(&t, "%.0f %%", 100 * share(f->decode, decode_limit(f)));
        table_cell(&t, "%s", show_seconds(f->first_token, b));
        table_cell(&t, "%s", show_seconds(f->load, b));
        table_cell(&t, "%s", show_bytes(f->peak, b));
        table_cell(&t, "%s", show_bytes(f->anonymous, b));
        table_cell(&t, "%s", show_bytes(f->file, b));
    }
    double gbs = 0, gflops = 0;
    for (size_t i = 0; i < n; i++) gbs = fmax(gbs, r[i].f.read_gbs), gflops = fmax(gflops, r[i].f.fma_gflops);
    term_write(stdout, model, strlen(model));
    printf(": prefill %d tokens, decode %d, median of %d, %d threads, %s; read bandwidth %.1f GB/s, FMA peak %.0f GFLOP/s "
           "(the most that was seen before and after each)\n\n", n_prompt, n_answer, repeats, n ? r[0].f.threads : 0, hearth_isa(),
           gbs, gflops);
    table_print(&t, stdout);
}

/* ---- one type after the other ---- */

static int on_progress(void *user, uint64_t done, uint64_t total)
{
    (void)user;
    (void)done;
    (void)total;
    return *interrupt_watch();
}

/* The words of --type; without a model, or with `all`, every type. */
static int choose_types(int all, const char **out, size_t *n)
{
    const char *t;
    *n = 0;
    for (size_t k = 0; k < types.n; k++) {
        size_t i = 0;
        if (strcmp(types.item[k], "all") == 0) {
            all = 1;
            continue;
        }
        while ((t = hearth_quantize_type(i)) && strcasecmp(t, types.item[k]) != 0) i++;
        if (!t) return usage("--type: \"%s\" is not a tensor type this build writes; `hearth quantize` lists them", types.item[k]);
        if (*n < MOST_TYPES) out[(*n)++] = t;
    }
    if (!all) return EXIT_DONE;
    for (*n = 0; (t = hearth_quantize_type(*n)) && *n < MOST_TYPES; ++*n) out[*n] = t;
    return EXIT_DONE;
}

static int bench_types(const char *path, const char **type, size_t n, int with_threads, struct result *r, size_t *done)
{
    struct scratch s = {0};
    int code = scratch_make(&s, "bench");
    for (size_t i = 0; i < n && code == EXIT_DONE; i++) {
        note("%s, type %zu of %zu, measured %d times%s ...", type[i], i + 1, n, repeats,
             i == 0 && n > 4 ? " (this takes many minutes; Ctrl-C ends it with what there is)" : "");
        code = report(hearth_quantize(path, type[i], s.file, on_progress, NULL));
        r[i].type = type[i];
        if (code == EXIT_DONE) code = bench_file(s.file, with_threads, &r[i].f);
        if (code == EXIT_DONE) ++*done;
        if (*interrupt_watch()) code = EXIT_INTERRUPTED;
    }
    scratch_remove(&s);
    return code;
}

static int run(int argc, char **argv)
{
    struct result r[MOST_TYPES] = {{0}};
    const char *type[MOST_TYPES], *model = argc ? argv[0] : hub_default_name();
    struct hearth_machine machine;
    size_t n = 0, done = 0;
    char *path = NULL;
    int code = choose_types(argc == 0 && types.n == 0, type, &n);
    interrupt_watch();
    if (code == EXIT_DONE) code = report(hearth_machine_describe(&machine));
    if (code == EXIT_DONE) code = model_find(model, MODEL_TO_MEASURE, &path);
    if (code == EXIT_DONE) {
        int with_threads = threads ? threads : machine.cores_usable;
        if (n > 0) {
            code = bench_types(path, type, n, with_threads, r, &done);
        } else {
            r[0].type = "as it is";
            code = bench_file(path, with_threads, &r[0].f);
            done = code == EXIT_DONE;
        }
    }
    free(path);
    if (done > 0 && want_json) {
        int printed = print_json(model, r, done);
        if (code == EXIT_DONE) code = printed;
    } else if (done > 0) {
        print_table(model, r, done);
    }
    return code;
}

const struct command cmd_bench = {
    .name = "bench", .group = GROUP_MEASURE, .summary = "measure speed and memory against this machine's limits",
    .args = "[MODEL]", .min_args = 0, .max_args = 1, .complete = COMPLETE_MODEL,
    .about = "Measures prefill (reading a prompt) and decode (writing an answer) in tokens per second, the time to the first "
             "token of a fresh process, load time and peak memory. The read bandwidth and the peak of fused multiply-adds "
             "are measured in the same run; the shares say how near hearth comes to them.\n\n"
             "Without MODEL, the default model is measured in every tensor type, one after the other, in a scratch folder "
             "that is removed at the end.",
    .examples = "hearth bench smollm2\n"
                "hearth bench smollm2 --type Q4_0 --type Q8_0\n"
                "hearth bench --json > bench.json\n",
    .options = options, .run = run,
};
