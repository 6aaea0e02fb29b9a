/* toolcall_parse.c - the answer's bytes, one after the other, told apart into text, thought and calls.
 *
 *      BEGIN ──► TEXT ──tag──► BETWEEN ──{──► OBJECT ──}──► a call, or everything since the last one is text
 *        │ ▲                   ▲  │  └──letter──► NAME ──{──┘
 *  <think> </think>            │ CLOSE
 *        ▼ │                   └──┴── the closing tag: back to TEXT; anything else: so, and it is text
 *       THINK
 *
 * Held back is only what may yet be a tag, with the white space before it, and inside of tags what is no whole call so far.  A byte that
 * cannot be part of JSON ends an object at once: so the start of one swallows no more than it must.  What was refused is not looked at
 * again but for the last few bytes, which may begin a tag: time is linear in the answer, whatever it is. */
#include <stdlib.h>
#include <string.h>

#include "base/jsontext.h"
#include "work/toolcall_in.h"

enum state { BEGIN, TEXT, THINK, BETWEEN, CLOSE, NAME, OBJECT };
enum { AGAIN = 64, NAME_MAX_BYTES = 512 };
enum tag { NO_TAG = -4, THINK_OPEN, THINK_CLOSE, BARE };  /* 0 and up: the family's */

struct toolcall_parser {
    const struct family *family;
    struct toolcall_events e;
    json_t *tools;                   /* NULL: no calls */
    enum state state;
    enum hearth_status st;
    int over, calls, thought;
    struct buf sure, held;           /* text to be told; what may become something else */
    int sure_think;                  /* sure is thought */
    size_t space;                    /* of held, at its beginning: white space */
    int drop;                        /* 1: white space coming now belongs to the tag before it */
    char again[AGAIN];               /* bytes to be read once more, last first */
    size_t n_again;
    /* inside of tags */
    struct mark mark;
    int n, array;                    /* calls here; 1: inside [ ], 2: behind it */
    size_t matched;                  /* of the closing tag */
    size_t at, depth, key;           /* where in held the object or name begins; brackets; where its first key does */
    int quoted, escaped, key_seen, control;
    char name[NAME_MAX_BYTES + 1];   /* NAME's; "": the object has it */
};

static int is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

/* ---- what goes out ---- */

static void stop(struct toolcall_parser *p, enum hearth_status st)
{
    if (p->st == HEARTH_OK) p->st = st;
    p->over = 1;
}

static void put(struct toolcall_parser *p, struct buf *b, const char *s, size_t n)
{
    enum hearth_status st = n ? buf_put(b, s, n) : HEARTH_OK;
    if (st != HEARTH_OK) stop(p, st);
}

static void tell(struct toolcall_parser *p)
{
    size_t n = p->sure.len;
    p->sure.len = 0;
    if (!n || p->over) return;
    int (*event)(void *, const char *, size_t) = p->sure_think ? p->e.on_think : p->e.on_text;
    if (event && event(p->e.user, p->sure.data, n)) p->over = 1;
}

static void forget(struct toolcall_parser *p, size_t n)
{
    p->held.len -= n;
    if (p->held.len) memmove(p->held.data, p->held.data + n, p->held.len);
    p->space = n < p->space ? p->space - n : 0;
}

/* The first n bytes held are text (or thought). */
static void say(struct toolcall_parser *p, size_t n)
{
    int think = p->state == THINK && p->e.on_think;
    if (think != p->sure_think) tell(p);
    p->sure_think = think;
    put(p, &p->sure, p->held.data, n);
    forget(p, n);
    p->drop = 0;
}

static void unread(struct toolcall_parser *p, const char *s, size_t n)
{
    while (n > 0 && p->n_again < AGAIN) p->again[p->n_again++] = s[--n];
}

/* ---- outside of tags ---- */

struct found { enum tag tag; size_t len; int more; };

static void try_tag(struct found *f, const char *text, enum tag tag, const char *s, size_t n)
{
    size_t len = strlen(text);
    if (memcmp(s, text, n < len ? n : len) != 0) return;
    if (n < len) f->more = 1;
    else if (len > f->len) f->tag = tag, f->len = len;
}

