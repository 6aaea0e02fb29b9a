/* hosts.c - Host and Origin, as RFC 9110, 7.2 and RFC 6454 write them. */
#include "serve/hosts.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static int port_parse(const char *text, int *port)
{
    size_t n = strlen(text);
    if (n == 0 || n > 5 || strspn(text, "0123456789") != n) return 0;
    *port = atoi(text);
    return *port <= 65535;
}

/* Letters, digits, '-', '_' and '.', no empty label. */
static int is_name(const char *s)
{
    size_t n = strlen(s);
    if (n == 0 || s[0] == '.' || s[n - 1] == '.' || strstr(s, "..")) return 0;
    return strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-_.") == n;
}

int host_parse(const char *text, struct host_name *out)
{
    struct in6_addr six;
    const char *end;
    int bracket = text[0] == '[';
    out->port = -1;
    if (bracket) end = strchr(++text, ']');
    else end = strchr(text, ':');
    if (!end && bracket) return 0;
    size_t n = end ? (size_t)(end - text) : strlen(text);
    if (n == 0 || n >= sizeof out->name) return 0;
    for (size_t i = 0; i < n; i++) out->name[i] = text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] + 32) : text[i];
    out->name[n] = 0;
    if (end && bracket) end++;
    if (end && *end == ':' && !port_parse(end + 1, &out->port)) return 0;
    if (end && *end && *end != ':') return 0;
    if (bracket) return inet_pton(AF_INET6, out->name, &six) == 1;
    if (n > 1 && out->name[n - 1] == '.') out->name[n - 1] = 0;
    return is_name(out->name);
}

int origin_parse(const char *text, int *https, struct host_name *out)
{
    if (strncasecmp(text, "http://", 7) == 0) *https = 0, text += 7;
    else if (strncasecmp(text, "https://", 8) == 0) *https = 1, text += 8;
    else return 0;
    if (!host_parse(text, out)) return 0;
    if (out->port < 0) out->port = *https ? 443 : 80;
    return 1;
}

/* An IPv4 address inside an IPv6 one is that IPv4 address. */
static int address(const char *name, struct in6_addr *out)
{
    struct in_addr four;
    if (inet_pton(AF_INET6, name, out) == 1) return 1;
    if (inet_pton(AF_INET, name, &four) != 1) return 0;
    memset(out, 0, sizeof *out);
    out->s6_addr[10] = out->s6_addr[11] = 0xff;
    memcpy(out->s6_addr + 12, &four, 4);
    return 1;
}

int host_is_loopback(const char *name)
{
    static const char below[] = ".localhost";
    struct in6_addr a;
    size_t n = strlen(name);
    if (strcmp(name, "localhost") == 0) return 1;
    if (n > sizeof below - 1 && strcmp(name + n - (sizeof below - 1), below) == 0) return 1;
    if (!address(name, &a)) return 0;
    return IN6_IS_ADDR_LOOPBACK(&a) || (IN6_IS_ADDR_V4MAPPED(&a) && a.s6_addr[12] == 127);
}

int host_same(const char *a, const char *b)
{
    struct in6_addr x, y;
    int is_a = address(a, &x), is_b = address(b, &y);
    if (is_a != is_b) return 0;
    return is_a ? memcmp(&x, &y, sizeof x) == 0 : strcasecmp(a, b) == 0;
}
