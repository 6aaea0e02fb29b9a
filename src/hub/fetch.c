/* fetch.c - HTTP by libcurl, within the limits fetch.h states.
 *
 *     fetch_bytes, fetch_page, fetch_tail      what is wanted; loss and retry
 *         attempt()                            one answer, through redirects: policy of every hop
 *             on_header, on_body, on_socket    called by libcurl
 *
 * Redirects are followed here and not by libcurl, so that each hop passes the same gate as the first. */
#include "hub/fetch.h"

#include <curl/curl.h>
#include <jansson.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "hub/address.h"

enum { REDIRECTS = 5, HEADER_BYTES = 256 * 1024, STREAM_BYTES = 64 * 1024, SLOW = 30 /* bytes a second: standing still */, COMPLAINT = 4096 };

struct origin { char *scheme, *host, *port; };

struct fetch {
    CURL *curl;
    struct fetch_settings set;       /* copies */
    const struct hub_callbacks *calls;
    struct origin trusted;           /* what the person configured; host NULL: nothing */
    char *user, *password, *bearer;  /* for that origin only */
    int named;                       /* it was named in the call: plain http is allowed there */
    enum address_class reach;        /* of the address it turned out to have */
    uint64_t received;

    /* this attempt */
    int at_trusted, by_proxy, refused;
    enum address_class refused_class;
    char reason[CURL_ERROR_SIZE];
};

struct transfer {
    struct fetch *f;
    const char *accept;              /* Accept header, or NULL */
    uint64_t first, end;             /* wanted: [first, end) */
    size_t tail;                     /* or the last bytes; 0: no */
    int whole;                       /* or all of it, and no Range is asked for */
    fetch_sink *sink;
    void *user;
    const char *post;                /* a body to be sent, or NULL */
    struct buf complaint;            /* the beginning of an error's page, when one was sent */

    long status;
    size_t header_bytes;
    int ranged;                      /* the answer is a piece: */
    uint64_t piece, total;           /* where it begins, how long the whole is; total UINT64_MAX: not said */
    uint64_t pass;                   /* bytes of the body still to pass over */
    uint64_t given;                  /* bytes given to sink */
    int judged, stop;                /* the answer's kind is settled; enough was read */
    enum hearth_status result;       /* of sink, or of judging */
    char *type, *url, *shown, *next; /* of the last hop; shown: the URL without what may be a secret */
};

/* ---- URLs ---- */

static CURLU *parse_url(const char *url)
{
    CURLU *u = curl_url();
    if (!u) {
        fail(HEARTH_ENOMEM, "out of memory for a URL");
        return NULL;
    }
    CURLUcode rc = curl_url_set(u, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME);
    if (rc == CURLUE_OK) return u;
    curl_url_cleanup(u);
    fail(HEARTH_ENETWORK, "\"%.200s\" is no URL: %s", url, curl_url_strerror(rc));
    return NULL;
}

/* A part as a copy that free() takes; NULL where the URL has none. */
static char *url_part(CURLU *u, CURLUPart what, unsigned flags)
{
    char *part = NULL, *copy = NULL;
    if (curl_url_get(u, what, &part, flags) == CURLUE_OK) copy = strdup(part);
    curl_free(part);
    return copy;
}

static enum hearth_status url_text(CURLU *u, char **out)
{
    *out = url_part(u, CURLUPART_URL, 0);
    return *out ? HEARTH_OK : fail(HEARTH_ENOMEM, "out of memory for a URL");
}

enum hearth_status fetch_join(const char *base, const char *link, char **out)
{
    CURLU *u = parse_url(base);
    *out = NULL;
    if (!u) return HEARTH_ENETWORK;
    CURLUcode rc = curl_url_set(u, CURLUPART_URL, link, CURLU_NON_SUPPORT_SCHEME);
    enum hearth_status st = rc == CURLUE_OK ? url_text(u, out)
                          : fail(HEARTH_EFORMAT, "%.200s: a link \"%.200s\" that is no URL: %s", base, link, curl_url_strerror(rc));
    curl_url_cleanup(u);
    return st;
}

