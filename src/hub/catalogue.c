/* catalogue.c - reading the catalogue.  The form is described at the top of data/catalogue.ini; every mistake is named
 * with file and line, because people write entries of their own. */
#include "hub/catalogue.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "hub/modeldir.h"
#include "hub/source.h"
#include "hub/store.h"

static const char builtin[] =
#include "gen/catalogue.h"
    ;

/* Keys that are one text each. */
static const struct { const char *key; size_t offset; int needed; } texts[] = {
    {"aliases", offsetof(struct catalogue_model, aliases), 0},
    {"architecture", offsetof(struct catalogue_model, architecture), 0},
    {"parameters", offsetof(struct catalogue_model, parameters), 0},
    {"kind", offsetof(struct catalogue_model, kind), 1},
    {"good-at", offsetof(struct catalogue_model, good_at), 0},
    {"note", offsetof(struct catalogue_model, note), 0},
    {"licence", offsetof(struct catalogue_model, licence), 1},
    {"terms", offsetof(struct catalogue_model, terms), 0},
    {"terms-at", offsetof(struct catalogue_model, terms_at), 0},
    {"sha256", offsetof(struct catalogue_model, sha256), 1},
};
enum { N_TEXTS = sizeof texts / sizeof *texts };

static const char **text_field(struct catalogue_model *m, size_t i)
{
    return (const char **)(void *)((char *)m + texts[i].offset);
}

static enum hearth_status bad(const struct ini *f, const struct ini_item *it, const char *allowed)
{
    return fail(HEARTH_EFORMAT, "%s: line %d: [%s] %s is \"%.80s\"; allowed is %s", f->label, it->line, it->section, it->key,
                it->value, allowed);
}

const char *catalogue_word(const char *list, size_t i, size_t *n)
{
    for (;; i--) {
        list += strspn(list, " \n\t");
        *n = strcspn(list, " \n\t");
        if (*n == 0) return NULL;
        if (i == 0) return list;
        list += *n;
    }
}

static enum hearth_status check_name(const struct ini *f, const struct ini_item *it, const char *s, size_t n)
{
    char copy[NAME_MAX_BYTES + 2] = "", name[NAME_MAX_BYTES + 1];
    if (n <= NAME_MAX_BYTES) memcpy(copy, s, n);
    if (name_canonical(copy, name) != HEARTH_OK || strcmp(copy, name) != 0)
        return fail(HEARTH_EFORMAT, "%s: line %d: [%s]: \"%.*s\" is no model's name: allowed are lower-case letters, digits "
                    "and . _ : - after the first", f->label, it->line, it->section, (int)(n < 80 ? n : 80), s);
    return HEARTH_OK;
}

static enum hearth_status add_source(const struct ini *f, const struct ini_item *it, struct catalogue_model *m)
{
    size_t pieces = 0;
    if (m->n_sources == CATALOGUE_SOURCES)
        return fail(HEARTH_EFORMAT, "%s: line %d: [%s] has more than %d sources", f->label, it->line, it->section,
                    CATALOGUE_SOURCES);
    for (const char *p = it->value; p && *p; pieces++) {
        const char *nl = strchr(p, '\n');
        if (pieces == CATALOGUE_PIECES || !source_known(p)) return bad(f, it, source_allowed());
        p = nl ? nl + 1 : NULL;
    }
    if (!pieces) return bad(f, it, source_allowed());
    m->source[m->n_sources++] = (struct catalogue_source){it->value, ""};
    return HEARTH_OK;
}

/* ---- models of several files ---- */

/* "SHA256 SIZE" and what stands behind it; 0: it is not that. */
static int sum_and_size(const char *s, char sha256[65], uint64_t *size, const char **rest)
{
    char *end;
    size_t n = strspn(s, "0123456789abcdef");
    if (n != 64 || s[n] != ' ' || s[n + 1] < '0' || s[n + 1] > '9') return 0;
    memcpy(sha256, s, n);
    sha256[n] = '\0';
    unsigned long long v = strtoull(s + n + 1, &end, 10);
    *size = v;
    *rest = end;
    return v >= 1 && v <= (unsigned long long)1 << 46;
}

static enum hearth_status set_archive(const struct ini *f, const struct ini_item *it, struct catalogue_model *m)
{
    const char *rest;
    return sum_and_size(it->value, m->archive, &m->archive_size, &rest) && !*rest ? HEARTH_OK : bad(f, it, "SHA256 BYTES of a zip");
}

