/* cyclonedx.h - a model's bill of materials as CycloneDX 1.6 JSON: an ML-BOM (ECMA-424, cyclonedx.org/capabilities/mlbom).
 *
 *     metadata.component      the model: machine-learning-model, hashes, licences, modelCard, pedigree.ancestors
 *     components[]            data sets that its file names
 *     dependencies[]          model -> data
 *
 * What is not known is left out where CycloneDX has no word for it, and named as a property "hearth:gap:...". */
#ifndef HEARTH_ACCOUNT_CYCLONEDX_H
#define HEARTH_ACCOUNT_CYCLONEDX_H

#include <jansson.h>
#include "account/facts.h"

/* The document, to be given back with json_decref.  The same facts give the same document. */
enum hearth_status cyclonedx_make(struct facts *f, json_t **out);

#endif
