/* complete.c - completion for bash, zsh and fish, from the tables.  `make install` puts each where its shell looks.
 *
 * The names of models are asked of `hearth list --names` when the key is pressed, so that a new model is known at once. */
#include <string.h>
#include "cmd/command.h"

typedef void option_fn(const struct command *c, const struct opt *o);

static void each_option(const struct command *c, option_fn *fn)
{
    for (const struct opt *o = c->options; o && o->name; o++) fn(c, o);
    for (const struct opt *o = c->more; o && o->name; o++) fn(c, o);
}

/* Inside '...' of any of the shells: a quote would end the string. */
static void put_quoted(const char *s)
{
    for (; *s; s++) {
        if (*s == '\'') fputs("'\\''", stdout);
        else putchar(*s);
    }
}

static void put_choices(const struct opt *o)
{
    for (int i = 0; o->choices[i]; i++) printf("%s%s", i ? " " : "", o->choices[i]);
}

static int is_file(const struct opt *o)
{
    return o->arg && strcmp(o->arg, "FILE") == 0;
}

/* ---- bash ---- */

static void bash_option(const struct command *c, const struct opt *o)
{
    (void)c;
    printf(" --%s", o->name);
}

static void bash_value(const struct command *c, const struct opt *o)
{
    if (o->type == OPT_FLAG) return;
    printf("        %s:--%s) ", c->name, o->name);
    if (o->choices) {
        fputs("COMPREPLY=($(compgen -W '", stdout);
        put_choices(o);
        fputs("' -- \"$cur\")); return ;;\n", stdout);
    } else if (is_file(o)) {
        fputs("compopt -o default; return ;;\n", stdout);
    } else {
        fputs("return ;;\n", stdout);
    }
}

static void bash(void)
{
    fputs("# bash completion for hearth, written by: hearth --completion bash\n"
          "_hearth()\n{\n"
          "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command=${COMP_WORDS[1]} options=\n"
          "    COMPREPLY=()\n"
          "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
          "        COMPREPLY=($(compgen -W '", stdout);
    for (size_t i = 0; commands[i]; i++) printf("%s ", commands[i]->name);
    fputs("--help --version --man --completion' -- \"$cur\"))\n        return\n    fi\n"
          "    case $command:$prev in\n"
          "        --completion:*) COMPREPLY=($(compgen -W 'bash zsh fish' -- \"$cur\")); return ;;\n", stdout);
    for (size_t i = 0; commands[i]; i++) each_option(commands[i], bash_value);
    fputs("    esac\n    case $command in\n", stdout);
    for (size_t i = 0; commands[i]; i++) {
        printf("        %s) options='--help", commands[i]->name);
        each_option(commands[i], bash_option);
        fputs("' ;;\n", stdout);
    }
    fputs("    esac\n"
          "    if [ \"${cur#-}\" != \"$cur\" ]; then\n"
          "        COMPREPLY=($(compgen -W \"$options\" -- \"$cur\"))\n        return\n    fi\n"
          "    compopt -o default\n"
          "    case $command in\n", stdout);
    for (size_t i = 0; commands[i]; i++)
        if (commands[i]->complete == COMPLETE_MODEL || commands[i]->complete == COMPLETE_MODEL_THEN_FILE)
            printf("        %s) COMPREPLY=($(compgen -W \"$(hearth list --names 2>/dev/null)\" -- \"$cur\")) ;;\n",
                   commands[i]->name);
    fputs("    esac\n}\ncomplete -F _hearth hearth\n", stdout);
}

/* ---- zsh: _arguments takes '--name[help]:value:action' ---- */

static void put_zsh(const char *s)
{
    for (; *s; s++) {
        if (*s == '\'') fputs("'\\''", stdout);
        else if (strchr("[]:\\", *s)) printf("\\%c", *s);
        else putchar(*s);
    }
}

static void zsh_option(const struct command *c, const struct opt *o)
{
    (void)c;
    printf(" \\\n            '%s--%s[", o->type == OPT_LIST ? "*" : "", o->name);
    put_zsh(o->help);
    putchar(']');
    if (o->type != OPT_FLAG) {
        putchar(':');
        put_zsh(o->arg);
        putchar(':');
        if (o->choices) {
            putchar('(');
            put_choices(o);
            putchar(')');
        } else if (is_file(o)) {
            fputs("_files", stdout);
        }
    }
    putchar('\'');
}

