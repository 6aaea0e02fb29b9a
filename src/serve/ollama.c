/* ollama.c - routes. */
#include "serve/http.h"

const struct route ollama_routes[] = {{0}};
