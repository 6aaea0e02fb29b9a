/* receipt_maker.c - see receipt_maker.h. */
#include "receipt_maker.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "account/meter.h"
#include "base/mem.h"
#include "base/random.h"

enum { GROUP = 1000, START = 1767225600 /* 2026-01-01 */ };

static const char *hex(uint64_t i, uint32_t what, size_t digits, char out[65])
{
    for (uint32_t k = 0; k < 8; k += 4) {
        uint32_t word[4];
        philox4x32(i, (const uint32_t[4]){what, k, 0, 0}, word);
        for (uint32_t w = 0; w < 4; w++) snprintf(out + 8 * (k + w), 9, "%08x", word[w]);
    }
    out[digits] = 0;
    return out;
}

/* Of a name: the digest of a model or a tokenizer is the same in every receipt. */
static const char *digest(const char *name, char out[65])
{
    uint64_t sum = 0;
    for (const char *s = name; *s; s++) sum = sum * 131 + (unsigned char)*s;
    return hex(sum, 9, 64, out);
}

static void put(json_t *o, const char *field, const char *text)
{
    if (text) json_object_set_new(o, field, json_string(text));
}

char *receipt_make(uint64_t i, const struct made_receipt *wish, size_t *n)
{
    const char *model = wish->model ? wish->model : "smollm2";
    char time[24], id[65], sum[65], a[65], b[65], c[65], template[65], tokenizer[65];
    time_t at = (time_t)(wish->time ? wish->time : START);
    struct tm tm;
    struct footprint print = {.basis = "watts-assumed", .energy_uj = wish->energy_uj, .low_uj = wish->energy_uj / 2,
                              .high_uj = wish->energy_uj * 2, .cpu_us = 1000, .wall_us = 1000};
    strftime(time, sizeof time, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&at, &tm));
    json_t *o = json_pack(
        "{s:s, s:s, s:s, s:s, s:{s:s, s:s}, s:{s:s, s:s, s:s, s:s}, s:[], s:[], s:s, s:s}", "schema", "hearth-receipt/1", "kind", "answer", "id",
        hex(i, 1, 32, id), "time", time, "program", "version", "0.1.0", "commit", "test", "model", "name", model, "sha256", digest(model, sum),
        "checked", "cached", "architecture", "llama", "adapters", "parents", "template_sha256", digest("template", template),
        "tokenizer_sha256", digest("tokenizer", tokenizer));
    json_object_update_new(o, json_pack(
        "{s:{s:i, s:s, s:s, s:s, s:i, s:b}, s:{s:I, s:I}, s:{s:s, s:s, s:s}, s:s, s:b, s:{s:i, s:i, s:i}}", "arithmetic", "version", 1, "kind",
        "quant", "kv", "f16", "isa", "scalar", "threads", 1, "replayable", !wish->not_replayable, "tokens", "prompt",
        (json_int_t)(wish->prompt ? wish->prompt : 10), "answer", (json_int_t)(wish->answer ? wish->answer : 20), "commitments", "prompt",
        hex(i, 2, 64, a), "answer", hex(i, 3, 64, b), "options", hex(i, 4, 64, c), "finish", "stop", "constrained", 0, "timing", "load_us", 100,
        "prompt_us", 200, "answer_us", 300));
    if (wish->not_replayable) put(json_object_get(o, "arithmetic"), "reason", "--fast was given");
    json_object_set_new(o, "sampling", json_pack(
        "{s:s, s:i, s:s, s:s, s:s, s:s, s:s, s:i}", "temperature", "0x0p+0", "top_k", 0, "top_p", "0x1p+0", "min_p", "0x0p+0",
        "repeat_penalty", "0x1p+0", "presence_penalty", "0x0p+0", "frequency_penalty", "0x0p+0", "repeat_last", 64));
    put(o, "key", wish->key), put(o, "task", wish->task), put(o, "actor", wish->actor), put(o, "purpose", wish->purpose);
    if (wish->energy_uj) json_object_set_new(o, "footprint", footprint_json(&print));
    char *text = json_dumps(o, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(o);
    *n = text ? strlen(text) : 0;
    return text;
}

void receipt_vary(uint64_t i, struct made_receipt *out)
{
    static const char *const models[] = {"smollm2", "gemma-3-1b", "qwen3-0.6b"}, *const keys[] = {NULL, "class-7b", "library"},
                      *const tasks[] = {NULL, "summarise", "classify", "ask"};
    *out = (struct made_receipt){.model = models[i % 3], .key = keys[i / 3 % 3], .task = tasks[i / 9 % 4],
                                 .actor = i % 5 == 0 ? "pupil-12" : NULL, .purpose = i % 7 == 0 ? "homework" : NULL,
                                 .time = START + 60 * (int64_t)i, .prompt = 10 + i % 100, .answer = 1 + i % 200,
                                 .energy_uj = 100000 + i % 1000, .not_replayable = i % 50 == 49};
}

enum hearth_status receipts_append(struct ledger *l, uint64_t first, uint64_t n)
{
    struct ledger_bytes e[GROUP];
    enum hearth_status st = HEARTH_OK;
    for (uint64_t done = 0; done < n && st == HEARTH_OK; done += GROUP) {
        size_t count = n - done < GROUP ? (size_t)(n - done) : GROUP;
        for (size_t i = 0; i < count; i++) {
            struct made_receipt wish;
            receipt_vary(first + done + i, &wish);
            e[i].data = receipt_make(first + done + i, &wish, &e[i].n);
            if (!e[i].data) st = fail_memory(0);
        }
        if (st == HEARTH_OK) st = ledger_append(l, e, count, NULL);
        for (size_t i = 0; i < count; i++) free((void *)(uintptr_t)e[i].data);
    }
    return st;
}
