/* The tree, the names of tiles, signed notes: against the definitions written down a second time, and published examples. */
#include "account/edge.h"
#include "account/keys.h"
#include "account/note.h"
#include "hub_test.h"

/* ---- RFC 6962's definitions, word for word, over leaf hashes ---- */

enum { MOST = 67 };
static uint8_t leaves[MOST][32];

static uint64_t below(uint64_t n)
{
    uint64_t k = 1;
    while (k * 2 < n) k *= 2;
    return k;
}

static void tree_hash(uint64_t lo, uint64_t hi, uint8_t out[32])
{
    uint8_t l[32], r[32];
    if (lo == hi) { assert_ok(crypto_sha256(NULL, 0, out)); return; }
    if (hi - lo == 1) { memcpy(out, leaves[lo], 32); return; }
    uint64_t k = lo + below(hi - lo);
    tree_hash(lo, k, l);
    tree_hash(k, hi, r);
    assert_ok(merkle_node(l, r, out));
}

static size_t path(uint64_t m, uint64_t lo, uint64_t hi, uint8_t (*out)[32])
{
    if (hi - lo == 1) return 0;
    uint64_t k = below(hi - lo);
    size_t n = m < k ? path(m, lo, lo + k, out) : path(m - k, lo + k, hi, out);
    if (m < k) tree_hash(lo + k, hi, out[n]);
    else tree_hash(lo, lo + k, out[n]);
    return n + 1;
}

static size_t subproof(uint64_t m, uint64_t lo, uint64_t hi, int whole, uint8_t (*out)[32])
{
    if (m == hi - lo) {
        if (!whole) tree_hash(lo, hi, out[0]);
        return whole ? 0 : 1;
    }
    uint64_t k = below(hi - lo);
    size_t n = m <= k ? subproof(m, lo, lo + k, whole, out) : subproof(m - k, lo + k, hi, 0, out);
    if (m <= k) tree_hash(lo + k, hi, out[n]);
    else tree_hash(lo, lo + k, out[n]);
    return n + 1;
}

static enum hearth_status read_leaves(void *user, unsigned level, uint64_t index, uint8_t out[32])
{
    uint64_t size = *(uint64_t *)user;
    assert_true((index + 1) << level <= size);             /* only whole nodes of the tree may be asked for */
    tree_hash(index << level, (index + 1) << level, out);
    return HEARTH_OK;
}

static int make_leaves(void **state)
{
    (void)state;
    for (int i = 0; i < MOST; i++) {
        uint8_t text[2] = {(uint8_t)i, (uint8_t)(3 * i)};
        if (merkle_leaf(text, 2, leaves[i]) != HEARTH_OK) return 1;
    }
    return 0;
}

#define PROOF(p) ((const uint8_t (*)[32])(p))

static void inclusion(void **state)
{
    uint8_t root[32], again[32], proof[64][32], wanted[64][32];
    size_t n;
    (void)state;
    for (uint64_t size = 1; size <= MOST; size++) {
        tree_hash(0, size, root);
        assert_ok(merkle_root(size, read_leaves, &size, again));
        assert_memory_equal(root, again, 32);
        for (uint64_t i = 0; i < size; i++) {
            assert_ok(merkle_inclusion(i, size, read_leaves, &size, proof, &n));
            assert_int_equal(n, path(i, 0, size, wanted));
            assert_memory_equal(proof, wanted, n * 32);
            assert_ok(merkle_check_inclusion(i, size, leaves[i], PROOF(proof), n, root));
            /* other leaf, other place, other size, shorter, longer, another hash: none leads there */
            assert_int_equal(merkle_check_inclusion(i, size, leaves[(i + 1) % MOST], PROOF(proof), n, root), HEARTH_ECHECKSUM);
            if (size > 1) assert_int_equal(merkle_check_inclusion((i + 1) % size, size, leaves[i], PROOF(proof), n, root), HEARTH_ECHECKSUM);
            if (n) assert_int_equal(merkle_check_inclusion(i, size, leaves[i], PROOF(proof), n - 1, root), HEARTH_ECHECKSUM);
            memcpy(proof[n], root, 32);
            assert_int_equal(merkle_check_inclusion(i, size, leaves[i], PROOF(proof), n + 1, root), HEARTH_ECHECKSUM);
            if (n) proof[i % n][i % 32] ^= 1;
            if (n) assert_int_equal(merkle_check_inclusion(i, size, leaves[i], PROOF(proof), n, root), HEARTH_ECHECKSUM);
        }
        assert_int_equal(merkle_inclusion(size, size, read_leaves, &size, proof, &n), HEARTH_EUSAGE);
        assert_int_equal(merkle_check_inclusion(size, size, leaves[0], PROOF(proof), 0, root), HEARTH_ECHECKSUM);
    }
}

