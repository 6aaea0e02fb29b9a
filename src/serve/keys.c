/* keys.c - the file of a server's keys. */
#include "serve/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "account/crypto.h"
#include "account/hex.h"
#include "account/keys.h"
#include "hub/hub.h"
#include "hub/ini.h"
#include "hub/names.h"

enum { FILE_MAX = 1 << 20, SECRET = 32 };

static enum hearth_status where(char **path)
{
    return hub_path(HUB_CONFIG, "keys.ini", path);
}

/* ---- reading ---- */

static enum hearth_status check_owner(const char *path, const struct stat *s)
{
    if (!S_ISREG(s->st_mode)) return fail(HEARTH_EIO, "%s: not a regular file, so no key is read from it", path);
    if (s->st_uid != geteuid())
        return fail(HEARTH_EIO, "%s: it belongs to user %u, not to you (user %u), so no key is read from it", path, (unsigned)s->st_uid,
                    (unsigned)geteuid());
    if (s->st_mode & 077)
        return fail(HEARTH_EIO, "%s: others can read or write it (mode %04o); `chmod 600` it, and make new keys if others were there", path,
                    (unsigned)s->st_mode & 07777);
    if (s->st_size > FILE_MAX) return fail(HEARTH_ELIMIT, "%s: %lld bytes; keys have at most %d", path, (long long)s->st_size, FILE_MAX);
    return HEARTH_OK;
}

/* *text NULL: there is no file. */
static enum hearth_status read_text(const char *path, char **text, size_t *n)
{
    struct stat s;
    ssize_t got = 0;
    *text = NULL;
    *n = 0;
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) return HEARTH_OK;
    if (fd < 0) return fail_errno(path, errno == ELOOP ? "a symbolic link, where the keys themselves must be" : "cannot open");
    enum hearth_status st = fstat(fd, &s) != 0 ? fail_errno(path, "cannot examine") : check_owner(path, &s);
    if (st == HEARTH_OK && !(*text = mem_array((size_t)s.st_size + 1, 1))) st = HEARTH_ENOMEM;
    while (st == HEARTH_OK && *n < (size_t)s.st_size && (got = read(fd, *text + *n, (size_t)s.st_size - *n)) > 0) *n += (size_t)got;
    if (st == HEARTH_OK && *n < (size_t)s.st_size) st = fail_errno(path, got < 0 ? "cannot read" : "became shorter while it was read");
    close(fd);
    if (st != HEARTH_OK) free(*text), *text = NULL;
    return st;
}

static enum hearth_status bad(const struct ini *ini, const struct ini_item *it, const char *allowed)
{
    return fail(HEARTH_EFORMAT, "%s, line %d: %s is \"%.80s\"; allowed is %s", ini->label, it->line, it->key, it->value, allowed);
}

static enum hearth_status set(const struct ini *ini, const struct ini_item *it, struct key *k)
{
    uint64_t n = 0;
    if (strcmp(it->key, "sha256") == 0) {
        if (!name_is_digest(it->value)) return bad(ini, it, "64 hex digits");
        memcpy(k->sha256, it->value, sizeof k->sha256);
    } else if (strcmp(it->key, "created") == 0) {
        if (strlen(it->value) >= sizeof k->created) return bad(ini, it, "a time such as 2026-11-28T10:00:00Z");
        strcpy(k->created, it->value);
    } else if (strcmp(it->key, "models") == 0) {
        free(k->models);
        if (!(k->models = strdup(it->value))) return fail_memory(strlen(it->value));
    } else if (strcmp(it->key, "requests_per_minute") == 0) {
        TRY(ini_item_number(ini, it, KEY_REQUESTS_MAX, &n));
        k->requests_per_minute = (unsigned)n;
    } else if (strcmp(it->key, "tokens_per_day") == 0) {
        TRY(ini_item_number(ini, it, INT64_MAX, &k->tokens_per_day));
    } else if (strcmp(it->key, "revoked") == 0 || strcmp(it->key, "store") == 0) {
        if (strcmp(it->value, "yes") != 0 && strcmp(it->value, "no") != 0) return bad(ini, it, "yes or no");
        *(it->key[0] == 'r' ? &k->revoked : &k->store) = it->value[0] == 'y';
    } else return fail(HEARTH_EFORMAT, "%s, line %d: there is no setting %s of a key", ini->label, it->line, it->key);
    return HEARTH_OK;
}