static void strip(CURLU *u, int query)
{
    curl_url_set(u, CURLUPART_USER, NULL, 0);
    curl_url_set(u, CURLUPART_PASSWORD, NULL, 0);
    curl_url_set(u, CURLUPART_FRAGMENT, NULL, 0);
    if (query) curl_url_set(u, CURLUPART_QUERY, NULL, 0);
}

enum hearth_status fetch_public(const char *url, char **out)
{
    CURLU *u = parse_url(url);
    *out = NULL;
    if (!u) return HEARTH_ENETWORK;
    strip(u, 1);
    enum hearth_status st = url_text(u, out);
    curl_url_cleanup(u);
    return st;
}

static void origin_free(struct origin *o)
{
    free(o->scheme), free(o->host), free(o->port);
    *o = (struct origin){0};
}

static enum hearth_status origin_of(CURLU *u, struct origin *out)
{
    *out = (struct origin){url_part(u, CURLUPART_SCHEME, 0), url_part(u, CURLUPART_HOST, 0),
                           url_part(u, CURLUPART_PORT, CURLU_DEFAULT_PORT)};
    if (!out->host) out->host = strdup("");                /* file:///path has none */
    if (out->scheme && out->host) return HEARTH_OK;
    origin_free(out);
    fail(HEARTH_ENOMEM, "out of memory for a URL");
    return HEARTH_ENOMEM;
}

static int origin_equal(const struct origin *a, const struct origin *b)
{
    return a->host && b->host && !strcasecmp(a->scheme, b->scheme) && !strcasecmp(a->host, b->host) && a->port && b->port &&
           !strcmp(a->port, b->port);
}

/* ---- open, close, trust ---- */

static char *copy_or_null(const char *s)
{
    return s && *s ? strdup(s) : NULL;
}

static void curl_begin(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

enum hearth_status fetch_open(const struct fetch_settings *s, const struct hub_callbacks *c, struct fetch **out)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    static const struct hub_callbacks nobody;
    pthread_once(&once, curl_begin);
    struct fetch *f = mem_array(1, sizeof *f);
    *out = NULL;
    if (!f) return HEARTH_ENOMEM;
    f->set = (struct fetch_settings){copy_or_null(s->proxy), copy_or_null(s->cert), copy_or_null(s->client_cert),
                                     s->timeout > 0 ? s->timeout : 30, s->retries >= 0 ? s->retries : 3};
    f->calls = c ? c : &nobody;
    f->curl = curl_easy_init();
    if (!f->curl) {
        fetch_close(f);
        return fail(HEARTH_ENOMEM, "libcurl could not start: out of memory");
    }
    *out = f;
    return HEARTH_OK;
}

static void forget_trusted(struct fetch *f)
{
    origin_free(&f->trusted);
    free(f->user), free(f->password), free(f->bearer);
    f->user = f->password = f->bearer = NULL;
    f->named = 0;
    f->reach = ADDRESS_PUBLIC;
}

enum hearth_status fetch_trust(struct fetch *f, const char *url)
{
    CURLU *u = url ? parse_url(url) : NULL;
    struct origin o = {0};
    enum hearth_status st = HEARTH_OK;
    if (url && !u) return HEARTH_ENETWORK;
    if (u) TRY_GOTO(st, done, origin_of(u, &o));
    if (origin_equal(&o, &f->trusted)) {
        origin_free(&o);
        goto done;
    }
    forget_trusted(f);
    f->trusted = o;
    if (u) f->user = url_part(u, CURLUPART_USER, CURLU_URLDECODE);
    if (u) f->password = url_part(u, CURLUPART_PASSWORD, CURLU_URLDECODE);
    /* Connections made under the old trust are not to be used under the new. */
    curl_easy_cleanup(f->curl);
    f->curl = curl_easy_init();
    if (!f->curl) st = fail(HEARTH_ENOMEM, "libcurl could not start: out of memory");
done:
    curl_url_cleanup(u);
    return st;
}

