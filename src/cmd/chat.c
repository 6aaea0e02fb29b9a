/* chat.c - `hearth chat MODEL`: a conversation.
 *
 * Each turn the whole conversation is put through the chat template again and compared, token by token, with what the
 * session already holds; the session is set back to where they part and only the rest is evaluated:
 *
 *     in the session   <system> <user 1> <answer 1>
 *     rendered now     <system> <user 1> <answer 1> <user 2> <assistant:
 *                      |------- kept -----------|  |--- evaluated --|
 *
 * so templates that change the past (some drop the model's reasoning from older turns) stay right, and are only slower. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "account/answer.h"
#include "base/clock.h"
#include "cmd/chatfile.h"
#include "cmd/line.h"
#include "cmd/talk.h"

struct chat {
    struct talk t;
    struct line *line;
    json_t *messages;             /* user and assistant in turn; the system text stands apart */
    char *system;                 /* or NULL */
    int32_t *seen;                /* the tokens of the session */
    size_t n_seen, cap_seen;
    const volatile int *interrupted;
    int terminal, leave;
};

static int no_history;

static const struct opt options[] = {
    {"no-history", 0, OPT_FLAG, 0, "do not remember the lines typed here", &no_history, 0, 0, 0, 0},
    {0},
};

/* ---- the session and its tokens ---- */

static void remember(struct chat *c, const int32_t *id, size_t n)
{
    if (c->cap_seen - c->n_seen < n) {
        c->cap_seen = 2 * c->cap_seen + n + 64;
        c->seen = xrealloc(c->seen, c->cap_seen, sizeof *c->seen);
    }
    memcpy(c->seen + c->n_seen, id, n * sizeof *id);
    c->n_seen += n;
}

/* After a turn, well ended or not: what we remember and what the session holds become the same. */
static enum hearth_status agree(struct chat *c)
{
    size_t held = hearth_session_length(c->t.session);
    if (held < c->n_seen) c->n_seen = held;
    return held > c->n_seen ? hearth_session_rewind(c->t.session, c->n_seen) : HEARTH_OK;
}

/* Keeps the common beginning (at least one token is left to evaluate, since the answer begins from its logits). */
static enum hearth_status keep_common(struct chat *c, const struct prompt *p, size_t *kept)
{
    size_t n = 0;
    while (n < c->n_seen && n + 1 < p->n && c->seen[n] == p->id[n]) n++;
    *kept = n;
    c->n_seen = n;
    return hearth_session_rewind(c->t.session, n);
}

static void forget(struct chat *c)
{
    json_array_clear(c->messages);
    talk_new_seed();
}

/* ---- a turn ---- */

static json_t *whole(const struct chat *c)
{
    json_t *all = json_array();
    if (c->system) json_array_append_new(all, message("system", c->system, strlen(c->system)));
    json_array_extend(all, c->messages);
    return all;
}

static enum hearth_status render(const struct chat *c, struct prompt *p)
{
    json_t *all = whole(c);
    enum hearth_status st = prompt_render(&c->t, all, p);
    json_decref(all);
    return st;
}

/* The conversation as tokens that fit; with --truncate the oldest questions and answers go. */
static int fit(struct chat *c, struct prompt *p)
{
    size_t ctx = hearth_session_context(c->t.session), dropped = 0, tokens;
    enum hearth_status st = render(c, p);
    if (st != HEARTH_OK) return report(st);
    tokens = p->n;
    if (tokens < ctx) return EXIT_DONE;
    if (!settings.truncate) {
        complain("the conversation has %zu tokens and the context holds %zu, of which the answer needs one at least; /clear "
                 "begins anew, --ctx and --truncate at the start help", tokens, ctx);
        return EXIT_FAILED;
    }
    while (p->n > prompt_room(&c->t) && json_array_size(c->messages) > 2) {
        json_array_remove(c->messages, 0);
        json_array_remove(c->messages, 0);
        dropped++;
        prompt_free(p);
        if ((st = render(c, p)) != HEARTH_OK) return report(st);
    }
    if (p->n >= ctx) {
        complain("this turn alone has %zu tokens and the context holds %zu", p->n, ctx);
        return EXIT_FAILED;
    }
    complain("the conversation had %zu tokens and the context holds %zu: the oldest %zu question%s and answer%s were cut",
             tokens, ctx, dropped, dropped == 1 ? "" : "s", dropped == 1 ? "" : "s");
    p->whole = tokens;
    return EXIT_DONE;
}

struct answer { struct chat *c; char *text; size_t n, cap; };

