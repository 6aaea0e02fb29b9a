/* test_prefix.c - blocks and who holds them, what is remembered and in which order it goes, and guesses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "infer/lookup.h"
#include "infer/prefix.h"

#include <cmocka.h>

enum { BLOCKS = 8 };
static const struct layer_shape layers[] = { { .kv_heads = 1 }, { .kv_heads = 1, .kv_before = 1 } };
static const struct hparams shape = { .layers = 2, .kv_heads = 1, .kv_all = 2, .at = layers, .head_width = 32 };
static struct kv_pool *pool;
static struct prefix *prefix;
static struct prefix_owner anna, bert;

static int setup(void **state)
{
    (void)state;
    prefix_owner_init(&anna, 1);
    prefix_owner_init(&bert, 2);
    return kv_pool_open(&shape, HEARTH_KV_F16, BLOCKS, &pool) || prefix_open(pool, &prefix);
}

static int teardown(void **state)
{
    (void)state;
    prefix_close(prefix);
    assert_int_equal(pool->free, BLOCKS);
    kv_pool_close(pool);
    return 0;
}

static const int32_t *text(int of)
{
    static int32_t ids[KV_PAGE];
    for (int i = 0; i < KV_PAGE; i++) ids[i] = of * (i == KV_PAGE - 1); /* only the last token differs */
    return ids;
}

/* A chain of texts remembered for somebody, whose blocks nobody else holds. */
static uint64_t keep(struct prefix_owner *o, const int *of, int n)
{
    uint64_t link = o->link;
    int32_t before = KV_NONE;
    for (int i = 0; i < n; i++) {
        int32_t block = kv_take(pool);
        if (block == KV_NONE) {
            assert_true(prefix_forget(prefix));
            block = kv_take(pool);
        }
        before = prefix_keep(prefix, o, link, before, text(of[i]), block, &link);
        kv_drop(pool, block);
    }
    return link;
}

static int found(const struct prefix_owner *o, const int *of, int n)
{
    uint64_t link = o->link;
    int i = 0;
    while (i < n && prefix_find(prefix, link, text(of[i]), &link) != KV_NONE) i++;
    return i;
}

static void blocks_count_their_holders(void **state)
{
    (void)state;
    struct kv_seq a, b;
    assert_int_equal(kv_seq_init(&a, pool, 3 * KV_PAGE), HEARTH_OK);
    assert_int_equal(kv_seq_init(&b, pool, 3 * KV_PAGE), HEARTH_OK);
    assert_int_equal(kv_seq_reach(&a, KV_PAGE + 1), HEARTH_OK);
    assert_int_equal(pool->free, BLOCKS - 2);
    assert_int_equal(a.block[0], 0);
    assert_int_equal(a.block[1], 1);
    kv_seq_share(&b, a.block[0]);
    assert_ptr_equal(kv_page(&a, 1, 0, 0, 1), kv_page(&b, 1, 0, 0, 1));
    assert_int_equal(kv_seq_reach(&b, 2 * KV_PAGE), HEARTH_OK);
    assert_int_not_equal(a.block[1], b.block[1]);
    kv_seq_free(&a);
    assert_int_equal(pool->free, BLOCKS - 2);
    assert_int_equal(kv_seq_reach(&b, 4 * KV_PAGE), HEARTH_EINTERNAL);
    kv_seq_free(&b);
    kv_seq_free(&b);
    assert_int_equal(pool->free, BLOCKS);
}

static void chains_are_found_by_all_their_tokens(void **state)
{
    (void)state;
    keep(&anna, (int[]){ 1, 2, 3 }, 3);
    keep(&anna, (int[]){ 1, 2, 4 }, 3);
    assert_int_equal(pool->free, BLOCKS - 4);       /* 1 and 2 are there once */
    assert_int_equal(anna.blocks, 4);
    assert_int_equal(found(&anna, (int[]){ 1, 2, 3 }, 3), 3);
    assert_int_equal(found(&anna, (int[]){ 1, 2, 4 }, 3), 3);
    assert_int_equal(found(&anna, (int[]){ 1, 2, 5 }, 3), 2);
    assert_int_equal(found(&anna, (int[]){ 2, 3 }, 2), 0);  /* the same tokens elsewhere are others */
    assert_int_equal(found(&bert, (int[]){ 1, 2, 3 }, 3), 0);
    keep(&bert, (int[]){ 1 }, 1);
    assert_int_equal(found(&bert, (int[]){ 1, 2 }, 2), 1);
    assert_int_equal(prefix_idle(prefix), 5);
}

