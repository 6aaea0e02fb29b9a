/* licence.h - what a file says its licence is, as the papers write it.
 *
 *     GGUF, Hugging Face    apache-2.0        gemma                 apache-2.0 or my own words
 *     SPDX                  Apache-2.0        LicenseRef-gemma      LicenseRef-my-own-words
 */
#ifndef HEARTH_ACCOUNT_LICENCE_H
#define HEARTH_ACCOUNT_LICENCE_H

#include "base/mem.h"

/* Appends an SPDX licence expression: identifiers in their own spelling, joined by AND, OR, WITH and parentheses as the text
 * has them.  *listed is 1 when each of them is on the SPDX list; else the whole text becomes one LicenseRef. */
enum hearth_status licence_expression(const char *text, struct buf *to, int *listed);
/* The same text as Hugging Face's front matter spells it, or NULL: then it is "other" there, with a name. */
const char *licence_tag(const char *text);

#endif
