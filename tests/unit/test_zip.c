/* test_zip.c - archives on this disk: a member found by its exact name and unpacked, and archives that are refused
 * (bad input, row 15; decompression bombs).  The zips are put together here, byte by byte (APPNOTE.TXT of PKWARE). */
#include "base/mem.h"
#include "hub/archive.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

/* A member as it is to be written; what is 0 gets the right value. */
struct member {
    const char *name, *data;
    int deflated;                          /* as one stored block of deflate */
    uint32_t mode, crc, size;              /* mode: the Unix one */
    int encrypted;
};

static uint8_t zip[8192];
static size_t zip_len;

static void put(uint64_t v, int bytes)
{
    for (int i = 0; i < bytes; i++) zip[zip_len++] = (uint8_t)(v >> 8 * i);
}

static void put_bytes(const char *s, size_t n)
{
    assert_true(zip_len + n < sizeof zip);
    memcpy(zip + zip_len, s, n);
    zip_len += n;
}

static uint32_t crc32_of(const char *s)
{
    uint32_t c = ~0u;
    for (; *s; s++) {
        c ^= (uint8_t)*s;
        for (int k = 0; k < 8; k++) c = c >> 1 ^ (0xedb88320 & -(c & 1));
    }
    return ~c;
}

static void put_fields(const struct member *m)
{
    size_t n = strlen(m->data);
    put(20, 2), put(m->encrypted ? 1 : 0, 2), put(m->deflated ? 8 : 0, 2), put(0, 2), put(0x21, 2);
    put(m->crc ? m->crc : crc32_of(m->data), 4);
    put(n + (m->deflated ? 5 : 0), 4), put(m->size ? m->size : n, 4);
    put(strlen(m->name), 2), put(0, 2);
}

static void make_zip(const struct member *members, size_t n)
{
    uint32_t offsets[8];
    zip_len = 0;
    for (size_t i = 0; i < n; i++) {
        const struct member *m = &members[i];
        offsets[i] = (uint32_t)zip_len;
        put(0x04034b50, 4), put_fields(m), put_bytes(m->name, strlen(m->name));
        if (m->deflated) put(1, 1), put(strlen(m->data), 2), put(~strlen(m->data), 2);
        put_bytes(m->data, strlen(m->data));
    }
    size_t first = zip_len;
    for (size_t i = 0; i < n; i++) {
        const struct member *m = &members[i];
        put(0x02014b50, 4), put(3 << 8 | 20, 2), put_fields(m), put(0, 6);
        put((uint64_t)m->mode << 16, 4), put(offsets[i], 4), put_bytes(m->name, strlen(m->name));
    }
    size_t bytes = zip_len - first;
    put(0x06054b50, 4), put(0, 4), put(n, 2), put(n, 2), put(bytes, 4), put(first, 4), put(0, 2);
}

/* Opens a copy of exactly n bytes, that a sanitizer may see a read past the end. */
static enum hearth_status open_copy(size_t n, struct archive **a, void **copy)
{
    *copy = malloc(n ? n : 1);
    assert_non_null(*copy);
    memcpy(*copy, zip, n);
    return archive_open_memory(*copy, n, "test.whl", a);
}

static void close_copy(struct archive *a, void *copy)
{
    archive_close(a);
    free(copy);
}

static enum hearth_status collect(void *user, const void *data, size_t n)
{
    return buf_put(user, data, n);
}

static enum hearth_status full_disk(void *user, const void *data, size_t n)
{
    (void)user, (void)data, (void)n;
    return (fail)(HEARTH_EIO, "the disk is full");     /* in brackets: cmocka has a macro of that name */
}

static const struct member good[] = {
    {.name = "pkg/", .data = "", .mode = 040755},
    {.name = "pkg/__init__.py", .data = "", .mode = 0100644},
    {.name = "pkg/model.gguf", .data = "GGUF and more", .mode = 0100644},
    {.name = "pkg/packed.bin", .data = "packed, packed, packed", .deflated = 1},
    {.name = "pkg..x/..y", .data = "dots that are harmless"},
};

