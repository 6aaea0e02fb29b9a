/* card.c - see card.h.
 *
 * Every text comes from a file that somebody else wrote.  In the front matter it stands in double quotes, escaped as JSON is,
 * which YAML reads alike; in Markdown, whatever could begin markup is escaped. */
#include "account/card.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "account/licence.h"

/* ---- text ---- */

/* As YAML and JSON write a string: facts hold no control characters, so only these two are left. */
static enum hearth_status quoted(struct buf *b, const char *s)
{
    TRY(buf_putc(b, '"'));
    for (; *s; s++) {
        if (*s == '"' || *s == '\\') TRY(buf_putc(b, '\\'));
        TRY(buf_putc(b, *s));
    }
    return buf_putc(b, '"');
}

static int is_letter(char c)
{
    return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z');
}

/* An underscore inside a word is one. */
static enum hearth_status plain(struct buf *b, const char *s)
{
    for (const char *begun = s; *s; s++) {
        int inside = *s == '_' && s > begun && is_letter(s[-1]) && is_letter(s[1]);
        if (*s == '<') TRY(buf_puts(b, "&lt;"));
        else if (*s == '&') TRY(buf_puts(b, "&amp;"));
        else if (!inside && strchr("\\`*_[]#|~>$", *s)) TRY(buf_printf(b, "\\%c", *s));
        else TRY(buf_putc(b, *s));
    }
    return HEARTH_OK;
}

static enum hearth_status field(struct buf *b, const char *key, const char *value)
{
    if (!FACT_KNOWN(value)) return HEARTH_OK;
    TRY(buf_printf(b, "%s: ", key));
    TRY(quoted(b, value));
    return buf_putc(b, '\n');
}

/* A row of a table of two columns; nothing where nothing is known. */
static enum hearth_status row(struct buf *b, const char *key, const char *value)
{
    if (!FACT_KNOWN(value)) return HEARTH_OK;
    TRY(buf_printf(b, "| %s | ", key));
    TRY(plain(b, value));
    return buf_puts(b, " |\n");
}

static enum hearth_status row_number(struct buf *b, const char *key, uint64_t value, const char *unit)
{
    return buf_printf(b, "| %s | %" PRIu64 "%s |\n", key, value, unit);
}

/* ---- front matter ---- */

/* Hugging Face names a model or data set as owner/name, which its own addresses end with. */
static const char *hub_name(const struct fact_source *s)
{
    static const char *const at[] = {"https://huggingface.co/datasets/", "https://huggingface.co/"};
    for (size_t i = 0; i < sizeof at / sizeof *at; i++)
        if (strncmp(s->url, at[i], strlen(at[i])) == 0 && s->url[strlen(at[i])]) return s->url + strlen(at[i]);
    return s->name;
}

static enum hearth_status sources(struct buf *b, const char *key, const struct fact_sources *list)
{
    if (list->n > 0) TRY(buf_printf(b, "%s:\n", key));
    for (size_t i = 0; i < list->n; i++) {
        TRY(buf_puts(b, "- "));
        TRY(quoted(b, hub_name(&list->item[i])));
        TRY(buf_putc(b, '\n'));
    }
    return HEARTH_OK;
}

static enum hearth_status words(struct buf *b, const char *key, const struct fact_words *list, const char *first)
{
    if (list->n > 0 || first) TRY(buf_printf(b, "%s:\n%s%s%s", key, first ? "- " : "", first ? first : "", first ? "\n" : ""));
    for (size_t i = 0; i < list->n; i++) {
        if (first && strcmp(first, list->item[i]) == 0) continue;
        TRY(buf_puts(b, "- "));
        TRY(quoted(b, list->item[i]));
        TRY(buf_putc(b, '\n'));
    }
    return HEARTH_OK;
}

static enum hearth_status licence(struct buf *b, const struct facts *f)
{
    const char *said = FACT_KNOWN(f->licence) ? f->licence : f->known_licence;
    const char *tag = licence_tag(said);
    if (!FACT_KNOWN(said)) return HEARTH_OK;
    if (tag) return buf_printf(b, "license: %s\n", tag);
    TRY(buf_puts(b, "license: other\n"));
    TRY(field(b, "license_name", FACT_KNOWN(f->licence_name) ? f->licence_name : said));
    return field(b, "license_link", FACT_KNOWN(f->licence_link) ? f->licence_link : f->terms_at);
}

