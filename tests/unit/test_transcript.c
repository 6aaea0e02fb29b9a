/* test_transcript.c - receipts made through the public interface, their transcripts and commitments, and replay: what is
 * written, who may read it, what a thief of the ledger learns, what is left after erasing. */
#include "account/answer.h"
#include "account/canonical.h"
#include "account/crypto.h"
#include "account/hex.h"
#include "account/ledger.h"
#include "account/replay.h"
#include "account/seal.h"
#include "account/transcript.h"
#include "os/os.h"
#include "hub_test.h"
#include "model_maker.h"

#include <fcntl.h>
#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

static struct hearth_model *model;
static char model_path[96];

static int begin(void **state)
{
    struct model_spec spec = {.type = "Q8_0", .layers = 1, .width = 64, .heads = 2, .kv_heads = 1, .seed = 5};
    if (home_make(state)) return 1;
    setenv("HEARTH_PASSPHRASE", "", 1);
    snprintf(model_path, sizeof model_path, "%s/m.gguf", home);
    return model_make(model_path, &spec) != HEARTH_OK || hearth_model_open(model_path, &(struct hearth_model_params){.threads = 1}, &model) != HEARTH_OK;
}

static int end(void **state)
{
    hearth_model_close(model);
    model = NULL;
    seal_lock();
    return home_remove(state);
}

static const struct hearth_receipt_params usual = {.model = "/home/maria/m.gguf", .actor = "m-1", .keep = 1,
                                                   .messages = "[{\"role\": \"user\", \"content\": \"hello there\"}]"};

/* One answer to `text`, and its receipt. */
static enum hearth_status answer(const struct hearth_receipt_params *p, const char *text, int max_tokens, struct hearth_receipt **out, uint64_t *number)
{
    static const char *const stop[] = {"secret stop"};
    static const struct hearth_bias bias[] = {{300, 1.5f}, {301, -INFINITY}};
    struct hearth_generate_params g = {.max_tokens = max_tokens, .logprobs = -1, .stop = stop, .n_stop = 1};
    struct hearth_session *s = NULL;
    struct hearth_result result;
    int32_t *ids = NULL;
    size_t n = 0;
    hearth_sampling_defaults(&g.sampling);
    g.sampling.temperature = 0.9f, g.sampling.seed = 7, g.sampling.bias = bias, g.sampling.n_bias = 2;
    enum hearth_status st = hearth_receipt_open(p, out);
    if (st == HEARTH_OK) st = hearth_session_open(model, &(struct hearth_session_params){.ctx = 256}, &s);
    if (st == HEARTH_OK) st = hearth_tokenize(model, text, strlen(text), HEARTH_TOK_SPECIAL, &ids, &n);
    if (st == HEARTH_OK) st = hearth_receipt_generate(*out, s, ids, n, &g, &result);
    if (st == HEARTH_OK) st = hearth_receipt_write(*out, number);
    hearth_session_close(s);
    hearth_free(ids);
    return st;
}

static void read_back(const struct hearth_receipt *r, struct receipt *out)
{
    assert_ok(receipt_parse(hearth_receipt_json(r), strlen(hearth_receipt_json(r)), out));
}