static void consistency(void **state)
{
    uint8_t old[32], root[32], proof[64][32], wanted[64][32];
    size_t n;
    (void)state;
    for (uint64_t size = 1; size <= MOST; size++) {
        tree_hash(0, size, root);
        for (uint64_t m = 1; m <= size; m++) {
            tree_hash(0, m, old);
            assert_ok(merkle_consistency(m, size, read_leaves, &size, proof, &n));
            assert_int_equal(n, subproof(m, 0, size, 1, wanted));
            assert_memory_equal(proof, wanted, n * 32);
            assert_ok(merkle_check_consistency(m, size, old, root, PROOF(proof), n));
            if (m == size) continue;
            assert_int_equal(merkle_check_consistency(m, size, root, root, PROOF(proof), n), HEARTH_ECHECKSUM);
            assert_int_equal(merkle_check_consistency(m, size, old, old, PROOF(proof), n), HEARTH_ECHECKSUM);
            assert_int_equal(merkle_check_consistency(m, size, old, root, PROOF(proof), n - 1), HEARTH_ECHECKSUM);
            memcpy(proof[n], root, 32);
            assert_int_equal(merkle_check_consistency(m, size, old, root, PROOF(proof), n + 1), HEARTH_ECHECKSUM);
            proof[m % n][m % 32] ^= 0x80;
            assert_int_equal(merkle_check_consistency(m, size, old, root, PROOF(proof), n), HEARTH_ECHECKSUM);
        }
        assert_ok(merkle_check_consistency(0, size, old, root, PROOF(proof), 0));
        assert_int_equal(merkle_check_consistency(size + 1, size, root, root, PROOF(proof), 0), HEARTH_ECHECKSUM);
        assert_int_equal(merkle_consistency(size + 1, size, read_leaves, &size, proof, &n), HEARTH_EUSAGE);
    }
}

static void hex(const uint8_t *bytes, size_t n, char *out)
{
    for (size_t i = 0; i < n; i++) sprintf(out + 2 * i, "%02x", bytes[i]);
}