enum hearth_status fetch_name(struct fetch *f, const char *url, const char *bearer)
{
    TRY(fetch_trust(f, url));
    f->named = 1;
    free(f->bearer);
    f->bearer = copy_or_null(bearer);
    return bearer && *bearer && !f->bearer ? fail_memory(strlen(bearer) + 1) : HEARTH_OK;
}

void fetch_close(struct fetch *f)
{
    if (!f) return;
    if (f->curl) curl_easy_cleanup(f->curl);
    free((char *)f->set.proxy), free((char *)f->set.cert), free((char *)f->set.client_cert);
    forget_trusted(f);
    free(f);
}

uint64_t fetch_received(const struct fetch *f)
{
    return f->received;
}

static int cancelled(const struct fetch *f)
{
    return f->calls->cancel && *f->calls->cancel;
}

/* ---- policy ---- */

static int class_allowed(const struct fetch *f, enum address_class c)
{
    if (c == ADDRESS_NEVER) return 0;
    return c == ADDRESS_PUBLIC || f->at_trusted || (f->trusted.host && c == f->reach);
}

static enum hearth_status refuse_class(const char *shown, enum address_class c)
{
    return fail(HEARTH_ENETWORK, "%.300s leads to %s address, where the public network may not send this computer; nothing was "
                "fetched from there", shown, address_class_name(c));
}

/* Plain http is for this computer only, and only when the person named such an address themself; or for the server they named now. */
static int http_allowed(const struct fetch *f, const struct origin *o)
{
    if (f->named && f->at_trusted) return 1;
    return f->trusted.host && !strcasecmp(f->trusted.scheme, "http") && address_class_of_host(f->trusted.host) == ADDRESS_LOOPBACK &&
           address_class_of_host(o->host) == ADDRESS_LOOPBACK;
}

static enum hearth_status check_hop(struct fetch *f, const struct origin *o, const char *shown)
{
    int c = address_class_of_host(o->host), plain = !strcasecmp(o->scheme, "http");
    if (strcasecmp(o->scheme, "https") != 0 && !(plain && http_allowed(f, o)))
        return fail(HEARTH_ENETWORK, "%.300s: the scheme is \"%.20s\"; only https is allowed", shown, o->scheme);
    if (!*o->host) return fail(HEARTH_ENETWORK, "%.300s: no host; a URL is like https://host/path", shown);
    if (c >= 0 && !class_allowed(f, (enum address_class)c)) return refuse_class(shown, (enum address_class)c);
    return HEARTH_OK;
}

/* no_proxy: a comma-separated list of hosts, each for itself and what is below it; "*" for all. */
static int without_proxy(const char *host)
{
    const char *list = getenv("no_proxy") ? getenv("no_proxy") : getenv("NO_PROXY");
    size_t h = strlen(host), n;
    for (; list && *list; list += n) {
        list += strspn(list, ", \t");
        n = strcspn(list, ", \t");
        const char *word = list;
        size_t w = n;
        if (w == 1 && *word == '*') return 1;
        if (w > 0 && *word == '.') word++, w--;
        if (w == 0 || w > h || strncasecmp(host + h - w, word, w) != 0) continue;
        if (w == h || host[h - w - 1] == '.') return 1;
    }
    return 0;
}

/* "" for none; libcurl is told, so that the two of us never think differently. */
static const char *proxy_for(const struct fetch *f, const struct origin *o)
{
    static const char *const names[][5] = {{"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", NULL},
                                           {"http_proxy", "all_proxy", "ALL_PROXY", NULL}};   /* HTTP_PROXY: httpoxy */
    if (without_proxy(o->host)) return "";
    if (f->set.proxy) return f->set.proxy;
    const char *const *name = names[!strcasecmp(o->scheme, "http")];
    for (; *name; name++) {
        const char *proxy = getenv(*name);
        if (proxy && *proxy) return proxy;
    }
    return "";
}

/* ---- what libcurl calls ---- */

