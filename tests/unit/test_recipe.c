/* test_recipe.c - derived models in the store: made, listed, found under x and x:latest, copied, removed; one file for all of them,
 * deleted with the last name; what was changed behind our back is refused. */
#include "base/mem.h"
#include "hub/digest.h"
#include "hub/recipe.h"
#include "hub/store.h"
#include "hub_test.h"
#include "model_maker.h"
#include "os/os.h"


static void make_base(const char *name, int copy, int seed)
{
    struct hub_model m;
    char file[64];
    snprintf(file, sizeof file, "base%d.gguf", seed);
    const char *path = in_home(file);
    assert_ok(model_make(path, &(struct model_spec){.layers = 1, .seed = (uint32_t)seed}));
    assert_ok(hub_import(path, name, copy, NULL, &m));
    hub_model_free(&m);
    if (copy) unlink(in_home(file));
}

static enum hearth_status create(const char *name, const char *text, int paths)
{
    struct modelfile f;
    struct hub_model m;
    TRY(modelfile_parse(text, strlen(text), "Modelfile", &f));
    enum hearth_status st = hub_create(name, &f, paths, NULL, NULL, &m);
    modelfile_free(&f);
    hub_model_free(&m);
    return st;
}

static struct hub_recipe recipe_of(const char *name, struct hub_model *m)
{
    struct hub_recipe r;
    char *path = NULL;
    assert_ok(hub_resolve_name(name, &path, m));
    assert_ok(hub_recipe(m, &r));
    free(path);
    return r;
}

static void lives(void **state)
{
    struct hub_model m, base, *list = NULL;
    struct hub_recipe r;
    struct hub_removed gone;
    char *path = NULL;
    size_t n = 0;
    (void)state;
    make_base("tiny", 1, 3);
    assert_ok(create("Pirate:latest", "FROM tiny:latest\nSYSTEM arr\nPARAMETER temperature 0\nPARAMETER stop X\n"
                     "TEMPLATE {{ .System }}|{{ .Prompt }}\nMESSAGE user hi\nMESSAGE assistant ho\n", 0));
    r = recipe_of("PIRATE", &m);
    assert_ok(hub_resolve("tiny", &path, &base));
    assert_string_equal(m.name, "pirate");
    assert_string_equal(m.parent, "tiny");
    assert_string_equal(m.sha256, base.sha256);
    assert_string_equal(m.path, path);
    assert_string_equal(m.kind, "instruct");
    assert_string_equal(r.system, "arr");
    assert_string_equal(r.from, "tiny");
    assert_string_equal(r.as_written, "{{ .System }}|{{ .Prompt }}");
    assert_non_null(strstr(r.chat_template, "go_.system"));
    assert_int_equal(json_array_size(r.messages), 2);
    hub_recipe_free(&r);
    hub_model_free(&m);
    assert_ok(hub_recipe(&base, &r));                      /* one that is not derived: nothing is added */
    assert_null(r.system);
    assert_int_equal(json_object_size(r.parameters), 0);
    hub_recipe_free(&r);
    hub_model_free(&base);
    free(path);
    assert_ok(create("captain", "FROM pirate\nSYSTEM aye\nPARAMETER top_k 5\n", 0));   /* inherits */
    r = recipe_of("captain:latest", &m);
    assert_string_equal(r.system, "aye");
    assert_string_equal(r.as_written, "{{ .System }}|{{ .Prompt }}");
    assert_int_equal(json_object_size(r.parameters), 3);
    assert_string_equal(m.parent, "pirate");
    hub_recipe_free(&r);
    hub_model_free(&m);
    assert_ok(hub_copy("captain", "Mate", &m));
    assert_string_equal(m.name, "mate");
    hub_model_free(&m);
    assert_ok(hub_list(0, &list, &n));
    assert_int_equal(n, 4);
    hub_models_free(list, n);
    assert_int_equal(count_files(in_home("models/blobs")), 1);
    assert_int_equal(count_files(in_home("models/recipes")), 2);
    assert_ok(hub_remove("tiny", &gone));                  /* others stand for the file */
    assert_int_equal(gone.freed, 0);
    hub_removed_free(&gone);
    assert_ok(hub_remove("captain", &gone));
    hub_removed_free(&gone);
    assert_int_equal(count_files(in_home("models/recipes")), 2);
    r = recipe_of("mate", &m);
    assert_string_equal(r.system, "aye");
    hub_recipe_free(&r);
    hub_model_free(&m);
    assert_ok(hub_remove("mate:latest", &gone));
    hub_removed_free(&gone);
    assert_int_equal(count_files(in_home("models/recipes")), 1);
    assert_ok(hub_remove("pirate", &gone));
    assert_true(gone.freed > 1000);
    hub_removed_free(&gone);
    assert_int_equal(count_files(in_home("models/blobs")), 0);
    assert_int_equal(count_files(in_home("models/recipes")), 0);
}

static void again_and_over(void **state)
{
    struct hub_model m;
    (void)state;
    make_base("base", 1, 4);
    make_base("other", 1, 5);
    assert_ok(create("d", "FROM base\nSYSTEM one\n", 0));
    assert_ok(create("d", "FROM base\nSYSTEM two\n", 0));      /* made again: the old recipe goes */
    assert_int_equal(count_files(in_home("models/recipes")), 1);
    assert_ok(create("d", "FROM d\nSYSTEM three\n", 0));       /* from itself */
    assert_ok(create("d", "FROM other\n", 0));
    assert_fails(create("base", "FROM other\nSYSTEM x\n", 0), HEARTH_EUSAGE, "the name base stands for a model of its own already");
    assert_fails(hub_copy("other", "base", &m), HEARTH_EUSAGE, "stands for a model of its own already");
    assert_ok(hub_copy("other", "other", &m));
    hub_model_free(&m);
    assert_ok(hub_copy("other", "d", &m));
    hub_model_free(&m);
    assert_int_equal(count_files(in_home("models/recipes")), 0);
}

