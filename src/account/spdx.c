/* spdx.c - see spdx.h.
 *
 * Elements are gathered in a graph, each with an id below one base.  The base is a UUID made from the graph itself, written
 * with an empty base: so the same facts have the same ids, and other facts others. */
#include "account/spdx.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "account/licence.h"

#define CONTEXT "https://spdx.org/rdf/3.0.1/spdx-context.jsonld"
#define NO_LICENCE "https://spdx.org/rdf/3.0.1/terms/ExpandedLicensing/NoAssertionLicense"
#define NO_ELEMENT "https://spdx.org/rdf/3.0.1/terms/Core/NoAssertionElement"

struct graph {
    struct facts *f;
    const char *base;                /* "urn:uuid:...", or "urn:" while the UUID is not known */
    json_t *elements, *ids;
    int relations, bad;              /* bad: an allocation failed */
};

static void keep(struct graph *g, int failed)
{
    g->bad |= failed != 0;
}

static json_t *iri(const struct graph *g, const char *name)
{
    return json_sprintf("%s#%s", g->base, name);
}

static void put(struct graph *g, json_t *j, const char *key, const char *value)
{
    if (FACT_KNOWN(value)) keep(g, json_object_set_new(j, key, json_string(value)));
}

/* An element with an id; the graph owns it. */
static json_t *element(struct graph *g, const char *type, const char *name)
{
    json_t *j = json_pack("{s:s, s:o, s:s}", "type", type, "spdxId", iri(g, name), "creationInfo", "_:creation");
    keep(g, json_array_append_new(g->elements, j));
    keep(g, json_array_append_new(g->ids, iri(g, name)));
    return j;
}

static void relate(struct graph *g, const char *from, const char *type, json_t *to, const char *completeness)
{
    char name[32];
    snprintf(name, sizeof name, "relation-%d", ++g->relations);
    json_t *j = element(g, "Relationship", name);
    keep(g, json_object_set_new(j, "from", iri(g, from)));
    keep(g, json_object_set_new(j, "relationshipType", json_string(type)));
    keep(g, json_object_set_new(j, "to", json_pack("[o]", to)));
    if (completeness) keep(g, json_object_set_new(j, "completeness", json_string(completeness)));
}

static json_t *sha256_of(const char *hex)
{
    return json_pack("[{s:s, s:s, s:s}]", "type", "Hash", "algorithm", "sha256", "hashValue", hex);
}

/* ---- licences ---- */

static enum hearth_status licence(struct graph *g, const char *from, const char *type, const char *id, const char *text, const char *link)
{
    struct buf expression = {0};
    int listed = 0;
    if (!FACT_KNOWN(text)) {
        relate(g, from, type, json_string(NO_LICENCE), NULL);
        return HEARTH_OK;
    }
    TRY(licence_expression(text, &expression, &listed));
    json_t *j = element(g, "simplelicensing_LicenseExpression", id);
    keep(g, json_object_set_new(j, "simplelicensing_licenseExpression", json_string(expression.data)));
    if (!listed) {
        char words[40];
        snprintf(words, sizeof words, "%s-text", id);
        json_t *custom = element(g, "simplelicensing_SimpleLicensingText", words);
        put(g, custom, "name", text);
        keep(g, json_object_set_new(custom, "simplelicensing_licenseText", FACT_KNOWN(link)
            ? json_sprintf("The terms are not included here; they stand at %s", link)
            : json_string("The terms are not included here, and where they stand is not recorded.")));
        keep(g, json_object_set_new(j, "simplelicensing_customIdToUri", json_pack("[{s:s, s:s, s:o}]", "type", "DictionaryEntry", "key",
                                                                                  expression.data, "value", iri(g, words))));
    }
    relate(g, from, type, iri(g, id), NULL);
    buf_free(&expression);
    return HEARTH_OK;
}

/* ---- the package ---- */

static void entry(struct graph *g, json_t *list, const char *key, const char *value)
{
    keep(g, json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "type", "DictionaryEntry", "key", key, "value", value)));
}

