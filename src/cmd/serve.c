/* serve.c - `hearth serve`: the server, until it is told to stop.
 *
 * Signals are taken by this thread only, one after the other: SIGHUP reads the keys again, SIGINT and SIGTERM stop gracefully, and a
 * second one of those ends the process at once.  Under systemd it says when it is ready (sd_notify's protocol: a datagram to the
 * socket that NOTIFY_SOCKET names). */
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include "cmd/command.h"
#include "cmd/notify.h"
#include "base/words.h"
#include "hub/names.h"
#include "serve/helper.h"
#include "serve/serve.h"

static const char *const kv_names[] = {[HEARTH_KV_F16] = "f16", [HEARTH_KV_F32] = "f32", [HEARTH_KV_Q8_0] = "q8_0", NULL};
static const char *host, *keep_alive, *memory, *tls_cert, *tls_key;
static int port = -1, ctx, parallel, queue, threads, kv, grace = 10, require_key, want_log, unconfined;
static struct opt_list origins, names, adapters;

static const struct opt options[] = {
    {"host", 0, OPT_TEXT, "ADDRESS", "address to listen at (default 127.0.0.1, this computer only; 0.0.0.0: the network, with keys)", &host, 0, 0, 0, 0},
    {"port", 0, OPT_INT, "N", "port to listen at (default 11434; 0: one that is free)", &port, 0, 65535, 0, 0},
    {"require-key", 0, OPT_FLAG, 0, "ask for a key also where only this computer can reach it", &require_key, 0, 0, 0, 0},
    {"origin", 0, OPT_LIST, "ORIGIN", "pages of this origin may use it too, such as https://example.org", &origins, 0, 0, 0, 0},
    {"host-name", 0, OPT_LIST, "NAME", "it goes by this name too, besides its addresses, localhost and its own name", &names, 0, 0, 0, 0},
    {"tls-cert", 0, OPT_TEXT, "FILE", "certificate (PEM, with its chain): https", &tls_cert, 0, 0, 0, 0},
    {"tls-key", 0, OPT_TEXT, "FILE", "its key (PEM), readable by its owner only", &tls_key, 0, 0, 0, 0},
    {"ctx", 0, OPT_INT, "N", "tokens of a conversation at most (default: the model's own, at most 4096)", &ctx, 16, 1 << 24, 0, 0},
    {"parallel", 0, OPT_INT, "N", "requests computed at once by a model (default 16)", &parallel, 1, 1024, 0, 0},
    {"queue", 0, OPT_INT, "N", "requests that may wait beyond those; further ones get 503 (default 64)", &queue, 1, 100000, 0, 0},
    {"keep-alive", 0, OPT_TEXT, "TIME", "how long a model stays in memory unused: 5m, 30s, 2h, 0, -1 for ever (default 5m)", &keep_alive, 0, 0, 0, 0},
    {"memory", 0, OPT_TEXT, "BYTES", "for all models together, such as 6G (default: three quarters of what is free)", &memory, 0, 0, 0, 0},
    {"threads", 0, OPT_INT, "N", "threads of a model (default: the cores this process may use)", &threads, 1, 1024, 0, 0},
    {"kv", 0, OPT_CHOICE, "TYPE", "how keys and values are kept: f16, f32 or q8_0 (default f16)", &kv, 0, 0, kv_names, 0},
    {"adapter", 0, OPT_LIST, "NAME=PATH", "a low-rank adapter (a folder in PEFT's layout, or a GGUF) that requests may name by its place in this list", &adapters, 0, 0, 0, 0},
    {"grace", 0, OPT_INT, "SECONDS", "what running answers get when it is stopped (default 10)", &grace, 0, 3600, 0, 0},
    {"log", 0, OPT_FLAG, 0, "a line for each request on standard error: never what was said, never a key", &want_log, 0, 0, 0, 0},
    {"unconfined", 0, OPT_FLAG, 0, "keep all rights of this process, for a system where giving them up does harm", &unconfined, 0, 0, 0, 0},
    {0},
};

static void on_log(void *user, const char *line)
{
    char now[24];
    (void)user;
    name_now(now);
    fprintf(stderr, "%s %s\n", now, line);
}

