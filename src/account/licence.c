/* licence.c - the licences that models come under, by the names that the SPDX list and Hugging Face give them.
 *
 * The table holds those that both know, or that Hugging Face alone knows (a model maker's own terms: they are no standard
 * licences, so SPDX has only a reference for them).  A licence that is not here is not guessed at. */
#include "account/licence.h"

#include <string.h>
#include <strings.h>

static const struct { const char *tag, *spdx; } licences[] = {
    {"afl-3.0", "AFL-3.0"}, {"agpl-3.0", "AGPL-3.0"}, {"apache-2.0", "Apache-2.0"}, {"artistic-2.0", "Artistic-2.0"},
    {"bsd-2-clause", "BSD-2-Clause"}, {"bsd-3-clause", "BSD-3-Clause"}, {"bsd-3-clause-clear", "BSD-3-Clause-Clear"},
    {"bsl-1.0", "BSL-1.0"}, {"cc-by-2.0", "CC-BY-2.0"}, {"cc-by-2.5", "CC-BY-2.5"}, {"cc-by-3.0", "CC-BY-3.0"},
    {"cc-by-4.0", "CC-BY-4.0"}, {"cc-by-nc-2.0", "CC-BY-NC-2.0"}, {"cc-by-nc-3.0", "CC-BY-NC-3.0"},
    {"cc-by-nc-4.0", "CC-BY-NC-4.0"}, {"cc-by-nc-nd-3.0", "CC-BY-NC-ND-3.0"}, {"cc-by-nc-nd-4.0", "CC-BY-NC-ND-4.0"},
    {"cc-by-nc-sa-2.0", "CC-BY-NC-SA-2.0"}, {"cc-by-nc-sa-3.0", "CC-BY-NC-SA-3.0"}, {"cc-by-nc-sa-4.0", "CC-BY-NC-SA-4.0"},
    {"cc-by-nd-4.0", "CC-BY-ND-4.0"}, {"cc-by-sa-3.0", "CC-BY-SA-3.0"}, {"cc-by-sa-4.0", "CC-BY-SA-4.0"},
    {"cc0-1.0", "CC0-1.0"}, {"cdla-permissive-1.0", "CDLA-Permissive-1.0"}, {"cdla-permissive-2.0", "CDLA-Permissive-2.0"},
    {"cdla-sharing-1.0", "CDLA-Sharing-1.0"}, {"ecl-2.0", "ECL-2.0"}, {"epl-1.0", "EPL-1.0"}, {"epl-2.0", "EPL-2.0"},
    {"eupl-1.1", "EUPL-1.1"}, {"eupl-1.2", "EUPL-1.2"}, {"gpl-2.0", "GPL-2.0"}, {"gpl-3.0", "GPL-3.0"}, {"isc", "ISC"},
    {"lgpl-2.1", "LGPL-2.1"}, {"lgpl-3.0", "LGPL-3.0"}, {"lppl-1.3c", "LPPL-1.3c"}, {"mit", "MIT"}, {"mpl-2.0", "MPL-2.0"},
    {"ms-pl", "MS-PL"}, {"ncsa", "NCSA"}, {"odbl", "ODbL-1.0"}, {"odc-by", "ODC-By-1.0"}, {"ofl-1.1", "OFL-1.1"},
    {"osl-3.0", "OSL-3.0"}, {"pddl", "PDDL-1.0"}, {"postgresql", "PostgreSQL"}, {"unlicense", "Unlicense"}, {"wtfpl", "WTFPL"},
    {"zlib", "Zlib"},
    {"apple-amlr", NULL}, {"bigcode-openrail-m", NULL}, {"bigscience-bloom-rail-1.0", NULL}, {"bigscience-openrail-m", NULL},
    {"creativeml-openrail-m", NULL}, {"gemma", NULL}, {"llama2", NULL}, {"llama3", NULL}, {"llama3.1", NULL},
    {"llama3.2", NULL}, {"llama3.3", NULL}, {"llama4", NULL}, {"open-mdw", NULL}, {"openrail", NULL}, {"openrail++", NULL},
};
enum { LICENCES = sizeof licences / sizeof *licences };

static int is_word(const char *word, size_t n, const char *name)
{
    return name && strlen(name) == n && strncasecmp(word, name, n) == 0;
}

/* Its place in the table by either name, or -1. */
static int find(const char *word, size_t n)
{
    for (int i = 0; i < LICENCES; i++)
        if (is_word(word, n, licences[i].tag) || is_word(word, n, licences[i].spdx)) return i;
    return -1;
}

const char *licence_tag(const char *text)
{
    int i = find(text, strlen(text));
    return i < 0 ? NULL : licences[i].tag;
}

/* "LicenseRef-" and what an identifier may hold: letters, digits, '-' and '.'. */
static enum hearth_status reference(const char *text, struct buf *to)
{
    size_t begun;
    TRY(buf_puts(to, "LicenseRef-"));
    begun = to->len;
    for (const char *p = text; *p && to->len - begun < 100; p++) {
        int fits = (*p >= '0' && *p <= '9') || ((*p | 32) >= 'a' && (*p | 32) <= 'z') || *p == '.';
        if (fits) TRY(buf_putc(to, *p));
        else if (to->len > begun && to->data[to->len - 1] != '-') TRY(buf_putc(to, '-'));
    }
    while (to->len > begun && to->data[to->len - 1] == '-') to->data[--to->len] = '\0';
    return to->len == begun ? buf_puts(to, "unnamed") : HEARTH_OK;
}

enum hearth_status licence_expression(const char *text, struct buf *to, int *listed)
{
    static const char *const operators[] = {"AND", "OR", "WITH"};
    size_t begun = to->len;
    int operand = 0, depth = 0;                          /* operand: an identifier came last */
    *listed = 1;
    for (const char *p = text; *p && *listed;) {
        size_t n = strcspn(p, " ()");
        if (n == 0) {
            if (*p == '(') *listed = !operand, depth++;
            if (*p == ')') *listed = operand && depth-- > 0;
            TRY(buf_putc(to, *p++));
            continue;
        }
        int joins = -1, i = find(p, n);
        for (int k = 0; k < 3; k++) if (is_word(p, n, operators[k])) joins = k;
        *listed = joins >= 0 ? operand : !operand && i >= 0 && licences[i].spdx;
        if (*listed) TRY(buf_puts(to, joins >= 0 ? operators[joins] : licences[i].spdx));
        operand = joins < 0;
        p += n;
    }
    if (*listed && operand && depth == 0) return HEARTH_OK;
    *listed = 0;
    to->len = begun;
    if (to->data) to->data[begun] = '\0';
    return reference(text, to);
}
