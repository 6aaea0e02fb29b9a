/* dataset.c - fuzz target: byte 0 chooses what a file of examples is called, and whether columns are named; the rest is the file.
 *
 * Asserted: what is refused has a message; every example has what its kind says, in UTF-8, and stands in an ascending line; reading all of
 * them at once finds the same. */
#include <string.h>
#include "base/utf8.h"
#include "folder.h"
#include "work/dataset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen { size_t n; uint64_t line; enum example_kind kind; };

static void text(const char *s, int wanted)
{
    if (!s && wanted) abort();
    if (s && !utf8_valid(s, strlen(s), NULL)) abort();
}

static enum hearth_status see(void *user, const struct example *e)
{
    struct seen *s = user;
    if (s->n++ && (e->kind != s->kind || e->line < s->line)) abort();
    s->kind = e->kind, s->line = e->line;
    if (!e->file || !*example_kind_name(e->kind)) abort();
    text(e->text, e->kind == EXAMPLE_TEXT || e->kind == EXAMPLE_PAIR || e->kind == EXAMPLE_LABEL);
    text(e->answer, e->kind == EXAMPLE_PAIR || e->kind == EXAMPLE_LABEL || e->kind == EXAMPLE_PREFERENCE);
    text(e->rejected, e->kind == EXAMPLE_PREFERENCE);
    text(e->messages, e->kind == EXAMPLE_CHAT || (e->kind == EXAMPLE_PREFERENCE && !e->text));
    return HEARTH_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"x.jsonl", "x.json", "x.csv", "x.tsv", "x.txt", "x.md"};
    if (!size) return 0;
    struct dataset_options options = {.columns = data[0] & 64 ? "text=b,label=a" : NULL};
    struct dataset_source source;
    struct dataset *d = NULL;
    struct seen s = {0};
    const char *path = fuzz_put(names[(data[0] & 63) % (sizeof names / sizeof *names)], data + 1, size - 1);
    enum hearth_status st = dataset_each(path, &options, see, &s, &source);
    if (st != HEARTH_OK && !*hearth_errmsg()) abort();
    enum hearth_status all = dataset_open(path, &options, &d);
    if ((all == HEARTH_OK) != (d != NULL) || (all != HEARTH_OK && !*hearth_errmsg()) || (st != HEARTH_OK && all == HEARTH_OK)) abort();
    if (d && (d->n != s.n || d->source.kind != s.kind)) abort();
    for (size_t i = 0; d && i < d->n; i++)
        if (d->example[i].kind == EXAMPLE_LABEL && d->example[i].label >= d->labels) abort();
    dataset_close(d);
    unlink(path);
    return 0;
}
