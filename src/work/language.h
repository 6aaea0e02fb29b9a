/* language.h - which language a text is in, as far as its script and its commonest little words tell.
 *
 *     script     of most letters, by Unicode blocks: alone enough for Greek, Georgian, Thai, Korean, ...
 *     words      Latin, Cyrillic, Arabic and Devanagari scripts serve many languages: the share of words that are among
 *                some thirty little ones of each language decides; what is shared by several counts for each a part
 *
 * What it cannot tell: a text of fewer than three words; languages that it has no words of (they come out as unknown in Latin, Cyrillic or
 * Arabic script, or as a neighbour: Galician as Portuguese); two languages in one text (the greater part counts);
 * Mandarin from Cantonese; Hindi from Marathi and Nepali.  `doubtful` says where the second is near. */
#ifndef HEARTH_WORK_LANGUAGE_H
#define HEARTH_WORK_LANGUAGE_H

#include "base/mem.h"

struct languages;                    /* the words at hand; may be shared by threads */
enum hearth_status languages_open(struct languages **out);
void languages_close(struct languages *l);

struct language {
    const char *code;                /* ISO 639: "en", "sw"; "und": not known */
    const char *name;                /* "English"; of "und" what is known: "Latin script", "no words" */
    int doubtful;
};
void language_of(const struct languages *l, const char *s, size_t n, struct language *out);

/* language_words.c */
struct language_words { const char *code, *name, *script, *words /* between spaces */; };
extern const struct language_words language_words[];     /* ends with code NULL */

#endif