static curl_socket_t on_socket(void *user, curlsocktype purpose, struct curl_sockaddr *a)
{
    struct fetch *f = user;
    enum address_class c = address_class_of(&a->addr);
    (void)purpose;
    if (!f->by_proxy && !class_allowed(f, c)) {
        f->refused = 1;
        f->refused_class = c;
        return CURL_SOCKET_BAD;
    }
    return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

static int on_tick(void *user, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    (void)a, (void)b, (void)c, (void)d;
    return cancelled(user);
}

static int read_number(const char **p, const char *end, uint64_t *out)
{
    const char *start = *p;
    *out = 0;
    for (; *p < end && **p >= '0' && **p <= '9'; ++*p)
        if (__builtin_mul_overflow(*out, (uint64_t)10, out) || __builtin_add_overflow(*out, (uint64_t)(**p - '0'), out)) return 0;
    return *p > start;
}

/* "bytes 5-9/100" or "bytes 5-9/" and a star. */
static void read_range(struct transfer *t, const char *p, const char *end)
{
    uint64_t first, last;
    if (end - p < 6 || strncasecmp(p, "bytes ", 6) != 0) return;
    p += 6;
    if (!read_number(&p, end, &first) || p == end || *p++ != '-' || !read_number(&p, end, &last) || p == end || *p++ != '/')
        return;
    if (last < first || (p < end && *p != '*' && (!read_number(&p, end, &t->total) || last >= t->total))) return;
    t->ranged = 1;
    t->piece = first;
}

/* <https://host/path?cursor=x>; rel="next", <...>; rel="last" */
static void read_next(struct transfer *t, const char *p, const char *end)
{
    while (p < end) {
        const char *open = memchr(p, '<', (size_t)(end - p)), *close = open ? memchr(open, '>', (size_t)(end - open)) : NULL;
        if (!close) return;
        const char *stop = memchr(close, ',', (size_t)(end - close)), *to = stop ? stop : end;
        if (memmem(close, (size_t)(to - close), "rel=\"next\"", 10)) {
            free(t->next);
            t->next = strndup(open + 1, (size_t)(close - open) - 1);
            return;
        }
        p = to + (to < end);
    }
}

static size_t on_header(char *line, size_t one, size_t n, void *user)
{
    struct transfer *t = user;
    const char *end = line + n, *p;
    (void)one;
    t->header_bytes += n;
    if (t->header_bytes > HEADER_BYTES) return 0;
    if (n >= 5 && !memcmp(line, "HTTP/", 5)) {            /* another answer begins (after 100 Continue, say) */
        t->ranged = 0;
        t->total = UINT64_MAX;
        free(t->type), free(t->next);
        t->type = t->next = NULL;
        return n;
    }
    while (end > line && (end[-1] == '\r' || end[-1] == '\n' || end[-1] == ' ')) end--;
    p = memchr(line, ':', (size_t)(end - line));
    if (!p) return n;
    size_t key = (size_t)(p - line);
    for (p++; p < end && (*p == ' ' || *p == '\t'); p++) {}
    if (key == 13 && !strncasecmp(line, "content-range", key)) read_range(t, p, end);
    if (key == 4 && !strncasecmp(line, "link", key)) read_next(t, p, end);
    if (key == 12 && !strncasecmp(line, "content-type", key)) {
        free(t->type);
        t->type = strndup(p, (size_t)(end - p));
    }
    return n;
}

/* What kind of answer is it, and how much of it comes before what was asked for? */
static void judge(struct transfer *t)
{
    t->judged = 1;
    curl_easy_getinfo(t->f->curl, CURLINFO_RESPONSE_CODE, &t->status);
    if (t->status == 206 && !t->ranged)
        t->result = fail(HEARTH_ENETWORK, "%.300s: the server answers 206 and does not say which bytes these are", t->shown);
    else if (t->status == 206 && !t->tail && (t->whole || t->piece != t->first))
        t->result = fail(HEARTH_ENETWORK, "%.300s: the server sends a piece from byte %llu; asked for was %llu", t->shown,
                         (unsigned long long)t->piece, (unsigned long long)(t->whole ? 0 : t->first));
    else if (t->status == 200 && t->tail) t->stop = 1;                     /* all of it: not what is wanted */
    else if (t->status == 200 && !t->whole) t->pass = t->first;
}

static size_t on_body(char *data, size_t one, size_t n, void *user)
{
    struct transfer *t = user;
    size_t all = n;
    (void)one;
    if (!t->judged) judge(t);
    t->f->received += n;
    if (t->result != HEARTH_OK || t->stop || cancelled(t->f)) return 0;
    if (t->status < 200 || t->status > 299) {                              /* an error's page: not for sink */
        if (t->post && t->complaint.len < COMPLAINT) t->result = buf_put(&t->complaint, data, n < COMPLAINT ? n : COMPLAINT);
        return t->result == HEARTH_OK ? all : 0;
    }
    size_t pass = t->pass < n ? (size_t)t->pass : n;
    t->pass -= pass;
    data += pass;
    n -= pass;
    if (!t->whole && !t->tail && n > t->end - t->first - t->given) n = (size_t)(t->end - t->first - t->given);
    if (n) t->result = t->sink(t->user, data, n);
    if (t->result != HEARTH_OK) return 0;
    t->given += n;
    if (!t->whole && !t->tail && t->first + t->given == t->end) {          /* what a server sends beyond is not read */
        t->stop = 1;
        return pass + n == all ? all : 0;
    }
    return all;
}

/* ---- one answer ---- */

static void set_options(struct fetch *f, struct transfer *t, const struct origin *o, struct curl_slist *headers)
{
    CURL *c = f->curl;
    char range[64];
    struct stat s;
    curl_easy_reset(c);
    curl_easy_setopt(c, CURLOPT_URL, t->url);
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, strcasecmp(o->scheme, "http") ? "https" : "http");
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_USERAGENT, "hearth/0.1");
    curl_easy_setopt(c, CURLOPT_ERRORBUFFER, f->reason);
    curl_easy_setopt(c, CURLOPT_PROXY, f->by_proxy ? proxy_for(f, o) : "");
    curl_easy_setopt(c, CURLOPT_NOPROXY, "");
    curl_easy_setopt(c, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, on_socket);
    curl_easy_setopt(c, CURLOPT_OPENSOCKETDATA, f);
    curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_tick);
    curl_easy_setopt(c, CURLOPT_XFERINFODATA, f);
    curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(c, CURLOPT_HEADERDATA, t);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, (long)f->set.timeout);
    curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, (long)f->set.timeout);
    curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, (long)SLOW);
    if (headers) curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
    if (f->set.cert && stat(f->set.cert, &s) == 0 && S_ISDIR(s.st_mode)) curl_easy_setopt(c, CURLOPT_CAPATH, f->set.cert);
    else if (f->set.cert) curl_easy_setopt(c, CURLOPT_CAINFO, f->set.cert);
    if (f->at_trusted) {
        curl_easy_setopt(c, CURLOPT_NETRC, (long)CURL_NETRC_OPTIONAL);
        if (f->user) curl_easy_setopt(c, CURLOPT_USERNAME, f->user);
        if (f->password) curl_easy_setopt(c, CURLOPT_PASSWORD, f->password);
        if (f->bearer) curl_easy_setopt(c, CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER);
        if (f->bearer) curl_easy_setopt(c, CURLOPT_XOAUTH2_BEARER, f->bearer);
        if (f->set.client_cert) curl_easy_setopt(c, CURLOPT_SSLCERT, f->set.client_cert);
        if (f->set.client_cert) curl_easy_setopt(c, CURLOPT_SSLKEY, f->set.client_cert);
    }
    if (t->post) curl_easy_setopt(c, CURLOPT_POSTFIELDS, t->post);
    if (t->tail) snprintf(range, sizeof range, "-%zu", t->tail);
    else if (t->end == UINT64_MAX) snprintf(range, sizeof range, "%llu-", (unsigned long long)t->first);
    else snprintf(range, sizeof range, "%llu-%llu", (unsigned long long)t->first, (unsigned long long)t->end - 1);
    if (!t->whole) curl_easy_setopt(c, CURLOPT_RANGE, range);
}