static void members(void **state)
{
    (void)state;
    struct archive *a;
    struct archive_member m;
    struct buf b = {0};
    void *copy;
    make_zip(good, 5);
    assert_int_equal(open_copy(zip_len, &a, &copy), HEARTH_OK);
    assert_int_equal(archive_count(a), 4);                       /* the folder is none */
    assert_int_equal(archive_member(a, 0, &m), HEARTH_OK);
    assert_string_equal(m.name, "pkg..x/..y");
    assert_int_equal(archive_member(a, 4, &m), HEARTH_ENOTFOUND);
    assert_int_equal(archive_find(a, "pkg/model.gguf", &m), HEARTH_OK);
    assert_true(m.size == 13 && m.packed == 13 && m.crc == crc32_of("GGUF and more"));
    assert_int_equal(archive_find(a, "pkg/packed.bin", &m), HEARTH_OK);
    assert_true(m.size == 22 && m.packed == 27);
    static const char *const absent[] = {"model.gguf", "pkg/model.gguf/", "PKG/model.gguf", "pkg/", "./pkg/model.gguf", ""};
    for (size_t i = 0; i < sizeof absent / sizeof *absent; i++)
        assert_int_equal(archive_find(a, absent[i], &m), HEARTH_ENOTFOUND);
    for (size_t i = 1; i < 5; i++) {
        b.len = 0;
        assert_int_equal(archive_read(a, good[i].name, 100, collect, &b), HEARTH_OK);
        assert_int_equal(b.len, strlen(good[i].data));
        if (b.len) assert_memory_equal(b.data, good[i].data, b.len);
    }
    assert_int_equal(archive_read(a, "pkg/model.gguf", 100, full_disk, NULL), HEARTH_EIO);
    assert_string_equal(hearth_errmsg(), "the disk is full");
    assert_int_equal(archive_read(a, "absent", 100, collect, &b), HEARTH_ENOTFOUND);
    assert_string_equal(hearth_errmsg(), "test.whl: no member absent among its 4");
    buf_free(&b);
    close_copy(a, copy);
}

static void limits(void **state)
{
    (void)state;
    struct archive *a;
    struct buf b = {0};
    void *copy;
    make_zip(good, 5);
    assert_int_equal(open_copy(zip_len, &a, &copy), HEARTH_OK);
    assert_int_equal(archive_read(a, "pkg/packed.bin", 22, collect, &b), HEARTH_OK);
    b.len = 0;
    assert_int_equal(archive_read(a, "pkg/packed.bin", 21, collect, &b), HEARTH_ELIMIT);
    assert_string_equal(hearth_errmsg(), "test.whl: member pkg/packed.bin: 22 bytes, allowed: at most 21");
    assert_int_equal(b.len, 0);
    close_copy(a, copy);
    /* A member that hides its size: said to have 5 bytes, it unpacks to 22. */
    const struct member liar = {.name = "x", .data = "packed, packed, packed", .deflated = 1, .size = 5};
    make_zip(&liar, 1);
    assert_int_equal(open_copy(zip_len, &a, &copy), HEARTH_OK);
    b.len = 0;
    enum hearth_status st = archive_read(a, "x", 10, collect, &b);
    assert_true(st == HEARTH_ELIMIT || st == HEARTH_ECHECKSUM || st == HEARTH_EFORMAT);
    assert_true(b.len <= 10);
    buf_free(&b);
    close_copy(a, copy);
}

static void wrong_crc(void **state)
{
    (void)state;
    struct archive *a;
    struct buf b = {0};
    void *copy;
    for (int deflated = 0; deflated < 2; deflated++) {
        const struct member m = {.name = "x", .data = "some data", .deflated = deflated, .crc = 0x12345678};
        make_zip(&m, 1);
        assert_int_equal(open_copy(zip_len, &a, &copy), HEARTH_OK);
        assert_int_equal(archive_read(a, "x", 100, collect, &b), HEARTH_ECHECKSUM);
        assert_non_null(strstr(hearth_errmsg(), "test.whl: member x: "));
        close_copy(a, copy);
    }
    buf_free(&b);
}

static void refused(const struct member *m, size_t n, enum hearth_status want, const char *text)
{
    struct archive *a;
    void *copy;
    make_zip(m, n);
    enum hearth_status st = open_copy(zip_len, &a, &copy);
    assert_null(a);
    if (st != want || !strstr(hearth_errmsg(), text))
        fail_msg("%s, \"%s\"; wanted %s, \"%s\"", hearth_status_name(st), hearth_errmsg(), hearth_status_name(want), text);
    close_copy(a, copy);
}

