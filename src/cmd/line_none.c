/* line_none.c - line.h without libedit: no editing but the terminal's own, no history. */
#include "cmd/line.h"

struct line { char unused; };

struct line *line_open(const char *history)
{
    static struct line only;
    (void)history;
    return &only;
}

enum line_end line_read(struct line *l, const char *prompt, char **text)
{
    (void)l;
    return line_plain(prompt, text);
}

void line_close(struct line *l)
{
    (void)l;
}
