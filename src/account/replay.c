/* replay.c - see replay.h. */
#include "account/replay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "hub/digest.h"
#include "hub/hub.h"
#include "hub/lora.h"
#include "hub/modeldir.h"
#include "model/adapter.h"
#include "os/os.h"

/* Made from docs/arithmetic-history.md by the Makefile: {version, "since", "what changed"}. */
static const struct { int version; const char *since; } history[] = {
#include "gen/arithmetic.h"
};
enum { VERSIONS = sizeof history / sizeof *history, PIECE = 1 << 22 };

const char *replay_release(int version, char out[96])
{
    snprintf(out, 96, "a newer hearth than this one (%s)", hearth_version());
    for (int i = 0; i < VERSIONS; i++) {
        if (history[i].version != version) continue;
        if (i + 1 < VERSIONS) snprintf(out, 96, "hearth %s to before %s", history[i].since, history[i + 1].since);
        else snprintf(out, 96, "hearth %s and later", history[i].since);
    }
    return out;
}

/* ---- the model's file ---- */

static char *copy(const char *s)
{
    char *c = mem_array(strlen(s) + 1, 1);
    return c ? strcpy(c, s) : NULL;
}

static enum hearth_status find_imported(const char *sha256, char **path)
{
    struct hub_model *m = NULL;
    size_t n = 0;
    TRY(hub_list(0, &m, &n));
    for (size_t i = 0; i < n && !*path; i++)
        if (!strcmp(m[i].sha256, sha256) && m[i].path[0] && access(m[i].path, R_OK) == 0) *path = copy(m[i].path);
    hub_models_free(m, n);
    return HEARTH_OK;
}

enum hearth_status replay_model(const struct receipt *r, const struct transcript *t, char **path)
{
    char blob[96], *stored = NULL;
    const char *file = t ? json_string_value(json_object_get(json_object_get(t->json, "model"), "file")) : NULL;
    *path = NULL;
    snprintf(blob, sizeof blob, "blobs/sha256-%s", r->model.sha256);
    TRY(hub_path(HUB_MODELS, blob, &stored));
    if (access(stored, R_OK) == 0) {
        *path = stored;
        return HEARTH_OK;
    }
    free(stored);
    TRY(find_imported(r->model.sha256, path));
    if (!*path && file && access(file, R_OK) == 0) *path = copy(file);
    if (*path) return HEARTH_OK;
    return fail(HEARTH_ENOTFOUND, "the model of this receipt, %s (SHA-256 %s), is not on this computer; --model FILE says where it lies",
                r->model.name, r->model.sha256);
}

enum hearth_status replay_digest(const char *path, const volatile int *cancel, char hex[65])
{
    struct mapping map;
    struct sha256 *sum = NULL;
    enum hearth_status st;
    const struct hub_callbacks c = {.cancel = cancel};
    if (modeldir_is(path)) return modeldir_digest(path, &c, hex, NULL);
    TRY(os_map(path, &map));
    TRY_GOTO(st, done, sha256_open(&sum));
    for (size_t at = 0; at < map.size; at += PIECE) {
        if (cancel && __atomic_load_n(cancel, __ATOMIC_RELAXED)) {
            st = fail(HEARTH_ECANCELLED, "cancelled");
            goto done;
        }
        TRY_GOTO(st, done, sha256_add(sum, (const char *)map.data + at, map.size - at < PIECE ? map.size - at : PIECE));
    }
    st = sha256_end(sum, hex);
done:
    sha256_close(sum);
    os_unmap(&map);
    return st;
}

/* ---- running ---- */

struct comparing {
    const struct transcript *t;
    struct replay *out;
    int stop;                        /* what is behind the last token is of no interest: the answer was cancelled there */
    struct buf text;
    size_t least;                    /* bytes of text before the last token's */
    enum hearth_status st;
};

static int on_token(void *user, const struct hearth_token *token)
{
    struct comparing *c = user;
    size_t i = c->out->tokens;
    if (c->stop && i == c->t->n_answer) return 1;
    if (i + 1 == c->t->n_answer) c->least = c->text.len;
    if (i < c->t->n_answer && token->id == c->t->answer[i]) {
        c->out->tokens++;
        return 0;
    }
    c->out->equal = 0;
    c->out->at = i;
    c->out->was = i < c->t->n_answer ? c->t->answer[i] : -1;
    c->out->is = token->id;
    return 1;
}

static int on_text(void *user, const char *text, size_t n)
{
    struct comparing *c = user;
    c->st = transcript_put_text(&c->text, text, n);
    return c->st != HEARTH_OK;
}

