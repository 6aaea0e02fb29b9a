/* proof.c - fuzz target: bytes taken for a proof of either form, for a signed checkpoint, for a verifier key.  What is read is written
 * again as it was, byte for byte: there is one way to spell a proof.  The corpus is signed by the two keys below, whose private
 * halves are gone. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "account/proof.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const keys[] = {
    "hearth.local/b08fbdf5179315ed+55632188+AYnSO/Jq0/0fg0FuWwrHcFWMUF4xNSwXnY7h3H86KnsN",
    "witness.example/w+1f91d5dd+BO+OCal1vWcamefmjqMDZzRhQyQKJi67e4uuGY2yPma6"};
enum { KEYS = sizeof keys / sizeof *keys };

/* An error has a sentence and leaves nothing behind. */
static int good(enum hearth_status st)
{
    if (st != HEARTH_OK && !*hearth_errmsg()) abort();
    if (st == HEARTH_EINTERNAL || st == HEARTH_ENOMEM) abort();
    return st == HEARTH_OK;
}

static void use(const struct proof *p, const struct note_key *key)
{
    struct note by;
    struct checkpoint old = p->at;
    for (size_t n = 0; n <= KEYS; n++)
        if (good(proof_check_signatures("fuzz", p, key, n, &by)) && (by.n == 0 || by.text_n > p->note_n || !*by.lines)) abort();
    if (p->kind == PROOF_INCLUSION) {
        good(proof_check_entry("fuzz", p, p->extra ? p->extra : (const uint8_t *)"", p->extra_n));
        return;
    }
    old.size = p->index;
    good(proof_check_growth("fuzz", p, &old));
}

static void as_proof(const uint8_t *data, size_t size, const struct note_key *key)
{
    struct proof p;
    struct buf again = {0};
    if (!good(proof_read("fuzz", data, size, &p))) {
        if (p.note || p.extra) abort();
        return;
    }
    if (p.hashes > MERKLE_PROOF || p.note_n > size || !p.note || (p.kind == PROOF_INCLUSION && p.index >= p.at.size)) abort();
    if (proof_write(&p, &again) || again.len != size || memcmp(again.data, data, size) != 0) abort();
    use(&p, key);
    proof_free(&p);
    buf_free(&again);
}

static void as_note(const char *data, size_t size, const struct note_key *key)
{
    const struct note_key *given[KEYS] = {&key[0], &key[1]};
    struct note by;
    struct checkpoint at;
    if (good(note_open("fuzz", data, size, given, KEYS, &by)) && by.text_n >= size) abort();
    good(checkpoint_parse("fuzz", data, size, &at));
}

static void as_key(const char *data, size_t size)
{
    struct note_key k, back;
    char *text = malloc(size + 1), printed[NOTE_KEY_TEXT];
    if (!text) abort();
    memcpy(text, data, size);
    text[size] = 0;
    if (good(note_key_parse("fuzz", text, &k))) {
        note_key_print(&k, printed);
        if (note_key_parse("fuzz", printed, &back) || memcmp(&k, &back, sizeof k) != 0) abort();
    }
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct note_key key[KEYS];
    for (size_t i = 0; i < KEYS; i++)
        if (!*key[i].name && note_key_parse("key", keys[i], &key[i])) abort();
    size_t first = proof_first(data, size);
    if (first > size || (first == 0 && size > 0)) abort();
    as_proof(data, first, key);
    as_note((const char *)data, size, key);
    as_key((const char *)data, size < 512 ? size : 512);
    return 0;
}
