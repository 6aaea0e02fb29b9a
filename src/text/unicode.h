/* unicode.h - classes of characters that tokenizers ask for. */
#ifndef HEARTH_TEXT_UNICODE_H
#define HEARTH_TEXT_UNICODE_H

#include <stdint.h>

int unicode_space(uint32_t cp);        /* White_Space */
/* As the `tokenizers` package counts them, by a newer Unicode than other libraries (unicode_new.h). */
int unicode_numeric(uint32_t cp);      /* Nd, Nl, No */
int unicode_word(uint32_t cp);         /* Alphabetic, Mark, Nd, Pc, Join_Control */
/* The same by an older Unicode (unicode_old.h). */
int unicode_mark(uint32_t cp);         /* Mn, Mc, Me */
int unicode_nonspacing(uint32_t cp);   /* Mn */
int unicode_punctuation(uint32_t cp);  /* P, and all signs of ASCII */
int unicode_other(uint32_t cp);        /* Cc, Cf, Co */
int unicode_unknown(uint32_t cp);      /* has a decomposition or a combining class now, and had none then */
int unicode_chinese(uint32_t cp);      /* the blocks of Han characters that it puts spaces around */

#endif