static int on_text(void *user, const char *text, size_t n)
{
    struct answer *a = user;
    if (a->cap - a->n < n) {
        a->cap = 2 * a->cap + n;
        a->text = xrealloc(a->text, a->cap, 1);
    }
    memcpy(a->text + a->n, text, n);
    a->n += n;
    term_write(stdout, text, n);
    return fflush(stdout) != 0;
}

static int on_token(void *user, const struct hearth_token *t)
{
    remember(((struct answer *)user)->c, &t->id, 1);
    return 0;
}

/* Evaluates what is new, shows the answer and appends it.  An answer that was ended early stays as far as it came. */
static int answer(struct chat *c, const struct prompt *p, struct hearth_receipt *receipt)
{
    struct hearth_generate_params g;
    struct hearth_result r = {0};
    struct answer a = {.c = c};
    size_t kept;
    double begun = clock_seconds();
    enum hearth_status st = keep_common(c, p, &kept), same;
    if (st != HEARTH_OK) return report(st);
    talk_params(&c->t, &g);
    g.on_text = on_text;
    g.on_token = on_token;
    g.user = &a;
    g.cancel = c->interrupted;
    remember(c, p->id + kept, p->n - kept);
    st = talk_generate(receipt, &c->t, p->id + kept, p->n - kept, &g, &r);
    double seconds = clock_seconds() - begun;
    if (a.n > 0 && a.text[a.n - 1] != '\n') putchar('\n');
    fflush(stdout);
    int stopped = *c->interrupted, written = st == HEARTH_OK && talk_receipt_write(receipt);
    interrupt_clear();
    if (st != HEARTH_OK && !(st == HEARTH_ECANCELLED && stopped)) report(st);
    else st = HEARTH_OK;
    if ((same = agree(c)) != HEARTH_OK && st == HEARTH_OK) st = same, report(st);
    if (st == HEARTH_OK && a.n > 0) json_array_append_new(c->messages, message("assistant", a.text, a.n));
    if (stopped && written) note("(ended; receipt %llu)", (unsigned long long)answer_number(receipt)->index);
    else if (stopped) note("(ended)");
    else if (st == HEARTH_OK) talk_footer(&r, seconds, receipt, written);
    if (st == HEARTH_OK && settings.verbose)
        fprintf(stderr, "%zu tokens kept, %zu evaluated, %zu answered\n", kept, p->n - kept, r.answer_tokens);
    free(a.text);
    return st == HEARTH_OK && json_array_size(c->messages) % 2 == 0 ? EXIT_DONE : EXIT_FAILED;
}

static void turn(struct chat *c, const char *text)
{
    struct prompt p = {0};
    struct hearth_receipt *receipt = NULL;
    json_array_append_new(c->messages, message("user", text, strlen(text)));
    int code = fit(c, &p);
    if (code == EXIT_DONE) {
        json_t *all = whole(c);
        code = talk_receipt(&c->t, all, p.whole, &receipt);
        json_decref(all);
    }
    if (code == EXIT_DONE) code = answer(c, &p, receipt);
    if (code != EXIT_DONE) json_array_remove(c->messages, json_array_size(c->messages) - 1);
    hearth_receipt_close(receipt);
    prompt_free(&p);
}

/* ---- commands of the chat ---- */

/* What /set changes while the chat goes on; the others need a new session. */
static const char *const settable[] = {
    "temp", "top-k", "top-p", "min-p", "repeat-penalty", "presence-penalty", "frequency-penalty", "repeat-last", "seed",
    "max-tokens", "stop", NULL};

static const char *settable_at(void *user, size_t i)
{
    (void)user;
    return settable[i];
}

static const struct opt *talk_option(const char *name)
{
    for (const struct opt *o = talk_options; o->name; o++) if (strcmp(o->name, name) == 0) return o;
    return NULL;
}

static void show_settings(void)
{
    char value[64];
    for (size_t i = 0; settable[i]; i++) {
        const struct opt *o = talk_option(settable[i]);
        if (o->type != OPT_LIST) printf("  %-18s %s\n", o->name, option_show(o, value));
        else for (size_t k = 0; k < settings.stop.n; k++) {
            printf("  %-18s ", o->name);
            term_write(stdout, settings.stop.item[k], strlen(settings.stop.item[k]));
            putchar('\n');
        }
    }
}

