/* gotemplate.c - Go templates to Jinja: a recursive descent over the source that writes as it reads.
 *
 * Three things differ between the two languages and shape what is written:
 *   - Jinja trims new lines around its tags: so no text stands bare, each piece becomes {{ "..." }}.
 *   - A variable that Jinja sets in a loop is gone behind it: so all are members of one namespace, go_.v0, go_.v1 ...
 *   - Go prints a map or a struct by a method, as JSON: so each expression has a type, known from the field it came from. */
#include "text/gotemplate.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

enum { DEPTH_MAX = 100, VARIABLES_MAX = 256, SOURCE_MAX = 1 << 20, OUTPUT_MAX = 16 << 20 };

/* ---- what there is ---- */

enum type {
    T_TEXT, T_NUMBER, T_BOOL, T_ANY, T_LIST,
    T_ROOT, T_MESSAGES, T_MESSAGE, T_TOOLS, T_TOOL, T_FUNCTION, T_PARAMETERS, T_PROPERTIES, T_PROPERTY,
    T_CALLS, T_CALL, T_CALLED, T_ARGUMENTS
};

static const struct field { enum type of; const char *name, *jinja; enum type type; } fields[] = {
    {T_ROOT, "System", "system", T_TEXT}, {T_ROOT, "Prompt", "prompt", T_TEXT}, {T_ROOT, "Response", "response", T_TEXT},
    {T_ROOT, "Suffix", "suffix", T_TEXT}, {T_ROOT, "Messages", "list", T_MESSAGES},
    {T_ROOT, "Tools", NULL, T_TOOLS}, {T_ROOT, "Think", NULL, T_BOOL}, {T_ROOT, "IsThinkSet", NULL, T_BOOL},
    {T_MESSAGE, "Role", "role", T_TEXT}, {T_MESSAGE, "Content", "content", T_TEXT}, {T_MESSAGE, "Thinking", "thinking", T_TEXT},
    {T_MESSAGE, "ToolCalls", "tool_calls", T_CALLS}, {T_MESSAGE, "ToolName", "tool_name", T_TEXT},
    {T_MESSAGE, "ToolCallID", "tool_call_id", T_TEXT}, {T_MESSAGE, "Images", "images", T_LIST},
    {T_TOOL, "Type", "type", T_TEXT}, {T_TOOL, "Function", "function", T_FUNCTION},
    {T_FUNCTION, "Name", "name", T_TEXT}, {T_FUNCTION, "Description", "description", T_TEXT},
    {T_FUNCTION, "Parameters", "parameters", T_PARAMETERS},
    {T_PARAMETERS, "Type", "type", T_TEXT}, {T_PARAMETERS, "Required", "required", T_LIST},
    {T_PARAMETERS, "Properties", "properties", T_PROPERTIES},
    {T_PROPERTY, "Type", "type", T_ANY}, {T_PROPERTY, "Description", "description", T_TEXT}, {T_PROPERTY, "Enum", "enum", T_LIST},
    {T_PROPERTY, "Items", "items", T_ANY},
    {T_CALL, "Function", "function", T_CALLED}, {T_CALL, "ID", "id", T_TEXT},
    {T_CALLED, "Name", "name", T_TEXT}, {T_CALLED, "Arguments", "arguments", T_ARGUMENTS}, {T_CALLED, "Index", "index", T_NUMBER},
};

static int is_map(enum type t)
{
    return t == T_PROPERTIES || t == T_ARGUMENTS;
}

static int prints_as_json(enum type t)
{
    return t >= T_LIST && t != T_ROOT;
}

static enum type element(enum type t)
{
    switch (t) {
    case T_MESSAGES: return T_MESSAGE;
    case T_TOOLS: return T_TOOL;
    case T_CALLS: return T_CALL;
    case T_PROPERTIES: return T_PROPERTY;
    case T_TEXT: return T_NUMBER;
    default: return T_ANY;
    }
}

/* ---- the state ---- */

enum mode { WHOLE /* with .Messages */, TURN /* once for each turn before the last */, LAST /* cut behind .Response */, MIDDLE /* with .Suffix */ };

struct expr { const char *text; enum type type; };
struct variable { const char *name; size_t n; enum type type; };

struct go {
    const char *src, *name;
    size_t n, at;
    int line;
    const char *act, *act_end;       /* what is left of the action that is read */
    int trim_next;                   /* the action ended with -}} */
    struct arena arena;
    struct buf *out;
    enum mode mode;
    int cut;                         /* LAST: .Response was written, nothing else is */
    int saw_messages, saw_response, saw_suffix;
    struct variable var[VARIABLES_MAX];   /* number i is go_.v<i>; the visible ones are scope[0 .. scopes) */
    int vars, scope[VARIABLES_MAX], scopes;
    struct expr dot;
    int depth, names;
    int ranges;                      /* that break and continue are about */
};

