/* recipe.c - derived models: what they add, kept by its digest. */
#include "hub/recipe.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/jsontext.h"
#include "hub/digest.h"
#include "hub/ini.h"
#include "hub/lora.h"
#include "hub/resolve.h"
#include "hub/store.h"
#include "os/os.h"
#include "text/gotemplate.h"
#include "text/template.h"

enum { RECIPE_MAX = 16 << 20 };

/* ---- the file: one JSON object with sorted keys ---- */

static const struct { const char *key; size_t offset; } texts[] = {
    {"from", offsetof(struct hub_recipe, from)}, {"system", offsetof(struct hub_recipe, system)},
    {"licence", offsetof(struct hub_recipe, licence)}, {"chat_template", offsetof(struct hub_recipe, chat_template)},
    {"as_written", offsetof(struct hub_recipe, as_written)},
    {"adapter", offsetof(struct hub_recipe, adapter)}};
enum { TEXTS = sizeof texts / sizeof *texts };

static char **text_of(struct hub_recipe *r, size_t i)
{
    return (char **)(void *)((char *)r + texts[i].offset);
}

void hub_recipe_free(struct hub_recipe *r)
{
    for (size_t i = 0; i < TEXTS; i++) free(*text_of(r, i));
    json_decref(r->parameters);
    json_decref(r->messages);
    *r = (struct hub_recipe){0};
}

/* base: the digest of the file, so that two models of one recipe over two files are two. */
static enum hearth_status recipe_text(struct hub_recipe *r, const char *base, struct buf *out, char hex[65])
{
    json_t *o = json_pack("{s:s, s:O, s:O}", "sha256", base, "parameters", r->parameters, "messages", r->messages);
    char *text = NULL;
    enum hearth_status st = o ? HEARTH_OK : fail_memory(0);
    for (size_t i = 0; i < TEXTS && st == HEARTH_OK; i++)
        if (*text_of(r, i) && json_object_set_new(o, texts[i].key, json_string(*text_of(r, i)))) st = fail_memory(0);
    if (st == HEARTH_OK && !(text = json_dumps(o, JSON_SORT_KEYS | JSON_INDENT(1)))) st = fail_memory(0);
    if (st == HEARTH_OK) st = buf_printf(out, "%s\n", text);
    if (st == HEARTH_OK && out->len > RECIPE_MAX)
        st = fail(HEARTH_ELIMIT, "what the model adds has %zu bytes; %d are allowed", out->len, RECIPE_MAX);
    if (st == HEARTH_OK) st = sha256_of(out->data, out->len, hex);
    json_decref(o);
    free(text);
    return st;
}

static enum hearth_status from_json(const char *path, const json_t *o, struct hub_recipe *out)
{
    for (size_t i = 0; i < TEXTS; i++) {
        const char *s = json_string_value(json_object_get(o, texts[i].key));
        if (s && !(*text_of(out, i) = strdup(s))) return fail_memory(strlen(s) + 1);
    }
    out->parameters = json_incref(json_object_get(o, "parameters"));
    out->messages = json_incref(json_object_get(o, "messages"));
    if (json_is_object(out->parameters) && json_is_array(out->messages)) return HEARTH_OK;
    return fail(HEARTH_EFORMAT, "%s: parameters should be an object and messages an array", path);
}

enum hearth_status hub_recipe(const struct hub_model *m, struct hub_recipe *out)
{
    char *path = NULL, *text = NULL, hex[65];
    size_t n = 0;
    json_t *o = NULL;
    *out = (struct hub_recipe){0};
    if (!m->recipe || !*m->recipe) {
        out->parameters = json_object(), out->messages = json_array();
        if (out->parameters && out->messages) return HEARTH_OK;
        hub_recipe_free(out);
        return fail_memory(0);
    }
    enum hearth_status st;
    TRY_GOTO(st, done, store_recipe_path(m->recipe, &path));
    TRY_GOTO(st, done, os_read_file(path, RECIPE_MAX, &text, &n));
    TRY_GOTO(st, done, sha256_of(text, n, hex));
    if (strcmp(hex, m->recipe) != 0) {
        st = fail(HEARTH_ECHECKSUM, "%s: what it adds (%s) has been changed; make it again with `hearth create`", m->name, path);
        goto done;
    }
    TRY_GOTO(st, done, jsontext_read(path, text, n, &o));
    TRY_GOTO(st, done, from_json(path, o, out));
    if (strcmp(out->adapter ? out->adapter : "", m->adapter) != 0)
        st = fail(HEARTH_EFORMAT, "%s: its name has another adapter than what it adds (%s); make it again with `hearth create`", m->name, path);
done:
    if (st != HEARTH_OK) hub_recipe_free(out);
    json_decref(o);
    free(path);
    free(text);
    return st;
}

