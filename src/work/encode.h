/* encode.h - examples as tokens, and which of them are to be learnt.
 *
 *     text                 [bos] t t t t t eos                       all are learnt; longer texts in windows
 *     prompt, completion   [bos] p p p c c c eos                     the completion and its end
 *     messages             user and assistant as the model's template writes them: what the assistant says, and its ends
 *     text, label          the label as a completion; or for a head [bos] t t t eos, of whose last the class is made
 *
 * A model with a chat template is taught in its own form, since it is asked in it: prompt and completion become a user's and an
 * assistant's message. */
#ifndef HEARTH_WORK_ENCODE_H
#define HEARTH_WORK_ENCODE_H

#include "work/dataset.h"

struct sequence {
    int32_t *ids;                    /* [n] */
    uint8_t *learn;                  /* [n]: 1: this token is to be predicted from those before */
    uint32_t n, learnt;              /* learnt: how many */
    uint32_t example;                /* of the data set */
    int rejected;                    /* of a preference: the worse answer; the better one stands before it */
};

struct encoded {
    struct sequence *list;           /* [n] */
    size_t n, cap;
    uint64_t tokens, learnt;
    size_t longer;                   /* examples with more tokens than `longest`: left out, or cut at the end */
    uint32_t longest;                /* tokens of the longest that is here */
};

enum encode_long { ENCODE_LEAVE_OUT, ENCODE_CUT };
struct encode_options {
    uint32_t longest;                /* tokens of one sequence */
    enum encode_long if_longer;
    int head;                        /* EXAMPLE_LABEL: for a head */
    int plain;                       /* no chat template, though the model has one */
};

/* EUNSUPPORTED: messages, and the model has no template. */
enum hearth_status encode_dataset(const struct hearth_model *m, const struct dataset *d, const struct encode_options *o, struct encoded *out);
enum hearth_status encode_example(const struct hearth_model *m, const struct example *e, const struct encode_options *o, struct encoded *out);
/* The tokens a head's text is, at most `longest`: *cut 1: they were more, and went before the end.  *ids is to be freed. */
enum hearth_status encode_for_head(const struct hearth_model *m, const char *text, uint32_t longest, int32_t **ids, size_t *n, int *cut);
void encoded_free(struct encoded *e);

#endif