static void zsh(void)
{
    static const char *const rest[] = {
        [COMPLETE_NOTHING] = "", [COMPLETE_MODEL] = "'*:model:_hearth_models'", [COMPLETE_FILE] = "'*:file:_files'",
        [COMPLETE_MODEL_THEN_FILE] = "'1:model:_hearth_models' '*:file:_files'"};
    fputs("#compdef hearth\n# zsh completion for hearth, written by: hearth --completion zsh\n"
          "_hearth_models()\n{\n"
          "    local -a names\n    names=(${(f)\"$(hearth list --names 2>/dev/null)\"})\n"
          "    compadd -a names\n    _files -g '*.gguf'\n}\n"
          "_hearth()\n{\n"
          "    local -a commands\n    commands=(\n", stdout);
    for (size_t i = 0; commands[i]; i++) {
        printf("        '%s:", commands[i]->name);
        put_quoted(commands[i]->summary);
        fputs("'\n", stdout);
    }
    fputs("    )\n"
          "    if (( CURRENT == 2 )); then\n        _describe command commands\n"
          "        compadd -- --help --version --man --completion\n        return\n    fi\n"
          "    local command=$words[2]\n    shift words\n    (( CURRENT-- ))\n"
          "    case $command in\n", stdout);
    for (size_t i = 0; commands[i]; i++) {
        printf("        %s) _arguments '--help[show the options]'", commands[i]->name);
        each_option(commands[i], zsh_option);
        printf(" \\\n            %s ;;\n", rest[commands[i]->complete]);
    }
    fputs("    esac\n}\n_hearth \"$@\"\n", stdout);
}

/* ---- fish ---- */

static void fish_option(const struct command *c, const struct opt *o)
{
    printf("complete -c hearth -n '__fish_seen_subcommand_from %s' -l %s", c->name, o->name);
    if (o->letter) printf(" -s %c", o->letter);
    if (o->type != OPT_FLAG) fputs(is_file(o) ? " -r -F" : " -x", stdout);
    if (o->choices) {
        fputs(" -a '", stdout);
        put_choices(o);
        putchar('\'');
    }
    fputs(" -d '", stdout);
    for (const char *s = o->help; *s; s++) {           /* fish escapes a quote with a backslash */
        if (*s == '\'' || *s == '\\') putchar('\\');
        putchar(*s);
    }
    fputs("'\n", stdout);
}

static void fish(void)
{
    fputs("# fish completion for hearth, written by: hearth --completion fish\n"
          "complete -c hearth -n __fish_use_subcommand -f\n"
          "complete -c hearth -n __fish_use_subcommand -l help -d 'the commands'\n"
          "complete -c hearth -n __fish_use_subcommand -l version -d 'what this build is'\n"
          "complete -c hearth -n __fish_use_subcommand -l man -d 'the manual page'\n"
          "complete -c hearth -n __fish_use_subcommand -l completion -x -a 'bash zsh fish' -d 'completion for a shell'\n",
          stdout);
    for (size_t i = 0; commands[i]; i++) {
        const struct command *c = commands[i];
        printf("complete -c hearth -n __fish_use_subcommand -f -a %s -d '", c->name);
        put_quoted(c->summary);
        fputs("'\n", stdout);
        if (c->complete == COMPLETE_MODEL || c->complete == COMPLETE_MODEL_THEN_FILE)
            printf("complete -c hearth -n '__fish_seen_subcommand_from %s' -a '(hearth list --names 2>/dev/null)'\n",
                   c->name);
        each_option(c, fish_option);
    }
}

int completion_print(const char *shell)
{
    static const struct { const char *name; void (*print)(void); } shells[] = {
        {"bash", bash}, {"zsh", zsh}, {"fish", fish}};
    for (size_t i = 0; i < sizeof shells / sizeof shells[0]; i++)
        if (strcmp(shells[i].name, shell) == 0) {
            shells[i].print();
            return EXIT_DONE;
        }
    return usage("--completion: \"%s\" is not a shell it knows: it takes bash, zsh or fish", shell);
}
