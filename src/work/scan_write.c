/* scan_write.c - what a scan found as JSON; the cleaned copy, and the list of what is not in it. */
#include <stdlib.h>
#include <string.h>

#include "base/jsontext.h"
#include "work/scan_in.h"

/* ---- JSON ---- */

static json_t *count_list(const struct scan_count *c, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) json_array_append_new(list, json_pack("{s:s, s:I}", "name", c[i].name, "n", (json_int_t)c[i].n));
    return list;
}

static json_t *spread(const struct scan_spread *v)
{
    return json_pack("{s:I, s:I, s:I, s:I}", "least", (json_int_t)v->least, "median", (json_int_t)v->median, "most_of_95", (json_int_t)v->most_of,
                     "most", (json_int_t)v->most);
}

static json_t *words_of(uint32_t why)
{
    json_t *list = json_array();
    for (int b = 0; b < SCAN_WHYS; b++) if (why >> b & 1) json_array_append_new(list, json_string(scan_why_word(b)));
    return list;
}

static json_t *finding(const struct scan *s, size_t i)
{
    const struct scan_example *x = &s->at[i];
    json_t *f = json_pack("{s:o, s:I, s:o}", "file", jsontext_string(x->e->file, strlen(x->e->file)), "line", (json_int_t)x->e->line, "why", words_of(x->why));
    if (f && x->of != i) json_object_set_new(f, "as_line", json_integer((json_int_t)s->at[x->of].e->line));
    if (f && x->why & SCAN_PLANTED) json_object_set_new(f, "score", json_real((double)x->score)), json_object_set_new(f, "reason", json_string(x->reason));
    return f;
}

json_t *scan_json(const struct scan *s)
{
    const struct dataset_source *d = &s->data->source;
    json_t *why = json_object(), *odd = json_object(), *personal = json_object(), *found = json_array();
    for (int b = 0; b < SCAN_WHYS; b++) json_object_set_new(why, scan_why_word(b), json_integer((json_int_t)s->why[b]));
    for (int o = 0; o < ODDS; o++) json_object_set_new(odd, scan_odd_name(o), json_integer((json_int_t)s->odd[o]));
    for (int k = 0; k < PERSONAL_KINDS; k++) json_object_set_new(personal, personal_name(k), json_integer((json_int_t)s->personal[k]));
    for (size_t i = 0; i < s->n; i++) if (s->at[i].why) json_array_append_new(found, finding(s, i));
    json_t *all = json_pack("{s:I, s:s, s:s, s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:o, s:o, s:o}", "examples", (json_int_t)s->n, "kind",
        example_kind_name(d->kind), "sha256", d->digest, "bytes", (json_int_t)d->bytes, "files", (json_int_t)d->files, "would_leave_out",
        (json_int_t)s->left_out, "found", why, "odd_characters", odd, "personal_data", personal, "national_numbers", count_list(s->national, s->nationals),
        "labels", count_list(s->label, s->labels), "licences", count_list(s->licence, s->licences), "languages", count_list(s->language, s->languages),
        "languages_doubtful", (json_int_t)s->doubtful, "asked_characters", spread(&s->asked), "answered_characters", spread(&s->answered), "findings", found);
    if (all && s->embedder) json_object_set_new(all, "embedder", json_string(s->embedder));
    if (all && s->context) {
        json_object_set_new(all, "tokens", spread(&s->tokens));
        json_object_set_new(all, "model", json_pack("{s:s, s:I}", "name", s->model_name, "context", (json_int_t)s->context));
    }
    return all;
}

/* ---- the cleaned copy ---- */

/* The text as JSON, personal data in it replaced. */
static json_t *text_of(struct personal *p, enum scan_personal how, const char *s, size_t n)
{
    const struct personal_hit *hit;
    struct buf b = { 0 };
    size_t hits = 0;
    json_t *v = NULL;
    if (how == SCAN_KEEP) return json_stringn(s, n);
    if (personal_find(p, s, n, &hit, &hits) == HEARTH_OK && personal_replace(s, n, hit, hits, 0, &b) == HEARTH_OK) v = json_stringn(b.data ? b.data : "", b.len);
    buf_free(&b);
    return v;
}

static json_t *messages_of(struct personal *p, enum scan_personal how, const char *messages)
{
    json_t *all, *m;
    size_t i;
    if (jsontext_read("messages", messages, strlen(messages), &all) != HEARTH_OK) return NULL;
    json_array_foreach(all, i, m) {
        json_t *text = json_object_get(m, "content");
        json_object_set_new(m, "content", text_of(p, how, json_string_value(text), json_string_length(text)));
    }
    return all;
}

static json_t *record_of(struct personal *p, enum scan_personal how, const struct example *e)
{
#define T(field) text_of(p, how, e->field, strlen(e->field))
    switch (e->kind) {
    case EXAMPLE_TEXT: return json_pack("{s:o}", "text", T(text));
    case EXAMPLE_PAIR: return json_pack("{s:o, s:o}", "prompt", T(text), "completion", T(answer));
    case EXAMPLE_CHAT: return json_pack("{s:o}", "messages", messages_of(p, how, e->messages));
    case EXAMPLE_LABEL: return json_pack("{s:o, s:s}", "text", T(text), "label", e->answer);
    case EXAMPLE_PREFERENCE:
        return json_pack("{s:o, s:o, s:o}", "prompt", e->messages ? messages_of(p, how, e->messages) : T(text), "chosen", T(answer), "rejected", T(rejected));
    }
#undef T
    return NULL;
}

static enum hearth_status put_line(json_t *v, struct buf *out)
{
    if (!v) return fail_memory(1);
    enum hearth_status st = jsontext_put(out, v);
    json_decref(v);
    return st == HEARTH_OK ? buf_putc(out, '\n') : st;
}

enum hearth_status scan_write_clean(struct scan *s, const struct scan_clean *c, struct buf *kept, struct buf *left)
{
    uint32_t drop = c->drop ? c->drop : SCAN_DUPLICATE | SCAN_NEAR | SCAN_CONTRADICTION | SCAN_EMPTY | SCAN_LONG | SCAN_PLANTED;
    struct personal *p;
    if (c->personal == SCAN_DROP) drop |= SCAN_PERSONAL;
    TRY(personal_open(&p));
    enum hearth_status st = HEARTH_OK;
    s->left_out = 0;
    for (size_t i = 0; st == HEARTH_OK && i < s->n; i++) {
        int goes = (s->at[i].why & drop) != 0;
        s->left_out += (size_t)goes;
        if (goes && left) {
            json_t *f = finding(s, i);
            if (f) json_object_set_new(f, "why", words_of(s->at[i].why & drop));
            st = put_line(f, left);
        } else if (!goes && kept) st = put_line(record_of(p, c->personal, s->at[i].e), kept);
    }
    personal_close(p);
    return st;
}
