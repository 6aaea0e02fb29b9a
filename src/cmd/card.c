/* card.c - `hearth card MODEL`: a model card. */
#include <stdlib.h>
#include "account/card.h"
#include "cmd/papers.h"

static int run(int argc, char **argv)
{
    struct facts f;
    char *text = NULL;
    size_t n = 0;
    (void)argc;
    int code = papers_facts(argv[0], &f);
    if (code != EXIT_DONE) return code;
    code = report(card_make(&f, &text, &n));
    if (code == EXIT_DONE) code = papers_write(text, n);
    free(text);
    facts_free(&f);
    return code;
}

const struct command cmd_card = {
    .name = "card", .group = GROUP_ACCOUNT, .summary = "write a model card", .args = "MODEL",
    .min_args = 1, .max_args = 1, .complete = COMPLETE_MODEL,
    .about = "A card as Hugging Face's pages read it: front matter (licence, languages, base model, data) and Markdown for people, from what "
             "the model's file, the store and the catalogue say and what you add. What nobody says is listed as not known.",
    .examples = "hearth card smollm2\n"
                "hearth perplexity smollm2 book.txt --json > ppl.json\n"
                "hearth card smollm2 --evaluation ppl.json --energy -o README.md\n",
    .options = papers_options, .run = run,
};