static enum hearth_status refuse(const struct go *g, enum hearth_status st, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static enum hearth_status refuse(const struct go *g, enum hearth_status st, const char *fmt, ...)
{
    struct buf b = {0};
    va_list ap;
    va_start(ap, fmt);
    buf_vprintf(&b, fmt, ap);
    va_end(ap);
    fail(st, "%s: line %d: %s", g->name, g->line, b.data ? b.data : "");
    buf_free(&b);
    return st;
}

static enum hearth_status put(struct go *g, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static enum hearth_status put(struct go *g, const char *fmt, ...)
{
    va_list ap;
    if (g->cut) return HEARTH_OK;
    if (g->out->len > OUTPUT_MAX) return refuse(g, HEARTH_ELIMIT, "the template becomes larger than %d bytes", OUTPUT_MAX);
    va_start(ap, fmt);
    enum hearth_status st = buf_vprintf(g->out, fmt, ap);
    va_end(ap);
    return st;
}

/* A Jinja expression in the arena. */
static enum hearth_status make(struct go *g, enum type type, struct expr *out, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
static enum hearth_status make(struct go *g, enum type type, struct expr *out, const char *fmt, ...)
{
    struct buf b = {0};
    va_list ap;
    va_start(ap, fmt);
    enum hearth_status st = buf_vprintf(&b, fmt, ap);
    va_end(ap);
    if (st == HEARTH_OK && b.len > SOURCE_MAX) st = refuse(g, HEARTH_ELIMIT, "an expression of more than %d bytes", SOURCE_MAX);
    if (st == HEARTH_OK && !(out->text = arena_strndup(&g->arena, b.data, b.len))) st = HEARTH_ENOMEM;
    out->type = type;
    buf_free(&b);
    return st;
}

/* Text as a string of Jinja. */
static enum hearth_status quote(const char *s, size_t n, struct buf *b)
{
    TRY(buf_putc(b, '"'));
    for (size_t i = 0; i < n; i++) {
        if (s[i] == '\n') TRY(buf_puts(b, "\\n"));
        else if (s[i] == '\r') TRY(buf_puts(b, "\\r"));
        else if (s[i] == '"' || s[i] == '\\') TRY(buf_printf(b, "\\%c", s[i]));
        else TRY(buf_putc(b, s[i]));
    }
    return buf_putc(b, '"');
}

/* ---- expressions ---- */

static enum hearth_status pipeline(struct go *g, struct expr *out);

static void blanks(struct go *g)
{
    while (g->act < g->act_end && isspace((unsigned char)*g->act)) g->act++;
}

static int more(struct go *g)
{
    blanks(g);
    return g->act < g->act_end;
}

static size_t word_length(const struct go *g)
{
    size_t n = 0;
    while (g->act + n < g->act_end && (isalnum((unsigned char)g->act[n]) || g->act[n] == '_')) n++;
    return n;
}

static int is_word(const char *s, size_t n, const char *word)
{
    return strlen(word) == n && !memcmp(s, word, n);
}

static int take(struct go *g, const char *what)
{
    size_t n = strlen(what);
    blanks(g);
    if ((size_t)(g->act_end - g->act) < n || memcmp(g->act, what, n) != 0) return 0;
    g->act += n;
    return 1;
}

static enum hearth_status root_field(struct go *g, const struct field *f, struct expr *out)
{
    g->saw_messages |= f->type == T_MESSAGES;
    g->saw_suffix |= is_word(f->name, strlen(f->name), "Suffix");
    if (f->type == T_TOOLS) return make(g, T_TOOLS, out, "(tools or [])");
    if (f->type == T_BOOL)
        return make(g, T_BOOL, out, f->name[0] == 'I' ? "(enable_thinking is defined)" : "(enable_thinking is defined and enable_thinking)");
    if (g->mode == TURN && f->type == T_TEXT) return make(g, T_TEXT, out, "go_turn.%s", f->jinja);
    return make(g, f->type, out, "go_.%s", f->jinja);
}

/* .A.B.C behind an expression that has been read. */
static enum hearth_status members(struct go *g, struct expr *e)
{
    while (g->act < g->act_end && *g->act == '.') {
        g->act++;
        size_t n = word_length(g), i = 0, count = sizeof fields / sizeof *fields;
        const char *word = g->act;
        while (i < count && !(fields[i].of == e->type && is_word(word, n, fields[i].name))) i++;
        if (i == count) return refuse(g, HEARTH_EUNSUPPORTED, "there is no field .%.*s here", (int)(n < 64 ? n : 64), word);
        g->act += n;
        const struct field *f = &fields[i];
        if (f->of == T_ROOT) TRY(root_field(g, f, e));
        else if (f->type == T_TEXT) TRY(make(g, T_TEXT, e, "(%s.%s|default(\"\", true))", e->text, f->jinja));
        else if (f->type == T_NUMBER) TRY(make(g, T_NUMBER, e, "(%s.%s|default(0, true))", e->text, f->jinja));
        else TRY(make(g, f->type, e, "%s[\"%s\"]", e->text, f->jinja));
    }
    return HEARTH_OK;
}

static enum hearth_status go_escape(struct go *g, const char **p, struct buf *b)
{
    static const char from[] = "ntr\"\\'", to[] = "\n\t\r\"\\'";
    char c = *(*p)++, utf8[4];
    const char *at = c ? strchr(from, c) : NULL;
    if (at) return buf_putc(b, to[at - from]);
    int digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    uint32_t cp = 0;
    for (int i = 0; i < digits; i++, (*p)++) {
        if (*p >= g->act_end || !isxdigit((unsigned char)**p)) return refuse(g, HEARTH_EFORMAT, "a string with an escape that is cut short");
        char d = (char)tolower((unsigned char)**p);
        cp = cp * 16 + (uint32_t)(d <= '9' ? d - '0' : d - 'a' + 10);
    }
    int n = digits ? utf8_write(cp, utf8) : 0;
    if (!n || (digits == 2 && cp > 0x7f)) return refuse(g, HEARTH_EUNSUPPORTED, "the escape \\%c in a string", c);
    return buf_put(b, utf8, (size_t)n);
}

static enum hearth_status string(struct go *g, struct expr *out)
{
    struct buf raw = {0}, quoted = {0};
    char q = *g->act;
    const char *p = g->act + 1;
    enum hearth_status st = HEARTH_OK;
    while (st == HEARTH_OK && p < g->act_end && *p != q) {
        char c = *p++;
        if (c == '\\' && q == '"' && p < g->act_end) st = go_escape(g, &p, &raw);
        else st = buf_putc(&raw, c);
    }
    if (st == HEARTH_OK && p >= g->act_end) st = refuse(g, HEARTH_EFORMAT, "a string without an end");
    if (st == HEARTH_OK) st = quote(raw.data ? raw.data : "", raw.len, &quoted);
    if (st == HEARTH_OK) st = make(g, T_TEXT, out, "%s", quoted.data);
    g->act = p + 1;
    buf_free(&raw);
    buf_free(&quoted);
    return st;
}

static enum hearth_status variable(struct go *g, struct expr *out)
{
    const char *word = g->act + 1;
    g->act++;
    size_t n = word_length(g);
    g->act += n;
    if (n == 0) {                                    /* $ alone: what the template was given */
        *out = (struct expr){"go_", T_ROOT};
        return HEARTH_OK;
    }
    for (int i = g->scopes - 1; i >= 0; i--) {
        const struct variable *v = &g->var[g->scope[i]];
        if (v->n == n && !memcmp(v->name, word, n)) return make(g, v->type, out, "go_.v%d", g->scope[i]);
    }
    return refuse(g, HEARTH_EFORMAT, "the variable $%.*s has not been given a value", (int)(n < 64 ? n : 64), word);
}

/* One thing that needs no blank: a literal, a field, a variable, or something in parentheses. */
static enum hearth_status operand(struct go *g, struct expr *out)
{
    blanks(g);
    char c = g->act < g->act_end ? *g->act : 0;
    size_t n;
    if (c == '"' || c == '`') return string(g, out);
    if (c == '$') {
        TRY(variable(g, out));
        return members(g, out);
    }
    if (c == '(') {
        g->act++;
        if (++g->depth > DEPTH_MAX) return refuse(g, HEARTH_ELIMIT, "more than %d parentheses and blocks in each other", DEPTH_MAX);
        TRY(pipeline(g, out));
        g->depth--;
        if (!take(g, ")")) return refuse(g, HEARTH_EFORMAT, "a parenthesis that is not closed");
        return members(g, out);
    }
    if (c == '.') {
        *out = g->dot;
        if (g->act + 1 < g->act_end && (isalpha((unsigned char)g->act[1]) || g->act[1] == '_')) return members(g, out);
        g->act++;
        return HEARTH_OK;
    }
    if (isdigit((unsigned char)c) || (c == '-' && g->act + 1 < g->act_end && isdigit((unsigned char)g->act[1]))) {
        const char *start = g->act++;
        while (g->act < g->act_end && isdigit((unsigned char)*g->act)) g->act++;
        if (g->act - start > 15) return refuse(g, HEARTH_EUNSUPPORTED, "a number of more than 15 digits");
        const char *first = start + (*start == '-');
        if (*first == '0' && g->act - first > 1) return refuse(g, HEARTH_EUNSUPPORTED, "a number that begins with 0, which is octal in Go");
        return make(g, T_NUMBER, out, "(%.*s)", (int)(g->act - start), start);
    }
    n = word_length(g);
    const char *word = g->act;
    g->act += n;
    if (is_word(word, n, "true") || is_word(word, n, "false")) return make(g, T_BOOL, out, "%.*s", (int)n, word);
    if (is_word(word, n, "nil")) return make(g, T_ANY, out, "none");
    if (!n) return refuse(g, HEARTH_EFORMAT, "an action with \"%.*s\", which is not understood", (int)utf8_whole(word, g->act_end - word < 8 ? (size_t)(g->act_end - word) : 8), word);
    return refuse(g, HEARTH_EUNSUPPORTED, "\"%.*s\" stands where a value should; known functions are eq ne lt le gt ge and or not len index "
                  "slice json", (int)(n < 64 ? n : 64), word);
}

enum { ARGUMENTS_MAX = 32 };

static enum hearth_status as_json(struct go *g, const char *text, struct expr *out)
{
    return make(g, T_TEXT, out, "(%s|tojson(separators=(\",\", \":\"))|replace(\"&\", \"\\\\u0026\")|replace(\"<\", \"\\\\u003c\")"
                "|replace(\">\", \"\\\\u003e\"))", text);
}

/* a OP b OP c */
static enum hearth_status chain(struct go *g, const char *op, const struct expr *a, size_t n, struct expr *out)
{
    *out = a[0];
    for (size_t i = 1; i < n; i++) TRY(make(g, out->type == a[i].type ? out->type : T_ANY, out, "(%s %s %s)", out->text, op, a[i].text));
    return HEARTH_OK;
}

static enum hearth_status compare(struct go *g, const char *op, const struct expr *a, size_t n, struct expr *out)
{
    TRY(make(g, T_BOOL, out, "(%s %s %s)", a[0].text, op, a[1].text));
    for (size_t i = 2; i < n; i++) TRY(make(g, T_BOOL, out, "(%s or %s %s %s)", out->text, a[0].text, op, a[i].text));
    return HEARTH_OK;
}

static enum hearth_status call(struct go *g, const char *word, size_t n, const struct expr *a, size_t count, struct expr *out)
{
    static const struct { const char *name; size_t least, most; const char *op; } known[] = {
        {"eq", 2, ARGUMENTS_MAX, "=="}, {"ne", 2, 2, "!="}, {"lt", 2, 2, "<"}, {"le", 2, 2, "<="}, {"gt", 2, 2, ">"}, {"ge", 2, 2, ">="},
        {"and", 1, ARGUMENTS_MAX, "and"}, {"or", 1, ARGUMENTS_MAX, "or"}, {"not", 1, 1, NULL}, {"len", 1, 1, NULL},
        {"index", 2, 4, NULL}, {"slice", 1, 3, NULL}, {"json", 1, 1, NULL}};
    size_t i = 0;
    while (i < sizeof known / sizeof *known && !is_word(word, n, known[i].name)) i++;
    if (i == sizeof known / sizeof *known)
        return refuse(g, HEARTH_EUNSUPPORTED, "there is no function %.*s here; known are eq ne lt le gt ge and or not len index slice json",
                      (int)(n < 64 ? n : 64), word);
    if (count < known[i].least || count > known[i].most)
        return refuse(g, HEARTH_EFORMAT, "%s with %zu arguments; allowed are %zu to %zu", known[i].name, count, known[i].least, known[i].most);
    if (i < 6) return compare(g, known[i].op, a, count, out);
    if (i < 8) return chain(g, known[i].op, a, count, out);
    switch (known[i].name[0]) {
    case 'n': return make(g, T_BOOL, out, "(not %s)", a[0].text);
    case 'l': return make(g, T_NUMBER, out, "(%s|length)", a[0].text);
    case 'j': return as_json(g, a[0].text, out);
    case 's':
        if (count == 1) *out = a[0];
        else TRY(make(g, a[0].type, out, "%s[%s:%s]", a[0].text, a[1].text, count == 3 ? a[2].text : ""));
        return HEARTH_OK;
    default:
        *out = a[0];
        for (size_t k = 1; k < count; k++) TRY(make(g, element(out->type), out, "%s[%s]", out->text, a[k].text));
        return HEARTH_OK;
    }
}

static int ends_command(struct go *g)
{
    return !more(g) || *g->act == '|' || *g->act == ')';
}

/* A value, or a function with its arguments; piped (may be NULL) comes as the last of them. */
static enum hearth_status command(struct go *g, const struct expr *piped, struct expr *out)
{
    struct expr a[ARGUMENTS_MAX];
    size_t count = 0, n;
    blanks(g);
    n = word_length(g);
    const char *word = g->act;
    int literal = is_word(word, n, "true") || is_word(word, n, "false") || is_word(word, n, "nil");
    if (!n || literal || isdigit((unsigned char)*word)) {
        if (piped) return refuse(g, HEARTH_EFORMAT, "a pipe into something that is no function");
        TRY(operand(g, out));
        return ends_command(g) ? HEARTH_OK : refuse(g, HEARTH_EFORMAT, "a value followed by something that is no pipe");
    }
    g->act += n;
    while (!ends_command(g)) {
        if (count == ARGUMENTS_MAX - 1) return refuse(g, HEARTH_ELIMIT, "a function with more than %d arguments", ARGUMENTS_MAX - 1);
        TRY(operand(g, &a[count++]));
    }
    if (piped) a[count++] = *piped;
    return call(g, word, n, a, count, out);
}

static enum hearth_status pipeline(struct go *g, struct expr *out)
{
    struct expr piped;
    TRY(command(g, NULL, out));
    while (take(g, "|")) {
        piped = *out;
        TRY(command(g, &piped, out));
    }
    return HEARTH_OK;
}

/* ---- variables ---- */

static enum hearth_status declare(struct go *g, const char *name, size_t n, enum type type, int *number)
{
    if (g->vars == VARIABLES_MAX) return refuse(g, HEARTH_ELIMIT, "more than %d variables", VARIABLES_MAX);
    *number = g->vars++;
    g->var[*number] = (struct variable){name, n, type};
    g->scope[g->scopes++] = *number;
    return HEARTH_OK;
}

/* $name at the beginning of the action, followed by := or =: then 1 or 2. */
static int assignment(struct go *g, const char **name, size_t *n)
{
    const char *start = g->act;
    blanks(g);
    if (g->act < g->act_end && *g->act == '$') {
        g->act++;
        *name = g->act;
        *n = word_length(g);
        g->act += *n;
        if (*n && take(g, ":=")) return 1;
        if (*n && more(g) && *g->act == '=' && take(g, "=")) return 2;
    }
    g->act = start;
    return 0;
}

static enum hearth_status assign(struct go *g, int kind, const char *name, size_t n)
{
    struct expr e;
    int number = -1;
    TRY(pipeline(g, &e));
    if (kind == 1) TRY(declare(g, name, n, e.type, &number));
    for (int i = g->scopes - 1; i >= 0 && number < 0; i--) {
        const struct variable *v = &g->var[g->scope[i]];
        if (v->n == n && !memcmp(v->name, name, n)) number = g->scope[i];
    }
    if (number < 0) return refuse(g, HEARTH_EFORMAT, "the variable $%.*s has not been declared with :=", (int)(n < 64 ? n : 64), name);
    if (g->var[number].type != e.type) g->var[number].type = T_ANY;
    return put(g, "{%% set go_.v%d = %s %%}", number, e.text);
}

/* ---- blocks ---- */

enum word { W_TEXT_END, W_ACTION, W_IF, W_RANGE, W_WITH, W_ELSE, W_END, W_BREAK, W_CONTINUE };

static enum hearth_status put_literal(struct go *g, const char *s, size_t n)
{
    struct buf b = {0};
    if (!n || g->cut) return HEARTH_OK;
    enum hearth_status st = quote(s, n, &b);
    if (st == HEARTH_OK) st = put(g, "{{ %s }}", b.data);
    buf_free(&b);
    return st;
}

/* The end of the action that begins at p (behind "{{"): where "}}" stands outside of strings, or NULL. */
static const char *action_end(const char *p, const char *end)
{
    char q = 0;
    for (; p + 1 < end; p++) {
        if (q) {
            if (*p == '\\' && q == '"') p++;
            else if (*p == q) q = 0;
        } else if (*p == '"' || *p == '`') q = *p;
        else if (*p == '}' && p[1] == '}') return p;
    }
    return NULL;
}

/* Writes the text up to the next action and makes that the current one; *word is what it begins with, taken off. */
static enum hearth_status next(struct go *g, enum word *word)
{
    static const struct { const char *name; enum word word; } words[] = {
        {"if", W_IF}, {"range", W_RANGE}, {"with", W_WITH}, {"else", W_ELSE}, {"end", W_END}, {"break", W_BREAK}, {"continue", W_CONTINUE}};
    const char *text = g->src + g->at, *end = g->src + g->n, *open = text, *close;
    if (g->trim_next) while (text < end && isspace((unsigned char)*text)) g->line += *text++ == '\n';
    while ((open = memchr(open, '{', (size_t)(end - open))) && !(open + 1 < end && open[1] == '{')) open++;
    const char *stop = open ? open : end;
    if (stop < text) stop = text;
    int trim = open && open + 3 < end && open[2] == '-' && isspace((unsigned char)open[3]);
    const char *shown = stop;
    if (trim) while (shown > text && isspace((unsigned char)shown[-1])) shown--;
    TRY(put_literal(g, text, (size_t)(shown - text)));
    for (const char *p = text; p < stop; p++) g->line += *p == '\n';
    *word = W_TEXT_END;
    g->at = (size_t)(stop - g->src);
    g->trim_next = 0;
    if (!open) return HEARTH_OK;
    const char *inner = open + 2 + trim;
    int comment = inner + 1 < end && (*inner == '/' || (isspace((unsigned char)*inner) && inner[1] == '/'));
    close = comment ? memmem(inner, (size_t)(end - inner), "}}", 2) : action_end(inner, end);
    if (!close) return refuse(g, HEARTH_EFORMAT, "{{ is not closed with }}");
    g->at = (size_t)(close + 2 - g->src);
    g->trim_next = close - 1 > inner && close[-1] == '-' && isspace((unsigned char)close[-2]);
    g->act = inner;
    g->act_end = close - g->trim_next;
    if (comment) {
        for (const char *p = inner; p < close; p++) g->line += *p == '\n';
        return next(g, word);
    }
    *word = W_ACTION;
    blanks(g);
    size_t n = word_length(g);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (is_word(g->act, n, words[i].name)) {
            *word = words[i].word;
            g->act += n;
            return HEARTH_OK;
        }
    if (n && (is_word(g->act, n, "define") || is_word(g->act, n, "template") || is_word(g->act, n, "block")))
        return refuse(g, HEARTH_EUNSUPPORTED, "{{ %.*s }} is not known here", (int)n, g->act);
    return HEARTH_OK;
}

static enum hearth_status done(struct go *g)
{
    if (more(g)) return refuse(g, HEARTH_EFORMAT, "\"%.*s\" is too much in this action",
                               (int)utf8_whole(g->act, g->act_end - g->act < 40 ? (size_t)(g->act_end - g->act) : 40), g->act);
    return HEARTH_OK;
}

static enum hearth_status list(struct go *g, enum word *ended);

static enum hearth_status print(struct go *g)
{
    struct expr e;
    const char *name = NULL, *p = g->act;
    size_t n = 0;
    int kind = assignment(g, &name, &n), response = 0;
    if (kind) {
        TRY(assign(g, kind, name, n));
        return done(g);
    }
    for (; !response && p + 9 <= g->act_end; p++)
        response = !memcmp(p, ".Response", 9) && !(p + 9 < g->act_end && (isalnum((unsigned char)p[9]) || p[9] == '_'));
    TRY(pipeline(g, &e));
    TRY(done(g));
    g->saw_response |= response;
    if (e.type == T_ROOT) return refuse(g, HEARTH_EUNSUPPORTED, "{{ . }} outside of a range");
    if (prints_as_json(e.type)) TRY(as_json(g, e.text, &e));
    if (e.type == T_BOOL) TRY(make(g, T_TEXT, &e, "(\"true\" if %s else \"false\")", e.text));
    TRY(put(g, "{{ %s }}", e.text));
    if (response && g->mode == LAST) g->cut = 1;
    return HEARTH_OK;
}

/* What follows the condition of an if or with, to its end. */
static enum hearth_status branches(struct go *g, int quiet)
{
    enum word ended;
    for (int last = 0;;) {
        int scopes = g->scopes;
        TRY(list(g, &ended));
        g->scopes = scopes;
        if (ended == W_END) {
            TRY(done(g));
            break;
        }
        if (ended != W_ELSE || last) return refuse(g, HEARTH_EFORMAT, last ? "an else behind the last else" : "a block without {{ end }}");
        struct expr e;
        int was_cut = g->cut;
        g->cut = quiet;                               /* a tag that was opened stays whole */
        if (take(g, "if")) {
            TRY(pipeline(g, &e));
            TRY(put(g, "{%% elif %s %%}", e.text));
        } else {
            TRY(put(g, "{%% else %%}"));
            last = 1;
        }
        TRY(done(g));
        g->cut = was_cut;
    }
    int was_cut = g->cut;
    g->cut = quiet;
    TRY(put(g, "{%% endif %%}"));
    g->cut = was_cut;
    return HEARTH_OK;
}

static enum hearth_status condition(struct go *g, int with)
{
    struct expr e, dot = g->dot;
    int scopes = g->scopes, quiet = g->cut, number = 0;
    const char *name = NULL;
    size_t n = 0;
    if (assignment(g, &name, &n) == 1) {
        TRY(pipeline(g, &e));
        TRY(declare(g, name, n, e.type, &number));
        TRY(put(g, "{%% set go_.v%d = %s %%}", number, e.text));
    } else TRY(pipeline(g, &e));
    TRY(done(g));
    TRY(put(g, "{%% if %s %%}", e.text));
    if (with) g->dot = e;
    TRY(branches(g, quiet));
    g->dot = dot;
    g->scopes = scopes;
    return HEARTH_OK;
}

/* $a := ..., $i, $a := ... in front of what a range goes over; the names that are there. */
static enum hearth_status range_names(struct go *g, const char *name[2], size_t n[2], int *count)
{
    const char *start = g->act;
    *count = 0;
    if (!take(g, "$")) return HEARTH_OK;
    for (;;) {
        name[*count] = g->act;
        n[*count] = word_length(g);
        g->act += n[(*count)++];
        if (*count == 2 || !take(g, ",")) break;
        if (!take(g, "$")) return refuse(g, HEARTH_EFORMAT, "range: a comma without a second variable");
    }
    if (take(g, ":=")) return HEARTH_OK;
    *count = 0;
    g->act = start;
    return HEARTH_OK;
}

static enum hearth_status range_head(struct go *g)
{
    const char *name[2] = {"", ""};
    size_t n[2] = {0, 0};
    struct expr over, item, key;
    int count = 0, number = 0, id = g->names++;
    TRY(range_names(g, name, n, &count));
    TRY(pipeline(g, &over));
    TRY(done(g));
    if (over.type == T_TEXT || over.type == T_NUMBER || over.type == T_BOOL || over.type == T_ROOT)
        return refuse(g, HEARTH_EUNSUPPORTED, "range over something that is no list");
    TRY(make(g, element(over.type), &item, "go_item%d", id));
    if (is_map(over.type)) {
        TRY(make(g, T_TEXT, &key, "go_key%d", id));
        TRY(put(g, "{%% for go_key%d, go_item%d in (%s or {})|dictsort(true) %%}", id, id, over.text));
    } else {
        TRY(make(g, T_NUMBER, &key, "loop.index0"));
        TRY(put(g, "{%% for go_item%d in (%s or []) %%}", id, over.text));
    }
    if (count == 2) {
        TRY(declare(g, name[0], n[0], key.type, &number));
        TRY(put(g, "{%% set go_.v%d = %s %%}", number, key.text));
    }
    if (count) {
        TRY(declare(g, name[count - 1], n[count - 1], item.type, &number));
        TRY(put(g, "{%% set go_.v%d = %s %%}", number, item.text));
    }
    g->dot = item;
    return HEARTH_OK;
}

static enum hearth_status range(struct go *g)
{
    struct expr dot = g->dot;
    int scopes = g->scopes, quiet = g->cut, was_cut;
    enum word ended;
    TRY(range_head(g));
    g->ranges++;
    TRY(list(g, &ended));
    g->ranges--;                                       /* its else belongs to the one around it */
    g->dot = dot;
    g->scopes = scopes;
    was_cut = g->cut;
    if (ended == W_ELSE) {
        TRY(done(g));
        g->cut = quiet;
        TRY(put(g, "{%% else %%}"));
        g->cut = was_cut;
        TRY(list(g, &ended));
        g->scopes = scopes;
        was_cut = g->cut;
    }
    if (ended != W_END) return refuse(g, HEARTH_EFORMAT, "a range without {{ end }}");
    TRY(done(g));
    g->cut = quiet;
    TRY(put(g, "{%% endfor %%}"));
    g->cut = was_cut;
    return HEARTH_OK;
}

/* Texts and actions up to what ends them: end, else, or the end of the template. */
static enum hearth_status list(struct go *g, enum word *ended)
{
    if (++g->depth > DEPTH_MAX) return refuse(g, HEARTH_ELIMIT, "more than %d parentheses and blocks in each other", DEPTH_MAX);
    for (;;) {
        TRY(next(g, ended));
        switch (*ended) {
        case W_ACTION: TRY(print(g)); break;
        case W_IF: TRY(condition(g, 0)); break;
        case W_WITH: TRY(condition(g, 1)); break;
        case W_RANGE: TRY(range(g)); break;
        case W_BREAK:
        case W_CONTINUE:
            if (!g->ranges) return refuse(g, HEARTH_EFORMAT, "%s outside of a range", *ended == W_BREAK ? "break" : "continue");
            TRY(done(g));
            TRY(put(g, *ended == W_BREAK ? "{%% break %%}" : "{%% continue %%}"));
            break;
        default: g->depth--; return HEARTH_OK;
        }
    }
}

/* ---- the whole ---- */

static enum hearth_status body(struct go *g, enum mode mode)
{
    enum word ended;
    g->mode = mode;
    g->at = 0, g->line = 1, g->trim_next = 0, g->cut = 0, g->depth = 0, g->ranges = 0, g->scopes = 0, g->vars = 0;
    g->dot = (struct expr){"go_", T_ROOT};
    TRY(list(g, &ended));
    if (ended != W_TEXT_END) return refuse(g, HEARTH_EFORMAT, "an {{ %s }} without a beginning", ended == W_END ? "end" : "else");
    g->cut = 0;
    return HEARTH_OK;
}

/* Neighbours of one role become one message, as Ollama gives them to its templates; a text that is no text is an error. */
static const char prelude[] =
    "{% set go_ = namespace(system=\"\", prompt=\"\", response=\"\", suffix=\"\", list=[], turns=[], systems=0, text=\"\") %}"
    "{% for m in messages %}"
    "{% if m.content is defined and m.content is not none and m.content is not string %}"
    "{{ raise_exception(\"this template takes messages whose content is text\") }}{% endif %}"
    "{% set go_.text = m.content if m.content is string else \"\" %}"
    "{% if m.role == \"system\" %}{% set go_.system = (go_.system ~ \"\\n\\n\" if go_.systems else \"\") ~ go_.text %}"
    "{% set go_.systems = 1 %}{% endif %}"
    "{% if go_.list and go_.list[-1].role == m.role and m.role != \"tool\" %}"
    "{% set go_.list = go_.list[:-1] + [dict(go_.list[-1], content=(go_.list[-1].content|default(\"\", true)) ~ \"\\n\\n\" ~ go_.text)] %}"
    "{% else %}{% set go_.list = go_.list + [m] %}{% endif %}{% endfor %}";

#define NEW_TURN "{% set go_.turns = go_.turns + [{\"system\": go_.system, \"prompt\": go_.prompt, \"response\": go_.response, \"suffix\": \"\"}] %}" \
                 "{% set go_.system = \"\" %}{% set go_.prompt = \"\" %}{% set go_.response = \"\" %}"
static const char turns[] =
    "{% set go_.system = \"\" %}{% for m in go_.list %}{% set go_.text = m.content|default(\"\", true) %}"
    "{% if m.role == \"system\" %}{% if go_.prompt or go_.response %}" NEW_TURN "{% endif %}{% set go_.system = go_.text %}"
    "{% elif m.role == \"user\" %}{% if go_.response %}" NEW_TURN "{% endif %}{% set go_.prompt = go_.text %}"
    "{% elif m.role == \"assistant\" %}{% set go_.response = go_.text %}{% endif %}{% endfor %}";

static enum hearth_status write_all(struct go *g, struct buf *out)
{
    struct buf nothing = {0};
    g->out = &nothing;
    enum hearth_status st = body(g, WHOLE);           /* to learn what it uses, and whether it is right */
    buf_free(&nothing);
    TRY(st);
    g->out = out;
    TRY(buf_puts(out, prelude));
    if (g->saw_suffix) {
        TRY(buf_puts(out, "{% if suffix is defined %}{% set go_.list = [] %}{% set go_.system = \"\" %}"
                          "{% set go_.prompt = prompt|default(\"\") %}{% set go_.suffix = suffix %}"));
        TRY(body(g, MIDDLE));
        TRY(buf_puts(out, "{% else %}"));
    }
    if (g->saw_messages) TRY(body(g, WHOLE));
    else {
        TRY(buf_puts(out, turns));
        TRY(buf_puts(out, "{% for go_turn in go_.turns %}"));
        TRY(body(g, TURN));
        if (!g->saw_response) TRY(buf_puts(out, "{{ go_turn.response }}"));
        TRY(buf_puts(out, "{% endfor %}"));
        TRY(body(g, LAST));
        if (!g->saw_response) TRY(buf_puts(out, "{{ go_.response }}"));
    }
    return g->saw_suffix ? buf_puts(out, "{% endif %}") : HEARTH_OK;
}

enum hearth_status gotemplate_to_jinja(const char *source, size_t n, const char *name, struct buf *out)
{
    size_t bad = 0, before = out->len;
    if (n > SOURCE_MAX) return fail(HEARTH_ELIMIT, "%s: a template of %zu bytes; %d are allowed", name, n, SOURCE_MAX);
    if (!utf8_valid(source, n, &bad)) return fail(HEARTH_EFORMAT, "%s: byte %zu is not UTF-8", name, bad);
    if (memchr(source, '\0', n)) return fail(HEARTH_EFORMAT, "%s: it holds a zero byte", name);
    struct go *g = mem_array(1, sizeof *g);
    if (!g) return HEARTH_ENOMEM;
    g->src = source, g->n = n, g->name = name;
    arena_init(&g->arena, 0);
    enum hearth_status st = write_all(g, out);
    arena_free(&g->arena);
    free(g);
    if (st != HEARTH_OK) out->len = before;
    return st;
}

int gotemplate_is(const char *source, size_t n)
{
    static const char *const words[] = {"if", "range", "end", "else", "with", "json", "and", "or", "not", "eq"};
    const char *end = source + n, *p = source;
    if (memmem(source, n, "{%", 2)) return 0;
    while ((p = memmem(p, (size_t)(end - p), "{{", 2))) {
        p += 2;
        while (p < end && (*p == '-' || isspace((unsigned char)*p))) p++;
        if (p < end && (*p == '.' || *p == '$' || *p == '/')) return 1;
        for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
            size_t k = strlen(words[i]);
            if ((size_t)(end - p) > k && !memcmp(p, words[i], k) && (isspace((unsigned char)p[k]) || p[k] == '}')) return 1;
        }
    }
    return 0;
}