/* ---- making one ---- */

static enum hearth_status replace(char **field, const char *text)
{
    char *copy = strdup(text);
    if (!copy) return fail_memory(strlen(text) + 1);
    free(*field);
    *field = copy;
    return HEARTH_OK;
}

enum hearth_status recipe_template(const char *source, struct buf *jinja)
{
    struct template *t = NULL;
    size_t before = jinja->len;
    if (gotemplate_is(source, strlen(source))) TRY(gotemplate_to_jinja(source, strlen(source), "TEMPLATE", jinja));
    else TRY(buf_puts(jinja, source));
    enum hearth_status st = template_open(jinja->data + before, jinja->len - before, "TEMPLATE", &t);
    template_close(t);
    return st;
}

static enum hearth_status take_template(struct hub_recipe *r, const char *source)
{
    struct buf jinja = {0};
    enum hearth_status st = recipe_template(source, &jinja);
    if (st == HEARTH_OK) st = replace(&r->chat_template, jinja.data);
    if (st == HEARTH_OK) st = replace(&r->as_written, source);
    buf_free(&jinja);
    return st;
}

static enum hearth_status add_modelfile(struct hub_recipe *r, const struct modelfile *f, const char *from)
{
    TRY(replace(&r->from, from));
    if (f->system) TRY(replace(&r->system, f->system));
    if (f->licence) TRY(replace(&r->licence, f->licence));
    if (f->chat_template) TRY(take_template(r, f->chat_template));
    if (json_object_update(r->parameters, f->parameters)) return fail_memory(0);
    if (!json_array_size(f->messages)) return HEARTH_OK;
    return json_array_clear(r->messages) || json_array_extend(r->messages, f->messages) ? fail_memory(0) : HEARTH_OK;
}

/* A file of the store, by its digest. */
static enum hearth_status find_blob(const char *sha256, const struct hub_callbacks *c, struct hub_model *out)
{
    char *path = NULL;
    struct stat s;
    TRY(store_blob_path(sha256, &path));
    enum hearth_status st = HEARTH_OK;
    if (stat(path, &s) != 0 || !S_ISREG(s.st_mode)) st = fail(HEARTH_ENOTFOUND, "no file of the digest sha256:%s is in the store", sha256);
    else st = resolve_describe(path, "file", 1, (uint64_t)s.st_size, c, out);
    if (st == HEARTH_OK && strcmp(out->sha256, sha256) != 0)
        st = fail(HEARTH_ECHECKSUM, "the file of the digest sha256:%s in the store has changed", sha256);
    if (st != HEARTH_OK) hub_model_free(out);
    free(path);
    return st;
}

static enum hearth_status find_base(const struct modelfile *f, int paths, const struct hub_callbacks *c, struct hub_model *base, int *named)
{
    char *path = NULL, *real = NULL;
    *named = 0;
    if (!strncmp(f->from, "sha256:", 7)) return find_blob(f->from + 7, c, base);
    enum hearth_status st = paths ? hub_resolve(f->from, &path, base) : hub_resolve_name(f->from, &path, base);
    *named = st == HEARTH_OK && *base->name;
    if (st == HEARTH_OK && !*named) {                     /* a file: used where it lies */
        uint64_t size = base->size;
        hub_model_free(base);
        if (!(real = realpath(path, NULL))) st = fail_errno(path, "cannot find its place");
        else st = resolve_describe(real, "file", 0, size, c, base);
    }
    if (st != HEARTH_OK) hub_model_free(base);
    free(path);
    free(real);
    return st;
}

