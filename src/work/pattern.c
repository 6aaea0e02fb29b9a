/* pattern.c - see pattern.h. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "work/pattern.h"

#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { MOST_STEPS = 10000000, MOST_DEPTH = 10000, MOST_BYTES = 65536 };

struct pattern { pcre2_code *code; pcre2_match_context *limits; char what[256]; };

enum hearth_status pattern_open(const char *what, const char *text, int flags, struct pattern **out)
{
    struct pattern *p = mem_array(1, sizeof *p);
    PCRE2_SIZE at = 0;
    PCRE2_UCHAR8 said[200];
    int mistake = 0;
    *out = NULL;
    if (!p) return HEARTH_ENOMEM;
    snprintf(p->what, sizeof p->what, "%s", what);
    if (strlen(text) <= MOST_BYTES)
        p->code = pcre2_compile((PCRE2_SPTR)text, strlen(text),
                                PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C | (flags & PATTERN_CASELESS ? PCRE2_CASELESS : 0), &mistake, &at, NULL);
    p->limits = pcre2_match_context_create(NULL);
    if (p->code && p->limits) {
        pcre2_set_match_limit(p->limits, MOST_STEPS);
        pcre2_set_depth_limit(p->limits, MOST_DEPTH);
        *out = p;
        return HEARTH_OK;
    }
    enum hearth_status st;
    if (p->code || (mistake == 0 && strlen(text) <= MOST_BYTES)) st = fail_memory(1);
    else if (mistake == 0) st = fail(HEARTH_ELIMIT, "%s: a regular expression of %zu bytes, %d are allowed", what, strlen(text), MOST_BYTES);
    else {
        pcre2_get_error_message(mistake, said, sizeof said);
        st = fail(HEARTH_EFORMAT, "%s: the regular expression \"%.100s\" has a mistake at character %zu: %s", what, text, at, (char *)said);
    }
    pattern_close(p);
    return st;
}

void pattern_close(struct pattern *p)
{
    if (!p) return;
    pcre2_code_free(p->code);
    pcre2_match_context_free(p->limits);
    free(p);
}

enum hearth_status pattern_find(const struct pattern *p, const char *s, size_t n, size_t at, struct pattern_match *out)
{
    uint32_t groups = 0;
    *out = (struct pattern_match){ 0 };
    pcre2_match_data *d = pcre2_match_data_create_from_pattern(p->code, NULL);
    if (!d) return fail_memory(1);
    pcre2_pattern_info(p->code, PCRE2_INFO_CAPTURECOUNT, &groups);
    int got = pcre2_match(p->code, (PCRE2_SPTR)s, n, at, PCRE2_NO_UTF_CHECK, d, p->limits);
    out->found = got > 0;
    out->groups = groups;
    const PCRE2_SIZE *place = pcre2_get_ovector_pointer(d);
    for (int i = 0; i < PATTERN_GROUPS && got > 0; i++) {
        int there = i < got && place[2 * i] != PCRE2_UNSET;
        out->from[i] = there ? place[2 * i] : 1, out->to[i] = there ? place[2 * i + 1] : 0;
    }
    pcre2_match_data_free(d);
    if (got >= PCRE2_ERROR_NOMATCH) return HEARTH_OK;
    return fail(got == PCRE2_ERROR_NOMEMORY ? HEARTH_ENOMEM : HEARTH_ELIMIT, "%s: the regular expression takes too long with a text of %zu bytes",
                p->what, n);
}
