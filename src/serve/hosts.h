/* hosts.h - the words of a Host and an Origin header, taken apart.  Strangers wrote them. */
#ifndef HEARTH_SERVE_HOSTS_H
#define HEARTH_SERVE_HOSTS_H

struct host_name { char name[256]; int port; };   /* lower case, without brackets and a trailing dot; port -1: none said */

/* "LocalHost.:11434", "[::1]:80", "10.0.0.7".  0: it is none. */
int host_parse(const char *text, struct host_name *out);
/* "http://localhost:11434"; https: which of the two.  A port that is not said is the scheme's.  0: "null", another scheme, a path ... */
int origin_parse(const char *text, int *https, struct host_name *out);
/* An address of the loopback network, localhost, or a name below it. */
int host_is_loopback(const char *name);
/* Both are the same address, or the same name. */
int host_same(const char *a, const char *b);

#endif
