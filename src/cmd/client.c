/* client.c - see client.h.  HEARTH_API_KEY is shown to a server that asks for a key. */
#include "cmd/client.h"

#include <stdlib.h>
#include <string.h>
#include "base/jsontext.h"
#include "base/words.h"
#include "cmd/command.h"
#include "hub/fetch.h"

enum { ANSWER_MAX = 16 << 20 };

static int server_url(const char *path, char **out)
{
    char host[96] = "127.0.0.1";
    int port = 11434;
    const char *variable = "HEARTH_HOST", *word = getenv(variable);
    if (!word || !*word) word = getenv(variable = "OLLAMA_HOST");
    if (word && *word && !words_host(word, host, sizeof host, &port))
        return usage("%s is \"%.80s\", which is no address; one is 127.0.0.1:11434", variable, word);
    if (!strcmp(host, "0.0.0.0") || !strcmp(host, "::")) strcpy(host, "127.0.0.1");
    const char *scheme = word && strncmp(word, "https://", 8) == 0 ? "https" : "http";
    *out = xprintf(strchr(host, ':') ? "%s://[%s]:%d%s" : "%s://%s:%d%s", scheme, host, port, path);
    return EXIT_DONE;
}

int client_ask(const char *path, const json_t *body, json_t **out)
{
    const struct fetch_settings set = {.timeout = 120, .retries = 0};
    const struct hub_callbacks c = {.cancel = interrupt_watch()};
    struct fetch *net = NULL;
    struct fetch_page page = {0};
    char *url = NULL, *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    *out = NULL;
    int code = server_url(path, &url);
    if (code != EXIT_DONE) {
        free(text);
        return code;
    }
    enum hearth_status st = fetch_open(&set, &c, &net);
    if (st == HEARTH_OK) st = fetch_name(net, url, getenv("HEARTH_API_KEY"));
    if (st == HEARTH_OK) st = text ? fetch_post(net, url, text, ANSWER_MAX, &page) : fetch_page(net, url, "application/json", ANSWER_MAX, &page);
    if (st == HEARTH_OK) st = jsontext_read("the server's answer", page.body.data, page.body.len, out);
    if (st == HEARTH_ENETWORK) complain("%s; is a server running there? `hearth serve` starts one", hearth_errmsg());
    code = st == HEARTH_ENETWORK ? EXIT_FAILED : report(st);
    fetch_page_free(&page);
    fetch_close(net);
    free(url);
    free(text);
    return code;
}
