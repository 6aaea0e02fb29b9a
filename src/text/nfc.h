/* nfc.h - Unicode normalisation forms (UAX 15), for the tokenizers that ask for them. */
#ifndef HEARTH_TEXT_NFC_H
#define HEARTH_TEXT_NFC_H

#include "text/aligned.h"

enum normal_form { FORM_NFC, FORM_NFD, FORM_NFKC, FORM_NFKD };

/* 1: the text is certainly in form C already (no character from U+0300 on, where composing begins). */
int nfc_certain(const char *s, size_t n);
/* Appends form C; malformed bytes stay as they are.  Linear in n.  On failure out is cut back. */
enum hearth_status nfc_append(const char *s, size_t n, struct buf *out);
/* The same for each form, with the places; in and out differ. */
enum hearth_status normal_form(enum normal_form form, const struct aligned *in, struct aligned *out);

#endif
