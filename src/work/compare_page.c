/* compare_page.c - two models side by side as a page, and blind votes: which stands on the left is drawn from the seed for each item, and
 * only the ballot, which holds the seed, and this program can tell. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "account/html.h"
#include "base/random.h"
#include "work/compare.h"
#include "work/rows.h"
#include "work/statistics.h"

enum { STREAM_SIDE = 0x73696465, MOST_ITEMS = 500 };

static const char *text_at(const json_t *j, const char *key)
{
    const char *s = json_string_value(json_object_get(j, key));
    return s ? s : "";
}

/* 1: the second model stands on the left. */
static int swapped(uint64_t seed, uint64_t task, uint64_t item)
{
    uint32_t counter[4] = { (uint32_t)item, (uint32_t)task, STREAM_SIDE, 0 }, out[4];
    philox4x32(seed, counter, out);
    return (int)(out[0] >> 31);
}

static double number_at(const json_t *j, const char *key)
{
    const json_t *v = json_object_get(j, key);
    return json_is_number(v) ? json_number_value(v) : NAN;
}

static void verdict(struct html *h, const json_t *t, const char *a, const char *b)
{
    double p = number_at(t, "p"), low = number_at(t, "low"), high = number_at(t, "high"), same = number_at(t, "agreement");
    html_cards_begin(h);
    html_card(h, a, "%.4f", number_at(t, "a"));
    html_card(h, b, "%.4f", number_at(t, "b"));
    html_card(h, "difference, second less first", "%+.4f", number_at(t, "difference"));
    if (!isnan(same)) html_card(h, "items with the same answer", "%.0f %%", 100 * same);
    html_cards_end(h);
    if (isnan(low)) html_para(h, NULL, "%s of %.0f items, too few to say how sure the difference is.", text_at(t, "metric"), number_at(t, "items"));
    else html_para(h, NULL, "%s of %.0f items. The difference lies between %+.4f and %+.4f (95 %%).", text_at(t, "metric"), number_at(t, "items"), low, high);
    if (!isnan(p)) html_para(h, NULL, "Only the first is right on %.0f, only the second on %.0f: were neither better, so uneven a split (or more) "
                             "would have a probability of %.4g.", number_at(t, "only_a"), number_at(t, "only_b"), p);
}

static void side_by_side(struct html *h, const json_t *t, const char *a, const char *b, int blind, uint64_t seed, size_t task)
{
    const char *const named[] = { "", "Asked", a, b, NULL }, *const hidden[] = { "", "Asked", "Left", "Right", NULL };
    const json_t *differ = json_object_get(t, "differ");
    json_t *d;
    size_t i;
    html_table(h, "Items on which they differ", "1000", blind ? hidden : named);
    json_array_foreach(differ, i, d) {
        uint64_t item = (uint64_t)json_integer_value(json_object_get(d, "item"));
        int turn = blind && swapped(seed, task, item);
        double x = number_at(d, "score_a"), y = number_at(d, "score_b");
        if (i == MOST_ITEMS) break;
        html_cell(h, 0, "%llu", (unsigned long long)item + 1);
        html_cell(h, 0, "%s", text_at(d, "prompt"));
        html_cell(h, blind || x == y ? 0 : x > y ? -0.4 : 0.2, "%s", text_at(d, turn ? "b" : "a"));
        html_cell(h, blind || x == y ? 0 : y > x ? -0.4 : 0.2, "%s", text_at(d, turn ? "a" : "b"));
    }
    html_table_end(h);
    if (json_array_size(differ) > MOST_ITEMS) html_para(h, "quiet", "The first %d of %zu.", MOST_ITEMS, json_array_size(differ));
}

enum hearth_status compare_page(const json_t *comparison, const json_t *a, const json_t *b, int blind, uint64_t seed, char **text, size_t *n)
{
    struct html h = { 0 };
    char x[EVALUATE_NAME], y[EVALUATE_NAME], about[2 * EVALUATE_NAME + 8];
    json_t *t;
    size_t i;
    evaluate_model_name(a, x), evaluate_model_name(b, y);
    snprintf(about, sizeof about, "%s and %s", x, y);
    html_begin(&h, blind ? "Which answer is better?" : "Two models on the same items", blind ? NULL : about);
    if (blind) html_para(&h, "note", "Write left, right or same into the column vote of the ballot (a CSV) and read it back with hearth compare --votes.");
    json_array_foreach(json_object_get(comparison, "tasks"), i, t) {
        html_heading(&h, 2, text_at(t, "task"));
        if (!blind) verdict(&h, t, x, y);
        side_by_side(&h, t, x, y, blind, seed, i);
    }
    return html_end(&h, text, n);
}

/* ---- ballots ---- */

static enum hearth_status field(struct buf *b, const char *s)
{
    TRY(buf_putc(b, '"'));
    for (; *s; s++) {
        if (*s == '"') TRY(buf_putc(b, '"'));
        TRY(buf_putc(b, *s));
    }
    return buf_putc(b, '"');
}