/* The roots that implementations of Certificate Transparency test with. */
static void known_roots(void **state)
{
    static const struct { const char *entry; size_t n; const char *root; } known[] = {
        {"", 0, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"},
        {"\0", 1, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"},
        {"\x10", 1, "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"},
        {"\x20\x21", 2, "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"},
        {"\x30\x31", 2, "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"},
        {"\x40\x41\x42\x43", 4, "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"},
        {"\x50\x51\x52\x53\x54\x55\x56\x57", 8, "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"},
        {"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f", 16,
         "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"},
    };
    struct edge *e = calloc(1, sizeof *e);
    uint8_t root[32], leaf[32];
    char text[65];
    (void)state;
    assert_non_null(e);
    assert_ok(edge_root(e, root));
    hex(root, 32, text);
    assert_string_equal(text, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    for (int i = 0; i < 8; i++) {
        assert_ok(merkle_leaf(known[i].entry, known[i].n, leaf));
        assert_ok(edge_push(e, leaf, NULL, NULL));
        assert_ok(edge_root(e, root));
        hex(root, 32, text);
        assert_string_equal(text, known[i].root);
    }
    free(e);
}

static void tile_names(void **state)
{
    static const struct { struct tile t; const char *name; } good[] = {
        {{0, 0, 256}, "tile/0/000"}, {{0, 0, 1}, "tile/0/000.p/1"}, {{1, 999, 255}, "tile/1/999.p/255"},
        {{2, 1000, 256}, "tile/2/x001/000"}, {{TILE_ENTRIES, 1234067, 12}, "tile/entries/x001/x234/067.p/12"},
        {{7, 72057594037927935u, 256}, "tile/7/x072/x057/x594/x037/x927/935"},
    };
    static const char *const bad[] = {
        "", "tile", "tile/0", "tile/00/000", "tile/8/000", "tile/0/00", "tile/0/0000", "tile/0/x000/000", "tile/0/001/000", "tile/0/x001",
        "tile/0/000.p/0", "tile/0/000.p/256", "tile/0/000.p/01", "tile/0/000.p/", "tile/0/000.p/1/", "tile/entriesx/000", "tile/-1/000",
        "tile/0/../000", "/tile/0/000", "tile/entries/000 ", "tile/0/x001/x002/x003/x004/x005/x006/x007/008", "tile/0/000.p/1000",
    };
    char name[TILE_PATH];
    struct tile t;
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        tile_path(&good[i].t, name);
        assert_string_equal(name, good[i].name);
        assert_ok(tile_parse(name, &t));
        assert_true(t.level == good[i].t.level && t.index == good[i].t.index && t.width == good[i].t.width);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert_fails(tile_parse(bad[i], &t), HEARTH_EFORMAT, "is no tile's name");
    /* the example of tlog-tiles: a tree of 70,000 */
    assert_int_equal(tile_width(0, 272, 70000), 256);
    assert_int_equal(tile_width(0, 273, 70000), 112);
    assert_int_equal(tile_width(0, 274, 70000), 0);
    assert_int_equal(tile_width(1, 0, 70000), 256);
    assert_int_equal(tile_width(1, 1, 70000), 17);
    assert_int_equal(tile_width(2, 0, 70000), 1);
    assert_int_equal(tile_width(0, 1, 256), 0);
    assert_int_equal(tile_width(TILE_ENTRIES, 0, 255), 255);
}

/* ---- notes ---- */

static const char example_key[] = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
static const char example_note[] =
    "This is an example message.\n\n"
    "\xe2\x80\x94 example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";

static void published_note(void **state)
{
    struct note_key k, other = {.name = "example.com/bar", .type = NOTE_ED25519};
    struct note n;
    char text[NOTE_KEY_TEXT];
    (void)state;
    assert_ok(note_key_parse("key", example_key, &k));
    note_key_print(&k, text);
    assert_string_equal(text, example_key);
    const struct note_key *const keys[] = {&other, &k};
    assert_ok(note_open("note", example_note, sizeof example_note - 1, keys, 2, &n));
    assert_int_equal(n.n, 1);
    assert_ptr_equal(n.by[0].key, &k);
    assert_int_equal(n.text_n, 28);
    assert_fails(note_open("note", example_note, sizeof example_note - 1, keys, 1, &n), HEARTH_ENOTFOUND, "none of the 1 keys");
}

/* No byte of a note can be another one. */
static void every_bit(void **state)
{
    struct note_key k;
    const struct note_key *const keys[] = {&k};
    struct note n;
    char text[sizeof example_note];
    size_t size = sizeof example_note - 1;
    (void)state;
    assert_ok(note_key_parse("key", example_key, &k));
    for (size_t bit = 0; bit < 8 * size; bit++) {
        memcpy(text, example_note, size);
        text[bit / 8] ^= (char)(1 << bit % 8);
        assert_int_not_equal(note_open("note", text, size, keys, 1, &n), HEARTH_OK);
    }
    for (size_t cut = 0; cut < size; cut++) assert_int_not_equal(note_open("note", example_note, cut, keys, 1, &n), HEARTH_OK);
}

static void cosigned(void **state)
{
    struct note_signer log, witness, again;
    struct buf b = {0};
    struct note n;
    char text[NOTE_KEY_TEXT], line[NOTE_KEY_TEXT + 1];
    static const char body[] = "a.example/log\n7\nsFodV/vSp5O8n9a8QpW6PRY97tfOSW5bsc2Xl/EQi08=\n";
    (void)state;
    assert_ok(note_signer_make("a.example/log", NOTE_ED25519, &log));
    assert_ok(note_signer_make("w\xc3\xa9.example", NOTE_COSIGNATURE, &witness));
    note_signer_print(&witness, text);
    sprintf(line, "%s\n", text);
    assert_ok(note_signer_parse("key", line, &again));
    assert_memory_equal(&again, &witness, sizeof again);
    assert_fails(note_key_parse("--key", text, &again.key), HEARTH_EFORMAT, "--key: a private key");
    assert_ok(buf_printf(&b, "%s\n", body));
    assert_ok(note_sign(body, strlen(body), &log, 0, &b));
    assert_ok(note_sign(body, strlen(body), &witness, 1700000000, &b));
    const struct note_key *const keys[] = {&witness.key, &log.key};
    assert_ok(note_open("note", b.data, b.len, keys, 2, &n));
    assert_int_equal(n.n, 2);
    assert_ptr_equal(n.by[0].key, &log.key);
    assert_int_equal(n.by[1].time, 1700000000);
    witness.key.public[0] ^= 1;                            /* same name and id, another key: that is no unknown signature */
    assert_fails(note_open("note", b.data, b.len, keys, 2, &n), HEARTH_ECHECKSUM, "in the name of w");
    buf_free(&b);
}

static void bad_keys(void **state)
{
    static const struct { const char *text; const char *words; } bad[] = {
        {"", "not a key"}, {"x", "not a key"}, {"+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", "not a key"},
        {"a b+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", "not a key"},
        {"example.com/foo+530D903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", "not a key"},
        {"example.com/foo+530d903a", "not a key"}, {"example.com/foo+530d903a+", "44 characters; there are 0"},
        {"example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2", "44 characters; there are 43"},
        {"example.com/foo+530d903b+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", "id is 530d903b, but that of this name and key is 530d903a"},
        {"example.com/fop+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", "a character of it was changed"},
        {"example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2l", "changed"},
        {"example.com/foo+530d903a+/ekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", "a key of type 253"},
    };
    struct note_key k;
    struct note_signer s;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        enum hearth_status st = note_key_parse("--key", bad[i].text, &k);
        if (st == HEARTH_OK || !strstr(hearth_errmsg(), bad[i].words)) fail_msg("%s: %s", bad[i].text, hearth_errmsg());
    }
    assert_fails(note_signer_make("a+b", NOTE_ED25519, &s), HEARTH_EUSAGE, "cannot be a key's name");
    assert_fails(note_signer_make("a\xe2\x80\x83z", NOTE_ED25519, &s), HEARTH_EUSAGE, "cannot be a key's name");
    assert_fails(note_signer_parse("f.key", example_key, &s), HEARTH_EFORMAT, "f.key: not a private key");
}

static void checkpoints(void **state)
{
    static const char root[] = "sFodV/vSp5O8n9a8QpW6PRY97tfOSW5bsc2Xl/EQi08=";
    static const struct { const char *before; const char *after; const char *words; } bad[] = {
        {"\n1\n", "\n", "origin (line 1) has 0 bytes"}, {"a\n01\n", "\n", "entries (line 2) is \"01\""}, {"a\n-1\n", "\n", "line 2"},
        {"a\n\n", "\n", "line 2"}, {"a\n1000000000000000000\n", "\n", "line 2"}, {"a\n1\n", "", "ends with a newline"},
        {"a\n1\nx", "\n", "root (line 3)"}, {"a\n1\n", "\n\n", "an empty line"}, {"a\n1\n", "x\n", "root (line 3)"},
    };
    struct checkpoint c;
    struct buf b = {0};
    char text[256];
    (void)state;
    sprintf(text, "example.com/behind\n20852163\n%s\n", root);
    assert_ok(checkpoint_parse("c", text, strlen(text), &c));
    assert_int_equal(c.size, 20852163);
    assert_string_equal(c.origin, "example.com/behind");
    assert_ok(checkpoint_print(&c, &b));
    assert_string_equal(b.data, text);
    buf_free(&b);
    sprintf(text, "o\n0\n%s\nan extension\n", root);
    assert_ok(checkpoint_parse("c", text, strlen(text), &c));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        sprintf(text, "%s%s%s", bad[i].before, root, bad[i].after);
        assert_fails(checkpoint_parse("c", text, strlen(text), &c), HEARTH_EFORMAT, bad[i].words);
    }
    for (size_t n = 0; n < 8; n++) assert_int_equal(checkpoint_parse("c", "a\n12345\n", n, &c), HEARTH_EFORMAT);
}

static void base64(void **state)
{
    static const char *const bad[] = {"A", "AA", "AAA", "AA=A", "A===", "====", "AB==", "AAB=", "A A=", "AA-_", "AAAA=", "AA==AAAA", "AAA\n"};
    uint8_t data[64], back[66];
    (void)state;
    for (size_t n = 0; n < sizeof data; n++) {
        struct buf b = {0};
        for (size_t i = 0; i < n; i++) data[i] = (uint8_t)(i * 37 + n);
        assert_ok(base64_put(&b, data, n));
        assert_int_equal(b.len, (n + 2) / 3 * 4);
        assert_int_equal(base64_read(b.data ? b.data : "", b.len, back), n);
        assert_memory_equal(data, back, n);
        buf_free(&b);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert_int_equal(base64_read(bad[i], strlen(bad[i]), back), -1);
}

static void key_files(void **state)
{
    struct note_signer made, again;
    char *text;
    size_t n;
    (void)state;
    const char *file = in_home("keys/some.key");
    assert_ok(keys_load_or_make(file, "a.example", NOTE_ED25519, &made));
    assert_ok(keys_load_or_make(file, "another.example", NOTE_ED25519, &again));
    assert_memory_equal(&made, &again, sizeof made);
    assert_fails(keys_write(file, "x", 1), HEARTH_EUSAGE, "there is a key already");
    for (unsigned mode = 0601; mode <= 0677; mode += 3) {
        assert_int_equal(chmod(file, mode), 0);
        if (!(mode & 077)) continue;
        assert_fails(keys_load(file, &again), HEARTH_EIO, "others can read this key");
    }
    assert_int_equal(chmod(file, 0400), 0);
    assert_ok(keys_load(file, &again));
    assert_int_equal(symlink(file, in_home("keys/link.key")), 0);
    assert_fails(keys_load(in_home("keys/link.key"), &again), HEARTH_EIO, "a symbolic link, where the key itself must be");
    assert_fails(keys_load(in_home("keys"), &again), HEARTH_EIO, "not a regular file");
    assert_fails(keys_read(in_home("keys/none"), &text, &n), HEARTH_ENOTFOUND, "keys/none");
    assert_ok(keys_write(in_home("keys/nul"), "a\0b", 3));
    assert_fails(keys_read(in_home("keys/nul"), &text, &n), HEARTH_EFORMAT, "not a text");
    char *large = calloc(1, KEYS_FILE + 1);
    assert_ok(keys_write(in_home("keys/large"), large, KEYS_FILE + 1));
    assert_fails(keys_read(in_home("keys/large"), &text, &n), HEARTH_ELIMIT, "16385 bytes");
    free(large);
}

static void bundles(void **state)
{
    static const uint8_t data[] = {0, 2, 'h', 'i', 0, 0, 0, 5, 'x'};
    const uint8_t *entry;
    size_t at = 0, n;
    (void)state;
    assert_ok(bundle_next("b", 0, data, sizeof data, &at, &entry, &n));
    assert_int_equal(n, 2);
    assert_ok(bundle_next("b", 1, data, sizeof data, &at, &entry, &n));
    assert_int_equal(n, 0);
    assert_fails(bundle_next("b", 2, data, sizeof data, &at, &entry, &n), HEARTH_EFORMAT, "b: the file ends inside entry 2 (3 bytes are left, 7 are needed)");
    assert_fails(bundle_next("b", 2, data, at + 1, &at, &entry, &n), HEARTH_EFORMAT, "1 bytes are left, 2 are needed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tile_names), cmocka_unit_test(bundles), cmocka_unit_test(base64), cmocka_unit_test(checkpoints),
        /* these need libcrypto */
        cmocka_unit_test(inclusion), cmocka_unit_test(consistency), cmocka_unit_test(known_roots), cmocka_unit_test(published_note),
        cmocka_unit_test(every_bit), cmocka_unit_test(cosigned), cmocka_unit_test(bad_keys),
        cmocka_unit_test_setup_teardown(key_files, home_make, home_remove),
    };
    int built = make_leaves(NULL) == 0;
    return _cmocka_run_group_tests("merkle", tests, built ? sizeof tests / sizeof *tests : 4, NULL, NULL);
}
