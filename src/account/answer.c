/* answer.c - making the receipt of one answer, around hearth_generate or an engine's request (hearth.h, "receipts").
 *
 *     open        reads the ini, draws the id, looks parents up, starts the meter: all that can be refused is refused here
 *     generate    hearth_generate with a tap on its callbacks: token ids and text are kept
 *     submit      the same of hearth_engine_submit; the taps run on the engine's thread, writing waits for on_end
 *     write       transcript to its folder, receipt to the ledger; the answer has long been shown
 *
 * What a receipt costs is a few hash sums, one signature and files of some KB: the model is never read again (hub_digest
 * remembers), and no database is touched. */
#include "account/answer.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "account/canonical.h"
#include "account/crypto.h"
#include "account/hex.h"
#include "account/ledger.h"
#include "account/transcript.h"
#include "base/jsontext.h"
#include "base/utf8.h"
#include "hub/hub.h"
#include "infer/engine.h"
#include "infer/session.h"
#include "os/os.h"

enum { TEXT_MAX = 256, BEHIND = 5 /* seconds that two computers' ideas of now may differ */ };

struct hearth_receipt {
    json_t *entry;                   /* schema, id, time, program and what the caller said */
    json_t *messages;
    char *model;                     /* the name it goes by, or NULL */
    size_t truncated_from;
    int constrained;
    unsigned days;                   /* 0: no transcript */
    struct meter meter;
    int metering;
    struct footprint footprint;

    struct source {                  /* who computes; model NULL: nothing was asked yet */
        struct hearth_model *model;
        size_t ctx;
        enum hearth_kv kv;
        const struct hearth_adapter *adapter;
    } source;
    struct hearth_generate_params given;
    void (*given_end)(void *user, const struct hearth_end *end);
    int (*given_prompt_token)(void *user, const struct hearth_token *t);
    struct hearth_result result;
    int32_t *prompt, *answer;
    size_t n_prompt, n_answer, room;
    struct buf text;
    enum hearth_status st;           /* of a tap that had no memory */
    int generated, first;

    struct receipt_number number;
    struct buf json, note;
};

/* ---- entries of every kind ---- */

enum hearth_status receipt_ledger(int append, struct ledger **out)
{
    char *dir = NULL;
    *out = NULL;
    TRY(hub_path(HUB_DATA, "ledger", &dir));
    enum hearth_status st = ledger_open(dir, append ? LEDGER_APPEND : LEDGER_READ, out);
    free(dir);
    return st;
}