/* The longest tag that s begins with, and whether more bytes could make a longer one. */
static struct found find_tag(const struct toolcall_parser *p, const char *s, size_t n)
{
    struct found f = {.tag = NO_TAG};
    if (p->state == THINK) {
        try_tag(&f, "</think>", THINK_CLOSE, s, n);
        return f;
    }
    if (p->state == BEGIN && !p->thought) try_tag(&f, "<think>", THINK_OPEN, s, n);
    if (!p->tools || p->calls >= TOOLCALLS_MAX) return f;
    for (int i = 0; i < MARKS && p->family->mark[i].open; i++)
        if (p->state == BEGIN || !p->family->mark[i].first) try_tag(&f, p->family->mark[i].open, (enum tag)i, s, n);
    if (p->state == BEGIN) {
        try_tag(&f, "{", BARE, s, n);
        try_tag(&f, "[", BARE, s, n);
    }
    return f;
}

/* <think> and </think>: part of the text for those who do not want thoughts apart. */
static void think(struct toolcall_parser *p, enum state next)
{
    int apart = p->e.on_think != NULL;
    if (apart) forget(p, p->held.len);
    else say(p, p->held.len);
    p->state = next;
    p->thought = 1;
    p->drop = apart;
}

static void enter(struct toolcall_parser *p, const struct found *f)
{
    size_t keep = p->space + (f->tag == BARE ? 0 : f->len);
    unread(p, p->held.data + keep, p->held.len - keep);
    p->held.len = keep;
    if (f->tag == THINK_OPEN) think(p, THINK);
    else if (f->tag == THINK_CLOSE) think(p, BEGIN);
    else {
        p->mark = f->tag == BARE ? (struct mark){"", "", 1, 0} : p->family->mark[f->tag];
        p->state = BETWEEN;
        p->n = p->array = 0;
        p->name[0] = '\0';
    }
}

/* Decides about what is held; last: nothing more will come. */
static void settle(struct toolcall_parser *p, int last)
{
    while (p->held.len > p->space && !p->over) {
        const char *s = p->held.data + p->space;
        struct found f = find_tag(p, s, p->held.len - p->space);
        if (f.more && !last) return;
        if (f.tag != NO_TAG) {
            enter(p, &f);
            return;
        }
        if (!is_space(*s)) {
            say(p, p->space + 1);
            if (p->state == BEGIN) p->state = TEXT;
        } else if (p->drop) {
            forget(p, 1);
        } else {
            p->space++;
        }
    }
}

/* ---- inside of tags ---- */

/* No call after all: but for `last` bytes, which are read again, all that is held is text.  White space behind a call is not. */
static void refuse(struct toolcall_parser *p, size_t last)
{
    size_t n = p->held.len - last, space = 0;
    unread(p, p->held.data + n, last);
    p->held.len = n;
    while (p->n > 0 && space < n && is_space(p->held.data[space])) space++;
    p->state = TEXT;
    p->space = 0;
    if (n > 0 && space == n) forget(p, n);
    else say(p, n);
}

static void leave(struct toolcall_parser *p)
{
    forget(p, p->held.len);
    p->state = TEXT;
    p->drop = 1;
}

static void begin_object(struct toolcall_parser *p)
{
    p->state = OBJECT;
    p->at = p->held.len - 1;
    p->depth = 1;
    p->quoted = p->escaped = p->control = 0;
    p->key = 0;
    p->key_seen = p->name[0] != '\0';
}

static void between(struct toolcall_parser *p, char c)
{
    const char *close = p->mark.close;
    if (is_space(c)) return;
    if (c == '{' && p->array != 2 && p->calls < TOOLCALLS_MAX) begin_object(p);
    else if (c == '[' && p->n == 0 && p->array == 0) p->array = 1;
    else if (c == ']' && p->n > 0 && p->array == 1) {
        p->array = 2;
        if (!*close) leave(p);
    } else if (p->n > 0 && c && *close == c) {
        p->state = CLOSE;
        p->matched = 1;
    } else if (p->mark.named && p->n == 0 && p->array == 0 && c != '[' && c != '<') {
        p->state = NAME;
        p->at = p->held.len - 1;
    } else if (p->n == 0 || p->array == 2 || (c != ',' && c != ';')) {
        refuse(p, 1);
    }
}

static void closing(struct toolcall_parser *p, char c)
{
    if (c != p->mark.close[p->matched]) refuse(p, p->matched + 1);
    else if (!p->mark.close[++p->matched]) leave(p);
}