static void refused(void **state)
{
    struct hub_model m;
    (void)state;
    make_base("plain", 1, 6);
    int before = count_files(in_home("models/names"));
    assert_fails(create("x", "FROM nothing-like-it\n", 0), HEARTH_ENOTFOUND, "nothing-like-it");
    assert_fails(create("../x", "FROM plain\n", 0), HEARTH_EUSAGE, "no model's name");
    assert_fails(create("x", "FROM ../../etc/passwd\n", 0), HEARTH_EUSAGE, "no model's name");
    assert_fails(create("x", "FROM /dev/random\n", 0), HEARTH_EUSAGE, "no model's name");
    assert_fails(create("x", "FROM /dev/random\n", 1), HEARTH_EFORMAT, "not a regular file");
    assert_fails(create("x", "FROM plain\nTEMPLATE {{ .Nothing }}\n", 0), HEARTH_EUNSUPPORTED, "TEMPLATE: line 1: there is no field .Nothing");
    assert_fails(create("x", "FROM plain\nTEMPLATE {% if %}\n", 0), HEARTH_EFORMAT, "TEMPLATE: line 1");
    assert_fails(hub_copy("plain", "../y", &m), HEARTH_EUSAGE, "no model's name");
    assert_fails(hub_adopt("../../etc/passwd", "y", NULL, &m), HEARTH_EFORMAT, "no SHA-256 digest");
    assert_fails(hub_adopt("0000000000000000000000000000000000000000000000000000000000000000", "y", NULL, &m), HEARTH_ENOTFOUND, "no file of the digest");
    assert_int_equal(count_files(in_home("models/names")), before);
    assert_int_equal(count_files(in_home("models/recipes")), 0);
}

static void from_a_file(void **state)
{
    struct hub_model m;
    struct hub_recipe r;
    char text[600], *path = NULL;
    (void)state;
    assert_ok(model_make(in_home("mine.gguf"), &(struct model_spec){.layers = 1, .seed = 8}));
    snprintf(text, sizeof text, "FROM %s\nSYSTEM mine\n", in_home("mine.gguf"));
    assert_ok(create("mine", text, 1));
    r = recipe_of("mine", &m);
    assert_string_equal(m.path, in_home("mine.gguf"));
    assert_int_equal(m.place, HUB_IN_PLACE);
    assert_string_equal(m.parent, "");
    assert_string_equal(r.from, in_home("mine.gguf"));
    struct buf b = {0};
    assert_ok(hub_write_modelfile(&m, &r, 1, &b));
    assert_non_null(strstr(b.data, "\nFROM /tmp/"));
    b.len = 0;
    assert_ok(hub_write_modelfile(&m, &r, 0, &b));             /* as strangers read it */
    assert_null(strchr(b.data, '/'));
    snprintf(text, sizeof text, "\nFROM sha256:%s\n", m.sha256);
    assert_non_null(strstr(b.data, text));
    buf_free(&b);
    hub_recipe_free(&r);
    hub_model_free(&m);
    assert_ok(model_make(in_home("mine.gguf"), &(struct model_spec){.layers = 1, .seed = 9}));
    assert_fails(hub_resolve_name("mine", &path, &m), HEARTH_ECHECKSUM, "has changed since");
}

static void tampered(void **state)
{
    struct hub_model m;
    struct hub_recipe r;
    char *path = NULL, *file = NULL;
    (void)state;
    make_base("solid", 1, 10);
    assert_ok(create("t", "FROM solid\nSYSTEM good\n", 0));
    assert_ok(hub_resolve_name("t", &path, &m));
    assert_ok(store_recipe_path(m.recipe, &file));
    chmod(file, 0600);
    write_text(file, "{\"parameters\":{},\"messages\":[],\"system\":\"evil\"}");
    assert_fails(hub_recipe(&m, &r), HEARTH_ECHECKSUM, "has been changed");
    unlink(file);
    assert_fails(hub_recipe(&m, &r), HEARTH_ENOTFOUND, "recipes/");
    free(file);
    free(path);
    hub_model_free(&m);
}

static void written(void **state)
{
    struct hub_model m;
    struct hub_recipe r;
    struct buf b = {0};
    (void)state;
    make_base("wood", 1, 11);
    assert_ok(create("w", "FROM wood\nSYSTEM \"\"\"a\nb\"\"\"\nPARAMETER top_k 7\nTEMPLATE {{ .Prompt }}\n", 0));
    r = recipe_of("w", &m);
    assert_ok(hub_write_modelfile(&m, &r, 1, &b));
    assert_string_equal(b.data, "# Modelfile of w, for `hearth create NAME -f FILE`\nFROM wood\nTEMPLATE {{ .Prompt }}\nSYSTEM \"\"\"a\nb\"\"\"\n"
                                "PARAMETER top_k 7\n");
    buf_free(&b);
    hub_recipe_free(&r);
    hub_model_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lives, home_make, home_remove), cmocka_unit_test_setup_teardown(again_and_over, home_make, home_remove),
        cmocka_unit_test_setup_teardown(refused, home_make, home_remove), cmocka_unit_test_setup_teardown(from_a_file, home_make, home_remove),
        cmocka_unit_test_setup_teardown(tampered, home_make, home_remove), cmocka_unit_test_setup_teardown(written, home_make, home_remove),
    };
    return cmocka_run_group_tests_name("recipe", tests, NULL, NULL);
}