static enum hearth_status prepare_hop(struct fetch *f, struct transfer *t, const char *url, struct origin *o)
{
    CURLU *u = parse_url(url);
    enum hearth_status st;
    if (!u) return HEARTH_ENETWORK;
    free(t->url), free(t->shown);
    t->url = t->shown = NULL;
    strip(u, 0);
    TRY_GOTO(st, done, url_text(u, &t->url));
    strip(u, 1);
    TRY_GOTO(st, done, url_text(u, &t->shown));
    TRY_GOTO(st, done, origin_of(u, o));
    f->at_trusted = origin_equal(o, &f->trusted);
    TRY_GOTO(st, done, check_hop(f, o, t->shown));
    f->by_proxy = *proxy_for(f, o) != '\0';
done:
    curl_url_cleanup(u);
    return st;
}

static int is_loss(CURLcode rc)
{
    static const CURLcode loss[] = {CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY, CURLE_COULDNT_CONNECT,
                                    CURLE_PARTIAL_FILE, CURLE_OPERATION_TIMEDOUT, CURLE_GOT_NOTHING, CURLE_SEND_ERROR,
                                    CURLE_RECV_ERROR, CURLE_HTTP2, CURLE_HTTP2_STREAM, CURLE_SSL_CONNECT_ERROR};
    for (size_t i = 0; i < sizeof loss / sizeof *loss; i++)
        if (loss[i] == rc) return 1;
    return 0;
}

