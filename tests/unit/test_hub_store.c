/* test_hub_store.c - names to files: resolve, import, list, remove, the digests that are remembered; and what must never
 * happen: a path from a name, a deletion outside the store, a model that is not what its name says (rows 14, 16, 17). */
#include "hub/digest.h"
#include "hub/partial.h"
#include "hub/store.h"
#include "base/mem.h"
#include "hub_test.h"
#include "os/os.h"

#include <fcntl.h>

/* The smallest GGUF: no tensors, an architecture and a licence; `more` makes the bytes differ. */
static size_t gguf(char *out, const char *more)
{
    struct { char *p; } w = {out};
    const char *const kv[3][2] = {{"general.architecture", "llama"}, {"general.license", "mit"}, {"general.name", more}};
    uint32_t version = 3, text = 8;
    uint64_t tensors = 0, n_kv = 3, n;
    memcpy(w.p, "GGUF", 4), w.p += 4;
    memcpy(w.p, &version, 4), w.p += 4;
    memcpy(w.p, &tensors, 8), w.p += 8;
    memcpy(w.p, &n_kv, 8), w.p += 8;
    for (int i = 0; i < 3; i++) {
        n = strlen(kv[i][0]);
        memcpy(w.p, &n, 8), memcpy(w.p + 8, kv[i][0], n), w.p += 8 + n;
        memcpy(w.p, &text, 4), w.p += 4;
        n = strlen(kv[i][1]);
        memcpy(w.p, &n, 8), memcpy(w.p + 8, kv[i][1], n), w.p += 8 + n;
    }
    return (size_t)(w.p - out);
}

static void make_model(const char *path, const char *more)
{
    char bytes[512];
    write_file(path, bytes, gguf(bytes, more));
}

static void import_as(const char *path, const char *name, int copy)
{
    struct hub_model m;
    assert_ok(hub_import(path, name, copy, NULL, &m));
    hub_model_free(&m);
}

static void in_place(void **state)
{
    struct hub_model m;
    struct hub_removed r;
    struct stat before, after;
    char *path = NULL;
    (void)state;
    make_model(in_home("My Model.gguf"), "one");
    assert_int_equal(stat(in_home("My Model.gguf"), &before), 0);
    assert_ok(hub_import(in_home("My Model.gguf"), NULL, 0, NULL, &m));
    assert_string_equal(m.name, "my-model");
    assert_int_equal(m.place, HUB_IN_PLACE);
    assert_string_equal(m.architecture, "llama");
    assert_string_equal(m.licence, "mit");
    assert_string_equal(m.kind, "base");
    assert_int_equal(m.size, before.st_size);
    hub_model_free(&m);
    assert_int_equal(count_files(in_home("models/blobs")), 0);
    assert_ok(hub_resolve("My-Model:latest", &path, &m));
    assert_string_equal(path, in_home("My Model.gguf"));
    assert_string_equal(m.name, "my-model");
    hub_model_free(&m);
    free(path);
    import_as(in_home("My Model.gguf"), "other:1", 0);     /* two names for one file */
    assert_ok(hub_resolve("other:1", &path, NULL));
    free(path);
    assert_ok(hub_remove("other:1", &r));
    assert_string_equal(r.kept, in_home("My Model.gguf"));
    assert_int_equal(r.freed, 0);
    hub_removed_free(&r);
    assert_int_equal(stat(in_home("My Model.gguf"), &after), 0);
    assert_true(before.st_ino == after.st_ino && before.st_mtim.tv_nsec == after.st_mtim.tv_nsec && after.st_nlink == 1 &&
                before.st_mode == after.st_mode && before.st_ctim.tv_nsec == after.st_ctim.tv_nsec);
}

static void changed_and_gone(void **state)
{
    char *path = NULL;
    (void)state;
    make_model(in_home("c.gguf"), "one");
    import_as(in_home("c.gguf"), "c", 0);
    make_model(in_home("c.gguf"), "two");
    assert_fails(hub_resolve("c", &path, NULL), HEARTH_ECHECKSUM, "has changed since");
    assert_null(path);
    import_as(in_home("c.gguf"), "c", 0);
    assert_ok(hub_resolve("c", &path, NULL));
    free(path);
    unlink(in_home("c.gguf"));
    assert_fails(hub_resolve("c", &path, NULL), HEARTH_ENOTFOUND, "is gone");
    make_model(in_home("d.gguf"), "three");                /* another file does not take the name over */
    struct hub_model m;
    assert_fails(hub_import(in_home("d.gguf"), "c", 0, NULL, &m), HEARTH_EUSAGE, "the name c stands for");
    assert_null(m.name);
}

