/* pretoken.c - the pre-tokenisers by name, each one pattern.
 *
 * A model's merges were learned inside words cut by a pattern, so the same pattern must cut here.  GGUF says only its
 * name.  A new one is one line of the table below.  Where the original cuts in several passes (first the digits, then
 * the rest), the pattern here is the single one that gives the same words.
 *
 * White space, letters and numbers are those of Unicode: SPACE is the White_Space property written out, since PCRE2's
 * \s also has U+180E.  All patterns are linear: where an alternative fails after reading far, a later one takes what
 * was read.
 */
#include "text/pretoken.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

#define SPACE "\\t-\\r \\x{85}\\x{A0}\\x{1680}\\x{2000}-\\x{200A}\\x{2028}\\x{2029}\\x{202F}\\x{205F}\\x{3000}"
#define END_OF_SPACE "|[" SPACE "]+(?![^" SPACE "])|[" SPACE "]+"   /* all but the last, which begins the next word */
#define LINE_ENDS "|[" SPACE "]*[\\r\\n]+"
#define SHORT_FORMS "'(?:[sdmt]|ll|ve|re)"                          /* it's, we'll */
#define ANY_CASE_FORMS "(?i:" SHORT_FORMS ")"
#define WORD "|" BEFORE "\\p{L}+"
#define SIGNS "| ?[^" SPACE "\\p{L}\\p{N}]+"
#define UPPER "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]"
#define LOWER "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]"
#define BEFORE "[^\\r\\n\\p{L}\\p{N}]?"
#define CASED(forms) BEFORE UPPER "*" LOWER "+" forms "|" BEFORE UPPER "+" LOWER "*" forms
#define MARKS "\\p{P}$+<=>^~|"

static const struct pretoken_rule rules[] = {
    { "gpt-2 phi-2", SHORT_FORMS "| ?\\p{L}+| ?\\p{N}+" SIGNS END_OF_SPACE, 0 },
    /* the digits are cut out first, one by one; then as gpt-2 in what is between them */
    { "smollm starcoder refact",
      SHORT_FORMS "| ?\\p{L}+|\\p{N}" SIGNS "|[" SPACE "]+(?![^" SPACE "\\p{N}])|[" SPACE "]+", 0 },
    { "llama-bpe llama3 llama-v3",
      ANY_CASE_FORMS WORD "|\\p{N}{1,3}" SIGNS "[\\r\\n]*" LINE_ENDS END_OF_SPACE, PRE_WHOLE | PRE_BOS },
    { "qwen2", ANY_CASE_FORMS WORD "|\\p{N}" SIGNS "[\\r\\n]*" LINE_ENDS END_OF_SPACE, PRE_NFC },
    { "deepseek-r1-qwen", ANY_CASE_FORMS WORD "|\\p{N}" SIGNS "[\\r\\n]*" LINE_ENDS END_OF_SPACE, 0 },
    { "tekken", CASED("") "|\\p{N}" SIGNS "[\\r\\n/]*" LINE_ENDS END_OF_SPACE, PRE_WHOLE | PRE_BOS },
    { "gpt-4o llama4",
      CASED("(?:" ANY_CASE_FORMS ")?") "|\\p{N}{1,3}" SIGNS "[\\r\\n/]*" LINE_ENDS END_OF_SPACE, PRE_WHOLE },
    /* marks are cut out first; then as gpt-2; then numbers without their space; then ASCII digits by threes */
    { "default",
      "[" MARKS "]+| ?\\p{L}+| (?=\\p{N})|[0-9]{3}|(?:(?![0-9]{3})\\p{N})+| ?[^" SPACE "\\p{L}\\p{N}" MARKS "]+"
      "|[" SPACE "]+(?![^" SPACE MARKS "])|[" SPACE "]+", 0 },
};
enum { N_RULES = sizeof rules / sizeof *rules };

