/* zip.c - a pack as a zip, by libzip: made in memory, so that the file appears whole; dated 1980 as zips begin, so that the
 * same files are the same zip. */
#include "account/pack.h"

#include <zip.h>

#include "hub/ini.h"

static enum hearth_status no_zip(const char *path, zip_error_t *e)
{
    enum hearth_status st = fail(HEARTH_EIO, "%s: libzip could not make it: %s", path, zip_error_strerror(e));
    zip_error_fini(e);
    return st;
}

static int add_all(zip_t *z, const struct pack *p)
{
    for (size_t i = 0; i < p->n; i++) {
        zip_source_t *s = zip_source_buffer(z, p->file[i].data, p->file[i].n, 0);
        zip_int64_t at = s ? zip_file_add(z, p->file[i].name, s, ZIP_FL_ENC_UTF_8) : -1;
        if (at < 0) {
            zip_source_free(s);
            return 0;
        }
        if (zip_file_set_dostime(z, (zip_uint64_t)at, 0, 0x0021, 0) != 0) return 0;         /* 1 January 1980 */
    }
    return 1;
}

enum hearth_status zip_save(const struct pack *p, const char *path)
{
    zip_error_t e;
    struct buf whole = {0};
    zip_stat_t size;
    enum hearth_status st = HEARTH_OK;
    zip_error_init(&e);
    zip_source_t *s = zip_source_buffer_create(NULL, 0, 0, &e);
    zip_t *z = s ? zip_open_from_source(s, ZIP_TRUNCATE, &e) : NULL;
    if (!z) {
        zip_source_free(s);
        return no_zip(path, &e);
    }
    zip_source_keep(s);                                  /* it holds the bytes when z is gone */
    if (!add_all(z, p) || zip_close(z) != 0) {
        zip_error_t *why = zip_get_error(z);
        zip_error_set(&e, zip_error_code_zip(why), zip_error_code_system(why));
        zip_discard(z);
        zip_source_free(s);
        return no_zip(path, &e);
    }
    if (zip_source_stat(s, &size) != 0 || zip_source_open(s) != 0) st = no_zip(path, &e);
    if (st == HEARTH_OK) st = mem_grow(&whole.data, &whole.cap, (size_t)size.size + 1, 1);
    if (st == HEARTH_OK && zip_source_read(s, whole.data, size.size) != (zip_int64_t)size.size) st = no_zip(path, &e);
    whole.len = st == HEARTH_OK ? (size_t)size.size : 0;
    if (st == HEARTH_OK) st = ini_write(path, &whole);
    zip_source_free(s);
    buf_free(&whole);
    return st;
}
