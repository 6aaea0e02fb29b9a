/* term.c - the terminal: what it is, what may be written to it, Ctrl-C.
 *
 * Every word of a model, a file or a catalogue is untrusted.  A terminal obeys escape sequences: they move the cursor,
 * set the title, write the clipboard, on some terminals even type.  So nothing foreign reaches a terminal but through
 * term_write(), which shows control characters instead of sending them.  A pipe gets the bytes as they are. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>
#include "base/utf8.h"
#include "cmd/command.h"

int term_is(FILE *f)
{
    const char *term = getenv("TERM");
    return isatty(fileno(f)) && term && *term && strcmp(term, "dumb") != 0;
}

int term_width(FILE *f)
{
    struct winsize w;
    if (ioctl(fileno(f), TIOCGWINSZ, &w) == 0 && w.ws_col >= 20) return w.ws_col;
    return 80;
}

/* C0 but newline and tab, DEL, and C1, which some terminals obey in its UTF-8 form too. */
static int is_control(uint32_t cp)
{
    return (cp < 0x20 && cp != '\n' && cp != '\t') || (cp >= 0x7f && cp < 0xa0);
}

void term_write(FILE *to, const char *s, size_t n)
{
    if (!isatty(fileno(to))) {
        fwrite(s, 1, n, to);
        return;
    }
    while (n > 0) {
        uint32_t cp = 0;
        int k = utf8_read(s, n, &cp);
        if (k < 0) fputs("\xef\xbf\xbd", to);          /* U+FFFD */
        else if (is_control(cp)) fprintf(to, "\\x%02x", (unsigned)cp);
        else fwrite(s, 1, (size_t)k, to);
        k = k > 0 ? k : 1;
        s += k;
        n -= (size_t)k;
    }
}

void term_vprintf(FILE *to, const char *fmt, va_list ap)
{
    char *words = NULL;
    int n = vasprintf(&words, fmt, ap);
    if (n >= 0) term_write(to, words, (size_t)n);
    free(words);
}

void term_printf(FILE *to, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    term_vprintf(to, fmt, ap);
    va_end(ap);
}

int term_ask(const char *question, int otherwise)
{
    char answer[64];
    if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO)) return otherwise;
    fflush(stdout);
    for (;;) {
        term_write(stderr, question, strlen(question));
        fputs(otherwise ? " [Y/n] " : " [y/N] ", stderr);
        if (!fgets(answer, sizeof answer, stdin)) {
            fputc('\n', stderr);
            return 0;
        }
        if (answer[0] == 'y' || answer[0] == 'Y') return 1;
        if (answer[0] == 'n' || answer[0] == 'N') return 0;
        if (answer[0] == '\n') return otherwise;
    }
}

static volatile int interrupted, watched;
static volatile time_t interrupted_at;
static int wake[2] = {-1, -1};     /* a pipe: something to read in it wakes who waits for the keyboard */

/* An impatient second press is no wish to lose the chat; one after two seconds says that nobody listened. */
static void on_interrupt(int signal)
{
    struct timespec now;
    int saved = errno;
    (void)signal;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (!watched || (interrupted && now.tv_sec - interrupted_at >= 2)) _exit(EXIT_INTERRUPTED);
    if (!interrupted) interrupted_at = now.tv_sec;
    interrupted = 1;
    if (write(wake[1], "", 1) < 0) errno = saved;       /* full: then it is readable anyway */
    errno = saved;
}

void interrupt_init(void)
{
    struct sigaction a = {.sa_handler = on_interrupt};
    sigemptyset(&a.sa_mask);
    if (pipe2(wake, O_CLOEXEC | O_NONBLOCK) != 0) wake[0] = wake[1] = -1;
    sigaction(SIGINT, &a, NULL);
}

/* The signal may come between looking and reading, or on another thread: a read that waits would not notice. */
int interrupt_wait(int fd)
{
    struct pollfd p[2] = {{.fd = fd, .events = POLLIN}, {.fd = wake[0], .events = POLLIN}};
    while (!interrupted) {
        if (poll(p, 2, -1) < 0 && errno != EINTR) return 1;    /* let the read say what is wrong */
        if (!interrupted && p[0].revents) return 1;
    }
    return 0;
}

/* For commands that would leave gigabytes behind: a polite end, or a closed terminal, is an interrupt to them. */
const volatile int *interrupt_watch_all(void)
{
    struct sigaction a = {.sa_handler = on_interrupt};
    sigemptyset(&a.sa_mask);
    sigaction(SIGTERM, &a, NULL);
    sigaction(SIGHUP, &a, NULL);
    return interrupt_watch();
}

const volatile int *interrupt_watch(void)
{
    watched = 1;
    return &interrupted;
}

void interrupt_clear(void)
{
    char drained[16];
    while (read(wake[0], drained, sizeof drained) > 0) continue;
    interrupted = 0;
}
