/* jinja_string.c - cutting, joining and filling texts: what methods and filters share.  Pieces of a text are views of
 * its bytes.  What is done to Markup gives Markup. */
#include <string.h>

#include "base/utf8.h"
#include "text/jinja.h"

static enum hearth_status piece(struct render *r, struct value of, size_t from, size_t to, struct value *out) {
    TRY(jinja_view(r, of.text->p + from, to - from, out));
    out->what = of.what;
    return HEARTH_OK;
}

/* ---- strip ---- */

static int has_char(const struct text *set, const char *p, size_t n) {
    return n <= set->n && memmem(set->p, set->n, p, n) != NULL;
}

enum hearth_status jinja_strip(struct render *r, struct value text, struct value chars, int sides, struct value *out) {
    const char *p = text.text->p;
    size_t from = 0, to = text.text->n;
    int spaces = chars.kind == K_MISSING || chars.kind == K_NONE;
    uint32_t cp;
    if (!spaces && chars.kind != K_TEXT) return jinja_error(r, "characters to strip are a string, not %s", jinja_type(chars));
    uint64_t set = spaces ? 0 : chars.text->n >> 6;        /* steps of one search, paid before it */
    while (sides & SIDE_LEFT && from < to) {
        size_t n = (size_t)jinja_char(p + from, to - from, &cp);
        TRY(jinja_work(r, set));
        if (!(spaces ? jinja_is_space(cp) : has_char(chars.text, p + from, n))) break;
        from += n;
    }
    while (sides & SIDE_RIGHT && from < to) {
        size_t n = (size_t)jinja_char_before(p + from, to - from, &cp);
        TRY(jinja_work(r, set));
        if (!(spaces ? jinja_is_space(cp) : has_char(chars.text, p + to - n, n))) break;
        to -= n;
    }
    TRY(jinja_work(r, ((text.text->n - (to - from)) >> 3) + ((to - from) >> 6)));
    return piece(r, text, from, to, out);
}

/* ---- split ---- */

struct pieces { struct render *r; struct value of; struct value list; size_t cap; };

static enum hearth_status add_piece(struct pieces *s, size_t from, size_t to) {
    struct list *l = s->list.list;
    if (l->n == s->cap) {
        struct value *grown;
        s->cap = s->cap ? s->cap * 2 : 4;
        TRY(jinja_alloc(s->r, s->cap, sizeof *grown, &grown));
        if (l->n) memcpy(grown, l->v, l->n * sizeof *grown);
        l->v = grown;
    }
    return piece(s->r, s->of, from, to, &l->v[l->n++]);
}

static const char *find(const char *p, size_t n, const struct text *what) {
    return n < what->n ? NULL : memmem(p, n, what->p, what->n);
}

uint64_t jinja_search_steps(size_t n) { return n >> 2; }

enum hearth_status jinja_find_first(struct render *r, const char *p, size_t n, const struct text *what, const char **at) {
    TRY(jinja_work(r, jinja_search_steps(n)));
    *at = find(p, n, what);
    return HEARTH_OK;
}

/* From the end.  Each place where a long text may begin is paid as it is looked at: the bytes compared there may be as many as it has. */
static enum hearth_status find_last(struct render *r, const char *p, size_t n, const struct text *what, const char **at) {
    *at = NULL;
    for (size_t i = n >= what->n ? n - what->n + 1 : 0; i > 0 && !*at; i--) {
        if (what->n && p[i - 1] != *what->p) continue;
        TRY(jinja_work(r, what->n >> 6));
        if (memcmp(p + i - 1, what->p, what->n) == 0) *at = p + i - 1;
    }
    return HEARTH_OK;
}

enum hearth_status jinja_find_last(struct render *r, const char *p, size_t n, const struct text *what, const char **at) {
    TRY(jinja_work(r, jinja_search_steps(n)));
    return find_last(r, p, n, what, at);
}

static enum hearth_status split_by(struct pieces *s, const struct text *sep, int64_t most, int right) {
    const char *p = s->of.text->p;
    size_t from = 0, to = s->of.text->n;
    while (most != 0) {
        const char *at = right ? NULL : find(p + from, to - from, sep);
        if (right) TRY(find_last(s->r, p, to, sep, &at));
        if (!at) break;
        size_t begin = (size_t)(at - p);
        TRY(right ? add_piece(s, begin + sep->n, to) : add_piece(s, from, begin));
        if (right) to = begin;
        else from = begin + sep->n;
        most -= most > 0;
    }
    return add_piece(s, from, to);
}

