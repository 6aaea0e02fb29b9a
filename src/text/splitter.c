/* splitter.c - see splitter.h.  Each step cuts every word of the one before it, and may write it anew:
 *
 *     matches    "a" " " "b"    is there a match? no, yes, no
 *     Isolated   a| |b      Removed   a|b      MergedWithPrevious   a |b      MergedWithNext   a| b      Contiguous   runs of equals
 */
#include "text/splitter.h"

#include <stdlib.h>
#include <string.h>
#include "base/utf8.h"
#include "text/unicode.h"
#include "text/vocab.h"

enum kind { BYTE_LEVEL, SPLIT, WHITESPACE, WHITESPACE_SPLIT, BERT, PUNCTUATION, DIGITS, METASPACE, SEQUENCE, CHAR_DELIMITER };
static const char *const names[] = { "ByteLevel", "Split", "Whitespace", "WhitespaceSplit", "BertPreTokenizer", "Punctuation", "Digits",
                                     "Metaspace", "Sequence", "CharDelimiterSplit", NULL };

enum behavior { REMOVED, ISOLATED, MERGED_WITH_PREVIOUS, MERGED_WITH_NEXT, CONTIGUOUS };
static const char *const behaviors[] = { "Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous", NULL };

enum scheme { FIRST, NEVER, ALWAYS };
static const char *const schemes[] = { "first", "never", "always", NULL };

enum action { CUT, BYTES, PREFIX_SPACE, MARK_SPACES };

struct splitter_step {
    enum action action;
    enum behavior behavior;
    int invert;
    int (*class)(uint32_t cp);   /* what matches, a character each; NULL: the pattern */
    struct json_pattern pattern;
    enum scheme scheme;          /* MARK_SPACES */
    char mark[4];
    size_t mark_n;
};

/* GPT-2's words. */
static const char byte_level_words[] = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

/* ---- reading ---- */

static enum hearth_status add(struct splitter *s, const struct part *p, struct splitter_step step) {
    if (s->n == STEPS_MAX) return part_fail(p, HEARTH_ELIMIT, "more than %d steps in all, allowed: at most so many", STEPS_MAX);
    TRY(mem_grow(&s->step, &s->cap, s->n + 1, sizeof *s->step));
    s->step[s->n++] = step;
    return HEARTH_OK;
}

static enum hearth_status add_regex(struct splitter *s, const struct part *p, const char *pattern, enum behavior behavior) {
    TRY(add(s, p, (struct splitter_step){ .behavior = behavior }));
    return regex_open(p->where, pattern, strlen(pattern), 0, &s->step[s->n - 1].pattern.regex);
}

static enum hearth_status add_class(struct splitter *s, const struct part *p, int (*class)(uint32_t), enum behavior behavior) {
    return add(s, p, (struct splitter_step){ .class = class, .behavior = behavior });
}

static enum hearth_status read_character(const struct part *p, const char *key, const char *otherwise, struct splitter_step *step) {
    const char *s = otherwise;
    size_t n = strlen(s);
    uint32_t cp;
    TRY(part_string(p, key, &s, &n));
    if (n == 0 || utf8_read(s, n, &cp) != (int)n)
        return part_fail(p, HEARTH_EFORMAT, "%s: \"%.40s\", allowed: one character", key, s);
    memcpy(step->mark, s, n);
    step->mark_n = n;
    return HEARTH_OK;
}

static enum hearth_status cut_at_mark(struct splitter *s, const struct part *p, struct splitter_step step, enum behavior behavior) {
    struct splitter_step cut = { .behavior = behavior };
    TRY(add(s, p, cut));
    struct json_pattern *x = &s->step[s->n - 1].pattern;
    if (!(x->text = mem_array(step.mark_n + 1, 1))) return HEARTH_ENOMEM;
    memcpy(x->text, step.mark, step.mark_n);
    x->n = step.mark_n;
    return HEARTH_OK;
}

static enum hearth_status read_metaspace(struct splitter *s, const struct part *p) {
    struct splitter_step step = { .action = MARK_SPACES };
    int scheme = ALWAYS, split = 1, prefix = 1;
    TRY(read_character(p, "replacement", "\xE2\x96\x81", &step));
    TRY(part_choice(p, "prepend_scheme", schemes, &scheme));
    TRY(part_flag(p, "add_prefix_space", &prefix));
    TRY(part_flag(p, "split", &split));
    step.scheme = prefix ? (enum scheme)scheme : NEVER;
    s->needs_places |= step.scheme == FIRST;
    TRY(add(s, p, step));
    return split ? cut_at_mark(s, p, step, MERGED_WITH_NEXT) : HEARTH_OK;
}

static enum hearth_status read_byte_level(struct splitter *s, const struct part *p) {
    int prefix = 1, words = 1;
    TRY(part_flag(p, "add_prefix_space", &prefix));
    TRY(part_flag(p, "use_regex", &words));
    if (prefix) TRY(add(s, p, (struct splitter_step){ .action = PREFIX_SPACE }));
    if (words) TRY(add_regex(s, p, byte_level_words, ISOLATED));
    return add(s, p, (struct splitter_step){ .action = BYTES });
}

