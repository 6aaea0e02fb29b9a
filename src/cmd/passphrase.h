/* passphrase.h - asking for the passphrase of sealed transcripts. */
#ifndef HEARTH_CMD_PASSPHRASE_H
#define HEARTH_CMD_PASSPHRASE_H

/* What is typed, without showing it; NULL where there is no terminal or nothing was typed.  free() it after wiping. */
char *passphrase_ask(const char *question);
/* Before transcripts are read: where they are sealed, asks once on a terminal (HEARTH_PASSPHRASE is read without asking).  Exit
 * code, with the message printed. */
int passphrase_unlock(void);

#endif
