/* test_head.c - a head for classes: its hidden state is a session's, bit for bit; gradients of the head and of an adapter below against central
 * differences, for the last token and for the mean; pieces and threads change no bit; a head is fitted to what can be told apart. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "infer/session.h"
#include "model_maker.h"
#include "train/head.h"
#include "train/lora.h"

#include <cmocka.h>

enum { CLASSES = 5, TEXTS = 3, WIDTH = 64 };
static char file[] = "/tmp/hearth-head-XXXXXX";
static const uint32_t lengths[TEXTS] = { 7, 1, 12 }, label[TEXTS] = { 4, 0, 2 };
static const char *const names[CLASSES] = { "a", "b", "c", "d", "e" };

static void good(enum hearth_status st)
{
    if (st != HEARTH_OK) print_message("# %s: %s\n", hearth_status_name(st), hearth_errmsg());
    assert_int_equal(st, HEARTH_OK);
}

struct all { struct hearth_model *m; struct hearth_adapter *a; struct tape *t; struct lora_grads grads; float *dw; int32_t ids[32]; };

static float draw(uint64_t i) { return (float)((int64_t)(i * 2654435761u % 65536) - 32768) / 65536; }

static void begin(struct all *x, int threads, int mean)
{
    struct adapter_shape shape = { .rank = 2, .alpha = 4, .slots = 1u << ADAPTER_Q | 1u << ADAPTER_DOWN, .seed = 1 };
    memset(x, 0, sizeof *x);
    good(hearth_model_open(file, &(struct hearth_model_params){ threads, HEARTH_FLOAT, 0 }, &x->m));
    good(adapter_new(x->m, &shape, &x->a));
    good(adapter_put_labels(x->a, names, CLASSES, 1));
    x->a->mean = mean;
    for (uint32_t i = 0; i < CLASSES * WIDTH; i++) x->a->head[i] = draw(i);
    for (size_t i = 0; i < (size_t)x->m->h.layers * ADAPTER_SLOTS; i++)
        for (uint64_t k = 0; x->a->part[i].rank && k < x->a->part[i].b.cols * 2; k++) x->a->part[i].b_data[k] = draw(k * 7 + i) / 8;
    good(lora_grads_open(x->a, &x->grads));
    good(tape_open(x->m, 32, &x->t));
    good(tape_adapt(x->t, x->a, &x->grads));
    x->dw = mem_array(CLASSES * WIDTH, sizeof *x->dw);
    assert_non_null(x->dw);
    for (int i = 0; i < 32; i++) x->ids[i] = 3 + (i * 37 + 11) % 300;
}

static void end(struct all *x)
{
    lora_grads_free(x->a, &x->grads);
    tape_close(x->t);
    adapter_close(x->a);
    hearth_model_close(x->m);
    free(x->dw);
}

static double loss_of(struct all *x, uint32_t from, uint32_t n, float *dw)
{
    struct head h = head_of(x->a);
    struct head_result r;
    uint32_t at = 0;
    for (uint32_t i = 0; i < from; i++) at += lengths[i];
    good(tape_forward_many(x->t, x->ids + at, NULL, lengths + from, n));
    good(head_run(x->t, &h, lengths + from, label + from, n, 0.5f, NULL, dw, NULL, &r));
    return r.loss;
}

static void against_difference(struct all *x, float *value, float gradient)
{
    float was = *value, step = 2e-2f;
    *value = was + step;
    double up = loss_of(x, 0, TEXTS, NULL);
    *value = was - step;
    double down = loss_of(x, 0, TEXTS, NULL);
    *value = was;
    double is = (up - down) / (2 * (double)step);
    if (fabs(is - (double)gradient) > 2e-3 + 2e-2 * fabs(is)) print_message("# %g by difference, gradient %g\n", is, (double)gradient);
    assert_true(fabs(is - (double)gradient) <= 2e-3 + 2e-2 * fabs(is));
}

static void gradients(void **state)
{
    struct all x;
    begin(&x, 1, *(int *)*state);
    loss_of(&x, 0, TEXTS, x.dw);
    for (uint32_t i = 0; i < CLASSES * WIDTH; i += 29) against_difference(&x, &x.a->head[i], x.dw[i]);
    for (size_t i = 0; i < (size_t)x.m->h.layers * ADAPTER_SLOTS; i++)
        for (uint64_t k = 0; x.a->part[i].rank && k < 2; k++) {
            against_difference(&x, &x.a->part[i].b_data[k * 31], x.grads.b[i][k * 31]);
            against_difference(&x, &x.a->part[i].a_data[k * 31], x.grads.a[i][k * 31]);
        }
    end(&x);
}

/* All at once by one thread; one after the other by three. */
static void pieces(void **state)
{
    struct all x, y;
    int mean = *(int *)*state;
    begin(&x, 1, mean), begin(&y, 3, mean);
    double whole = loss_of(&x, 0, TEXTS, x.dw), parts = 0;
    for (uint32_t i = 0; i < TEXTS; i++) parts += loss_of(&y, i, 1, y.dw);
    assert_true(fabs(whole - parts) < 1e-12);
    assert_memory_equal(x.dw, y.dw, CLASSES * WIDTH * sizeof *x.dw);
    for (size_t i = 0; i < (size_t)x.m->h.layers * ADAPTER_SLOTS; i++) {
        if (!x.a->part[i].rank) continue;
        assert_memory_equal(x.grads.a[i], y.grads.a[i], x.a->part[i].a.cols * 2 * sizeof(float));
        assert_memory_equal(x.grads.b[i], y.grads.b[i], x.a->part[i].b.cols * 2 * sizeof(float));
    }
    end(&x), end(&y);
}