/* {"error": "text"}, {"error": {"message": "text"}}, or the page as it is. */
static const char *complaint_text(const struct transfer *t)
{
    static __thread char text[800];
    json_t *o = json_loadb(t->complaint.data, t->complaint.len, 0, NULL), *e = json_object_get(o, "error");
    const char *said = json_string_value(json_is_object(e) ? json_object_get(e, "message") : e);
    snprintf(text, sizeof text, "%s", said ? said : t->complaint.data);
    json_decref(o);
    return text;
}

static enum hearth_status explain(struct fetch *f, const struct transfer *t, CURLcode rc, int *again)
{
    *again = 0;
    if (cancelled(f)) return fail(HEARTH_ECANCELLED, "cancelled");
    if (t->result != HEARTH_OK) return t->result;
    if (rc != CURLE_OK && f->refused) return refuse_class(t->shown, f->refused_class);
    if (rc != CURLE_OK) {
        *again = is_loss(rc);
        return fail(HEARTH_ENETWORK, "%.300s: %s", t->shown, *f->reason ? f->reason : curl_easy_strerror(rc));
    }
    if ((t->status == 404 || t->status == 410) && t->complaint.len) return fail(HEARTH_ENOTFOUND, "%s", complaint_text(t));
    if (t->status == 404 || t->status == 410)
        return fail(HEARTH_ENOTFOUND, "%.300s: the server does not have it (%ld)", t->shown, t->status);
    if (t->complaint.len) return fail(t->status < 500 ? HEARTH_EUSAGE : HEARTH_ENETWORK, "%s", complaint_text(t));
    *again = t->status == 408 || t->status == 425 || t->status == 429 || t->status >= 500;
    return fail(HEARTH_ENETWORK, "%.300s: the server answers with the error %ld", t->shown, t->status);
}

/* The class of the address the person's own host has: what else of that class may be reached. */
static void learn_reach(struct fetch *f)
{
    char host[80], *ip = NULL;
    if (!f->at_trusted || f->by_proxy) return;
    curl_easy_getinfo(f->curl, CURLINFO_PRIMARY_IP, &ip);
    if (!ip || !*ip) return;
    snprintf(host, sizeof host, strchr(ip, ':') ? "[%s]" : "%s", ip);
    int c = address_class_of_host(host);
    if (c > (int)f->reach && c != ADDRESS_NEVER) f->reach = (enum address_class)c;
}

