/* audit_page.c - the report of an audit pack, from summary.json and models.json alone, so that whoever has these two can make it
 * again and compare. */
#include "account/audit.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "account/html.h"

static const char *text(const json_t *j, const char *key)
{
    const char *s = json_string_value(json_object_get(j, key));
    return s ? s : "";
}

static long long number(const json_t *j, const char *key)
{
    return (long long)json_integer_value(json_object_get(j, key));
}

static const char *or_dash(const char *s)
{
    return *s ? s : "-";
}

static void cards(struct html *h, const json_t *s)
{
    const json_t *all = json_object_get(s, "all"), *decided = json_object_get(s, "decided");
    html_cards_begin(h);
    html_card(h, "answers", "%lld", number(all, "answers"));
    html_card(h, "tokens read and written", "%lld / %lld", number(all, "prompt_tokens"), number(all, "answer_tokens"));
    html_card(h, "models", "%zu", json_array_size(json_object_get(s, "models")));
    html_card(h, "energy", "%.3f Wh", (double)number(all, "energy_uj") / 3.6e9);
    html_card(h, "human decisions", "%lld", number(decided, "accepted") + number(decided, "edited") + number(decided, "rejected"));
    html_cards_end(h);
}

static void uses(struct html *h, const json_t *s)
{
    static const char *const heads[] = {"who (pseudonym)", "purpose", "task", "key", "model", "answers", "tokens written", NULL};
    const json_t *list = json_object_get(s, "uses"), *r;
    size_t i;
    html_heading(h, 2, "Who used what for which purpose");
    html_table(h, "Each line is one combination; a dash means that the receipts name none", "0000011", heads);
    json_array_foreach((json_t *)list, i, r) {
        static const char *const keys[] = {"actor", "purpose", "task", "key", "model"};
        for (int k = 0; k < 5; k++) html_cell(h, 0, "%s", or_dash(text(r, keys[k])));
        html_cell(h, 0, "%lld", number(r, "answers"));
        html_cell(h, 0, "%lld", number(r, "answer_tokens"));
    }
    html_table_end(h);
}

static const json_t *known_of(const json_t *models, const char *sha256)
{
    const json_t *m;
    size_t i;
    json_array_foreach((json_t *)models, i, m) if (strcmp(text(m, "sha256"), sha256) == 0) return m;
    return NULL;
}

static void models_part(struct html *h, const json_t *s, const json_t *models)
{
    static const char *const heads[] = {"name", "SHA-256 of the file", "family", "licence", "answers", NULL};
    const json_t *list = json_object_get(s, "models"), *r;
    size_t i;
    html_heading(h, 2, "Models");
    html_table(h, NULL, "00001", heads);
    json_array_foreach((json_t *)list, i, r) {
        const json_t *known = known_of(models, text(r, "sha256"));
        html_cell(h, 0, "%s", or_dash(text(r, "name")));
        html_cell(h, 0, "%s", text(r, "sha256"));
        html_cell(h, 0, "%s", or_dash(text(r, "architecture")));
        html_cell(h, 0, "%s", known && *text(known, "licence") ? text(known, "licence") : "not known here");
        html_cell(h, 0, "%lld", number(r, "answers"));
    }
    html_table_end(h);
    html_para(h, "note", "Names and digests are the receipts'. Licences are what the computer that made this pack knew of files with these digests; "
                         "no receipt holds them.");
}

static void days(struct html *h, const json_t *s)
{
    static const char *const heads[] = {"day (UTC)", "answers", "tokens read", "tokens written", "energy, Wh", NULL};
    const json_t *list = json_object_get(s, "days"), *r;
    size_t i;
    html_heading(h, 2, "By day");
    html_table(h, NULL, "01111", heads);
    json_array_foreach((json_t *)list, i, r) {
        html_cell(h, 0, "%s", text(r, "day"));
        html_cell(h, 0, "%lld", number(r, "answers"));
        html_cell(h, 0, "%lld", number(r, "prompt_tokens"));
        html_cell(h, 0, "%lld", number(r, "answer_tokens"));
        html_cell(h, 0, "%.3f", (double)number(r, "energy_uj") / 3.6e9);
    }
    html_table_end(h);
}

