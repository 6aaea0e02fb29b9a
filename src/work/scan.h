/* scan.h - a look into examples before anything is learnt from them.
 *
 *     dataset_open ─► each example as what is asked and what is answered ─► doubles, near doubles, contradictions    near.h
 *                                                                        ─► personal data                            personal.h
 *                                                                        ─► language, odd characters, emptiness      language.h
 *                                                                        ─► lengths, with a model in its tokens
 *                                                                        ─► what looks planted                       planted.h
 *     ─► a card (HTML, Markdown), JSON, a cleaned copy with a list of what was left out and why
 *
 * The same file gives the same report, byte for byte.  Nothing of personal data is repeated in it: what is shown is masked. */
#ifndef HEARTH_WORK_SCAN_H
#define HEARTH_WORK_SCAN_H

#include <jansson.h>
#include "work/dataset.h"
#include "work/personal.h"

enum scan_why {                      /* bits: what was found at an example */
    SCAN_DUPLICATE = 1,              /* `of` says the same, word for word */
    SCAN_NEAR = 2,                   /* `of` says nearly the same */
    SCAN_CONTRADICTION = 4,          /* `of` asks the same and has another label */
    SCAN_EMPTY = 8,                  /* nothing but white space is asked or answered */
    SCAN_LONG = 16,                  /* more tokens than the model's context */
    SCAN_PLANTED = 32,
    SCAN_PERSONAL = 64,
    SCAN_ODD = 128,                  /* characters that nobody types: see enum scan_odd */
    SCAN_NEAR_CONTRADICTION = 256    /* `of` asks nearly the same and has another label */
};
enum { SCAN_WHYS = 9 };
const char *scan_why_word(int bit);  /* 0 ..: "duplicate", "near-duplicate", ... */

enum scan_odd {
    ODD_REPLACED,                    /* U+FFFD: a character was lost before */
    ODD_MOJIBAKE,                    /* "Ã©": UTF-8 was read as Latin-1 */
    ODD_CONTROL,
    ODD_INVISIBLE,                   /* of no width, of writing direction, tags: can hide a trigger */
    ODD_MIXED,                       /* one word of Latin and Cyrillic or Greek letters */
    ODDS
};
const char *scan_odd_name(enum scan_odd o);

struct scan_example {
    const struct example *e;
    const char *asked, *answered;    /* of a chat: what came before the last message, and that; "" where there is none */
    size_t asked_n, answered_n;
    uint32_t why, of;                /* of: index */
    uint32_t tokens;                 /* with a model */
    uint32_t personal;               /* how many pieces of personal data */
    float score;                     /* how planted it looks: planted.h */
    const char *reason;              /* and why; "" when it does not */
};

struct scan_count { const char *name; size_t n; };       /* examples, or pieces of text */
struct scan_spread { size_t least, median, most_of /* 95 of 100 are not above */, most; };

struct scan_options {
    struct dataset_options data;
    double near;                     /* shingles in common from which two texts are nearly the same; 0: 0.8 */
    struct hearth_model *model;      /* NULL: lengths are in characters only */
    struct hearth_model *embedder;   /* NULL: labels are held against words alone (planted.h); else there must be labels */
    int no_planted;
    int (*step)(void *user, const char *what, size_t done, size_t total); /* may be NULL; non-zero cancels */
    void *user;
};

struct scan {
    struct dataset *data;
    struct scan_example *at;         /* [n] */
    size_t n;
    size_t why[SCAN_WHYS];           /* examples with that bit */
    size_t odd[ODDS];
    size_t personal[PERSONAL_KINDS]; /* pieces */
    struct scan_count *national;     /* [nationals]: which national numbers */
    size_t nationals;
    struct scan_count *language;     /* [languages]: the most first; names are of language.h */
    size_t languages, doubtful;
    struct scan_count *licence;      /* [licences] the values of fields that are named so; "" counts those without */
    size_t licences;
    struct scan_count *label;        /* [labels] the most first */
    size_t labels;
    struct scan_spread asked, answered, tokens; /* characters; tokens with a model */
    uint32_t context;                /* the model's; 0: none was given */
    const char *model_name, *embedder; /* the embedder's name; NULL: none was given */
    double near;
    size_t left_out;                 /* of a cleaned copy */
    struct arena arena;
};

enum hearth_status scan_open(const char *path, const struct scan_options *o, struct scan **out);
void scan_close(struct scan *s);

/* ---- what is made of it ---- */

json_t *scan_json(const struct scan *s);                  /* NULL without memory */
enum hearth_status scan_html(const struct scan *s, char **text, size_t *n);
enum hearth_status scan_markdown(const struct scan *s, struct buf *out);

enum scan_personal { SCAN_MASK, SCAN_KEEP, SCAN_DROP };   /* what becomes of personal data in the copy: "[e-mail]", nothing, the example goes */
struct scan_clean {
    uint32_t drop;                   /* bits of enum scan_why whose examples go; 0: all but SCAN_PERSONAL, SCAN_ODD, SCAN_NEAR_CONTRADICTION */
    enum scan_personal personal;
};
/* JSON lines: kept examples to `kept`; file, line and reasons of the others to `left`.  Of contradicting ones all go. */
enum hearth_status scan_write_clean(struct scan *s, const struct scan_clean *c, struct buf *kept, struct buf *left);

/* s for people: at most `most` characters, personal data masked, line ends as spaces. */
enum hearth_status scan_excerpt(struct personal *p, const char *s, size_t n, size_t most, struct buf *out);

#endif