/* One answer, through at most five redirects.  *again: it failed in a way that may pass. */
static enum hearth_status attempt(struct fetch *f, struct transfer *t, const char *url, int *again)
{
    struct curl_slist *headers = NULL;
    char *next = strdup(url), *accept = NULL;
    enum hearth_status st = next ? HEARTH_OK : fail_memory(strlen(url) + 1);
    *again = 0;
    if (st == HEARTH_OK && t->post) headers = curl_slist_append(NULL, "Content-Type: application/json");
    if (st == HEARTH_OK && t->accept && asprintf(&accept, "Accept: %s", t->accept) < 0) accept = NULL;
    if (accept) headers = curl_slist_append(headers, accept);
    for (int hop = 0; st == HEARTH_OK; hop++) {
        struct origin o = {0};
        char *to = NULL;
        t->status = 0;
        t->header_bytes = 0;
        t->judged = t->ranged = t->stop = 0;
        t->total = UINT64_MAX;
        t->given = t->pass = 0;
        f->refused = 0;
        f->reason[0] = '\0';
        st = prepare_hop(f, t, next, &o);
        if (st != HEARTH_OK) {
            origin_free(&o);
            break;
        }
        set_options(f, t, &o, headers);
        CURLcode rc = curl_easy_perform(f->curl);
        learn_reach(f);
        origin_free(&o);
        if (rc == CURLE_OK && !t->judged) judge(t);
        if (t->stop && t->result == HEARTH_OK) break;
        if (rc != CURLE_OK || t->result != HEARTH_OK) {
            st = explain(f, t, rc, again);
            break;
        }
        curl_easy_getinfo(f->curl, CURLINFO_REDIRECT_URL, &to);
        if (!to && t->status >= 200 && t->status <= 299) break;
        if (!to) st = explain(f, t, rc, again);
        else if (hop == REDIRECTS)
            st = fail(HEARTH_ENETWORK, "%.300s: more than %d redirects, one after the other", t->shown, REDIRECTS);
        else {
            free(next);
            next = strdup(to);
            if (!next) st = fail_memory(strlen(to) + 1);
        }
    }
    curl_slist_free_all(headers);
    free(accept);
    free(next);
    return st;
}

static void transfer_free(struct transfer *t)
{
    free(t->type), free(t->url), free(t->shown), free(t->next);
    buf_free(&t->complaint);
    t->type = t->url = t->shown = t->next = NULL;
}

/* ---- again and again ---- */

/* Waits before attempt n + 1; not OK: it is not to be. */
static enum hearth_status pause_before(struct fetch *f, int n, enum hearth_status why)
{
    char note[1200];
    double seconds = 0.5 * (1 << (n < 6 ? n : 6));
    if (n >= f->set.retries) return why;
    snprintf(note, sizeof note, "%s; trying again in %.1f s", hearth_errmsg(), seconds);
    struct hub_progress p = {.stage = HUB_RETRYING, .note = note};
    if (f->calls->on_progress) f->calls->on_progress(f->calls->user, &p);
    for (int i = 0; i < (int)(seconds * 20); i++) {
        struct timespec tick = {0, 50 * 1000 * 1000};
        if (cancelled(f)) return fail(HEARTH_ECANCELLED, "cancelled");
        nanosleep(&tick, NULL);
    }
    return HEARTH_OK;
}

struct page_sink { struct buf *to; size_t max; const struct transfer *t; };

static enum hearth_status put_page(void *user, const void *data, size_t n)
{
    struct page_sink *s = user;
    if (n > s->max - s->to->len)
        return fail(HEARTH_ELIMIT, "%.300s: longer than the %zu bytes allowed for it", s->t->shown, s->max);
    return buf_put(s->to, data, n);
}

/* Pages and tails: small, so each attempt begins anew. */
static enum hearth_status small(struct fetch *f, struct transfer *t, const char *url, struct page_sink *s)
{
    for (int n = 0;; n++) {
        int again = 0;
        s->to->len = 0;
        enum hearth_status st = attempt(f, t, url, &again);
        if (st == HEARTH_OK || !again) return st;
        TRY(pause_before(f, n, st));
    }
}