static void copies(void **state)
{
    struct hub_model m;
    struct hub_removed r;
    struct stat s;
    char *path = NULL;
    (void)state;
    make_model(in_home("k.gguf"), "kept");
    assert_ok(hub_import(in_home("k.gguf"), "k", 1, NULL, &m));
    assert_int_equal(m.place, HUB_STORED);
    assert_int_equal(stat(m.path, &s), 0);
    assert_int_equal(s.st_mode & 0777, 0444);
    assert_int_equal(s.st_nlink, 1);                       /* never a hard link */
    hub_model_free(&m);
    import_as(in_home("k.gguf"), "k2", 1);
    unlink(in_home("k.gguf"));
    assert_int_equal(count_files(in_home("models/blobs")), 1);
    assert_int_equal(count_files(in_home("models/partial")), 0);
    assert_ok(hub_resolve("k", &path, NULL));
    free(path);
    assert_ok(hub_remove("k", &r));                        /* k2 still stands for it */
    assert_int_equal(r.freed, 0);
    assert_string_equal(r.kept, "");
    hub_removed_free(&r);
    assert_ok(hub_resolve("k2", &path, NULL));
    assert_int_equal(chmod(path, 0600), 0);
    write_text(path, "short");                             /* somebody wrote into the store */
    free(path);
    assert_fails(hub_resolve("k2", &path, NULL), HEARTH_ECHECKSUM, "has 5 bytes");
    assert_ok(hub_remove("k2", &r));
    assert_int_equal(r.freed, 5);
    hub_removed_free(&r);
    assert_int_equal(count_files(in_home("models/blobs")), 0);
}

static void folders(void **state)
{
    struct hub_model m;
    char *path = NULL;
    (void)state;
    mkdir(in_home("f"), 0700);
    assert_fails(hub_resolve(in_home("f"), &path, NULL), HEARTH_ENOTFOUND, "no .gguf file in this folder");
    make_model(in_home("f/one.GGUF"), "1");
    write_text(in_home("f/readme.md"), "x");
    write_text(in_home("f/.hidden.gguf"), "x");
    assert_ok(hub_resolve(in_home("f"), &path, &m));
    assert_string_equal(path, in_home("f/one.GGUF"));
    assert_string_equal(m.path, path);
    assert_string_equal(m.name, "");
    hub_model_free(&m);
    free(path);
    make_model(in_home("f/two.gguf"), "2");
    assert_fails(hub_resolve(in_home("f"), &path, NULL), HEARTH_EUSAGE, "2 .gguf files in this folder (one.GGUF, two.gguf); say which one");
    assert_fails(hub_import(in_home("f"), NULL, 0, NULL, &m), HEARTH_EUSAGE, "say which one");
}

static void what_is_no_model(void **state)
{
    static const char *const path[] = {"/dev/random", "/dev/zero", "/dev/null"};
    struct hub_model m;
    char *p = NULL;
    (void)state;
    assert_int_equal(mkfifo(in_home("pipe.gguf"), 0600), 0);
    for (int i = 0; i < 4; i++) {
        const char *what = i < 3 ? path[i] : in_home("pipe.gguf");
        assert_fails(hub_resolve(what, &p, NULL), HEARTH_EFORMAT, "not a regular file");
        assert_null(p);
        assert_fails(hub_import(what, "d", 0, NULL, &m), HEARTH_EFORMAT, "not a regular file");
        assert_int_not_equal(hub_digest(what, NULL, (char[65]){0}, NULL), HEARTH_OK);
    }
    assert_int_equal(hub_resolve(in_home("none.gguf"), &p, NULL), HEARTH_ENOTFOUND);
    assert_int_equal(hub_resolve("", &p, NULL), HEARTH_EUSAGE);
    write_text(in_home("text.gguf"), "this is no model at all, only text");
    assert_fails(hub_import(in_home("text.gguf"), "d", 0, NULL, &m), HEARTH_EFORMAT, "text.gguf");
    assert_fails(hub_resolve("d", &p, NULL), HEARTH_ENOTFOUND, "no model is called \"d\"");
}

/* A stranger's word is a name or nothing, and the answer says nothing about files. */
static void strangers(void **state)
{
    static const char *const word[] = {"/etc/passwd", "../../etc/passwd", "./x", "/dev/random", "/no/such/file"};
    char *p = NULL;
    (void)state;
    for (size_t i = 0; i < sizeof word / sizeof *word; i++) assert_fails(hub_resolve_name(word[i], &p, NULL), HEARTH_EUSAGE, "is no model's name");
    assert_int_equal(chdir(home), 0);
    make_model(in_home("lying-here"), "x");
    assert_ok(hub_resolve("lying-here", &p, NULL));        /* a person may */
    free(p);
    assert_fails(hub_resolve_name("lying-here", &p, NULL), HEARTH_ENOTFOUND, "no model is called");
}