static void decisions(struct html *h, const json_t *s)
{
    static const char *const heads[] = {"when", "receipt", "decision", "by", NULL};
    const json_t *list = json_object_get(s, "decisions"), *r;
    size_t i;
    html_heading(h, 2, "Decisions that people made about answers");
    if (json_array_size(list) == 0) {
        html_para(h, NULL, "None is recorded in this time.");
        return;
    }
    html_table(h, NULL, "0100", heads);
    json_array_foreach((json_t *)list, i, r) {
        html_cell(h, 0, "%s", text(r, "time"));
        html_cell(h, 0, "%lld", number(r, "of"));
        html_cell(h, 0, "%s", text(r, "decision"));
        html_cell(h, 0, "%s", text(r, "by"));
    }
    html_table_end(h);
}

static void others(struct html *h, const json_t *s)
{
    const json_t *kinds = json_object_get(json_object_get(s, "entries"), "kinds"), *value;
    static const char *const heads[] = {"kind", "entries", NULL};
    const char *kind;
    html_heading(h, 2, "Evaluations and other entries");
    html_table(h, "Entries of the time by kind", "01", heads);
    json_object_foreach((json_t *)kinds, kind, value) {
        html_cell(h, 0, "%s", kind);
        html_cell(h, 0, "%lld", (long long)json_integer_value(value));
    }
    html_table_end(h);
    if (!json_object_get(kinds, "eval")) html_para(h, NULL, "No evaluation of a model (`hearth eval`) is recorded in this time.");
}

static void footprint(struct html *h, const json_t *s)
{
    const json_t *all = json_object_get(s, "all");
    double joules = (double)number(all, "energy_uj") / 1e6, low = (double)number(all, "energy_low_uj") / 1e6;
    double high = (double)number(all, "energy_high_uj") / 1e6;
    html_heading(h, 2, "Footprint");
    html_para(h, NULL, "Energy: %.1f J (%.1f to %.1f), of %lld answers measured and of %lld modelled from processor time. Carbon: %.3f g CO2e. Water: "
              "%.3f mL.", joules, low, high, number(all, "energy_measured"), number(all, "answers") - number(all, "energy_measured"),
              (double)number(all, "carbon_ug") / 1e6, (double)number(all, "water_ul") / 1e3);
    html_para(h, "note", "Counted is what answering took on this computer. Making the computer, the models' training and the network are not in it. "
                         "The method and the factors of each answer stand in its receipt.");
}

static void proof(struct html *h, const json_t *s)
{
    const json_t *ledger = json_object_get(s, "ledger"), *entries = json_object_get(s, "entries"), *all = json_object_get(s, "all");
    html_heading(h, 2, "What this rests on");
    html_para(h, NULL, "Every figure is counted from entries %lld to %lld of the ledger %s, which had %lld entries when this was made. They lie in "
              "receipts.jsonl, each with a proof in proofs.tlog that leads to a checkpoint signed with the ledger's key (ledger.vkey). %lld entries are of "
              "the time; any other is there to show that none is missing at the ends.", number(ledger, "first"), number(ledger, "end") - 1,
              text(ledger, "origin"), number(ledger, "size"), number(entries, "of_the_time"));
    html_para(h, NULL, "%lld of %lld answers can be made again, bit for bit, where their transcript was kept. %lld prompts were cut to fit; %lld answers "
              "were held to a form.", number(all, "replayable"), number(all, "answers"), number(s, "truncated"), number(s, "constrained"));
    html_para(h, "note", "Receipts hold counts, digests and salted commitments, and no word of a prompt or an answer. They show what was recorded. They "
                         "cannot show what was never recorded, that a pseudonym is a certain person, or that the computer's clock was right. Who could "
                         "change the ledger's key could have kept a second ledger: witnesses are there against that.");
    html_para(h, NULL, "Check this pack: hearth audit verify PACK --key KEY, with the key as the ledger's owner gave it to you. README.txt says how to do "
                       "it without hearth.");
}

enum hearth_status audit_page(const json_t *summary, const json_t *models, char **out, size_t *n)
{
    struct html h = {0};
    char about[96];
    const json_t *time = json_object_get(summary, "time");
    snprintf(about, sizeof about, "from %s, before %s", text(time, "from"), text(time, "to"));
    html_begin(&h, "Audit of the use of language models", about);
    cards(&h, summary);
    uses(&h, summary);
    models_part(&h, summary, models);
    days(&h, summary);
    decisions(&h, summary);
    others(&h, summary);
    footprint(&h, summary);
    proof(&h, summary);
    return html_end(&h, out, n);
}