static json_t *hyperparameters(struct graph *g)
{
    json_t *list = json_array();
    char key[64], value[80];
    for (size_t i = 0; i < g->f->settings.n; i++) entry(g, list, g->f->settings.item[i].key, g->f->settings.item[i].value);
    for (size_t i = 0; i < g->f->n_types; i++) {
        const struct fact_type *t = &g->f->types[i];
        snprintf(key, sizeof key, "quantisation.%s", t->name);
        snprintf(value, sizeof value, "%" PRIu64 " tensors, %" PRIu64 " bytes", t->tensors, t->bytes);
        entry(g, list, key, value);
    }
    snprintf(value, sizeof value, "%" PRIu64, g->f->parameters);
    entry(g, list, "parameters", value);
    if (FACT_KNOWN(g->f->template_sha256)) entry(g, list, "chat_template.sha256", g->f->template_sha256);
    return list;
}

static void add_metrics(struct graph *g, json_t *package)
{
    json_t *list = json_array();
    for (size_t i = 0; i < g->f->evaluations.n; i++) {
        const struct fact_evaluation *e = &g->f->evaluations.item[i];
        json_t *value = json_sprintf("%s +/- %s (%s)", e->value, e->error, e->details);
        entry(g, list, e->metric, json_string_value(value));
        json_decref(value);
    }
    if (g->f->evaluations.n > 0) keep(g, json_object_set(package, "ai_metric", list));
    json_decref(list);
}

/* A sum in kilowatt-hours, as a decimal that no floating-point number has touched. */
static void add_energy(struct graph *g, json_t *package)
{
    const struct fact_energy *e = &g->f->energy;
    char quantity[48];
    if (e->answers == 0) return;
    snprintf(quantity, sizeof quantity, "%" PRIu64 ".%012" PRIu64, e->energy_uj / 1000000000000, e->energy_uj % 1000000000000);
    json_t *one = json_pack("{s:s, s:s, s:s}", "type", "ai_EnergyConsumptionDescription", "ai_energyQuantity", quantity,
                            "ai_energyUnit", "megajoule");
    keep(g, json_object_set_new(package, "ai_energyConsumption", json_pack("{s:s, s:[o]}", "type", "ai_EnergyConsumption",
                                                                         "ai_inferenceEnergyConsumption", one)));
}

/* Every gap, as sentences. */
static enum hearth_status add_gaps(struct graph *g, json_t *package)
{
    struct buf b = {0};
    TRY(buf_puts(&b, "Not known:"));
    for (size_t i = 0; i < g->f->gaps.n; i++) TRY(buf_printf(&b, " [%s] %s", g->f->gaps.item[i].key, g->f->gaps.item[i].value));
    if (g->f->energy.answers > 0)
        TRY(buf_printf(&b, " The inference energy is the sum over %" PRIu64 " answers (%" PRIu64 " tokens) on one computer, of which %"
                       PRIu64 " were measured and the others modelled.", g->f->energy.answers, g->f->energy.tokens, g->f->energy.measured));
    put(g, package, "comment", b.data);
    buf_free(&b);
    return HEARTH_OK;
}

static void add_origin(struct graph *g, json_t *package)
{
    struct facts *f = g->f;
    const char *purl = facts_package(f);
    const char *place = FACT_KNOWN(f->repo) ? f->repo : strncmp(f->source, "https://", 8) == 0 ? f->source : "";
    put(g, package, "software_downloadLocation", place);
    if (purl) keep(g, json_object_set_new(package, "externalRef", json_pack("[{s:s, s:s, s:[s], s:s}]", "type", "ExternalRef",
                                          "externalRefType", "binaryArtifact", "locator", purl, "comment",
                                          "The package that the file came in.")));
    put(g, package, "software_homePage", f->url);
    if (FACT_KNOWN(f->source)) {
        keep(g, json_object_set_new(package, "software_sourceInfo", json_sprintf("%s%s%s%s", f->source, FACT_KNOWN(f->label) ? " (" : "",
                                                                                 f->label, FACT_KNOWN(f->label) ? ")" : "")));
    }
    put(g, package, "releaseTime", f->released);
    if (FACT_KNOWN(f->organization) || FACT_KNOWN(f->author)) {
        json_t *maker = element(g, FACT_KNOWN(f->organization) ? "Organization" : "Agent", "maker");
        put(g, maker, "name", FACT_KNOWN(f->organization) ? f->organization : f->author);
        put(g, maker, "comment", "As the model's file says; not checked.");
        keep(g, json_object_set_new(package, "originatedBy", json_pack("[o]", iri(g, "maker"))));
    }
    json_t *supplier = element(g, "Organization", "supplier");
    put(g, supplier, "name", FACT_KNOWN(f->supplier) ? f->supplier : "NOASSERTION");
    keep(g, json_object_set_new(package, "suppliedBy", iri(g, "supplier")));
}

