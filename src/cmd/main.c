/* main.c - finds the command and runs it. */
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/version.h"
#include "cmd/command.h"

const struct command *const commands[] = {
    &cmd_run, &cmd_chat, &cmd_embed,
    &cmd_pull, &cmd_list, &cmd_rm, &cmd_import, &cmd_convert, &cmd_create, &cmd_cp,
    &cmd_serve, &cmd_ps, &cmd_stop, &cmd_key,
    &cmd_show, &cmd_tokenize, &cmd_families, &cmd_doctor,
    &cmd_ledger, &cmd_replay, &cmd_decide, &cmd_transcripts, &cmd_feedback,
    &cmd_card, &cmd_bom, &cmd_sign, &cmd_verify, &cmd_audit,
    &cmd_footprint,
    &cmd_explain,
    &cmd_tune, &cmd_distill, &cmd_compress, &cmd_train, &cmd_classify, &cmd_merge,
    &cmd_eval, &cmd_compare, &cmd_choose,
    &cmd_data, &cmd_bench, &cmd_perplexity, &cmd_imatrix, &cmd_quantize, &cmd_trim, &cmd_prune, &cmd_vocab,
    NULL,
};

const struct command *command_find(const char *name)
{
    for (size_t i = 0; commands[i]; i++)
        if (strcmp(commands[i]->name, name) == 0 || (commands[i]->alias && strcmp(commands[i]->alias, name) == 0)) return commands[i];
    return NULL;
}

static const char *const words[] = {"--help", "--version", "--man", "--completion", NULL};

static const char *word_at(void *user, size_t i)
{
    (void)user;
    return words[i];
}

static const char *command_at(void *user, size_t i)
{
    (void)user;
    return commands[i] ? commands[i]->name : NULL;
}

const char *hearth_features(void)
{
    static char text[512];
    const struct feature *f;
    size_t n = 0;
    text[0] = 0;
    for (size_t i = 0; (f = version_feature(i)) && n < sizeof text; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%s%s", n ? ", " : "", f->built_in ? "" : "built without ",
                              f->name);
    return text;
}

static int print_version(void)
{
    printf("hearth %s\ncommit: %s\narithmetic: version %d\ninstruction set: %s\nfeatures: %s\n", hearth_version(),
           hearth_commit(), hearth_arithmetic_version(), hearth_isa(), hearth_features());
    return EXIT_DONE;
}

/* The first word is no command: an option of hearth itself, or a mistake. */
static int other(int argc, char **argv)
{
    const char *w = argv[1], *near;
    if (strcmp(w, "--help") == 0 || strcmp(w, "-h") == 0 || strcmp(w, "help") == 0) {
        const struct command *c = argc > 2 ? command_find(argv[2]) : NULL;
        if (c) help_command(c, stdout);
        else if (argc > 2) return usage("there is no command %s; `hearth --help` lists them", argv[2]);
        else help_all(stdout);
        return EXIT_DONE;
    }
    if (strcmp(w, "--version") == 0) return print_version();
    if (strcmp(w, "--man") == 0) return man_print(argc > 2 ? argv[2] : NULL);
    if (strcmp(w, "--completion") == 0) {
        if (argc < 3) return usage("--completion needs the name of a shell: bash, zsh or fish");
        return completion_print(argv[2]);
    }
    near = nearest(w, w[0] == '-' ? word_at : command_at, NULL);
    if (near) return usage("there is no %s %s; did you mean %s?", w[0] == '-' ? "option" : "command", w, near);
    return usage("there is no %s %s; `hearth --help` lists them", w[0] == '-' ? "option" : "command", w);
}

static int run(int argc, char **argv)
{
    int help, code, n = argc - 2;
    if (argc < 2) {
        if (open_page(&code)) return code;
        help_all(stderr);
        return EXIT_USAGE;
    }
    const struct command *c = command_find(argv[1]);
    if (!c) return other(argc, argv);
    if ((code = options_parse(c, &n, argv + 2, &help)) != EXIT_DONE) return code;
    if (help) {
        help_command(c, stdout);
        return EXIT_DONE;
    }
    return c->run(n, argv + 2);
}

/* A stream that the caller closed leaves its number to the next file that is opened, a model say, and what is printed
 * would go in there.  Read-only: of such an input nothing comes, and writing to such an output fails, as it should. */
static void fill_closed_streams(void)
{
    int fd;
    do fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0) close(fd);
}

/* A mapped file that became shorter, or whose disk was pulled out or failed, cannot be read any more; the system says so by
 * this signal, in the middle of a computation. */
static void on_bus_error(int signal_number, siginfo_t *info, void *context)
{
    static const char text[] = "hearth: a file that is being read became shorter, or its disk failed or went away\n";
    (void)context;
    if (info->si_code == BUS_ADRERR) {
        ssize_t told = write(STDERR_FILENO, text, sizeof text - 1);
        (void)told;
        _exit(EXIT_FAILED);
    }
    signal(signal_number, SIG_DFL);     /* a bug: it comes again at once and ends the program as bugs do */
}

int main(int argc, char **argv)
{
    struct sigaction bus = {.sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO};
    sigemptyset(&bus.sa_mask);
    sigaction(SIGBUS, &bus, NULL);
    signal(SIGXFSZ, SIG_IGN);           /* a file larger than ulimit -f allows: write() says so, and a sentence follows */
    setlocale(LC_CTYPE, "C.UTF-8");     /* the width of characters and the line editor; numbers stay as in C */
    fill_closed_streams();
    interrupt_init();
    int code = run(argc, argv);
    if ((fflush(stdout) != 0 || ferror(stdout)) && code == EXIT_DONE) {
        complain("standard output could not be written to the end: is the disk full?");
        code = EXIT_FAILED;
    }
    return code;
}
