/* signature.c - bundles of OpenSSF Model Signing, made and checked.
 *
 * The order of checking is that of trust: the signature over the payload's very bytes first, then what the payload says,
 * then the files.  Of a bundle whose signature is wrong nothing is believed, not even its file names. */
#include "account/signature.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "account/ecdsa.h"
#include "account/keys.h"
#include "account/note.h"
#include "account/resources.h"
#include "base/jsontext.h"
#include "base/mem.h"
#include "hub/digest.h"
#include "hub/ini.h"
#include "os/os.h"

#define BUNDLE_TYPE "application/vnd.dev.sigstore.bundle.v0.3+json"
#define PAYLOAD_TYPE "application/vnd.in-toto+json"
#define STATEMENT_TYPE "https://in-toto.io/Statement/v1"
#define PREDICATE_TYPE "https://model_signing/signature/v1.0"

enum { BUNDLE_MAX = 64 << 20, NAMED = 3 /* files that a message names */ };

/* What belongs to a repository and not to the model that lies in it: the specification's default. */
static const char *const git_paths[] = {".git", ".gitattributes", ".github", ".gitignore"};
enum { GIT_PATHS = sizeof git_paths / sizeof *git_paths };

enum hearth_status signature_new_key(const char *path)
{
    struct buf secret = {0}, open = {0}, beside = {0};
    struct stat s;
    enum hearth_status st;
    TRY_GOTO(st, done, buf_printf(&beside, "%s.pub", path));
    if (lstat(beside.data, &s) == 0) {
        st = fail(HEARTH_EUSAGE, "%s: there is such a file already, and a key is never overwritten; choose another name", beside.data);
        goto done;
    }
    TRY_GOTO(st, done, ecdsa_make(&secret, &open));
    TRY_GOTO(st, done, keys_write(path, secret.data, secret.len));
    st = ini_write(beside.data, &open);
done:
    if (secret.data) keys_wipe(secret.data, secret.len);
    buf_free(&secret);
    buf_free(&open);
    buf_free(&beside);
    return st;
}

/* ---- digests and encodings ---- */

