/* html.c - see html.h.  HTML as the living standard has it; SVG 1.1 shapes only, so that old browsers and printers draw
 * the same.  Coordinates are pixels of a picture 720 wide, which CSS scales down to the page. */
#include "account/html.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

enum { WIDE = 720, ROW = 20, SERIES = 6 };

static const char style[] =
    ":root{--page:#fff;--ink:#1d2024;--soft:#5c636d;--line:#d9dce1;--box:#f5f6f8;--for:214 96 24;--against:38 110 190;"
    "--s0:#c2571a;--s1:#2a6db8;--s2:#3c8a4b;--s3:#8a4fa3;--s4:#96761a;--s5:#555c66}\n"
    "@media screen and (prefers-color-scheme:dark){:root{--page:#16181b;--ink:#e6e8eb;--soft:#9aa2ad;--line:#363b42;"
    "--box:#1f2226;--for:224 112 44;--against:74 146 226;--s0:#e8824a;--s1:#69a7ee;--s2:#6fbf80;--s3:#c08ada;--s4:#cfae55;"
    "--s5:#a9b0ba}}\n"
    "*{box-sizing:border-box;-webkit-print-color-adjust:exact;print-color-adjust:exact}\n"
    "body{margin:0 auto;max-width:50rem;padding:2.2rem 1.2rem 3rem;background:var(--page);color:var(--ink);"
    "font:16px/1.55 system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans','DejaVu Sans',sans-serif}\n"
    "h1{font-size:1.8rem;line-height:1.2;margin:0 0 .3rem}h2{font-size:1.25rem;margin:2.4rem 0 .5rem;padding-top:.9rem;"
    "border-top:1px solid var(--line)}h3{font-size:1rem;margin:1.5rem 0 .3rem}p{margin:.5rem 0}\n"
    ".quiet,caption,figcaption,.card small{color:var(--soft);font-size:.86rem;line-height:1.45}\n"
    ".note,.warn{background:var(--box);border-left:4px solid var(--line);padding:.55rem .8rem;margin:.8rem 0;"
    "font-size:.92rem;border-radius:0 4px 4px 0}.warn{border-color:rgb(var(--for));font-weight:600}\n"
    ".cards{display:flex;flex-wrap:wrap;gap:.6rem;margin:.9rem 0}.card{flex:1 1 8rem;background:var(--box);"
    "border-radius:6px;padding:.55rem .8rem}.card b{display:block;font-size:1.3rem;font-weight:600;line-height:1.3;"
    "overflow-wrap:anywhere}.card small{display:block}\n"
    ".wide{overflow-x:auto}table{border-collapse:collapse;margin:.7rem 0;font-size:.9rem;font-variant-numeric:tabular-nums}"
    "caption{text-align:left;padding-bottom:.3rem}th{font-weight:600;text-align:left;vertical-align:bottom}"
    "th,td{padding:.22rem .6rem;border-bottom:1px solid var(--line)}td{vertical-align:top;overflow-wrap:anywhere}"
    ".r{text-align:right;white-space:nowrap}th.r{white-space:normal}\n"
    ".strip{white-space:pre-wrap;overflow-wrap:anywhere;line-height:1.9;margin:.6rem 0;padding:.6rem .8rem;"
    "border:1px solid var(--line);border-radius:6px}.strip span{border-radius:3px;padding:.12em 0}\n"
    ".for{background:rgb(var(--for)/calc(var(--h)*.72))}.against{background:rgb(var(--against)/calc(var(--h)*.72))}\n"
    "figure{margin:.7rem 0}svg{display:block;width:100%;height:auto;font:12px system-ui,'DejaVu Sans',sans-serif}"
    "svg text{fill:var(--ink)}svg .soft{fill:var(--soft)}svg .f{fill:rgb(var(--for))}svg .a{fill:rgb(var(--against))}"
    "svg .q{fill:var(--soft)}svg .axis{stroke:var(--line);fill:none}svg .whisker{stroke:var(--ink);fill:none}"
    "svg .curve{fill:none;stroke-width:2}\n"
    "details{margin:.8rem 0}summary{cursor:pointer;color:var(--soft)}pre{white-space:pre-wrap;overflow-wrap:anywhere}\n"
    "@page{size:A4;margin:16mm}@media print{body{max-width:none;padding:0;font-size:10.5pt}"
    "figure,tr,.card,.note,.warn{break-inside:avoid}h2,h3{break-after:avoid}.wide{overflow:visible}}\n";

/* ---- text ---- */

