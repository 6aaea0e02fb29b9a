/* sign.c - `hearth sign`: says which files a model is made of, signed with a key. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "account/signature.h"
#include "cmd/models.h"
#include "cmd/papers.h"
#include "cmd/sign.h"

static const char *key, *output, *new_key;
static const struct opt options[] = {
    {"key", 0, OPT_TEXT, "KEY.pem", "the private key (ECDSA on P-256, P-384 or P-521), readable by you alone", &key, 0, 0, 0, 0},
    {"output", 'o', OPT_TEXT, "FILE", "where the signature goes (default: the model's name with .sig, in this folder)", &output, 0, 0, 0, 0},
    {"new-key", 0, OPT_TEXT, "FILE", "make a new key there, and its public half in FILE.pub", &new_key, 0, 0, 0, 0},
    {0},
};

/* A folder as it is, with all that lies in it; any other word as everywhere. */
int sign_model(const char *word, char **path)
{
    struct stat s;
    if (stat(word, &s) != 0 || !S_ISDIR(s.st_mode)) return model_find(word, MODEL_TO_LOOK, path);
    *path = xstrdup(word);
    return EXIT_DONE;
}

char *sign_default(const char *word)
{
    size_t n = strlen(word);
    while (n > 1 && word[n - 1] == '/') n--;
    char *name = xprintf("%.*s", (int)n, word), *slash = strrchr(name, '/');
    const char *last = slash && slash[1] ? slash + 1 : name;
    char *file = xprintf("%s.sig", strcmp(last, ".") == 0 || strcmp(last, "..") == 0 ? "model" : last);
    free(name);
    return file;
}

static int make_key(void)
{
    int code = report(signature_new_key(new_key));
    if (code != EXIT_DONE) return code;
    printf("private key  %s (keep it to yourself)\npublic key   %s.pub (give it to those who verify)\n", new_key, new_key);
    return EXIT_DONE;
}

static int run(int argc, char **argv)
{
    struct papers_progress p = {.what = "reading", .cancel = interrupt_watch()};
    char *path = NULL;
    size_t files = 0;
    if (new_key && argc > 0) return usage("sign --new-key makes a key and signs nothing; then sign with --key %s", new_key);
    if (new_key) return make_key();
    if (argc == 0) return usage("sign needs a model: hearth sign MODEL --key KEY.pem");
    if (!key) return usage("sign needs a key: --key KEY.pem (`hearth sign --new-key KEY.pem` makes one)");
    int code = sign_model(argv[0], &path);
    if (code != EXIT_DONE) return code;
    char *to = output ? xstrdup(output) : sign_default(argv[0]), *slash = strrchr(argv[0], '/');
    code = report(signature_make(path, slash ? NULL : argv[0], key, to, papers_step, &p, &files));
    papers_end(&p);
    if (code == EXIT_DONE) printf("%s: %zu file%s signed\n", to, files, files == 1 ? "" : "s");
    free(to);
    free(path);
    return code;
}

const struct command cmd_sign = {
    .name = "sign", .group = GROUP_ACCOUNT, .summary = "sign a model with a key", .args = "[MODEL]",
    .min_args = 0, .max_args = 1, .complete = COMPLETE_MODEL,
    .about = "Writes a signature after OpenSSF Model Signing 1.0: a Sigstore bundle with the SHA-256 of every file. A folder is "
             "signed with all that lies in it, but for what belongs to git. Whoever has the public key can check that nothing was "
             "changed, added or left out: `hearth verify`, or `model_signing verify key` of the Python package model-signing.",
    .examples = "hearth sign --new-key school.pem\n"
                "hearth sign smollm2 --key school.pem\n"
                "hearth sign ./my-model --key school.pem -o my-model.sig\n",
    .options = options, .run = run,
};
