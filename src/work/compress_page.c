/* compress_page.c - the steps of a compression as a page. */
#include <math.h>
#include <stdlib.h>

#include "account/html.h"
#include "work/compress.h"

static void verdict(struct html *h, const struct compress_params *p, const char *out, const struct compress_result *r)
{
    html_cards_begin(h);
    if (r->best >= 0) {
        html_card(h, "of the bytes in F16", "%.1f %%", 100 * compress_share(r, (size_t)r->best));
        html_card(h, "of the score", "%.1f %%", 100 * compress_kept(r, (size_t)r->best));
        html_card(h, "bytes", "%.1f MB", (double)r->step[r->best].bytes / 1e6);
    }
    html_card(h, "score in F16", "%.4f", r->step[0].score);
    html_cards_end(h);
    if (r->best < 0) html_para(h, "warn", "No smaller file holds %.1f %% of the score, so nothing was kept.", 100 * p->keep);
    else if (compress_share(r, (size_t)r->best) > p->most)
        html_para(h, "warn", "%s holds %.1f %% of the score, but has %.1f %% of the bytes, where at most %.1f %% were wished for.", out,
                  100 * compress_kept(r, (size_t)r->best), 100 * compress_share(r, (size_t)r->best), 100 * p->most);
    else html_para(h, NULL, "%s is kept: it holds %.1f %% of the score.", out, 100 * p->keep);
}

enum hearth_status compress_page(const struct compress_params *p, const char *name, const char *out, const struct compress_result *r, char **text, size_t *n)
{
    static const char *const heads[] = { "step", "MB", "of F16", "score", "of the score", "95 %", "seconds", "", NULL };
    struct html h = { 0 };
    struct html_bar *bar = mem_array(r->n ? r->n : 1, sizeof *bar);
    if (!bar) return HEARTH_ENOMEM;
    html_begin(&h, "Compression", name);
    verdict(&h, p, out, r);
    html_para(&h, NULL, "The score is %s over %zu items; %s is better. A step holds when it has at least %.1f %% of the score of the first; once a file is small "
              "enough, a smaller one must do so by the lower end of its interval too. More items make intervals narrower.", r->metric, r->items,
              r->higher_is_better ? "more" : "less", 100 * p->keep);
    html_table(&h, "Steps", "01111110", heads);
    for (size_t i = 0; i < r->n; i++) {
        const struct compress_step *s = &r->step[i];
        html_cell(&h, 0, "%s", s->name);
        html_cell(&h, 0, "%.1f", (double)s->bytes / 1e6), html_cell(&h, 0, "%.1f %%", 100 * compress_share(r, i));
        html_cell(&h, 0, "%.4f", s->score), html_cell(&h, s->holds ? 0 : 0.4, "%.1f %%", 100 * compress_kept(r, i));
        if (isfinite(s->low)) html_cell(&h, 0, "%.1f to %.1f %%", 100 * s->low, 100 * s->high);
        else html_cell(&h, 0, "%s", "");
        html_cell(&h, 0, "%.0f", s->seconds);
        html_cell(&h, 0, "%s", i == 0 ? "where it began" : compress_verdict(r, i));
        bar[i] = (struct html_bar){ .label = s->name, .value = (double)s->bytes / 1e6, .quiet = (int)i != r->best };
    }
    html_table_end(&h);
    html_bars(&h, "Megabytes", bar, r->n);
    free(bar);
    return html_end(&h, text, n);
}
