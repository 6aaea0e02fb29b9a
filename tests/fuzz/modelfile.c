/* modelfile.c - fuzz target: bytes taken for a Modelfile, and for a template in Go's notation.  What is read and can be written reads the
 * same again; what becomes Jinja compiles, unless it is too deep for that; an error says where it is. */
#include "base/mem.h"        /* before anything that has a fail() of its own */
#include "hub/modelfile.h"
#include "text/gotemplate.h"
#include "text/template.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int same(const char *a, const char *b)
{
    return a && b ? !strcmp(a, b) : a == b;
}

static void modelfile(const char *text, size_t n)
{
    struct modelfile m, back;
    struct buf b = {0};
    if (modelfile_parse(text, n, "fuzz", &m) != HEARTH_OK) {
        if (strncmp(hearth_errmsg(), "fuzz: ", 6) || m.from) abort();
        return;
    }
    if (modelfile_write(&m, &b) == HEARTH_OK) {
        if (modelfile_parse(b.data, b.len, "again", &back) != HEARTH_OK) abort();
        if (!same(m.from, back.from) || !same(m.system, back.system) || !same(m.chat_template, back.chat_template) || !same(m.licence, back.licence) ||
            !json_equal(m.messages, back.messages) || json_object_size(m.parameters) != json_object_size(back.parameters))
            abort();
        modelfile_free(&back);
    }
    buf_free(&b);
    modelfile_free(&m);
}

static void gotemplate(const char *text, size_t n)
{
    struct template *t = NULL;
    struct buf b = {0};
    gotemplate_is(text, n);
    if (gotemplate_to_jinja(text, n, "fuzz", &b) != HEARTH_OK) {
        if (b.len || (strncmp(hearth_errmsg(), "fuzz: ", 6) && strncmp(hearth_errmsg(), "out of memory", 13))) abort();
        return;
    }
    enum hearth_status st = template_open(b.data, b.len, "jinja", &t);
    if (st != HEARTH_OK && st != HEARTH_ELIMIT && !strstr(hearth_errmsg(), "deep")) abort();
    template_close(t);
    buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    if (!text) return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    modelfile(text, size);
    gotemplate(text, size);
    free(text);
    return 0;
}
