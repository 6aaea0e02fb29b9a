/* test_task.c - task files and data files become items; what is wrong in one is named by file, row and field. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "work/task.h"
#include "work/task_in.h"

#include <cmocka.h>

static char folder[] = "/tmp/hearth-task-XXXXXX";

static const char *file(const char *name, const char *text)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    return path;
}

static int setup(void **state)
{
    (void)state;
    if (!mkdtemp(folder)) return 1;
    file("d.jsonl", "{\"q\": \"1+1?\", \"c\": [\"two\", \"three\"], \"a\": 0}\n{\"q\": \"2+1?\", \"c\": [\"it's 2\", \"three\"], \"a\": 1}\n"
                    "{\"q\": \"x\", \"c\": [\"y\", \"z\"], \"a\": 0, \"more\": null}\n");
    file("label.csv", "text,label\nred,colour\nsix,number\nblue,colour\n");
    file("pair.jsonl", "{\"prompt\": \"p\", \"completion\": \"c\"}\n");
    file("chat.jsonl", "{\"messages\": [{\"role\": \"user\", \"content\": \"u\"}, {\"role\": \"assistant\", \"content\": \"a\"}]}\n");
    file("two.jsonl", "{\"prompt\": \"p\", \"chosen\": \"good\", \"rejected\": \"bad\"}\n");
    file("plain.txt", "just text\n");
    return 0;
}

static int teardown(void **state)
{
    char command[64];
    (void)state;
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

#define HEAD "dataset_path: d.jsonl\noutput_type: multiple_choice\ndoc_to_choice: \"{{c}}\"\ndoc_to_target: a\n"

static struct eval_task *opened(const char *yaml, struct eval_item **items)
{
    struct eval_task *t = NULL;
    enum hearth_status st = eval_task_open(file("t.yaml", yaml), NULL, &t);
    if (st == HEARTH_OK) st = eval_task_items(t, t->n, 1234, items);
    if (st != HEARTH_OK) print_error("%s\n", hearth_errmsg());
    assert_int_equal(st, HEARTH_OK);
    return t;
}

static void choice(void **state)
{
    (void)state;
    struct eval_item *it;
    struct eval_task *t = opened(HEAD "doc_to_text: \"Q: {{q}}\\nA:\"\ndescription: \"D {{a}}. \"\n", &it);
    assert_int_equal(t->n, 3);
    assert_string_equal(t->name, "t");
    assert_int_equal(strlen(t->sha256), 64);
    assert_string_equal(it[1].system, "D 1. ");
    assert_string_equal(it[1].user, "Q: 2+1?\nA:");
    assert_int_equal(it[1].choices, 2);
    assert_string_equal(it[1].choice[0], "it's 2");
    assert_int_equal(it[1].gold[0], 1);
    assert_null(t->label);
    assert_int_equal(t->n_metrics, 2);
    eval_task_close(t);
    t = opened("dataset_path: d.jsonl\noutput_type: multiple_choice\ndoc_to_text: q\ndoc_to_choice: [two, three, y]\ndoc_to_target: \"{{c[a]}}\"\n"
               "num_fewshot: 2\nfewshot_split: train\nfewshot_config: {sampler: first_n}\nmetric_list: [macro_f1, ece]\n", &it);
    assert_string_equal(it[0].user, "2+1? three\n\nx y\n\n1+1?");    /* never its own example */
    assert_string_equal(it[2].user, "1+1? two\n\n2+1? three\n\nx");
    assert_int_equal(it[2].user_begins, strlen("1+1? two\n\n2+1? three\n\n"));
    assert_int_equal(it[2].gold[0], 2);
    assert_int_equal(t->labels, 3);
    assert_ptr_equal(it[0].choice, t->label);
    eval_task_close(t);
}