static void catalogue_names(void **state)
{
    struct hub_model m;
    struct hub_removed r;
    char *p = NULL;
    (void)state;
    assert_fails(hub_resolve("smollm2", &p, &m), HEARTH_ENOTFOUND, "`hearth pull smollm2`");
    assert_int_equal(m.place, HUB_REMOTE);
    assert_string_equal(m.name, "smollm2");
    hub_model_free(&m);
    assert_fails(hub_resolve("DEFAULT:latest", &p, NULL), HEARTH_ENOTFOUND, "smollm2 is in the catalogue and not on this computer");
    assert_fails(hub_resolve("smolm2", &p, NULL), HEARTH_ENOTFOUND, "did you mean smollm2");
    assert_fails(hub_remove("smolm2", &r), HEARTH_ENOTFOUND, "did you mean smollm2");
    assert_fails(hub_remove("smollm2", &r), HEARTH_ENOTFOUND, "not on this computer");
    assert_null(r.name);
    make_model(in_home("s.gguf"), "mine");
    import_as(in_home("s.gguf"), "smollm2", 0);            /* an alias leads to what has the name here */
    assert_ok(hub_resolve("default", &p, &m));
    assert_string_equal(m.name, "smollm2");
    hub_model_free(&m);
    free(p);
    assert_ok(hub_remove("smollm2:135m", &r));
    assert_string_equal(r.name, "smollm2");
    hub_removed_free(&r);
}

#define SUM64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static void list_and_broken(void **state)
{
    struct hub_model *m;
    size_t n, remote = 0;
    char *p = NULL;
    (void)state;
    make_model(in_home("l.gguf"), "l");
    import_as(in_home("l.gguf"), "l:a", 0);
    write_text(in_home("models/names/bad.ini"), "[model]\nname = bad\nsha256 = ../../../etc/passwd\nsize = 3\n");
    write_text(in_home("models/names/bad2.ini"), "[model]\nname = bad2\nsha256 = " SUM64 "a\nsize = 3\n");
    write_text(in_home("models/names/bad3.ini"), "[model]\nname = another\nsha256 = " SUM64 "\nsize = 3\n");
    write_text(in_home("models/names/bad4.ini"), "\x01");
    write_text(in_home("models/names/NoName.ini"), "x");
    assert_ok(hub_list(0, &m, &n));
    int broken = 0, mine = 0;
    for (size_t i = 0; i < n; i++) {
        broken += m[i].place == HUB_BROKEN && strstr(m[i].note, "names/bad") != NULL;
        mine += !strcmp(m[i].name, "l:a");
        if (i) assert_true(strcmp(m[i - 1].name, m[i].name) < 0);
    }
    assert_int_equal(broken, 4);
    assert_int_equal(mine, 1);
    hub_models_free(m, n);
    assert_fails(hub_resolve("bad", &p, NULL), HEARTH_EFORMAT, "exactly 64 lower-case hex digits");
    assert_fails(hub_resolve("bad2", &p, NULL), HEARTH_EFORMAT, "exactly 64 lower-case hex digits");
    assert_fails(hub_resolve("bad3", &p, NULL), HEARTH_EFORMAT, "the file's own name says \"bad3\"");
    for (int i = 0; i < 4; i++) {
        char name[8];
        struct hub_removed r;
        snprintf(name, sizeof name, i ? "bad%d" : "bad", i + 1);
        assert_ok(hub_remove(name, &r));
        assert_int_equal(r.freed, 0);
        hub_removed_free(&r);
    }
    assert_ok(hub_list(1, &m, &n));
    for (size_t i = 0; i < n; i++) remote += m[i].place == HUB_REMOTE;
    assert_true(remote >= 2);
    hub_models_free(m, n);
}

