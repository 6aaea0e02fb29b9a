/* openai.c - routes. */
#include "serve/http.h"

const struct route openai_routes[] = {{0}};
