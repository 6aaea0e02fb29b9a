/* resources.h - the files that a model is made of, with their digests: what Model Signing calls its resources. */
#ifndef HEARTH_ACCOUNT_RESOURCES_H
#define HEARTH_ACCOUNT_RESOURCES_H

#include "account/signature.h"

struct resource { char *name; /* "sub/a.bin", UTF-8; "." for a model that is one file */ char digest[65]; uint64_t size; };
struct resources { struct resource *item; size_t n, cap; uint64_t bytes; };

/* Lists every file below a folder, or the one file, in the specification's order: by folders, then by name.  ignored: paths
 * below the folder that are left out with all below them.  EFORMAT names a link, a device, a name that is not UTF-8. */
enum hearth_status resources_list(const char *model, const char *const *ignored, size_t n, struct resources *out);
/* Reads every byte of them. */
enum hearth_status resources_hash(const char *model, struct resources *r, signature_progress *progress, void *user);
void resources_free(struct resources *r);

/* "sub/a" comes before "sub.b": names are compared folder by folder. */
int resource_order(const char *a, const char *b);

#endif