static void now(char out[32])
{
    time_t t = time(NULL);
    struct tm tm;
    gmtime_r(&t, &tm);
    strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

enum hearth_status receipt_begin(const char *kind, json_t **out)
{
    uint8_t id[16];
    char hex[33], when[32];
    *out = NULL;
    TRY(crypto_random(id, sizeof id));
    hex_write(id, sizeof id, hex);
    now(when);
    *out = json_pack("{s:s, s:s, s:s, s:s, s:{s:s, s:s}}", "schema", RECEIPT_SCHEMA, "kind", kind, "id", hex, "time", when, "program",
                     "version", hearth_version(), "commit", hearth_commit());
    return *out ? HEARTH_OK : fail_memory(0);
}

static enum hearth_status append_text(struct ledger *l, const struct buf *text, struct receipt_number *at)
{
    uint8_t leaf[MERKLE_HASH];
    struct ledger_bytes bytes = {text->data, text->len};
    if (text->len > ENTRY_MAX) return fail(HEARTH_ELIMIT, "a receipt of %zu bytes: an entry of the ledger holds %d", text->len, ENTRY_MAX);
    TRY(merkle_leaf(text->data, text->len, leaf));
    hex_write(leaf, sizeof leaf, at->leaf);
    return ledger_append(l, &bytes, 1, &at->index);
}

enum hearth_status receipt_append(struct ledger *l, const json_t *entry, struct receipt_number *at)
{
    struct buf text = {0};
    struct receipt r = {0};
    struct receipt_number number;
    enum hearth_status st = canonical_put(&text, entry);
    if (st == HEARTH_OK) st = receipt_parse(text.data, text.len, &r);       /* nothing goes in that could not be read again */
    if (st == HEARTH_OK) st = append_text(l, &text, &number);
    if (st == HEARTH_OK && at) *at = number;
    receipt_free(&r);
    buf_free(&text);
    return st;
}

enum hearth_status receipt_decide(struct ledger *l, uint64_t index, const char *decision, const char *by, struct receipt_number *at)
{
    void *data = NULL;
    size_t n = 0;
    struct receipt r = {0};
    uint8_t leaf[MERKLE_HASH];
    char hex[65];
    json_t *entry = NULL;
    enum hearth_status st;
    TRY(ledger_entry(l, index, &data, &n));
    TRY_GOTO(st, done, receipt_parse(data, n, &r));
    if (r.kind != RECEIPT_ANSWER) {
        st = fail(HEARTH_EUSAGE, "receipt %" PRIu64 " is a %s: only an answer can be decided about", index, r.kind_name);
        goto done;
    }
    TRY_GOTO(st, done, merkle_leaf(data, n, leaf));
    hex_write(leaf, sizeof leaf, hex);
    TRY_GOTO(st, done, receipt_begin("decision", &entry));
    json_object_set_new(entry, "of", json_pack("{s:I, s:s}", "index", (json_int_t)index, "leaf", hex));
    json_object_set_new(entry, "decision", json_string(decision));
    json_object_set_new(entry, "by", json_string(by));
    st = receipt_append(l, entry, at);
done:
    json_decref(entry);
    receipt_free(&r);
    free(data);
    return st;
}

/* ---- open ---- */

static enum hearth_status say(struct hearth_receipt *r, const char *field, const char *text)
{
    if (!text) return HEARTH_OK;
    if (!*text || strlen(text) > TEXT_MAX || !utf8_valid(text, strlen(text), NULL))
        return fail(HEARTH_EUSAGE, "%s of a receipt has %zu bytes, should be UTF-8 text of 1 to %d bytes", field, strlen(text), TEXT_MAX);
    return json_object_set_new(r->entry, field, json_string(text)) == 0 ? HEARTH_OK : fail_memory(0);
}

static enum hearth_status add_parents(struct hearth_receipt *r, const uint64_t *parent, size_t n)
{
    struct ledger *l = NULL;
    json_t *list = json_array();
    uint64_t size = 0;
    uint8_t leaf[MERKLE_HASH];
    char hex[65];
    enum hearth_status st = HEARTH_OK;
    json_object_set_new(r->entry, "parents", list);
    if (n == 0) return list ? HEARTH_OK : fail_memory(0);
    if ((st = receipt_ledger(0, &l)) == HEARTH_OK) st = ledger_size(l, &size);
    if (st != HEARTH_OK && st != HEARTH_ENOTFOUND) goto done;         /* without a ledger there are 0 */
    for (size_t i = 0; i < n; i++) {
        if (parent[i] >= size) {
            st = fail(HEARTH_EUSAGE, "parent receipt %" PRIu64 " does not exist: the ledger holds %" PRIu64 ", counted from 0", parent[i], size);
            goto done;
        }
        TRY_GOTO(st, done, ledger_leaf(l, parent[i], leaf));
        hex_write(leaf, sizeof leaf, hex);
        json_array_append_new(list, json_pack("{s:I, s:s}", "index", (json_int_t)parent[i], "leaf", hex));
    }
done:
    ledger_close(l);
    return st;
}

static enum hearth_status read_messages(const char *text, json_t **out)
{
    struct buf probe = {0};
    if (!text) return (*out = json_array()) ? HEARTH_OK : fail_memory(0);
    TRY(jsontext_read("messages", text, strlen(text), out));
    enum hearth_status st = json_is_array(*out) ? canonical_put(&probe, *out) : fail(HEARTH_EFORMAT, "messages: should be a JSON array");
    buf_free(&probe);
    return st;
}

static enum hearth_status begin(struct hearth_receipt *r, const struct hearth_receipt_params *p)
{
    TRY(receipt_begin("answer", &r->entry));
    if (p->keep) TRY(transcript_days(&r->days));
    TRY(say(r, "actor", p->actor));
    TRY(say(r, "purpose", p->purpose));
    TRY(say(r, "key", p->key));
    TRY(say(r, "task", p->task));
    TRY(add_parents(r, p->parents, p->n_parents));
    TRY(read_messages(p->messages, &r->messages));
    r->truncated_from = p->truncated_from;
    r->constrained = p->constrained;
    if (p->model) {
        if (!(r->model = mem_array(strlen(p->model) + 1, 1))) return HEARTH_ENOMEM;
        strcpy(r->model, p->model);
    }
    TRY(meter_begin(&r->meter));
    r->metering = 1;
    return HEARTH_OK;
}

enum hearth_status hearth_receipt_open(const struct hearth_receipt_params *p, struct hearth_receipt **out)
{
    static const struct hearth_receipt_params nothing;
    struct hearth_receipt *r = mem_array(1, sizeof *r);
    *out = NULL;
    if (!r) return HEARTH_ENOMEM;
    enum hearth_status st = begin(r, p ? p : &nothing);
    if (st == HEARTH_OK) *out = r;
    else hearth_receipt_close(r);
    return st;
}

void hearth_receipt_close(struct hearth_receipt *r)
{
    if (!r) return;
    if (r->metering) meter_end(&r->meter, NULL);
    json_decref(r->entry);
    json_decref(r->messages);
    free(r->model);
    free(r->prompt);
    free(r->answer);
    buf_free(&r->text);
    buf_free(&r->json);
    buf_free(&r->note);
    free(r);
}

/* ---- generate, submit ---- */

static int on_token(void *user, const struct hearth_token *t)
{
    struct hearth_receipt *r = user;
    if (r->n_answer < r->room) r->answer[r->n_answer++] = t->id;
    return r->given.on_token ? r->given.on_token(r->given.user, t) : 0;
}

static int on_text(void *user, const char *text, size_t n)
{
    struct hearth_receipt *r = user;
    if (r->st == HEARTH_OK) r->st = transcript_put_text(&r->text, text, n);
    return r->given.on_text ? r->given.on_text(r->given.user, text, n) : 0;
}

static int on_prompt(void *user, size_t done, size_t total)
{
    struct hearth_receipt *r = user;
    return r->given.on_prompt(r->given.user, done, total);
}

static int on_prompt_token(void *user, const struct hearth_token *t)
{
    struct hearth_receipt *r = user;
    return r->given_prompt_token(r->given.user, t);
}

/* The prompt of a receipt is all that is there when the answer begins: what a session held, and what is new. */
static enum hearth_status take_prompt(struct hearth_receipt *r, const int32_t *held, size_t n_held, const int32_t *prompt, size_t n)
{
    r->room = r->source.ctx - n_held - n + 1;          /* the last token of a cancelled answer has no place in the session */
    r->prompt = mem_array(n_held + n + 1, sizeof *r->prompt);
    r->answer = mem_array(r->room, sizeof *r->answer);
    if (!r->prompt || !r->answer) return HEARTH_ENOMEM;
    if (n_held) memcpy(r->prompt, held, n_held * sizeof *held);
    if (n) memcpy(r->prompt + n_held, prompt, n * sizeof *prompt);
    r->n_prompt = n_held + n;
    return mem_grow(&r->text.data, &r->text.cap, 8 * (r->room < 512 ? r->room : 512) + 1, 1);
}

static struct hearth_generate_params tap(struct hearth_receipt *r, const struct hearth_generate_params *p)
{
    struct hearth_generate_params tapped = r->given = *p;
    tapped.on_token = on_token;
    tapped.on_text = on_text;
    tapped.on_prompt = p->on_prompt ? on_prompt : NULL;
    tapped.user = r;
    r->constrained |= p->grammar != NULL;
    return tapped;
}

static void generated(struct hearth_receipt *r, enum hearth_status st)
{
    meter_end(&r->meter, &r->footprint);
    r->metering = 0;
    r->generated = st == HEARTH_OK;
}

enum hearth_status hearth_receipt_generate(struct hearth_receipt *r, struct hearth_session *s, const int32_t *prompt, size_t n,
                                           const struct hearth_generate_params *p, struct hearth_result *out)
{
    if (!r || r->source.model) return fail(HEARTH_EUSAGE, "hearth_receipt_generate: %s", r ? "once a receipt" : "no receipt");
    if (!s || !p || n > hearth_session_context(s) - hearth_session_length(s)) return hearth_generate(s, prompt, n, p, out);
    r->source = (struct source){s->m, s->sizes.ctx, s->sizes.kv, s->adapter};
    TRY(take_prompt(r, s->ids, s->length, prompt, n));
    struct hearth_generate_params tapped = tap(r, p);
    enum hearth_status st = hearth_generate(s, prompt, n, &tapped, &r->result);
    generated(r, st);
    if (out) *out = r->result;
    return st;
}

static void on_end(void *user, const struct hearth_end *end)
{
    struct hearth_receipt *r = user;
    r->result = end->result;
    generated(r, end->status);
    r->given_end(r->given.user, end);
}

enum hearth_status hearth_receipt_submit(struct hearth_receipt *r, struct hearth_engine *e, const struct hearth_request *q,
                                         uint64_t *ticket)
{
    if (!r || r->source.model) return fail(HEARTH_EUSAGE, "hearth_receipt_submit: %s", r ? "once a receipt" : "no receipt");
    if (!e || !q || !q->on_end || !ticket || q->n > e->ctx) return hearth_engine_submit(e, q, ticket);
    r->source = (struct source){e->m, e->ctx, e->kv->type, q->adapter};
    TRY(take_prompt(r, NULL, 0, q->prompt, q->n));
    struct hearth_request tapped = *q;
    tapped.params = tap(r, &q->params);
    tapped.on_end = on_end;
    tapped.on_prompt_token = q->on_prompt_token ? on_prompt_token : NULL;
    r->given_end = q->on_end;
    r->given_prompt_token = q->on_prompt_token;
    return hearth_engine_submit(e, &tapped, ticket);
}

/* ---- digests ---- */

static enum hearth_status sha256_hex(const struct crypto_part *part, size_t n, char hex[65])
{
    uint8_t sum[CRYPTO_HASH];
    TRY(crypto_sha256(part, n, sum));
    hex_write(sum, sizeof sum, hex);
    return HEARTH_OK;
}

static int by_key(const void *a, const void *b)
{
    const struct gguf_string *x = &(*(const struct gguf_kv *const *)a)->key, *y = &(*(const struct gguf_kv *const *)b)->key;
    size_t n = x->n < y->n ? x->n : y->n;
    int c = memcmp(x->s, y->s, n);
    return c ? c : (x->n > y->n) - (x->n < y->n);
}

static int is_tokenizers(const struct gguf_kv *kv)
{
    static const char begins[] = "tokenizer.", except[] = "tokenizer.chat_template";
    return kv->key.n >= sizeof begins - 1 && !memcmp(kv->key.s, begins, sizeof begins - 1) &&
           !(kv->key.n >= sizeof except - 1 && !memcmp(kv->key.s, except, sizeof except - 1));
}

/* Name, type, count and bytes of every "tokenizer." field but the templates, in the order of their names: equal for two files
 * with the same tokenizer, whatever else is in them. */
enum hearth_status answer_tokenizer_digest(const struct gguf *g, char hex[65])
{
    enum { PARTS = 3 };
    const struct gguf_kv **kv = mem_array(g->n_kv + 1, sizeof *kv);
    struct crypto_part *part = mem_array((g->n_kv + 1) * PARTS, sizeof *part);
    uint64_t (*head)[3] = mem_array(g->n_kv + 1, sizeof *head);
    size_t n = 0;
    enum hearth_status st = kv && part && head ? HEARTH_OK : HEARTH_ENOMEM;
    for (uint64_t i = 0; i < g->n_kv && st == HEARTH_OK; i++)
        if (is_tokenizers(&g->kv[i])) kv[n++] = &g->kv[i];
    if (st == HEARTH_OK) qsort(kv, n, sizeof *kv, by_key);
    for (size_t i = 0; i < n; i++) {
        const struct gguf_value *v = &kv[i]->value;
        head[i][0] = (uint64_t)v->type << 8 | (v->type == GGUF_ARRAY ? (uint64_t)v->as.array.type : 0);
        head[i][1] = v->type == GGUF_ARRAY ? v->as.array.n : v->type == GGUF_STRING ? v->as.str.n : 1;
        head[i][2] = v->type == GGUF_BOOL ? v->as.b : v->type == GGUF_ARRAY || v->type == GGUF_STRING ? 0 : v->as.u;
        part[PARTS * i] = (struct crypto_part){kv[i]->key.s, kv[i]->key.n};
        part[PARTS * i + 1] = (struct crypto_part){head[i], sizeof head[i]};
        if (v->type == GGUF_ARRAY) part[PARTS * i + 2] = (struct crypto_part){v->as.array.data, gguf_array_bytes(v)};
        if (v->type == GGUF_STRING) part[PARTS * i + 2] = (struct crypto_part){v->as.str.s, v->as.str.n};
    }
    if (st == HEARTH_OK) st = sha256_hex(part, PARTS * n, hex);
    free(head);
    free(part);
    free(kv);
    return st;
}

/* It is a function of the model's file, and takes longer than all else a receipt takes; so it is remembered by the file's digest,
 * in HUB_CACHE/tokenizers, one line a file: model, tokenizer.  Only a cache: failing to read or write it is no failure. */
static enum hearth_status known_tokenizer(const struct gguf *g, const char *model, char hex[65])
{
    enum { LINE = 130, LINES = 500 };
    char *folder = NULL, *path = NULL, *text = NULL;
    size_t n = 0;
    struct atomic_file f;
    enum hearth_status st = HEARTH_OK;
    if (hub_path(HUB_CACHE, NULL, &folder) != HEARTH_OK || hub_path(HUB_CACHE, "tokenizers", &path) != HEARTH_OK ||
        os_read_file(path, LINE * LINES, &text, &n) != HEARTH_OK) n = 0;
    n -= n % LINE;
    for (size_t at = 0; at < n; at += LINE) {
        uint8_t probe[CRYPTO_HASH];
        if (memcmp(text + at, model, 64) != 0 || text[at + 64] != ' ' || text[at + LINE - 1] != '\n') continue;
        memcpy(hex, text + at + 65, 64);
        hex[64] = 0;
        if (hex_read(hex, probe, sizeof probe)) goto done;
    }
    if ((st = answer_tokenizer_digest(g, hex)) == HEARTH_OK && path && os_mkdirs(folder) == HEARTH_OK && os_atomic_open(path, &f) == HEARTH_OK) {
        char line[LINE + 1];
        snprintf(line, sizeof line, "%s %s\n", model, hex);
        size_t from = n == LINE * LINES ? LINE : 0;
        if ((n == from || os_atomic_write(&f, text + from, n - from) == HEARTH_OK) && os_atomic_write(&f, line, LINE) == HEARTH_OK) os_atomic_commit(&f);
        else os_atomic_abandon(&f);
    }
done:
    free(text);
    free(path);
    free(folder);
    return st;
}

/* The file that was opened must still be the file under that path, as it was then: what is used from a mapped file is its bytes of
 * that moment, and one written over in place would answer with others than those whose digest is told. */
static enum hearth_status unchanged(const struct hearth_model *m)
{
    const struct mapping *opened = &m->file->map;
    uint64_t is[FILE_ID];
    struct stat there;
    if (opened->fd < 0 || stat(m->info.path, &there) != 0) return HEARTH_OK;      /* reading it will say what is wrong */
    os_identify(&there, is);
    if (memcmp(is, opened->id, 2 * sizeof *is) != 0)
        return fail(HEARTH_EIO, "%s: another file took its place while the model was in use, so there is no receipt", m->info.path);
    if (memcmp(is, opened->id, sizeof is) != 0)
        return fail(HEARTH_EIO, "%s: the file was changed while the model was in use, so nobody can say which bytes answered and there is no "
                    "receipt", m->info.path);
    return HEARTH_OK;
}

static enum hearth_status model_digest(const struct hearth_model *m, char hex[65], int *cached)
{
    TRY(unchanged(m));
    TRY(hub_digest(m->info.path, NULL, hex, cached));
    return unchanged(m);
}

/* ---- write ---- */

static int64_t micro(double seconds)
{
    return seconds > 0 && seconds < 1e9 ? (int64_t)(seconds * 1e6 + 0.5) : 0;
}

/* Of a path the last part only: the folders of a person are nobody's business. */
static const char *short_name(const struct hearth_receipt *r)
{
    static const char forbidden[] = "?";
    const char *name = r->model ? r->model : r->source.model->info.path, *slash = strrchr(name, '/');
    size_t n = strlen(name = slash && slash[1] ? slash + 1 : name);
    if (n > TEXT_MAX) name += n - TEXT_MAX;
    while (*name && ((unsigned char)*name & 0xc0) == 0x80) name++;
    return utf8_valid(name, strlen(name), NULL) ? name : forbidden;
}

static json_t *arithmetic_json(const struct hearth_receipt *r)
{
    static const char *const kv[] = {[HEARTH_KV_F16] = "f16", [HEARTH_KV_F32] = "f32", [HEARTH_KV_Q8_0] = "q8_0"};
    const struct hearth_model_info *i = &r->source.model->info;
    return json_pack("{s:i, s:s, s:s, s:s, s:i, s:b}", "version", hearth_arithmetic_version(), "kind",
                     i->arithmetic == HEARTH_FLOAT ? "float" : "quant", "kv", kv[r->source.kv], "isa", hearth_isa(), "threads",
                     i->threads, "replayable", 1);
}

enum hearth_status answer_template_digest(const struct hearth_model *m, char hex[65])
{
    struct crypto_part text = {m->info.chat_template, strlen(m->info.chat_template)};
    hex[0] = 0;
    return text.n ? sha256_hex(&text, 1, hex) : HEARTH_OK;
}

static json_t *seedless(const struct hearth_sampling *s)
{
    json_t *j = sampling_json(s);
    json_object_del(j, "seed");
    return j;
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

/* [{"name", "sha256"}], and "scale" where it is not 1, of the adapter the answer was made with: its file must still be the one that was read. */
static enum hearth_status adapters_json(const struct hearth_adapter *a, json_t **out)
{
    char hex[65];
    int cached;
    struct stat there;
    uint64_t is[FILE_ID];
    *out = NULL;
    if (a && a->weights) {
        TRY(hub_digest(a->weights, NULL, hex, &cached));
        if (stat(a->weights, &there) != 0) return fail_errno(a->weights, "cannot look at");
        os_identify(&there, is);
        if (memcmp(is, a->id, sizeof is) != 0)
            return fail(HEARTH_EIO, "%s: the file was changed while the adapter was in use, so there is no receipt", a->weights);
        const char *name = last_part(a->path);
        if (strlen(name) > TEXT_MAX || !utf8_valid(name, strlen(name), NULL)) name = "?";
        *out = a->scale == 1 ? json_pack("[{s:s, s:s}]", "name", name, "sha256", hex)
                             : json_pack("[{s:s, s:s, s:o}]", "name", name, "sha256", hex, "scale", float_json(a->scale));
    } else *out = json_array();
    return *out ? HEARTH_OK : fail_memory(0);
}

static enum hearth_status fill(struct hearth_receipt *r, const char *model_sha256, int cached, const struct transcript_commitments *c)
{
    static const char *const finish[] = {
        [HEARTH_FINISH_STOP] = "stop", [HEARTH_FINISH_LENGTH] = "length", [HEARTH_FINISH_CANCELLED] = "cancelled"};
    const struct hearth_model_info *i = &r->source.model->info;
    char tokenizer[65], template[65];
    TRY(known_tokenizer(r->source.model->file, model_sha256, tokenizer));
    TRY(answer_template_digest(r->source.model, template));
    json_t *adapters;
    TRY(adapters_json(r->source.adapter, &adapters));
    json_t *more = json_pack(
        "{s:{s:s, s:s, s:s, s:s}, s:o, s:s, s:o, s:{s:I, s:I}, s:{s:s, s:s, s:s}, s:o, s:s, s:b, s:{s:I, s:I, s:I}, s:o}",
        "model", "name", short_name(r), "sha256", model_sha256, "checked", cached ? "cached" : "verified", "architecture", i->architecture,
        "adapters", adapters, "tokenizer_sha256", tokenizer, "arithmetic", arithmetic_json(r),
        "tokens", "prompt", (json_int_t)r->n_prompt, "answer", (json_int_t)r->n_answer,
        "commitments", "prompt", c->prompt, "answer", c->answer, "options", c->options,
        "sampling", seedless(&r->given.sampling), "finish", finish[r->result.finish], "constrained", r->constrained,
        "timing", "load_us", (json_int_t)micro(i->load_seconds), "prompt_us", (json_int_t)micro(r->result.prompt_seconds),
        "answer_us", (json_int_t)micro(r->result.answer_seconds), "footprint", footprint_json(&r->footprint));
    if (!more) return fail_memory(0);
    if (*template) json_object_set_new(more, "template_sha256", json_string(template));
    if (r->truncated_from)
        json_object_set_new(more, "truncated", json_pack("{s:I, s:I}", "from", (json_int_t)r->truncated_from, "to", (json_int_t)r->n_prompt));
    int bad = json_object_update(r->entry, more);
    json_decref(more);
    return bad ? fail_memory(0) : HEARTH_OK;
}

static void add_note(struct hearth_receipt *r, const char *fmt, ...)
{
    va_list ap;
    if (r->note.len) buf_putc(&r->note, '\n');
    va_start(ap, fmt);
    buf_vprintf(&r->note, fmt, ap);
    va_end(ap);
}

/* A log is in the order of its commits, whatever clocks say; a clock that has gone back since the last entry was made is told of, and
 * the receipt says so too.  A ledger that cannot be read is the append's to tell of. */
static void check_clock(struct hearth_receipt *r, struct ledger *l)
{
    uint64_t size = 0;
    void *data = NULL;
    size_t n = 0;
    struct receipt last = {0};
    time_t is = time(NULL);
    char when[32];
    if (ledger_size(l, &size) == HEARTH_OK && size && ledger_entry(l, size - 1, &data, &n) == HEARTH_OK &&
        receipt_parse(data, n, &last) == HEARTH_OK && last.seconds - BEHIND > is) {
        now(when);
        add_note(r, "the clock says %s, but the last entry of the ledger is of %s: one of the two times is wrong, and the receipt says so", when,
                 last.time);
        json_object_set_new(r->entry, "clock_behind", json_integer((json_int_t)(last.seconds - is)));
    }
    receipt_free(&last);
    free(data);
}

/* One handle for all receipts of a process: it knows its keys and the right edge of the tree, and threads that append together share
 * a commit.  It is opened anew when another folder lies under the ledger's path. */
struct shared { struct ledger *l; dev_t dev; ino_t ino; unsigned users; };
static struct shared *current;
static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER;

static void leave(struct shared *s)                    /* under guard */
{
    if (s && --s->users == 0) {
        ledger_close(s->l);
        free(s);
    }
}

static enum hearth_status open_shared(void)            /* under guard */
{
    struct stat is;
    char *dir = NULL;
    TRY(hub_path(HUB_DATA, "ledger", &dir));
    int same = stat(dir, &is) == 0 && current && is.st_dev == current->dev && is.st_ino == current->ino;
    struct shared *s = same ? NULL : mem_array(1, sizeof *s);
    enum hearth_status st = same || s ? HEARTH_OK : HEARTH_ENOMEM;
    if (st == HEARTH_OK && !same && (st = ledger_open(dir, LEDGER_APPEND, &s->l)) == HEARTH_OK && stat(dir, &is) != 0) {
        st = fail_errno(dir, "cannot examine");
        ledger_close(s->l);
    }
    if (st == HEARTH_OK && !same) {
        s->dev = is.st_dev, s->ino = is.st_ino, s->users = 1;
        leave(current);
        current = s;
    } else {
        free(s);
    }
    free(dir);
    return st;
}

static enum hearth_status append(struct hearth_receipt *r)
{
    struct shared *s = NULL;
    pthread_mutex_lock(&guard);
    enum hearth_status st = open_shared();
    if (st == HEARTH_OK) s = current, s->users++;
    pthread_mutex_unlock(&guard);
    if (st == HEARTH_OK) {
        check_clock(r, s->l);
        st = canonical_put(&r->json, r->entry);
    }
    if (st == HEARTH_OK) st = append_text(s->l, &r->json, &r->number);
    if (st != HEARTH_OK) buf_free(&r->json);
    pthread_mutex_lock(&guard);
    leave(s);
    pthread_mutex_unlock(&guard);
    return st;
}

/* First the transcript, then the receipt: a crash in between leaves a transcript too many, never a receipt that says it was
 * kept and is not.  A transcript that cannot be kept (others can read the folder) is told of; the receipt stands without. */
static enum hearth_status keep_and_append(struct hearth_receipt *r, const struct transcript *t)
{
    int kept = 0;
    if (r->days) {
        kept = transcript_keep(t, r->days, &r->first) == HEARTH_OK;
        if (!kept) add_note(r, "%s", hearth_errmsg());
    }
    enum hearth_status st = append(r);
    if (st == HEARTH_OK) {
        if (!kept) r->days = 0;
        return st;
    }
    char *said = mem_array(1, 1024);                   /* erasing must not put another message in its place */
    if (said) snprintf(said, 1024, "%s", hearth_errmsg());
    if (kept) transcript_erase(t->id);
    if (said) fail(st, "%s", said);
    free(said);
    return st;
}

enum hearth_status hearth_receipt_write(struct hearth_receipt *r, uint64_t *number)
{
    struct transcript_commitments c;
    char model[65];
    int cached = 0;
    if (!r || !r->generated || r->json.len) return fail(HEARTH_EUSAGE, "hearth_receipt_write: %s", r && r->json.len ? "once a receipt" : "nothing was generated");
    TRY(r->st);
    TRY(model_digest(r->source.model, model, &cached));
    struct transcript t = {
        .id = json_string_value(json_object_get(r->entry, "id")), .messages = r->messages, .text = r->text.data ? r->text.data : "",
        .prompt = r->prompt, .answer = r->answer, .n_prompt = r->n_prompt, .n_answer = r->n_answer, .params = r->given,
        .context = (uint32_t)r->source.ctx, .kv = r->source.kv, .arithmetic = r->source.model->arithmetic};
    if (r->text.data) r->text.data[r->text.len] = 0;
    enum hearth_status st = transcript_make(&t, json_string_value(json_object_get(r->entry, "time")), r->source.model->info.path, model);
    if (st == HEARTH_OK) st = transcript_commit(&t, &c);
    if (st == HEARTH_OK) st = fill(r, model, cached, &c);
    if (st == HEARTH_OK) st = keep_and_append(r, &t);
    json_decref(t.json);
    if (st == HEARTH_OK && number) *number = r->number.index;
    return st;
}

const char *hearth_receipt_json(const struct hearth_receipt *r)
{
    return r->json.data ? r->json.data : "";
}

const char *hearth_receipt_note(const struct hearth_receipt *r)
{
    return r->note.data ? r->note.data : "";
}

const struct footprint *answer_footprint(const struct hearth_receipt *r)
{
    return &r->footprint;
}

const struct receipt_number *answer_number(const struct hearth_receipt *r)
{
    return &r->number;
}

unsigned answer_kept(const struct hearth_receipt *r, int *first)
{
    *first = r->first;
    return r->days;
}