static enum hearth_status read_step(struct splitter *s, const struct part *p, int depth);

static enum hearth_status read_sequence(struct splitter *s, const struct part *p, int depth) {
    struct part list = part_member(p, "pretokenizers");
    size_t n;
    TRY(part_array(&list, STEPS_MAX, &n));
    for (size_t i = 0; i < n; i++) {
        struct part one = part_element(&list, i);
        TRY(read_step(s, &one, depth + 1));
    }
    return HEARTH_OK;
}

static enum hearth_status read_step(struct splitter *s, const struct part *p, int depth) {
    struct splitter_step step = { 0 };
    int kind = 0, behavior = ISOLATED, alone = 0;
    if (depth == NESTED_MAX) return part_fail(p, HEARTH_ELIMIT, "nested %d deep, allowed: less", depth);
    TRY(part_type(p, names, &kind));
    switch ((enum kind)kind) {
    case BYTE_LEVEL: return read_byte_level(s, p);
    case WHITESPACE: /* \w+|[^\w\s]+ */
        TRY(add_class(s, p, unicode_space, REMOVED));
        return add_class(s, p, unicode_word, CONTIGUOUS);
    case WHITESPACE_SPLIT: return add_class(s, p, unicode_space, REMOVED);
    case BERT:
        TRY(add_class(s, p, unicode_space, REMOVED));
        return add_class(s, p, unicode_punctuation, ISOLATED);
    case PUNCTUATION:
        TRY(part_choice(p, "behavior", behaviors, &behavior));
        return add_class(s, p, unicode_punctuation, (enum behavior)behavior);
    case DIGITS:
        TRY(part_flag(p, "individual_digits", &alone));
        return add_class(s, p, unicode_numeric, alone ? ISOLATED : CONTIGUOUS);
    case METASPACE: return read_metaspace(s, p);
    case SEQUENCE: return read_sequence(s, p, depth);
    case CHAR_DELIMITER:
        TRY(read_character(p, "delimiter", "", &step));
        return cut_at_mark(s, p, step, REMOVED);
    case SPLIT: break;
    }
    TRY(part_choice(p, "behavior", behaviors, &behavior));
    TRY(part_flag(p, "invert", &step.invert));
    step.behavior = (enum behavior)behavior;
    TRY(add(s, p, step));
    return json_pattern_init(&s->step[s->n - 1].pattern, p, "pattern");
}

enum hearth_status splitter_init(struct splitter *s, const struct part *p) {
    *s = (struct splitter){ 0 };
    enum hearth_status st = p->v ? read_step(s, p, 0) : HEARTH_OK;
    if (st != HEARTH_OK) splitter_free(s);
    return st;
}

void splitter_free(struct splitter *s) {
    for (size_t i = 0; i < s->n; i++) json_pattern_free(&s->step[i].pattern);
    free(s->step);
    *s = (struct splitter){ 0 };
}

void split_free(struct split *t) {
    aligned_free(&t->text);
    aligned_free(&t->other);
    free(t->words.word);
    free(t->next.word);
    free(t->found.word);
    *t = (struct split){ 0 };
}

/* ---- cutting ---- */

static enum hearth_status put(struct words *w, size_t from, size_t to) {
    TRY(mem_grow(&w->word, &w->cap, w->n + 1, sizeof *w->word));
    w->word[w->n++] = (struct span){ (uint32_t)from, (uint32_t)to };
    return HEARTH_OK;
}

/* What matches in text[from, to), in order. */
static enum hearth_status find_all(const struct splitter_step *s, struct regex_match *m, const struct aligned *text, size_t from,
                                   size_t to, struct words *out) {
    const char *word = text->s.data + from;
    size_t n = to - from, at = 0, after = SIZE_MAX, begin, end;
    out->n = 0;
    if (s->class) {
        uint32_t cp;
        for (size_t i = 0, len; i < n; i += len) {
            len = (size_t)utf8_read(word + i, n - i, &cp);
            if (s->class(cp)) TRY(put(out, from + i, from + i + len));
        }
        return HEARTH_OK;
    }
    for (int found; at <= n; at = after = end) {
        TRY(json_pattern_find(&s->pattern, m, word, n, at, after, &begin, &end, &found));
        if (!found) break;
        TRY(put(out, from + begin, from + end));
    }
    return HEARTH_OK;
}

struct cutting { enum behavior behavior; int before; size_t first; struct words *out; };

/* One stretch, a match or what is between matches, in order. */
static enum hearth_status put_stretch(struct cutting *c, size_t from, size_t to, int match) {
    struct words *w = c->out;
    int has = w->n > c->first, merge = 0;
    if (c->behavior == CONTIGUOUS) merge = has && match == c->before;
    if (c->behavior == MERGED_WITH_PREVIOUS) merge = has && match && !c->before;
    c->before = match;
    if (merge) return w->word[w->n - 1].to = (uint32_t)to, HEARTH_OK;
    if (c->behavior == REMOVED && match) return HEARTH_OK;
    return put(w, from, to);
}

