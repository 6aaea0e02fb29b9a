/* share.c - see share.h. */
#include "serve/share.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

static struct taken { char key[128], sha256[65]; } taken[SHARE_OF_ALL];   /* a row each, in no order */
static int n_taken;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

enum hearth_status share_take(const char *key, const char *sha256)
{
    int same_key = 0, same_model = 0;
    enum hearth_status st = HEARTH_OK;
    pthread_mutex_lock(&lock);
    for (int i = 0; i < n_taken; i++) same_key += !strcmp(taken[i].key, key), same_model += !strcmp(taken[i].sha256, sha256);
    if (n_taken == SHARE_OF_ALL) st = fail(HEARTH_EBUSY, "%d requests for embeddings are under way already; try again when one is done", n_taken);
    else if (same_model >= SHARE_OF_MODEL)
        st = fail(HEARTH_EBUSY, "%d requests for embeddings by this model are under way already; try again when one is done", same_model);
    else if (same_key >= SHARE_OF_KEY)
        st = fail(HEARTH_EBUSY, "%d requests for embeddings with this key are under way already; try again when one is done", same_key);
    else {
        snprintf(taken[n_taken].key, sizeof taken->key, "%s", key);
        snprintf(taken[n_taken++].sha256, sizeof taken->sha256, "%s", sha256);
    }
    pthread_mutex_unlock(&lock);
    return st;
}

void share_give(const char *key, const char *sha256)
{
    pthread_mutex_lock(&lock);
    int i = 0;
    while (i < n_taken && (strcmp(taken[i].key, key) != 0 || strcmp(taken[i].sha256, sha256) != 0)) i++;
    if (i < n_taken) taken[i] = taken[--n_taken];
    pthread_mutex_unlock(&lock);
}

static struct { pthread_cond_t turn; const char *what; int inside, waiting; } turns[SHARE_KINDS] = {
    [SHARE_FORMS] = {PTHREAD_COND_INITIALIZER, "forms of answers wait to be compiled", 0, 0},
    [SHARE_TEMPLATES] = {PTHREAD_COND_INITIALIZER, "prompts wait for their templates", 0, 0}};

enum hearth_status share_turn(enum share_kind kind)
{
    enum hearth_status st = HEARTH_OK;
    pthread_mutex_lock(&lock);
    if (turns[kind].waiting == SHARE_WAITING) st = fail(HEARTH_EBUSY, "%d %s already; try again in a moment", SHARE_WAITING, turns[kind].what);
    else {
        turns[kind].waiting++;
        while (turns[kind].inside == SHARE_TURNS) pthread_cond_wait(&turns[kind].turn, &lock);
        turns[kind].waiting--;
        turns[kind].inside++;
    }
    pthread_mutex_unlock(&lock);
    return st;
}

void share_turn_over(enum share_kind kind)
{
    pthread_mutex_lock(&lock);
    turns[kind].inside--;
    pthread_cond_signal(&turns[kind].turn);
    pthread_mutex_unlock(&lock);
}

enum hearth_status share_count(int *n, int most, const char *of_what)
{
    if (__atomic_add_fetch(n, 1, __ATOMIC_RELAXED) <= most) return HEARTH_OK;
    share_uncount(n);
    return fail(HEARTH_EBUSY, "%d %s already; try again in a moment", most, of_what);
}

void share_uncount(int *n) { __atomic_sub_fetch(n, 1, __ATOMIC_RELAXED); }