/* Runs of white space separate; at the ends they are nothing, but for the end that no cut is left for. */
static enum hearth_status split_spaces(struct pieces *s, int64_t most) {
    const char *p = s->of.text->p;
    size_t n = s->of.text->n, at = 0;
    uint32_t cp = 0;
    for (;;) {
        int len = 0;
        while (at < n && (len = jinja_char(p + at, n - at, &cp), jinja_is_space(cp))) at += (size_t)len;
        if (at == n) return HEARTH_OK;
        size_t from = at;
        if (most == 0) return add_piece(s, from, n);
        while (at < n && (len = jinja_char(p + at, n - at, &cp), !jinja_is_space(cp))) at += (size_t)len;
        TRY(add_piece(s, from, at));
        most -= most > 0;
    }
}

static enum hearth_status split_spaces_right(struct pieces *s, int64_t most) {
    const char *p = s->of.text->p;
    size_t at = s->of.text->n;
    uint32_t cp = 0;
    for (;;) {
        int len = 0;
        while (at && (len = jinja_char_before(p, at, &cp), jinja_is_space(cp))) at -= (size_t)len;
        if (at == 0) return HEARTH_OK;
        size_t to = at;
        if (most == 0) return add_piece(s, 0, to);
        while (at && (len = jinja_char_before(p, at, &cp), !jinja_is_space(cp))) at -= (size_t)len;
        TRY(add_piece(s, at, to));
        most -= most > 0;
    }
}

enum hearth_status jinja_split(struct render *r, struct value text, struct value separator, int64_t most, int right,
                               struct value *out) {
    struct pieces s = { .r = r, .of = text };
    TRY(jinja_work(r, jinja_search_steps(text.text->n)));
    TRY(jinja_list(r, K_LIST, 0, &s.list));
    if (separator.kind == K_MISSING || separator.kind == K_NONE) {
        TRY(right ? split_spaces_right(&s, most) : split_spaces(&s, most));
    } else {
        if (separator.kind != K_TEXT) return jinja_error(r, "a separator is a string, not %s", jinja_type(separator));
        if (separator.text->n == 0) return jinja_error(r, "a separator that is empty");
        TRY(split_by(&s, separator.text, most, right));
    }
    struct list *l = s.list.list;
    for (size_t i = 0; right && i < l->n / 2; i++) { /* they came from the end */
        struct value swap = l->v[i];
        l->v[i] = l->v[l->n - 1 - i];
        l->v[l->n - 1 - i] = swap;
    }
    *out = s.list;
    return HEARTH_OK;
}

enum hearth_status jinja_split_lines(struct render *r, struct value text, int keep_ends, struct value *out) {
    struct pieces s = { .r = r, .of = text };
    const char *p = text.text->p;
    size_t n = text.text->n, from = 0;
    uint32_t cp;
    TRY(jinja_list(r, K_LIST, 0, &s.list));
    TRY(jinja_work(r, jinja_search_steps(n)));
    for (size_t at = 0; at < n;) {
        size_t end = at;
        at += (size_t)jinja_char(p + at, n - at, &cp);
        if (!jinja_is_line_end(cp)) continue;
        if (cp == '\r' && at < n && p[at] == '\n') at++;
        TRY(add_piece(&s, from, keep_ends ? at : end));
        from = at;
    }
    if (from < n) TRY(add_piece(&s, from, n));
    *out = s.list;
    return HEARTH_OK;
}

/* ---- replace ---- */

