/* note.c - fuzz target: what a ledger reads that somebody else may have written: signed notes, checkpoints, keys, names of tiles,
 * bundles of entries (account/note.h, account/tile.h). */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "account/note.h"
#include "account/tile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The published example of signed-note: only its own text may ever pass. */
static const char vkey[] = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
static const char signed_text[] = "This is an example message.\n";

static void say(enum hearth_status st)
{
    if (st != HEARTH_OK && !*hearth_errmsg()) abort();
}

static void texts(const char *text, size_t n)
{
    struct note_key key, again;
    struct note_signer signer;
    struct tile tile;
    char name[TILE_PATH], printed[NOTE_KEY_TEXT];
    if (note_key_parse("input", text, &key) == HEARTH_OK) {
        note_key_print(&key, printed);
        if (note_key_parse("input", printed, &again) || memcmp(&key, &again, sizeof key) || strncmp(text, printed, strlen(printed))) abort();
    }
    say(note_signer_parse("input", text, &signer));
    if (tile_parse(text, &tile) == HEARTH_OK) {
        tile_path(&tile, name);
        if (strcmp(name, text)) abort();
    }
    uint8_t *bytes = malloc(n / 4 * 3 + 1);
    struct buf b = {0};
    if (!bytes) return;
    long made = base64_read(text, n, bytes);
    if (made >= 0 && (base64_put(&b, bytes, (size_t)made) || b.len != n || (n && memcmp(b.data, text, n)))) abort();
    buf_free(&b);
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct note_key key;
    const struct note_key *const keys[] = {&key};
    struct note note;
    struct checkpoint c;
    const uint8_t *entry;
    size_t at = 0, n;
    if (note_key_parse("the example", vkey, &key)) abort();
    enum hearth_status st = note_open("input", (const char *)data, size, keys, 1, &note);
    say(st);
    if (st == HEARTH_OK && (note.text_n != strlen(signed_text) || memcmp(data, signed_text, note.text_n))) abort();
    say(checkpoint_parse("input", (const char *)data, size, &c));
    for (uint64_t i = 0; at < size && bundle_next("input", i, data, size, &at, &entry, &n) == HEARTH_OK; i++)
        if (entry + n != data + at || at > size) abort();
    char *text = malloc(size + 1);
    if (!text) return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    texts(text, strlen(text));
    free(text);
    return 0;
}