static int hex_value(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* SHA-256 over the digests themselves, one after the other: the subject's. */
static enum hearth_status digest_of_digests(const struct resources *r, char hex[65])
{
    struct sha256 *sum = NULL;
    enum hearth_status st = sha256_open(&sum);
    for (size_t i = 0; i < r->n && st == HEARTH_OK; i++) {
        unsigned char raw[32];
        for (int k = 0; k < 32; k++)
            raw[k] = (unsigned char)(hex_value(r->item[i].digest[2 * k]) << 4 | hex_value(r->item[i].digest[2 * k + 1]));
        st = sha256_add(sum, raw, sizeof raw);
    }
    if (st == HEARTH_OK) st = sha256_end(sum, hex);
    sha256_close(sum);
    return st;
}

/* DSSE's pre-authentication encoding of a payload. */
static enum hearth_status encode(const char *payload, size_t n, struct buf *to)
{
    TRY(buf_printf(to, "DSSEv1 %zu %s %zu ", strlen(PAYLOAD_TYPE), PAYLOAD_TYPE, n));
    return buf_put(to, payload, n);
}

/* Where a file lies below a folder, or NULL: both resolved.  free() it. */
static char *place_below(const char *folder, const char *file)
{
    char *root = realpath(folder, NULL), *above = NULL, *found = NULL;
    const char *slash = strrchr(file, '/'), *name = slash ? slash + 1 : file;
    struct buf path = {0};
    size_t n = root ? strlen(root) : 0;
    char *parent = slash ? strndup(file, slash == file ? 1 : (size_t)(slash - file)) : strdup(".");
    if (parent) above = realpath(parent, NULL);
    if (root && above && strncmp(above, root, n) == 0 && (above[n] == '/' || !above[n]) &&
        buf_printf(&path, "%s%s%s", above + n + (above[n] == '/'), above[n] == '/' ? "/" : "", name) == HEARTH_OK)
        found = buf_take(&path, NULL);
    buf_free(&path);
    free(parent);
    free(above);
    free(root);
    return found;
}

/* ---- making ---- */

static json_t *statement_json(const char *name, const char *digest, const struct resources *r, const char *own, int folder)
{
    json_t *resources = json_array(), *ignored = json_array();
    json_t *how = json_pack("{s:s, s:s, s:b}", "method", "files", "hash_type", "sha256", "allow_symlinks", 0);
    for (size_t i = 0; i < r->n; i++)
        json_array_append_new(resources, json_pack("{s:s, s:s, s:s}", "name", r->item[i].name, "algorithm", "sha256", "digest",
                                                   r->item[i].digest));
    for (int i = 0; i < GIT_PATHS; i++) json_array_append_new(ignored, json_string(git_paths[i]));
    if (own) json_array_append_new(ignored, json_string(own));
    int whole = json_array_size(resources) == r->n && json_array_size(ignored) == GIT_PATHS + (own ? 1u : 0u);
    if (folder) json_object_set(how, "ignore_paths", ignored);
    json_decref(ignored);
    json_t *j = json_pack("{s:s, s:[{s:s, s:{s:s}}], s:s, s:{s:o, s:o}}", "_type", STATEMENT_TYPE, "subject", "name", name, "digest",
                          "sha256", digest, "predicateType", PREDICATE_TYPE, "predicate", "serialization", how, "resources",
                          resources);
    if (j && whole) return j;
    json_decref(j);
    return NULL;
}

static enum hearth_status put_string(struct buf *to, const char *before, const char *text, const char *after)
{
    TRY(buf_puts(to, before));
    TRY(buf_puts(to, text));
    return buf_puts(to, after);
}

/* The bundle's text round a payload. */
static enum hearth_status bundle_text(const char *payload, size_t n, const struct ecdsa_key *key, struct buf *to)
{
    struct buf message = {0}, der = {0}, text64 = {0}, der64 = {0};
    char hint[65];
    enum hearth_status st;
    TRY_GOTO(st, done, encode(payload, n, &message));
    TRY_GOTO(st, done, ecdsa_sign(key, message.data, message.len, &der));
    TRY_GOTO(st, done, ecdsa_hint(key, hint));
    TRY_GOTO(st, done, base64_put(&text64, payload, n));
    TRY_GOTO(st, done, base64_put(&der64, der.data, der.len));
    TRY_GOTO(st, done, put_string(to, "{\"mediaType\":\"" BUNDLE_TYPE "\",\"verificationMaterial\":{\"publicKey\":{\"hint\":\"", hint,
                                  "\"},\"tlogEntries\":[]},"));
    TRY_GOTO(st, done, put_string(to, "\"dsseEnvelope\":{\"payload\":\"", text64.data, "\",\"payloadType\":\"" PAYLOAD_TYPE "\","));
    st = put_string(to, "\"signatures\":[{\"sig\":\"", der64.data, "\",\"keyid\":\"\"}]}}\n");
done:
    buf_free(&message);
    buf_free(&der);
    buf_free(&text64);
    buf_free(&der64);
    return st;
}

static enum hearth_status load_private(const char *path, struct ecdsa_key **out)
{
    char *text = NULL;
    size_t n = 0;
    *out = NULL;
    TRY(keys_read(path, &text, &n));
    enum hearth_status st = ecdsa_read_private(path, text, n, out);
    keys_wipe(text, n);
    free(text);
    return st;
}

/* The last part of a path that was resolved. */
static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

enum hearth_status signature_make(const char *model, const char *name, const char *key, const char *to,
                                  signature_progress *progress, void *user, size_t *files)
{
    struct resources r = {0};
    struct ecdsa_key *k = NULL;
    struct buf text = {0};
    struct stat s;
    char *own = NULL, *at = NULL, *payload = NULL, digest[65];
    const char *ignored[GIT_PATHS + 1];
    json_t *statement = NULL;
    enum hearth_status st;
    TRY_GOTO(st, done, load_private(key, &k));
    at = realpath(model, NULL);
    if (!at || stat(at, &s) != 0) {
        st = fail_errno(model, "cannot open");
        goto done;
    }
    if (S_ISDIR(s.st_mode)) own = place_below(at, to);
    memcpy(ignored, git_paths, sizeof git_paths);
    ignored[GIT_PATHS] = own;
    TRY_GOTO(st, done, resources_list(at, ignored, GIT_PATHS + (own ? 1u : 0u), &r));
    TRY_GOTO(st, done, resources_hash(at, &r, progress, user));
    TRY_GOTO(st, done, digest_of_digests(&r, digest));
    statement = statement_json(name ? name : last_part(at), digest, &r, own, S_ISDIR(s.st_mode));
    payload = statement ? json_dumps(statement, JSON_COMPACT) : NULL;
    if (!payload) {
        st = fail(HEARTH_ENOMEM, "%s: out of memory for its signature, or its name is not UTF-8", model);
        goto done;
    }
    TRY_GOTO(st, done, bundle_text(payload, strlen(payload), k, &text));
    TRY_GOTO(st, done, ini_write(to, &text));
    *files = r.n;
done:
    json_decref(statement);
    free(payload);
    free(own);
    free(at);
    buf_free(&text);
    ecdsa_close(k);
    resources_free(&r);
    return st;
}

/* ---- reading a bundle ---- */

static enum hearth_status bad(const char *bundle, const char *field, const json_t *found, const char *allowed)
{
    char *text = found ? json_dumps(found, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    enum hearth_status st = fail(HEARTH_EFORMAT, "%s: %s is %.100s, allowed: %s", bundle, field, text ? text : "missing", allowed);
    free(text);
    return st;
}

/* A field that must be one text, such as mediaType. */
static enum hearth_status expect(const char *bundle, const char *field, const json_t *j, const char *wanted)
{
    if (json_is_string(j) && strcmp(json_string_value(j), wanted) == 0) return HEARTH_OK;
    return bad(bundle, field, j, wanted);
}

/* Base64 of a field; *out is to be freed. */
static enum hearth_status decode(const char *bundle, const char *field, const json_t *j, uint8_t **out, size_t *n)
{
    size_t length = json_string_length(j);
    *out = json_is_string(j) && length ? mem_array(length / 4 * 3 + 3, 1) : NULL;
    if (!json_is_string(j) || length == 0) return bad(bundle, field, j, "base64");
    if (!*out) return HEARTH_ENOMEM;
    long got = base64_read(json_string_value(j), length, *out);
    if (got < 0) {
        free(*out);
        *out = NULL;
        return fail(HEARTH_EFORMAT, "%s: %s is not base64", bundle, field);
    }
    *n = (size_t)got;
    return HEARTH_OK;
}

static int is_digest(const json_t *j)
{
    const char *s = json_string_value(j);
    if (!s || json_string_length(j) != 64) return 0;
    for (int i = 0; i < 64; i++) if (hex_value(s[i]) < 0) return 0;
    return 1;
}

/* Checks the signature; *payload is what was signed. */
static enum hearth_status open_envelope(const char *bundle, const json_t *j, const struct ecdsa_key *key, uint8_t **payload, size_t *n)
{
    const json_t *material = json_object_get(j, "verificationMaterial"), *public = json_object_get(material, "publicKey");
    const json_t *envelope = json_object_get(j, "dsseEnvelope"), *signatures = json_object_get(envelope, "signatures");
    const json_t *hinted = json_object_get(public, "hint");
    const char *hint = json_string_value(hinted);
    struct buf message = {0};
    uint8_t *der = NULL;
    size_t der_n = 0;
    char ours[65];
    int good = 0;
    enum hearth_status st;
    TRY(expect(bundle, "mediaType", json_object_get(j, "mediaType"), BUNDLE_TYPE));
    if (!json_is_object(public))
        return bad(bundle, "verificationMaterial.publicKey", public, "a key (signatures by certificates or by an identity service "
                   "need the network, and are not checked here)");
    if (hinted && !hint && !json_is_null(hinted)) return bad(bundle, "verificationMaterial.publicKey.hint", hinted, "a text");
    TRY(ecdsa_hint(key, ours));
    if (hint && *hint && strcmp(hint, ours) != 0)
        return fail(HEARTH_ECHECKSUM, "%s: signed by the key %.16s..., and the key given is %.16s...", bundle, hint, ours);
    TRY(expect(bundle, "dsseEnvelope.payloadType", json_object_get(envelope, "payloadType"), PAYLOAD_TYPE));
    if (json_array_size(signatures) != 1) return bad(bundle, "dsseEnvelope.signatures", signatures, "exactly one signature");
    TRY(decode(bundle, "dsseEnvelope.payload", json_object_get(envelope, "payload"), payload, n));
    TRY_GOTO(st, done, decode(bundle, "dsseEnvelope.signatures[0].sig", json_object_get(json_array_get(signatures, 0), "sig"), &der, &der_n));
    TRY_GOTO(st, done, encode((const char *)*payload, *n, &message));
    st = ecdsa_verify(key, message.data, message.len, der, der_n, &good);
    if (st == HEARTH_OK && !good)
        st = fail(HEARTH_ECHECKSUM, "%s: the signature is not this key's, or what was signed has been changed", bundle);
done:
    free(der);
    buf_free(&message);
    return st;
}

/* predicate.resources, in the order of the statement, which the subject's digest covers. */
static enum hearth_status read_resources(const char *bundle, const json_t *list, struct resources *out)
{
    size_t i;
    json_t *item;
    if (json_array_size(list) == 0) return bad(bundle, "predicate.resources", list, "a list of files");
    out->item = mem_array(json_array_size(list), sizeof *out->item);
    if (!out->item) return HEARTH_ENOMEM;
    json_array_foreach((json_t *)list, i, item) {
        const json_t *name = json_object_get(item, "name"), *digest = json_object_get(item, "digest");
        TRY(expect(bundle, "the algorithm of a resource", json_object_get(item, "algorithm"), "sha256"));
        if (!json_is_string(name) || json_string_length(name) == 0 || strlen(json_string_value(name)) != json_string_length(name))
            return bad(bundle, "the name of a resource", name, "the name of a file");
        if (!is_digest(digest)) return bad(bundle, "the digest of a resource", digest, "64 lower-case hex digits");
        out->item[out->n].name = strdup(json_string_value(name));
        if (!out->item[out->n].name) return fail_memory(json_string_length(name));
        memcpy(out->item[out->n++].digest, json_string_value(digest), 65);
    }
    return HEARTH_OK;
}

static enum hearth_status read_statement(const char *bundle, const json_t *j, struct resources *out, struct signature_found *found)
{
    const json_t *subject = json_object_get(j, "subject"), *first = json_array_get(subject, 0);
    const json_t *digest = json_object_get(json_object_get(first, "digest"), "sha256"), *name = json_object_get(first, "name");
    const json_t *predicate = json_object_get(j, "predicate"), *how = json_object_get(predicate, "serialization");
    TRY(expect(bundle, "the statement's _type", json_object_get(j, "_type"), STATEMENT_TYPE));
    TRY(expect(bundle, "predicateType", json_object_get(j, "predicateType"), PREDICATE_TYPE));
    if (json_array_size(subject) != 1) return bad(bundle, "subject", subject, "exactly one");
    if (!is_digest(digest)) return bad(bundle, "subject[0].digest.sha256", digest, "64 lower-case hex digits");
    TRY(expect(bundle, "predicate.serialization.method", json_object_get(how, "method"), "files"));
    TRY(expect(bundle, "predicate.serialization.hash_type", json_object_get(how, "hash_type"), "sha256"));
    if (json_is_true(json_object_get(how, "allow_symlinks")))
        return bad(bundle, "predicate.serialization.allow_symlinks", json_object_get(how, "allow_symlinks"), "false");
    TRY(read_resources(bundle, json_object_get(predicate, "resources"), out));
    TRY(digest_of_digests(out, found->digest));
    if (strcmp(found->digest, json_string_value(digest)) != 0)
        return fail(HEARTH_EFORMAT, "%s: subject[0].digest.sha256 is %s, and its resources give %s", bundle, json_string_value(digest),
                    found->digest);
    snprintf(found->name, sizeof found->name, "%s", json_is_string(name) ? json_string_value(name) : "");
    return HEARTH_OK;
}

/* ---- holding the files against it ---- */

static int by_name(const void *a, const void *b)
{
    return resource_order(((const struct resource *)a)->name, ((const struct resource *)b)->name);
}

struct differences { struct buf text; size_t n; };

static enum hearth_status differ(struct differences *d, const char *what, const char *name)
{
    if (d->n++ >= NAMED) return HEARTH_OK;
    return buf_printf(&d->text, "%s%s %s", d->n > 1 ? ", " : "", strcmp(name, ".") == 0 ? "the file" : name, what);
}

/* Both lists are sorted.  hashed: the digests are compared too, else only what is there. */
static enum hearth_status compare(const struct resources *was, const struct resources *is, int hashed, struct differences *d)
{
    for (size_t i = 0, k = 0; i < was->n || k < is->n;) {
        int order = i == was->n ? 1 : k == is->n ? -1 : resource_order(was->item[i].name, is->item[k].name);
        if (order < 0) TRY(differ(d, "is missing", was->item[i].name));
        else if (order > 0) TRY(differ(d, "was not signed", is->item[k].name));
        else if (hashed && strcmp(was->item[i].digest, is->item[k].digest) != 0) TRY(differ(d, "has changed", was->item[i].name));
        i += order <= 0;
        k += order >= 0;
    }
    return HEARTH_OK;
}

static enum hearth_status tell(const char *model, const struct differences *d)
{
    if (d->n == 0) return HEARTH_OK;
    if (d->n <= NAMED) return fail(HEARTH_ECHECKSUM, "%s: not as it was signed: %s", model, d->text.data);
    return fail(HEARTH_ECHECKSUM, "%s: not as it was signed: %s and %zu more", model, d->text.data, d->n - NAMED);
}

static enum hearth_status check_files(const char *model, const json_t *how, const char *own, struct resources *was,
                                      signature_progress *progress, void *user)
{
    const json_t *list = json_object_get(how, "ignore_paths");
    size_t n = json_array_size(list), used = 0;
    const char **ignored = mem_array(n + 1, sizeof *ignored);
    struct resources is = {0};
    struct differences d = {{0}, 0};
    enum hearth_status st = ignored ? HEARTH_OK : HEARTH_ENOMEM;
    for (size_t i = 0; i < n && ignored; i++) {
        const char *s = json_string_value(json_array_get(list, i));
        if (s) ignored[used++] = s;
    }
    if (own && ignored) ignored[used++] = own;
    TRY_GOTO(st, done, st);
    qsort(was->item, was->n, sizeof *was->item, by_name);
    TRY_GOTO(st, done, resources_list(model, ignored, used, &is));
    TRY_GOTO(st, done, compare(was, &is, 0, &d));
    TRY_GOTO(st, done, tell(model, &d));
    TRY_GOTO(st, done, resources_hash(model, &is, progress, user));
    TRY_GOTO(st, done, compare(was, &is, 1, &d));
    st = tell(model, &d);
done:
    buf_free(&d.text);
    resources_free(&is);
    free(ignored);
    return st;
}

enum hearth_status signature_check(const char *model, const char *bundle, const char *key, signature_progress *progress,
                                   void *user, struct signature_found *out)
{
    char *pem = NULL, *text = NULL, *own = NULL;
    uint8_t *payload = NULL;
    size_t n = 0, payload_n = 0;
    struct ecdsa_key *k = NULL;
    json_t *j = NULL, *statement = NULL;
    struct resources was = {0};
    enum hearth_status st;
    *out = (struct signature_found){0};
    TRY_GOTO(st, done, os_read_file(key, KEYS_FILE, &pem, &n));
    TRY_GOTO(st, done, ecdsa_read_public(key, pem, n, &k));
    snprintf(out->curve, sizeof out->curve, "%s", ecdsa_curve(k));
    TRY_GOTO(st, done, ecdsa_hint(k, out->hint));
    TRY_GOTO(st, done, os_read_file(bundle, BUNDLE_MAX, &text, &n));
    TRY_GOTO(st, done, jsontext_read(bundle, text, n, &j));
    TRY_GOTO(st, done, open_envelope(bundle, j, k, &payload, &payload_n));
    TRY_GOTO(st, done, jsontext_read(bundle, (const char *)payload, payload_n, &statement));
    TRY_GOTO(st, done, read_statement(bundle, statement, &was, out));
    out->files = was.n;
    own = place_below(model, bundle);
    st = check_files(model, json_object_get(json_object_get(statement, "predicate"), "serialization"), own, &was, progress, user);
done:
    json_decref(statement);
    json_decref(j);
    free(own);
    free(payload);
    free(pem);
    free(text);
    ecdsa_close(k);
    resources_free(&was);
    return st;
}