/* Names, blobs and partial files that were made to lead outside. */
static void outside(void **state)
{
    struct hub_removed r;
    struct hub_model m;
    char hex[65], text[512], *blob = NULL, *part = NULL;
    struct partial *p = NULL;
    static const struct hub_callbacks nobody;
    (void)state;
    assert_int_equal(store_blob_path("../../x", &blob), HEARTH_EFORMAT);
    make_model(in_home("precious"), "p");
    /* a stored model whose blob is a link to a file elsewhere: the link goes, the file stays */
    assert_ok(store_blob_path(SUM64, &blob));
    assert_int_equal(symlink(in_home("precious"), blob), 0);
    write_text(in_home("models/names/linked.ini"), "[model]\nname = linked\nsha256 = " SUM64 "\nsize = 3\n");
    assert_ok(hub_remove("linked", &r));
    assert_int_equal(r.freed, 0);
    hub_removed_free(&r);
    assert_int_equal(access(in_home("precious"), R_OK), 0);
    assert_int_not_equal(access(blob, F_OK), 0);
    free(blob);
    /* an entry with a path is an imported one, whatever it says: the file stays */
    snprintf(text, sizeof text, "[model]\nname = pathed\nsha256 = " SUM64 "\nsize = 3\npath = %s\n", in_home("precious"));
    write_text(in_home("models/names/pathed.ini"), text);
    assert_ok(hub_remove("pathed", &r));
    assert_string_equal(r.kept, in_home("precious"));
    hub_removed_free(&r);
    assert_int_equal(access(in_home("precious"), R_OK), 0);
    /* a link where a partial file is to be made is not followed */
    assert_ok(store_part_path(SUM64, ".part", &part));
    assert_int_equal(symlink(in_home("precious"), part), 0);
    assert_int_equal(partial_open(SUM64, 5, &nobody, &p), HEARTH_EIO);
    assert_null(p);
    assert_int_equal(unlink(part), 0);
    free(part);
    assert_ok(hub_digest(in_home("precious"), NULL, hex, NULL));
    assert_ok(store_part_path(hex, ".part", &part));
    assert_int_equal(symlink(in_home("victim"), part), 0);
    assert_int_equal(hub_import(in_home("precious"), "v", 1, NULL, &m), HEARTH_EIO);
    assert_int_not_equal(access(in_home("victim"), F_OK), 0);
    unlink(part);
    free(part);
}

static void remembered(void **state)
{
    char hex[65], again[65];
    int cached = 7;
    (void)state;
    make_model(in_home("r.gguf"), "r");
    assert_ok(hub_digest(in_home("r.gguf"), NULL, hex, &cached));
    assert_int_equal(cached, 0);
    assert_ok(hub_digest(in_home("r.gguf"), NULL, again, &cached));
    assert_int_equal(cached, 0);                           /* too young: it may change within the same tick */
    usleep(2200 * 1000);
    assert_ok(hub_digest(in_home("r.gguf"), NULL, again, &cached));
    assert_int_equal(cached, 0);
    assert_ok(hub_digest(in_home("r.gguf"), NULL, again, &cached));
    assert_int_equal(cached, 1);
    assert_string_equal(hex, again);
    struct timespec old[2] = {{1, 0}, {1, 0}};
    assert_int_equal(utimensat(AT_FDCWD, in_home("r.gguf"), old, 0), 0); /* mtime can be set back; ctime cannot */
    assert_ok(hub_digest(in_home("r.gguf"), NULL, again, &cached));
    assert_int_equal(cached, 0);
    assert_string_equal(hex, again);
    usleep(2200 * 1000);
    assert_ok(hub_digest(in_home("r.gguf"), NULL, again, &cached));
    write_text(in_home("cache/digests"), "nonsense\n" SUM64 " 1 2 3\n\xff\xff\n");
    assert_ok(hub_digest(in_home("r.gguf"), NULL, again, &cached));
    assert_int_equal(cached, 0);
    assert_string_equal(hex, again);
}

static void on_progress(void *user, const struct hub_progress *p)
{
    if (p->stage == HUB_CHECKING) *(volatile int *)user = 1;
}

static void cancelled(void **state)
{
    volatile int flag = 0;
    struct hub_callbacks c = {NULL, on_progress, (void *)&flag, &flag};
    char hex[65];
    (void)state;
    FILE *f = fopen(in_home("large"), "w");
    assert_non_null(f);
    assert_int_equal(ftruncate(fileno(f), 5 << 20), 0);
    fclose(f);
    assert_int_equal(hub_digest(in_home("large"), &c, hex, NULL), HEARTH_ECANCELLED);
    assert_string_equal(hex, "");
}

static void without_libcrypto(void **state)
{
    struct hub_model m;
    (void)state;
    make_model(in_home("w.gguf"), "w");
    assert_fails(hub_import(in_home("w.gguf"), "w", 0, NULL, &m), HEARTH_EUNSUPPORTED, "built without libcrypto");
}

int main(void)
{
    const struct CMUnitTest with[] = {
        cmocka_unit_test(in_place), cmocka_unit_test(changed_and_gone), cmocka_unit_test(copies), cmocka_unit_test(folders),
        cmocka_unit_test(what_is_no_model), cmocka_unit_test(strangers), cmocka_unit_test(catalogue_names),
        cmocka_unit_test(list_and_broken), cmocka_unit_test(outside), cmocka_unit_test(remembered), cmocka_unit_test(cancelled),
    };
    const struct CMUnitTest without[] = {
        cmocka_unit_test(folders), cmocka_unit_test(strangers), cmocka_unit_test(without_libcrypto),
    };
    struct sha256 *s = NULL;
    int built = sha256_open(&s) == HEARTH_OK;
    if (built) sha256_close(s);
    return built ? cmocka_run_group_tests(with, home_make, home_remove) : cmocka_run_group_tests(without, home_make, home_remove);
}
