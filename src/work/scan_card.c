/* scan_card.c - the data card: the same headings, sentences and tables as an HTML page and as Markdown. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "account/html.h"
#include "account/licence.h"
#include "hearth.h"
#include "work/scan_in.h"

enum { SHOWN = 10 /* findings of a kind */, EXCERPT = 100 };

/* Writes to h, or where that is NULL to md. */
struct page { struct html *h; struct buf *md; enum hearth_status st; size_t columns, column; struct personal *personal; };

/* ---- both forms ---- */

static void md_text(struct page *p, const char *s)
{
    for (; *s && p->st == HEARTH_OK; s++) {
        if (strchr("|<>*_`[]\\#", *s)) p->st = buf_putc(p->md, '\\');
        if (p->st == HEARTH_OK) p->st = buf_putc(p->md, *s == '\n' ? ' ' : *s);
    }
}

static void md_put(struct page *p, const char *s) { if (p->st == HEARTH_OK) p->st = buf_puts(p->md, s); }

static void heading(struct page *p, const char *text)
{
    if (p->h) html_heading(p->h, 2, text);
    else md_put(p, "\n## "), md_text(p, text), md_put(p, "\n\n");
}

__attribute__((format(printf, 3, 4))) static void para(struct page *p, const char *kind, const char *fmt, ...)
{
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (p->h) html_para(p->h, kind, "%s", text);
    else md_text(p, text), md_put(p, "\n\n");
}

static void table(struct page *p, const char *caption, const char *right, const char *const *heads)
{
    p->column = 0;
    for (p->columns = 0; heads[p->columns];) p->columns++;
    if (p->h) {
        html_table(p->h, caption, right, heads);
        return;
    }
    for (size_t i = 0; i < p->columns; i++) md_put(p, "| "), md_text(p, heads[i]), md_put(p, " ");
    md_put(p, "|\n");
    for (size_t i = 0; i < p->columns; i++) md_put(p, right[i] == '1' ? "|--:" : "|---");
    md_put(p, "|\n");
}

__attribute__((format(printf, 2, 3))) static void cell(struct page *p, const char *fmt, ...)
{
    char text[2048];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (p->h) {
        html_cell(p->h, 0, "%s", text);
        return;
    }
    md_put(p, "| "), md_text(p, text), md_put(p, " ");
    if (++p->column % p->columns == 0) md_put(p, "|\n");
}

static void table_end(struct page *p)
{
    if (p->h) html_table_end(p->h);
    else md_put(p, "\n");
}

/* ---- sections ---- */

static void counts(struct page *p, const char *title, const char *what, const struct scan_count *c, size_t n, size_t all)
{
    const char *heads[] = { what, "number", "share", NULL };
    if (!n) return;
    heading(p, title);
    table(p, title, "011", heads);
    for (size_t i = 0; i < n && i < 50; i++) {
        cell(p, "%s", *c[i].name ? c[i].name : "(not said)");
        cell(p, "%zu", c[i].n);
        cell(p, "%.1f %%", 100.0 * (double)c[i].n / (double)all);
    }
    table_end(p);
    if (n > 50) para(p, "quiet", "And %zu more, each with fewer.", n - 50);
}

static void found(struct page *p, const struct scan *s)
{
    static const char *const heads[] = { "what", "examples", "share", NULL };
    heading(p, "What was found");
    table(p, "What was found", "011", heads);
    for (int b = 0; b < SCAN_WHYS; b++) {
        cell(p, "%s", scan_why_word(b));
        if (1 << b == SCAN_LONG && !s->context) cell(p, "no model given"), cell(p, "-");
        else cell(p, "%zu", s->why[b]), cell(p, "%.1f %%", 100.0 * (double)s->why[b] / (double)s->n);
    }
    table_end(p);
    if (s->embedder) para(p, NULL, "Labels were held against what texts mean to %s, too.", *s->embedder ? s->embedder : "a model");
}

static void lengths(struct page *p, const struct scan *s)
{
    static const char *const heads[] = { "of", "least", "median", "95 of 100 at most", "most", NULL };
    const struct { const char *name; const struct scan_spread *v; } row[] = {
        { "what is asked, in characters", &s->asked }, { "what is answered, in characters", &s->answered }, { "tokens of both", &s->tokens } };
    heading(p, "Lengths");
    table(p, "Lengths", "01111", heads);
    for (size_t i = 0; i < 3; i++) {
        if ((i == 1 && !s->answered.most) || (i == 2 && !s->context)) continue;
        const struct scan_spread *v = row[i].v;
        cell(p, "%s", row[i].name), cell(p, "%zu", v->least), cell(p, "%zu", v->median), cell(p, "%zu", v->most_of), cell(p, "%zu", v->most);
    }
    table_end(p);
    if (s->context) para(p, NULL, "The context of %s holds %u tokens; %zu examples are longer.", *s->model_name ? s->model_name : "the model", s->context, s->why[4]);
}

static void personal(struct page *p, const struct scan *s)
{
    struct scan_count c[PERSONAL_KINDS];
    size_t n = 0, all = 0;
    for (int k = 0; k < PERSONAL_KINDS; k++) if (s->personal[k]) c[n++] = (struct scan_count){ personal_name(k), s->personal[k] }, all += s->personal[k];
    counts(p, "Personal data", "kind", c, n, all);
    if (s->nationals) counts(p, "National numbers", "number", s->national, s->nationals, s->personal[PERSONAL_NATIONAL]);
    if (!n) heading(p, "Personal data");
    para(p, "note", "Looked for: e-mail and IP addresses, telephone numbers, IBANs, payment cards and national numbers by their check digits, names where "
                    "the text says that something is one. What has no form (an address, an illness, a name by itself) is not found.");
}