/* name{, name[ARGS]{, name[CALL_ID]...[ARGS]{ */
static void named(struct toolcall_parser *p, char c)
{
    static const char id[] = "[CALL_ID]", args[] = "[ARGS]";
    const char *s = p->held.data + p->at;
    size_t n = p->held.len - p->at - 1, len = 0;
    if (c == '\n' || n >= NAME_MAX_BYTES) {
        refuse(p, 1);
        return;
    }
    if (c != '{') return;
    while (len < n && s[len] != '[') len++;
    memcpy(p->name, s, len);
    s += len;
    n -= len;
    int ok = n == 0 || (n >= sizeof args - 1 && memcmp(s + n - (sizeof args - 1), args, sizeof args - 1) == 0 &&
                        (n == sizeof args - 1 || (n > sizeof id && memcmp(s, id, sizeof id - 1) == 0)));
    while (len > 0 && is_space(p->name[len - 1])) len--;
    p->name[len] = '\0';
    if (ok && tools_has(p->tools, p->name)) begin_object(p);
    else refuse(p, 1);
}

/* NULL when it is no JSON.  *twice: some name stands in it more than once, and the last counts: a grammar cannot keep a model from that where
 * a tool allows arguments that it does not name. */
static json_t *read_json(struct toolcall_parser *p, const char *s, size_t n, int *twice)
{
    json_t *v = NULL;
    enum hearth_status st = jsontext_read("call", s, n, &v);
    if (st == HEARTH_EFORMAT) *twice = (st = jsontext_read_last("call", s, n, &v)) == HEARTH_OK;
    if (st == HEARTH_ENOMEM) stop(p, st);
    return v;
}

/* Members of the object that is this text, which is JSON. */
static size_t members(const char *s, size_t n)
{
    size_t count = 0, depth = 0;
    for (size_t i = 0, quoted = 0; i < n; i++) {
        if (quoted && s[i] == '\\') i++;
        else if (s[i] == '"') quoted = !quoted;
        else if (quoted) continue;
        else if (s[i] == '{' || s[i] == '[') depth++;
        else if (s[i] == '}' || s[i] == ']') depth--;
        else count += s[i] == ':' && depth == 1;
    }
    return count;
}

/* An object's text as JSON; what small models write into strings without escaping it, line ends above all, is escaped for them. */
static json_t *read_object(struct toolcall_parser *p, const char *s, size_t n, int *twice)
{
    struct buf b = {0};
    json_t *v = NULL;
    if (!p->control) return read_json(p, s, n, twice);
    enum hearth_status st = HEARTH_OK;
    for (size_t i = 0, quoted = 0, escaped = 0; i < n && st == HEARTH_OK; i++) {
        unsigned char c = (unsigned char)s[i];
        st = quoted && c < 0x20 ? buf_printf(&b, escaped ? "u%04x" : "\\u%04x", c) : buf_putc(&b, s[i]);
        if (!escaped && c == '"') quoted = !quoted;
        escaped = quoted && !escaped && c == '\\';
    }
    if (st != HEARTH_OK) stop(p, st);
    else v = read_json(p, b.data, b.len, twice);
    buf_free(&b);
    return v;
}

/* The arguments, as a new reference, when the object is a call of one of the tools; *name lives as long as the object.  strict: nothing in it
 * stands twice. */
static json_t *read_call(struct toolcall_parser *p, json_t *v, int strict, const char **name)
{
    static const char *const known[] = {"name", "arguments", "parameters", "id", "type", "function"};
    json_t *inner = json_object_get(v, "function"), *arguments = json_object_get(v, "arguments"), *parameters = json_object_get(v, "parameters");
    const char *key;
    json_t *member;
    json_object_foreach(v, key, member) {
        size_t i = 0;
        while (i < sizeof known / sizeof *known && strcmp(key, known[i]) != 0) i++;
        if (i == sizeof known / sizeof *known) return NULL;
    }
    if (json_is_object(inner) && strict && !arguments && !parameters && !json_object_get(v, "name")) return read_call(p, inner, strict, name);
    *name = json_string_value(json_object_get(v, "name"));
    if (inner || !*name || (arguments && parameters) || !tools_has(p->tools, *name)) return NULL;
    if (!arguments) arguments = parameters;
    if (json_is_object(arguments)) return json_incref(arguments);
    if (json_is_string(arguments)) {                 /* as OpenAI's protocol writes them */
        int twice = 0;
        json_t *read = read_json(p, json_string_value(arguments), json_string_length(arguments), &twice);
        if (json_is_object(read)) return read;
        json_decref(read);
        return NULL;
    }
    /* Without any only where a tag says that it is a call. */
    if (!*p->mark.open || (arguments && !json_is_null(arguments))) return NULL;
    json_t *none = json_object();
    if (!none) stop(p, fail_memory(0));
    return none;
}

