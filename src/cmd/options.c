/* options.c - command-line options by table, and the word a person may have meant. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "cmd/command.h"

/* ---- near matches: the optimal string alignment distance, so that "hcat" is one step from "chat" ---- */

enum { LONGEST = 40 };

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t distance(const char *a, const char *b)
{
    size_t rows[3][LONGEST + 1], m = strlen(a), n = strlen(b);
    if (m > LONGEST || n > LONGEST) return LONGEST;
    for (size_t j = 0; j <= n; j++) rows[0][j] = j;
    for (size_t i = 1; i <= m; i++) {
        size_t *now = rows[i % 3], *one = rows[(i + 2) % 3], *two = rows[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= n; j++) {
            now[j] = least(least(one[j], now[j - 1]) + 1, one[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) now[j] = least(now[j], two[j - 2] + 1);
        }
    }
    return rows[m % 3][n];
}

const char *nearest(const char *word, const char *(*next)(void *user, size_t i), void *user)
{
    size_t length = strlen(word), best = length / 3 + 1;
    const char *found = NULL, *w;
    for (size_t i = 0; (w = next(user, i)); i++) {
        size_t d = distance(word, w);
        size_t n = strlen(w);
        if (length >= 3 && strncmp(word, w, length) == 0) d = 1;   /* "tok" */
        if (n >= 3 && n < length && strncmp(word, w, n) == 0 && d > 2) d = 2;   /* "temperature" */
        if (d <= best && d < strlen(w) && (!found || d < best)) found = w, best = d;
    }
    return found;
}

/* ---- values ---- */

static int set_int(const struct opt *o, const char *where, const char *value)
{
    char *end;
    errno = 0;
    long v = strtol(value, &end, 10);
    int bounded = o->min != 0 || o->max != 0;
    double low = bounded ? o->min : -2147483648.0, high = bounded ? o->max : 2147483647.0;
    if (end == value || *end || errno || (double)v < low || (double)v > high)
        return usage("%s: \"%s\" is not a whole number from %.0f to %.0f", where, value, low, high);
    *(int *)o->value = (int)v;
    return EXIT_DONE;
}

static int set_u64(const struct opt *o, const char *where, const char *value)
{
    char *end;
    errno = 0;
    long long v = strtoll(value, &end, 10);
    if (end == value || *end || errno || v < 0)
        return usage("%s: \"%s\" is not a whole number from 0 to 9223372036854775807", where, value);
    *(uint64_t *)o->value = (uint64_t)v;
    return EXIT_DONE;
}

static int set_float(const struct opt *o, const char *where, const char *value)
{
    char *end;
    double v = strtod(value, &end);
    int bounded = o->min != 0 || o->max != 0;
    if (end == value || *end || !isfinite(v) || (bounded && (v < o->min || v > o->max)) || fabs(v) > 3e38)
        return bounded ? usage("%s: \"%s\" is not a number from %g to %g", where, value, o->min, o->max)
                       : usage("%s: \"%s\" is not a finite number", where, value);
    *(float *)o->value = (float)v;
    return EXIT_DONE;
}

static int set_choice(const struct opt *o, const char *where, const char *value)
{
    char words[256] = "";
    for (int i = 0; o->choices[i]; i++) {
        if (strcmp(o->choices[i], value) == 0) {
            *(int *)o->value = i;
            return EXIT_DONE;
        }
        if (i > 0) strncat(words, o->choices[i + 1] ? ", " : " or ", sizeof words - strlen(words) - 1);
        strncat(words, o->choices[i], sizeof words - strlen(words) - 1);
    }
    return usage("%s: \"%s\" is none of its values: it takes %s", where, value, words);
}

int option_set(const struct opt *o, const char *where, const char *value)
{
    int code = EXIT_DONE;
    switch (o->type) {
    case OPT_FLAG: *(int *)o->value = 1; break;
    case OPT_INT: code = set_int(o, where, value); break;
    case OPT_U64: code = set_u64(o, where, value); break;
    case OPT_FLOAT: code = set_float(o, where, value); break;
    case OPT_TEXT: *(const char **)o->value = value; break;
    case OPT_CHOICE: code = set_choice(o, where, value); break;
    case OPT_LIST: {
        struct opt_list *l = o->value;
        l->item = xrealloc(l->item, l->n + 1, sizeof *l->item);
        l->item[l->n++] = value;
        break;
    }
    }
    if (code == EXIT_DONE && o->given) *o->given = 1;
    return code;
}

const char *option_show(const struct opt *o, char out[64])
{
    out[0] = 0;
    switch (o->type) {
    case OPT_FLAG:
    case OPT_INT: snprintf(out, 64, "%d", *(int *)o->value); break;
    case OPT_U64: snprintf(out, 64, "%llu", (unsigned long long)*(uint64_t *)o->value); break;
    case OPT_FLOAT: snprintf(out, 64, "%g", (double)*(float *)o->value); break;
    case OPT_TEXT: snprintf(out, 64, "%s", *(const char **)o->value ? *(const char **)o->value : ""); break;
    case OPT_CHOICE: snprintf(out, 64, "%s", o->choices[*(int *)o->value]); break;
    case OPT_LIST: break;
    }
    return out;
}

/* ---- finding them ---- */

/* Option i of both tables of c. */
static const struct opt *option_at(const struct command *c, size_t i)
{
    size_t k = 0;
    for (const struct opt *o = c->options; o && o->name; o++) if (k++ == i) return o;
    for (const struct opt *o = c->more; o && o->name; o++) if (k++ == i) return o;
    return NULL;
}

static const char *option_name(void *user, size_t i)
{
    const struct opt *o = option_at(user, i);
    return o ? o->name : NULL;
}

const struct opt *option_find(const struct command *c, const char *name)
{
    const struct opt *o;
    for (size_t i = 0; (o = option_at(c, i)); i++) if (strcmp(o->name, name) == 0) return o;
    return NULL;
}

static const struct opt *option_letter(const struct command *c, char letter)
{
    const struct opt *o;
    for (size_t i = 0; (o = option_at(c, i)); i++) if (o->letter == letter) return o;
    return NULL;
}

static int unknown(const struct command *c, const char *word, const char *name)
{
    const char *near = name ? nearest(name, option_name, (void *)(uintptr_t)c) : NULL;
    if (near) return usage("%s has no option %s; did you mean --%s?", c->name, word, near);
    return usage("%s has no option %s; `hearth %s --help` lists them (a text that begins with - goes after --)", c->name,
                 word, c->name);
}

/* One word that begins with "-": takes its value from the word itself or from the next one (*used counts it). */
static int parse_one(const struct command *c, char *word, char *next, int *used)
{
    char where[80], name[64], *value = NULL;
    const struct opt *o;
    if (word[1] == '-') {
        size_t n = strcspn(word + 2, "=");
        if (word[2 + n] == '=') value = word + 2 + n + 1;
        if (n >= sizeof name) return unknown(c, word, NULL);
        memcpy(name, word + 2, n);
        name[n] = 0;
        o = option_find(c, name);
        snprintf(where, sizeof where, "--%s", name);
        if (!o) return unknown(c, where, name);
    } else {
        o = option_letter(c, word[1]);
        snprintf(where, sizeof where, "-%c", word[1]);
        if (!o || (o->type == OPT_FLAG && word[2])) return unknown(c, word, word + 1);
        if (word[2]) value = word + 2;
    }
    if (o->type == OPT_FLAG) {
        if (value) return usage("%s takes no value, and was given \"%s\"", where, value);
        return option_set(o, where, NULL);
    }
    if (!value) {
        if (!next) return usage("%s needs a value: %s %s", where, where, o->arg);
        value = next;
        *used = 1;
    }
    return option_set(o, where, value);
}

int options_parse(const struct command *c, int *argc, char **argv, int *help)
{
    int n = 0, only_words = 0;
    *help = 0;
    for (int i = 0; i < *argc; i++) {
        char *a = argv[i];
        int used = 0, code;
        if (only_words || a[0] != '-' || !a[1]) {
            argv[n++] = a;
        } else if (strcmp(a, "--") == 0) {
            only_words = 1;
        } else if (strcmp(a, "--help") == 0 || strcmp(a, "-h") == 0) {
            *help = 1;
            return EXIT_DONE;
        } else {
            if ((code = parse_one(c, a, i + 1 < *argc ? argv[i + 1] : NULL, &used)) != EXIT_DONE) return code;
            i += used;
        }
    }
    *argc = n;
    if (n < c->min_args)
        return usage("%s needs %s: hearth %s %s", c->name, n == 0 && c->min_args == 1 ? "an argument" : "more arguments",
                     c->name, c->args);
    if (c->max_args >= 0 && n > c->max_args)
        return usage("%s takes at most %d argument%s, and \"%s\" is one more; a text of several words stands in quotes",
                     c->name, c->max_args, c->max_args == 1 ? "" : "s", argv[c->max_args]);
    return EXIT_DONE;
}
