/* arch.c - the list of families. */
#include "model/arch.h"

#include <string.h>

extern const struct arch arch_llama, arch_qwen2, arch_qwen3, arch_smollm3, arch_phi3, arch_gemma, arch_gemma2, arch_gemma3, arch_granite,
    arch_granitemoe, arch_openelm, arch_bert, arch_gemma_embedding;

static const struct arch *const families[] = { /* a new family: its file and one word here */
    &arch_llama, &arch_qwen2, &arch_qwen3, &arch_smollm3, &arch_phi3, &arch_gemma, &arch_gemma2, &arch_gemma3, &arch_granite,
    &arch_granitemoe, &arch_openelm, &arch_bert, &arch_gemma_embedding,
};
enum { FAMILIES = sizeof families / sizeof *families };

const struct arch *arch_at(size_t i) { return i < FAMILIES ? families[i] : NULL; }

const struct arch *arch_find(const char *name, size_t n)
{
    for (size_t i = 0; i < FAMILIES; i++)
        if (strlen(families[i]->name) == n && memcmp(families[i]->name, name, n) == 0) return families[i];
    return NULL;
}

const char *hearth_family(size_t i, const char **summary)
{
    const struct arch *a = arch_at(i);
    if (a && summary) *summary = a->summary;
    return a ? a->name : NULL;
}
