/* page.h - the page in the browser, for whoever answers "/": Ollama's clients fetch it too and want "Ollama is running". */
#ifndef HEARTH_SERVE_PAGE_H
#define HEARTH_SERVE_PAGE_H

#include "serve/http.h"

/* 1: a browser asks, its Accept names text/html. */
int page_wanted(const struct exchange *x);
/* Answers with the page. */
void page_reply(struct exchange *x);

#endif