static enum hearth_status add_package(struct graph *g)
{
    struct facts *f = g->f;
    json_t *j = element(g, "ai_AIPackage", "model");
    put(g, j, "name", f->name);
    put(g, j, "description", f->description);
    put(g, j, "software_packageVersion", FACT_KNOWN(f->version) ? f->version : "NOASSERTION");
    put(g, j, "software_primaryPurpose", "model");
    put(g, j, "software_copyrightText", "NOASSERTION");
    keep(g, json_object_set_new(j, "verifiedUsing", sha256_of(f->sha256)));
    add_origin(g, j);
    keep(g, json_object_set_new(j, "ai_typeOfModel", FACT_KNOWN(f->architecture)
        ? json_pack("[s, s]", "transformer (decoder)", f->architecture) : json_pack("[s]", "NOASSERTION")));
    keep(g, json_object_set_new(j, "ai_hyperparameter", hyperparameters(g)));
    put(g, j, "ai_autonomyType", "noAssertion");
    put(g, j, "ai_useSensitivePersonalInformation", "noAssertion");
    put(g, j, "ai_limitation", f->note);
    put(g, j, "ai_informationAboutApplication", f->good_at);
    if (FACT_KNOWN(f->finetune))
        keep(g, json_object_set_new(j, "ai_informationAboutTraining", json_sprintf("The file names its tuning \"%s\".", f->finetune)));
    add_metrics(g, j);
    add_energy(g, j);
    TRY(add_gaps(g, j));
    json_t *file = element(g, "software_File", "file");
    put(g, file, "name", f->file);
    put(g, file, "software_primaryPurpose", "model");
    put(g, file, "contentType", "application/octet-stream");
    keep(g, json_object_set_new(file, "comment", json_sprintf("GGUF, %" PRIu64 " bytes.", f->bytes)));
    keep(g, json_object_set_new(file, "verifiedUsing", sha256_of(f->sha256)));
    relate(g, "model", "contains", iri(g, "file"), "complete");
    TRY(licence(g, "model", "hasDeclaredLicense", "licence-declared", FACT_KNOWN(f->licence_name) && !licence_tag(f->licence)
                ? f->licence_name : f->licence, f->licence_link));
    return licence(g, "model", "hasConcludedLicense", "licence-concluded", f->known_licence, f->terms_at);
}

/* ---- what it was made from ---- */

