/* nfc.h - Unicode normalisation form C (UAX 15), for the few tokenizers that ask for it. */
#ifndef HEARTH_TEXT_NFC_H
#define HEARTH_TEXT_NFC_H

#include "base/mem.h"

/* 1: the text is certainly normalised already (no character from U+0300 on, where composing begins). */
int nfc_certain(const char *s, size_t n);
/* Appends the normal form; malformed bytes stay as they are.  Linear in n.  On failure out is cut back. */
enum hearth_status nfc_append(const char *s, size_t n, struct buf *out);

#endif