static void as_a_session(void **state)
{
    struct all x;
    struct hearth_session *s;
    float learnt[TEXTS * WIDTH], asked[WIDTH];
    begin(&x, 2, *(int *)*state);
    struct head h = head_of(x.a);
    good(tape_forward_many(x.t, x.ids, NULL, lengths, TEXTS));
    good(head_hidden(x.t, &h, lengths, TEXTS, learnt));
    good(hearth_session_open(x.m, &(struct hearth_session_params){ .ctx = 64 }, &s));
    good(hearth_session_adapt(s, x.a));
    for (uint32_t i = 0, at = 0; i < TEXTS; at += lengths[i], i++) {
        good(hearth_session_rewind(s, 0));
        good(session_hidden(s, x.ids + at, lengths[i], x.a->mean, asked));
        assert_memory_equal(asked, learnt + i * WIDTH, sizeof asked);
    }
    hearth_session_close(s);
    end(&x);
}

/* Hidden states of five directions, and of a size that says nothing. */
static void fitted(void **state)
{
    enum { N = 200 };
    static float hidden[N * WIDTH], w[2][CLASSES * WIDTH], share[CLASSES];
    static uint32_t order[HEAD_FIT_EPOCHS * N], of[N];
    struct all x;
    (void)state;
    begin(&x, 1, 1);
    for (uint32_t i = 0; i < N; i++) {
        of[i] = i % CLASSES;
        for (uint32_t k = 0; k < WIDTH; k++) hidden[i * WIDTH + k] = 30 * ((k % CLASSES == of[i] ? 1.0f : 0.0f) + draw(i * 977u + k * 31u));
        for (uint32_t e = 0; e < HEAD_FIT_EPOCHS; e++) order[e * N + i] = (i * 7 + e) % N;
    }
    for (int i = 0; i < 2; i++) {
        struct head h = { x.m, w[i], CLASSES, 1 };
        uint32_t right = 0, best;
        good(head_fit(&h, w[i], hidden, of, order, N));
        for (uint32_t k = 0; k < N; k++) {
            good(head_classify(&h, hidden + k * WIDTH, share, &best));
            right += best == of[k];
        }
        assert_int_equal(right, N);
    }
    assert_memory_equal(w[0], w[1], sizeof w[0]);
    end(&x);
}

int main(void)
{
    static int last = 0, mean = 1;
    const struct CMUnitTest tests[] = {
        { "gradients, last token", gradients, NULL, NULL, &last }, { "gradients, mean", gradients, NULL, NULL, &mean },
        { "pieces and threads, last token", pieces, NULL, NULL, &last }, { "pieces and threads, mean", pieces, NULL, NULL, &mean },
        { "as a session, last token", as_a_session, NULL, NULL, &last }, { "as a session, mean", as_a_session, NULL, NULL, &mean },
        cmocka_unit_test(fitted),
    };
    struct model_spec spec = { .layers = 2, .width = WIDTH, .heads = 4, .kv_heads = 2, .ffn = 96, .vocab = 400 };
    int f = mkstemp(file);
    if (f < 0 || model_make(file, &spec) != HEARTH_OK) return 1;
    close(f);
    cmocka_set_message_output(CM_OUTPUT_TAP);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(file);
    return failed;
}