enum hearth_status jinja_replace(struct render *r, struct value text, const struct text *from, const struct text *to,
                                 int64_t most, struct value *out) {
    const char *p = text.text->p, *end = p + text.text->n;
    size_t mark = jinja_mark(r);
    uint32_t cp;
    TRY(jinja_work(r, jinja_search_steps(text.text->n)));
    for (; most != 0; most -= most > 0) {
        if (from->n == 0) { /* before every character, and at the end */
            TRY(jinja_put(r, to->p, to->n));
            if (p == end) break;
            size_t len = (size_t)jinja_char(p, (size_t)(end - p), &cp);
            TRY(jinja_put(r, p, len));
            p += len;
            continue;
        }
        const char *at = find(p, (size_t)(end - p), from);
        if (!at) break;
        TRY(jinja_put(r, p, (size_t)(at - p)));
        TRY(jinja_put(r, to->p, to->n));
        p = at + from->n;
    }
    TRY(jinja_put(r, p, (size_t)(end - p)));
    TRY(jinja_take(r, mark, out));
    out->what = text.what;
    return HEARTH_OK;
}

/* ---- width ---- */

/* sides: where the filling goes.  In the middle, an odd one goes left when the width is odd, as Python does it. */
enum hearth_status jinja_justify(struct render *r, struct value text, int64_t width, const struct text *fill,
                                 int sides, struct value *out) {
    int64_t chars = (int64_t)jinja_chars(text.text), space = width > chars ? width - chars : 0;
    int64_t left = sides == SIDE_LEFT ? space : sides == SIDE_RIGHT ? 0 : space / 2 + (space & width & 1);
    size_t mark = jinja_mark(r);
    TRY(jinja_pad(r, fill, left));
    TRY(jinja_put(r, text.text->p, text.text->n));
    TRY(jinja_pad(r, fill, space - left));
    TRY(jinja_take(r, mark, out));
    out->what = text.what;
    return HEARTH_OK;
}

/* ---- wordwrap: the rules of Python's textwrap ---- */

static int is_blank(char c) { return c && strchr("\t\n\v\f\r ", c) != NULL; }

struct wrap { const char *p; size_t n; int hyphens; };

static uint32_t char_at(const struct wrap *w, size_t at) {
    uint32_t cp = 0;
    if (at < w->n) jinja_char(w->p + at, w->n - at, &cp);
    return cp;
}

static uint32_t char_behind(const struct wrap *w, size_t at, size_t *begin) {
    uint32_t cp = 0;
    *begin = at - (at ? (size_t)jinja_char_before(w->p, at, &cp) : 0);
    return cp;
}

static int is_letter(uint32_t cp) {
    char c[4];
    struct text t = { .p = c, .n = (size_t)utf8_write(cp, c), .chars = 1 };
    return cp && jinja_is_word(cp) && !jinja_text_is(IS_DECIMAL, &t);
}

static int is_word_mark(uint32_t cp) { return cp && (jinja_is_word(cp) || (cp < 128 && strchr("!\"'&.,?", (char)cp))); }

/* -- or more before a word, at `at`: where they end; 0: not so */
static size_t dash_end(const struct wrap *w, size_t at) {
    size_t end = at;
    while (end < w->n && w->p[end] == '-') end++;
    return end - at >= 2 && jinja_is_word(char_at(w, end)) ? end : 0;
}

/* A hyphen at `at` that a line may end with: letters around it. */
static int may_break(const struct wrap *w, size_t at) {
    size_t b1, b2, next = at + 1;
    uint32_t one = char_behind(w, at, &b1), two = char_behind(w, b1, &b2);
    int before = is_letter(one) && is_letter(two);
    uint32_t after = char_at(w, next), then;
    if (!is_letter(after)) return 0;
    next += (size_t)jinja_char(w->p + next, w->n - next, &after);
    then = char_at(w, next);
    if (then == '-') then = char_at(w, next + 1);
    if (two == '-' && is_word_mark(one)) { /* a-b-c */
        size_t b3;
        before |= is_letter(char_behind(w, b2, &b3));
    }
    return before && is_letter(then);
}

/* The next piece that is never broken, unless it is too long for a line. */
static size_t chunk_end(const struct wrap *w, size_t at) {
    size_t end = at, before;
    if (is_blank(w->p[at])) {
        while (end < w->n && is_blank(w->p[end])) end++;
        return end;
    }
    if (w->hyphens && is_word_mark(char_behind(w, at, &before)) && (end = dash_end(w, at))) return end;
    for (end = at;;) {
        uint32_t cp;
        end += (size_t)jinja_char(w->p + end, w->n - end, &cp);
        if (end == w->n || is_blank(w->p[end])) return end;
        if (!w->hyphens || w->p[end] != '-') continue;
        if (may_break(w, end)) return end + 1;
        if (is_word_mark(cp) && dash_end(w, end)) return end;
    }
}

