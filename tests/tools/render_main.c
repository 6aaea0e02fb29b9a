/* render_main.c - renders chat templates for comparisons with other renderers (tools/oracle/templates.py).
 *
 *     render_main TEMPLATE.jinja GLOBALS.json     prints the text, or the error to standard error
 *     render_main --lines                         reads lines {"template": "...", "globals": {...}}, writes lines
 *                                                 {"text": "..."} or {"error": "..."}
 * HEARTH_NOW, seconds since 1970, is the present time; unset: 0. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text/template.h"

static enum hearth_status render(const char *source, size_t n, const json_t *globals, struct buf *out) {
    struct template *t;
    const char *now = getenv("HEARTH_NOW");
    TRY(template_open(source, n, "template", &t));
    enum hearth_status st = template_render(t, globals, now ? (time_t)strtoll(now, NULL, 10) : 0, NULL, out);
    template_close(t);
    return st;
}

static int lines(void) {
    char *line = NULL;
    size_t cap = 0;
    ssize_t n;
    while ((n = getline(&line, &cap, stdin)) > 0) {
        json_error_t e;
        struct buf out = { 0 };
        json_t *j = json_loadb(line, (size_t)n, JSON_ALLOW_NUL, &e), *reply;
        json_t *source = json_object_get(j, "template");
        if (!json_is_string(source)) {
            fprintf(stderr, "render_main: %s\n", j ? "a line without a template" : e.text);
            return 2;
        }
        enum hearth_status st = render(json_string_value(source), json_string_length(source),
                                       json_object_get(j, "globals"), &out);
        if (st == HEARTH_OK) reply = json_pack("{s:s%}", "text", out.data ? out.data : "", out.len);
        else reply = json_pack("{s:s, s:s}", "error", hearth_errmsg(), "status", hearth_status_name(st));
        json_dumpf(reply, stdout, JSON_COMPACT);
        putchar('\n');
        fflush(stdout);
        buf_free(&out);
        json_decref(reply);
        json_decref(j);
    }
    free(line);
    return 0;
}

static char *whole_file(const char *path, size_t *n) {
    FILE *f = fopen(path, "rb");
    struct buf b = { 0 };
    char piece[4096];
    size_t got;
    while (f && (got = fread(piece, 1, sizeof piece, f)) > 0)
        if (buf_put(&b, piece, got) != HEARTH_OK) exit(1);
    if (!f) {
        perror(path);
        exit(1);
    }
    fclose(f);
    return buf_take(&b, n);
}

int main(int argc, char **argv) {
    if (argc == 2 && strcmp(argv[1], "--lines") == 0) return lines();
    if (argc != 3) {
        fprintf(stderr, "usage: render_main TEMPLATE.jinja GLOBALS.json | render_main --lines\n");
        return 2;
    }
    size_t n, m;
    json_error_t e;
    struct buf out = { 0 };
    char *source = whole_file(argv[1], &n), *text = whole_file(argv[2], &m);
    json_t *globals = json_loadb(text, m, JSON_ALLOW_NUL, &e);
    if (!globals) {
        fprintf(stderr, "%s: line %d: %s\n", argv[2], e.line, e.text);
        return 1;
    }
    enum hearth_status st = render(source, n, globals, &out);
    if (st == HEARTH_OK) fwrite(out.data, 1, out.len, stdout);
    else fprintf(stderr, "%s\n", hearth_errmsg());
    json_decref(globals);
    buf_free(&out);
    free(source);
    free(text);
    return st != HEARTH_OK;
}
