/* adapter.c - fuzz target: an adapter for a small model.
 *
 *     byte 0 even   the rest is a GGUF file
 *     byte 0 odd    adapter_config.json, a zero byte, labels.json (empty: there is none), a zero byte, adapter_model.safetensors
 *
 * Asserted: what is refused has a message; what is taken has ranks in their range and finite numbers. */
#include <math.h>
#include <string.h>
#include "folder.h"
#include "hearth.h"
#include "model/adapter.h"
#include "model/model.h"
#include "model_maker.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct hearth_model *model;

static void close_model(void) { hearth_model_close(model); }

static void open_model(void)
{
    struct model_spec spec = {0};
    char words[] = "layers=1 width=16 heads=2 kv_heads=1 ffn=32 vocab=260 seed=3";
    const char *path = fuzz_path("model.gguf");
    if (model_spec_words(&spec, words) || model_make(path, &spec)) abort();
    if (hearth_model_open(path, &(struct hearth_model_params){.threads = 1}, &model)) abort();
    atexit(close_model);
}

static void check(const struct hearth_adapter *a)
{
    struct hearth_adapter_info info;
    hearth_adapter_describe(a, &info);
    if (info.rank > ADAPTER_RANK_MOST || (!info.rank && !info.classes) || !(info.alpha > 0) || !isfinite((double)info.alpha)) abort();
    for (uint32_t i = 0; i < info.classes; i++)
        if (!info.labels[i]) abort();
    for (size_t i = 0; i < ADAPTER_SLOTS; i++)
        if (a->part[i].rank && !isfinite((double)a->part[i].scale)) abort();
}

static const uint8_t *until_zero(const uint8_t *p, const uint8_t *end)
{
    const uint8_t *z = p < end ? memchr(p, 0, (size_t)(end - p)) : NULL;
    return z ? z : end;
}

static const char *folder_of(const uint8_t *p, const uint8_t *end)
{
    const uint8_t *zero = until_zero(p, end);
    fuzz_put("adapter_config.json", p, (size_t)(zero - p));
    p = zero < end ? zero + 1 : end;
    zero = until_zero(p, end);
    if (zero > p) fuzz_put("labels.json", p, (size_t)(zero - p));
    else unlink(fuzz_path("labels.json"));
    p = zero < end ? zero + 1 : end;
    fuzz_put("adapter_model.safetensors", p, (size_t)(end - p));
    return fuzz_home;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hearth_adapter *a = NULL;
    if (!size) return 0;
    if (!model) open_model();
    const char *path = data[0] & 1 ? folder_of(data + 1, data + size) : fuzz_put("a.gguf", data + 1, size - 1);
    if (adapter_open(model, path, &a) == HEARTH_OK) check(a);
    else if (!*hearth_errmsg()) abort();
    adapter_close(a);
    return 0;
}
