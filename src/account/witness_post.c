/* witness_post.c - one POST by libcurl, to an address that a person typed.
 *
 * http and https, no redirects, no more than `max` bytes back.  Plain http is allowed here, unlike for models (hub/fetch.h):
 * what is sent is signed and public, and what comes back counts only with the signature of a key the person gave. */
#include "account/witness.h"

#include <curl/curl.h>
#include <pthread.h>
#include <string.h>

#include "hub/address.h"

enum { CONNECT_SECONDS = 10, WHOLE_SECONDS = 30 };

static void curl_begin(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

/* What goes to this computer itself goes through no proxy. */
static int is_here(const char *url)
{
    CURLU *u = curl_url();
    char *host = NULL;
    int here = u && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK && curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
               address_class_of_host(host) == ADDRESS_LOOPBACK;
    curl_free(host);
    curl_url_cleanup(u);
    return here;
}

struct sink { struct buf *to; size_t max; enum hearth_status st; };

static size_t on_body(char *data, size_t size, size_t n, void *user)
{
    struct sink *s = user;
    size_t bytes = size * n;
    if (bytes > s->max - s->to->len) s->st = fail(HEARTH_ELIMIT, "the answer is longer than %zu bytes", s->max);
    else s->st = buf_put(s->to, data, bytes);
    return s->st == HEARTH_OK ? bytes : 0;
}

enum hearth_status witness_post(const char *url, const void *data, size_t n, size_t max, long *status, struct buf *body)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    char reason[CURL_ERROR_SIZE] = "";
    struct sink sink = {body, max, HEARTH_OK};
    pthread_once(&once, curl_begin);
    *status = 0;
    if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0)
        return fail(HEARTH_EUSAGE, "\"%.200s\": the address of a witness begins with https:// or http://", url);
    CURL *c = curl_easy_init();
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: text/plain; charset=utf-8");
    if (headers) headers = curl_slist_append(headers, "Expect:") ? headers : NULL;
    if (!c || !headers) {
        curl_easy_cleanup(c);
        curl_slist_free_all(headers);
        return fail(HEARTH_ENOMEM, "libcurl could not start: out of memory");
    }
    curl_easy_setopt(c, CURLOPT_URL, url);
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_USERAGENT, "hearth");
    curl_easy_setopt(c, CURLOPT_ERRORBUFFER, reason);
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SECONDS);
    curl_easy_setopt(c, CURLOPT_TIMEOUT, (long)WHOLE_SECONDS);
    curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)n);
    curl_easy_setopt(c, CURLOPT_POSTFIELDS, data);
    curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, &sink);
    if (is_here(url)) curl_easy_setopt(c, CURLOPT_PROXY, "");
    CURLcode rc = curl_easy_perform(c);
    if (rc == CURLE_OK) curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, status);
    enum hearth_status st = sink.st;
    if (st == HEARTH_OK && rc != CURLE_OK)
        st = fail(HEARTH_ENETWORK, "%.300s: %s", url, *reason ? reason : curl_easy_strerror(rc));
    curl_easy_cleanup(c);
    curl_slist_free_all(headers);
    return st == HEARTH_OK ? buf_put(body, "", 0) : st;
}
