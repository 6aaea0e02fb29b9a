/* help.c - `hearth --help` and `hearth COMMAND --help`, from the tables. */
#include <string.h>
#include "cmd/command.h"

const char *const group_titles[GROUPS] = {
    [GROUP_TALK] = "Talk to a model",
    [GROUP_MODELS] = "Models on this machine",
    [GROUP_SERVE] = "Serve",
    [GROUP_INSPECT] = "Look inside",
    [GROUP_ACCOUNT] = "Answer for it",
    [GROUP_MEASURE] = "Measure and change",
};

/* Prints text in lines of at most `width` columns; every line but the first begins with `indent` blanks.  `at` is the
 * column reached.  Help is ASCII, so bytes are columns. */
static void wrap(FILE *to, const char *text, int indent, int at, int width)
{
    int begun = 0;
    while (*text) {
        size_t n = strcspn(text, " \n");
        if (n > 0) {
            if (begun && at + 1 + (int)n > width) {
                fprintf(to, "\n%*s", indent, "");
                at = indent;
            } else if (begun) {
                fputc(' ', to);
                at++;
            }
            fwrite(text, 1, n, to);
            at += (int)n;
            begun = 1;
        }
        text += n;
        if (text[0] == '\n' && text[1] == '\n') {
            fprintf(to, "\n\n%*s", indent, "");
            at = indent;
            begun = 0;
        }
        while (*text == ' ' || *text == '\n') text++;
    }
    fputc('\n', to);
}

static int columns(FILE *to)
{
    int w = term_width(to);
    return w > 100 ? 100 : w;
}

/* "  -o, --out FILE          where the new file goes": the text begins in column 28, on the next line where the head is too
 * long for that. */
static void print_entry(const char *head, const char *text, FILE *to)
{
    enum { AT = 28 };
    if (strlen(head) > AT - 2) fprintf(to, "%s\n%*s", head, AT, "");
    else fprintf(to, "%-*s", AT, head);
    wrap(to, text, AT, AT, columns(to));
}

static void print_option(const struct opt *o, FILE *to)
{
    char head[80], letter[8] = "    ";
    if (o->letter) snprintf(letter, sizeof letter, "-%c, ", o->letter);
    snprintf(head, sizeof head, "  %s--%s%s%s", letter, o->name, o->arg ? " " : "", o->arg ? o->arg : "");
    print_entry(head, o->help, to);
}

void help_command(const struct command *c, FILE *to)
{
    fprintf(to, "hearth %s%s%s%s - ", c->name, *c->args ? " " : "", c->args, c->options || c->more ? " [OPTIONS]" : "");
    fprintf(to, "%s\n\n", c->summary);
    if (c->about) {
        wrap(to, c->about, 0, 0, columns(to));
        fputc('\n', to);
    }
    fputs("Options:\n", to);
    for (const struct opt *o = c->options; o && o->name; o++) print_option(o, to);
    for (const struct opt *o = c->more; o && o->name; o++) print_option(o, to);
    print_option(&(struct opt){.name = "help", .letter = 'h', .help = "show this text"}, to);
    if (!c->examples) return;
    fputs("\nExamples:\n", to);
    for (const char *e = c->examples; *e;) {
        size_t line = strcspn(e, "\n"), call = strcspn(e, "\t\n");
        fprintf(to, "  %.*s", (int)call, e);
        if (call < line) fprintf(to, "   # %.*s", (int)(line - call - 1), e + call + 1);
        fputc('\n', to);
        e += line + (e[line] == '\n');
    }
}

void help_all(FILE *to)
{
    fputs("hearth - small language models on your own machine\n\n"
          "usage: hearth COMMAND [ARGUMENTS] [OPTIONS]\n", to);
    for (int g = 0; g < GROUPS; g++) {
        int begun = 0;
        for (size_t i = 0; commands[i]; i++) {
            const struct command *c = commands[i];
            char head[80];
            if ((int)c->group != g) continue;
            if (!begun++) fprintf(to, "\n%s:\n", group_titles[g]);
            snprintf(head, sizeof head, "  %s%s%s", c->name, *c->args ? " " : "", c->args);
            print_entry(head, c->summary, to);
        }
    }
    fputs("\nMODEL is a name such as smollm2, a GGUF file, or a folder that holds one.\n"
          "\n"
          "  hearth COMMAND --help      what a command does, and its options\n"
          "  hearth --version           version, commit, arithmetic, instruction set, features\n"
          "  hearth --man [COMMAND]     the manual page (hearth --man run | man -l -)\n"
          "  hearth --completion SHELL  completion for bash, zsh or fish\n", to);
}
