/* listen.c - an address to listen at, and the process that has its port already.
 *
 * Addresses are numbers, or "localhost": a name would have to be asked for, and nothing leaves this machine unasked.  Who has a port is
 * written in /proc: the table of listening sockets has the inode, and the descriptors of processes have it too. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "serve/server_in.h"

static enum hearth_status split(const char *address, char host[64], char port[8])
{
    const char *colon = strrchr(address, ':');
    size_t n = colon ? (size_t)(colon - address) : 0;
    int bracket = n > 2 && address[0] == '[' && address[n - 1] == ']';
    size_t digits = colon ? strlen(colon + 1) : 0;
    if (n == 0 || n >= 64 || digits == 0 || digits > 5 || strspn(colon + 1, "0123456789") != digits || atoi(colon + 1) > 65535 ||
        (!bracket && memchr(address, ':', n)))
        return fail(HEARTH_EUSAGE, "\"%.80s\" is no address to listen at; one is 127.0.0.1:11434, [::1]:11434 or 0.0.0.0:11434", address);
    memcpy(host, address + bracket, n - 2 * (size_t)bracket);
    host[n - 2 * (size_t)bracket] = 0;
    if (strcmp(host, "localhost") == 0) strcpy(host, "127.0.0.1");
    memcpy(port, colon + 1, digits + 1);
    return HEARTH_OK;
}

static int is_loopback(const struct sockaddr *a)
{
    if (a->sa_family == AF_INET) return ntohl(((const struct sockaddr_in *)(const void *)a)->sin_addr.s_addr) >> 24 == 127;
    const struct in6_addr *six = &((const struct sockaddr_in6 *)(const void *)a)->sin6_addr;
    return IN6_IS_ADDR_LOOPBACK(six) || (IN6_IS_ADDR_V4MAPPED(six) && six->s6_addr[12] == 127);
}

static int is_wildcard(const struct sockaddr *a)
{
    if (a->sa_family == AF_INET) return ((const struct sockaddr_in *)(const void *)a)->sin_addr.s_addr == 0;
    return IN6_IS_ADDR_UNSPECIFIED(&((const struct sockaddr_in6 *)(const void *)a)->sin6_addr);
}

static enum hearth_status look_up(const char *address, struct addrinfo **found)
{
    struct addrinfo want = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV | AI_NUMERICHOST};
    char host[64], service[8];
    TRY(split(address, host, service));
    unsigned char four[4];                             /* "1.2.3" and "0x7f.1" are numbers to getaddrinfo too */
    if ((strchr(host, ':') || inet_pton(AF_INET, host, four) == 1) && getaddrinfo(host, service, &want, found) == 0) return HEARTH_OK;
    return fail(HEARTH_EUSAGE, "%s: \"%s\" is no address; one is 127.0.0.1 (this machine only) or 0.0.0.0 (the whole network)", address, host);
}

enum hearth_status listen_examine(const char *address, int *loopback)
{
    struct addrinfo *found = NULL;
    TRY(look_up(address, &found));
    *loopback = is_loopback(found->ai_addr);
    freeaddrinfo(found);
    return HEARTH_OK;
}

/* ---- who has the port ---- */

/* The inode of the socket that listens there, 0: none in that table. */
static unsigned long listener(const char *table, int port)
{
    char line[512];
    unsigned long inode = 0, found = 0;
    unsigned at, state;
    FILE *f = fopen(table, "re");
    while (f && !found && fgets(line, sizeof line, f))
        if (sscanf(line, " %*d: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*s %*s %*s %*s %*s %lu", &at, &state, &inode) == 3 && state == 10 &&
            (int)at == port)
            found = inode;
    if (f) fclose(f);
    return found;
}

static int has_socket(const char *pid, unsigned long inode)
{
    char path[300], link[64], want[64];
    int found = 0;
    snprintf(path, sizeof path, "/proc/%s/fd", pid);
    snprintf(want, sizeof want, "socket:[%lu]", inode);
    DIR *d = opendir(path);
    for (struct dirent *e; d && !found && (e = readdir(d));) {
        ssize_t n = readlinkat(dirfd(d), e->d_name, link, sizeof link - 1);
        found = n > 0 && (link[n] = 0, strcmp(link, want) == 0);
    }
    if (d) closedir(d);
    return found;
}

static void process_name(const char *pid, char name[64])
{
    char path[300];
    snprintf(path, sizeof path, "/proc/%s/comm", pid);
    FILE *f = fopen(path, "re");
    if (!f || !fgets(name, 64, f)) strcpy(name, "a process");
    if (f) fclose(f);
    name[strcspn(name, "\n")] = 0;
}

static enum hearth_status in_use(const char *address, int port)
{
    char name[64];
    unsigned long inode = listener("/proc/net/tcp", port);
    if (!inode) inode = listener("/proc/net/tcp6", port);
    DIR *d = inode ? opendir("/proc") : NULL;
    for (struct dirent *e; d && (e = readdir(d));) {
        if (strspn(e->d_name, "0123456789") != strlen(e->d_name) || !has_socket(e->d_name, inode)) continue;
        process_name(e->d_name, name);
        enum hearth_status st = fail(HEARTH_EIO, "%s: the port is in use by %s (process %s); stop that one, or choose another with --port",
                                     address, name, e->d_name);
        closedir(d);
        return st;
    }
    if (d) closedir(d);
    return fail(HEARTH_EIO, "%s: the port is in use by a process of another user; choose another with --port", address);
}

/* ---- listening ---- */

static void keep_alive(int fd)
{
    int on = 1, idle = 30, every = 10, times = 3;      /* a client whose network is gone is noticed within a minute */
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &every, sizeof every);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &times, sizeof times);
}

enum hearth_status listen_open(const char *address, struct listening *out)
{
    struct addrinfo *found = NULL;
    struct sockaddr_storage at = {.ss_family = AF_UNSPEC};
    socklen_t n = sizeof at;
    char host[INET6_ADDRSTRLEN] = "";
    int on = 1, off = 0;
    *out = (struct listening){.fd = -1};
    TRY(look_up(address, &found));
    out->loopback = is_loopback(found->ai_addr);
    out->wildcard = is_wildcard(found->ai_addr);
    out->fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (out->fd >= 0) {
        setsockopt(out->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        if (found->ai_family == AF_INET6) setsockopt(out->fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
        keep_alive(out->fd);
    }
    int bad = out->fd < 0 || bind(out->fd, found->ai_addr, found->ai_addrlen) != 0 || listen(out->fd, SOMAXCONN) != 0 ||
              getsockname(out->fd, (struct sockaddr *)&at, &n) != 0;
    int why = errno;
    freeaddrinfo(found);
    if (bad) {
        if (out->fd >= 0) close(out->fd);
        out->fd = -1;
        errno = why;
        return why == EADDRINUSE ? in_use(address, atoi(strrchr(address, ':') + 1)) : fail_errno(address, "cannot listen there");
    }
    getnameinfo((struct sockaddr *)&at, n, host, sizeof host, NULL, 0, NI_NUMERICHOST);
    out->port = ntohs(at.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&at)->sin6_port : ((struct sockaddr_in *)&at)->sin_port);
    snprintf(out->shown, sizeof out->shown, at.ss_family == AF_INET6 ? "[%s]:%d" : "%s:%d", host, out->port);
    return HEARTH_OK;
}
