/* open.c - `hearth` alone: the page in the browser, from a server that runs already or is started now.
 *
 * Only where a person sits: at a terminal, with a browser that can be opened.  Everywhere else (a script, a machine one is logged
 * in to) main prints its help as before, and nothing starts behind anybody's back.
 *
 *     port answers as hearth     open the page
 *     port answers otherwise     say so: another program has it
 *     nobody there               a child waits until the page answers, then opens it; this process is the server, until Ctrl-C */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "cmd/command.h"

enum { WAIT_MS = 30000, STEP_MS = 100, HEAD = 4096 };
enum found { NOBODY, OTHER, HEARTH };

/* ---- the browser ---- */

static int in_path(const char *program)
{
    const char *p = getenv("PATH");
    char file[4096];
    while (p && *p) {
        size_t n = strcspn(p, ":");
        if (n && (size_t)snprintf(file, sizeof file, "%.*s/%s", (int)n, p, program) < sizeof file && access(file, X_OK) == 0) return 1;
        p += n + (p[n] == ':');
    }
    return 0;
}

static int has_screen(void)
{
    const char *x = getenv("DISPLAY"), *wayland = getenv("WAYLAND_DISPLAY");
    return (x && *x) || (wayland && *wayland);
}

/* Its own words go nowhere: they would stand between ours. */
static void become_browser(const char *url)
{
    int null = open("/dev/null", O_RDWR);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setsid();
    for (int fd = 0; null >= 0 && fd < 3; fd++) dup2(null, fd);
    execlp("xdg-open", "xdg-open", url, (char *)NULL);
    _exit(EXIT_FAILED);
}

/* ---- who is at the port ---- */

/* The part before the last colon as something to connect to: this computer, where it listens everywhere. */
static int connect_to(const char *address)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    struct sockaddr_in6 b = {.sin6_family = AF_INET6};
    struct timeval patience = {2, 0};
    const char *colon = strrchr(address, ':');
    char host[128];
    snprintf(host, sizeof host, "%.*s", (int)(colon - address), address);
    uint16_t port = htons((uint16_t)atoi(colon + 1));
    int six = host[0] == '[', ok;
    if (six) {
        host[strcspn(host, "]")] = 0;
        b.sin6_port = port;
        ok = inet_pton(AF_INET6, strcmp(host + 1, "::") ? host + 1 : "::1", &b.sin6_addr) == 1;
    } else {
        a.sin_port = port;
        ok = inet_pton(AF_INET, strcmp(host, "0.0.0.0") && strcmp(host, "localhost") ? host : "127.0.0.1", &a.sin_addr) == 1;
    }
    int fd = ok ? socket(six ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) : -1;
    if (fd < 0) return -1;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (connect(fd, six ? (struct sockaddr *)&b : (struct sockaddr *)&a, six ? sizeof b : sizeof a) == 0) return fd;
    close(fd);
    return -1;
}

static enum found who_is_there(const char *address)
{
    static const char ask[] = "GET /ui/index.html HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    char head[HEAD + 1];
    size_t n = 0;
    int fd = connect_to(address);
    if (fd < 0) return NOBODY;
    if (send(fd, ask, sizeof ask - 1, MSG_NOSIGNAL) == (ssize_t)sizeof ask - 1) {
        ssize_t got;
        while (n < HEAD && (got = recv(fd, head + n, HEAD - n, 0)) > 0) n += (size_t)got;
    }
    close(fd);
    head[n] = 0;
    return strncmp(head, "HTTP/1.1 200", 12) == 0 && strstr(head, "name=\"generator\" content=\"hearth\"") ? HEARTH : OTHER;
}

/* In a session of its own before this process ends: a terminal that closes with it would take the browser along. */
static void open_now(const char *url)
{
    pid_t child = fork();
    if (child == 0) {
        setsid();
        if (fork() == 0) become_browser(url);
        _exit(EXIT_DONE);
    }
    if (child > 0) waitpid(child, NULL, 0);
}

/* The child: until the page answers, or the server is gone or takes too long. */
static void open_later(const char *address, const char *url, pid_t server)
{
    struct timespec step = {0, STEP_MS * 1000000L};
    for (int ms = 0; ms < WAIT_MS && getppid() == server; ms += STEP_MS) {
        if (who_is_there(address) == HEARTH) become_browser(url);
        nanosleep(&step, NULL);
    }
    _exit(EXIT_FAILED);
}

int open_page(int *code)
{
    char address[128], url[160];
    if (!isatty(STDIN_FILENO) || !term_is(stdout) || !has_screen() || !in_path("xdg-open")) return 0;
    if ((*code = serve_address(address)) != EXIT_DONE) return 1;
    int everywhere = strncmp(address, "0.0.0.0:", 8) == 0 || strncmp(address, "[::]:", 5) == 0;
    snprintf(url, sizeof url, "http://%s%s/", everywhere ? "127.0.0.1" : "", everywhere ? strrchr(address, ':') : address);
    enum found there = who_is_there(address);
    pid_t self = getpid(), child;
    if (there == OTHER) {
        complain("another program answers at %s, and it is not hearth; `hearth serve --port N` takes another port", address);
        *code = EXIT_FAILED;
        return 1;
    }
    if (there == HEARTH) {
        printf("hearth serves already; its page is %s\n", url);
        open_now(url);
        return 1;
    }
    if ((child = fork()) == 0) open_later(address, url, self);
    if (child < 0) complain("the browser could not be started: %s; the page is at %s", strerror(errno), url);
    printf("The page %s opens in your browser. Ctrl-C ends the server; `hearth --help` lists the commands.\n", url);
    fflush(stdout);
    *code = cmd_serve.run(0, NULL);
    return 1;
}