/* A name that stands for a file of its own is not taken over. */
static enum hearth_status check_replaced(const struct hub_model *old, const struct hub_model *m)
{
    int used = 1, same = !strcmp(old->sha256, m->sha256) && !strcmp(old->recipe, m->recipe) && !strcmp(old->path, m->path);
    if (!*old->recipe && !same)
        return fail(HEARTH_EUSAGE, "the name %s stands for a model of its own already (%.500s); choose another, or `hearth rm %s` first",
                    m->name, old->path, m->name);
    if (old->place == HUB_STORED && strcmp(old->sha256, m->sha256) != 0) TRY(store_in_use(old->sha256, STORE_AS_FILE, m->name, &used));
    return used ? HEARTH_OK : fail(HEARTH_EUSAGE, "%s is the last name of its file; `hearth rm %s` first", m->name, m->name);
}

/* Deletes a recipe, or an adapter, that no name has any more. */
static enum hearth_status drop(const char *sha256, enum store_use use)
{
    int used = 1;
    uint64_t freed = 0;
    char *path = NULL;
    TRY(store_in_use(sha256, use, NULL, &used));
    if (used) return HEARTH_OK;
    TRY(use == STORE_AS_RECIPE ? store_recipe_path(sha256, &path) : store_blob_path(sha256, &path));
    enum hearth_status st = store_remove_all(path, &freed);
    free(path);
    return st;
}

/* recipe (may be NULL): the text of the new one's.  Nothing is written unless all may be. */
static enum hearth_status write_name(const struct hub_model *m, const struct buf *recipe)
{
    struct hub_model old = {0};
    char *path = NULL;
    int lock = -1;
    enum hearth_status st;
    TRY(store_lock(&lock));
    st = store_read(m->name, &old);
    int there = st == HEARTH_OK;
    if (there) st = check_replaced(&old, m);
    else if (st == HEARTH_ENOTFOUND || st == HEARTH_EFORMAT) st = HEARTH_OK;     /* a damaged one is written anew */
    if (st == HEARTH_OK && *m->adapter) st = lora_there(m->adapter);
    if (st == HEARTH_OK && recipe) st = store_recipe_path(m->recipe, &path);
    if (st == HEARTH_OK && recipe) st = ini_write(path, recipe);
    if (st == HEARTH_OK) st = store_write(m);
    if (st == HEARTH_OK && there && *old.recipe && strcmp(old.recipe, m->recipe) != 0) st = drop(old.recipe, STORE_AS_RECIPE);
    if (st == HEARTH_OK && there && *old.adapter && strcmp(old.adapter, m->adapter) != 0) st = drop(old.adapter, STORE_AS_ADAPTER);
    store_unlock(lock);
    hub_model_free(&old);
    free(path);
    return st;
}

static enum hearth_status become(struct hub_model *m, const char *name, const char *parent, const char *recipe, const struct hub_recipe *r)
{
    char now[24];
    name_now(now);
    TRY(store_set(m, STORE_NAME, name));
    TRY(store_set(m, STORE_PARENT, parent));
    TRY(store_set(m, STORE_RECIPE, recipe));
    TRY(store_set(m, STORE_ADAPTER, r->adapter ? r->adapter : ""));
    TRY(store_set(m, STORE_ADDED, now));
    return r->chat_template ? store_set(m, STORE_KIND, "instruct") : HEARTH_OK;
}

/* The adapter that is named, into the store and into r. */
static enum hearth_status take_adapter(struct hub_recipe *r, const struct modelfile *f, int paths, const struct hearth_model *base, const char *file,
                                       const struct hub_callbacks *c)
{
    char hex[65];
    if (!f->adapter) return HEARTH_OK;
    TRY(lora_take(f->adapter, paths, base, file, c, hex));
    return replace(&r->adapter, hex);
}