/* One line: SHA256 BYTES NAME[!MEMBER] */
static enum hearth_status read_file(struct catalogue *c, const char *line, size_t n, struct catalogue_file *out, int *good)
{
    const char *rest;
    char *copy = arena_strndup(&c->arena, line, n);
    if (!copy) return HEARTH_ENOMEM;
    *good = sum_and_size(copy, out->sha256, &out->size, &rest) && *rest == ' ';
    if (!*good) return HEARTH_OK;
    char *name = copy + (rest - copy) + 1, *mark = strchr(name, '!');
    if (mark) *mark = '\0';
    out->name = name;
    out->member = mark ? mark + 1 : NULL;
    *good = modeldir_takes(name) && (!mark || mark[1]);
    return HEARTH_OK;
}

static enum hearth_status set_files(struct catalogue *c, const struct ini *f, const struct ini_item *it, struct catalogue_model *m)
{
    struct catalogue_file *list = arena_alloc(&c->arena, CATALOGUE_FILES * sizeof *list);
    int good = 1;
    if (!list) return HEARTH_ENOMEM;
    for (const char *p = it->value; *p && good; p += strspn(p, "\n")) {
        size_t n = strcspn(p, "\n");
        if (m->n_files == CATALOGUE_FILES) return bad(f, it, "at most 600 files");
        TRY(read_file(c, p, n, &list[m->n_files], &good));
        for (size_t i = 0; good && i < m->n_files; i++) good = strcmp(list[i].name, list[m->n_files].name) != 0;
        m->n_files += (size_t)good;
        p += n;
    }
    m->files = list;
    return good && m->n_files ? HEARTH_OK
                              : bad(f, it, "a file a line, SHA256 BYTES NAME or SHA256 BYTES NAME!MEMBER, each name once and one that a model's folder can have");
}

/* Where the files are members, there is an archive, and where not, every source is a folder.  That sha256 is the list's is looked at when it
 * is pulled. */
static enum hearth_status check_files(const struct ini *f, const struct ini_item *first, const struct catalogue_model *m)
{
    uint64_t size = 0;
    const char *wrong = NULL;
    for (size_t i = 0; i < m->n_files; i++) {
        size += m->files[i].size;
        if ((m->files[i].member != NULL) != (*m->archive != 0)) wrong = "a member for each file where it has an archive, and for none where not";
    }
    for (size_t i = 0; i < m->n_sources && !*m->archive; i++) {
        const char *s = m->source[i].text;
        if (strchr(s, '\n') || s[strlen(s) - 1] != '/') wrong = "a source that ends with / where it has no archive";
    }
    if (!wrong && size != m->size) wrong = "the size that its files have together";
    return wrong ? fail(HEARTH_EFORMAT, "%s: line %d: [%s]: allowed is %s", f->label, first->line, first->section, wrong) : HEARTH_OK;
}

static enum hearth_status set_model(struct catalogue *c, const struct ini *f, const struct ini_item *it, struct catalogue_model *m)
{
    size_t n = 0;
    for (size_t i = 0; i < N_TEXTS; i++) {
        if (strcmp(it->key, texts[i].key) != 0) continue;
        if (*text_field(m, i)) return fail(HEARTH_EFORMAT, "%s: line %d: [%s] has a second %s; one is allowed", f->label,
                                           it->line, it->section, it->key);
        *text_field(m, i) = it->value;
        if (!strcmp(it->key, "kind") && strcmp(it->value, "base") && strcmp(it->value, "instruct") && strcmp(it->value, "embedding"))
            return bad(f, it, "base, instruct or embedding");
        if (!strcmp(it->key, "licence") && (!*it->value || strpbrk(it->value, "[]\n")))
            return bad(f, it, "one line without [ and ]");
        if (!strcmp(it->key, "sha256") && !name_is_digest(it->value)) return bad(f, it, "64 lower-case hex digits");
        for (size_t w = 0; !strcmp(it->key, "aliases") && (catalogue_word(it->value, w, &n)); w++)
            TRY(check_name(f, it, catalogue_word(it->value, w, &n), n));
        return HEARTH_OK;
    }
    if (!strcmp(it->key, "source")) return add_source(f, it, m);
    if (!strcmp(it->key, "label") && m->n_sources) {
        m->source[m->n_sources - 1].label = it->value;
        return HEARTH_OK;
    }
    if (!strcmp(it->key, "files") && !m->files) return set_files(c, f, it, m);
    if (!strcmp(it->key, "archive") && !*m->archive) return set_archive(f, it, m);
    if (!strcmp(it->key, "size")) return ini_item_number(f, it, INT64_MAX, &m->size);
    if (!strcmp(it->key, "accept")) {
        m->ask = !strcmp(it->value, "ask");
        return m->ask || !strcmp(it->value, "no") ? HEARTH_OK : bad(f, it, "ask or no");
    }
    return fail(HEARTH_EFORMAT, "%s: line %d: [%s] has the key \"%s\", which is not known here; allowed are aliases, "
                "architecture, parameters, kind, good-at, note, licence, terms, terms-at, accept, size, sha256, files and archive "
                "(one of each), source and, below a source, label", f->label, it->line, it->section, it->key);
}