static enum hearth_status front_matter(struct buf *b, const struct facts *f)
{
    TRY(buf_puts(b, "---\n"));
    TRY(words(b, "language", &f->languages, NULL));
    TRY(licence(b, f));
    TRY(buf_puts(b, "library_name: gguf\npipeline_tag: text-generation\n"));
    TRY(words(b, "tags", &f->tags, "gguf"));
    TRY(sources(b, "base_model", &f->base));
    TRY(sources(b, "datasets", &f->data));
    TRY(field(b, "quantized_by", f->quantized_by));
    return buf_puts(b, "---\n\n");
}

/* ---- the card ---- */

static enum hearth_status about(struct buf *b, const struct facts *f)
{
    TRY(buf_puts(b, "# "));
    TRY(plain(b, f->name));
    TRY(buf_puts(b, "\n\n"));
    if (FACT_KNOWN(f->description)) {
        TRY(plain(b, f->description));
        TRY(buf_puts(b, "\n\n"));
    }
    if (FACT_KNOWN(f->good_at)) {
        TRY(buf_puts(b, "Good at: "));
        TRY(plain(b, f->good_at));
        TRY(buf_puts(b, ".\n\n"));
    }
    if (FACT_KNOWN(f->note)) {
        TRY(plain(b, f->note));
        TRY(buf_puts(b, "\n\n"));
    }
    return HEARTH_OK;
}

static enum hearth_status labels(struct buf *b, const struct facts *f)
{
    if (!f->n_labels) return HEARTH_OK;
    TRY(buf_printf(b, "| Labels that it names | %" PRIu64 ": ", f->n_labels));
    for (size_t i = 0; i < f->labels.n; i++) {
        if (i) TRY(buf_puts(b, ", "));
        TRY(plain(b, f->labels.item[i]));
    }
    return buf_puts(b, f->n_labels > f->labels.n ? " ... |\n" : " |\n");
}

static enum hearth_status model(struct buf *b, const struct facts *f)
{
    char type[96];
    TRY(buf_puts(b, "## The model\n\n| | |\n|---|---|\n"));
    TRY(row(b, "Made by, as its file says", FACT_KNOWN(f->organization) ? f->organization : f->author));
    TRY(row(b, "Version", f->version));
    TRY(row(b, "Released", f->released));
    TRY(row(b, "Family", f->architecture));
    TRY(row(b, "Tuning, as its file names it", f->finetune));
    TRY(row_number(b, "Parameters", f->parameters, ""));
    for (size_t i = 0; i < f->n_types; i++) {
        snprintf(type, sizeof type, "Tensors in %s", f->types[i].name);
        TRY(buf_printf(b, "| %s | %" PRIu64 " (%" PRIu64 " bytes) |\n", type, f->types[i].tensors, f->types[i].bytes));
    }
    TRY(row(b, "Quantised by", f->quantized_by));
    TRY(labels(b, f));
    for (size_t i = 0; i < f->merged.n; i++) TRY(row(b, "An adapter was merged into it, of checksum", f->merged.item[i]));
    for (size_t i = 0; i < f->base.n; i++) TRY(row(b, "Made from", f->base.item[i].name));
    for (size_t i = 0; i < f->data.n; i++) TRY(row(b, "Trained on", f->data.item[i].name));
    return HEARTH_OK;
}

