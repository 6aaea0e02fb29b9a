/* test_html.c - the report writer: what it escapes, and that a page asks for nothing from outside. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "account/html.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static char *page(struct html *h)
{
    char *text;
    size_t n;
    assert_int_equal(html_end(h, &text, &n), HEARTH_OK);
    assert_int_equal(strlen(text), n);
    return text;
}

static void text_is_escaped(void **state)
{
    (void)state;
    struct html h = { 0 };
    html_begin(&h, "<script>alert(1)</script>", "\"quoted\" & 'single'");
    html_text(&h, "a\0b\x01\x1b[31m\xff\xe2\x80\xae!", 14);
    html_strip(&h, "title\" onload=\"x", &(struct html_word){ "<b>", 3, 0.5, "tip\"><i>" }, 1);
    html_para(&h, "note", "%s: %d", "</p><p>", 7);
    char *t = page(&h);
    assert_null(strstr(t, "<script"));
    assert_non_null(strstr(t, "&lt;script&gt;alert(1)&lt;/script&gt;"));
    assert_non_null(strstr(t, "&quot;quoted&quot; &amp; &#39;single&#39;"));
    assert_non_null(strstr(t, "a\xef\xbf\xbd" "b\xef\xbf\xbd\xef\xbf\xbd[31m\xef\xbf\xbd\xef\xbf\xbd!"));
    assert_null(strstr(t, "\" onload=\""));
    assert_null(strstr(t, "\"><i>"));
    assert_non_null(strstr(t, "&lt;/p&gt;&lt;p&gt;: 7"));
    free(t);
}

static size_t times(const char *in, const char *what)
{
    size_t n = 0;
    for (; (in = strstr(in, what)); in += strlen(what)) n++;
    return n;
}

/* Every element that is opened is closed, and nothing is fetched. */
static void a_page_is_whole_and_alone(void **state)
{
    (void)state;
    static const char *const heads[] = { "a", "b", NULL };
    static const char *const pairs[][2] = { { "<table", "</table>" }, { "<tr", "</tr>" }, { "<td", "</td>" }, { "<svg", "</svg>" },
                                            { "<figure", "</figure>" }, { "<div", "</div>" }, { "<span", "</span>" }, { "<p", "</p>" },
                                            { "<details", "</details>" }, { "<body", "</body>" }, { "<title", "</title>" } };
    const double y[] = { 1, NAN, -3, 2 }, grid[] = { 1, -2, NAN, 0, 5, 3 };
    const struct html_bar bars[] = { { .label = "one", .value = 3, .low = 2, .high = 5 }, { .label = "two", .value = -1, .quiet = 1 } };
    const struct html_line line = { "series", y };
    struct html h = { 0 };
    html_begin(&h, "t", NULL);
    html_cards_begin(&h);
    html_card(&h, "label", "%d", 1);
    html_cards_end(&h);
    html_table(&h, "caption", "01", heads);
    for (int i = 0; i < 3; i++) html_cell(&h, i - 1.0, "%d", i);   /* the last row is not full */
    html_table_end(&h);
    html_bars(&h, "bars", bars, 2);
    html_bars(&h, "no bars", bars, 0);
    html_grid(&h, &(struct html_grid){ "grid", "row", "column", 2, 3, grid, 0 });
    html_chart(&h, &(struct html_chart){ .title = "chart", .x_name = "x", .y_name = "y", .n = 4, .line = &line, .lines = 1 });
    html_chart(&h, &(struct html_chart){ .title = "empty", .x_name = "x", .y_name = "y", .n = 0, .line = &line, .lines = 1 });
    html_fold_begin(&h, "more");
    html_heading(&h, 3, "heading");
    html_fold_end(&h);
    char *t = page(&h);
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        size_t open = times(t, pairs[i][0]);
        if (strcmp(pairs[i][0], "<p") == 0) open -= times(t, "<path");
        if (strcmp(pairs[i][0], "<table") != 0 || open) assert_int_equal(open, times(t, pairs[i][1]));
    }
    assert_null(strstr(t, "http:"));
    assert_null(strstr(t, "https:"));
    assert_null(strstr(t, "url("));
    assert_null(strstr(t, "nan"));
    assert_null(strstr(t, "inf"));
    assert_non_null(strstr(t, "default-src 'none'"));
    free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(text_is_escaped), cmocka_unit_test(a_page_is_whole_and_alone) };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