static enum hearth_status page(struct fetch *f, const char *url, const char *accept, const char *post, size_t max, struct fetch_page *out)
{
    *out = (struct fetch_page){0};
    struct transfer t;
    struct page_sink s = {&out->body, max, &t};
    int again;
    t = (struct transfer) {.f = f, .accept = accept, .post = post, .whole = 1, .sink = put_page, .user = &s};
    enum hearth_status st = post ? attempt(f, &t, url, &again) : small(f, &t, url, &s);
    if (st == HEARTH_OK) st = buf_put(&out->body, "", 0);
    if (st == HEARTH_OK && t.next) st = fetch_join(t.url, t.next, &out->next);
    out->url = t.url, out->type = t.type;
    t.url = t.type = NULL;
    transfer_free(&t);
    if (st == HEARTH_OK && !out->type && !(out->type = strdup(""))) st = fail_memory(1);
    if (st != HEARTH_OK) fetch_page_free(out);
    return st;
}

enum hearth_status fetch_page(struct fetch *f, const char *url, const char *accept, size_t max, struct fetch_page *out)
{
    return page(f, url, accept, NULL, max, out);
}

enum hearth_status fetch_post(struct fetch *f, const char *url, const char *json, size_t max, struct fetch_page *out)
{
    return page(f, url, "application/json", json, max, out);
}

void fetch_page_free(struct fetch_page *p)
{
    buf_free(&p->body);
    free(p->url);
    free(p->type);
    free(p->next);
    *p = (struct fetch_page){0};
}

enum hearth_status fetch_tail(struct fetch *f, const char *url, size_t n, struct buf *tail, uint64_t *total, int *ranged)
{
    struct transfer t;
    struct page_sink s = {tail, n, &t};
    t = (struct transfer) {.f = f, .tail = n, .sink = put_page, .user = &s};
    enum hearth_status st = small(f, &t, url, &s);
    if (st == HEARTH_ENETWORK && (t.status == 400 || t.status == 416 || t.status == 501)) {
        st = HEARTH_OK;                                    /* it gives pieces, perhaps, and knows no "last bytes" */
        t.ranged = 0;
    }
    *ranged = st == HEARTH_OK && t.ranged && t.total != UINT64_MAX;
    *total = *ranged ? t.total : 0;
    if (*ranged && t.piece + tail->len != t.total)
        st = fail(HEARTH_ENETWORK, "%.300s: the server sends bytes %llu to %llu of %llu as the end of the file", t.shown,
                  (unsigned long long)t.piece, (unsigned long long)(t.piece + tail->len), (unsigned long long)t.total);
    if (!*ranged) tail->len = 0;
    transfer_free(&t);
    return st;
}

enum hearth_status fetch_bytes(struct fetch *f, const char *url, uint64_t first, uint64_t end, fetch_sink *sink, void *user)
{
    struct transfer t = {.f = f, .first = first, .end = end, .sink = sink, .user = user};
    enum hearth_status st = HEARTH_OK;
    for (int n = 0; t.first < end; n++) {
        int again = 0;
        st = attempt(f, &t, url, &again);
        t.first += t.given;
        int whole = st == HEARTH_OK && (end == UINT64_MAX ? t.total == UINT64_MAX || t.first == t.total : t.first == end);
        if (whole) break;
        if (st == HEARTH_OK) {                             /* a polite end, and too early */
            st = fail(HEARTH_ENETWORK, "%.300s: the server sent the bytes up to %llu and no more", t.shown,
                      (unsigned long long)t.first);
            again = 1;
        }
        if (!again) break;
        if (t.given >= STREAM_BYTES) n = 0;                /* it goes forward: patience begins anew */
        t.given = 0;
        enum hearth_status wait = pause_before(f, n, st);
        if (wait != HEARTH_OK) {
            st = wait;
            break;
        }
        st = HEARTH_OK;
    }
    transfer_free(&t);
    return st;
}