enum hearth_status hub_create(const char *name, const struct modelfile *f, int paths, const struct hearth_model *base,
                              const struct hub_callbacks *c, struct hub_model *out)
{
    char plain[NAME_MAX_BYTES + 1], hex[65], *parent = NULL;
    struct hub_recipe r = {0};
    struct buf text = {0};
    *out = (struct hub_model){0};
    TRY(name_canonical(name, plain));
    int named = 0;
    TRY(find_base(f, paths, c, out, &named));
    enum hearth_status st = hub_recipe(out, &r);
    if (st == HEARTH_OK && !(parent = strdup(named ? out->name : ""))) st = fail_memory(1);
    if (st == HEARTH_OK) st = add_modelfile(&r, f, named ? parent : !strncmp(f->from, "sha256:", 7) ? f->from : out->path);
    if (st == HEARTH_OK) st = store_make();
    if (st == HEARTH_OK) st = take_adapter(&r, f, paths, base, out->path, c);
    if (st == HEARTH_OK) st = recipe_text(&r, out->sha256, &text, hex);
    if (st == HEARTH_OK) st = become(out, plain, parent, hex, &r);
    if (st == HEARTH_OK) st = write_name(out, &text);
    if (st != HEARTH_OK) hub_model_free(out);
    hub_recipe_free(&r);
    buf_free(&text);
    free(parent);
    return st;
}

enum hearth_status hub_copy(const char *from, const char *to, struct hub_model *out)
{
    char plain[NAME_MAX_BYTES + 1], now[24], *path = NULL;
    *out = (struct hub_model){0};
    TRY(name_canonical(to, plain));
    TRY(hub_resolve_name(from, &path, out));
    free(path);
    name_now(now);
    enum hearth_status st = store_set(out, STORE_NAME, plain);
    if (st == HEARTH_OK) st = store_set(out, STORE_ADDED, now);
    if (st == HEARTH_OK) st = write_name(out, NULL);
    if (st != HEARTH_OK) hub_model_free(out);
    return st;
}

enum hearth_status hub_adopt(const char *sha256, const char *name, const struct hub_callbacks *c, struct hub_model *out)
{
    char plain[NAME_MAX_BYTES + 1];
    *out = (struct hub_model){0};
    TRY(name_canonical(name, plain));
    TRY(find_blob(sha256, c, out));
    enum hearth_status st = store_set(out, STORE_NAME, plain);
    if (st == HEARTH_OK) st = write_name(out, NULL);
    if (st != HEARTH_OK) hub_model_free(out);
    return st;
}

int hub_has_blob(const char *sha256)
{
    char *path = NULL;
    struct stat s;
    int there = store_blob_path(sha256, &path) == HEARTH_OK && stat(path, &s) == 0 && S_ISREG(s.st_mode);
    free(path);
    return there;
}

enum hearth_status hub_keep(const char *path, const char *sha256)
{
    char hex[65], *blob = NULL;
    int fd = -1;
    TRY(store_blob_path(sha256, &blob));
    enum hearth_status st = hub_digest(path, NULL, hex, NULL);
    if (st == HEARTH_OK && strcmp(hex, sha256) != 0)
        st = fail(HEARTH_ECHECKSUM, "the bytes that came have the SHA-256 %s, not %s; nothing was kept", hex, sha256);
    if (st == HEARTH_OK && ((fd = open(path, O_RDONLY | O_CLOEXEC)) < 0 || fchmod(fd, 0444) != 0 || fsync(fd) != 0 || rename(path, blob) != 0))
        st = fail_errno(blob, "cannot be put in its place");
    if (fd >= 0) close(fd);
    free(blob);
    return st;
}

/* ---- showing one ---- */

enum hearth_status hub_write_modelfile(const struct hub_model *m, const struct hub_recipe *r, int paths, struct buf *to)
{
    char digest[80], adapter[80], *name = m->name && *m->name ? m->name : NULL, *from = r->from ? r->from : name ? name : m->path;
    snprintf(digest, sizeof digest, "sha256:%s", m->sha256);
    if (!paths && *from == '/') from = digest;
    snprintf(adapter, sizeof adapter, "sha256:%s", r->adapter ? r->adapter : "");
    const struct modelfile f = {.from = from, .adapter = r->adapter ? adapter : NULL, .chat_template = r->as_written, .system = r->system, .licence = r->licence,
                                .parameters = r->parameters, .messages = r->messages};
    TRY(buf_printf(to, "# Modelfile of %s, for `hearth create NAME -f FILE`\n", name ? name : paths ? m->path : digest));
    return modelfile_write(&f, to);
}
