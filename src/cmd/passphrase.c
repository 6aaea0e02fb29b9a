/* passphrase.c - see passphrase.h. */
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>
#include "account/keys.h"
#include "account/seal.h"
#include "account/transcript.h"
#include "cmd/command.h"
#include "cmd/passphrase.h"

char *passphrase_ask(const char *question)
{
    struct termios before, quiet;
    char text[1024];
    if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO) || tcgetattr(STDIN_FILENO, &before) != 0) return NULL;
    interrupt_watch();                                 /* Ctrl-C must not leave the terminal mute */
    quiet = before;
    quiet.c_lflag &= ~(tcflag_t)ECHO;
    fprintf(stderr, "%s: ", question);
    fflush(stderr);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
    int got = interrupt_wait(STDIN_FILENO) && fgets(text, sizeof text, stdin) != NULL;
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    fputc('\n', stderr);
    if (got) text[strcspn(text, "\n")] = 0;
    char *copy = got && *text ? xstrdup(text) : NULL;
    keys_wipe(text, sizeof text);
    return copy;
}

int passphrase_unlock(void)
{
    char *folder = NULL, *typed = NULL;
    const char *given = getenv("HEARTH_PASSPHRASE");
    enum hearth_status st = transcript_folder(&folder);
    if (st == HEARTH_OK && seal_is_set(folder) && !seal_is_open(folder) && !(given && *given)) {
        typed = passphrase_ask("passphrase of the transcripts");
        if (typed) {
            st = seal_unlock(folder, typed);
            keys_wipe(typed, strlen(typed));
        }
    }
    free(typed);
    free(folder);
    return report(st);
}
