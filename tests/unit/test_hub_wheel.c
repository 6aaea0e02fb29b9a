/* test_hub_wheel.c - one member of a zip on a server: its directory, read from bytes that cannot be trusted; and deflate
 * streams that are broken off at every border of two blocks and gone on with. */
#include "hub/inflate.h"
#include "hub/zipdir.h"
#include "base/mem.h"
#include "hub_test.h"

/* ---- zips, put together byte by byte ---- */

static uint8_t zip[4096];
static size_t len;

static void put(uint64_t v, int bytes)
{
    for (int i = 0; i < bytes; i++) zip[len++] = (uint8_t)(v >> 8 * i);
}

static void put_text(const char *s)
{
    memcpy(zip + len, s, strlen(s));
    len += strlen(s);
}

struct entry { const char *name; uint32_t packed, size, header; unsigned method, flags; int wide; };

static void put_entry(const struct entry *e)
{
    put(0x02014b50, 4), put(45, 2), put(45, 2), put(e->flags, 2), put(e->method, 2), put(0, 8);
    put(e->wide ? UINT32_MAX : e->packed, 4), put(e->wide ? UINT32_MAX : e->size, 4);
    put(strlen(e->name), 2), put(e->wide ? 4 + 3 + 4 + 24 : 0, 2), put(2, 2), put(0, 8);
    put(e->wide ? UINT32_MAX : e->header, 4);
    put_text(e->name);
    if (e->wide) put(0x5455, 2), put(3, 2), put(0, 3), put(1, 2), put(24, 2), put(e->size, 8), put(e->packed, 8), put(e->header, 8);
    put_text("--");                                        /* its comment */
}

/* 1,000 bytes of members, then the directory. */
static void make(const struct entry *e, size_t n, int wide, const char *comment)
{
    memset(zip, 0, sizeof zip);
    len = 1000;
    for (size_t i = 0; i < n; i++) put_entry(&e[i]);
    size_t end = len;
    if (wide) {
        put(0x06064b50, 4), put(44, 8), put(45, 2), put(45, 2), put(0, 8), put(n, 8), put(n, 8), put(end - 1000, 8), put(1000, 8);
        put(0x07064b50, 4), put(0, 4), put(end, 8), put(1, 4);
    }
    put(0x06054b50, 4), put(0, 4), put(wide ? 0xffff : n, 2), put(wide ? 0xffff : n, 2);
    put(wide ? UINT32_MAX : end - 1000, 4), put(wide ? UINT32_MAX : 1000, 4), put(strlen(comment), 2);
    put_text(comment);
}

static enum hearth_status look(const char *member, size_t tail, struct zip_member *m)
{
    struct zip_directory d;
    TRY(zip_directory(zip + len - tail, tail, len, "t.whl", &d));
    assert_true(d.first <= len && d.bytes <= len - d.first);
    uint8_t *copy = malloc(d.bytes ? d.bytes : 1);         /* of its very size, so that ASan sees a step too far */
    memcpy(copy, zip + d.first, d.bytes);
    enum hearth_status st = zip_find(copy, &d, member, "t.whl", m);
    uint64_t first = 0;
    if (st == HEARTH_OK && m->header + ZIP_LOCAL <= len) {
        st = zip_data(zip + m->header, m, &d, "t.whl", &first);
        assert_true(st != HEARTH_OK || first + m->packed <= d.first);
    }
    free(copy);
    return st;
}

static void put_local(uint32_t at, unsigned name, unsigned extra)
{
    size_t back = len;
    len = at;
    put(0x04034b50, 4);
    len = at + 26;
    put(name, 2), put(extra, 2);
    len = back;
}

static const struct entry usual[] = {
    {"a/b.txt", 5, 5, 0, 0, 0, 0}, {"a/model.gguf", 600, 1200, 100, 8, 0x808, 0}, {"a/model.gguf2", 7, 7, 800, 0, 0, 0}};

static void directories(void **state)
{
    struct zip_member m;
    (void)state;
    for (int wide = 0; wide < 2; wide++) {
        for (int wide_entry = 0; wide_entry < 2; wide_entry++) {
            struct entry e[3];
            memcpy(e, usual, sizeof e);
            e[1].wide = wide_entry;
            make(e, 3, wide, wide_entry ? "a comment PK\5\6 with the signature and 22 bytes more" : "");
            put_local(100, 12, 20);
            assert_ok(look("a/model.gguf", len, &m));
            assert_int_equal(m.header, 100);
            assert_int_equal(m.packed, 600);
            assert_int_equal(m.size, 1200);
            assert_int_equal(m.method, 8);
            assert_ok(look("a/model.gguf", len - 900, &m));
            assert_fails(look("a/model", len, &m), HEARTH_ENOTFOUND, "t.whl: there is no a/model in it");
            assert_fails(look("a/model.gguf", 21, &m), HEARTH_EFORMAT, "no zip");
        }
    }
    make(usual, 3, 0, "");
    assert_fails(look("a/model.gguf", len, &m), HEARTH_EFORMAT, "no member begins at byte 100");
    put_local(100, 65535, 65535);
    assert_fails(look("a/model.gguf", len, &m), HEARTH_EFORMAT, "reaches into the directory");
}