static void made_kept_replayed(void **state)
{
    struct hearth_receipt *h = NULL;
    struct receipt r, same;
    struct transcript t;
    struct replay again;
    uint64_t number = 9, index = 9;
    char hex[65];
    (void)state;
    assert_ok(answer(&usual, "hello there", 20, &h, &number));
    assert_int_equal(number, 0);
    assert_string_equal(hearth_receipt_note(h), "");
    read_back(h, &r);
    assert_string_equal(r.model.name, "m.gguf");                     /* no folder of a person's */
    assert_int_equal(r.answer_tokens, 20);
    assert_null(strstr(hearth_receipt_json(h), "hello"));
    assert_null(strstr(hearth_receipt_json(h), "secret"));
    assert_null(strstr(hearth_receipt_json(h), "maria"));
    assert_null(strstr(hearth_receipt_json(h), "seed"));             /* whoever had it could try guesses of the prompt with it */
    assert_ok(receipt_find(r.id, &same, &index));
    assert_int_equal(index, 0);
    receipt_free(&same);
    assert_ok(transcript_load(r.id, &t));
    assert_ok(transcript_check(&t, &r));
    assert_int_equal(t.n_answer, 20);
    assert_string_equal(t.params.stop[0], "secret stop");
    assert_true(t.params.sampling.n_bias == 2 && t.params.sampling.bias[0].bias == 1.5f && t.params.sampling.bias[1].bias == -INFINITY && t.params.sampling.temperature == 0.9f);
    assert_ok(replay_digest(model_path, NULL, hex));
    assert_string_equal(hex, r.model.sha256);
    for (uint32_t chunk = 1; chunk < 40; chunk += 13) {
        assert_ok(replay_run(&r, &t, model, &(struct replay_params){.model_sha256 = hex, .chunk = chunk}, &again));
        assert_true(again.equal && !again.causes && again.tokens == 20);
        assert_string_equal(again.contradiction, "");
        assert_int_equal(again.words, REPLAY_WORDS_COMPARED);
    }
    /* a token of the transcript that was not so: the commitment tells */
    t.answer[3]++;
    assert_ok(replay_run(&r, &t, model, &(struct replay_params){0}, &again));
    assert_true(!again.equal && again.at == 3 && again.was == t.answer[3] && again.is == t.answer[3] - 1);
    json_array_set_new(json_object_get(json_object_get(t.json, "answer"), "tokens"), 3, json_integer(t.answer[3]));
    assert_fails(replay_run(&r, &t, model, &(struct replay_params){0}, &again), HEARTH_ECHECKSUM, "the answer of the transcript is not what");
    transcript_free(&t);
    receipt_free(&r);
    hearth_receipt_close(h);
}

/* ---- receipts and transcripts made up together: the tokens are real, what stands beside them is not ---- */

static void false_text(struct receipt *r, struct transcript *t)
{
    (void)r;
    json_object_set_new(json_object_get(t->json, "answer"), "text", json_string("Yes. The accused is guilty."));
    t->text = json_string_value(json_object_get(json_object_get(t->json, "answer"), "text"));
}
static void longer_text(struct receipt *r, struct transcript *t)
{
    char longer[600];
    snprintf(longer, sizeof longer, "%.500s and more", t->text);
    (void)r;
    json_object_set_new(json_object_get(t->json, "answer"), "text", json_string(longer));
    t->text = json_string_value(json_object_get(json_object_get(t->json, "answer"), "text"));
}
static void false_messages(struct receipt *r, struct transcript *t)
{
    (void)r;
    json_object_set_new(json_array_get(t->messages, 0), "content", json_string("Should the court convict?"));
}
static void no_messages(struct receipt *r, struct transcript *t)
{
    (void)r;
    json_array_clear((json_t *)t->messages);
}
static void part_of_the_words(struct receipt *r, struct transcript *t)
{
    (void)r;
    json_object_set_new(json_array_get(t->messages, 0), "content", json_string(" there\n"));
}
static void false_seed(struct receipt *r, struct transcript *t)
{
    (void)t;
    json_object_set_new(json_object_get(r->json, "sampling"), "seed", json_string("8"));
    r->sampling.seed = 8;
}
#define FALSE(name, what) static void name(struct receipt *r, struct transcript *t) { (void)t; what; }
FALSE(false_finish, r->finish = "stop")
FALSE(false_temperature, r->sampling.temperature = 0)
FALSE(false_top_k, r->sampling.top_k++)
FALSE(false_kind, r->arithmetic.kind = "float")
FALSE(false_kv, r->arithmetic.kv = "f32")
FALSE(false_tokenizer, r->tokenizer_sha256 = "00")
FALSE(false_template, r->template_sha256 = "11")
FALSE(false_family, r->model.architecture = "gemma3")
FALSE(false_form, r->constrained = 1)
FALSE(false_cut, (r->truncated_from = 50, r->truncated_to = 40))