/* The same from right to left, for MergedWithNext: a match joins what follows it. */
static enum hearth_status cut_with_next(const struct splitter_step *s, const struct words *found, size_t from, size_t to, struct words *out) {
    size_t first = out->n, end = to;
    int before = 0;
    for (size_t i = found->n + 1; i-- > 0;) {
        size_t match_to = i ? found->word[i - 1].to : from, match_from = i ? found->word[i - 1].from : from;
        for (int part = 0; part < 2; part++) { /* what is behind the match, then the match */
            size_t a = part ? match_from : match_to, b = part ? match_to : end;
            if (part ? !i : a == b) continue;
            int match = part != s->invert;
            if (match && !before && out->n > first) out->word[out->n - 1].from = (uint32_t)a;
            else TRY(put(out, a, b));
            before = match;
        }
        end = match_from;
    }
    for (size_t i = first, k = out->n; i + 1 < k; i++) {
        struct span swap = out->word[i];
        out->word[i] = out->word[--k];
        out->word[k] = swap;
    }
    return HEARTH_OK;
}

static enum hearth_status cut(const struct splitter_step *s, struct regex_match *m, const struct aligned *text, struct span word,
                              struct words *found, struct words *out) {
    size_t first = out->n, at = word.from, kept = first;
    TRY(find_all(s, m, text, word.from, word.to, found));
    if (s->behavior == MERGED_WITH_NEXT) {
        TRY(cut_with_next(s, found, word.from, word.to, out));
    } else {
        struct cutting c = { s->behavior, 0, first, out };
        for (size_t i = 0; i < found->n; i++) {
            if (found->word[i].from > at) TRY(put_stretch(&c, at, found->word[i].from, s->invert));
            TRY(put_stretch(&c, found->word[i].from, at = found->word[i].to, !s->invert));
        }
        if (at < word.to) TRY(put_stretch(&c, at, word.to, s->invert));
    }
    for (size_t i = first; i < out->n; i++) /* empty ones are no words */
        if (out->word[i].from < out->word[i].to) out->word[kept++] = out->word[i];
    out->n = kept;
    return HEARTH_OK;
}

/* ---- rewriting a word into t->other ---- */

static int begins_with(const struct aligned *text, struct span w, const char *s, size_t n) {
    return w.to - w.from >= n && !memcmp(text->s.data + w.from, s, n);
}

static enum hearth_status mark_spaces(const struct splitter_step *s, const struct aligned *in, struct span w, struct aligned *out) {
    const char *text = in->s.data;
    struct span first = aligned_span(in, w.from, w.from + 1);
    int has = begins_with(in, w, s->mark, s->mark_n) || text[w.from] == ' ';
    if (!has && (s->scheme == ALWAYS || (s->scheme == FIRST && first.from == 0))) TRY(aligned_put(out, s->mark, s->mark_n, first));
    for (size_t i = w.from, end; i < w.to; i = end) {
        for (end = i; end < w.to && text[end] != ' ';) end++;
        TRY(aligned_copy(out, in, i, end));
        if (end == w.to) break;
        TRY(aligned_put(out, s->mark, s->mark_n, aligned_span(in, end, end + 1)));
        end++;
    }
    return HEARTH_OK;
}

static enum hearth_status rewrite(const struct splitter_step *s, const struct aligned *in, struct span w, struct aligned *out) {
    char c[2];
    if (s->action == MARK_SPACES) return mark_spaces(s, in, w, out);
    if (s->action == PREFIX_SPACE) {
        if (!begins_with(in, w, " ", 1)) TRY(aligned_put(out, " ", 1, aligned_span(in, w.from, w.from + 1)));
        return aligned_copy(out, in, w.from, w.to);
    }
    for (size_t i = w.from; i < w.to; i++)
        TRY(aligned_put(out, c, vocab_byte_char((unsigned char)in->s.data[i], c), aligned_span(in, i, i + 1)));
    return HEARTH_OK;
}

static enum hearth_status run_step(const struct splitter_step *s, struct regex_match *m, struct split *t) {
    t->next.n = 0;
    aligned_like(&t->other, &t->text);
    for (size_t i = 0; i < t->words.n; i++) {
        if (s->action == CUT) {
            TRY(cut(s, m, &t->text, t->words.word[i], &t->found, &t->next));
            continue;
        }
        size_t from = t->other.s.len;
        TRY(rewrite(s, &t->text, t->words.word[i], &t->other));
        TRY(put(&t->next, from, t->other.s.len));
    }
    struct words swap = t->words;
    t->words = t->next;
    t->next = swap;
    if (s->action == CUT) return HEARTH_OK;
    struct aligned text = t->text;
    t->text = t->other;
    t->other = text;
    return HEARTH_OK;
}

enum hearth_status splitter_run(const struct splitter *s, struct regex_match *m, const struct aligned *in, size_t from, size_t to,
                                struct split *t) {
    aligned_like(&t->text, in);
    t->words.n = 0;
    TRY(aligned_copy(&t->text, in, from, to));
    if (t->text.s.len) TRY(put(&t->words, 0, t->text.s.len));
    for (size_t i = 0; i < s->n; i++) TRY(run_step(s->step + i, m, t));
    return HEARTH_OK;
}
