/* crowd - many conversations at once against one, on a real model.
 *
 *     crowd MODEL [CLIENTS [PROMPT [ANSWER]]]        64 clients, prompts of 20 tokens, answers of 64
 *
 * Prompts are made-up tokens; every second begins with the same half.  Prints tokens per second, by the wall's clock and by the
 * processor time that was spent (which a busy machine disturbs less), of a lone prompt of 512 tokens, of one client and of all
 * CLIENTS at once, and whether each of them got what hearth_generate answers alone. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/random.h"
#include "hearth.h"

enum { MOST = 256, LONG = 512 };

struct client { int32_t *prompt, *answer, *lone; size_t n, n_lone; struct hearth_result r; enum hearth_status st; };

static struct client clients[MOST];
static int n_clients = 64, prompt = 20, answer = 64, running;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t end = PTHREAD_COND_INITIALIZER;

static int failed(const char *what) { return fprintf(stderr, "crowd: %s: %s\n", what, hearth_errmsg()), 1; }

static double processor(void)
{
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) + 1e-6 * (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec);
}

static int on_token(void *user, const struct hearth_token *t)
{
    struct client *c = user;
    c->answer[c->n++] = t->id;
    return 0;
}

static int on_lone_token(void *user, const struct hearth_token *t)
{
    struct client *c = user;
    c->lone[c->n_lone++] = t->id;
    return 0;
}

static void on_end(void *user, const struct hearth_end *e)
{
    struct client *c = user;
    pthread_mutex_lock(&lock);
    c->r = e->result, c->st = e->status;
    running--;
    pthread_cond_signal(&end);
    pthread_mutex_unlock(&lock);
}

static struct hearth_generate_params params(struct client *c)
{
    struct hearth_generate_params p = { .max_tokens = answer, .logprobs = -1, .user = c };
    hearth_sampling_defaults(&p.sampling);
    p.sampling.seed = (uint64_t)(c - clients);
    return p;
}

/* The first n of the clients at once. */
static int at_once(struct hearth_engine *e, int n, double *wall, double *spent, size_t *told)
{
    *wall = clock_seconds(), *spent = processor(), *told = 0;
    running = n;
    for (int i = 0; i < n; i++) {
        struct hearth_request q = { .prompt = clients[i].prompt, .n = (size_t)prompt, .params = params(&clients[i]), .on_end = on_end };
        q.params.on_token = on_token;
        clients[i].n = 0;
        if (hearth_engine_submit(e, &q, NULL)) return failed("submit");
    }
    pthread_mutex_lock(&lock);
    while (running) pthread_cond_wait(&end, &lock);
    pthread_mutex_unlock(&lock);
    *wall = clock_seconds() - *wall, *spent = processor() - *spent;
    for (int i = 0; i < n; i++) {
        if (clients[i].st) return fprintf(stderr, "crowd: client %d failed\n", i), 1;
        *told += clients[i].n;
    }
    return 0;
}

static int lone(struct hearth_model *m)
{
    struct hearth_session *s;
    int32_t ids[LONG];
    double wall, spent;
    if (hearth_session_open(m, &(struct hearth_session_params){ .ctx = LONG > prompt + answer ? LONG : (uint32_t)(prompt + answer) }, &s))
        return failed("session");
    for (int i = 0; i < LONG; i++) ids[i] = clients[i % n_clients].prompt[i % prompt];
    wall = clock_seconds(), spent = processor();
    if (hearth_session_eval(s, ids, LONG, NULL)) return failed("eval");
    wall = clock_seconds() - wall, spent = processor() - spent;
    printf("lone prompt of %d:   %7.1f tokens/s read, %7.1f a processor second\n", LONG, LONG / wall, LONG / spent);
    for (int i = 0; i < n_clients; i++) {
        struct hearth_generate_params p = params(&clients[i]);
        p.on_token = on_lone_token;
        if (hearth_session_rewind(s, 0) || hearth_generate(s, clients[i].prompt, (size_t)prompt, &p, NULL)) return failed("generate");
    }
    hearth_session_close(s);
    return 0;
}

static int measure(struct hearth_model *m)
{
    struct hearth_engine *e;
    struct hearth_engine_stats s;
    double wall, spent, one = 1, one_spent = 1;
    size_t told;
    int wrong = 0;
    for (int n = 1; n <= n_clients; n += n_clients > 1 ? n_clients - 1 : 1) {
        struct hearth_engine_params p = { .ctx = (uint32_t)(prompt + answer), .parallel = (uint32_t)n_clients, .queue = MOST };
        if (hearth_engine_open(m, &p, &e)) return failed("engine");
        if (at_once(e, n, &wall, &spent, &told)) return 1;
        hearth_engine_stats(e, &s);
        double rate = (double)told / wall, by_spent = (double)told / spent, all = (double)(told + s.prompt_tokens);
        if (n == 1) one = rate, one_spent = by_spent;
        printf("%3d at once: output %7.1f tokens/s (%.2f x one), %7.1f a processor second (%.2f x); processed %.1f and %.1f\n", n, rate,
               rate / one, by_spent, by_spent / one_spent, all / wall, all / spent);
        hearth_engine_close(e);
    }
    if (lone(m)) return 1;
    for (int i = 0; i < n_clients; i++)
        wrong += clients[i].n != clients[i].n_lone || memcmp(clients[i].answer, clients[i].lone, clients[i].n * sizeof(int32_t)) != 0;
    printf("%d of %d got what they get alone\n", n_clients - wrong, n_clients);
    return wrong != 0;
}

int main(int argc, char **argv)
{
    struct hearth_model_info info;
    struct hearth_model *m;
    if (argc > 2) n_clients = atoi(argv[2]);
    if (argc > 3) prompt = atoi(argv[3]);
    if (argc > 4) answer = atoi(argv[4]);
    if (argc < 2 || n_clients < 1 || n_clients > MOST || prompt < 1 || prompt > 4096 || answer < 1 || answer > 4096)
        return fprintf(stderr, "usage: crowd MODEL [CLIENTS 1..%d [PROMPT [ANSWER]]]\n", MOST), 2;
    if (hearth_model_open(argv[1], NULL, &m)) return failed(argv[1]);
    hearth_model_describe(m, &info);
    for (int i = 0; i < n_clients; i++) {
        struct client *c = &clients[i];
        c->prompt = calloc((size_t)prompt, sizeof *c->prompt);
        c->answer = calloc((size_t)answer, sizeof *c->answer), c->lone = calloc((size_t)answer, sizeof *c->lone);
        if (!c->prompt || !c->answer || !c->lone) return fprintf(stderr, "crowd: out of memory\n"), 1;
        for (int t = 0; t < prompt; t++) {
            uint64_t who = i % 2 && t < prompt / 2 ? 0 : (uint64_t)i + 1;
            c->prompt[t] = 100 + (int32_t)(random_uniform(who, (uint64_t)t, 0) * (float)(info.vocabulary - 200));
        }
    }
    int bad = measure(m);
    for (int i = 0; i < n_clients; i++) free(clients[i].prompt), free(clients[i].answer), free(clients[i].lone);
    hearth_model_close(m);
    return bad;
}