static void made_up_together(void **state)
{
    static const struct { void (*forge)(struct receipt *r, struct transcript *t); const char *found; enum replay_words words; } made_up[] = {
        {false_text, "the transcript's text is not that of the tokens: from byte 1 on it is \"Yes. The accused is guilty.\", theirs \"", REPLAY_WORDS_COMPARED},
        {longer_text, "on it is \" and more\", theirs \"\"", REPLAY_WORDS_COMPARED},
        {false_messages, "the words of message 1 (\"Should the court convict?\") do not stand in the tokens", REPLAY_WORDS_NOT},
        {no_messages, "", REPLAY_WORDS_NOT}, {part_of_the_words, "", REPLAY_WORDS_IN_PART},
        {false_finish, "the receipt says finish stop, made again it is length", REPLAY_WORDS_COMPARED},
        {false_temperature, "the receipt says temperature 0, the transcript's options 0.9", REPLAY_WORDS_COMPARED},
        {false_top_k, "the receipt says top_k ", REPLAY_WORDS_COMPARED}, {false_seed, "seed 8, the transcript's options 7", REPLAY_WORDS_COMPARED},
        {false_kind, "the receipt says arithmetic float, the transcript's options quant", REPLAY_WORDS_COMPARED},
        {false_kv, "the receipt says keys and values in f32, the transcript's options f16", REPLAY_WORDS_COMPARED},
        {false_tokenizer, "the receipt says tokenizer_sha256 00, the model's is ", REPLAY_WORDS_COMPARED},
        {false_template, "the receipt says template_sha256 11, the model's is none", REPLAY_WORDS_COMPARED},
        {false_family, "the receipt says architecture gemma3, the model's file llama", REPLAY_WORDS_COMPARED},
        {false_form, "says that a grammar or a schema held the answer to a form, and the transcript's options have none", REPLAY_WORDS_COMPARED},
        {false_cut, "the prompt was cut to 40 tokens, and that it has", REPLAY_WORDS_COMPARED}};
    struct hearth_receipt *h = NULL;
    (void)state;
    assert_ok(answer(&usual, "hello there", 8, &h, NULL));
    for (size_t i = 0; i < sizeof made_up / sizeof *made_up; i++) {
        struct receipt r;
        struct transcript t;
        struct transcript_commitments c;
        struct replay again;
        read_back(h, &r);
        assert_ok(transcript_load(r.id, &t));
        made_up[i].forge(&r, &t);
        assert_ok(transcript_commit(&t, &c));
        r.prompt_commitment = c.prompt, r.answer_commitment = c.answer, r.options_commitment = c.options;
        assert_ok(replay_run(&r, &t, model, &(struct replay_params){0}, &again));
        assert_true(again.equal && again.tokens == 8);
        if (*made_up[i].found ? !strstr(again.contradiction, made_up[i].found) : *again.contradiction)
            fail_msg("\"%s\" instead of \"%s\"", again.contradiction, made_up[i].found);
        assert_int_equal(again.words, made_up[i].words);
        assert_true((again.words == REPLAY_WORDS_COMPARED) == !*again.words_why);
        transcript_free(&t);
        receipt_free(&r);
    }
    hearth_receipt_close(h);
}

static void causes_are_named(void **state)
{
    struct hearth_receipt *h = NULL;
    struct receipt r;
    struct transcript t;
    struct replay again;
    char release[96], *path = NULL;
    (void)state;
    assert_ok(answer(&usual, "causes", 8, &h, NULL));
    read_back(h, &r);
    assert_ok(transcript_load(r.id, &t));
    assert_ok(replay_model(&r, &t, &path));                          /* where the transcript says the file lay */
    free(path);
    assert_fails(replay_model(&r, NULL, &path), HEARTH_ENOTFOUND, "--model FILE says where");
    r.arithmetic.version++;
    r.arithmetic.replayable = 0;
    assert_ok(replay_run(&r, &t, model, &(struct replay_params){.model_sha256 = "0"}, &again));
    assert_true(again.equal && again.causes == (REPLAY_OTHER_MODEL | REPLAY_OTHER_ARITHMETIC | REPLAY_NOT_REPLAYABLE));
    assert_string_equal(replay_release(hearth_arithmetic_version(), release), "hearth 0.1.0 and later");
    assert_non_null(strstr(replay_release(999, release), "a newer hearth than this one"));
    transcript_free(&t);
    receipt_free(&r);
    hearth_receipt_close(h);
}

