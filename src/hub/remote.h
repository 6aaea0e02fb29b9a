/* remote.h - models from the two registries that most people publish on, in their own protocols.
 *
 *     hf:OWNER/NAME[@REVISION][:FILE]
 *                              GET /api/models/OWNER/NAME/tree/main   files with their sizes and digests, in pages
 *                              GET /OWNER/NAME/resolve/main/FILE      the file, mostly by a redirect to another host
 *     ollama:NAME[:TAG]        GET /v2/library/NAME/manifests/TAG     layers by digest: model, adapter, template, system, params, license
 *                              GET /v2/library/NAME/blobs/sha256:..   a layer
 *
 * Both end in an entry like one of the catalogue, so what a pull promises holds for them: the digest is checked, a broken pull goes on where
 * it stopped.  The token (HF_TOKEN) is shown to the registry itself and to no host that it redirects to. */
#ifndef HEARTH_HUB_REMOTE_H
#define HEARTH_HUB_REMOTE_H

#include "hub/catalogue.h"
#include "hub/fetch.h"
#include "hub/names.h"

/* The registry's address: the variable's, else sources.ini's [section] endpoint, else `otherwise`; without a slash at the end.  free() it. */
enum hearth_status remote_endpoint(const char *variable, const char *section, const char *otherwise, char **out);
/* Opens the network for that address, with a token for it alone (may be NULL). */
enum hearth_status remote_open(const char *endpoint, const char *token, const struct hub_callbacks *c, struct fetch **out);
/* The file of a digest as a model of the store; label: whose it is.  files: the model is several (catalogue.h), and source their folder. */
struct remote_file {
    const char *name, *sha256, *source, *label, *licence, *licence_at, *token;
    uint64_t size;
    const struct catalogue_file *files;
    size_t n_files;
};
enum hearth_status remote_pull(const struct remote_file *f, const struct hub_callbacks *c, struct hub_model *out, int *fetched);
/* The file of a digest as a blob of the store without a name (licence and label are not looked at); *came: it was not there. */
enum hearth_status remote_pull_blob(const struct remote_file *f, const struct hub_callbacks *c, int *came);

/* hf.c */
enum hearth_status remote_pull_hf(const char *name, const struct hub_callbacks *c, struct hub_model *out, int *fetched);
/* ollama.c */
enum hearth_status remote_pull_ollama(const char *name, const struct hub_callbacks *c, struct hub_model *out, int *fetched);

#endif
