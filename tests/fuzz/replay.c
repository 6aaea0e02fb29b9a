/* replay.c - main() for the fuzz targets when there is no libFuzzer: every file of the corpus, then spoilt copies of it.
 *
 *     build/fuzz/gguf [FOLDER]        the folder is tests/fuzz/corpus/gguf otherwise, by the program's own name
 *     REPLAY_KEEP=FILE build/fuzz/gguf        FILE holds each input before it is tried: at the end, the one that crashed
 *
 * Of each file: it whole, CUTS beginnings of it (all of them when it is short), and SPOILT copies with one to eight
 * bytes changed: a bit flipped, a byte or eight bytes set to a value that counts and sizes are known to trip over.  The
 * numbers come from a fixed seed, so a run can be repeated.  Each input lies in a block of exactly its size, where the
 * address sanitizer sees the first byte read past it.  TAP: one test a file; a crash ends the program, which
 * tools/tap counts. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CUTS = 512, SPOILT = 512, MAX_FILE = 1 << 22 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* splitmix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", OOPSLA 2014) */
static uint64_t state;
static uint64_t draw(uint64_t below)
{
    uint64_t z = state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (z ^ z >> 31) % below;
}

static void keep(const uint8_t *data, size_t n)
{
    const char *path = getenv("REPLAY_KEEP");
    FILE *f = path ? fopen(path, "wb") : NULL;
    if (f) fwrite(data, 1, n, f), fclose(f);
}

static void try(const uint8_t *data, size_t n, int spoil)
{
    static const uint64_t awkward[] = {0, 1, 0x7f, 0x80, 0xff, 0x7fffffff, 0x80000000, 0xffffffff, INT64_MAX,
                                       (uint64_t)1 << 63, UINT64_MAX, UINT64_MAX / 32 + 1};
    uint8_t *copy = malloc(n ? n : 1);
    if (!copy) abort();
    memcpy(copy, data, n);
    for (uint64_t i = spoil && n ? 1 + draw(8) : 0; i > 0; i--) {
        size_t at = draw(n);
        uint64_t value = awkward[draw(sizeof awkward / sizeof awkward[0])];
        switch (draw(3)) {
        case 0:  copy[at] ^= (uint8_t)(1 << draw(8)); break;
        case 1:  copy[at] = (uint8_t)value; break;
        default: memcpy(copy + at, &value, n - at < 8 ? n - at : 8);
        }
    }
    keep(copy, n);
    LLVMFuzzerTestOneInput(copy, n);
    free(copy);
}

static int replay(const char *folder, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "rb");
    uint8_t *data = malloc(MAX_FILE);
    size_t n = f && data ? fread(data, 1, MAX_FILE, f) : 0;
    int good = f && data && !ferror(f) && feof(f);
    if (f) fclose(f);
    if (good) {
        size_t step = n / CUTS + 1;
        state = n;
        try(data, n, 0);
        for (size_t cut = 0; cut < n; cut += step) try(data, cut, 0);
        for (int i = 0; i < SPOILT; i++) try(data, n, 1);
    }
    free(data);
    return good;
}

static int is_file(const struct dirent *e) { return e->d_name[0] != '.'; }

int main(int argc, char **argv)
{
    const char *base = strrchr(argv[0], '/');
    char folder[2048];
    snprintf(folder, sizeof folder, "tests/fuzz/corpus/%s", base ? base + 1 : argv[0]);
    if (argc > 1) snprintf(folder, sizeof folder, "%s", argv[1]);

    struct dirent **files;
    int n = scandir(folder, &files, is_file, alphasort), bad = n < 1;
    printf("1..%d\n", n < 1 ? 1 : n);
    if (n < 1) printf("not ok 1 - %s holds no file\n", folder);
    for (int i = 0; i < n; i++) {
        int good = replay(folder, files[i]->d_name);
        printf("%s %d - %s\n", good ? "ok" : "not ok", i + 1, files[i]->d_name);
        fflush(stdout);
        bad += !good;
        free(files[i]);
    }
    if (n >= 0) free(files);
    return bad > 0;
}