static enum hearth_status compare(const struct receipt *r, const struct transcript *t, struct hearth_session *s,
                                  const struct hearth_grammar *grammar, const struct replay_params *p, struct replay *out)
{
    struct comparing c = {.t = t, .out = out};
    struct hearth_generate_params g = t->params;
    struct hearth_result result;
    int cancelled = !strcmp(r->finish, "cancelled");
    g.grammar = t->n_answer ? grammar : NULL;
    c.stop = cancelled && g.grammar;                   /* a grammar heeds how many tokens are left: the limit must be what it was */
    if (cancelled && !c.stop) g.max_tokens = (int)t->n_answer;
    g.on_token = on_token;
    g.on_text = on_text;
    g.user = &c;
    g.cancel = p->cancel;
    out->equal = 1;
    enum hearth_status st = hearth_generate(s, t->prompt, t->n_prompt, &g, &result);
    if (st == HEARTH_OK) st = c.st;
    if (st == HEARTH_OK && out->equal && result.finish == HEARTH_FINISH_CANCELLED && !(c.stop && out->tokens == t->n_answer))
        st = fail(HEARTH_ECANCELLED, "cancelled");
    if (out->equal && out->tokens < t->n_answer) {
        out->equal = 0;
        out->at = out->tokens;
        out->was = t->answer[out->at];
        out->is = -1;
    }
    if (st == HEARTH_OK && out->equal) replay_check_answer(r, t, &c.text, c.least, result.finish, out);
    buf_free(&c.text);
    return st;
}

/* The adapter that the answer was made with: one at most, known by its digest; a derived model's is in the store.  At another scale than
 * its own it is *scaled, which has the numbers of *out. */
static enum hearth_status take_adapter(const struct receipt *r, struct hearth_model *m, const struct replay_params *p, struct hearth_adapter **out,
                                       struct hearth_adapter **scaled)
{
    char hex[65];
    int cached;
    if (!r->n_adapters) return HEARTH_OK;
    if (r->n_adapters > 1) return fail(HEARTH_EUNSUPPORTED, "the receipt names %zu adapters, and one can be replayed", r->n_adapters);
    char *own = NULL;
    const char *name = r->adapter[0].name;
    if (!p->adapter && (strncmp(name, "sha256-", 7) != 0 || lora_path(name + 7, &own) != HEARTH_OK))
        return fail(HEARTH_EUSAGE, "the answer was made with the adapter %s: --adapter says where it is", name);
    const char *path = own ? own : p->adapter;
    enum hearth_status st = hearth_adapter_open(m, path, out);
    if (st == HEARTH_OK) st = hub_digest((*out)->weights, NULL, hex, &cached);
    if (st == HEARTH_OK && strcmp(hex, r->adapter[0].sha256) != 0)
        st = fail(HEARTH_ECHECKSUM, "%s: its SHA-256 is %s, that of the receipt's adapter %s", path, hex, r->adapter[0].sha256);
    if (st == HEARTH_OK && r->adapter[0].scale != 1) st = hearth_adapter_scale(*out, r->adapter[0].scale, scaled);
    if (st != HEARTH_OK) hearth_adapter_close(*out), *out = NULL;
    free(own);
    return st;
}

static enum hearth_status run(const struct receipt *r, const struct transcript *t, struct hearth_model *m, const struct replay_params *p,
                              struct replay *out)
{
    struct hearth_session_params sp = {.ctx = t->context, .kv = t->kv, .chunk = p->chunk};
    enum hearth_status st;
    struct hearth_session *s = NULL;
    struct hearth_grammar *grammar = NULL;
    struct hearth_adapter *adapter = NULL, *scaled = NULL;
    TRY(take_adapter(r, m, p, &adapter, &scaled));
    if (t->grammar) TRY_GOTO(st, done, hearth_grammar_open(m, t->grammar_kind, t->grammar, strlen(t->grammar), &grammar));
    st = hearth_session_open(m, &sp, &s);
    if (st == HEARTH_OK && adapter) st = hearth_session_adapt(s, scaled ? scaled : adapter);
    if (st == HEARTH_OK) st = compare(r, t, s, grammar, p, out);
done:
    hearth_session_close(s);
    hearth_adapter_close(scaled);
    hearth_adapter_close(adapter);
    hearth_grammar_close(grammar);
    return st;
}

enum hearth_status replay_run(const struct receipt *r, const struct transcript *t, struct hearth_model *m,
                              const struct replay_params *p, struct replay *out)
{
    double begun = clock_seconds();
    *out = (struct replay){0};
    TRY(transcript_check(t, r));
    if (p->model_sha256 && strcmp(p->model_sha256, r->model.sha256) != 0) out->causes |= REPLAY_OTHER_MODEL;
    if (r->arithmetic.version != hearth_arithmetic_version()) out->causes |= REPLAY_OTHER_ARITHMETIC;
    if (!r->arithmetic.replayable) out->causes |= REPLAY_NOT_REPLAYABLE;
    replay_check_options(r, t, out);
    if (!(out->causes & REPLAY_OTHER_MODEL)) TRY(replay_check_model(r, m, out));
    TRY(run(r, t, m, p, out));
    TRY(replay_check_words(r, t, m, out));
    out->seconds = clock_seconds() - begun;
    return HEARTH_OK;
}
