/* test_fault_serve.c - a server whose every allocation in a request is refused in turn: the client gets its answer, an error or a closed
 * connection; nothing hangs, nothing is left open, and the next client is served.  Small routes of its own first, then the real ones: answers
 * of a model, with receipts (of their thousands of allocations one in FAULT_EVERY; 1: all, which takes minutes).
 *
 * Unlike in fault.h the work is done by threads of the server (MHD's, workers, the watch), so every thread is refused but this one. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#include "fault/allocators.h"
#include "hub/hub.h"
#include "model_maker.h"
#include "serve/server_in.h"
#include <setjmp.h>
#include <cmocka.h>
#undef fail
#define broken(...) (print_error(__VA_ARGS__), _fail(__FILE__, __LINE__))

/* ---- the allocators ---- */

static atomic_long until = -1;       /* calls that are still given; below 0: all */
static atomic_int refused;
static _Thread_local int client;

PLAIN static int refuse(void)
{
    if (client || atomic_load(&until) < 0) return 0;
    if (atomic_fetch_sub(&until, 1) > 0) return 0;
    atomic_store(&until, -1);
    atomic_store(&refused, 1);
    errno = ENOMEM;
    return 1;
}

STANDS_IN void *malloc(size_t n) { return refuse() ? NULL : REAL(malloc)(n); }
STANDS_IN void *calloc(size_t n, size_t size) { return refuse() ? NULL : REAL(calloc)(n, size); }
STANDS_IN void *realloc(void *p, size_t n) { return refuse() ? NULL : REAL(realloc)(p, n); }

/* ---- a server ---- */

static void object(struct exchange *x)
{
    json_t *j = exchange_object(x);
    if (!j) return;
    exchange_set(x, "X-Test", "yes");
    exchange_reply_json(x, 200, json_pack("{s:O}", "back", json_object_get(j, "a")));
    json_decref(j);
}

static void last(void *user)
{
    struct exchange *x = user;
    exchange_put_json(x, "data: ", json_pack("{s:s}", "b", "last"), "\n\n");
    exchange_end(x);
    exchange_drop(x);
}

static void stream(struct exchange *x)
{
    exchange_hold(x);
    exchange_begin(x, "text/event-stream");
    exchange_put_json(x, "data: ", json_pack("{s:s}", "a", "first"), "\n\n");
    server_later(exchange_server(x), last, x);
}

static void nap(struct exchange *x)
{
    struct timespec t = {0, 200000000};
    nanosleep(&t, NULL);
    exchange_reply(x, 200, "text/plain", "", 0);
}

static const struct route routes[] = {
    {HTTP_GET, "/nap", DIALECT_PLAIN, 0, 0, nap},
    {HTTP_POST, "/v1/object", DIALECT_OPENAI, 0, 0, object}, {HTTP_GET, "/stream", DIALECT_PLAIN, 0, 0, stream}, {0}};
static struct server *s;
static char home[] = "/tmp/hearth-fault-XXXXXX";
enum { EVERY = 61 };

static int send_to_server(const char *request)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)server_port(s)), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval patience = {5, 0};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0 || send(fd, request, strlen(request), MSG_NOSIGNAL) < 0) shutdown(fd, SHUT_RDWR);
    return fd;
}

/* The status; 0: the connection was closed without a whole answer; -1: nothing came for five seconds. */
static int read_answer(int fd, char *answer, size_t max)
{
    size_t n = 0;
    ssize_t got = 0;
    int status = 0;
    while (n + 1 < max && (got = recv(fd, answer + n, max - n - 1, 0)) > 0) n += (size_t)got;
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) status = -1;
    answer[n] = 0;
    close(fd);
    if (status == 0 && sscanf(answer, "HTTP/1.1 %d", &status) != 1) status = 0;
    return status;
}

static int ask(const char *request, char *answer, size_t max)
{
    return read_answer(send_to_server(request), answer, max);
}

static int quiet(void)
{
    struct server_counts c;
    struct timespec nap = {0, 1000000};
    for (int i = 0; i < 5000; i++) {
        server_counts(s, &c);
        if (c.open == 0) return 1;
        nanosleep(&nap, NULL);
    }
    return 0;
}

static void sweep(const char *request, const char *words, long every)
{
    char answer[4096];
    int good = 0, errors = 0, closed = 0;
    for (long round = 0;; round += every) {
        atomic_store(&refused, 0);
        atomic_store(&until, round);
        int status = ask(request, answer, sizeof answer);
        int was_refused = refused;
        atomic_store(&until, -1);
        int whole = status == 200 && strstr(answer, words) != NULL;
        if (status < 0) broken("round %ld: nothing came", round);
        if (!quiet()) broken("round %ld: an exchange is left open", round);
        if (!was_refused && !whole) broken("round %ld: nothing was refused, and yet: %s", round, answer);
        if (status >= 400 && status < 500 && status != 431 && status != 413) broken("round %ld: it is not the client's fault: %s", round, answer);
        good += whole, errors += status >= 400, closed += !whole && status < 400;
        if (ask(request, answer, sizeof answer) != 200 || !strstr(answer, words)) broken("round %ld: the next client: %s", round, answer);
        if (!was_refused) break;
    }
    if (good < 1 || errors < 1) broken("%d good, %d errors, %d closed", good, errors, closed);
}

