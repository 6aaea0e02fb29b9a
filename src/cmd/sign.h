/* sign.h - what `hearth sign` and `hearth verify` agree on. */
#ifndef HEARTH_CMD_SIGN_H
#define HEARTH_CMD_SIGN_H

/* The file or folder that a word stands for (free it); exit code, with the message printed. */
int sign_model(const char *word, char **path);
/* Where its signature lies when nobody says otherwise: "smollm2.sig"; free it. */
char *sign_default(const char *word);

#endif