static enum hearth_status file_and_licence(struct buf *b, struct facts *f)
{
    TRY(buf_puts(b, "\n## The file\n\n| | |\n|---|---|\n"));
    TRY(row(b, "Name", f->file));
    TRY(row_number(b, "Bytes", f->bytes, ""));
    TRY(buf_printf(b, "| SHA-256 | `%s` |\n", f->sha256));
    if (FACT_KNOWN(f->template_sha256)) TRY(buf_printf(b, "| SHA-256 of its chat template | `%s` |\n", f->template_sha256));
    TRY(row(b, "Came from", f->source));
    TRY(row(b, "That is", f->label));
    TRY(row(b, "Supplied by", f->supplier));
    TRY(row(b, "Page", f->url));
    TRY(row(b, "Repository", f->repo));
    if (!FACT_KNOWN(f->licence) && !FACT_KNOWN(f->known_licence)) return HEARTH_OK;
    TRY(buf_puts(b, "\n## Licence\n\n| | |\n|---|---|\n"));
    TRY(row(b, "As the file says", f->licence));
    TRY(row(b, "Its name there", f->licence_name));
    TRY(row(b, "Its terms there", f->licence_link));
    TRY(row(b, "As the catalogue says of these very bytes", f->known_licence));
    return row(b, "Terms", f->terms_at);
}

static enum hearth_status evaluations(struct buf *b, const struct facts *f)
{
    if (f->evaluations.n == 0) return HEARTH_OK;
    TRY(buf_puts(b, "\n## Evaluations\n\n| Metric | Value | Standard error | How | Recorded in |\n|---|---|---|---|---|\n"));
    for (size_t i = 0; i < f->evaluations.n; i++) {
        const struct fact_evaluation *e = &f->evaluations.item[i];
        TRY(buf_printf(b, "| %s | %s | %s | ", e->metric, e->value, e->error));
        TRY(plain(b, e->details));
        TRY(buf_puts(b, " | "));
        TRY(plain(b, e->file));
        TRY(buf_puts(b, " |\n"));
    }
    return buf_puts(b, "\nThe text that was scored is not part of the record.\n");
}

static enum hearth_status energy(struct buf *b, const struct facts *f)
{
    const struct fact_energy *e = &f->energy;
    if (e->answers == 0) return HEARTH_OK;
    return buf_printf(b, "\n## Footprint\n\nOn one computer, %" PRIu64 " answers (%" PRIu64 " tokens written) took %.1f J together, between %.1f and "
                      "%.1f; %" PRIu64 " of them were measured, the others modelled from processor time. That is what answering took: no "
                      "training, no making of the computer.\n", e->answers, e->tokens, (double)e->energy_uj / 1e6, (double)e->low_uj / 1e6,
                      (double)e->high_uj / 1e6, e->measured);
}

static enum hearth_status settings(struct buf *b, const struct facts *f)
{
    if (f->settings.n == 0) return HEARTH_OK;
    TRY(buf_puts(b, "\n## Settings in the file\n\n| Key | Value |\n|---|---|\n"));
    for (size_t i = 0; i < f->settings.n; i++) {
        TRY(buf_puts(b, "| "));
        TRY(plain(b, f->settings.item[i].key));
        TRY(buf_puts(b, " | "));
        TRY(plain(b, f->settings.item[i].value));
        TRY(buf_puts(b, " |\n"));
    }
    return HEARTH_OK;
}

static enum hearth_status gaps(struct buf *b, const struct facts *f)
{
    TRY(buf_puts(b, "\n## What is not known\n\n"));
    for (size_t i = 0; i < f->gaps.n; i++) TRY(buf_printf(b, "- **%s**: %s\n", f->gaps.item[i].key, f->gaps.item[i].value));
    return buf_printf(b, "\n---\n\nWritten by hearth %s from the file, the catalogue and what was added by hand; dated %s. Nothing in it was checked with "
                      "the model's makers.\n", hearth_version(), f->created);
}

enum hearth_status card_make(struct facts *f, char **text, size_t *n)
{
    struct buf b = {0};
    enum hearth_status st;
    TRY_GOTO(st, done, front_matter(&b, f));
    TRY_GOTO(st, done, about(&b, f));
    TRY_GOTO(st, done, model(&b, f));
    TRY_GOTO(st, done, file_and_licence(&b, f));
    TRY_GOTO(st, done, evaluations(&b, f));
    TRY_GOTO(st, done, energy(&b, f));
    TRY_GOTO(st, done, settings(&b, f));
    TRY_GOTO(st, done, gaps(&b, f));
    *text = buf_take(&b, n);
    st = *text ? HEARTH_OK : HEARTH_ENOMEM;
done:
    buf_free(&b);
    return st;
}
