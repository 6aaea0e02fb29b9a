/* pypi.h - finding the wheel of one version of a package, by the simple repository API: PEP 691 (JSON) or, from servers
 * that only have it, PEP 503 (HTML). */
#ifndef HEARTH_HUB_PYPI_H
#define HEARTH_HUB_PYPI_H

#include "hub/fetch.h"
#include "hub/pip.h"

struct pypi_file { char *url; char sha256[65]; /* "" when the index says none */ };

/* The wheels of that version, those for every machine first.  Indexes are asked in order; the first that has the version
 * counts, and f trusts its host from then on.  ENOTFOUND: none has it. */
enum hearth_status pypi_find(struct fetch *f, const struct pip *pip, const char *package, const char *version,
                             struct pypi_file **out, size_t *n);
void pypi_files_free(struct pypi_file *files, size_t n);

/* The same from one page; for tests and pypi_find.  *n 0: the page has no wheel of that version. */
enum hearth_status pypi_read_json(const char *text, size_t len, const char *base, const char *package, const char *version,
                                  struct pypi_file **out, size_t *n);
enum hearth_status pypi_read_html(const char *text, size_t len, const char *base, const char *package, const char *version,
                                  struct pypi_file **out, size_t *n);
/* The name of a package as PEP 503 writes it: lower case, runs of - _ . as one -.  Allocated. */
char *pypi_normal_name(const char *package, size_t n);

#endif