static void texts(void **state)
{
    (void)state;
    struct eval_item *it;
    struct eval_task *t = opened("dataset_path: json\ndataset_kwargs: {data_files: {v: d.jsonl}}\nvalidation_split: v\ndoc_to_text: q\n"
                                 "doc_to_target: \"{{c}}\"\ngeneration_kwargs: {until: [\"\\n\"], max_gen_toks: 7, do_sample: true, temperature: 0.5}\n"
                                 "filter_list:\n- name: num\n  filter:\n  - function: regex\n    regex_pattern: \"([0-9]+)|(none)\"\n    group_select: -1\n"
                                 "  - function: take_first\n- name: low\n  filter: [{function: remove_whitespace}, {function: lowercase}]\n", &it);
    static const struct { int pipeline; const char *answer, *out; } rows[] = {
        { 0, "a 1 b 22 none", "none" }, { 0, "a 1 b 22", "22" }, { 0, "nothing", "[invalid]" }, { 1, "  \xc3\x89T\xc3\x89 \n", "\xc3\xa9t\xc3\xa9" },
    };
    assert_int_equal(t->output, EVAL_GENERATE);
    assert_int_equal(it[0].wanteds, 2);
    assert_string_equal(it[1].wanted[0], "it's 2");
    assert_int_equal(t->most_tokens, 7);
    assert_true(t->temperature == 0.5f);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *out;
        assert_int_equal(eval_filtered(&t->pipeline[rows[i].pipeline], rows[i].answer, &out), HEARTH_OK);
        assert_string_equal(out, rows[i].out);
        free(out);
    }
    eval_task_close(t);
}

