/* names.c - what may be a model's name or a digest, and which name was meant. */
#include "hub/names.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static int is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

enum hearth_status name_canonical(const char *name, char out[NAME_MAX_BYTES + 1])
{
    size_t n = strlen(name);
    out[0] = '\0';
    if (n == 0 || n > NAME_MAX_BYTES)
        return fail(HEARTH_EUSAGE, "a model's name of %zu bytes; allowed are 1 to %d", n, NAME_MAX_BYTES);
    for (size_t i = 0; i <= n; i++) {
        char c = name[i];
        out[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    for (size_t i = 0; i < n; i++) {
        if (is_alnum(out[i]) || (i > 0 && strchr("._:-", out[i]))) continue;
        out[0] = '\0';
        return fail(HEARTH_EUSAGE, "\"%s\" is no model's name: allowed are letters, digits and . _ : - after the first",
                    name);
    }
    static const char latest[] = ":latest";
    if (n > sizeof latest - 1 && !strcmp(out + n - (sizeof latest - 1), latest)) out[n - (sizeof latest - 1)] = '\0';
    return HEARTH_OK;
}

enum hearth_status name_from_file(const char *path, char out[NAME_MAX_BYTES + 1])
{
    const char *slash = strrchr(path, '/'), *p = slash ? slash + 1 : path;
    size_t n = strlen(p), used = 0;
    if (n > 5 && !strcmp(p + n - 5, ".gguf")) n -= 5;
    for (size_t i = 0; i < n && used < NAME_MAX_BYTES; i++) {
        char c = p[i];
        if (c >= 'A' && c <= 'Z') c = (char)(c - 'A' + 'a');
        if (!is_alnum(c) && c != '.') c = '-';
        if (!is_alnum(c) && (used == 0 || out[used - 1] == c)) continue;
        out[used++] = c;
    }
    while (used && !is_alnum(out[used - 1])) used--;
    out[used] = '\0';
    if (used) return HEARTH_OK;
    return fail(HEARTH_EUSAGE, "%s: no name can be made from this file's name; say one with --name", path);
}

int name_is_digest(const char *s)
{
    return strspn(s, "0123456789abcdef") == 64 && s[64] == '\0';
}

/* ---- near matches ---- */

/* Letters to insert, remove, change or swap (Damerau, optimal string alignment); words of at most 128 bytes. */
static int distance(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b);
    int row[3][NAME_MAX_BYTES + 1];
    if (n > NAME_MAX_BYTES || m > NAME_MAX_BYTES) return NAME_MAX_BYTES;
    for (size_t j = 0; j <= m; j++) row[0][j] = (int)j;
    for (size_t i = 1; i <= n; i++) {
        int *now = row[i % 3], *up = row[(i + 2) % 3], *up2 = row[(i + 1) % 3];
        now[0] = (int)i;
        for (size_t j = 1; j <= m; j++) {
            int d = up[j - 1] + (a[i - 1] != b[j - 1]);
            if (up[j] + 1 < d) d = up[j] + 1;
            if (now[j - 1] + 1 < d) d = now[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && up2[j - 2] + 1 < d) d = up2[j - 2] + 1;
            now[j] = d;
        }
    }
    return row[n % 3][m];
}

void name_near_add(struct name_near *near, const char *candidate)
{
    size_t n = strlen(near->word), m = strlen(candidate), shorter = n < m ? n : m;
    int d = distance(near->word, candidate), inside = shorter >= 3 && (strstr(candidate, near->word) || strstr(near->word, candidate));
    if (m > NAME_MAX_BYTES || (!inside && d > (int)(n + 2) / 3)) return;
    int at = near->n;
    while (at > 0 && near->distance[at - 1] > d) at--;
    for (int i = 0; i < near->n; i++)
        if (!strcmp(near->best[i], candidate)) return;
    if (at == 3) return;
    if (near->n < 3) near->n++;
    for (int i = near->n - 1; i > at; i--) {
        near->distance[i] = near->distance[i - 1];
        memcpy(near->best[i], near->best[i - 1], sizeof near->best[i]);
    }
    near->distance[at] = d;
    memcpy(near->best[at], candidate, m + 1);
}

const char *name_near_text(const struct name_near *near, char out[512])
{
    static const char *const gap[] = {"; did you mean ", ", ", " or "};
    size_t used = 0;
    out[0] = '\0';
    for (int i = 0; i < near->n; i++)
        used += (size_t)snprintf(out + used, 512 - used, "%s%s", gap[i == 0 ? 0 : i == near->n - 1 ? 2 : 1], near->best[i]);
    if (near->n) snprintf(out + used, 512 - used, "?");
    return out;
}

void name_now(char out[24])
{
    time_t t = time(NULL);
    struct tm tm;
    gmtime_r(&t, &tm);
    strftime(out, 24, "%Y-%m-%dT%H:%M:%SZ", &tm);
}
