/* cyclonedx.c - see cyclonedx.h.  Keys stand in the order of the schema's examples, so that people find their way. */
#include "account/cyclonedx.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "account/licence.h"

struct bom { struct facts *f; int bad; /* an allocation failed */ };

static void set(struct bom *b, json_t *j, const char *key, json_t *value)
{
    b->bad |= json_object_set_new(j, key, value) != 0;
}

static void put(struct bom *b, json_t *j, const char *key, const char *value)
{
    if (FACT_KNOWN(value)) set(b, j, key, json_string(value));
}

static void append(struct bom *b, json_t *list, json_t *value)
{
    b->bad |= json_array_append_new(list, value) != 0;
}

static void property(struct bom *b, json_t *list, const char *name, const char *value)
{
    append(b, list, json_pack("{s:s, s:s}", "name", name, "value", value));
}

/* ---- licences: what the file declares; what the catalogue concludes of these very bytes ---- */

/* SPDX's identifier when the text is one, else the text as a name. */
static enum hearth_status licence(struct bom *b, json_t *list, const char *text, const char *name, const char *link, const char *by)
{
    struct buf expression = {0};
    int listed = 0;
    if (!FACT_KNOWN(text)) return HEARTH_OK;
    enum hearth_status st = licence_expression(text, &expression, &listed);
    if (st == HEARTH_OK) {
        int one = listed && !strpbrk(expression.data, " ()");
        json_t *j = json_pack("{s:s, s:s}", one ? "id" : "name", one ? expression.data : FACT_KNOWN(name) ? name : text, "acknowledgement", by);
        put(b, j, "url", link);
        append(b, list, json_pack("{s:o}", "license", j));
    }
    buf_free(&expression);
    return st;
}

static enum hearth_status licences(struct bom *b, json_t *component)
{
    struct facts *f = b->f;
    json_t *list = json_array();
    enum hearth_status st = licence(b, list, f->licence, f->licence_name, f->licence_link, "declared");
    if (st == HEARTH_OK) st = licence(b, list, f->known_licence, "", f->terms_at, "concluded");
    if (json_array_size(list) > 0) set(b, component, "licenses", json_incref(list));
    json_decref(list);
    return st;
}

/* ---- the model card ---- */

static json_t *parameters(struct bom *b)
{
    struct facts *f = b->f;
    json_t *data = json_array(), *j = json_pack("{s:s}", "task", "text generation");
    put(b, j, "architectureFamily", "transformer (decoder)");
    put(b, j, "modelArchitecture", f->architecture);
    char ref[32];
    for (size_t i = 0; i < f->data.n; i++) {
        snprintf(ref, sizeof ref, "data-%zu", i + 1);
        append(b, data, json_pack("{s:s}", "ref", ref));
    }
    if (f->data.n > 0) set(b, j, "datasets", json_incref(data));
    json_decref(data);
    set(b, j, "inputs", json_pack("[{s:s}]", "format", "text"));
    set(b, j, "outputs", json_pack("[{s:s}]", "format", "text"));
    return j;
}

static void analysis(struct bom *b, json_t *card)
{
    json_t *list = json_array();
    for (size_t i = 0; i < b->f->evaluations.n; i++) {
        const struct fact_evaluation *e = &b->f->evaluations.item[i];
        double value = strtod(e->value, NULL), error = strtod(e->error, NULL);
        char low[40], high[40];
        snprintf(low, sizeof low, "%.4f", value - error);
        snprintf(high, sizeof high, "%.4f", value + error);
        append(b, list, json_pack("{s:s, s:s, s:s, s:{s:s, s:s}}", "type", e->metric, "value", e->value, "slice", e->details,
                                  "confidenceInterval", "lowerBound", low, "upperBound", high));
    }
    if (json_array_size(list) > 0) set(b, card, "quantitativeAnalysis", json_pack("{s:O}", "performanceMetrics", list));
    json_decref(list);
}

static json_t *kilowatt_hours(uint64_t microjoules)
{
    return json_pack("{s:f, s:s}", "value", (double)microjoules / 3.6e12, "unit", "kWh");
}