static void data(void **state)
{
    (void)state;
    static const struct { const char *name; enum eval_output output; const char *user, *first; int gold; } rows[] = {
        { "label.csv", EVAL_CHOICE, "red", "colour", 0 }, { "pair.jsonl", EVAL_GENERATE, "p", "c", -1 },
        { "chat.jsonl", EVAL_GENERATE, "", "a", -1 }, { "two.jsonl", EVAL_CHOICE, "p", "good", 0 }, { "plain.txt", EVAL_ROLLING, "just text\n", "just text\n", -1 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char path[128];
        struct eval_task *t;
        struct eval_item *it;
        snprintf(path, sizeof path, "%s/%s", folder, rows[i].name);
        assert_int_equal(eval_task_open(path, NULL, &t), HEARTH_OK);
        assert_int_equal(eval_task_items(t, t->n, 1, &it), HEARTH_OK);
        assert_int_equal(t->output, rows[i].output);
        assert_string_equal(it->user, rows[i].user);
        assert_string_equal(rows[i].gold >= 0 ? it->choice[0] : it->wanted[0], rows[i].first);
        if (rows[i].gold >= 0) assert_int_equal(it->gold[0], rows[i].gold);
        if (t->data && i == 2) assert_string_equal(it->messages, "[{\"role\":\"user\",\"content\":\"u\"}]");
        assert_int_equal(strlen(t->sha256), 64);
        eval_task_close(t);
    }
}

static void bad(void **state)
{
    (void)state;
    static const struct { const char *yaml, *message; } rows[] = {
        { HEAD "doc_to_text: q\nprocess_docs: !function u.f\n", "line 6: a tag (!function)" },
        { HEAD "doc_to_text: q\nuse_prompt: x\n", "t.yaml: use_prompt is a key that is not known here" },
        { HEAD, "t.yaml: doc_to_text is missing" },
        { HEAD "doc_to_text: \"{{nothing}}\"\n", "t.yaml: doc_to_text: line 1: 'nothing' is undefined" },
        { HEAD "doc_to_text: \"{{q\"\n", "t.yaml: doc_to_text: line 1" },
        { "dataset_path: d.jsonl\noutput_type: multiple_choice\ndoc_to_choice: \"{{c}}\"\ndoc_to_target: q\ndoc_to_text: q\n",
          "t.yaml: doc_to_target: row 1: none of the choices is \"1+1?\"" },
        { "dataset_path: d.jsonl\noutput_type: multiple_choice\ndoc_to_choice: q\ndoc_to_target: a\ndoc_to_text: q\n", "doc_to_choice: row 1: a list of choices" },
        { HEAD "doc_to_text: q\nmetric_list: [bleu]\n", "t.yaml: metric_list: multiple_choice has no metric bleu; it has acc, acc_norm" },
        { HEAD "doc_to_text: q\nmetric_list: [{metric: acc, aggregation: median}]\n", "aggregation of acc is \"median\", should be mean" },
        { HEAD "doc_to_text: q\nmetric_list: [macro_f1]\n", "macro_f1 needs choices that are the same for every item" },
        { HEAD "doc_to_text: q\nnum_fewshot: 1\n", "num_fewshot is 1, and fewshot_split does not say" },
        { HEAD "doc_to_text: q\nnum_fewshot: 3\nfewshot_split: train\n", "num_fewshot is 3, and there are 2 examples to take" },
        { "dataset_path: glue\noutput_type: multiple_choice\n", "dataset_path is \"glue\", should be a file of this computer" },
        { "dataset_path: json\ndataset_kwargs: {data_files: {train: d.jsonl}}\ntest_split: test\ndoc_to_text: q\ndoc_to_target: a\n",
          "data_files: there is no split \"test\"" },
        { "dataset_path: none.jsonl\ndoc_to_text: q\ndoc_to_target: a\n", "none.jsonl: " },
        { HEAD "doc_to_text: q\noutput: x\n", "output is a key" },
        { "dataset_path: d.jsonl\noutput_type: classify\n", "output_type is classify, should be" },
        { "dataset_path: d.jsonl\ndoc_to_text: q\ndoc_to_target: a\ngeneration_kwargs: {max_gen_toks: 0}\n", "generation_kwargs: max_gen_toks is 0" },
        { "dataset_path: d.jsonl\ndoc_to_text: q\ndoc_to_target: a\nfilter_list: [{name: x, filter: [{function: regex, regex_pattern: \"(\"}]}]\n",
          "regex_pattern: the regular expression \"(\" has a mistake at character 1" },
        { "- a\n", "should be a mapping of keys" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct eval_task *t = NULL;
        struct eval_item *it;
        enum hearth_status st = eval_task_open(file("t.yaml", rows[i].yaml), NULL, &t);
        if (st == HEARTH_OK) st = eval_task_items(t, t->n, 1, &it);
        if (st == HEARTH_OK || !strstr(hearth_errmsg(), rows[i].message)) print_error("row %zu: %s\n", i, hearth_errmsg());
        assert_int_not_equal(st, HEARTH_OK);
        assert_non_null(strstr(hearth_errmsg(), rows[i].message));
        eval_task_close(t);
    }
}

/* json.dumps(ast.literal_eval(left)) */
static void literals(void **state)
{
    (void)state;
    static const struct { const char *text, *json; } rows[] = {
        { "['a', \"it's\", 'x\\n\\u00e9\\'']", "[\"a\", \"it's\", \"x\\n\\u00e9'\"]" }, { "[1, -2, 3.5, True, None]", "[1, -2, 3.5, true, null]" },
        { "[]", "[]" }, { "[['a'], ('b', 'c',)]", "[[\"a\"], [\"b\", \"c\"]]" }, { " 'x' ", "\"x\"" },
        { "['a'", NULL }, { "['a' 'b']", NULL }, { "[a]", NULL }, { "['a'] x", NULL }, { "['\\q']", NULL }, { "", NULL }, { "[[[[[[[[[[1]]]]]]]]]]", NULL },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_t *v = task_literal(rows[i].text, strlen(rows[i].text)), *wanted = rows[i].json ? json_loads(rows[i].json, JSON_DECODE_ANY, NULL) : NULL;
        if (!(v == wanted || json_equal(v, wanted))) print_error("row %zu\n", i);
        assert_true(v == wanted || json_equal(v, wanted));
        json_decref(v);
        json_decref(wanted);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(choice), cmocka_unit_test(texts), cmocka_unit_test(data), cmocka_unit_test(bad),
                                        cmocka_unit_test(literals) };
    return cmocka_run_group_tests(tests, setup, teardown);
}
