/* hub_test.h - what the tests of src/hub share: cmocka behind our headers, and a home of the test's own. */
#ifndef HEARTH_TESTS_HUB_TEST_H
#define HEARTH_TESTS_HUB_TEST_H

#include "hub/hub.h"       /* before cmocka.h, whose macro fail() would cover our function */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define assert_ok(call) do { \
    enum hearth_status st_ = (call); \
    if (st_ != HEARTH_OK) fail_msg("%s: %s: %s", #call, hearth_status_name(st_), hearth_errmsg()); \
} while (0)

/* The call fails that way, and its message has these words. */
#define assert_fails(call, status, words) do { \
    enum hearth_status st_ = (call); \
    if (st_ != (status) || !strstr(hearth_errmsg(), (words))) \
        fail_msg("%s: %s: %s; wanted %s with \"%s\"", #call, hearth_status_name(st_), hearth_errmsg(), \
                 hearth_status_name(status), words); \
} while (0)

static char home[64];

/* A fresh HEARTH_HOME; removed again by home_remove. */
static inline int home_make(void **state)
{
    (void)state;
    strcpy(home, "/tmp/hearth-test.XXXXXX");
    return !mkdtemp(home) || setenv("HEARTH_HOME", home, 1);
}

static inline int home_remove(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -rf '%s'", home);
    return system(command);
}

static inline const char *in_home(const char *name)
{
    static char path[4][512];
    static int turn;
    char *p = path[turn++ & 3];
    snprintf(p, sizeof path[0], "%s/%s", home, name);
    return p;
}

/* Those that are not hidden. */
static inline int count_files(const char *folder)
{
    int n = 0;
    DIR *d = opendir(folder);
    for (struct dirent *e; d && (e = readdir(d));) n += e->d_name[0] != '.';
    if (d) closedir(d);
    return n;
}

static inline void write_file(const char *path, const void *data, size_t n)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

static inline void write_text(const char *path, const char *text)
{
    write_file(path, text, strlen(text));
}

#endif