/* A stolen ledger: every way to guess that needs no salt, on 1,000 common prompts of which one is the right one. */
static int guessed(const struct receipt *r, const struct transcript *t, const uint8_t *salt, size_t n_salt, const char *text)
{
    struct buf content = {0};
    uint8_t sum[CRYPTO_HASH];
    char hex[65], messages[400];
    snprintf(messages, sizeof messages, "[{\"role\": \"user\", \"content\": \"%s\"}]", text);
    json_t *j = json_object();
    json_object_set_new(j, "messages", json_loads(messages, 0, NULL));
    json_object_set(j, "tokens", json_object_get(json_object_get(t->json, "prompt"), "tokens"));
    assert_ok(canonical_put(&content, j));
    struct crypto_part forms[][3] = {
        {{"hearth/prompt/v1", 17}, {salt, n_salt}, {content.data, content.len}}, {{"", 0}, {salt, n_salt}, {content.data, content.len}},
        {{"hearth/prompt/v1", 17}, {salt, n_salt}, {text, strlen(text)}}, {{"", 0}, {salt, n_salt}, {text, strlen(text)}}};
    int found = 0;
    for (size_t i = 0; i < 4; i++) {
        assert_ok(crypto_sha256(forms[i], 3, sum));
        hex_write(sum, sizeof sum, hex);
        char *all = json_dumps(r->json, 0);
        found += strstr(all, hex) != NULL;
        free(all);
    }
    buf_free(&content);
    json_decref(j);
    return found;
}

static void a_thief_learns_nothing(void **state)
{
    static const char *const asks[] = {"What is", "Who invented", "How do I cook", "Explain", "Write a poem about", "Translate", "Why is there", "Tell me about",
                                       "Summarise", "How much is"};
    static const char *const things[] = {"the sky", "love", "a cat", "rice", "the sea", "the war", "gravity", "my exam", "cancer", "the bible"};
    static const uint8_t zero[SALT];
    struct hearth_receipt *h = NULL;
    struct receipt r;
    struct transcript t;
    int found = 0, by_salt = 0;
    (void)state;
    struct hearth_receipt_params p = usual;
    p.messages = "[{\"role\": \"user\", \"content\": \"Explain cancer 7\"}]";
    assert_ok(answer(&p, "Explain cancer 7", 4, &h, NULL));
    read_back(h, &r);
    assert_ok(transcript_load(r.id, &t));
    for (int i = 0; i < 1000; i++) {
        char text[64];
        snprintf(text, sizeof text, "%s %s %d", asks[i / 100], things[i / 10 % 10], i % 10);
        found += guessed(&r, &t, zero, 0, text) + guessed(&r, &t, zero, SALT, text) + guessed(&r, &t, (const uint8_t *)r.id, 32, text);
        by_salt += guessed(&r, &t, t.prompt_salt, SALT, text);
    }
    assert_int_equal(found, 0);
    assert_int_equal(by_salt, 1);                                    /* the attack itself is sound: with the salt it finds it */
    transcript_free(&t);
    receipt_free(&r);
    hearth_receipt_close(h);
}

static void erased_and_still_whole(void **state)
{
    struct hearth_receipt *h = NULL;
    struct receipt r;
    struct transcript t;
    struct ledger *l = NULL;
    uint64_t size = 0, before = 0;
    (void)state;
    assert_ok(answer(&usual, "to be forgotten", 4, &h, &before));
    read_back(h, &r);
    assert_true(transcript_kept(r.id));
    assert_ok(transcript_erase(r.id));
    assert_false(transcript_kept(r.id));
    assert_fails(transcript_load(r.id, &t), HEARTH_ENOTFOUND, "has been erased");
    assert_fails(transcript_erase(r.id), HEARTH_ENOTFOUND, "there is no transcript");
    assert_fails(transcript_erase("../../x"), HEARTH_EUSAGE, "is no id");
    assert_ok(receipt_ledger(0, &l));
    assert_ok(ledger_verify(l, &size, NULL, NULL));
    assert_int_equal(size, before + 1);
    ledger_close(l);
    receipt_free(&r);
    hearth_receipt_close(h);
}

static void what_is_chosen_not_to_be_kept(void **state)
{
    struct hearth_receipt *h = NULL;
    struct receipt r;
    struct hearth_receipt_params p = usual;
    unsigned days;
    int first;
    (void)state;
    p.keep = 0;
    assert_ok(answer(&p, "private", 4, &h, NULL));
    read_back(h, &r);
    assert_false(transcript_kept(r.id));
    receipt_free(&r);
    hearth_receipt_close(h);
    write_text(in_home("hearth.ini"), "[transcripts]\nkeep = no\n");
    assert_ok(answer(&usual, "by the ini", 4, &h, NULL));
    read_back(h, &r);
    assert_int_equal(answer_kept(h, &first), 0);
    assert_false(transcript_kept(r.id));
    receipt_free(&r);
    hearth_receipt_close(h);
    write_text(in_home("hearth.ini"), "[transcripts]\nkeep = 0\n");
    assert_fails(transcript_days(&days), HEARTH_EFORMAT, "keep is \"0\", should be \"no\" or a number of days from 1 to 36500");
    assert_fails(hearth_receipt_open(&usual, &h), HEARTH_EFORMAT, "[transcripts] keep");
    write_text(in_home("hearth.ini"), "[transcripts]\nkeep = 7\n");
    assert_ok(transcript_days(&days));
    assert_int_equal(days, 7);
    unlink(in_home("hearth.ini"));
}

