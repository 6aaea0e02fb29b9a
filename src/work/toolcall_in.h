/* toolcall_in.h - what the files of toolcall share: the families as a table, and the tools of a request. */
#ifndef HEARTH_WORK_TOOLCALL_IN_H
#define HEARTH_WORK_TOOLCALL_IN_H

#include "work/toolcall.h"

/* A tag that opens a stretch of calls, and the one that closes it ("": the end of the calls does). */
struct mark {
    const char *open, *close;
    int first;                       /* 1: only where the answer begins */
    int named;                       /* 1: the call may also be  name[ARGS]{...} */
};

enum { MARKS = 4, MARK_MAX = 16 };   /* of a family; bytes of one */

struct family {
    const char *name;
    struct mark mark[MARKS];         /* as read; an open of NULL ends them */
    /* as written: open (before {"name": "...", "key": {...}} after) between ... close */
    const char *key, *open, *before, *after, *between, *close;
    const char *const *control;      /* toolcall_marks */
};
const struct family *toolcall_family(enum toolcall_format f);

/* EUSAGE names the place in tools that is not {"type": "function", "function": {"name": ...}}. */
enum hearth_status tools_check(const json_t *tools);
const json_t *tools_function(const json_t *tools, size_t i);   /* {"name", "description", "parameters"} */
const char *tools_name(const json_t *tools, size_t i);
int tools_has(const json_t *tools, const char *name);

#endif