static enum hearth_status finish_model(const struct ini *f, const struct ini_item *first, struct catalogue_model *m)
{
    for (size_t i = 0; i < N_TEXTS; i++) {
        if (*text_field(m, i)) continue;
        if (texts[i].needed)
            return fail(HEARTH_EFORMAT, "%s: line %d: [%s] has no %s", f->label, first->line, first->section, texts[i].key);
        *text_field(m, i) = "";
    }
    if (!m->n_sources) return fail(HEARTH_EFORMAT, "%s: line %d: [%s] has no source", f->label, first->line, first->section);
    if (!m->size) return fail(HEARTH_EFORMAT, "%s: line %d: [%s] has no size", f->label, first->line, first->section);
    if (*m->archive && !m->files) return fail(HEARTH_EFORMAT, "%s: line %d: [%s] has an archive and no files", f->label, first->line, first->section);
    return m->files ? check_files(f, first, m) : HEARTH_OK;
}

static void put_text(char *to, size_t room, const char *s)
{
    size_t n = strlen(s) < room - 1 ? strlen(s) : room - 1;
    memcpy(to, s, n);
    to[n] = '\0';
}

static enum hearth_status set_advice(const struct ini *f, const struct ini_item *it, struct hub_advice *a)
{
    uint64_t gb = 0;
    if (!strcmp(it->key, "memory")) {
        TRY(ini_item_number(f, it, 100000, &gb));
        a->memory = gb * 1000000000u;
    } else if (!strcmp(it->key, "parameters")) put_text(a->parameters, sizeof a->parameters, it->value);
    else if (!strcmp(it->key, "licence")) put_text(a->licence, sizeof a->licence, it->value);
    else if (!strcmp(it->key, "good-at")) put_text(a->good_at, sizeof a->good_at, it->value);
    else
        return fail(HEARTH_EFORMAT, "%s: line %d: [%s] has the key \"%s\", which is not known here; allowed are memory, "
                    "parameters, licence and good-at", f->label, it->line, it->section, it->key);
    return HEARTH_OK;
}

/* One section: items [i, end). */
static enum hearth_status add_section(struct catalogue *c, const struct ini *f, size_t i, size_t end, int own)
{
    const struct ini_item *first = &f->item[i];
    if (!strncmp(first->section, "model ", 6)) {
        struct catalogue_model m = {.name = first->section + 6, .own = own};
        TRY(check_name(f, first, m.name, strlen(m.name)));
        for (size_t k = 0; k < c->n; k++)
            if (c->model[k].own == own && !strcmp(c->model[k].name, m.name))
                return fail(HEARTH_EFORMAT, "%s: line %d: a second [%s]", f->label, first->line, first->section);
        for (; i < end; i++) TRY(set_model(c, f, &f->item[i], &m));
        TRY(finish_model(f, first, &m));
        TRY(mem_grow(&c->model, &c->cap, c->n + 1, sizeof *c->model));
        c->model[c->n++] = m;
        return HEARTH_OK;
    }
    if (!strncmp(first->section, "advice ", 7)) {
        struct hub_advice a = {.memory = 0};
        put_text(a.name, sizeof a.name, first->section + 7);
        for (; i < end; i++) TRY(set_advice(f, &f->item[i], &a));
        if (!a.memory) return fail(HEARTH_EFORMAT, "%s: line %d: [%s] has no memory", f->label, first->line, first->section);
        TRY(mem_grow(&c->advice, &c->cap_advice, c->n_advice + 1, sizeof *c->advice));
        c->advice[c->n_advice++] = a;
        return HEARTH_OK;
    }
    return fail(HEARTH_EFORMAT, "%s: line %d: the section [%.80s]; allowed are [model NAME] and [advice NAME]", f->label,
                first->line, first->section);
}