static void at_once(int signal_number)
{
    (void)signal_number;
    _exit(EXIT_INTERRUPTED);
}

/* The signals this command waits for; blocked before any thread starts, so that none of them takes one. */
static void block_signals(sigset_t *wanted)
{
    sigemptyset(wanted);
    sigaddset(wanted, SIGINT);
    sigaddset(wanted, SIGTERM);
    sigaddset(wanted, SIGHUP);
    sigprocmask(SIG_BLOCK, wanted, NULL);
}

/* A connection is a descriptor, and so is a file of a model: as many as the system allows, within reason. */
static void allow_descriptors(void)
{
    struct rlimit r;
    rlim_t wanted = 8192;
    if (getrlimit(RLIMIT_NOFILE, &r) != 0 || r.rlim_cur >= wanted) return;
    r.rlim_cur = r.rlim_max < wanted ? r.rlim_max : wanted;
    setrlimit(RLIMIT_NOFILE, &r);
}

static void stop(struct server *s)
{
    sigset_t again;
    notify_manager("STOPPING=1");
    note("stopping; running answers have %d seconds (Ctrl-C again: none)", grace);
    signal(SIGINT, at_once);
    signal(SIGTERM, at_once);
    sigemptyset(&again);
    sigaddset(&again, SIGINT);
    sigaddset(&again, SIGTERM);
    sigprocmask(SIG_UNBLOCK, &again, NULL);
    server_stop(s, grace);
}

static void serve(struct server *s, const sigset_t *wanted)
{
    int signal_number, terminal = isatty(STDIN_FILENO);
    notify_manager("READY=1");
    while (sigwait(wanted, &signal_number) != 0 || signal_number == SIGHUP) {
        if (terminal && !isatty(STDIN_FILENO)) break;  /* it was closed: the signal's first meaning */
        notify_manager("RELOADING=1");
        if (server_reload(s) != HEARTH_OK) complain("the keys stay as they were: %s", hearth_errmsg());
        notify_manager("READY=1");
    }
    stop(s);
}

/* host and port from the options, else from HEARTH_HOST, else from OLLAMA_HOST, which clients use. */
int serve_address(char address[128])
{
    char from[96] = "127.0.0.1";
    int at = 11434;
    const char *variable = "HEARTH_HOST", *word = getenv(variable);
    if (!word || !*word) word = getenv(variable = "OLLAMA_HOST");
    if (word && *word && (!host || port < 0) && !words_host(word, from, sizeof from, &at))
        return usage("%s is \"%.80s\", which is no address; one is 127.0.0.1:11434", variable, word);
    if (host && !words_host(host, from, sizeof from, &at)) return usage("--host: \"%.80s\" is no address; one is 127.0.0.1", host);
    if (port >= 0) at = port;
    snprintf(address, 128, strchr(from, ':') ? "[%s]:%d" : "%s:%d", from, at);
    return EXIT_DONE;
}

/* --adapter NAME=PATH, however often; free_adapters() it. */
static int read_adapters(struct server_params *p)
{
    struct server_adapter *list = xrealloc(NULL, adapters.n + 1, sizeof *list);
    for (size_t i = 0; i < adapters.n; i++) {
        const char *text = adapters.item[i], *is = strchr(text, '=');
        char name[NAME_MAX_BYTES + 1], *given = xprintf("%.*s", is ? (int)(is - text) : 0, text);
        if (!is || name_canonical(given, name) != HEARTH_OK) return usage("--adapter: \"%s\" is no NAME=PATH; one is pirate=./pirate-lora", text);
        for (size_t k = 0; k < i; k++)
            if (!strcmp(list[k].name, name)) return usage("--adapter: the name %s is there twice", name);
        char *path = realpath(is + 1, NULL);
        if (!path) return report(fail_errno(is + 1, "cannot open the adapter"));
        free(given);
        list[i] = (struct server_adapter){xstrdup(name), path};
    }
    p->adapters = list;
    p->n_adapters = adapters.n;
    return EXIT_DONE;
}

