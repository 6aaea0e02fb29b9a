/* address.c - classes of addresses, after the IANA special-purpose registries (RFC 6890). */
#include "hub/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

static const struct { uint32_t net; int bits; enum address_class is; } v4[] = {
    {0x00000000, 8, ADDRESS_NEVER},      /* 0/8: this network */
    {0x0a000000, 8, ADDRESS_PRIVATE},    /* 10/8 */
    {0x64400000, 10, ADDRESS_PRIVATE},   /* 100.64/10: carriers' NAT */
    {0x7f000000, 8, ADDRESS_LOOPBACK},   /* 127/8 */
    {0xa9fe0000, 16, ADDRESS_NEVER},     /* 169.254/16: link-local */
    {0xac100000, 12, ADDRESS_PRIVATE},   /* 172.16/12 */
    {0xc0000000, 24, ADDRESS_NEVER},     /* 192.0.0/24: protocol assignments */
    {0xc0000200, 24, ADDRESS_PRIVATE},    /* 192.0.2/24: documentation */
    {0xc0a80000, 16, ADDRESS_PRIVATE},   /* 192.168/16 */
    {0xc6120000, 15, ADDRESS_PRIVATE},    /* 198.18/15: benchmarks */
    {0xc6336400, 24, ADDRESS_PRIVATE},    /* 198.51.100/24: documentation */
    {0xcb007100, 24, ADDRESS_PRIVATE},    /* 203.0.113/24: documentation */
    {0xe0000000, 3, ADDRESS_NEVER},      /* 224/4 multicast, 240/4 reserved, broadcast */
};

static enum address_class class_v4(uint32_t a)
{
    for (size_t i = 0; i < sizeof v4 / sizeof *v4; i++)
        if ((a ^ v4[i].net) >> (32 - v4[i].bits) == 0) return v4[i].is;
    return ADDRESS_PUBLIC;
}

static uint32_t word(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static enum address_class class_v6(const uint8_t a[16])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff}, nat64[12] = {0, 0x64, 0xff, 0x9b}, zero[12];
    if (!memcmp(a, mapped, 12) || !memcmp(a, nat64, 12)) return class_v4(word(a + 12));
    if (!memcmp(a, zero, 12)) {
        uint32_t low = word(a + 12);
        return low == 1 ? ADDRESS_LOOPBACK : low == 0 ? ADDRESS_NEVER : class_v4(low);
    }
    if (a[0] == 0x20 && a[1] == 0x02) return class_v4(word(a + 2));         /* 6to4 */
    if ((a[0] & 0xfe) == 0xfc) return ADDRESS_PRIVATE;
    if (a[0] == 0xfe && (a[1] & 0xc0) == 0xc0) return ADDRESS_PRIVATE;      /* site-local, once */
    if ((a[0] & 0xe0) != 0x20) return ADDRESS_NEVER;                        /* only 2000::/3 is global unicast */
    if (word(a) == 0x20010db8) return ADDRESS_PRIVATE;                      /* documentation */
    if (word(a) == 0x20010000) return ADDRESS_NEVER;                        /* Teredo */
    return ADDRESS_PUBLIC;
}

enum address_class address_class_of(const struct sockaddr *a)
{
    struct sockaddr_in in4;
    struct sockaddr_in6 in6;
    switch (a->sa_family) {
    case AF_INET:
        memcpy(&in4, a, sizeof in4);
        return class_v4(ntohl(in4.sin_addr.s_addr));
    case AF_INET6:
        memcpy(&in6, a, sizeof in6);
        return class_v6(in6.sin6_addr.s6_addr);
    default: return ADDRESS_NEVER;
    }
}

int address_class_of_host(const char *host)
{
    char plain[64];
    struct in_addr a4;
    struct in6_addr a6;
    size_t n = strlen(host);
    if (n == 0 || n >= sizeof plain) return -1;
    if (host[0] == '[' && host[n - 1] == ']') {
        memcpy(plain, host + 1, n - 2);
        plain[n - 2] = '\0';
        plain[strcspn(plain, "%")] = '\0';                                  /* a zone says nothing of the class */
        return inet_pton(AF_INET6, plain, &a6) == 1 ? (int)class_v6(a6.s6_addr) : ADDRESS_NEVER;
    }
    if (!strcasecmp(host, "localhost") || !strcasecmp(host, "localhost.")) return ADDRESS_LOOPBACK;
    if (n > 10 && !strcasecmp(host + n - 10, ".localhost")) return ADDRESS_LOOPBACK;
    return inet_pton(AF_INET, host, &a4) == 1 ? (int)class_v4(ntohl(a4.s_addr)) : -1;
}

const char *address_class_name(enum address_class c)
{
    static const char *const name[] = {"a public", "a private", "this computer's own", "a link-local or reserved"};
    return name[c];
}
