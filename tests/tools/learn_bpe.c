/* learn_bpe - a command over bpe_train: a tokenizer of a text, as tokenizer.json on standard output.
 *
 *     learn_bpe FILE SIZE MIN_COUNT lines|whole [SPECIAL ...]
 *
 * lines: words are cut in each line alone, as the `tokenizers` package does with files; whole: in the text as one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os/os.h"
#include "text/bpe_learn.h"

enum { MOST = 1 << 30 };

static enum hearth_status count(struct wordcount *words, const char *file, int lines)
{
    const struct pretoken_rule *rule = pretoken_rule("gpt-2", 5);
    char *text;
    size_t n;
    TRY(os_read_file(file, MOST, &text, &n));
    enum hearth_status st = HEARTH_OK;
    for (size_t at = 0, len; at < n && st == HEARTH_OK; at += len) {
        const char *end = lines ? memchr(text + at, '\n', n - at) : NULL;
        len = end ? (size_t)(end + 1 - text) - at : n - at;
        st = wordcount_text(words, rule, file, text + at, len);
    }
    free(text);
    return st;
}

int main(int argc, char **argv)
{
    struct wordcount words = {0};
    struct bpe_learn l = {0};
    struct buf json = {0};
    if (argc < 5) return fprintf(stderr, "usage: learn_bpe FILE SIZE MIN_COUNT lines|whole [SPECIAL ...]\n"), 2;
    struct bpe_train_params p = {.size = strtoul(argv[2], NULL, 10), .min_count = strtoul(argv[3], NULL, 10),
                                 .special = (const char *const *)argv + 5, .n_special = (size_t)argc - 5};
    enum hearth_status st = count(&words, argv[1], !strcmp(argv[4], "lines"));
    if (st == HEARTH_OK) st = bpe_train(&words, &p, &l);
    if (st == HEARTH_OK) st = bpe_train_json(&l, p.n_special, -1, &json);
    if (st == HEARTH_OK) fwrite(json.data, 1, json.len, stdout);
    else fprintf(stderr, "learn_bpe: %s\n", hearth_errmsg());
    buf_free(&json);
    bpe_learn_free(&l);
    wordcount_free(&words);
    return st != HEARTH_OK;
}
