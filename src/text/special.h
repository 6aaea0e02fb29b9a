/* special.h - finding the tokens that stand in a text under their own names: "<|im_end|>", runs of newlines, "<h1>". */
#ifndef HEARTH_TEXT_SPECIAL_H
#define HEARTH_TEXT_SPECIAL_H

#include "text/vocab.h"

enum { SPECIAL_MAX = 1024 /* bytes of one such token: bounds the work at each place of a text */ };

struct special {
    uint32_t nodes;
    uint32_t *child;             /* [nodes + 1] a node's children are child[k] .. child[k + 1] - 1, in the order of their bytes */
    uint8_t *byte;               /* [nodes] the byte that leads to a node from its parent */
    int32_t *id;                 /* [nodes] the token that ends at a node; -1: none */
    uint8_t *user;               /* [nodes] 1: the token is user-defined and splits every text */
    uint32_t first[256];         /* the node after this first byte; 0: no token begins so */
    int any_user;
};

/* Over the tokens of type unknown, control and user-defined. */
enum hearth_status special_init(struct special *s, const struct vocab *v);
/* Over a list of names, which may be any bytes and may be empty; of equal ones the smallest id stands.  The list is sorted. */
struct special_name { const char *s; size_t n; int32_t id; int user; };
enum hearth_status special_init_names(struct special *s, const char *path, struct special_name *name, size_t n);
void special_free(struct special *s);

struct special_match { size_t at, n; int32_t id; };
/* The first place at or after `from` where a token stands, and the longest token there.  all = 0: user-defined tokens
 * only.  Returns 0 when there is none. */
int special_find(const struct special *s, const char *text, size_t n, size_t from, int all, struct special_match *out);

/* The node below `node` by its byte; 0: none.  Nodes begin at 0, the root. */
uint32_t special_step(const struct special *s, uint32_t node, uint8_t byte);

#endif