static int count_all(void *user, const char *day, const char *id, const char *path)
{
    (void)day, (void)id, (void)path;
    ++*(int *)user;
    return 0;
}

/* Old days go when a new one begins; what hearth did not put there stays. */
static void pruned(void **state)
{
    struct hearth_receipt *h = NULL;
    int n = 0;
    (void)state;
    char command[600];
    snprintf(command, sizeof command, "cd '%s/transcripts' && mv 20*-* 2001-01-01 && mkdir 2001-01-02 && echo mine > 2001-01-02/notes.txt && "
             "echo half > 2001-01-02/00112233445566778899aabbccddeeff.json.abcdef.tmp", home);
    assert_int_equal(system(command), 0);
    assert_ok(answer(&usual, "today", 4, &h, NULL));
    hearth_receipt_close(h);
    assert_ok(transcript_each(count_all, &n));
    assert_int_equal(n, 1);
    assert_int_not_equal(access(in_home("transcripts/2001-01-01"), F_OK), 0);
    assert_int_equal(access(in_home("transcripts/2001-01-02/notes.txt"), F_OK), 0);
    assert_int_not_equal(access(in_home("transcripts/2001-01-02/00112233445566778899aabbccddeeff.json.abcdef.tmp"), F_OK), 0);
}

static void others_can_read(void **state)
{
    struct hearth_receipt *h = NULL;
    struct receipt r;
    struct transcript t;
    (void)state;
    assert_ok(answer(&usual, "readable", 4, &h, NULL));
    read_back(h, &r);
    assert_int_equal(chmod(in_home("transcripts"), 0755), 0);
    assert_fails(transcript_load(r.id, &t), HEARTH_EIO, "(mode 755); make it private: chmod 700");
    receipt_free(&r);
    hearth_receipt_close(h);
    /* the answer still has its receipt, and a sentence says why there is no transcript */
    assert_ok(answer(&usual, "readable too", 4, &h, NULL));
    assert_non_null(strstr(hearth_receipt_note(h), "chmod 700"));
    read_back(h, &r);
    assert_int_equal(chmod(in_home("transcripts"), 0700), 0);
    assert_false(transcript_kept(r.id));
    receipt_free(&r);
    hearth_receipt_close(h);
}

static void clock_gone_back(void **state)
{
    struct hearth_receipt *h = NULL;
    struct receipt r;
    struct ledger *l = NULL;
    json_t *entry = NULL;
    (void)state;
    assert_ok(receipt_begin("test", &entry));
    assert_ok(receipt_ledger(1, &l));
    assert_ok(receipt_append(l, entry, NULL));
    const struct timespec future[2] = {{.tv_sec = 7226582400}, {.tv_sec = 7226582400}};
    assert_int_equal(utimensat(AT_FDCWD, in_home("ledger/checkpoint"), future, 0), 0);
    json_object_set_new(entry, "time", json_string("yesterday"));
    assert_fails(receipt_append(l, entry, NULL), HEARTH_EFORMAT, "time is \"yesterday\"");
    assert_ok(answer(&usual, "a copy's files have times of their own", 4, &h, NULL));
    assert_string_equal(hearth_receipt_note(h), "");
    hearth_receipt_close(h);
    json_object_set_new(entry, "time", json_string("2199-01-01T00:00:00Z"));
    assert_ok(receipt_append(l, entry, NULL));
    ledger_close(l);
    json_decref(entry);
    assert_ok(answer(&usual, "back", 4, &h, NULL));
    assert_non_null(strstr(hearth_receipt_note(h), "the last entry of the ledger is of 2199-01-01T00:00:00Z"));
    read_back(h, &r);
    assert_true(json_integer_value(json_object_get(r.json, "clock_behind")) > 0);
    receipt_free(&r);
    hearth_receipt_close(h);
}

