/* words.c - amounts, times and places as people write them. */
#include "base/words.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* A decimal number; NaN for hexadecimal, which strtod would read, and for what is none. */
static double amount(const char *text, char **end)
{
    int other = !isdigit((unsigned char)text[0]) || (text[0] == '0' && tolower((unsigned char)text[1]) == 'x');
    double v = strtod(text, end);
    return other ? NAN : v;
}

int words_bytes(const char *text, uint64_t *out)
{
    static const char unit[] = "kmgt";
    char *end;
    double v = amount(text, &end), scale = 1;
    const char *u = *end ? strchr(unit, tolower((unsigned char)*end)) : NULL;
    if (u) {
        for (const char *k = unit; k <= u; k++) scale *= 1024;
        end++;
        if (strcasecmp(end, "ib") == 0) end += 2;
    }
    if (strcasecmp(end, "b") == 0) end++;
    if (*end || !isfinite(v) || v * scale >= 9e18) return 0;
    *out = (uint64_t)(v * scale);
    return 1;
}

int words_duration(const char *text, double *seconds)
{
    static const struct { const char *name; double seconds; } unit[] = {{"ms", 1e-3}, {"s", 1}, {"m", 60}, {"h", 3600}};
    double sum = 0;
    int negative = text[0] == '-', bare = 0, pieces = 0;
    for (text += negative; *text; pieces++) {
        char *end;
        size_t k = 0;
        double v = amount(text, &end);
        if (!isfinite(v) || bare) return 0;
        for (; k < 4 && strncmp(end, unit[k].name, strlen(unit[k].name)) != 0; k++) continue;
        if (k == 4 && *end) return 0;
        bare = k == 4;
        sum += v * (k < 4 ? unit[k].seconds : 1);
        text = end + (k < 4 ? strlen(unit[k].name) : 0);
    }
    if (!pieces || sum > 1e9) return 0;
    *seconds = negative ? -sum : sum;
    return 1;
}

static int read_port(const char *text, int *port)
{
    size_t n = strlen(text);
    if (n == 0 || n > 5 || strspn(text, "0123456789") != n || atoi(text) > 65535) return 0;
    *port = atoi(text);
    return 1;
}

int words_host(const char *text, char *host, size_t max, int *port)
{
    char copy[256], *at = copy, *end;
    if (strncasecmp(text, "http://", 7) == 0) text += 7;
    else if (strncasecmp(text, "https://", 8) == 0) text += 8;
    size_t n = strcspn(text, "/");
    if (n == 0 || n >= sizeof copy || (text[n] && text[n + 1])) return 0;
    memcpy(copy, text, n);
    copy[n] = 0;
    if (copy[0] == '[') {
        at = copy + 1;
        if (!(end = strchr(at, ']'))) return 0;
        *end++ = 0;
        if (*end && (*end != ':' || !read_port(end + 1, port))) return 0;
    } else if ((end = strchr(copy, ':')) && !strchr(end + 1, ':')) {       /* two colons: an IPv6 address without brackets */
        *end = 0;
        if (!read_port(end + 1, port)) return 0;
    }
    if (strlen(at) >= max) return 0;
    if (*at) strcpy(host, at);
    return 1;
}

/* Where a path that begins at p has its last name, or p when none begins there.  Folders may have blanks in their names, so it goes on
 * to what ends a path in our sentences. */
static const char *last_name(const char *p)
{
    static const char *const routes[] = {"/v1/", "/api/", "/hearth/"};
    const char *last = p;
    if (p[0] != '/' || p[1] == '/') return p;
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) if (strncmp(p, routes[i], strlen(routes[i])) == 0) return p;
    for (const char *at = p + 1; *at && !strchr("\");,\n", *at) && !(*at == ':' && (at[1] == ' ' || at[1] == '/')); at++) if (*at == '/') last = at;
    return last > p ? last + 1 : p;
}

void words_without_folders(const char *text, char *out, size_t max)
{
    size_t n = 0;
    for (const char *p = text; *p && n + 1 < max; p++) {
        if (p == text || strchr(" (\"'=\n", p[-1])) p = last_name(p);
        if (!*p) break;
        out[n++] = *p;
    }
    if (max) out[n] = 0;
}