static void what_was_used_longest_ago_goes_from_its_end(void **state)
{
    (void)state;
    uint64_t link = anna.link;
    keep(&anna, (int[]){ 1, 2, 3 }, 3);
    keep(&bert, (int[]){ 1, 2 }, 2);
    keep(&anna, (int[]){ 7 }, 1);
    assert_int_equal(found(&anna, (int[]){ 1, 2, 3 }, 3), 3);    /* bert's is the oldest now */
    assert_true(prefix_forget(prefix));
    assert_int_equal(bert.blocks, 1);
    assert_int_equal(found(&anna, (int[]){ 1, 2, 3 }, 3), 3);
    assert_true(prefix_forget(prefix));
    assert_int_equal(bert.blocks, 0);
    assert_true(prefix_forget(prefix));
    assert_int_equal(found(&anna, (int[]){ 7 }, 1), 0);
    assert_true(prefix_forget(prefix));
    assert_int_equal(found(&anna, (int[]){ 1, 2, 3 }, 3), 2);
    int32_t block = prefix_find(prefix, link, text(1), &link);   /* somebody uses the first */
    kv_hold(pool, block);
    assert_int_equal(prefix_idle(prefix), 1);
    assert_true(prefix_forget(prefix));
    assert_false(prefix_forget(prefix));
    assert_int_equal(found(&anna, (int[]){ 1, 2 }, 2), 1);
    kv_drop(pool, block);
    assert_true(prefix_forget(prefix));
    assert_int_equal(pool->free, BLOCKS);
}

/* Many more than there is room for: never more blocks than there are, and the newest always whole. */
static void more_than_there_is_room_for(void **state)
{
    (void)state;
    for (int i = 1; i < 200; i++) {
        int chain[] = { i % 7, i % 5 + 10, i + 20 };
        keep(i % 2 ? &anna : &bert, chain, 3);
        assert_int_equal(found(i % 2 ? &anna : &bert, chain, 3), 3);
        assert_int_equal(anna.blocks + bert.blocks + pool->free, BLOCKS);
        assert_int_equal(prefix_idle(prefix), BLOCKS - pool->free);
    }
}

static void guesses_follow_the_newest_likeness(void **state)
{
    (void)state;
    const int32_t said[] = { 1, 2, 3, 4, 5, 9, 2, 3, 7, 8, 1, 2, 3 };
    int32_t out[LOOKUP_MOST];
    struct lookup l = { 0 };
    assert_int_equal(lookup_guess(&l, said, 13, 8, out), 4);     /* "1 2 3" came before "2 3", the newer */
    assert_memory_equal(out, ((int32_t[]){ 4, 5, 9, 2 }), 16);
    assert_int_equal(lookup_guess(&l, said, 8, 8, out), 4);      /* only "2 3": what followed it */
    assert_memory_equal(out, ((int32_t[]){ 4, 5, 9, 2 }), 16);
    assert_int_equal(lookup_guess(&l, said, 13, 2, out), 2);
    assert_int_equal(lookup_guess(&l, said, 13, 0, out), 0);
    assert_int_equal(lookup_guess(&l, said, 6, 8, out), 0);
    for (uint32_t n = 0; n < 3; n++) assert_int_equal(lookup_guess(&l, said, n, 8, out), 0);
    const int32_t cycle[] = { 6, 7, 6, 7, 6, 7 };
    assert_int_equal(lookup_guess(&l, cycle, 6, 8, out), 4);     /* reaches into what it guesses itself */
    assert_memory_equal(out, ((int32_t[]){ 6, 7, 6, 7 }), 16);
    lookup_learn(&l, 4, 4);
    assert_int_equal(lookup_guess(&l, cycle, 6, 8, out), 8);
}

static void who_guesses_wrong_guesses_less(void **state)
{
    (void)state;
    const int32_t cycle[] = { 6, 7, 6, 7, 6, 7 };
    int32_t out[LOOKUP_MOST];
    struct lookup l = { 0 };
    uint32_t pauses[] = { 2, 4, 8, 16, 32, 64, 64 };
    for (size_t i = 0; i < sizeof pauses / sizeof *pauses; i++) {
        uint32_t n = lookup_guess(&l, cycle, 6, 8, out), waited = 0;
        assert_true(n > 0);
        lookup_learn(&l, n, 0);
        while (l.wait) assert_int_equal(lookup_guess(&l, cycle, 6, 8, out), 0), waited++;
        assert_int_equal(waited, pauses[i]);
    }
    uint32_t n = lookup_guess(&l, cycle, 6, 8, out);
    lookup_learn(&l, n, n);
    assert_int_equal(lookup_guess(&l, cycle, 6, 8, out), 2 * n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(blocks_count_their_holders, setup, teardown),
        cmocka_unit_test_setup_teardown(chains_are_found_by_all_their_tokens, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_used_longest_ago_goes_from_its_end, setup, teardown),
        cmocka_unit_test_setup_teardown(more_than_there_is_room_for, setup, teardown),
        cmocka_unit_test(guesses_follow_the_newest_likeness),
        cmocka_unit_test(who_guesses_wrong_guesses_less),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