const struct pretoken_rule *pretoken_rule(const char *name, size_t n) {
    for (int i = 0; i < N_RULES; i++)
        for (const char *s = rules[i].names, *end; *s; s = end + (*end == ' ')) {
            end = s + strcspn(s, " ");
            if ((size_t)(end - s) == n && !memcmp(s, name, n)) return rules + i;
        }
    return NULL;
}

enum hearth_status pretoken_names(struct buf *out) {
    for (int i = 0; i < N_RULES; i++) TRY(buf_printf(out, "%s%s", i ? " " : "", rules[i].names));
    return HEARTH_OK;
}

/* ---- matching ---- */

struct pretoken { pcre2_code *code; int jit; };
struct pretoken_match { pcre2_match_data *data; pcre2_match_context *context; };

enum hearth_status pretoken_open(const struct pretoken_rule *rule, int jit, struct pretoken **out) {
    *out = NULL;
    struct pretoken *p = mem_array(1, sizeof *p);
    if (!p) return HEARTH_ENOMEM;
    int error;
    PCRE2_SIZE at;
    /* anchored here and not when matching, which would switch the compiled code off */
    p->code = pcre2_compile((PCRE2_SPTR)rule->pattern, PCRE2_ZERO_TERMINATED, PCRE2_UTF | PCRE2_UCP | PCRE2_ANCHORED |
                            PCRE2_NO_UTF_CHECK, &error, &at, NULL);
    if (!p->code) {
        free(p);
        PCRE2_UCHAR why[128];
        if (error == PCRE2_ERROR_NOMEMORY || error == PCRE2_ERROR_HEAP_FAILED)
            return fail_memory(strlen(rule->pattern));
        pcre2_get_error_message(error, why, sizeof why);
        return fail(HEARTH_EINTERNAL, "pre-tokeniser %s: %s at %zu of its pattern", rule->names, (char *)why, at);
    }
    p->jit = jit && pcre2_jit_compile(p->code, PCRE2_JIT_COMPLETE) == 0;
    *out = p;
    return HEARTH_OK;
}

void pretoken_close(struct pretoken *p) {
    if (!p) return;
    pcre2_code_free(p->code);
    free(p);
}

struct pretoken_match *pretoken_match_open(void) {
    struct pretoken_match *m = mem_array(1, sizeof *m);
    if (!m) return NULL;
    m->data = pcre2_match_data_create(1, NULL);
    m->context = pcre2_match_context_create(NULL);
    if (!m->data || !m->context) {
        pretoken_match_close(m);
        fail_memory(sizeof *m);
        return NULL;
    }
    /* the limits are against patterns that explode; ours are linear, and a text may be a gigabyte of spaces */
    pcre2_set_match_limit(m->context, UINT32_MAX);
    pcre2_set_depth_limit(m->context, UINT32_MAX);
    pcre2_set_heap_limit(m->context, UINT32_MAX);
    return m;
}

void pretoken_match_close(struct pretoken_match *m) {
    if (!m) return;
    pcre2_match_data_free(m->data);
    pcre2_match_context_free(m->context);
    free(m);
}

enum hearth_status pretoken_next(const struct pretoken *p, struct pretoken_match *m, const char *s, size_t n, size_t at,
                                 size_t *len) {
    int rc = p->jit ? pcre2_jit_match(p->code, (PCRE2_SPTR)s, n, at, PCRE2_NO_UTF_CHECK, m->data, m->context)
                    : pcre2_match(p->code, (PCRE2_SPTR)s, n, at, PCRE2_NO_UTF_CHECK, m->data, m->context);
    if (rc >= 0) {
        *len = pcre2_get_ovector_pointer(m->data)[1] - at;
        if (*len) return HEARTH_OK;
    }
    if (rc == PCRE2_ERROR_NOMEMORY || rc == PCRE2_ERROR_JIT_STACKLIMIT) return fail_memory(n);
    return fail(HEARTH_EINTERNAL, "the pre-tokeniser's pattern fails with %d at byte %zu of %zu", rc, at, n);
}
