/* peer_routes.h - what a server gives to other hearths: GET /hearth/models/NAME, GET /hearth/blobs/sha256:<64 hex>. */
#ifndef HEARTH_SERVE_PEER_ROUTES_H
#define HEARTH_SERVE_PEER_ROUTES_H

#include "serve/http.h"

void peer_model(struct exchange *x);
void peer_blob(struct exchange *x);

#endif
