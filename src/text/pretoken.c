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

#include <stdio.h>
#include <string.h>
#include "text/regex.h"

#define SPACE REGEX_SPACE
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

enum hearth_status pretoken_open(const struct pretoken_rule *rule, int jit, struct regex **out) {
    char what[120];
    snprintf(what, sizeof what, "pre-tokeniser %s", rule->names);
    return regex_open(what, rule->pattern, strlen(rule->pattern), REGEX_OURS | REGEX_ANCHORED | (jit ? 0 : REGEX_NO_JIT), out);
}

enum hearth_status pretoken_next(const struct regex *p, struct regex_match *m, const char *s, size_t n, size_t at, size_t *len) {
    size_t from, to;
    int found;
    TRY(regex_find(p, m, s, n, at, &from, &to, &found));
    if (!found || to == at) return fail(HEARTH_EINTERNAL, "the pre-tokeniser's pattern finds no word at byte %zu of %zu", at, n);
    *len = to - at;
    return HEARTH_OK;
}