static void refused(void **state)
{
    static const struct { struct entry e; enum hearth_status st; const char *words; } row[] = {
        {{"m", 5, 5, 0, 8, 1, 0}, HEARTH_EUNSUPPORTED, "m is encrypted"},
        {{"m", 5, 5, 0, 8, 0x40, 0}, HEARTH_EUNSUPPORTED, "encrypted"},
        {{"m", 5, 5, 0, 12, 0, 0}, HEARTH_EUNSUPPORTED, "packed by method 12; allowed are 0 (stored) and 8"},
        {{"m", 5, 6, 0, 0, 0, 0}, HEARTH_EFORMAT, "has two sizes, 5 and 6"},
        {{"m", 5, 5, 1001, 8, 0, 0}, HEARTH_EFORMAT, "begins at byte 1001; allowed is up to 1000"},
        {{"m", 5, 5, UINT32_MAX - 1, 8, 0, 0}, HEARTH_EFORMAT, "begins at byte"},
    };
    struct zip_member m;
    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        make(&row[i].e, 1, 0, "");
        assert_fails(look("m", len, &m), row[i].st, row[i].words);
    }
    struct entry twice[] = {usual[1], usual[1]};
    make(twice, 2, 0, "");
    assert_fails(look("a/model.gguf", len, &m), HEARTH_EFORMAT, "two members are called a/model.gguf");
    make(usual, 3, 0, "");
    zip[len - 22 + 10] = 4;                                /* one entry more than there is */
    assert_fails(look("x", len, &m), HEARTH_EFORMAT, "entry 3 of 4 is missing");
    make(usual, 3, 0, "");
    memset(zip + len - 22 + 12, 0x7f, 4);                  /* a directory of 2 GB */
    assert_fails(look("x", len, &m), HEARTH_EFORMAT, "its directory claims");
    make(usual, 3, 1, "");
    zip[len - 22 - 20] = 0;                                /* the locator of the 64-bit record */
    assert_fails(look("x", len, &m), HEARTH_EFORMAT, "no locator");
    make(usual, 3, 1, "");
    memset(zip + len - 22 - 20 + 8, 0xff, 8);
    assert_fails(look("x", len, &m), HEARTH_EFORMAT, "64-bit end record should be at byte");
    struct zip_directory d;
    assert_fails(zip_directory(zip, 100, 50, "t", &d), HEARTH_EFORMAT, "which cannot be");
}

/* Every byte of the directory and the end changed in turn, and cut anywhere: a status, and nothing read outside. */
static void any_damage(void **state)
{
    static const uint8_t value[] = {0, 1, 0x7f, 0x80, 0xff};
    struct zip_member m;
    (void)state;
    for (int wide = 0; wide < 2; wide++) {
        struct entry e[3];
        memcpy(e, usual, sizeof e);
        e[1].wide = wide;
        make(e, 3, wide, "c");
        put_local(100, 12, 0);
        for (size_t at = 1000; at < len; at++) {
            uint8_t old = zip[at];
            for (size_t v = 0; v < sizeof value; v++) {
                zip[at] = value[v];
                look("a/model.gguf", len, &m);
            }
            zip[at] = old;
        }
        for (size_t n = 0; n <= len; n++) look("a/model.gguf", n, &m);
        size_t all = len;
        while (len > 0) {
            len--;
            assert_int_not_equal(look("a/model.gguf", len < 900 ? len : 900, &m), HEARTH_OK);
        }
        len = all;
    }
}

/* ---- deflate, written with the fixed codes of RFC 1951, 3.2.6 ---- */

static struct buf packed, plain;
static unsigned bit_n;
static uint64_t borders;                                   /* blocks begun */

static void bits(unsigned v, unsigned n)                   /* lowest first */
{
    for (unsigned i = 0; i < n; i++, bit_n++) {
        if (bit_n % 8 == 0) assert_ok(buf_putc(&packed, 0));
        packed.data[packed.len - 1] = (char)(packed.data[packed.len - 1] | (v >> i & 1) << bit_n % 8);
    }
}

static void code(unsigned v, unsigned n)                   /* Huffman codes: highest first */
{
    while (n--) bits(v >> n & 1, 1);
}

static void literal(uint8_t c)
{
    if (c < 144) code(0x30u + c, 8);
    else code(0x190u + c - 144, 9);
    assert_ok(buf_putc(&plain, (char)c));
}

/* 258 bytes from 24577 + more back: the farthest a block may look. */
static void far_match(unsigned more)
{
    code(0xc5, 8);
    code(29, 5);
    bits(more, 13);
    for (int i = 0; i < 258; i++) assert_ok(buf_putc(&plain, plain.data[plain.len - 24577 - more]));
}

