/* dataset_columns.c - which column is the text, which the label: as somebody named them, else by the names such files usually have. */
#include "work/dataset_in.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* What --columns calls a role, and the usual names, the likeliest first. */
static const struct { const char *word, *usual[20]; } roles[ROLES] = {
    [ROLE_TEXT] = { "text", { "text", "sentence", "utterance", "content", "message", "document", "body", "review", "comment", "tweet", "post",
                              "description", "query", "question", "prompt", "input" } },
    [ROLE_LABEL] = { "label", { "label", "category", "class", "intent", "topic", "label_text", "sentiment", "target" } },
    [ROLE_PROMPT] = { "prompt", { "prompt", "instruction", "question", "query", "input" } },
    [ROLE_ANSWER] = { "completion", { "completion", "response", "answer", "output", "reply" } },
    [ROLE_CHOSEN] = { "chosen", { "chosen" } },
    [ROLE_REJECTED] = { "rejected", { "rejected" } },
    [ROLE_MESSAGES] = { "messages", { "messages" } },
    [ROLE_INPUT] = { NULL, { "input" } },
};

/* *exact: in its own letters; else their size does not matter. */
static int find(const char *name, size_t n, const char *const *field, size_t fields, int *exact)
{
    *exact = 1;
    for (size_t i = 0; i < fields; i++)
        if (strlen(field[i]) == n && strncmp(field[i], name, n) == 0) return (int)i;
    *exact = 0;
    for (size_t i = 0; i < fields; i++)
        if (strlen(field[i]) == n && strncasecmp(field[i], name, n) == 0) return (int)i;
    return -1;
}

static enum hearth_status list_fields(const char *const *field, size_t n, struct buf *out)
{
    enum { SHOWN = 12 };
    for (size_t i = 0; i < n && i < SHOWN; i++) TRY(buf_printf(out, "%s%s", i ? ", " : "", field[i]));
    return n > SHOWN ? buf_puts(out, " ...") : HEARTH_OK;
}

static enum hearth_status no_field(const char *file, uint64_t line, const char *what, size_t len, const char *const *field, size_t n)
{
    struct buf all = { 0 };
    enum hearth_status st = list_fields(field, n, &all);
    if (st == HEARTH_OK)
        st = fail(HEARTH_EUSAGE, "%s: line %llu: there is no column \"%.*s\"; the columns are %s", file, (unsigned long long)line, (int)len, what,
                  all.data ? all.data : "none");
    buf_free(&all);
    return st;
}

/* "text=utterance,label=intent" */
static enum hearth_status take_named(const char *file, uint64_t line, const char *named, const char *const *field, size_t n,
                                     struct columns *c)
{
    for (const char *p = named; *p;) {
        size_t all = strcspn(p, ","), word = strcspn(p, "=,");
        enum role r = 0;
        while (r < ROLES && !(roles[r].word && strlen(roles[r].word) == word && strncmp(roles[r].word, p, word) == 0)) r++;
        if (r == ROLES || word + 1 >= all)
            return fail(HEARTH_EUSAGE, "columns \"%.*s\" should be ROLE=NAME, where ROLE is text, label, prompt, completion, chosen, rejected or messages",
                        (int)all, p);
        const char *name = p + word + 1;
        c->at[r] = find(name, all - word - 1, field, n, &c->exact[r]);
        if (c->at[r] < 0) return no_field(file, line, name, all - word - 1, field, n);
        p += all + (p[all] == ',');
    }
    return HEARTH_OK;
}

static void take_usual(const char *const *field, size_t n, struct columns *c)
{
    for (int r = 0; r < ROLES; r++)
        for (size_t i = 0; roles[r].usual[i] && c->at[r] < 0; i++)
            c->at[r] = find(roles[r].usual[i], strlen(roles[r].usual[i]), field, n, &c->exact[r]);
    if (c->at[ROLE_INPUT] == c->at[ROLE_PROMPT]) c->at[ROLE_INPUT] = -1;   /* only beside an instruction */
}

static void list_unused(struct columns *c, const char *const *field, size_t n)
{
    size_t at = 0;
    for (size_t i = 0; i < n && at < sizeof c->unused; i++)
        if ((int)i != c->at[ROLE_TEXT]) at += (size_t)snprintf(c->unused + at, sizeof c->unused - at, "%s%s", at ? ", " : "", field[i]);
}

/* A name that stands twice says nothing. */
static enum hearth_status check_doubles(const char *file, uint64_t line, const char *const *field, size_t n, const struct columns *c)
{
    for (int r = 0; r < ROLES; r++)
        for (size_t i = 0; c->at[r] >= 0 && i < n; i++)
            if ((int)i != c->at[r] && (c->exact[r] ? strcmp(field[i], field[c->at[r]]) : strcasecmp(field[i], field[c->at[r]])) == 0)
                return fail(HEARTH_EFORMAT, "%s: line %llu: two columns are called \"%s\"", file, (unsigned long long)line, field[i]);
    return HEARTH_OK;
}

enum hearth_status columns_choose(const char *file, uint64_t line, const char *named, const char *const *field, size_t n,
                                  struct columns *c)
{
    for (int r = 0; r < ROLES; r++) c->at[r] = -1;
    c->unused[0] = 0;
    if (named) TRY(take_named(file, line, named, field, n, c));
    else take_usual(field, n, c);
    TRY(check_doubles(file, line, field, n, c));
    const int *at = c->at;
    for (int r = 0; r < ROLES; r++) c->name[r] = at[r] < 0 ? NULL : field[at[r]];
    int pair = at[ROLE_PROMPT] >= 0 && at[ROLE_ANSWER] >= 0;
    if (at[ROLE_CHOSEN] >= 0 && at[ROLE_REJECTED] >= 0 && (at[ROLE_PROMPT] >= 0 || at[ROLE_MESSAGES] >= 0)) c->kind = EXAMPLE_PREFERENCE;
    else if (at[ROLE_MESSAGES] >= 0) c->kind = EXAMPLE_CHAT;
    else if (pair) c->kind = EXAMPLE_PAIR;
    else if (at[ROLE_TEXT] >= 0 && at[ROLE_LABEL] >= 0) c->kind = EXAMPLE_LABEL;
    else if (at[ROLE_TEXT] >= 0) c->kind = EXAMPLE_TEXT, list_unused(c, field, n);
    else {
        struct buf all = { 0 };
        enum hearth_status st = list_fields(field, n, &all);
        if (st == HEARTH_OK)
            st = fail(HEARTH_EFORMAT, "%s: line %llu: which column is the text? Those of this first line are %s; name it: --columns 'text=NAME,label=NAME', or 'prompt=NAME,completion=NAME'", file,
                      (unsigned long long)line, all.data ? all.data : "none");
        buf_free(&all);
        return st;
    }
    return HEARTH_OK;
}
