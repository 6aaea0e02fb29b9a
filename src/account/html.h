/* html.h - reports: one HTML file that needs nothing else and can do nothing else.
 *
 * It has one style sheet, inline; pictures are inline SVG; no script, no font, no image, no link is fetched, and a
 * Content-Security-Policy in the page says so to the browser.  It reads well on paper (A4, colours kept, nothing cut in
 * two), on a light and on a dark screen, and for a screen reader (every picture has a title; every bar and cell its
 * figure in words).  Orange is "for" or "much", blue is "against": the pair that colour-blind eyes tell apart.
 *
 *     struct html h = {0};
 *     html_begin(&h, "Footprint", "1 to 30 November");
 *     html_heading(&h, 2, "By model");
 *     html_para(&h, NULL, "%s took %d answers.", name, n);            every %s is escaped
 *     html_table(&h, "By model", "01", heads);  html_cell(&h, 0, "%s", name);  html_cell(&h, 0, "%d", n);  html_table_end(&h);
 *     TRY(html_end(&h, &text, &length));
 *
 * Nothing here fails before html_end: the first failure (no memory) is kept, and what follows does nothing.
 * Text is UTF-8; malformed bytes and control characters become U+FFFD. */
#ifndef HEARTH_ACCOUNT_HTML_H
#define HEARTH_ACCOUNT_HTML_H

#include "base/mem.h"

struct html {                        /* zero-initialise */
    struct buf out;
    enum hearth_status st;
    const char *right;               /* of the open table: '1' for a column aligned to the right */
    size_t columns, column;
};

/* Head, style sheet, the title as <h1>, and below it one quiet line (may be NULL). */
void html_begin(struct html *h, const char *title, const char *about);
/* Closes the page and gives it away: *text is NUL-terminated, free() it.  ENOMEM when something did not fit. */
enum hearth_status html_end(struct html *h, char **text, size_t *n);
void html_free(struct html *h);      /* for a page that is not ended */

/* ---- text ---- */
void html_text(struct html *h, const char *s, size_t n);             /* escaped */
void html_markup(struct html *h, const char *markup);                /* as it is: literals of the caller only */
/* An escaped attribute value or text by format. */
void html_printf(struct html *h, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void html_heading(struct html *h, int level /* 2 or 3 */, const char *text);
/* kind: NULL plain; "quiet" small and grey; "note" in a box (what something means or does not mean); "warn" a box that
 * must be seen. */
void html_para(struct html *h, const char *kind, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* A row of cards, each a large figure over a small label: html_cards_begin, html_card ..., html_cards_end. */
void html_cards_begin(struct html *h);
void html_card(struct html *h, const char *label, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void html_cards_end(struct html *h);
/* A part that is folded until it is opened: for details that a reader can do without, since paper shows it folded. */
void html_fold_begin(struct html *h, const char *summary);
void html_fold_end(struct html *h);

/* ---- tables ---- */
/* heads: column titles, NULL-terminated; right: "011" aligns columns to the right (NULL: none).  Cells follow row by
 * row; a row ends by itself. */
void html_table(struct html *h, const char *caption /* may be NULL */, const char *right, const char *const *heads);
/* heat: -1 (blue) .. 0 (none) .. 1 (orange), the cell's background. */
void html_cell(struct html *h, double heat, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void html_table_end(struct html *h); /* fills up the last row */

/* ---- pictures ---- */

/* Words in a row, each on a background of its heat (-1 .. 1); `tip` is shown under the pointer, may be NULL. */
struct html_word { const char *text; size_t n; double heat; const char *tip; };
void html_strip(struct html *h, const char *title, const struct html_word *w, size_t n);

/* Horizontal bars from a common zero line, to both sides when a value is negative. */
struct html_bar {
    const char *label, *text;        /* text: the figure as it is written behind the bar; NULL: %.3g */
    double value, low, high;         /* low < high: an interval, drawn as a whisker */
    int quiet;                       /* 1: grey (a sum, a comparison) */
};
void html_bars(struct html *h, const char *title, const struct html_bar *b, size_t n);

/* A map of squares: value [rows][cols] on a scale of -scale .. scale (0: the largest there is). */
struct html_grid {
    const char *title, *row_name, *col_name;     /* "layer", "head" */
    size_t rows, cols;
    const double *value;             /* [rows][cols]; NaN: an empty square */
    double scale;
};
void html_grid(struct html *h, const struct html_grid *g);

/* Lines over common places on the x axis. */
struct html_line { const char *name; const double *y; /* [n]; NaN: a gap */ };
struct html_chart {
    const char *title, *x_name, *y_name;
    size_t n;
    const double *x;                 /* [n] ascending; NULL: 0, 1, 2 ... */
    const char *const *x_label;      /* [n], of which those that fit are written; NULL: the numbers */
    const struct html_line *line;
    size_t lines;                    /* at most 6 look different */
    int from_zero;                   /* 1: the y axis begins at 0 */
};
void html_chart(struct html *h, const struct html_chart *c);

#endif
