/* ps.c - `hearth ps` and `hearth stop`: what a running server has in memory. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "cmd/client.h"
#include "cmd/command.h"

static int want_json;

static const struct opt options[] = {
    {"json", 0, OPT_FLAG, 0, "print the server's answer", &want_json, 0, 0, 0, 0},
    {0},
};

static const char *text_of(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "";
}

/* "4 min 10 s", "for ever" */
static const char *left(const char *when, char out[24])
{
    struct tm tm = {0};
    if (!strptime(when, "%Y-%m-%dT%H:%M:%S", &tm)) return "";
    double seconds = difftime(timegm(&tm), time(NULL));
    if (seconds > 3e9) return "for ever";
    return seconds > 0 ? show_seconds(seconds, out) : "now";
}

static int ps(int argc, char **argv)
{
    static const char *const heading[] = {"NAME", "DIGEST", "MEMORY", "CONTEXT", "STAYS"};
    struct table t = {.columns = 5, .right = "00110"};
    json_t *answer, *m;
    size_t i;
    (void)argc, (void)argv;
    int code = client_ask("/api/ps", NULL, &answer);
    if (code != EXIT_DONE || want_json) return code == EXIT_DONE ? json_print(answer) : code;
    for (i = 0; i < 5; i++) table_cell(&t, "%s", heading[i]);
    json_array_foreach(json_object_get(answer, "models"), i, m) {
        char bytes[24], time[24];
        table_cell(&t, "%s", text_of(m, "name"));
        table_cell(&t, "%.12s", text_of(m, "digest"));
        table_cell(&t, "%s", show_bytes((uint64_t)json_integer_value(json_object_get(m, "size")), bytes));
        table_cell(&t, "%lld", (long long)json_integer_value(json_object_get(m, "context_length")));
        table_cell(&t, "%s", left(text_of(m, "expires_at"), time));
    }
    table_print(&t, stdout);
    json_decref(answer);
    return EXIT_DONE;
}

const struct command cmd_ps = {
    .name = "ps", .group = GROUP_SERVE, .summary = "show the models a running server has in memory", .args = "", .complete = COMPLETE_NOTHING,
    .about = "Asks the server of HEARTH_HOST, else OLLAMA_HOST, else the one at 127.0.0.1:11434; HEARTH_API_KEY is the key where one is "
             "needed.",
    .examples = "hearth ps\n"
                "HEARTH_HOST=teacher.local:11434 hearth ps --json\n",
    .options = options, .run = ps,
};

static int stop(int argc, char **argv)
{
    json_t *answer = NULL, *body = json_pack("{s:s, s:i, s:b}", "model", argv[0], "keep_alive", 0, "stream", 0);
    (void)argc;
    int code = client_ask("/api/generate", body, &answer);
    if (code == EXIT_DONE) note("%s leaves the server's memory when its last answer has ended", argv[0]);
    json_decref(answer);
    json_decref(body);
    return code;
}

const struct command cmd_stop = {
    .name = "stop", .group = GROUP_SERVE, .summary = "let a running server forget a model it has in memory", .args = "MODEL",
    .min_args = 1, .max_args = 1, .complete = COMPLETE_MODEL,
    .about = "Answers that are under way are finished first. The server is found as `hearth ps` finds it.",
    .examples = "hearth stop smollm2\n",
    .run = stop,
};
