/* personal.h - personal data in a text: what has a form that can be recognised, and a check where its kind has one.
 *
 *     e-mail, IP address        a form
 *     phone                     +CC and 8 to 15 digits, (555) 123-4567, or digits behind a word such as "phone"
 *     IBAN, payment card        ISO 7064 mod 97-10 and its country's length; the card scheme's prefix, length and Luhn's digit
 *     national number           a check digit (PESEL, DNI, CPF, ...); without one a form that its country fixes (US, GB)
 *     name                      only where the text says that it is one: "Dr. Anna Weber", "my name is Anna"
 *
 * What has no form (an address, an illness, a name without a title) is not found: a count of zero says that nothing of these kinds was
 * seen, not that nothing is there. */
#ifndef HEARTH_WORK_PERSONAL_H
#define HEARTH_WORK_PERSONAL_H

#include "base/mem.h"

enum personal_kind {
    PERSONAL_EMAIL, PERSONAL_IBAN, PERSONAL_CARD, PERSONAL_NATIONAL, PERSONAL_IP, PERSONAL_PHONE, PERSONAL_NAME, PERSONAL_KINDS
};
const char *personal_name(enum personal_kind k);         /* "e-mail address", ... */
const char *personal_placeholder(enum personal_kind k);  /* "[e-mail]", ... : what stands in its place in a cleaned copy */

struct personal_hit {
    enum personal_kind kind;
    const char *what;                /* of PERSONAL_NATIONAL: "PESEL (PL)"; else personal_name */
    size_t from, to;                 /* bytes of the text */
};

struct personal;                     /* the patterns, compiled; one thread at a time */
enum hearth_status personal_open(struct personal **out);
void personal_close(struct personal *p);
/* In the order of the text, none overlapping another (the kind that stands first above wins).  s is UTF-8.  *hit belongs to p until the
 * next call. */
enum hearth_status personal_find(struct personal *p, const char *s, size_t n, const struct personal_hit **hit, size_t *hits);

/* Appends the found text so that it can be recognised by who knows it, and by nobody else: "a***@e******.**". */
enum hearth_status personal_mask(const char *s, const struct personal_hit *h, struct buf *out);
/* Appends s with each hit masked, or replaced by its placeholder. */
enum hearth_status personal_replace(const char *s, size_t n, const struct personal_hit *hit, size_t hits, int mask, struct buf *out);

/* personal_check.c; digits and letters as they stand in a text, separators and all. */
int personal_iban(const char *s, size_t n);
int personal_card(const char *s, size_t n);
const char *personal_national(const char *s, size_t n);  /* which number it is, or NULL */

#endif
