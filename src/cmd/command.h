/* command.h - a subcommand is one file with one `const struct command`; everything that is said about it comes from
 * that table:
 *
 *     const struct command cmd_list = {.name = "list", .group = GROUP_MODELS, ...};
 *            |
 *            +-- main.c      finds and runs it                  hearth list --json
 *            +-- options.c   parses its options                 unknown ones get a near match and exit code 2
 *            +-- help.c      hearth list --help                 and the table of `hearth --help`
 *            +-- man.c       hearth --man list                  roff for man(1)
 *            +-- complete.c  hearth --completion bash|zsh|fish
 *
 * To add one: write the file, declare its table below, and name it in commands[] of main.c.
 *
 * This folder sees include/hearth.h, the headers of the application rooms and the small helpers of src/base (UTF-8,
 * the clock, the list of features), never a tensor.
 */
#ifndef HEARTH_CMD_COMMAND_H
#define HEARTH_CMD_COMMAND_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include "hearth.h"

/* What run() returns and the process exits with. */
enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_INTERRUPTED = 130 };

/* ---- options: --name VALUE, --name=VALUE, or -x VALUE when it has a letter ---- */

enum opt_type {
    OPT_FLAG,      /* int: set to 1; `--no-x` is written as an option of its own */
    OPT_INT,       /* int, min .. max */
    OPT_U64,       /* uint64_t: 0 .. 2^63-1, so that it is a JSON integer */
    OPT_FLOAT,     /* float, min .. max; nan and inf are refused */
    OPT_TEXT,      /* const char * */
    OPT_CHOICE,    /* int: the index of the word in choices */
    OPT_LIST       /* struct opt_list: may be given more than once */
};

struct opt_list { const char **item; size_t n; };

struct opt {
    const char *name;             /* "max-tokens"; NULL ends a table */
    char letter;                  /* 'o' for -o; 0: none */
    enum opt_type type;
    const char *arg;              /* "N", "FILE": how help names the value; NULL for a flag */
    const char *help;             /* one sentence, lower case, no full stop */
    void *value;                  /* where it goes: a static of the command's file, set to its default there */
    double min, max;              /* OPT_INT and OPT_FLOAT; 0, 0: no limits of ours */
    const char *const *choices;   /* OPT_CHOICE: words, NULL-terminated */
    int *given;                   /* may be NULL: set to 1 when the option was there */
};

/* ---- commands ---- */

enum group { GROUP_TALK, GROUP_MODELS, GROUP_SERVE, GROUP_INSPECT, GROUP_ACCOUNT, GROUP_MEASURE, GROUPS };
/* What a shell offers for the positional arguments, and for options with these argument names. */
enum complete { COMPLETE_NOTHING, COMPLETE_MODEL, COMPLETE_FILE, COMPLETE_MODEL_THEN_FILE };

struct command {
    const char *name;             /* "pull" */
    enum group group;             /* where `hearth --help` lists it */
    const char *summary;          /* "fetch a model by name": lower case, no full stop */
    const char *args;             /* "MODEL [PROMPT]"; "" for none */
    int min_args, max_args;       /* positional arguments; max -1: any number */
    enum complete complete;
    const char *about;            /* paragraphs for --help and the man page, parted by blank lines; may be NULL */
    const char *examples;         /* "hearth pull smollm2\thow it reads\n..."; may be NULL */
    const struct opt *options;    /* ends with {0}; may be NULL; --help is known everywhere */
    const struct opt *more;       /* a second table shared with other commands; may be NULL */
    int (*run)(int argc, char **argv); /* the positional arguments only: argv[0] is the first; gives the exit code */
    const char *alias;            /* another word for it ("ls"), or NULL */
};

extern const struct command *const commands[];   /* in the order of `hearth --help`; NULL-terminated */
const struct command *command_find(const char *name);
extern const char *const group_titles[GROUPS];

extern const struct command cmd_run, cmd_chat, cmd_embed;
/* `hearth list --names` prints names only, one a line, of the store and the catalogue: shells complete with it. */
extern const struct command cmd_pull, cmd_list, cmd_rm, cmd_import, cmd_create, cmd_cp;
extern const struct command cmd_ps, cmd_stop;
extern const struct command cmd_serve, cmd_key;
extern const struct command cmd_show, cmd_tokenize, cmd_families, cmd_doctor;
extern const struct command cmd_data, cmd_perplexity, cmd_imatrix, cmd_quantize, cmd_trim, cmd_prune, cmd_vocab, cmd_convert, cmd_bench, cmd_footprint;
extern const struct command cmd_compress, cmd_tune, cmd_distill, cmd_train, cmd_classify, cmd_merge;
extern const struct command cmd_ledger, cmd_replay, cmd_decide, cmd_transcripts, cmd_feedback;
extern const struct command cmd_explain;
extern const struct command cmd_eval, cmd_compare, cmd_choose;
extern const struct command cmd_card, cmd_bom, cmd_sign, cmd_verify, cmd_audit;

/* serve.c: "127.0.0.1:11434", where it would listen by its options and the environment; EXIT_USAGE with the message printed. */
int serve_address(char address[128]);
/* open.c: `hearth` alone.  1: the page was opened, or why not was said (*code); 0: nobody sits here who could look at it. */
int open_page(int *code);

