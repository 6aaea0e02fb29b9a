/* input.c - see input.h. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/utf8.h"
#include "cmd/command.h"
#include "cmd/input.h"

static const size_t most = 1000u * 1000 * 1000;

/* Appends all that fd holds to *text. */
static int read_all(int fd, const char *name, char **text, size_t *n)
{
    size_t cap = *n;
    for (;;) {
        if (cap - *n < 65536) {
            cap = 2 * cap + 65536;
            *text = xrealloc(*text, cap + 1, 1);
        }
        ssize_t got = read(fd, *text + *n, cap - *n);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) {
            complain("%s: %s", name, strerror(errno));
            return EXIT_FAILED;
        }
        *n += (size_t)got;
        if (*n > most) {
            complain("%s is longer than %zu bytes, the most that is read", name, most);
            return EXIT_FAILED;
        }
        if (got == 0) break;
    }
    (*text)[*n] = 0;
    return EXIT_DONE;
}

/* A pipe that nobody writes to and nobody closes would look like a program that hangs: after a while say what is missing. */
static void explain_waiting(void)
{
    struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};
    if (poll(&p, 1, 3000) == 0)
        complain("waiting for the text of standard input, which goes behind the prompt; < /dev/null says that there is none");
}

int input_check(const char *name, const char *text, size_t n)
{
    const char *zero = memchr(text, 0, n);
    size_t bad;
    if (zero) {
        complain("%s is no text: byte %zu is 0 (a text in UTF-16, as some programs write it, becomes UTF-8 with `iconv -f UTF-16 -t "
                 "UTF-8`)", name, (size_t)(zero - text) + 1);
        return EXIT_FAILED;
    }
    if (!utf8_valid(text, n, &bad))
        complain("%s is not UTF-8 (byte %zu is 0x%02x), so the model reads some letters wrongly; `iconv -f WINDOWS-1252 -t UTF-8` mends "
                 "an old text file", name, bad + 1, (unsigned char)text[bad]);
    return EXIT_DONE;
}

int input_text(const char *word, char **text, size_t *n)
{
    size_t head = 0;
    struct stat s;
    *text = word ? xstrdup(word) : NULL;
    *n = word ? strlen(word) : 0;
    if (isatty(STDIN_FILENO) || fstat(STDIN_FILENO, &s) != 0) return EXIT_DONE;   /* a terminal, or closed */
    if (*n > 0) {
        *text = xrealloc(*text, *n + 3, 1);
        memcpy(*text + *n, "\n\n", 3);
        head = *n + 2;
        *n = head;
        explain_waiting();
    }
    int code = read_all(STDIN_FILENO, "standard input", text, n);
    if (code == EXIT_DONE && *n > head) code = input_check("standard input", *text + head, *n - head);
    if (code != EXIT_DONE) {
        free(*text);
        return code;
    }
    if (*n - head >= 3 && memcmp(*text + head, "\xef\xbb\xbf", 3) == 0) {      /* a byte order mark is no part of the text */
        memmove(*text + head, *text + head + 3, *n - head - 2);
        *n -= 3;
    }
    if (*n > head && (*text)[*n - 1] == '\n') (*text)[--*n] = 0;
    if (head > 0 && *n == head) (*text)[*n -= 2] = 0;          /* nothing came: no empty line either */
    if (!word && *n == 0) {
        free(*text);
        *text = NULL;
    }
    return EXIT_DONE;
}

int input_file(const char *path, char **text, size_t *n)
{
    struct stat s;
    int fd, code;
    *text = NULL;
    *n = 0;
    if (strcmp(path, "-") == 0) {
        code = read_all(STDIN_FILENO, "standard input", text, n);
        if (code != EXIT_DONE) free(*text), *text = NULL;
        return code;
    }
    if ((fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)) < 0) {
        complain("%s: %s", path, strerror(errno));
        return EXIT_FAILED;
    }
    if (fstat(fd, &s) == 0 && S_ISREG(s.st_mode)) {
        code = read_all(fd, path, text, n);
    } else {
        complain("%s is not a regular file", path);
        code = EXIT_FAILED;
    }
    close(fd);
    if (code != EXIT_DONE) free(*text), *text = NULL;
    return code;
}

uint64_t file_size(const char *path)
{
    struct stat s;
    return stat(path, &s) == 0 && S_ISREG(s.st_mode) ? (uint64_t)s.st_size : 0;
}