static void names_and_kinds(void **state)
{
    (void)state;
    static const struct { const char *name, *why; } names[] = {
        {"../evil", "a folder \"..\" in a name"}, {"a/../../evil", "a folder \"..\" in a name"}, {"a/..", "a folder \"..\" in a name"},
        {"..", "a folder \"..\" in a name"}, {"/etc/passwd", "an absolute name"}, {"..\\evil", "a backslash"},
        {"a\\b", "a backslash"}, {"C:evil", "a drive letter"}, {"a\nb", "a control character"}, {"../", "a folder \"..\""},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct member m[2] = {good[2], {.name = names[i].name, .data = ""}};
        refused(m, 2, HEARTH_EFORMAT, names[i].why);
        assert_non_null(strstr(hearth_errmsg(), "test.whl: member "));
    }
    struct member twice[2] = {good[2], good[2]};
    refused(twice, 2, HEARTH_EFORMAT, "test.whl: member pkg/model.gguf: found twice, allowed once");
    struct member link = {.name = "link", .data = "/etc/passwd", .mode = 0120777};
    refused(&link, 1, HEARTH_EFORMAT, "test.whl: member link: a symbolic link, allowed: files and folders");
    struct member device = {.name = "device", .data = "", .mode = 020666};
    refused(&device, 1, HEARTH_EFORMAT, "test.whl: member device: neither file nor folder");
    struct member secret = {.name = "secret", .data = "xxxxxxxxxxxxxxxx", .encrypted = 1};
    refused(&secret, 1, HEARTH_EUNSUPPORTED, "test.whl: member secret: encrypted, allowed: plain members");
}

/* Cut at each byte, and each byte changed: a status, never a crash. */
static void broken_anywhere(void **state)
{
    (void)state;
    struct archive *a;
    void *copy;
    make_zip(good, 5);
    for (size_t n = 0; n < zip_len; n++) {
        assert_int_not_equal(open_copy(n, &a, &copy), HEARTH_OK);
        assert_non_null(strstr(hearth_errmsg(), "test.whl: "));
        close_copy(a, copy);
    }
    struct buf b = {0};
    for (size_t i = 0; i < zip_len; i++)
        for (int k = 0; k < 3; k++) {
            uint8_t was = zip[i];
            zip[i] = k == 0 ? 0 : k == 1 ? 0xff : (uint8_t)(was ^ 0x10);
            enum hearth_status st = open_copy(zip_len, &a, &copy);
            for (size_t m = 0; !st && m < archive_count(a); m++) {
                struct archive_member info;
                assert_int_equal(archive_member(a, m, &info), HEARTH_OK);
                b.len = 0;
                archive_read(a, info.name, 100, collect, &b);
                assert_true(b.len <= 100);
            }
            close_copy(a, copy);
            zip[i] = was;
        }
    buf_free(&b);
}

static void from_a_file(void **state)
{
    (void)state;
    char path[] = "/tmp/test_zip.XXXXXX";
    struct archive *a;
    struct archive_member m;
    int fd = mkstemp(path);
    make_zip(good, 5);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, zip, zip_len), (ssize_t)zip_len);
    close(fd);
    assert_int_equal(archive_open(path, &a), HEARTH_OK);
    assert_int_equal(archive_find(a, "pkg/model.gguf", &m), HEARTH_OK);
    archive_close(a);
    unlink(path);
    assert_int_equal(archive_open(path, &a), HEARTH_ENOTFOUND);
    assert_null(a);
    assert_int_not_equal(archive_open("/dev/zero", &a), HEARTH_OK);
    assert_null(a);
    archive_close(NULL);
}

static void without_libzip(void **state)
{
    (void)state;
    struct archive *a;
    assert_int_equal(archive_open("/tmp/x.whl", &a), HEARTH_EUNSUPPORTED);
    assert_null(a);
    assert_non_null(strstr(hearth_errmsg(), "built without libzip"));
}

int main(void)
{
    const struct CMUnitTest with[] = {
        cmocka_unit_test(members), cmocka_unit_test(limits), cmocka_unit_test(wrong_crc),
        cmocka_unit_test(names_and_kinds), cmocka_unit_test(broken_anywhere), cmocka_unit_test(from_a_file),
    };
    const struct CMUnitTest without[] = {cmocka_unit_test(without_libzip)};
    return archive_available() ? cmocka_run_group_tests(with, NULL, NULL) : cmocka_run_group_tests(without, NULL, NULL);
}
