/* man.c - manual pages from the tables: `hearth --man` is hearth(1), `hearth --man run` is hearth-run(1).
 * roff with the man macros: man(7).  `make install` writes one page a command with it. */
#include <string.h>
#include "cmd/command.h"

/* Text with roff's own characters made plain: a backslash, a hyphen that is a minus, a control character (. or ') at the
 * beginning of a line.  An empty line parts paragraphs. */
static void put(const char *s, size_t n)
{
    int begin = 1;
    for (size_t i = 0; i < n; i++) {
        char c = s[i];
        if (c == '\n' && i + 1 < n && s[i + 1] == '\n') {
            fputs("\n.PP", stdout);
            begin = 0;
            continue;
        }
        if (begin && (c == '.' || c == '\'')) fputs("\\&", stdout);
        if (c == '\\') fputs("\\e", stdout);
        else if (c == '-') fputs("\\-", stdout);
        else putchar(c);
        begin = c == '\n';
    }
}

static void puts_text(const char *s)
{
    put(s, strlen(s));
}

static void heading(const char *page, const char *summary)
{
    printf(".TH \"%s\" 1 \"\" \"hearth %s\" \"hearth manual\"\n.SH NAME\n", page, hearth_version());
    puts_text(page);
    fputs(" \\- ", stdout);
    puts_text(summary);
    putchar('\n');
}

static void option(const struct opt *o)
{
    fputs(".TP\n\\fB", stdout);
    if (o->letter) printf("\\-%c\\fR, \\fB", o->letter);
    fputs("\\-\\-", stdout);
    puts_text(o->name);
    fputs("\\fR", stdout);
    if (o->arg) printf(" \\fI%s\\fR", o->arg);
    putchar('\n');
    puts_text(o->help);
    putchar('\n');
}

static void examples(const char *e)
{
    fputs(".SH EXAMPLES\n", stdout);
    while (*e) {
        size_t line = strcspn(e, "\n"), call = strcspn(e, "\t\n");
        fputs(".TP\n\\fB", stdout);
        put(e, call);
        fputs("\\fR\n", stdout);
        if (call < line) {
            put(e + call + 1, line - call - 1);
            putchar('\n');
        }
        e += line + (e[line] == '\n');
    }
}

static void exit_status(void)
{
    fputs(".SH EXIT STATUS\n"
          ".TP\n0\ndone\n"
          ".TP\n1\nit failed; one sentence on standard error says why\n"
          ".TP\n2\na mistake in the call\n"
          ".TP\n130\nended by Ctrl\\-C\n", stdout);
}

static void page_of(const struct command *c)
{
    char name[64];
    snprintf(name, sizeof name, "hearth-%s", c->name);
    heading(name, c->summary);
    fputs(".SH SYNOPSIS\n\\fBhearth ", stdout);
    puts_text(c->name);
    printf("\\fR %s [\\fIOPTIONS\\fR]\n", c->args);
    if (c->about) {
        fputs(".SH DESCRIPTION\n", stdout);
        puts_text(c->about);
        putchar('\n');
    }
    fputs(".SH OPTIONS\n", stdout);
    for (const struct opt *o = c->options; o && o->name; o++) option(o);
    for (const struct opt *o = c->more; o && o->name; o++) option(o);
    option(&(struct opt){.name = "help", .letter = 'h', .help = "show the options"});
    if (c->examples) examples(c->examples);
    exit_status();
    fputs(".SH SEE ALSO\n\\fBhearth\\fR(1)\n", stdout);
}

static void page_of_all(void)
{
    heading("hearth", "small language models on your own machine");
    fputs(".SH SYNOPSIS\n\\fBhearth\\fR \\fICOMMAND\\fR [\\fIARGUMENTS\\fR] [\\fIOPTIONS\\fR]\n.SH DESCRIPTION\n", stdout);
    puts_text("hearth runs small language models on this machine and sends nothing away. MODEL is a name of the catalogue "
              "such as smollm2, a GGUF file, or a folder that holds one.\n\nThe same model, tokens, parameters and seed "
              "give the same bits, whatever the number of threads or the processor.\n");
    for (int g = 0; g < GROUPS; g++) {
        int begun = 0;
        for (size_t i = 0; commands[i]; i++) {
            const struct command *c = commands[i];
            if ((int)c->group != g) continue;
            if (!begun++) printf(".SS %s\n", group_titles[g]);
            fputs(".TP\n\\fB", stdout);
            puts_text(c->name);
            printf("\\fR %s\n", c->args);
            puts_text(c->summary);
            putchar('\n');
        }
    }
    fputs(".SH OPTIONS\n"
          ".TP\n\\fB\\-\\-help\\fR\nthe commands; after a command: its options\n"
          ".TP\n\\fB\\-\\-version\\fR\nversion, commit, arithmetic version, instruction set, features\n"
          ".TP\n\\fB\\-\\-man\\fR [\\fICOMMAND\\fR]\nthis page or the page of a command, for man(1)\n"
          ".TP\n\\fB\\-\\-completion\\fR \\fISHELL\\fR\ncompletion for bash, zsh or fish\n"
          ".SH ENVIRONMENT\n"
          ".TP\nHEARTH_HOME\none folder for all that hearth keeps, instead of the ones below\n"
          ".TP\nHEARTH_ISA\nthe instruction set to use: scalar always works\n"
          ".SH FILES\n"
          ".TP\n~/.local/share/hearth\nmodels and saved chats\n"
          ".TP\n~/.config/hearth\nsettings\n", stdout);
    exit_status();
    fputs(".SH SEE ALSO\n", stdout);
    for (size_t i = 0; commands[i]; i++)
        printf("\\fBhearth\\-%s\\fR(1)%s\n", commands[i]->name, commands[i + 1] ? "," : "");
}

int man_print(const char *name)
{
    const struct command *c = name ? command_find(name) : NULL;
    if (name && !c) return usage("there is no command %s; `hearth --help` lists them", name);
    if (c) page_of(c);
    else page_of_all();
    return EXIT_DONE;
}