/* ---- options.c ---- */

/* Fills the options of c from argv (argv[0] is the first word after the command) and moves the positional arguments
 * to the front; *argc counts them.  EXIT_DONE, or EXIT_USAGE with the message printed.  *help: --help was there. */
int options_parse(const struct command *c, int *argc, char **argv, int *help);
/* Gives one option its value; EXIT_USAGE with a message that begins with `where`: "--temp", "/set temp". */
int option_set(const struct opt *o, const char *where, const char *value);
/* The option of that name in the two tables of c, or NULL. */
const struct opt *option_find(const struct command *c, const char *name);
/* The value as a person would write it; "" for a list. */
const char *option_show(const struct opt *o, char out[64]);
/* The word nearest (edit distance, at most a third of its length), or NULL.  next(i) gives word i, NULL at the
 * end. */
const char *nearest(const char *word, const char *(*next)(void *user, size_t i), void *user);

/* ---- help.c, man.c, complete.c ---- */

void help_all(FILE *to);
void help_command(const struct command *c, FILE *to);
int man_print(const char *name /* NULL: hearth(1) itself */);
int completion_print(const char *shell);
/* Space-separated features of this build, those it lacks as "built without x": for --version and doctor. */
const char *hearth_features(void);

/* ---- report.c: saying what went wrong ---- */

/* "hearth: sentence" on stderr.  The sentence names what was found and what is allowed. */
void complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The same for a mistake in the call; returns EXIT_USAGE: `return usage("...")`. */
int usage(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Prints hearth_errmsg() and returns the exit code for st: `return report(st)`. */
int report(enum hearth_status st);
/* One quiet line on stderr, only when that is a terminal. */
void note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* ---- term.c: the terminal ---- */

int term_is(FILE *f);                       /* isatty, and TERM is not "dumb" */
int term_width(FILE *f);                    /* columns; 80 when unknown */
/* Writes text of a model or a file to a terminal or a pipe.  On a terminal every control character but newline and
 * tab is shown as \x1b, and bytes that are not UTF-8 as U+FFFD, so that no text can drive the terminal. */
void term_write(FILE *to, const char *s, size_t n);
/* The same for words with something of a stranger's in them. */
void term_printf(FILE *to, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void term_vprintf(FILE *to, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
/* Asks a question on the terminal; 1 yes, 0 no; `otherwise` when there is no terminal or the answer is empty. */
int term_ask(const char *question, int otherwise);

/* Ctrl-C: from the first call on it only sets *flag (another one two seconds later ends the process with 130); before,
 * it ends the process with 130 at once.  Give the flag to the library as `cancel`, or look at it in callbacks. */
void interrupt_init(void);                  /* main's: installs the handler */
const volatile int *interrupt_watch(void);
const volatile int *interrupt_watch_all(void);       /* SIGTERM and SIGHUP too */
int interrupt_wait(int fd);                 /* until fd can be read: 1; until Ctrl-C: 0 */
void interrupt_clear(void);                 /* chat: the answer was ended, go on */

/* ---- progress.c: one line that is drawn again on a terminal; nothing elsewhere ---- */

struct progress { const char *what; uint64_t total, first; double started, drawn; int shown, items; };
/* bytes: what is shown as 12.3 of 98.4 MB, 5.1 MB/s, 17 s left.  `first`: what was there before (a resumed pull). */
void progress_start(struct progress *p, const char *what, uint64_t total, uint64_t first);
void progress_items(struct progress *p, const char *what, uint64_t total);      /* the same of things that are counted: 12 of 98 */
void progress_step(struct progress *p, uint64_t done);   /* at most ten times a second */
void progress_end(struct progress *p);                   /* wipes the line */
/* For library functions that tell done and total and stop when they are told: draws the bar, stops at Ctrl-C. */
struct progress_watch { struct progress bar; const volatile int *interrupted; };
int progress_watched(void *progress_watch, uint64_t done, uint64_t total);

/* ---- print.c: sizes, times, tables, JSON ---- */

/* "98.4 MB", "1.2 GB": powers of ten, as disks and networks count. */
const char *show_bytes(uint64_t n, char out[24]);
/* "0.4 s", "1 min 20 s", "2 h 5 min" */
const char *show_seconds(double s, char out[24]);
/* "135M", "1.2B" */
const char *show_count(uint64_t n, char out[24]);

/* A table of text: cells are put row by row; columns are aligned, those named in `right` (a string of '1' and '0',
 * one a column) to the right; the first row is the heading. */
struct table { int columns; const char *right; char **cell; size_t n, cap; };
void table_cell(struct table *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void table_print(struct table *t, FILE *to);             /* and frees it */

struct json_t;
/* Prints one JSON value and a newline on standard output, and gives it back to jansson. */
int json_print(struct json_t *v);
/* A JSON string of any bytes: what is not UTF-8 becomes U+FFFD. */
struct json_t *json_text(const char *s, size_t n);

/* ---- xmalloc: a command that has no memory says so and ends with 1 ---- */
void *xrealloc(void *p, size_t n, size_t size);
char *xstrdup(const char *s);
char *xprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
