/* key.c - `hearth key`: who may use the server from elsewhere. */
#include <inttypes.h>
#include <jansson.h>
#include <string.h>
#include "account/keys.h"
#include "base/mem.h"
#include "cmd/command.h"
#include "hub/names.h"
#include "serve/keys.h"

static struct opt_list models;
static int requests, store, want_json;
static uint64_t tokens;

static const struct opt options[] = {
    {"models", 0, OPT_LIST, "MODEL", "add: it may use this model only, and others given so (default: all)", &models, 0, 0, 0, 0},
    {"store", 0, OPT_FLAG, 0, "add: it may also fetch, make, copy and remove models, for everybody", &store, 0, 0, 0, 0},
    {"requests-per-minute", 0, OPT_INT, "N", "add: requests in any 60 seconds (default: no limit)", &requests, 1, KEY_REQUESTS_MAX, 0, 0},
    {"tokens-per-day", 0, OPT_U64, "N", "add: tokens of questions and answers a day, which begins at midnight UTC (default: no limit)", &tokens, 0, 0, 0, 0},
    {"json", 0, OPT_FLAG, 0, "list: print a JSON array", &want_json, 0, 0, 0, 0},
    {0},
};

/* The models as words of one line. */
static enum hearth_status model_words(struct buf *line)
{
    char one[NAME_MAX_BYTES + 1], word[NAME_MAX_BYTES + 2];
    TRY(buf_puts(line, ""));
    for (size_t i = 0; i < models.n; i++)
        for (const char *p = models.item[i]; *(p += strspn(p, " ,"));) {
            size_t k = strcspn(p, " ,");
            snprintf(word, sizeof word, "%.*s", (int)k, p);
            TRY(name_canonical(word, one));
            TRY(buf_printf(line, "%s%s", line->len ? " " : "", one));
            p += k;
        }
    return HEARTH_OK;
}

static int add(const char *name)
{
    struct key like = {.requests_per_minute = (unsigned)requests, .tokens_per_day = tokens, .store = store};
    struct buf words = {0};
    char secret[64];
    if (strlen(name) > KEY_NAME_MAX) return usage("the name of a key has at most %d bytes, not %zu", KEY_NAME_MAX, strlen(name));
    strcpy(like.name, name);
    enum hearth_status st = model_words(&words);
    like.models = words.data;
    if (st == HEARTH_OK) st = keyring_add(&like, secret);
    buf_free(&words);
    if (st != HEARTH_OK) return report(st);
    puts(secret);
    keys_wipe(secret, sizeof secret);
    note("this is the key of %s, shown this once: only its SHA-256 is kept", name);
    return EXIT_DONE;
}

static int print_json(const struct keyring *k)
{
    json_t *list = json_array();
    for (size_t i = 0; i < k->n; i++) {
        const struct key *key = &k->key[i];
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:b, s:i, s:I, s:b}", "name", key->name, "created", key->created, "models", key->models, "store", key->store,
                                              "requests_per_minute", (int)key->requests_per_minute, "tokens_per_day",
                                              (json_int_t)key->tokens_per_day, "revoked", key->revoked));
    }
    return json_print(list);
}

static void limit_cell(struct table *t, uint64_t n)
{
    if (n) table_cell(t, "%" PRIu64, n);
    else table_cell(t, "-");
}

static int list(void)
{
    struct keyring k;
    struct table t = {.columns = 5, .right = "00011"};
    enum hearth_status st = keyring_read(&k);
    int code = EXIT_DONE;
    if (st != HEARTH_OK) return report(st);
    if (want_json) code = print_json(&k);
    else {
        static const char *const head[] = {"NAME", "CREATED", "MODELS", "REQUESTS/MINUTE", "TOKENS/DAY"};
        for (size_t i = 0; i < 5; i++) table_cell(&t, "%s", head[i]);
        for (size_t i = 0; i < k.n; i++) {
            table_cell(&t, "%s%s", k.key[i].name, k.key[i].revoked ? " (revoked)" : "");
            table_cell(&t, "%s", k.key[i].created);
            table_cell(&t, "%s", *k.key[i].models ? k.key[i].models : "all");
            limit_cell(&t, k.key[i].requests_per_minute);
            limit_cell(&t, k.key[i].tokens_per_day);
        }
        if (!k.n) note("there are no keys; `hearth key add NAME` makes one");
        table_print(&t, stdout);
    }
    keyring_free(&k);
    return code;
}

static int run(int argc, char **argv)
{
    int limits = models.n || store || requests || tokens;
    const char *verb = argv[0], *name = argc > 1 ? argv[1] : NULL;
    if (limits && strcmp(verb, "add") != 0) return usage("--models, --store, --requests-per-minute and --tokens-per-day belong to `hearth key add`");
    if (strcmp(verb, "list") == 0) return name ? usage("key list takes no name") : list();
    if (strcmp(verb, "add") != 0 && strcmp(verb, "revoke") != 0) return usage("key takes add, list or revoke, not \"%s\"", verb);
    if (!name) return usage("key %s needs a name: hearth key %s NAME", verb, verb);
    if (strcmp(verb, "add") == 0) return add(name);
    enum hearth_status st = keyring_revoke(name);
    if (st == HEARTH_OK) note("%s is revoked: a server that runs refuses it from the next request on", name);
    return report(st);
}

const struct command cmd_key = {
    .name = "key", .group = GROUP_SERVE, .summary = "make, list and revoke the keys of `hearth serve`", .args = "add NAME | list | revoke NAME",
    .min_args = 1, .max_args = 2,
    .about = "A key is printed once, when it is made; kept is its SHA-256, with its limits, in keys.ini of the settings folder, readable "
             "by its owner only. A request shows it as \"Authorization: Bearer KEY\" or \"X-Api-Key: KEY\". Receipts name the key that "
             "was used, so a revoked key keeps its name.",
    .examples = "hearth key add anna\n"
                "hearth key add class-7b --models smollm2 --requests-per-minute 60 --tokens-per-day 200000\n"
                "hearth key revoke anna\n",
    .options = options, .run = run,
};