static void parents_and_decisions(void **state)
{
    struct hearth_receipt *h = NULL;
    struct receipt r;
    struct receipt_number at;
    struct ledger *l = NULL;
    struct hearth_receipt_params p = usual;
    uint64_t parent[] = {0, 2}, number;
    (void)state;
    p.parents = parent, p.n_parents = 2;
    assert_ok(answer(&p, "child", 4, &h, &number));
    read_back(h, &r);
    assert_int_equal(r.n_parents, 2);
    assert_int_equal(r.parent[1].index, 2);
    receipt_free(&r);
    hearth_receipt_close(h);
    parent[1] = 100000;
    assert_fails(hearth_receipt_open(&p, &h), HEARTH_EUSAGE, "parent receipt 100000 does not exist");
    p = usual, p.actor = "";
    assert_fails(hearth_receipt_open(&p, &h), HEARTH_EUSAGE, "actor of a receipt has 0 bytes");
    p.actor = "\xff";
    assert_fails(hearth_receipt_open(&p, &h), HEARTH_EUSAGE, "actor of a receipt");
    p = usual, p.messages = "{}";
    assert_fails(hearth_receipt_open(&p, &h), HEARTH_EFORMAT, "messages: should be a JSON array");
    assert_ok(receipt_ledger(1, &l));
    assert_ok(receipt_decide(l, number, "rejected", "t-2", &at));
    assert_int_equal(at.index, number + 1);
    assert_fails(receipt_decide(l, at.index, "rejected", "t-2", &at), HEARTH_EUSAGE, "only an answer");
    assert_fails(receipt_decide(l, number, "maybe", "t-2", &at), HEARTH_EFORMAT, "decision is \"maybe\"");
    ledger_close(l);
}

/* A receipt as a file: the ledger's own, one that was changed, one of another computer. */
static void receipts_as_files(void **state)
{
    struct hearth_receipt *h = NULL;
    struct receipt r;
    uint64_t number, index;
    (void)state;
    assert_ok(answer(&usual, "file", 4, &h, &number));
    write_text(in_home("r.json"), hearth_receipt_json(h));
    assert_ok(receipt_find(in_home("r.json"), &r, &index));
    assert_int_equal(index, number);
    json_object_set_new(r.json, "actor", json_string("m-2"));
    char *forged = json_dumps(r.json, 0);
    write_text(in_home("forged.json"), forged);
    json_object_set_new(r.json, "id", json_string("ffffffffffffffffffffffffffffffff"));
    char *foreign = json_dumps(r.json, 0);
    write_text(in_home("foreign.json"), foreign);
    receipt_free(&r);
    assert_fails(receipt_find(in_home("forged.json"), &r, &index), HEARTH_ECHECKSUM, "is not the one that the ledger holds");
    assert_ok(receipt_find(in_home("foreign.json"), &r, &index));
    assert_true(index == UINT64_MAX);
    receipt_free(&r);
    free(forged);
    free(foreign);
    hearth_receipt_close(h);
    assert_fails(receipt_find("99999", &r, &index), HEARTH_ENOTFOUND, "there is no receipt 99999");
    assert_fails(receipt_find("zebra", &r, &index), HEARTH_ENOTFOUND, "is no receipt");
    assert_fails(receipt_find("ffffffff", &r, &index), HEARTH_ENOTFOUND, "has the id");
}

static void sealed(void **state)
{
    struct hearth_receipt *h = NULL;
    struct receipt r;
    struct transcript t;
    char *folder = NULL, *text = NULL, path[512], *at;
    size_t n = 0;
    (void)state;
    assert_ok(transcript_folder(&folder));
    assert_fails(seal_set(folder, "short"), HEARTH_EUSAGE, "has 5 bytes, should have 8");
    assert_ok(seal_set(folder, "correct horse"));
    assert_fails(seal_set(folder, "correct horse"), HEARTH_EUSAGE, "is there already");
    assert_ok(transcript_seal_all(&n));
    assert_true(n > 0);
    seal_lock();
    assert_ok(answer(&usual, "sealed words", 4, &h, NULL));           /* locked: writing asks for nothing */
    read_back(h, &r);
    assert_fails(transcript_load(r.id, &t), HEARTH_EUSAGE, "the passphrase is needed");
    assert_fails(seal_unlock(folder, "wrong horse"), HEARTH_ECHECKSUM, "that is not the passphrase");
    assert_ok(seal_unlock(folder, "correct horse"));
    assert_ok(transcript_load(r.id, &t));
    assert_ok(transcript_check(&t, &r));
    transcript_free(&t);
    snprintf(path, sizeof path, "%s/%.10s/%s.json", folder, r.time, r.id);
    assert_ok(os_read_file(path, 1 << 20, &text, &n));
    assert_null(strstr(text, "sealed words"));
    at = text + n - 20;
    *at = *at == '0' ? '1' : '0';
    write_file(path, text, n);
    assert_fails(transcript_load(r.id, &t), HEARTH_ECHECKSUM, "its seal is broken");
    write_text(path, "{\"seal\": \"hearth-seal/1\"}");
    assert_fails(transcript_load(r.id, &t), HEARTH_EFORMAT, "a damaged seal");
    free(text);
    free(folder);
    receipt_free(&r);
    hearth_receipt_close(h);
}

