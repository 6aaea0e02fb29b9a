/* address.h - which addresses a download may go to.  A page fetched from the public network must not be able to make this
 * computer ask its own network for something (server-side request forgery; bad-input row 19). */
#ifndef HEARTH_HUB_ADDRESS_H
#define HEARTH_HUB_ADDRESS_H

#include <sys/socket.h>

enum address_class {
    ADDRESS_PUBLIC,
    ADDRESS_PRIVATE,      /* RFC 1918, RFC 4193 (fc00::/7), RFC 6598 (100.64/10), fec0::/10; those kept for documentation
                             and benchmarks, which gateways hand out inside a house */
    ADDRESS_LOOPBACK,     /* 127/8, ::1 */
    ADDRESS_NEVER         /* link-local (169.254/16: where clouds keep secrets), multicast, unspecified, reserved */
};
/* IPv6 forms that carry an IPv4 address (mapped, compatible, NAT64, 6to4) count as that address. */
enum address_class address_class_of(const struct sockaddr *a);
/* The same for a host as it stands in a URL, when it is an address ("127.0.0.1", "[::1]") or "localhost";
 * -1 when it is a name that must be looked up. */
int address_class_of_host(const char *host);
/* With its article: "a private". */
const char *address_class_name(enum address_class c);

#endif