static void odd(struct page *p, const struct scan *s)
{
    struct scan_count c[ODDS];
    size_t n = 0;
    for (int o = 0; o < ODDS; o++) if (s->odd[o]) c[n++] = (struct scan_count){ scan_odd_name(o), s->odd[o] };
    counts(p, "Characters that nobody types", "what", c, n, s->n);
}

static void finding(struct page *p, const struct scan *s, size_t i)
{
    const struct scan_example *x = &s->at[i];
    struct buf b = { 0 }, why = { 0 };
    if (p->st == HEARTH_OK) p->st = scan_excerpt(p->personal, x->asked, x->asked_n, EXCERPT, &b);
    if (p->st == HEARTH_OK && *x->reason) p->st = scan_excerpt(p->personal, x->reason, strlen(x->reason), 300, &why);
    if (s->data->source.files > 1) cell(p, "%s", x->e->file);
    else cell(p, "%llu", (unsigned long long)x->e->line);
    if (why.len) cell(p, "%s", why.data);
    else if (x->of != i && s->data->source.files > 1) cell(p, "%s", s->at[x->of].e->file);
    else if (x->of != i) cell(p, "line %llu", (unsigned long long)s->at[x->of].e->line);
    else cell(p, "%s", "");
    cell(p, "%s", b.data ? b.data : "");
    buf_free(&b), buf_free(&why);
}

struct worst { float score; size_t at; };

static int by_score(const void *a, const void *b)
{
    const struct worst *x = a, *y = b;
    return x->score != y->score ? (x->score < y->score ? 1 : -1) : (x->at > y->at) - (x->at < y->at);
}

static void findings(struct page *p, const struct scan *s)
{
    const char *heads[] = { s->data->source.files > 1 ? "file" : "line", "see", "what is asked", NULL };
    struct worst *w = mem_array(s->n, sizeof *w);
    if (!w) p->st = HEARTH_ENOMEM;
    for (int b = 0; w && b < SCAN_WHYS; b++) {
        char title[100];
        size_t n = 0;
        if (!s->why[b]) continue;
        for (size_t i = 0; i < s->n; i++) if (s->at[i].why >> b & 1) w[n++] = (struct worst){ 1 << b == SCAN_PLANTED ? s->at[i].score : 0, i };
        qsort(w, n, sizeof *w, by_score);
        snprintf(title, sizeof title, "Examples: %s", scan_why_word(b));
        heading(p, title);
        table(p, title, "100", heads);
        for (size_t k = 0; k < n && k < SHOWN; k++) finding(p, s, w[k].at);
        table_end(p);
        if (n > SHOWN) para(p, "quiet", "And %zu more; `hearth data scan --json` lists all.", n - SHOWN);
    }
    free(w);
}

static void sections(struct page *p, const struct scan *s)
{
    const struct dataset_source *d = &s->data->source;
    para(p, NULL, "%zu examples (%s), %llu bytes in %llu file%s. SHA-256: %s.", s->n, example_kind_name(d->kind), (unsigned long long)d->bytes,
         (unsigned long long)d->files, d->files == 1 ? "" : "s", *d->digest ? d->digest : "not computed by this build");
    para(p, NULL, "Read by hearth %s; a cleaned copy would leave out %zu examples.", hearth_version(), s->left_out);
    found(p, s);
    lengths(p, s);
    counts(p, "Labels", "label", s->label, s->labels, s->n);
    counts(p, "Languages", "language", s->language, s->languages, s->n);
    para(p, "note", "Told by script and little words; %zu of %zu are too short or too near to another language to be sure.", s->doubtful, s->n);
    counts(p, "Licences", "licence", s->licence, s->licences, s->n);
    if (!s->licences) heading(p, "Licences"), para(p, NULL, "No field of the records says under which licence they may be used.");
    personal(p, s);
    odd(p, s);
    findings(p, s);
}

static const char *name_of(const struct scan *s)
{
    const char *file = s->at[0].e->file, *slash = strrchr(file, '/');
    return slash ? slash + 1 : file;
}

enum hearth_status scan_html(const struct scan *s, char **text, size_t *n)
{
    struct html h = { 0 };
    struct page p = { .h = &h };
    TRY(personal_open(&p.personal));
    html_begin(&h, "Data card", name_of(s));
    sections(&p, s);
    personal_close(p.personal);
    if (p.st == HEARTH_OK) return html_end(&h, text, n);
    html_free(&h);
    return p.st;
}

/* As Hugging Face's pages read a data set's card. */
static void front_matter(struct page *p, const struct scan *s)
{
    static const struct { size_t below; const char *name; } sizes[] = { { 1000, "n<1K" }, { 10000, "1K<n<10K" }, { 100000, "10K<n<100K" },
                                                                         { 1000000, "100K<n<1M" }, { (size_t)-1, "n>1M" } };
    const char *tag = s->licences == 1 ? licence_tag(s->licence[0].name) : NULL;
    size_t i = 0;
    while (s->n >= sizes[i].below) i++;
    md_put(p, "---\nlicense: "), md_put(p, tag ? tag : s->licences ? "other" : "unknown");
    md_put(p, "\nsize_categories:\n- "), md_put(p, sizes[i].name), md_put(p, "\n---\n\n# Data card: ");
    md_text(p, name_of(s)), md_put(p, "\n\n");
}

enum hearth_status scan_markdown(const struct scan *s, struct buf *out)
{
    struct page p = { .md = out };
    TRY(personal_open(&p.personal));
    front_matter(&p, s);
    sections(&p, s);
    personal_close(p.personal);
    return p.st;
}