enum hearth_status catalogue_add(struct catalogue *c, const struct ini *f, int own)
{
    for (size_t i = 0, end; i < f->n; i = end) {
        for (end = i + 1; end < f->n && f->item[end].section == f->item[i].section;) end++;
        TRY(add_section(c, f, i, end, own));
    }
    return HEARTH_OK;
}

enum hearth_status catalogue_open(struct catalogue *out)
{
    char *path = NULL;
    enum hearth_status st;
    *out = (struct catalogue){0};
    arena_init(&out->arena, 0);
    TRY_GOTO(st, done, hub_path(HUB_CONFIG, "catalogue.ini", &path));
    st = ini_read(path, &out->file[0]);
    if (st != HEARTH_OK && st != HEARTH_ENOTFOUND) goto done;
    TRY_GOTO(st, done, catalogue_add(out, &out->file[0], 1));
    TRY_GOTO(st, done, ini_parse(builtin, sizeof builtin - 1, "data/catalogue.ini", &out->file[1]));
    st = catalogue_add(out, &out->file[1], 0);
done:
    free(path);
    if (st != HEARTH_OK) catalogue_free(out);
    return st;
}

void catalogue_free(struct catalogue *c)
{
    for (int i = 0; i < 2; i++)
        if (c->file[i].label) ini_free(&c->file[i]);
    arena_free(&c->arena);
    free(c->model);
    free(c->advice);
    *c = (struct catalogue){0};
}

const struct catalogue_model *catalogue_find(const struct catalogue *c, const char *name)
{
    size_t len = strlen(name), n;
    for (size_t i = 0; i < c->n; i++)
        if (!strcmp(c->model[i].name, name)) return &c->model[i];
    for (size_t i = 0; i < c->n; i++) {
        const char *word;
        for (size_t w = 0; (word = catalogue_word(c->model[i].aliases, w, &n)); w++)
            if (n == len && !memcmp(word, name, n)) return &c->model[i];
    }
    return NULL;
}

void catalogue_near(const struct catalogue *c, struct name_near *near)
{
    for (size_t i = 0; i < c->n; i++) {
        const char *word;
        size_t n;
        name_near_add(near, c->model[i].name);
        for (size_t w = 0; (word = catalogue_word(c->model[i].aliases, w, &n)); w++) {
            char alias[NAME_MAX_BYTES + 1];
            put_text(alias, n + 1, word);
            name_near_add(near, alias);
        }
    }
}

enum hearth_status catalogue_describe(const struct catalogue_model *m, struct hub_model *out)
{
    const struct catalogue_source *s = &m->source[0];
    return store_model(out, HUB_REMOTE, m->size,
                       (const struct store_text[]){{STORE_NAME, m->name}, {STORE_SHA256, m->sha256},
                                                   {STORE_ARCHITECTURE, m->architecture}, {STORE_PARAMETERS, m->parameters},
                                                   {STORE_KIND, m->kind}, {STORE_LICENCE, m->licence},
                                                   {STORE_GOOD_AT, m->good_at}, {STORE_NOTE, m->note},
                                                   {STORE_SOURCE, s->text}, {STORE_LABEL, s->label}, {STORE_END, NULL}});
}

/* ---- what commands ask of the catalogue alone ---- */

const char *hub_default_name(void)
{
    static _Thread_local char name[NAME_MAX_BYTES + 1];
    struct catalogue c;
    name[0] = '\0';
    if (catalogue_open(&c) != HEARTH_OK) return name;
    const struct catalogue_model *m = catalogue_find(&c, "default");
    if (m) put_text(name, sizeof name, m->name);
    catalogue_free(&c);
    return name;
}

/* A computer sold with 4 GB shows less, because firmware and graphics keep some: an eighth is allowed for that. */
enum hearth_status hub_advise(uint64_t memory, struct hub_advice *out)
{
    struct catalogue c;
    *out = (struct hub_advice){.memory = 0};
    TRY(catalogue_open(&c));
    for (size_t i = 0; i < c.n_advice; i++)
        if (c.advice[i].memory - c.advice[i].memory / 8 <= memory && c.advice[i].memory > out->memory) *out = c.advice[i];
    catalogue_free(&c);
    if (out->memory) return HEARTH_OK;
    return fail(HEARTH_ENOTFOUND, "no better model than the default is known for %llu MB of memory",
                (unsigned long long)(memory / 1000000));
}
