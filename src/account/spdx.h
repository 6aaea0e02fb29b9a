/* spdx.h - a model's bill of materials as SPDX 3.0.1 JSON-LD: the AI profile (spdx.github.io/spdx-spec/v3.0.1).
 *
 *     SpdxDocument ─rootElement─► software_Sbom ─rootElement─► ai_AIPackage ─contains─► software_File
 *                                                                 │ hasDeclaredLicense, hasConcludedLicense
 *                                                                 │ descendantOf  ─► the models it was made from
 *                                                                 `─trainedOn     ─► data, or NoAssertionElement
 *
 * What the file says of its licence is the declared one; what the catalogue says of these very bytes the concluded one.
 * What is not known is NoAssertion where SPDX has it, and in each case named in the package's comment. */
#ifndef HEARTH_ACCOUNT_SPDX_H
#define HEARTH_ACCOUNT_SPDX_H

#include <jansson.h>
#include "account/facts.h"

/* The document, to be given back with json_decref.  The same facts give the same document. */
enum hearth_status spdx_make(struct facts *f, json_t **out);

#endif