static void free_adapters(const struct server_params *p)
{
    for (size_t i = 0; i < p->n_adapters; i++) free((char *)(uintptr_t)p->adapters[i].name), free((char *)(uintptr_t)p->adapters[i].path);
    free((void *)(uintptr_t)p->adapters);
}

static int fill(struct server_params *p, char address[128])
{
    double seconds = 300;
    uint64_t bytes = 0;
    int code = serve_address(address);
    if (code != EXIT_DONE) return code;
    if (keep_alive && !words_duration(keep_alive, &seconds))
        return usage("--keep-alive: \"%s\" is no time; it takes 5m, 30s, 2h, a number of seconds, 0, or -1 for ever", keep_alive);
    if (memory && !words_bytes(memory, &bytes)) return usage("--memory: \"%s\" is no amount; it takes 6G, 6144M or a number of bytes", memory);
    if (!tls_cert != !tls_key) return usage("--tls-cert and --tls-key belong together");
    *p = (struct server_params){
        .address = address, .tls_cert = tls_cert, .tls_key = tls_key, .require_key = require_key, .origins = origins.item,
        .n_origins = origins.n, .hosts = names.item, .n_hosts = names.n, .confine = !unconfined, .log_requests = want_log, .on_log = on_log,
        .keeper = {.threads = threads, .keep_alive = seconds, .memory = bytes,
                   .engine = {.ctx = (uint32_t)ctx, .kv = (enum hearth_kv)kv, .parallel = (uint32_t)parallel, .queue = (uint32_t)queue}},
    };
    return read_adapters(p);
}

static int run(int argc, char **argv)
{
    struct server_params p;
    struct server *s;
    char address[128], name[256] = "";
    sigset_t wanted;
    (void)argc, (void)argv;
    int code = fill(&p, address);
    if (code != EXIT_DONE) return code;
    enum hearth_status st = helper_start();            /* while this process is one thread that may do everything */
    if (st != HEARTH_OK) return report(st);
    allow_descriptors();
    block_signals(&wanted);
    st = server_open(&p, &s);
    free_adapters(&p);                                 /* it has its own */
    if (st != HEARTH_OK) {
        helper_stop();
        return report(st);
    }
    printf("hearth serves at %s", server_url(s));
    if (strncmp(address, "0.0.0.0:", 8) == 0 && gethostname(name, sizeof name - 1) == 0)
        printf("; other computers reach it at %s://%s:%d", tls_key ? "https" : "http", name, server_port(s));
    puts("");
    fflush(stdout);
    serve(s, &wanted);
    helper_stop();
    return EXIT_DONE;
}

const struct command cmd_serve = {
    .name = "serve", .group = GROUP_SERVE, .summary = "answer the clients people have: Ollama's, OpenAI's and Anthropic's protocols, and a page",
    .args = "", .about =
        "Listens at 127.0.0.1:11434, which only this computer can reach, and asks for no key there (--require-key does). At any other "
        "address every request shows a key: `hearth key add NAME` makes one. HEARTH_HOST (or OLLAMA_HOST) says where to listen when "
        "--host and --port do not. Over a network that others can listen to, use --tls-cert and --tls-key.\n\n"
        "A request must name this server by an address of its own, by localhost, by this computer's name or one given with --host-name; "
        "pages may use it from its own origin or one given with --origin. So no page on the internet can reach it through a browser.\n\n"
        "Before it answers anything it gives up, for good, what it does not need: it starts no program, opens no connection and no other "
        "port, and sees no files but its own, its models and the system's (Landlock and seccomp, where the system has them: `hearth "
        "doctor`). Models are fetched by a process beside it. A model imported later from elsewhere is seen after a restart.\n\n"
        "Ctrl-C or SIGTERM stops it: running answers may finish for some seconds (--grace), then end with their last event. SIGHUP reads "
        "the keys again (the end of the terminal it was started from ends it, though); a key that is revoked is refused with the next "
        "request, without a signal. data/hearth.service runs it under "
        "systemd.",
    .examples = "hearth serve\n"
                "hearth serve --port 8080 --keep-alive 1h\n"
                "hearth serve --adapter pirate=./pirate-lora\n"
                "hearth key add anna && hearth serve --host 0.0.0.0\n",
    .options = options, .run = run,
};
