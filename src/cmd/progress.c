/* progress.c - how far a long job is: one line on standard error, drawn again at most ten times a second, and only
 * when standard error is a terminal.
 *
 *     smollm2  [##########----------]  52 %  51.2 MB of 98.4 MB  6.1 MB/s  8 s left
 */
#include <string.h>
#include "base/clock.h"
#include "cmd/command.h"

void progress_start(struct progress *p, const char *what, uint64_t total, uint64_t first)
{
    *p = (struct progress){.what = what, .total = total, .first = first, .started = clock_seconds(),
                           .shown = term_is(stderr)};
}

void progress_items(struct progress *p, const char *what, uint64_t total)
{
    progress_start(p, what, total, 0);
    p->items = 1;
}

static const char *amount(const struct progress *p, uint64_t n, char out[24])
{
    if (!p->items) return show_bytes(n, out);
    snprintf(out, 24, "%llu", (unsigned long long)n);
    return out;
}

static void draw(const struct progress *p, uint64_t done, double elapsed)
{
    enum { BAR = 20 };
    char bar[BAR + 1], line[256], a[24], b[24], c[24], d[24];
    uint64_t arrived = done > p->first ? done - p->first : 0;
    double rate = elapsed > 0.5 ? (double)arrived / elapsed : 0;
    double share = p->total ? (double)done / (double)p->total : 0;
    if (share > 1) share = 1;
    memset(bar, '-', BAR);
    memset(bar, '#', (size_t)(share * BAR));
    bar[BAR] = 0;
    int n = p->total ? snprintf(line, sizeof line, "%s  [%s] %3.0f %%  %s of %s", p->what, bar, 100 * share,
                                amount(p, done, a), amount(p, p->total, b))
                     : snprintf(line, sizeof line, "%s  %s", p->what, amount(p, done, a));
    if (rate > 0 && n > 0 && (size_t)n < sizeof line) {
        if (!p->items) n += snprintf(line + n, sizeof line - (size_t)n, "  %s/s", show_bytes((uint64_t)rate, c));
        if (p->total > done && (size_t)n < sizeof line)
            snprintf(line + n, sizeof line - (size_t)n, "  %s left",
                     show_seconds((double)(p->total - done) / rate, d));
    }
    size_t width = (size_t)term_width(stderr) - 1;
    fputs("\r", stderr);
    term_write(stderr, line, strlen(line) < width ? strlen(line) : width);
    fputs("\x1b[K", stderr);                           /* wipe the rest of the line */
    fflush(stderr);
}

void progress_step(struct progress *p, uint64_t done)
{
    double now = clock_seconds();
    if (!p->shown || (now - p->drawn < 0.1 && done != p->total)) return;
    p->drawn = now;
    draw(p, done, now - p->started);
}

void progress_end(struct progress *p)
{
    if (!p->shown || p->drawn == 0) return;
    fputs("\r\x1b[K", stderr);
    fflush(stderr);
    p->drawn = 0;
}

int progress_watched(void *progress_watch, uint64_t done, uint64_t total)
{
    struct progress_watch *w = progress_watch;
    w->bar.total = total;
    progress_step(&w->bar, done);
    return *w->interrupted;
}