void html_markup(struct html *h, const char *markup)
{
    if (h->st == HEARTH_OK) h->st = buf_puts(&h->out, markup);
}

static void put(struct html *h, const char *s, size_t n)
{
    if (h->st == HEARTH_OK) h->st = buf_put(&h->out, s, n);
}

/* Markup with figures in it: never with text of others. */
static void tag(struct html *h, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void tag(struct html *h, const char *fmt, ...)
{
    va_list ap;
    if (h->st != HEARTH_OK) return;
    va_start(ap, fmt);
    h->st = buf_vprintf(&h->out, fmt, ap);
    va_end(ap);
}

void html_text(struct html *h, const char *s, size_t n)
{
    for (size_t i = 0; i < n;) {
        uint32_t c;
        int k = utf8_read(s + i, n - i, &c);
        if (c == '&') html_markup(h, "&amp;");
        else if (c == '<') html_markup(h, "&lt;");
        else if (c == '>') html_markup(h, "&gt;");
        else if (c == '"') html_markup(h, "&quot;");
        else if (c == '\'') html_markup(h, "&#39;");
        /* Controls have no place in HTML, and those that turn the direction of writing could make a report show what it
         * does not say. */
        else if (k < 0 || (c < 32 && c != '\n' && c != '\t') || (c >= 127 && c < 160) || (c >= 0x202a && c <= 0x202e) ||
                 (c >= 0x2066 && c <= 0x2069) || (c & 0xfffe) == 0xfffe)
            html_markup(h, "\xef\xbf\xbd");
        else put(h, s + i, (size_t)k);
        i += k < 1 ? 1 : (size_t)k;
    }
}

static void vtext(struct html *h, const char *fmt, va_list ap)
{
    struct buf b = { 0 };
    if (h->st == HEARTH_OK && (h->st = buf_vprintf(&b, fmt, ap)) == HEARTH_OK && b.data) html_text(h, b.data, b.len);
    buf_free(&b);
}

void html_printf(struct html *h, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vtext(h, fmt, ap);
    va_end(ap);
}

void html_heading(struct html *h, int level, const char *text)
{
    tag(h, "<h%d>", level);
    html_printf(h, "%s", text);
    tag(h, "</h%d>\n", level);
}

void html_para(struct html *h, const char *kind, const char *fmt, ...)
{
    va_list ap;
    tag(h, kind ? "<p class=\"%s\">" : "<p>", kind);
    va_start(ap, fmt);
    vtext(h, fmt, ap);
    va_end(ap);
    html_markup(h, "</p>\n");
}

/* ---- the page ---- */

void html_begin(struct html *h, const char *title, const char *about)
{
    html_markup(h, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                   "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                   "<meta name=\"color-scheme\" content=\"light dark\">\n"
                   "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
                   "<title>");
    html_printf(h, "%s", title);
    html_markup(h, "</title>\n<style>\n");
    html_markup(h, style);
    html_markup(h, "</style>\n</head>\n<body>\n<h1>");
    html_printf(h, "%s", title);
    html_markup(h, "</h1>\n");
    if (about) html_para(h, "quiet", "%s", about);
}

enum hearth_status html_end(struct html *h, char **text, size_t *n)
{
    html_markup(h, "</body>\n</html>\n");
    if (h->st == HEARTH_OK && !(*text = buf_take(&h->out, n))) h->st = HEARTH_ENOMEM;
    html_free(h);
    return h->st;
}

void html_free(struct html *h) { buf_free(&h->out); }

void html_cards_begin(struct html *h) { html_markup(h, "<div class=\"cards\">\n"); }
void html_cards_end(struct html *h) { html_markup(h, "</div>\n"); }

void html_card(struct html *h, const char *label, const char *fmt, ...)
{
    va_list ap;
    html_markup(h, "<div class=\"card\"><b>");
    va_start(ap, fmt);
    vtext(h, fmt, ap);
    va_end(ap);
    html_markup(h, "</b><small>");
    html_printf(h, "%s", label);
    html_markup(h, "</small></div>\n");
}

void html_fold_begin(struct html *h, const char *summary)
{
    html_markup(h, "<details><summary>");
    html_printf(h, "%s", summary);
    html_markup(h, "</summary>\n");
}

void html_fold_end(struct html *h) { html_markup(h, "</details>\n"); }

/* ---- tables ---- */

static const char *align(const struct html *h, size_t column)
{
    return h->right && column < strlen(h->right) && h->right[column] == '1' ? " class=\"r\"" : "";
}

void html_table(struct html *h, const char *caption, const char *right, const char *const *heads)
{
    h->right = right;
    h->column = 0;
    html_markup(h, "<div class=\"wide\"><table>\n");
    if (caption) {
        html_markup(h, "<caption>");
        html_printf(h, "%s", caption);
        html_markup(h, "</caption>\n");
    }
    html_markup(h, "<thead><tr>");
    for (h->columns = 0; heads[h->columns]; h->columns++) {
        tag(h, "<th scope=\"col\"%s>", align(h, h->columns));
        html_printf(h, "%s", heads[h->columns]);
        html_markup(h, "</th>");
    }
    html_markup(h, "</tr></thead>\n<tbody>\n");
}

/* " class=... style=..." of a background; nothing for none. */
static void heat_attributes(struct html *h, const char *also, double heat)
{
    double size = fabs(heat) > 1 ? 1 : fabs(heat);
    if (size >= 0.01) tag(h, " class=\"%s%s\" style=\"--h:%.2f\"", heat > 0 ? "for" : "against", also, size);
    else if (*also) tag(h, " class=\"%s\"", also + 1);
}

void html_cell(struct html *h, double heat, const char *fmt, ...)
{
    va_list ap;
    if (h->column == 0) html_markup(h, "<tr>");
    html_markup(h, "<td");
    heat_attributes(h, *align(h, h->column) ? " r" : "", heat);
    html_markup(h, ">");
    va_start(ap, fmt);
    vtext(h, fmt, ap);
    va_end(ap);
    html_markup(h, "</td>");
    if (++h->column < h->columns) return;
    html_markup(h, "</tr>\n");
    h->column = 0;
}

void html_table_end(struct html *h)
{
    while (h->column > 0) html_cell(h, 0, "%s", "");
    html_markup(h, "</tbody></table></div>\n");
}

/* ---- pictures ---- */

void html_strip(struct html *h, const char *title, const struct html_word *w, size_t n)
{
    html_markup(h, "<div class=\"strip\" role=\"figure\" aria-label=\"");
    html_printf(h, "%s", title);
    html_markup(h, "\">");
    for (size_t i = 0; i < n; i++) {
        html_markup(h, "<span");
        heat_attributes(h, "", w[i].heat);
        if (w[i].tip) {
            html_markup(h, " title=\"");
            html_printf(h, "%s", w[i].tip);
            html_markup(h, "\"");
        }
        html_markup(h, ">");
        html_text(h, w[i].text, w[i].n);
        html_markup(h, "</span>");
    }
    html_markup(h, "</div>\n");
}

static void svg_begin(struct html *h, const char *title, double width, double height)
{
    tag(h, "<figure><svg viewBox=\"0 0 %.0f %.0f\" role=\"img\" style=\"max-width:%.0fpx\"><title>", width, height, width);
    html_printf(h, "%s", title);
    html_markup(h, "</title>\n");
}

static void svg_end(struct html *h, const char *title)
{
    html_markup(h, "</svg><figcaption>");
    html_printf(h, "%s", title);
    html_markup(h, "</figcaption></figure>\n");
}

/* anchor: 's'tart, 'm'iddle, 'e'nd. */
static void svg_text(struct html *h, double x, double y, char anchor, int soft, const char *s)
{
    static const char *const names[] = { ['s'] = "start", ['m'] = "middle", ['e'] = "end" };
    tag(h, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\"%s>", x, y, names[(unsigned char)anchor], soft ? " class=\"soft\"" : "");
    html_printf(h, "%s", s);
    html_markup(h, "</text>\n");
}

/* The first `most` characters, with an ellipsis when there are more. */
static void shorten(char *out, size_t size, const char *s, size_t most)
{
    size_t n = strlen(s), at = 0;
    uint32_t c;
    for (size_t i = 0; i < most && at < n; i++) {
        int k = utf8_read(s + at, n - at, &c);
        at += k < 1 ? 1 : (size_t)k;
    }
    snprintf(out, size, "%.*s%s", at < size - 4 ? (int)at : (int)size - 4, s, at < n ? "\xe2\x80\xa6" : "");
}

static void one_bar(struct html *h, const struct html_bar *b, double y, double zero, double scale)
{
    double x = zero + b->value * scale, left = x < zero ? x : zero, end = b->low < b->high ? fmax(x, zero + b->high * scale) : x;
    char text[112], label[128];
    shorten(label, sizeof label, b->label, 26);
    svg_text(h, 192, y + 14, 'e', 0, label);
    tag(h, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%d\" class=\"%s\"/>\n", left, y + 3, fmax(fabs(x - zero), 0.5), ROW - 6,
        b->quiet ? "q" : b->value < 0 ? "a" : "f");
    if (b->low < b->high)
        tag(h, "<path class=\"whisker\" d=\"M%.1f %.1fH%.1fM%.1f %.1fv6M%.1f %.1fv6\"/>\n", zero + b->low * scale, y + 10,
            zero + b->high * scale, zero + b->low * scale, y + 7, zero + b->high * scale, y + 7);
    if (b->text) shorten(text, sizeof text, b->text, 22);
    else snprintf(text, sizeof text, "%.3g", b->value);
    svg_text(h, fmax(end, zero) + 6, y + 14, 's', 1, text);
}

void html_bars(struct html *h, const char *title, const struct html_bar *b, size_t n)
{
    const double begin = 200, end = WIDE - 110;
    double low = 0, high = 0;
    for (size_t i = 0; i < n; i++) {
        low = fmin(low, b[i].low < b[i].high ? fmin(b[i].low, b[i].value) : b[i].value);
        high = fmax(high, b[i].low < b[i].high ? fmax(b[i].high, b[i].value) : b[i].value);
    }
    double scale = high - low > 0 ? (end - begin) / (high - low) : 0, zero = begin - low * scale;
    svg_begin(h, title, WIDE, (double)n * ROW + 4);
    for (size_t i = 0; i < n; i++) one_bar(h, &b[i], (double)i * ROW, zero, scale);
    tag(h, "<path class=\"axis\" d=\"M%.1f 0V%zu\"/>\n", zero, n * ROW + 2);
    svg_end(h, title);
}

static double grid_scale(const struct html_grid *g)
{
    double most = g->scale;
    if (most > 0) return most;
    for (size_t i = 0; i < g->rows * g->cols; i++)
        if (isfinite(g->value[i])) most = fmax(most, fabs(g->value[i]));
    return most > 0 ? most : 1;
}

void html_grid(struct html *h, const struct html_grid *g)
{
    const double left = 60, top = 22;
    double side = fmin(22, (WIDE - left) / (double)(g->cols ? g->cols : 1)), most = grid_scale(g), width = left + side * (double)g->cols + 4;
    size_t row_step = (size_t)ceil(14 / side), col_step = (size_t)ceil(20 / side);
    char text[32];
    svg_begin(h, g->title, fmax(width, 240), top + side * (double)g->rows + 4);
    svg_text(h, 0, 14, 's', 1, g->row_name);
    for (size_t c = 0; c < g->cols; c += col_step) {
        snprintf(text, sizeof text, "%zu", c);
        svg_text(h, left + ((double)c + 0.5) * side, 14, 'm', 1, text);
    }
    for (size_t r = 0; r < g->rows; r++) {
        double y = top + (double)r * side;
        snprintf(text, sizeof text, "%zu", r);
        if (r % row_step == 0) svg_text(h, left - 8, y + side / 2 + 4, 'e', 1, text);
        for (size_t c = 0; c < g->cols; c++) {
            double v = g->value[r * g->cols + c];
            if (!isfinite(v)) continue;
            tag(h, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" class=\"%s\" fill-opacity=\"%.3f\"><title>",
                left + (double)c * side, y, side - 1, side - 1, v < 0 ? "a" : "f", fmax(0.04, fmin(1, fabs(v) / most)));
            html_printf(h, "%s %zu, %s %zu: %.4g", g->row_name, r, g->col_name, c, v);
            html_markup(h, "</title></rect>\n");
        }
    }
    svg_end(h, g->title);
}

/* ---- the line chart ---- */

struct axes { double left, right, top, bottom, x0, x1, y0, y1; };

static double at_x(const struct axes *a, double x) { return a->left + (x - a->x0) / (a->x1 - a->x0) * (a->right - a->left); }
static double at_y(const struct axes *a, double y) { return a->bottom - (y - a->y0) / (a->y1 - a->y0) * (a->bottom - a->top); }

/* 1, 2 or 5 times a power of ten, so that about `ticks` of them span the range. */
static double nice_step(double range, int ticks)
{
    double raw = range / ticks, power = pow(10, floor(log10(raw))), m = raw / power;
    return power * (m <= 1 ? 1 : m <= 2 ? 2 : m <= 5 ? 5 : 10);
}

static void fit_axes(const struct html_chart *c, struct axes *a)
{
    *a = (struct axes){ 64, WIDE - 12, 12, 220, INFINITY, -INFINITY, INFINITY, -INFINITY };
    for (size_t i = 0; i < c->n; i++) {
        double x = c->x ? c->x[i] : (double)i;
        a->x0 = fmin(a->x0, x), a->x1 = fmax(a->x1, x);
        for (size_t k = 0; k < c->lines; k++)
            if (isfinite(c->line[k].y[i])) a->y0 = fmin(a->y0, c->line[k].y[i]), a->y1 = fmax(a->y1, c->line[k].y[i]);
    }
    if (!(a->y0 <= a->y1)) a->y0 = 0, a->y1 = 1;
    if (c->from_zero) a->y0 = fmin(a->y0, 0), a->y1 = fmax(a->y1, 0);
    if (a->y1 == a->y0) a->y1 += fmax(fabs(a->y1), 1);
    if (!(a->x0 <= a->x1)) a->x0 = 0, a->x1 = 1;
    if (a->x1 == a->x0) a->x0 -= 0.5, a->x1 += 0.5;
    double step = nice_step(a->y1 - a->y0, 5);
    a->y0 = floor(a->y0 / step) * step, a->y1 = ceil(a->y1 / step) * step;
}

static void draw_axes(struct html *h, const struct html_chart *c, const struct axes *a)
{
    double step = nice_step(a->y1 - a->y0, 5);
    char text[48];
    for (double y = a->y0; y <= a->y1 + step / 2; y += step) {
        tag(h, "<path class=\"axis\" d=\"M%.0f %.1fH%.0f\"/>\n", a->left, at_y(a, y), a->right);
        snprintf(text, sizeof text, "%.4g", fabs(y) < step / 1e6 ? 0 : y);
        svg_text(h, a->left - 6, at_y(a, y) + 4, 'e', 1, text);
    }
    size_t every = c->n > 8 ? (c->n + 7) / 8 : 1;
    for (size_t i = 0; i < c->n; i += every) {
        if (c->x_label) shorten(text, sizeof text, c->x_label[i], 12);
        else snprintf(text, sizeof text, "%.4g", c->x ? c->x[i] : (double)i);
        svg_text(h, at_x(a, c->x ? c->x[i] : (double)i), a->bottom + 16, 'm', 1, text);
    }
    svg_text(h, (a->left + a->right) / 2, a->bottom + 34, 'm', 1, c->x_name);
}

static void draw_line(struct html *h, const struct html_chart *c, const struct axes *a, size_t k)
{
    static const char *const dashes[SERIES] = { "none", "7 3", "2 3", "9 3 2 3", "12 4", "4 4" };
    const double *y = c->line[k].y;
    int pen = 0;
    tag(h, "<path class=\"curve\" style=\"stroke:var(--s%zu);stroke-dasharray:%s\" d=\"", k % SERIES, dashes[k % SERIES]);
    for (size_t i = 0; i < c->n; i++) {
        if (isfinite(y[i])) tag(h, "%c%.1f %.1f", pen ? 'L' : 'M', at_x(a, c->x ? c->x[i] : (double)i), at_y(a, y[i]));
        pen = isfinite(y[i]);
    }
    html_markup(h, "\"/>\n");
    for (size_t i = 0; i < c->n && c->n <= 60; i++)
        if (isfinite(y[i])) {
            tag(h, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"2.5\" style=\"fill:var(--s%zu)\"><title>", at_x(a, c->x ? c->x[i] : (double)i),
                at_y(a, y[i]), k % SERIES);
            html_printf(h, "%s: %.6g", c->line[k].name, y[i]);
            html_markup(h, "</title></circle>\n");
        }
    double key = a->bottom + 52 + 16 * (double)k;
    tag(h, "<path class=\"curve\" style=\"stroke:var(--s%zu);stroke-dasharray:%s\" d=\"M%.0f %.1fh28\"/>\n", k % SERIES,
        dashes[k % SERIES], a->left, key - 4);
    svg_text(h, a->left + 36, key, 's', 0, c->line[k].name);
}

void html_chart(struct html *h, const struct html_chart *c)
{
    struct axes a;
    char title[256];
    fit_axes(c, &a);
    svg_begin(h, c->title, WIDE, a.bottom + 46 + 16 * (double)c->lines);
    draw_axes(h, c, &a);
    for (size_t k = 0; k < c->lines; k++) draw_line(h, c, &a, k);
    snprintf(title, sizeof title, "%s (up: %s)", c->title, c->y_name);
    svg_end(h, title);
}