static void whole(void **state)
{
    (void)state;
    sweep("POST /v1/object?q=1 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 21\r\n\r\n{\"a\": [1, 2, \"text\"]}", "{\"back\":[1,2,\"text\"]}", 1);
}

static void pieces(void **state)
{
    (void)state;
    sweep("GET /stream HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", "{\"b\":\"last\"}", 1);
}

/* ---- answers ---- */

static void post(const char *path, const char *body, const char *words)
{
    char request[1024];
    const char *every = getenv("FAULT_EVERY");
    snprintf(request, sizeof request, "POST %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n%s", path, strlen(body), body);
    sweep(request, words, every ? atol(every) : EVERY);
}

#define CHAT "\"model\": \"tiny\", \"messages\": [{\"role\": \"user\", \"content\": \"hello\"}]"

static void openai(void **state)
{
    (void)state;
    post("/v1/chat/completions", "{" CHAT ", \"max_tokens\": 3, \"temperature\": 0, \"logprobs\": true, \"top_logprobs\": 2}", "\"finish_reason\":\"stop\"");
}

static void openai_stream(void **state)
{
    (void)state;
    post("/v1/chat/completions", "{" CHAT ", \"max_tokens\": 3, \"temperature\": 0, \"stream\": true}", "data: [DONE]");
}

static void ollama(void **state)
{
    (void)state;
    post("/api/chat", "{" CHAT ", \"options\": {\"num_predict\": 8, \"temperature\": 0}, \"format\": {\"enum\": [\"yes\", \"no\"]}, \"stream\": false}", "\"done\":true");
}

static void others(void **state)
{
    (void)state;
    post("/v1/embeddings", "{\"model\": \"tiny\", \"input\": [\"one\", \"two\"]}", "\"embedding\":[");
    post("/api/show", "{\"model\": \"tiny\"}", "\"capabilities\":[");
    post("/v1/responses", "{\"model\": \"tiny\", \"input\": \"hello\", \"max_output_tokens\": 3, \"temperature\": 0}", "\"status\":\"completed\"");
    post("/v1/messages", "{" CHAT ", \"max_tokens\": 3, \"temperature\": 0}", "\"stop_reason\":\"end_turn\"");
    post("/v1/completions", "{\"model\": \"tiny\", \"prompt\": \"hello\", \"max_tokens\": 3, \"temperature\": 0, \"echo\": true, \"logprobs\": 2}", "\"token_logprobs\":[");
}

/* Workers for all that follows: a sanitizer's part of a new thread allocates too, and must not be refused. */
static int warm_up(void)
{
    char answer[1024];
    int fd[8], good = 0;
    for (int i = 0; i < 8; i++) fd[i] = send_to_server("GET /nap HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    for (int i = 0; i < 8; i++) good += read_answer(fd[i], answer, sizeof answer) == 200;
    return good == 8;
}

static int begin(void **state)
{
    static const struct route *const tables[] = {routes};
    struct server_params p = {.address = "127.0.0.1:0", .without_keeper = 1};
    (void)state;
    client = 1;
    setenv("HEARTH_HOME", "/tmp/hearth-nowhere", 1);
    return server_open_with(&p, tables, 1, &s) != HEARTH_OK || !warm_up();
}

static int end(void **state)
{
    (void)state;
    server_stop(s, 1);
    return 0;
}

/* The real routes, a model of random weights in a store of its own. */
static int begin_answers(void **state)
{
    struct model_spec spec = {.chat_template = "{{ messages[0]['content'] }}"};
    struct server_params p = {.address = "127.0.0.1:0", .keeper = {.threads = 1, .keep_alive = -1, .engine = {.ctx = 64}}};
    struct hub_model m = {0};
    char path[sizeof home + 16], answer[4096];
    (void)state;
    client = 1;
    if (!mkdtemp(home)) return 1;
    snprintf(path, sizeof path, "%s/tiny.gguf", home);
    setenv("HEARTH_HOME", home, 1);
    if (model_make(path, &spec) != HEARTH_OK || hub_import(path, "tiny", 0, NULL, &m) != HEARTH_OK || server_open(&p, &s) != HEARTH_OK) {
        print_error("%s\n", hearth_errmsg());
        return 1;
    }
    hub_model_free(&m);
    for (int i = 0; i < 3; i++) ask("GET /api/tags HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", answer, sizeof answer);
    return 0;
}

static int end_answers(void **state)
{
    char command[sizeof home + 16];
    (void)end(state);
    snprintf(command, sizeof command, "rm -rf '%s'", home);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(whole), cmocka_unit_test(pieces)};
    const struct CMUnitTest answers[] = {cmocka_unit_test(openai), cmocka_unit_test(openai_stream), cmocka_unit_test(ollama), cmocka_unit_test(others)};
    int failed = cmocka_run_group_tests(tests, begin, end);
    return failed + cmocka_run_group_tests(answers, begin_answers, end_answers);
}