static enum hearth_status add_lineage(struct graph *g)
{
    char id[32];
    for (size_t i = 0; i < g->f->base.n; i++) {
        const struct fact_source *s = &g->f->base.item[i];
        snprintf(id, sizeof id, "base-%zu", i + 1);
        json_t *j = element(g, "ai_AIPackage", id);
        put(g, j, "name", s->name);
        put(g, j, "software_primaryPurpose", "model");
        put(g, j, "software_packageVersion", FACT_KNOWN(s->version) ? s->version : "NOASSERTION");
        put(g, j, "software_downloadLocation", s->url);
        put(g, j, "comment", "Named by the model's file; nothing else is known of it here.");
        keep(g, json_object_set_new(j, "suppliedBy", iri(g, "supplier-unknown")));
        TRY(licence(g, id, "hasDeclaredLicense", "", "", ""));
        TRY(licence(g, id, "hasConcludedLicense", "", "", ""));
        relate(g, "model", "descendantOf", iri(g, id), "noAssertion");
    }
    if (g->f->base.n > 0) put(g, element(g, "Organization", "supplier-unknown"), "name", "NOASSERTION");
    else relate(g, "model", "descendantOf", json_string(NO_ELEMENT), "noAssertion");
    for (size_t i = 0; i < g->f->data.n; i++) {
        const struct fact_source *s = &g->f->data.item[i];
        snprintf(id, sizeof id, "data-%zu", i + 1);
        json_t *j = element(g, "dataset_DatasetPackage", id);
        put(g, j, "name", s->name);
        put(g, j, "software_primaryPurpose", "data");
        put(g, j, "software_downloadLocation", s->url);
        put(g, j, "comment", "Named by the model's file; nothing else is known of it here.");
        keep(g, json_object_set_new(j, "dataset_datasetType", json_pack("[s]", "noAssertion")));
        relate(g, "model", "trainedOn", iri(g, id), "noAssertion");
    }
    if (g->f->data.n == 0) relate(g, "model", "trainedOn", json_string(NO_ELEMENT), "noAssertion");
    return HEARTH_OK;
}

/* ---- the document ---- */

static enum hearth_status add_all(struct graph *g)
{
    json_t *creation = json_pack("{s:s, s:s, s:s, s:s, s:[o]}", "type", "CreationInfo", "@id", "_:creation", "specVersion", "3.0.1",
                                 "created", g->f->created, "createdBy", iri(g, "hearth"));
    keep(g, json_array_append_new(g->elements, creation));
    json_t *tool = element(g, "SoftwareAgent", "hearth");
    keep(g, json_object_set_new(tool, "name", json_sprintf("hearth %s", hearth_version())));
    TRY(add_package(g));
    TRY(add_lineage(g));
    json_t *profiles = json_pack("[s, s, s, s]", "core", "software", "simpleLicensing", "ai");
    json_t *members = json_copy(g->ids);
    json_t *bom = element(g, "software_Sbom", "bom");
    keep(g, json_object_set(bom, "profileConformance", profiles));
    keep(g, json_object_set_new(bom, "software_sbomType", json_pack("[s]", "analyzed")));
    keep(g, json_object_set_new(bom, "rootElement", json_pack("[o]", iri(g, "model"))));
    keep(g, json_object_set_new(bom, "element", members));
    members = json_copy(g->ids);
    json_t *document = element(g, "SpdxDocument", "document");
    keep(g, json_object_set_new(document, "name", json_sprintf("%s, bill of materials", g->f->name)));
    keep(g, json_object_set_new(document, "profileConformance", profiles));
    keep(g, json_object_set_new(document, "rootElement", json_pack("[o]", iri(g, "bom"))));
    keep(g, json_object_set_new(document, "element", members));
    return HEARTH_OK;
}

static enum hearth_status make_with(struct facts *f, const char *base, json_t **out)
{
    struct graph g = {.f = f, .base = base, .elements = json_array(), .ids = json_array()};
    enum hearth_status st = g.elements && g.ids ? add_all(&g) : HEARTH_OK;
    *out = json_pack("{s:s, s:o}", "@context", CONTEXT, "@graph", g.elements);
    json_decref(g.ids);
    if (st == HEARTH_OK && (g.bad || !*out)) st = fail(HEARTH_ENOMEM, "out of memory for the bill of materials of %s", f->name);
    if (st == HEARTH_OK) return st;
    json_decref(*out);
    *out = NULL;
    return st;
}

enum hearth_status spdx_make(struct facts *f, json_t **out)
{
    char base[64] = "urn:uuid:", *text;
    TRY(make_with(f, "urn", out));
    text = json_dumps(*out, JSON_COMPACT);
    json_decref(*out);
    *out = NULL;
    if (!text) return fail(HEARTH_ENOMEM, "out of memory for the bill of materials of %s", f->name);
    enum hearth_status st = facts_uuid(text, base + strlen(base));
    free(text);
    return st == HEARTH_OK ? make_with(f, base, out) : st;
}
