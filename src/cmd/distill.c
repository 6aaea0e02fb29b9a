/* distill.c - `hearth distill TEACHER STUDENT DATA -o OUT`: a model taught by another. */
#include <stdlib.h>
#include <unistd.h>
#include "cmd/tuning.h"
#include "work/teach_answers.h"

static int reverse, sequence, most_tokens = 256;
static float temperature = 1, entropy;
static const char *teacher_adapter;

static const struct opt options[] = {
    {"reverse", 0, OPT_FLAG, 0, "leave what the teacher thinks unlikely (reverse divergence) rather than cover all it thinks possible", &reverse, 0, 0, 0, 0},
    {"temperature", 0, OPT_FLOAT, "T", "both distributions are flattened by it (default 1)", &temperature, 0.01, 100, 0, 0},
    {"entropy", 0, OPT_FLOAT, "X", "share of the loss that the examples' own tokens have (default 0)", &entropy, 0, 0.999, 0, 0},
    {"teacher-adapter", 0, OPT_TEXT, "FOLDER", "an adapter of the teacher, as `hearth tune` makes them", &teacher_adapter, 0, 0, 0, 0},
    {"sequence", 0, OPT_FLAG, 0, "let the teacher write the answers first, and learn those as they are", &sequence, 0, 0, 0, 0},
    {"max-tokens", 0, OPT_INT, "N", "with --sequence: tokens of an answer; one that has not ended then is left out (default 256)", &most_tokens, 1, 65536, 0, 0},
    {0},
};

static void on_step(void *user, size_t done, size_t total)
{
    struct progress *p = user;
    p->total = total;
    progress_step(p, done);
}

/* Writes OUT.answers.jsonl; when it is there and the tuning is to go on, it is taken as it is. */
static int write_answers(const char *teacher, const char *data, const struct tune_options *o, const char *to)
{
    struct progress bar;
    struct teach_result r;
    struct teach_params p = {.model = teacher, .adapter = teacher_adapter, .data = data, .columns = o->columns, .plain = o->plain, .most_tokens = most_tokens,
                             .seed = o->seed, .threads = o->threads, .resume = tuning.resume, .on_step = on_step, .user = &bar, .cancel = interrupt_watch()};
    if (access(to, F_OK) == 0 && !tuning.resume) {
        complain("%s is there already; --resume goes on with it", to);
        return EXIT_FAILED;
    }
    progress_items(&bar, "answers", 0);
    enum hearth_status st = teach_answers(&p, to, &r);
    progress_end(&bar);
    if (st == HEARTH_ECANCELLED) {
        report(st);
        return EXIT_INTERRUPTED;
    }
    if (st == HEARTH_OK && r.asked) note("%zu of %zu answers written to %s, %zu left out that did not come to an end", r.written, r.asked, to, r.unfinished);
    return report(st);
}

static int distill(const char *teacher, const char *student, char **argv)
{
    struct tune_options o = tuning_given();
    if (!sequence) {
        o.teacher = teacher, o.teacher_adapter = teacher_adapter, o.reverse = reverse, o.temperature = temperature, o.entropy = entropy;
        return tuning_run(student, argv[1], argv[2], &o);
    }
    if (tuning.dry) return usage("--dry says what learning takes, and with --sequence the answers to be learnt are not there yet");
    char *answers = xprintf("%s.answers.jsonl", tuning.out);
    o.columns = NULL;
    struct tune_options asking = tuning_given();
    int code = write_answers(teacher, argv[2], &asking, answers);
    if (code == EXIT_DONE) code = tuning_run(student, argv[1], answers, &o);
    free(answers);
    return code;
}

static int run(int argc, char **argv)
{
    char *teacher = NULL, *student = NULL;
    (void)argc;
    if (sequence && (reverse || entropy > 0)) return usage("--sequence learns the teacher's answers; --reverse and --entropy are of its probabilities");
    int code = tuning_check("distill");
    if (code == EXIT_DONE) code = model_find(argv[0], MODEL_TO_CHANGE, &teacher);
    if (code == EXIT_DONE) code = model_find(argv[1], MODEL_TO_CHANGE, &student);
    if (code == EXIT_DONE) code = tuning_begin((const char *const[]){teacher, student, NULL}, (const char *const[]){argv[2], teacher_adapter, NULL});
    if (code == EXIT_DONE) code = distill(teacher, student, argv);
    tuning_done();
    free(teacher), free(student);
    return code;
}

const struct command cmd_distill = {
    .name = "distill", .group = GROUP_MEASURE, .summary = "teach a small model what a larger one knows", .args = "TEACHER STUDENT DATA",
    .min_args = 3, .max_args = 3, .complete = COMPLETE_MODEL_THEN_FILE,
    .about = "The student learns, for each token of the examples, how likely the teacher holds every next one, which says far more than the one "
             "token that is there. DATA and all that is not named here are as in `hearth tune`: an adapter or all weights, held-out examples, --resume.\n\n"
             "Both need not have the same vocabulary: each reads the example in its own tokens, and where both are about to say the same stretch of "
             "text, their probabilities are compared over the tokens whose text both have, all others of a side together.\n\n"
             "A teacher that has a head for labels teaches a head: the share of each label.",
    .examples = "hearth distill gemma3-270m smollm2 letters.jsonl -o letters --entropy 0.1\n"
                "hearth distill smollm2 ./small.gguf corpus.txt -o taught.gguf --method full\n"
                "hearth distill smollm2 ./small.gguf questions.jsonl -o taught --sequence\n",
    .options = tuning_options, .more = options, .run = run,
};