static void do_set(struct chat *c, char *rest)
{
    char where[80];
    size_t n = strcspn(rest, " \t"), i = 0;
    char *value = rest + n + strspn(rest + n, " \t");
    (void)c;
    if (!*rest) {
        show_settings();
        return;
    }
    rest[n] = 0;
    while (settable[i] && strcmp(settable[i], rest) != 0) i++;
    if (!settable[i]) {
        const char *near = nearest(rest, settable_at, NULL);
        if (near) complain("/set has no %s; did you mean %s?", rest, near);
        else complain("/set has no %s; /set alone lists what can be changed here", rest);
        return;
    }
    const struct opt *o = talk_option(rest);
    snprintf(where, sizeof where, "/set %s", rest);
    if (!*value && o->type == OPT_LIST) settings.stop.n = 0;       /* "/set stop" takes them all away */
    else if (!*value) complain("%s needs a value: %s", where, o->arg);
    else option_set(o, where, o->type == OPT_LIST ? xstrdup(value) : value);
}

static void do_show(struct chat *c, char *rest)
{
    (void)rest;
    printf("  %-18s ", "model");
    term_write(stdout, c->t.name, strlen(c->t.name));
    printf("\n  %-18s %zu of %zu tokens\n  %-18s %zu\n", "context", hearth_session_length(c->t.session),
           hearth_session_context(c->t.session), "turns", json_array_size(c->messages) / 2);
    if (c->system) {
        printf("  %-18s ", "system");
        term_write(stdout, c->system, strlen(c->system));
        putchar('\n');
    }
    show_settings();
}

static const char *turns(const struct chat *c, char out[32])
{
    size_t n = json_array_size(c->messages) / 2;
    snprintf(out, 32, "%zu turn%s", n, n == 1 ? "" : "s");
    return out;
}

static void do_save(struct chat *c, char *rest)
{
    char b[32];
    if (!*rest) complain("/save needs a name: /save monday");
    else if (chatfile_save(rest, c->t.name, c->system, c->messages) == 0)
        printf("saved: %s; /load %s brings them back\n", turns(c, b), rest);
}

static void do_load(struct chat *c, char *rest)
{
    char *model, *system, b[32];
    json_t *messages;
    if (!*rest) {
        chatfile_list();
        return;
    }
    if (chatfile_load(rest, &model, &system, &messages) != 0) return;
    json_decref(c->messages);
    c->messages = messages;
    free(c->system);
    c->system = system;
    printf("loaded: %s\n", turns(c, b));
    if (strcmp(model, c->t.name) != 0) complain("this chat was held with %s and goes on with %s", model, c->t.name);
    free(model);
}

static void do_clear(struct chat *c, char *rest)
{
    (void)rest;
    forget(c);
    puts("forgotten");
}

static void do_system(struct chat *c, char *rest)
{
    if (*rest) {
        free(c->system);
        c->system = xstrdup(rest);
    } else if (c->system) {
        term_write(stdout, c->system, strlen(c->system));
        putchar('\n');
    } else {
        puts("there is no system text; /system TEXT gives one");
    }
}

static void do_bye(struct chat *c, char *rest)
{
    (void)rest;
    c->leave = 1;
}

static void do_help(struct chat *c, char *rest);

static const struct { const char *name, *args, *help; void (*run)(struct chat *c, char *rest); } verbs[] = {
    {"/set", "[NAME VALUE]", "change a parameter; alone: list them", do_set},
    {"/show", "", "the model, the context used, the parameters", do_show},
    {"/system", "[TEXT]", "tell the model who it is; alone: show it", do_system},
    {"/save", "NAME", "keep this chat under a name", do_save},
    {"/load", "[NAME]", "bring a chat back; alone: list them", do_load},
    {"/clear", "", "forget the conversation and begin anew; the system text stays", do_clear},
    {"/help", "", "this list (/? too)", do_help},
    {"/bye", "", "leave (/quit, /exit and Ctrl-D too)", do_bye},
};

enum { VERBS = sizeof verbs / sizeof verbs[0] };

static void do_help(struct chat *c, char *rest)
{
    (void)c;
    (void)rest;
    for (size_t i = 0; i < VERBS; i++) printf("  %-8s %-13s %s\n", verbs[i].name, verbs[i].args, verbs[i].help);
    puts("  \"\"\" begins a text of several lines, which ends with \"\"\"; a line that begins with // is sent from its second /\n"
         "  Ctrl-C ends an answer");
}

static const char *verb_at(void *user, size_t i)
{
    (void)user;
    return i < VERBS ? verbs[i].name : NULL;
}

