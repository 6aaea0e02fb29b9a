/* ledger_witness.c - `hearth ledger witness`: ask one, or be one. */
#include <inttypes.h>
#include <jansson.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "account/witness.h"
#include "cmd/ledger.h"

#define O ledger_opt

/* ---- ask ---- */

static int ask(const char *url)
{
    struct ledger *l = NULL;
    struct witness_kept *k = NULL;
    char clock[24];
    if (O.key.n > 1) return usage("--key: one witness has one key");
    int code = report(receipt_ledger(0, &l));
    if (code == EXIT_DONE) code = report(witness_submit(l, url, O.key.n ? O.key.item[0] : NULL, &k));
    if (code == EXIT_DONE && O.json)
        code = json_print(json_pack("{s:s, s:I, s:I, s:s}", "witness", k->key.name, "size", (json_int_t)k->at.size, "time", (json_int_t)k->time,
                                    "checkpoint", k->note));
    else if (code == EXIT_DONE)
        printf("%s signed at %s that this ledger has %" PRIu64 " entries and only grew; its signature is kept, and proofs carry it\n",
               k->key.name, ledger_clock((int64_t)k->time, clock), k->at.size);
    witness_kept_free(k, 1);
    ledger_close(l);
    return code;
}

/* ---- be one ---- */

/* On the server's thread; a line a request, written at once. */
static void on_answer(void *user, const struct witness_answer *a)
{
    char line[640], clock[24];
    (void)user;
    int n = snprintf(line, sizeof line, "%s  %d  %s\n", ledger_clock((int64_t)time(NULL), clock), a->status, a->said);
    term_write(stderr, line, n < (int)sizeof line ? (size_t)n : sizeof line - 1);
}

static int serve(void)
{
    struct witness *w = NULL;
    struct witness_server *s = NULL;
    const volatile int *interrupted;
    if (!O.state) return usage("witness --listen needs --state DIR: the folder of its key and of what it signed");
    if (O.key.n) return usage("witness --listen takes no --key; the logs it watches are named by --trust, or in %s/logs", O.state);
    int code = report(witness_open(O.state, O.name, O.trust.item, O.trust.n, &w));
    if (code == EXIT_DONE) code = report(witness_listen(w, O.listen, on_answer, NULL, &s));
    if (code == EXIT_DONE) {
        interrupted = interrupt_watch();
        if (O.json)
            printf("{\"key\": \"%s\", \"port\": %d, \"logs\": %zu}\n", witness_vkey(w), witness_port(s), witness_logs(w));
        else printf("listening at %.*s:%d, watching %zu log%s; this witness's key is\n%s\n", (int)(strrchr(O.listen, ':') - O.listen), O.listen,
                    witness_port(s), witness_logs(w), witness_logs(w) == 1 ? "" : "s", witness_vkey(w));
        if (!witness_logs(w)) note("it watches no log yet: add a line with the key of one to %s/logs and start it again", O.state);
        fflush(stdout);
        while (!*interrupted) poll(NULL, 0, 200);
    }
    witness_stop(s);
    witness_close(w);
    return code;
}

int ledger_witness(int argc, char **argv)
{
    if (O.listen && argc) return usage("witness takes an address to ask (URL) or one to answer at (--listen), not both");
    if (O.listen) return serve();
    if (!argc) return usage("it is called: hearth ledger witness URL --key KEY, or hearth ledger witness --listen ADDR:PORT --state DIR");
    if (O.state || O.trust.n || O.name) return usage("--state, --trust and --name belong to --listen: being a witness");
    return ask(argv[0]);
}
