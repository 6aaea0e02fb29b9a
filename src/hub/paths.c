/* paths.c - the folders of a person: HEARTH_HOME moves all of them, else the XDG base directory specification 0.8
 * decides, which says that a relative path in its variables is to be ignored. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "hub/hub.h"

static enum hearth_status person_home(const char **out)
{
    const char *home = getenv("HOME");
    if (!home || home[0] != '/')
        return fail(HEARTH_ENOTFOUND, "HOME is \"%s\", so it is not known where models are kept; set HEARTH_HOME to a folder",
                    home ? home : "");
    *out = home;
    return HEARTH_OK;
}

static enum hearth_status base_path(enum hub_folder folder, struct buf *to)
{
    static const struct { const char *variable, *below_home, *below_all; } rule[] = {
        [HUB_DATA] = {"XDG_DATA_HOME", ".local/share", ""},
        [HUB_CONFIG] = {"XDG_CONFIG_HOME", ".config", ""},
        [HUB_CACHE] = {"XDG_CACHE_HOME", ".cache", "/cache"},
        [HUB_MODELS] = {"XDG_DATA_HOME", ".local/share", ""},
    };
    const char *all = getenv("HEARTH_HOME"), *xdg = getenv(rule[folder].variable), *home = NULL;
    if (all && *all) {
        char *here = all[0] == '/' ? NULL : getcwd(NULL, 0);
        if (all[0] != '/' && !here) return fail_errno(all, "HEARTH_HOME is relative to the current folder, which is gone");
        enum hearth_status st = buf_printf(to, "%s%s%s%s", here ? here : "", here ? "/" : "", all, rule[folder].below_all);
        free(here);
        return st;
    }
    if (xdg && xdg[0] == '/') return buf_printf(to, "%s/hearth", xdg);
    TRY(person_home(&home));
    return buf_printf(to, "%s/%s/hearth", home, rule[folder].below_home);
}

enum hearth_status hub_path(enum hub_folder folder, const char *file, char **out)
{
    struct buf b = {0};
    enum hearth_status st;
    *out = NULL;
    TRY_GOTO(st, done, base_path(folder, &b));
    if (folder == HUB_MODELS) TRY_GOTO(st, done, buf_puts(&b, "/models"));
    if (file) TRY_GOTO(st, done, buf_printf(&b, "/%s", file));
    *out = buf_take(&b, NULL);
    if (!*out) st = HEARTH_ENOMEM;
done:
    buf_free(&b);
    return st;
}