static enum hearth_status ballot_row(struct buf *b, size_t task, const json_t *d, const char *x, const char *y, uint64_t seed)
{
    TRY(buf_printf(b, "%zu,%" JSON_INTEGER_FORMAT ",,", task + 1, json_integer_value(json_object_get(d, "item")) + 1));
    TRY(field(b, x));
    TRY(buf_putc(b, ','));
    TRY(field(b, y));
    return buf_printf(b, ",%llu\n", (unsigned long long)seed);
}

enum hearth_status compare_ballot(const json_t *comparison, const json_t *a, const json_t *b, uint64_t seed, char **text, size_t *n)
{
    struct buf out = { 0 };
    char x[EVALUATE_NAME], y[EVALUATE_NAME];
    json_t *t, *d;
    size_t i, k;
    evaluate_model_name(a, x), evaluate_model_name(b, y);
    enum hearth_status st = buf_puts(&out, "task,item,vote,model_a,model_b,seed\n");
    json_array_foreach(json_object_get(comparison, "tasks"), i, t)
        json_array_foreach(json_object_get(t, "differ"), k, d)
            if (st == HEARTH_OK && k < MOST_ITEMS)
                st = ballot_row(&out, i, d, x, y, seed);
    if (st == HEARTH_OK && !(*text = buf_take(&out, n))) st = HEARTH_ENOMEM;
    buf_free(&out);
    return st;
}

struct votes { uint64_t a, b, same; };

struct place { json_int_t task, item; size_t row; };

static int by_item(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    if (x->task != y->task) return x->task < y->task ? -1 : 1;
    if (x->item != y->item) return x->item < y->item ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

/* One ballot is of one pair, and an item stands on it once. */
static enum hearth_status check_rows(const char *path, const json_t *rows)
{
    static const char *const same[] = { "model_a", "model_b" };
    size_t n = json_array_size(rows);
    const json_t *first = json_array_get(rows, 0);
    struct place *place = mem_array(n + 1, sizeof *place);
    enum hearth_status st = place ? HEARTH_OK : HEARTH_ENOMEM;
    for (size_t i = 0; st == HEARTH_OK && i < n; i++) {
        const json_t *row = json_array_get(rows, i);
        place[i] = (struct place){ json_integer_value(json_object_get(row, "task")), json_integer_value(json_object_get(row, "item")), i };
        for (int k = 0; k < 2; k++)
            if (!json_equal(json_object_get(first, same[k]), json_object_get(row, same[k])))
                st = fail(HEARTH_EFORMAT, "%s: row %zu: its %s is another than the first row's; count each ballot by itself", path, i + 1, same[k]);
    }
    if (st == HEARTH_OK) qsort(place, n, sizeof *place, by_item);
    for (size_t i = 1; st == HEARTH_OK && i < n; i++)
        if (place[i].task == place[i - 1].task && place[i].item == place[i - 1].item)
            st = fail(HEARTH_EFORMAT, "%s: row %zu: the item of row %zu once more", path, place[i].row + 1, place[i - 1].row + 1);
    free(place);
    return st;
}

static enum hearth_status count(const char *path, const json_t *row, size_t i, struct votes *v)
{
    const char *vote = text_at(row, "vote");
    const json_t *task = json_object_get(row, "task"), *item = json_object_get(row, "item"), *seed = json_object_get(row, "seed");
    if (!json_is_integer(task) || !json_is_integer(item) || !json_is_integer(seed) || json_integer_value(task) < 1 || json_integer_value(item) < 1)
        return fail(HEARTH_EFORMAT, "%s: row %zu is none of a ballot of `hearth compare --blind`", path, i + 1);
    int turn = swapped((uint64_t)json_integer_value(seed), (uint64_t)json_integer_value(task) - 1, (uint64_t)json_integer_value(item) - 1);
    if (!json_is_string(json_object_get(row, "vote"))) vote = "a number";
    if (!*vote) return HEARTH_OK;
    if (!strcmp(vote, "same")) v->same++;
    else if (!strcmp(vote, turn ? "right" : "left")) v->a++;
    else if (!strcmp(vote, turn ? "left" : "right")) v->b++;
    else return fail(HEARTH_EFORMAT, "%s: row %zu: the vote is \"%.40s\", should be left, right, same or empty", path, i + 1, vote);
    return HEARTH_OK;
}

enum hearth_status compare_votes(const char *path, json_t **out)
{
    struct votes v = { 0 };
    json_t *rows = NULL, *row;
    size_t i;
    char sha[65];
    *out = NULL;
    TRY(rows_read(path, &rows, sha));
    enum hearth_status st = HEARTH_OK;
    json_array_foreach(rows, i, row) if (st == HEARTH_OK) st = count(path, row, i, &v);
    if (st == HEARTH_OK) st = check_rows(path, rows);
    const json_t *first = json_array_get(rows, 0);
    if (st == HEARTH_OK && !(*out = json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:f}", "a", text_at(first, "model_a"), "b", text_at(first, "model_b"), "votes",
                                              (json_int_t)(v.a + v.b + v.same), "votes_a", (json_int_t)v.a, "votes_b", (json_int_t)v.b, "same",
                                              (json_int_t)v.same, "p", mcnemar(v.a, v.b)))) st = fail_memory(1);
    json_decref(rows);
    return st;
}
