/* bits - what a build of hearth computes, as one hash of all logits.
 *
 *     bits MODEL.gguf KV ARITHMETIC PROMPTS THREADS:CHUNK ...
 *
 * KV: f16, f32, q8_0; ARITHMETIC: quant, float; PROMPTS: a number of made-up token ids ("300"), or a file of texts with a
 * line each.  Of a model that only embeds, HASH is of the vectors of the tokens' first 1, 2, 4, 8 ... and all.  For every THREADS:CHUNK one line: "THREADS CHUNK HASH", HASH being FNV-1a over the logits of every token,
 * then of four more tokens evaluated one by one, then of the same after rewinding over them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "hearth.h"

static int failed(const char *what)
{
    fprintf(stderr, "bits: %s: %s\n", what, hearth_errmsg());
    return 1;
}

static uint64_t hash_bytes(uint64_t h, const void *data, size_t n)
{
    const unsigned char *p = data;
    for (size_t i = 0; i < n; i++) h = (h ^ p[i]) * 0x100000001b3u;
    return h;
}

struct prompt { int32_t *ids; size_t n; };

static int read_prompts(const struct hearth_model *m, const char *what, struct prompt *list, size_t max, size_t *count)
{
    struct hearth_model_info info;
    char line[4096], *end;
    long made = strtol(what, &end, 10);
    hearth_model_describe(m, &info);
    *count = 0;
    if (!*end && made > 0) {
        list[0].ids = malloc((size_t)made * sizeof *list[0].ids);
        list[0].n = (size_t)made;
        for (long i = 0; i < made; i++) list[0].ids[i] = (int32_t)(random_uniform(1, (uint64_t)i, 0) * (float)info.vocabulary);
        *count = 1;
        return 0;
    }
    FILE *f = fopen(what, "r");
    if (!f) return perror(what), 1;
    while (*count < max && fgets(line, sizeof line, f)) {
        size_t n = strcspn(line, "\n");
        struct prompt *p = &list[*count];
        if (n == 0) continue;
        if (hearth_tokenize(m, line, n, HEARTH_TOK_SPECIAL, &p->ids, &p->n)) return failed(what);
        ++*count;
    }
    fclose(f);
    return *count == 0;
}

static int hash_prompt(struct hearth_session *s, const struct prompt *p, size_t vocabulary, uint64_t *hash)
{
    float *all = malloc(p->n * vocabulary * sizeof *all);
    int32_t more[4];
    if (hearth_session_rewind(s, 0) || hearth_session_eval_all(s, p->ids, p->n, all)) return free(all), failed("eval");
    *hash = hash_bytes(*hash, all, p->n * vocabulary * sizeof *all);
    free(all);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 4; i++) {
            const float *logits = hearth_session_logits(s);
            int32_t best = p->ids[(size_t)i % p->n];
            for (size_t v = 0; round == 0 && logits && v < vocabulary; v++) if (logits[v] > logits[best]) best = (int32_t)v;
            if (round == 0) more[i] = best;
            if (hearth_session_eval(s, &more[i], 1, NULL)) return failed("eval");
            *hash = hash_bytes(*hash, hearth_session_logits(s), vocabulary * sizeof(float));
        }
        if (hearth_session_rewind(s, p->n)) return failed("rewind");
    }
    return 0;
}

static int hash_vectors(struct hearth_model *m, const struct prompt *list, size_t count, uint64_t *hash)
{
    struct hearth_model_info info;
    struct hearth_embedder *e;
    hearth_model_describe(m, &info);
    float *v = malloc(info.embedding * sizeof *v);
    if (!v || hearth_embedder_open(m, 512, &e)) return free(v), failed("embedder");
    for (size_t i = 0; i < count; i++)
        for (size_t n = 1, last = 0; !last; n *= 2) {
            last = n >= list[i].n;
            if (hearth_embedder_run(e, list[i].ids, last ? list[i].n : n, v)) return failed("embed");
            *hash = hash_bytes(*hash, v, info.embedding * sizeof *v);
        }
    hearth_embedder_close(e);
    free(v);
    return 0;
}

static int run(const char *path, enum hearth_kv kv, enum hearth_arithmetic a, const char *prompts, const char *pair)
{
    struct hearth_model_params mp = { .arithmetic = a };
    struct hearth_session_params sp = { .ctx = 1024, .kv = kv };
    struct hearth_model *m;
    struct hearth_session *s = NULL;
    struct prompt list[16];
    size_t count;
    uint64_t hash = 0xcbf29ce484222325u;
    struct hearth_model_info info;
    if (sscanf(pair, "%d:%u", &mp.threads, &sp.chunk) != 2) return fprintf(stderr, "bits: %s?\n", pair), 2;
    if (hearth_model_open(path, &mp, &m)) return failed(path);
    hearth_model_describe(m, &info);
    if (read_prompts(m, prompts, list, 16, &count)) return 1;
    if (info.only_embeds ? hash_vectors(m, list, count, &hash) : hearth_session_open(m, &sp, &s) != HEARTH_OK) return failed(path);
    for (size_t i = 0; i < count; i++) {
        if (!info.only_embeds && hash_prompt(s, &list[i], info.vocabulary, &hash)) return 1;
        hearth_free(list[i].ids);
    }
    printf("%d %u %016llx\n", mp.threads, sp.chunk, (unsigned long long)hash);
    hearth_session_close(s);
    hearth_model_close(m);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc < 6) return fprintf(stderr, "usage: bits MODEL KV ARITHMETIC PROMPTS THREADS:CHUNK ...\n"), 2;
    enum hearth_kv kv = strcmp(argv[2], "f32") == 0 ? HEARTH_KV_F32 : strcmp(argv[2], "q8_0") == 0 ? HEARTH_KV_Q8_0 : HEARTH_KV_F16;
    enum hearth_arithmetic a = strcmp(argv[3], "float") == 0 ? HEARTH_FLOAT : HEARTH_QUANT;
    for (int i = 5; i < argc; i++)
        if (run(argv[1], kv, a, argv[4], argv[i])) return 1;
    return 0;
}