static enum hearth_status check_name(const char *name)
{
    size_t n = strlen(name);
    if (n == 0 || n > KEY_NAME_MAX || strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._@-") != n)
        return fail(HEARTH_EUSAGE, "\"%.80s\" is no name for a key; one has 1 to %d letters (a to z), digits or ._@-", name, KEY_NAME_MAX);
    return HEARTH_OK;
}

static struct key *find(const struct keyring *k, const char *name)
{
    for (size_t i = 0; i < k->n; i++) if (strcmp(k->key[i].name, name) == 0) return &k->key[i];
    return NULL;
}

/* The key of that section; made when it is not there. */
static enum hearth_status of_section(const struct ini *ini, const struct ini_item *it, struct keyring *out, size_t *cap, struct key **key)
{
    if (strncmp(it->section, "key ", 4) != 0)
        return fail(HEARTH_EFORMAT, "%s, line %d: [%.80s] is no section of this file; one is [key anna]", ini->label, it->line, it->section);
    const char *name = it->section + 4;
    TRY(check_name(name));
    if ((*key = find(out, name))) return HEARTH_OK;
    TRY(mem_grow(&out->key, cap, out->n + 1, sizeof *out->key));
    *key = &out->key[out->n];
    **key = (struct key){.models = strdup("")};
    if (!(*key)->models) return fail_memory(1);
    strcpy((*key)->name, name);
    out->n++;
    return HEARTH_OK;
}

static enum hearth_status parse(const struct ini *ini, struct keyring *out)
{
    size_t cap = 0;
    for (size_t i = 0; i < ini->n; i++) {
        struct key *k = NULL;
        TRY(of_section(ini, &ini->item[i], out, &cap, &k));
        TRY(set(ini, &ini->item[i], k));
    }
    for (size_t i = 0; i < out->n; i++)
        if (!*out->key[i].sha256) return fail(HEARTH_EFORMAT, "%s: key %s has no sha256", ini->label, out->key[i].name);
    return HEARTH_OK;
}

enum hearth_status keyring_read(struct keyring *out)
{
    struct ini ini;
    char *path = NULL, *text = NULL;
    size_t n;
    enum hearth_status st;
    *out = (struct keyring){0};
    TRY_GOTO(st, done, where(&path));
    TRY_GOTO(st, done, read_text(path, &text, &n));
    if (!text) goto done;
    TRY_GOTO(st, done, ini_parse(text, n, path, &ini));
    st = parse(&ini, out);
    ini_free(&ini);
    if (st != HEARTH_OK) keyring_free(out);
done:
    free(text);
    free(path);
    return st;
}

void keyring_free(struct keyring *k)
{
    for (size_t i = 0; i < k->n; i++) free(k->key[i].models);
    free(k->key);
    *k = (struct keyring){0};
}

void keyring_stamp(struct keyring_stamp *out)
{
    struct stat s;
    char *path = NULL;
    *out = (struct keyring_stamp){0};
    if (where(&path) == HEARTH_OK && stat(path, &s) == 0)
        *out = (struct keyring_stamp){(uint64_t)s.st_dev, (uint64_t)s.st_ino, (uint64_t)s.st_size ^ (uint64_t)s.st_mode << 40,
                                      s.st_ctim.tv_sec, s.st_ctim.tv_nsec};
    free(path);
}

size_t keyring_valid(const struct keyring *k)
{
    size_t n = 0;
    for (size_t i = 0; i < k->n; i++) n += !k->key[i].revoked;
    return n;
}

/* ---- writing ---- */

static enum hearth_status print(const struct keyring *k, struct buf *to)
{
    TRY(buf_puts(to, "# The keys of `hearth serve`; `hearth key` writes this file. What is kept of a key is its SHA-256.\n"));
    for (size_t i = 0; i < k->n; i++) {
        const struct key *key = &k->key[i];
        TRY(buf_printf(to, "\n[key %s]\n", key->name));
        TRY(ini_put(to, "sha256", key->sha256));
        TRY(ini_put(to, "created", key->created));
        TRY(ini_put(to, "models", key->models));
        if (key->store) TRY(ini_put(to, "store", "yes"));
        if (key->requests_per_minute) TRY(ini_put_number(to, "requests_per_minute", key->requests_per_minute));
        if (key->tokens_per_day) TRY(ini_put_number(to, "tokens_per_day", key->tokens_per_day));
        if (key->revoked) TRY(ini_put(to, "revoked", "yes"));
    }
    return HEARTH_OK;
}

/* Beside, then moved to its name: whole, and never readable by others, not even for a moment. */
static enum hearth_status write_text(const char *path, const struct buf *text)
{
    struct buf beside = {0};
    size_t done = 0;
    ssize_t n = 0;
    TRY(buf_printf(&beside, "%s.tmp", path));
    unlink(beside.data);
    int fd = open(beside.data, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    enum hearth_status st = fd < 0 ? fail_errno(beside.data, "cannot make") : HEARTH_OK;
    while (fd >= 0 && done < text->len && (n = write(fd, text->data + done, text->len - done)) > 0) done += (size_t)n;
    if (fd >= 0 && (done < text->len || fsync(fd) != 0)) st = fail_errno(path, "cannot write");
    if (fd >= 0) close(fd);
    if (st == HEARTH_OK && rename(beside.data, path) != 0) st = fail_errno(path, "cannot put the keys in place");
    if (st != HEARTH_OK) unlink(beside.data);
    buf_free(&beside);
    return st;
}

static enum hearth_status make_folders(const char *path)
{
    char *p = strdup(path);
    if (!p) return fail_memory(strlen(path));
    enum hearth_status st = HEARTH_OK;
    for (char *slash = p + 1; st == HEARTH_OK && (slash = strchr(slash, '/')); slash++) {
        *slash = 0;
        if (mkdir(p, 0700) != 0 && errno != EEXIST) st = fail_errno(p, "cannot make the folder");
        *slash = '/';
    }
    free(p);
    return st;
}

/* Reads, lets change() work on it, writes; one process at a time. */
static enum hearth_status change_with(enum hearth_status (*change)(struct keyring *k, void *user), void *user)
{
    struct keyring k = {0};
    struct buf text = {0}, lock = {0};
    char *path = NULL;
    int fd = -1;
    enum hearth_status st;
    TRY_GOTO(st, done, where(&path));
    TRY_GOTO(st, done, make_folders(path));
    TRY_GOTO(st, done, buf_printf(&lock, "%s.lock", path));
    fd = open(lock.data, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 || flock(fd, LOCK_EX) != 0) {
        st = fail_errno(lock.data, "cannot lock");
        goto done;
    }
    TRY_GOTO(st, done, keyring_read(&k));
    TRY_GOTO(st, done, change(&k, user));
    TRY_GOTO(st, done, print(&k, &text));
    st = write_text(path, &text);
done:
    if (fd >= 0) close(fd);
    keyring_free(&k);
    buf_free(&text);
    buf_free(&lock);
    free(path);
    return st;
}

static enum hearth_status add(struct keyring *k, void *user)
{
    struct key *new = user, *old = find(k, new->name);
    if (old)
        return fail(HEARTH_EUSAGE, "there is a key %s already%s; its name stays its own, so choose another", new->name,
                    old->revoked ? " (revoked)" : "");
    struct key *grown = realloc(k->key, (k->n + 1) * sizeof *grown);
    if (!grown) return fail_memory((k->n + 1) * sizeof *grown);
    k->key = grown;
    grown[k->n] = *new;
    if (!(grown[k->n].models = strdup(new->models ? new->models : ""))) return fail_memory(1);
    k->n++;
    return HEARTH_OK;
}

static enum hearth_status hash(const char *secret, char hex[65])
{
    struct crypto_part part = {secret, strlen(secret)};
    uint8_t digest[CRYPTO_HASH];
    TRY(crypto_sha256(&part, 1, digest));
    hex_write(digest, sizeof digest, hex);
    return HEARTH_OK;
}

/* 32 random bytes as 43 characters of base64url. */
static enum hearth_status make_secret(char secret[64])
{
    static const char letter[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    uint8_t r[SECRET + 1] = {0};
    size_t n = 3;
    TRY(crypto_random(r, SECRET));
    memcpy(secret, "hk-", 3);
    for (size_t bit = 0; bit < 8 * SECRET; bit += 6, n++) {
        unsigned two = (unsigned)r[bit / 8] << 8 | r[bit / 8 + 1];
        secret[n] = letter[two >> (10 - bit % 8) & 63];
    }
    secret[n] = 0;
    keys_wipe(r, sizeof r);
    return HEARTH_OK;
}

enum hearth_status keyring_add(const struct key *like, char secret[64])
{
    struct key new = *like;
    TRY(check_name(like->name));
    new.revoked = 0;
    name_now(new.created);
    TRY(make_secret(secret));
    enum hearth_status st = hash(secret, new.sha256);
    if (st == HEARTH_OK) st = change_with(add, &new);
    if (st != HEARTH_OK) keys_wipe(secret, 64);
    return st;
}

static enum hearth_status take_back(struct keyring *k, void *user)
{
    struct key *key = find(k, user);
    if (!key) return fail(HEARTH_ENOTFOUND, "there is no key %.80s; `hearth key list` shows them", (const char *)user);
    key->revoked = 1;
    return HEARTH_OK;
}

enum hearth_status keyring_revoke(const char *name)
{
    return change_with(take_back, (void *)(uintptr_t)name);
}

/* ---- asking ---- */

const struct key *keyring_match(const struct keyring *k, const char *secret)
{
    const struct key *found = NULL;
    char hex[65];
    if (strlen(secret) != KEY_TEXT || hash(secret, hex) != HEARTH_OK) return NULL;
    for (size_t i = 0; i < k->n; i++) {
        volatile unsigned char differs = 0;            /* every character of every key is looked at */
        for (size_t b = 0; b < 64; b++) differs = (unsigned char)(differs | (hex[b] ^ k->key[i].sha256[b]));
        if (!differs) found = &k->key[i];
    }
    keys_wipe(hex, sizeof hex);
    return found;
}

int key_allows(const struct key *k, const char *model)
{
    char wanted[NAME_MAX_BYTES + 1], one[NAME_MAX_BYTES + 1], word[NAME_MAX_BYTES + 8];
    const char *p = k->models ? k->models : "";
    if (!p[strspn(p, " ,\n")]) return 1;
    if (name_canonical(model, wanted) != HEARTH_OK) return 0;
    for (size_t n; *(p += strspn(p, " ,\n")); p += n) {
        n = strcspn(p, " ,\n");
        if (n >= sizeof word) continue;
        memcpy(word, p, n);
        word[n] = 0;
        if (name_canonical(word, one) == HEARTH_OK && strcmp(one, wanted) == 0) return 1;
    }
    return 0;
}