/* A model's file that is written over while it is used: what was mapped may be old bytes or new ones. */
static void changed_while_in_use(void **state)
{
    struct model_spec spec = {.type = "Q8_0", .layers = 1, .width = 64, .heads = 2, .kv_heads = 1, .seed = 6};
    struct hearth_model *usual_model = model;
    struct hearth_receipt *h = NULL;
    struct stat s;
    char path[96];
    uint8_t byte = 0;
    (void)state;
    snprintf(path, sizeof path, "%s/changing.gguf", home);
    assert_ok(model_make(path, &spec));
    assert_ok(hearth_model_open(path, &(struct hearth_model_params){.threads = 1}, &model));
    assert_ok(answer(&usual, "before", 4, &h, NULL));
    hearth_receipt_close(h);
    assert_int_equal(stat(path, &s), 0);
    int fd = open(path, O_RDWR);
    assert_true(fd >= 0 && pread(fd, &byte, 1, s.st_size - 1) == 1);
    byte++;
    assert_int_equal(pwrite(fd, &byte, 1, s.st_size - 1), 1);
    close(fd);
    const struct timespec back[2] = {s.st_atim, s.st_mtim};          /* as if nothing had been written: ctime tells */
    assert_int_equal(utimensat(AT_FDCWD, path, back, 0), 0);
    assert_fails(answer(&usual, "after", 4, &h, NULL), HEARTH_EIO, "was changed while the model was in use");
    assert_string_equal(hearth_receipt_json(h), "");
    hearth_receipt_close(h);
    hearth_model_close(model);
    assert_ok(hearth_model_open(path, &(struct hearth_model_params){.threads = 1}, &model));
    assert_ok(answer(&usual, "opened again", 4, &h, NULL));
    hearth_receipt_close(h);
    hearth_model_close(model);
    model = usual_model;
}

static void used_wrongly(void **state)
{
    struct hearth_receipt *h = NULL;
    struct hearth_session *s = NULL;
    struct hearth_generate_params g = {.max_tokens = 2, .logprobs = -1};
    const int32_t prompt[] = {1};
    (void)state;
    assert_ok(hearth_receipt_open(NULL, &h));
    assert_fails(hearth_receipt_write(h, NULL), HEARTH_EUSAGE, "nothing was generated");
    assert_string_equal(hearth_receipt_json(h), "");
    assert_ok(hearth_session_open(model, &(struct hearth_session_params){.ctx = 8}, &s));
    hearth_sampling_defaults(&g.sampling);
    g.max_tokens = -2;
    assert_fails(hearth_receipt_generate(h, s, prompt, 1, &g, NULL), HEARTH_EUSAGE, "max_tokens");
    assert_fails(hearth_receipt_write(h, NULL), HEARTH_EUSAGE, "nothing was generated");
    assert_fails(hearth_receipt_generate(h, s, prompt, 1, &g, NULL), HEARTH_EUSAGE, "once a receipt");
    hearth_session_close(s);
    hearth_receipt_close(h);
    hearth_receipt_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(made_kept_replayed), cmocka_unit_test(made_up_together), cmocka_unit_test(causes_are_named), cmocka_unit_test(a_thief_learns_nothing),
        cmocka_unit_test(erased_and_still_whole), cmocka_unit_test(what_is_chosen_not_to_be_kept), cmocka_unit_test(pruned),
        cmocka_unit_test(others_can_read), cmocka_unit_test(clock_gone_back), cmocka_unit_test(parents_and_decisions),
        cmocka_unit_test(receipts_as_files), cmocka_unit_test(sealed), cmocka_unit_test(changed_while_in_use),
        cmocka_unit_test(used_wrongly)};
    return cmocka_run_group_tests(tests, begin, end);
}