struct lines { struct render *r; struct wrap w; int64_t width; int break_long, any; const struct text *joint; };

static int all_spaces(const char *p, size_t n) {
    struct text t = { .p = p, .n = n, .chars = UNCOUNTED };
    return n && jinja_text_is(IS_SPACE, &t);
}

static int64_t count_chars(const char *p, size_t n) {
    struct text t = { .p = p, .n = n, .chars = UNCOUNTED };
    return (int64_t)jinja_chars(&t);
}

/* How much of a chunk too long for a line goes onto this one, in bytes. */
static size_t cut_long(const struct lines *l, size_t at, size_t end, int64_t room) {
    size_t cut = at, hyphen = 0;
    uint32_t cp;
    int other = 0;
    for (int64_t i = 0; cut < end && i < room; i++) {
        size_t len = (size_t)jinja_char(l->w.p + cut, end - cut, &cp);
        if (cp == '-' && cut > at && other) hyphen = cut + 1;
        other |= cp != '-';
        cut += len;
    }
    return l->w.hyphens && cut < end && hyphen ? hyphen : cut;
}

static enum hearth_status wrap_line(struct lines *l) {
    size_t at = 0, n = l->w.n, end;
    int any = 0;
    while (at < n) {
        end = chunk_end(&l->w, at);
        if (any && all_spaces(l->w.p + at, end - at)) at = end; /* a line does not begin with space, but the first may */
        size_t from = at, stop = at, last = at;
        int64_t used = 0;
        for (; at < n; at = stop = end) {
            end = chunk_end(&l->w, at);
            TRY(jinja_work(l->r, (end - at) >> 2)); /* what is too long for a line is gone through again for each line it fills */
            int64_t chars = count_chars(l->w.p + at, end - at);
            if (used + chars > l->width) {
                if (chars > l->width && l->break_long) {
                    last = at;
                    at = stop = cut_long(l, at, end, l->width < 1 ? 1 : l->width - used);
                } else if (chars > l->width && used == 0) {
                    last = at;
                    at = stop = end;
                }
                break;
            }
            last = at;
            used += chars;
        }
        if (stop > last && all_spaces(l->w.p + last, stop - last)) stop = last;
        if (stop == from) continue;
        if (any) TRY(jinja_put(l->r, l->joint->p, l->joint->n));
        TRY(jinja_put(l->r, l->w.p + from, stop - from));
        any = 1;
    }
    return HEARTH_OK;
}

enum hearth_status jinja_wordwrap(struct render *r, struct value *a, struct value *out) {
    static const struct text newline = { .p = "\n", .n = 1, .chars = 1 };
    struct lines l = { .r = r, .width = 79, .joint = &newline };
    struct value lines;
    struct text *joint;
    if (a[0].kind != K_TEXT) return jinja_error(r, "wordwrap is for strings, not for %s", jinja_type(a[0]));
    if (a[1].kind != K_MISSING) TRY(jinja_want_int(r, a[1], "a width", &l.width));
    if (a[3].kind != K_MISSING && a[3].kind != K_NONE) {
        TRY(jinja_want_text(r, a[3], "what wrapped lines are joined with", &joint));
        l.joint = joint;
    }
    l.break_long = a[2].kind == K_MISSING || jinja_truth(a[2]);
    l.w.hyphens = a[4].kind == K_MISSING || jinja_truth(a[4]);
    TRY(jinja_split_lines(r, a[0], 0, &lines));
    size_t mark = jinja_mark(r);
    for (size_t i = 0; i < lines.list->n; i++) {
        if (l.width <= 0) return jinja_error(r, "a width of %lld", (long long)l.width);
        if (i) TRY(jinja_put(r, l.joint->p, l.joint->n));
        l.w.p = lines.list->v[i].text->p;
        l.w.n = lines.list->v[i].text->n;
        TRY(jinja_work(r, l.w.n));
        TRY(wrap_line(&l));
    }
    return jinja_take(r, mark, out);
}
