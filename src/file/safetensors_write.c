/* safetensors_write.c - one file of F32 tensors: the header, padded with blanks to 8 bytes, then the numbers in the order given. */
#include "file/safetensors.h"

#include <inttypes.h>

#include "base/mem.h"
#include "os/os.h"

static enum hearth_status header(const struct safetensor_out *list, size_t n, struct buf *out)
{
    uint64_t at = 0;
    TRY(buf_puts(out, "{\"__metadata__\":{\"format\":\"pt\"}"));
    for (size_t i = 0; i < n; i++) {
        const struct safetensor_out *t = &list[i];
        uint64_t elements = t->shape[0] * (t->dims > 1 ? t->shape[1] : 1), end;
        TRY(size_mul(elements, 4, t->name, &end));
        TRY(size_add(at, end, t->name, &end));
        TRY(buf_printf(out, ",\"%s\":{\"dtype\":\"F32\",\"shape\":[%" PRIu64, t->name, t->shape[0]));
        if (t->dims > 1) TRY(buf_printf(out, ",%" PRIu64, t->shape[1]));
        TRY(buf_printf(out, "],\"data_offsets\":[%" PRIu64 ",%" PRIu64 "]}", at, end));
        at = end;
    }
    TRY(buf_putc(out, '}'));
    while (out->len % 8) TRY(buf_putc(out, ' '));
    return HEARTH_OK;
}

enum hearth_status safetensors_write(const char *path, const struct safetensor_out *list, size_t n)
{
    struct buf head = { 0 };
    struct atomic_file f;
    uint8_t length[8];
    enum hearth_status st = header(list, n, &head);
    if (st == HEARTH_OK) st = os_atomic_open(path, &f);
    if (st == HEARTH_OK) {
        for (int i = 0; i < 8; i++) length[i] = (uint8_t)(head.len >> 8 * i);
        st = os_atomic_write(&f, length, sizeof length);
        if (st == HEARTH_OK) st = os_atomic_write(&f, head.data, head.len);
        for (size_t i = 0; st == HEARTH_OK && i < n; i++)
            st = os_atomic_write(&f, list[i].data, (size_t)(list[i].shape[0] * (list[i].dims > 1 ? list[i].shape[1] : 1)) * 4);
        if (st == HEARTH_OK) st = os_atomic_commit(&f);
        else os_atomic_abandon(&f);
    }
    buf_free(&head);
    return st;
}
