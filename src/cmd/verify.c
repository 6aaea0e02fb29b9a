/* verify.c - `hearth verify`: is a model what somebody signed? */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include "account/signature.h"
#include "cmd/papers.h"
#include "cmd/sign.h"

static const char *key, *bundle;
static int want_json;
static const struct opt options[] = {
    {"key", 0, OPT_TEXT, "PUB.pem", "the signer's public key", &key, 0, 0, 0, 0},
    {"signature", 0, OPT_TEXT, "FILE", "the signature (default: the model's name with .sig, in this folder)", &bundle, 0, 0, 0, 0},
    {"json", 0, OPT_FLAG, 0, "print one JSON object", &want_json, 0, 0, 0, 0},
    {0},
};

static int run(int argc, char **argv)
{
    struct papers_progress p = {.what = "reading", .cancel = interrupt_watch()};
    struct signature_found found;
    char *path = NULL;
    (void)argc;
    if (!key) return usage("verify needs the signer's public key: --key PUB.pem");
    int code = sign_model(argv[0], &path);
    if (code != EXIT_DONE) return code;
    char *from = bundle ? xstrdup(bundle) : sign_default(argv[0]);
    code = report(signature_check(path, from, key, papers_step, &p, &found));
    papers_end(&p);
    if (code == EXIT_DONE && want_json)
        code = json_print(json_pack("{s:b, s:o, s:o, s:s, s:s, s:I, s:s}", "verified", 1, "model", json_text(argv[0], strlen(argv[0])),
                                    "signed_name", json_text(found.name, strlen(found.name)), "curve", found.curve, "key_sha256",
                                    found.hint, "files", (json_int_t)found.files, "sha256", found.digest));
    else if (code == EXIT_DONE) {
        printf("good: %zu file%s as signed under the name ", found.files, found.files == 1 ? " is" : "s are");
        term_write(stdout, found.name, strlen(found.name));
        printf(" by the %s key %.16s...\n", found.curve, found.hint);
    }
    free(from);
    free(path);
    return code;
}

const struct command cmd_verify = {
    .name = "verify", .group = GROUP_ACCOUNT, .summary = "check a model against its signature", .args = "MODEL",
    .min_args = 1, .max_args = 1, .complete = COMPLETE_MODEL,
    .about = "Reads every byte of the model. It ends with 0 only when the signature is that key's and every file is as it was "
             "signed; else the first files that differ are named. Signatures of the Python package model-signing (its key "
             "method) are checked alike. Who the key belongs to is for you to know: get it from its owner.",
    .examples = "hearth verify smollm2 --key school.pem.pub\n"
                "hearth verify ./my-model --signature my-model.sig --key school.pem.pub\n",
    .options = options, .run = run,
};
