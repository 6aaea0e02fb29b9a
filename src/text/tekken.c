/* tekken.c - see tekken.h.
 *
 *     id   0 .. special - 1            special tokens; those without a name are <SPECIAL_n>
 *          special .. size - 1         vocab[id - special].token_bytes; the file has more than are used
 */
#include "text/tekken.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/base64.h"

enum { SPECIALS_MAX = 1 << 16 };

/* Of files that do not list them. */
static const char *const usual[] = { "<unk>", "<s>", "</s>", "[INST]", "[/INST]", "[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]", "[TOOL_RESULTS]",
                                     "[/TOOL_RESULTS]", "[TOOL_CALLS]", "[IMG]", "<pad>", "[IMG_BREAK]", "[IMG_END]", "[PREFIX]", "[MIDDLE]",
                                     "[SUFFIX]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]", "[TOOL_CONTENT]" };

int tekken_is(const json_t *root) {
    return json_object_get(json_object_get(root, "config"), "pattern") && json_is_array(json_object_get(root, "vocab"));
}

static enum hearth_status put(struct pipeline *p, struct vocab_entry *entry, int64_t id, const char *s, size_t n, int special) {
    char *copy = arena_strndup(&p->arena, s, n);
    if (!copy) return HEARTH_ENOMEM;
    p->text[id] = entry[id].bytes = (struct gguf_string){ copy, n };
    entry[id].type = special ? TOKEN_CONTROL : TOKEN_NORMAL;
    entry[id].known = !special;
    p->added[id] = special ? 128 | ADDED_SPECIAL : 0;
    return HEARTH_OK;
}

static enum hearth_status read_specials(struct pipeline *p, struct vocab_entry *entry, const struct part *root, int64_t specials) {
    struct part list = part_member(root, "special_tokens");
    size_t n = 0;
    if (list.v) TRY(part_array(&list, (size_t)specials, &n));
    for (size_t i = 0; i < n; i++) {
        struct part one = part_element(&list, i);
        const char *s = NULL;
        size_t len = 0;
        int64_t id = (int64_t)i;
        TRY(part_string(&one, "token_str", &s, &len));
        TRY(part_int(&one, "rank", 0, specials - 1, &id));
        if (!s || len == 0 || len > SPECIAL_MAX) return part_fail(&one, HEARTH_EFORMAT, "token_str: %zu bytes, allowed: 1 to %d", len, SPECIAL_MAX);
        TRY(put(p, entry, id, s, len, 1));
    }
    for (int64_t i = 0; i < specials; i++) {
        char name[40];
        if (p->text[i].n) continue;
        snprintf(name, sizeof name, "<SPECIAL_%lld>", (long long)i);
        const char *s = !list.v && i < (int64_t)(sizeof usual / sizeof *usual) ? usual[i] : name;
        TRY(put(p, entry, i, s, strlen(s), 1));
    }
    return HEARTH_OK;
}

static enum hearth_status read_tokens(struct pipeline *p, struct vocab_entry *entry, const struct part *list, int64_t specials, int64_t size) {
    struct buf bytes = { 0 };
    enum hearth_status st = HEARTH_OK;
    for (int64_t i = 0; i < size - specials && st == HEARTH_OK; i++) {
        struct part one = part_element(list, (size_t)i);
        const char *s = "";
        size_t n = 0;
        int64_t rank = -1;
        char what[400];
        bytes.len = 0;
        TRY_GOTO(st, done, part_string(&one, "token_bytes", &s, &n));
        TRY_GOTO(st, done, part_int(&one, "rank", i, i, &rank));
        snprintf(what, sizeof what, "%.200s: %.150s", one.file, one.where);
        TRY_GOTO(st, done, base64_append(what, s, n, &bytes));
        if (bytes.len == 0 || bytes.len > VOCAB_TOKEN_MAX || (i < 256 && (bytes.len != 1 || (unsigned char)*bytes.data != i)))
            st = part_fail(&one, HEARTH_EFORMAT, "token_bytes: %zu bytes, allowed: 1 to %d, and of the first 256 each byte in order", bytes.len,
                           VOCAB_TOKEN_MAX);
        if (st == HEARTH_OK) st = put(p, entry, specials + i, bytes.data, bytes.len, 0);
    }
done:
    buf_free(&bytes);
    return st;
}

static enum hearth_status make_splitter(struct pipeline *p, const struct part *config) {
    struct part part = part_member(config, "pattern");
    json_t *v = json_pack("{s:s,s:{s:O},s:s}", "type", "Split", "pattern", "Regex", part.v, "behavior", "Isolated");
    if (!v) return fail_memory(64);
    part.v = v;
    enum hearth_status st = splitter_init(&p->splitter, &part);
    json_decref(v);
    return st;
}

static enum hearth_status make_trie(struct pipeline *p, const char *path, int64_t specials) {
    struct special_name *name = mem_array((size_t)specials + 1, sizeof *name);
    if (!name) return HEARTH_ENOMEM;
    for (int64_t i = 0; i < specials; i++) name[i] = (struct special_name){ p->text[i].s, (size_t)p->text[i].n, (int32_t)i, 0 };
    enum hearth_status st = special_init_names(&p->raw, path, name, (size_t)specials);
    if (st == HEARTH_OK) st = special_init_names(&p->normal, path, name, 0);
    free(name);
    return st;
}

enum hearth_status tekken_init(struct pipeline *p, const struct part *root, struct vocab *v) {
    struct part config = part_member(root, "config"), list = part_member(root, "vocab");
    int64_t size = -1, specials = -1;
    size_t n;
    TRY(part_int(&config, "default_vocab_size", 257, VOCAB_SIZE_MAX, &size));
    TRY(part_int(&config, "default_num_special_tokens", 3, SPECIALS_MAX, &specials));
    TRY(part_array(&list, VOCAB_SIZE_MAX, &n));
    if (size < 0 || specials < 0) return part_fail(&config, HEARTH_EFORMAT, "default_vocab_size or default_num_special_tokens is missing");
    if (size - specials < 256 || (uint64_t)(size - specials) > n)
        return part_fail(&list, HEARTH_EFORMAT, "%zu tokens for a vocabulary of %lld with %lld special ones, allowed: at least 256 and enough", n,
                         (long long)size, (long long)specials);
    p->text = arena_alloc(&p->arena, (size_t)size * sizeof *p->text);
    p->added = arena_alloc(&p->arena, (size_t)size);
    struct vocab_entry *entry = mem_array((size_t)size, sizeof *entry);
    enum hearth_status st = p->text && p->added && entry ? HEARTH_OK : HEARTH_ENOMEM;
    if (st == HEARTH_OK) st = read_specials(p, entry, root, specials);
    if (st == HEARTH_OK) st = read_tokens(p, entry, &list, specials, size);
    if (st == HEARTH_OK) st = vocab_init_list(v, root->file, p->text, entry, (int32_t)size, 0);
    free(entry);
    if (st == HEARTH_OK) st = make_splitter(p, &config);
    if (st == HEARTH_OK) st = make_trie(p, root->file, specials);
    p->model = (struct wordmodel){ .kind = MODEL_RANKS, .unknown = -1 };
    p->before[0] = 1; /* <s> */
    p->n_before = 1;
    return st;
}