static void make_stream(void)
{
    uint32_t x = 1;
    buf_free(&packed);
    buf_free(&plain);
    bit_n = 0;
    borders = 0;
    for (int block = 0; block < 60; block++, borders++) {
        bits(block == 59, 1), bits(1, 2);
        for (int i = 0; i < 900 + block % 7; i++) literal((uint8_t)((x = x * 1664525u + 1013904223u) >> 24));
        if (plain.len > 32768) far_match(8191);            /* 32,768 back: the very edge of the window */
        if (plain.len > 32768) far_match(x % 8192);
        code(0, 7);                                        /* end of block */
    }
}

static struct buf got;

static enum hearth_status collect(void *user, const void *data, size_t n)
{
    (void)user;
    return buf_put(&got, data, n);
}

/* Unpacks from a place with what was there before it; the pieces are `step` bytes. */
static void unpack_from(const struct inflate_place *from, size_t step, struct inflate_place *marks, size_t *n_marks)
{
    struct inflater *z;
    size_t window = from->out < INFLATE_WINDOW ? (size_t)from->out : INFLATE_WINDOW;
    got.len = 0;
    assert_ok(buf_put(&got, plain.data, (size_t)from->out));
    assert_ok(inflate_open(from, got.data + got.len - window, window, &z));
    for (size_t at = (size_t)from->in; at < packed.len; at += step) {
        size_t n = packed.len - at < step ? packed.len - at : step;
        char *copy = malloc(n);
        memcpy(copy, packed.data + at, n);
        assert_ok(inflate_feed(z, copy, n, collect, NULL));
        free(copy);
        struct inflate_place m;
        inflate_mark(z, &m);
        if (marks && *n_marks < 100 && (*n_marks == 0 || marks[*n_marks - 1].out != m.out)) marks[(*n_marks)++] = m;
    }
    assert_true(inflate_ended(z));
    assert_int_equal(got.len, plain.len);
    assert_memory_equal(got.data, plain.data, plain.len);
    inflate_close(z);
}

static void going_on(void **state)
{
    static const size_t steps[] = {1, 7, 1000, 1 << 20};
    struct inflate_place marks[100], start = {0};
    size_t n = 0;
    (void)state;
    make_stream();
    for (size_t i = 0; i < 4; i++) unpack_from(&start, steps[i], NULL, NULL);
    unpack_from(&start, 100, marks, &n);
    assert_true(n >= borders - 2);                         /* a place after nearly every block */
    unsigned with_bits = 0;
    for (size_t i = 0; i < n; i++) {
        with_bits += marks[i].bits > 0;
        for (size_t s = 0; s < 4; s++) unpack_from(&marks[i], steps[s], NULL, NULL);
    }
    assert_true(with_bits > 10);
}

static void damage(void **state)
{
    struct inflater *z;
    struct inflate_place start = {0}, odd = {5, 5, 8, 0}, m;
    (void)state;
    make_stream();
    size_t whole = packed.len;
    assert_ok(inflate_open(&start, NULL, 0, &z));          /* cut short: not ended, and no error yet */
    got.len = 0;
    assert_ok(inflate_feed(z, packed.data, whole - 1, collect, NULL));
    assert_false(inflate_ended(z));
    assert_ok(inflate_feed(z, packed.data + whole - 1, 1, collect, NULL));
    assert_true(inflate_ended(z));
    assert_fails(inflate_feed(z, "x", 1, collect, NULL), HEARTH_EFORMAT, "behind the end of the packed data");
    inflate_close(z);
    for (size_t at = 0; at < whole; at += 97) {            /* a byte changed: a status, and the rest is refused or wrong */
        packed.data[at] ^= 0x55;
        assert_ok(inflate_open(&start, NULL, 0, &z));
        got.len = 0;
        enum hearth_status st = inflate_feed(z, packed.data, whole, collect, NULL);
        assert_true(st == HEARTH_OK || st == HEARTH_EFORMAT);
        inflate_mark(z, &m);
        assert_true(m.in <= whole && m.bits <= 7);
        inflate_close(z);
        packed.data[at] ^= 0x55;
    }
    assert_int_equal(inflate_open(&odd, NULL, 0, &z), HEARTH_EFORMAT);
    assert_null(z);
    inflate_close(NULL);
    buf_free(&packed), buf_free(&plain), buf_free(&got);
}

static void without_zlib(void **state)
{
    struct inflate_place start = {0};
    struct inflater *z;
    (void)state;
    assert_fails(inflate_open(&start, NULL, 0, &z), HEARTH_EUNSUPPORTED, "built without zlib");
    assert_null(z);
}

int main(void)
{
    const struct CMUnitTest with[] = {
        cmocka_unit_test(directories), cmocka_unit_test(refused), cmocka_unit_test(any_damage), cmocka_unit_test(going_on),
        cmocka_unit_test(damage),
    };
    const struct CMUnitTest without[] = {
        cmocka_unit_test(directories), cmocka_unit_test(refused), cmocka_unit_test(any_damage), cmocka_unit_test(without_zlib),
    };
    return inflate_available() ? cmocka_run_group_tests(with, NULL, NULL) : cmocka_run_group_tests(without, NULL, NULL);
}
