/* peer.h - what another hearth says of its models, and what pull.c and peer.c share.
 *
 *     GET /hearth/models/NAME                {"name", "sha256", "size", "architecture", "parameters", "kind", "licence", "modelfile", "files"}
 *     GET /hearth/blobs/sha256:<hex>         the file, in pieces where they are asked for
 *     GET /hearth/blobs/sha256:<hex>/FILE    of a model in several files, which "files" lists ({"name", "sha256", "size"}), one of them
 */
#ifndef HEARTH_HUB_PEER_H
#define HEARTH_HUB_PEER_H

#include "hub/catalogue.h"
#include "hub/recipe.h"

/* What is said of a model: the file it stands for, and, of a derived one, what it adds as a Modelfile. */
enum hearth_status peer_describe(const struct hub_model *m, const struct hub_recipe *r, json_t **out);


/* The catalogue's name for a file, or one made from its digest. */
enum hearth_status peer_name_for_file(const char *sha256, char out[NAME_MAX_BYTES + 1]);

#endif