static void command(struct chat *c, char *text)
{
    size_t n = strcspn(text, " \t");
    char *rest = text + n + strspn(text + n, " \t");
    for (size_t k = strlen(rest); k > 0 && strchr(" \t", rest[k - 1]); k--) rest[k - 1] = 0;
    text[n] = 0;
    static const char *const also[][2] = {{"/?", "/help"}, {"/quit", "/bye"}, {"/exit", "/bye"}};
    const char *verb = text;
    for (size_t i = 0; i < sizeof also / sizeof *also; i++) if (strcmp(text, also[i][0]) == 0) verb = also[i][1];
    for (size_t i = 0; i < VERBS; i++)
        if (strcmp(verbs[i].name, verb) == 0) {
            verbs[i].run(c, rest);
            return;
        }
    const char *near = nearest(text, verb_at, NULL);
    if (near) complain("there is no %s; did you mean %s?", text, near);
    else complain("there is no %s; /help lists the commands", text);
}

/* ---- reading ---- */

/* The lines up to the one that ends with """, the first already read. */
static enum line_end read_block(struct chat *c, char **text)
{
    char *all = xstrdup(*text + 3), *more;
    size_t n = strlen(all);
    enum line_end end = LINE_READ;
    while (end == LINE_READ && (n < 3 || strcmp(all + n - 3, "\"\"\"") != 0)) {
        if ((end = line_read(c->line, "... ", &more)) != LINE_READ) break;
        all = xrealloc(all, n + strlen(more) + 2, 1);
        if (n > 0) all[n++] = '\n';
        strcpy(all + n, more);
        n += strlen(more);
        free(more);
    }
    if (end == LINE_READ) all[n -= 3] = 0;
    if (n > 0 && all[n - 1] == '\n') all[n - 1] = 0;
    free(*text);
    *text = all;
    return end;
}

static void loop(struct chat *c)
{
    while (!c->leave) {
        char *text = NULL;
        enum line_end end = line_read(c->line, ">>> ", &text);
        if (end == LINE_READ && strncmp(text, "\"\"\"", 3) == 0) end = read_block(c, &text);
        if (end == LINE_INTERRUPTED) {
            interrupt_clear();
            puts("\n/bye or Ctrl-D leaves the chat");
        } else if (end == LINE_CLOSED) {
            if (c->terminal) putchar('\n');
            c->leave = 1;
        } else if (text[0] == '/' && text[1] != '/') {
            command(c, text);
        } else if (text[strspn(text, " \t\n")]) {
            turn(c, text[0] == '/' ? text + 1 : text);
        }
        fflush(stdout);
        free(text);
        if (ferror(stdout)) c->leave = 1;
    }
}

static int run(int argc, char **argv)
{
    struct chat c = {.terminal = isatty(STDIN_FILENO)};
    char *history = NULL, *folder = NULL;
    (void)argc;
    int code = talk_open(&c.t, argv[0], MODEL_TO_CHAT);
    if (code == EXIT_DONE && !*c.t.info.chat_template) code = refuse_chat(argv[0]);
    if (code == EXIT_DONE) {
        if (!no_history && !settings.private && hub_path(HUB_DATA, NULL, &folder) == HEARTH_OK && make_folders(folder) == 0)
            hub_path(HUB_DATA, "chat_history", &history);
        c.line = line_open(history);
        c.messages = json_array();
        c.system = settings.system ? xstrdup(settings.system) : NULL;
        if (c.terminal) printf("%s, a context of %zu tokens. /help lists the commands, Ctrl-D leaves.\n", argv[0],
                               hearth_session_context(c.t.session));
        c.interrupted = interrupt_watch();
        if (!c.line) code = report(HEARTH_ENOMEM);
        else loop(&c);
        line_close(c.line);
    }
    json_decref(c.messages);
    free(c.system);
    free(c.seen);
    free(history);
    free(folder);
    talk_close(&c.t);
    return code;
}

const struct command cmd_chat = {
    .name = "chat", .group = GROUP_TALK, .summary = "hold a conversation", .args = "MODEL",
    .min_args = 1, .max_args = 1, .complete = COMPLETE_MODEL,
    .about = "A conversation with an instruct model. Each line is a turn; \"\"\" begins a text of several lines. /help lists "
             "the commands of the chat: /set and /show, /system, /save and /load, /clear, /bye. Ctrl-C ends an answer and "
             "keeps the chat; Ctrl-D leaves.\n\n"
             "Lines can be edited and are remembered for the next time in a file that only you can read (--no-history turns "
             "that off). Saved chats are JSON files in the folder chats beside the models.",
    .examples = "hearth chat smollm2\n"
                "hearth chat smollm2 --system \"You are a patient teacher.\" --temp 0.3\n",
    .options = options, .more = talk_options, .run = run,
};