static void whole_object(struct toolcall_parser *p)
{
    const char *text = p->held.data + p->at, *name = p->name;
    size_t n = p->held.len - p->at;
    int twice = 0;
    json_t *v = read_object(p, text, n, &twice), *arguments = NULL;
    if (json_is_object(v) && *name) arguments = json_incref(v);
    else if (json_is_object(v) && (!twice || members(text, n) == json_object_size(v))) arguments = read_call(p, v, !twice, &name);
    if (!arguments) {
        if (!p->over) refuse(p, 0);
    } else {
        tell(p);
        if (!p->over) {
            if (p->e.on_call && p->e.on_call(p->e.user, p->calls, name, arguments)) p->over = 1;
            p->calls++;
        }
        p->n++;
        forget(p, p->held.len);
        p->state = BETWEEN;
        if (*p->name) leave(p);
    }
    json_decref(arguments);
    json_decref(v);
}

/* The first key tells most other objects from calls, long before they end. */
static int is_call_key(const char *s, size_t n)
{
    static const char *const keys[] = {"name", "arguments", "parameters", "id", "type", "function"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (strlen(keys[i]) == n && memcmp(keys[i], s, n) == 0) return 1;
    return 0;
}

static void object(struct toolcall_parser *p, char c)
{
    if (p->quoted) {
        p->control |= (unsigned char)c < 0x20;
        if (p->escaped) p->escaped = 0;
        else if (c == '\\') p->escaped = 1;
        else if (c == '"') {
            p->quoted = 0;
            if (!p->key_seen && !is_call_key(p->held.data + p->key, p->held.len - 1 - p->key)) refuse(p, 0);
            p->key_seen = 1;
        }
    } else if (c == '"') {
        p->quoted = 1;
        if (!p->key) p->key = p->held.len;
    } else if (c == '{' || c == '[') {
        p->depth++;
    } else if (c == '}' || c == ']') {
        if (--p->depth == 0) whole_object(p);
    } else if (!c || !strchr(" \t\r\n,:-+.0123456789eEtrufalsn", c)) {
        refuse(p, 1);
    }
}

/* ---- the interface ---- */

static void step(struct toolcall_parser *p, char c)
{
    put(p, &p->held, &c, 1);
    if (p->over) return;
    switch (p->state) {
    case BEGIN: case TEXT: case THINK: settle(p, 0); break;
    case BETWEEN: between(p, c); break;
    case CLOSE: closing(p, c); break;
    case NAME: named(p, c); break;
    case OBJECT: object(p, c); break;
    }
}

static void drain(struct toolcall_parser *p)
{
    while (p->n_again > 0 && !p->over) step(p, p->again[--p->n_again]);
}

enum hearth_status toolcall_open(enum toolcall_format f, const json_t *tools, const struct toolcall_events *e, struct toolcall_parser **out)
{
    *out = NULL;
    if (tools) TRY(tools_check(tools));
    struct toolcall_parser *p = mem_array(1, sizeof *p);
    if (!p) return HEARTH_ENOMEM;
    p->family = toolcall_family(f);
    p->e = *e;
    p->tools = json_array_size(tools) ? json_incref((json_t *)tools) : NULL;
    p->state = e->thinking ? THINK : BEGIN;
    p->thought = e->thinking;
    p->drop = e->thinking && e->on_think;
    *out = p;
    return HEARTH_OK;
}

int toolcall_put(struct toolcall_parser *p, const char *text, size_t len)
{
    for (size_t i = 0; i < len && !p->over; i++) {
        step(p, text[i]);
        drain(p);
    }
    tell(p);
    return p->over;
}

int toolcall_end(struct toolcall_parser *p, int *calls)
{
    while (!p->over && p->held.len > 0) {
        if (p->state <= THINK) settle(p, 1);
        else if (p->state <= CLOSE && p->n > 0) leave(p);
        else refuse(p, 0);
        if (p->n_again > 0) drain(p);
        else if (p->held.len > 0 && p->held.len == p->space) say(p, p->space);
    }
    tell(p);
    if (calls) *calls = p->calls;
    return p->over;
}

enum hearth_status toolcall_status(const struct toolcall_parser *p) { return p->st; }

void toolcall_close(struct toolcall_parser *p)
{
    if (!p) return;
    json_decref(p->tools);
    buf_free(&p->sure);
    buf_free(&p->held);
    free(p);
}