static json_t *energy(struct bom *b)
{
    const struct fact_energy *e = &b->f->energy;
    json_t *provider = json_pack("{s:{s:s}, s:s, s:o}", "organization", "name", "NOASSERTION", "energySource", "unknown", "energyProvided",
                                 kilowatt_hours(e->energy_uj));
    json_t *properties = json_array();
    const struct { const char *name; uint64_t value; } sum[] = {
        {"hearth:answers", e->answers}, {"hearth:answers-measured", e->measured}, {"hearth:tokens", e->tokens},
        {"hearth:microjoules", e->energy_uj}, {"hearth:microjoules-low", e->low_uj}, {"hearth:microjoules-high", e->high_uj},
    };
    for (size_t i = 0; i < sizeof sum / sizeof *sum; i++) {
        char value[24];
        snprintf(value, sizeof value, "%" PRIu64, sum[i].value);
        property(b, properties, sum[i].name, value);
    }
    return json_pack("{s:[{s:s, s:[o], s:o, s:o}]}", "energyConsumptions", "activity", "inference", "energyProviders", provider,
                     "activityEnergyCost", kilowatt_hours(e->energy_uj), "properties", properties);
}

static json_t *model_card(struct bom *b)
{
    struct facts *f = b->f;
    json_t *card = json_object(), *considerations = json_object(), *list = json_array();
    char name[80], value[80];
    set(b, card, "modelParameters", parameters(b));
    analysis(b, card);
    if (FACT_KNOWN(f->good_at)) set(b, considerations, "useCases", json_pack("[s]", f->good_at));
    if (FACT_KNOWN(f->note)) set(b, considerations, "technicalLimitations", json_pack("[s]", f->note));
    if (f->energy.answers > 0) set(b, considerations, "environmentalConsiderations", energy(b));
    if (json_object_size(considerations) > 0) set(b, card, "considerations", json_incref(considerations));
    json_decref(considerations);
    snprintf(value, sizeof value, "%" PRIu64, f->parameters);
    property(b, list, "hearth:parameters", value);
    for (size_t i = 0; i < f->n_types; i++) {
        snprintf(name, sizeof name, "hearth:quantisation:%s", f->types[i].name);
        snprintf(value, sizeof value, "%" PRIu64 " tensors, %" PRIu64 " bytes", f->types[i].tensors, f->types[i].bytes);
        property(b, list, name, value);
    }
    for (size_t i = 0; i < f->settings.n; i++) {
        json_t *key = json_sprintf("hearth:setting:%s", f->settings.item[i].key);
        property(b, list, json_string_value(key), f->settings.item[i].value);
        json_decref(key);
    }
    for (size_t i = 0; i < f->languages.n; i++) property(b, list, "hearth:language", f->languages.item[i]);
    if (FACT_KNOWN(f->template_sha256)) property(b, list, "hearth:chat-template-sha256", f->template_sha256);
    set(b, card, "properties", list);
    return card;
}

/* ---- the model ---- */

static void origin(struct bom *b, json_t *component)
{
    struct facts *f = b->f;
    json_t *list = json_array();
    const char *purl = facts_package(f);
    if (FACT_KNOWN(f->supplier)) set(b, component, "supplier", json_pack("{s:s}", "name", f->supplier));
    if (FACT_KNOWN(f->organization)) set(b, component, "manufacturer", json_pack("{s:s}", "name", f->organization));
    if (FACT_KNOWN(f->author)) set(b, component, "authors", json_pack("[{s:s}]", "name", f->author));
    if (strncmp(f->url, "https://", 8) == 0) append(b, list, json_pack("{s:s, s:s}", "type", "website", "url", f->url));
    if (strncmp(f->repo, "https://", 8) == 0) append(b, list, json_pack("{s:s, s:s}", "type", "distribution", "url", f->repo));
    if (purl) append(b, list, json_pack("{s:s, s:s, s:s}", "type", "distribution", "url", purl, "comment",
                                        "the package that the file came in"));
    if (json_array_size(list) > 0) set(b, component, "externalReferences", json_incref(list));
    json_decref(list);
}

