/* ledger - makes ledgers and proofs for the tests in other languages (tests/go).
 *
 *     ledger append DIR N GROUP            appends N entries "entry 0", "entry 1" ... in commits of GROUP
 *     ledger vkey DIR                      the key its checkpoints are signed with
 *     ledger inclusion DIR INDEX SIZE      hashes in base64, one a line
 *     ledger consistency DIR OLD SIZE
 *     ledger cosign DIR KEYFILE NAME TIME  the checkpoint with a witness's signature; the first line is the witness's key
 *     ledger note VKEY FILE                is the note signed by that key?
 *     ledger verify DIR */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "account/keys.h"
#include "account/ledger.h"
#include "os/os.h"

static uint64_t number(const char *s) { return strtoull(s, NULL, 10); }

static enum hearth_status append(char **arg)
{
    uint64_t n = number(arg[1]), group = number(arg[2]), size;
    struct ledger *l;
    TRY(ledger_open(arg[0], LEDGER_APPEND, &l));
    struct ledger_bytes *e = calloc(group, sizeof *e);
    char (*text)[32] = calloc(group, sizeof *text);
    enum hearth_status st = e && text ? ledger_size(l, &size) : HEARTH_ENOMEM;
    while (st == HEARTH_OK && n) {
        size_t now = n < group ? n : group;
        for (size_t i = 0; i < now; i++)
            e[i] = (struct ledger_bytes){text[i], (size_t)sprintf(text[i], "entry %" PRIu64, size + i)};
        st = ledger_append(l, e, now, NULL);
        size += now;
        n -= now;
    }
    free(e);
    free(text);
    ledger_close(l);
    return st;
}

static enum hearth_status print_hashes(uint8_t (*hash)[MERKLE_HASH], size_t n)
{
    struct buf b = {0};
    enum hearth_status st = HEARTH_OK;
    for (size_t i = 0; i < n && st == HEARTH_OK; i++) {
        st = base64_put(&b, hash[i], MERKLE_HASH);
        if (st == HEARTH_OK) st = buf_putc(&b, '\n');
    }
    if (st == HEARTH_OK && b.data) fputs(b.data, stdout);
    buf_free(&b);
    free(hash);
    return st;
}

static enum hearth_status read_it(const char *what, char **arg)
{
    uint8_t (*hash)[MERKLE_HASH] = NULL;
    struct ledger *l;
    size_t n = 0;
    TRY(ledger_open(arg[0], LEDGER_READ, &l));
    enum hearth_status st = HEARTH_OK;
    if (!strcmp(what, "vkey")) puts(ledger_vkey(l));
    else if (!strcmp(what, "inclusion")) st = ledger_inclusion(l, number(arg[1]), number(arg[2]), &hash, &n);
    else if (!strcmp(what, "consistency")) st = ledger_consistency(l, number(arg[1]), number(arg[2]), &hash, &n);
    else st = ledger_verify(l, NULL, NULL, NULL);
    ledger_close(l);
    return st == HEARTH_OK ? print_hashes(hash, n) : st;
}

static enum hearth_status cosign(char **arg)
{
    struct note_signer s;
    struct ledger *l;
    struct buf b = {0};
    char key[NOTE_KEY_TEXT];
    TRY(keys_load_or_make(arg[1], arg[2], NOTE_COSIGNATURE, &s));
    TRY(ledger_open(arg[0], LEDGER_READ, &l));
    const char *note = ledger_checkpoint(l), *end = note ? strstr(note, "\n\n") : NULL;
    enum hearth_status st = end ? note_sign(note, (size_t)(end - note) + 1, &s, number(arg[3]), &b) : HEARTH_EFORMAT;
    note_key_print(&s.key, key);
    if (st == HEARTH_OK) printf("%s\n%s%s", key, note, b.data);
    buf_free(&b);
    ledger_close(l);
    return st;
}

static enum hearth_status check_note(char **arg)
{
    struct note_key key;
    const struct note_key *const keys[] = {&key};
    struct note note;
    char *text;
    size_t n;
    TRY(note_key_parse("the key", arg[0], &key));
    TRY(os_read_file(arg[1], NOTE_MAX, &text, &n));
    enum hearth_status st = note_open(arg[1], text, n, keys, 1, &note);
    free(text);
    return st;
}

int main(int argc, char **argv)
{
    static const struct { const char *name; int args; } verb[] = {
        {"append", 3}, {"vkey", 1}, {"inclusion", 3}, {"consistency", 3}, {"verify", 1}, {"cosign", 4}, {"note", 2},
    };
    for (size_t i = 0; i < sizeof verb / sizeof *verb; i++) {
        if (argc != verb[i].args + 2 || strcmp(argv[1], verb[i].name)) continue;
        enum hearth_status st = i == 0 ? append(argv + 2) : i == 5 ? cosign(argv + 2) : i == 6 ? check_note(argv + 2) : read_it(argv[1], argv + 2);
        if (st != HEARTH_OK) fprintf(stderr, "ledger: %s\n", hearth_errmsg());
        return st != HEARTH_OK;
    }
    fputs("usage: see the head of tests/tools/ledger.c\n", stderr);
    return 2;
}
