/* page.c - routes. */
#include "serve/http.h"

const struct route page_routes[] = {{0}};
