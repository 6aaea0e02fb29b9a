/* test_fault_train.c - a tape and gradients of a small model with every allocation refused in turn; and no allocation at all
 * in a forward and backward pass. */
#include "fault/fault.h"
#include "model_maker.h"
#include "train/backward.h"

enum { TOKENS = 12 };
static const int32_t ids[TOKENS + 1] = { 5, 9, 200, 31, 5, 77, 250, 8, 9, 10, 11, 300, 4 };

static enum hearth_status learn(void *arg)
{
    struct hearth_model *m = arg;
    struct tape *t = NULL;
    struct grads *g = NULL;
    float weight[TOKENS];
    struct loss_spec spec = { .target = ids + 1, .weight = weight };
    double loss;
    for (int i = 0; i < TOKENS; i++) weight[i] = 1;
    enum hearth_status st = tape_open(m, TOKENS, &t);
    if (st == HEARTH_OK) st = grads_open(m, NULL, NULL, &g);
    long before = atomic_load(&fault.calls);
    if (st == HEARTH_OK) st = tape_forward(t, ids, NULL, TOKENS);
    if (st == HEARTH_OK) st = backward_run(t, &spec, &loss, g, NULL);
    if (st == HEARTH_OK) st = grads_finish(g);
    assert_int_equal(atomic_load(&fault.calls), before);
    grads_close(g);
    tape_close(t);
    return st;
}

static void refused_in_turn(void **state)
{
    char path[] = "/tmp/hearth-fault.XXXXXX";
    struct model_spec spec = { .family = *state, .layers = 2, .width = 64, .vocab = 360, .tied = 1 };
    struct hearth_model *m;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(model_make(path, &spec), HEARTH_OK);
    assert_int_equal(hearth_model_open(path, &(struct hearth_model_params){ 1, HEARTH_FLOAT, 0 }, &m), HEARTH_OK);
    fault_sweep(learn, m, 1);
    hearth_model_close(m);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        { "llama, tied", refused_in_turn, NULL, NULL, "llama" },
        { "gemma3", refused_in_turn, NULL, NULL, "gemma3" },
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