static void ancestors(struct bom *b, json_t *component)
{
    json_t *list = json_array();
    for (size_t i = 0; i < b->f->base.n; i++) {
        const struct fact_source *s = &b->f->base.item[i];
        json_t *j = json_pack("{s:s, s:s}", "type", "machine-learning-model", "name", s->name);
        if (FACT_KNOWN(s->organization)) set(b, j, "manufacturer", json_pack("{s:s}", "name", s->organization));
        put(b, j, "version", s->version);
        if (strncmp(s->url, "https://", 8) == 0)
            set(b, j, "externalReferences", json_pack("[{s:s, s:s}]", "type", "distribution", "url", s->url));
        append(b, list, j);
    }
    if (json_array_size(list) > 0) set(b, component, "pedigree", json_pack("{s:O}", "ancestors", list));
    json_decref(list);
}

static enum hearth_status model(struct bom *b, json_t **out)
{
    struct facts *f = b->f;
    json_t *j = json_pack("{s:s, s:s, s:s}", "type", "machine-learning-model", "bom-ref", "model", "name", f->name);
    json_t *list = json_array();
    char bytes[24];
    origin(b, j);
    put(b, j, "version", f->version);
    put(b, j, "description", f->description);
    set(b, j, "hashes", json_pack("[{s:s, s:s}]", "alg", "SHA-256", "content", f->sha256));
    enum hearth_status st = licences(b, j);
    ancestors(b, j);
    set(b, j, "modelCard", model_card(b));
    property(b, list, "hearth:file", f->file);
    snprintf(bytes, sizeof bytes, "%" PRIu64, f->bytes);
    property(b, list, "hearth:bytes", bytes);
    if (FACT_KNOWN(f->source)) property(b, list, "hearth:source", f->source);
    if (FACT_KNOWN(f->label)) property(b, list, "hearth:source-label", f->label);
    for (size_t i = 0; i < f->gaps.n; i++) {
        json_t *name = json_sprintf("hearth:gap:%s", f->gaps.item[i].key);
        property(b, list, json_string_value(name), f->gaps.item[i].value);
        json_decref(name);
    }
    set(b, j, "properties", list);
    *out = j;
    return st;
}

static json_t *data_sets(struct bom *b, json_t *depends)
{
    json_t *list = json_array();
    char ref[32];
    for (size_t i = 0; i < b->f->data.n; i++) {
        const struct fact_source *s = &b->f->data.item[i];
        snprintf(ref, sizeof ref, "data-%zu", i + 1);
        json_t *j = json_pack("{s:s, s:s, s:s, s:[{s:s, s:s}]}", "type", "data", "bom-ref", ref, "name", s->name, "data", "type", "dataset",
                              "name", s->name);
        put(b, j, "version", s->version);
        if (strncmp(s->url, "https://", 8) == 0)
            set(b, j, "externalReferences", json_pack("[{s:s, s:s}]", "type", "distribution", "url", s->url));
        append(b, list, j);
        append(b, depends, json_string(ref));
    }
    return list;
}

/* ---- the document ---- */

enum hearth_status cyclonedx_make(struct facts *f, json_t **out)
{
    struct bom b = {.f = f};
    char serial[64] = "urn:uuid:", *text;
    json_t *component = NULL, *depends = json_array(), *data = data_sets(&b, depends);
    enum hearth_status st = model(&b, &component);
    *out = json_pack("{s:s, s:s, s:s, s:i, s:{s:s, s:{s:[{s:s, s:s, s:s}]}, s:o}, s:o, s:[{s:s, s:o}]}", "bomFormat", "CycloneDX",
                     "specVersion", "1.6", "serialNumber", serial, "version", 1, "metadata", "timestamp", f->created, "tools", "components",
                     "type", "application", "name", "hearth", "version", hearth_version(), "component", component, "components", data,
                     "dependencies", "ref", "model", "dependsOn", depends);
    text = *out && !b.bad && st == HEARTH_OK ? json_dumps(*out, JSON_COMPACT) : NULL;
    if (st == HEARTH_OK && !text) st = fail(HEARTH_ENOMEM, "out of memory for the bill of materials of %s", f->name);
    if (st == HEARTH_OK) st = facts_uuid(text, serial + strlen(serial));
    if (st == HEARTH_OK && json_object_set_new(*out, "serialNumber", json_string(serial)) != 0)
        st = fail(HEARTH_ENOMEM, "out of memory for the bill of materials of %s", f->name);
    free(text);
    if (st == HEARTH_OK) return st;
    json_decref(*out);
    *out = NULL;
    return st;
}
