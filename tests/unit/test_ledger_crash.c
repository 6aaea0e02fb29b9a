/* What a crash may leave of a ledger, all of it tried.
 *
 * The calls by which the ledger changes files are recorded: this program has functions of its own under the names of libc's
 * (open, write, fsync, rename ...), and the ledger's code, linked into it, calls those.  From the record every state is built that
 * a file system may legally hold after the power went at some call:
 *
 *     a write or a truncation    is certain when an fsync of that file came after it; else it is there, half there, all zeros, or not
 *     a name made, moved, gone   is certain when an fsync of its folder came after it; else it is, or is not, whatever came later
 *
 * (POSIX promises no more; ext4 and others keep more order than that.)  In each state the ledger must open, verify, hold every entry
 * whose append had returned, and go on.  Then states that themselves came from a crash are gone on from, and crash again; and each call in
 * turn fails instead, for want of space.
 *
 * HEARTH_LEDGER_SOAK=1 tries many more states (make ledger-soak). */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/syscall.h>

#include "base/random.h"
#include "ledger_test.h"

/* ---- the record ---- */

enum kind { CREATE, MKDIR, RENAME, UNLINK, TRUNCATE, WRITE, FSYNC, BEGIN, ACKED };
enum { OPS = 4096, INODES = 2048, NEVER = OPS + 1 };
struct op {
    enum kind kind;
    int inode, folder;               /* what it is about; the folder whose names change */
    char name[64], to[64];
    uint64_t n;                      /* bytes; or the size that is begun or acknowledged */
    off_t at;
    char *data;
    int certain;                     /* the number of the fsync that makes it certain, or NEVER */
};
static struct op op[OPS];
static int ops, recording;
static struct { ino_t real; int folder, live; char *data; size_t n; } inode[INODES];   /* data: before the record began */
static int inodes;
static struct name { int folder, inode; char name[64]; } base[INODES];                  /* names before the record began */
static int bases;
static char root[128];

static int fails_at, calls;          /* the call with that number fails; 0: none */
static int fails_with;

static int find(ino_t real)
{
    for (int i = inodes - 1; i >= 0; i--)
        if (inode[i].live && inode[i].real == real) return i;
    return -1;
}

static int add_inode(ino_t real, int folder)
{
    assert_true(inodes < INODES);
    inode[inodes].real = real;
    inode[inodes].folder = folder;
    inode[inodes].live = 1;
    return inodes++;
}

static int of_fd(int fd)
{
    struct stat s;
    return syscall(SYS_newfstatat, fd, "", &s, AT_EMPTY_PATH) == 0 ? find(s.st_ino) : -1;
}

/* The inode of the folder that holds `path` (seen from the open folder `at`), and its last part. */
static int folder_of(int at, const char *path, const char **last)
{
    char folder[512];
    struct stat s;
    const char *slash = strrchr(path, '/');
    *last = slash ? slash + 1 : path;
    if (!slash) return of_fd(at);
    snprintf(folder, sizeof folder, "%.*s", (int)(slash - path), path);
    return syscall(SYS_newfstatat, at, folder, &s, 0) == 0 ? find(s.st_ino) : -1;
}

static int at_path(int at, const char *path)
{
    struct stat s;
    return syscall(SYS_newfstatat, at, path, &s, AT_SYMLINK_NOFOLLOW) == 0 ? find(s.st_ino) : -1;
}

static struct op *note(enum kind kind, int node, int folder, const char *name)
{
    assert_true(ops < OPS);
    op[ops] = (struct op){.kind = kind, .inode = node, .folder = folder};
    if (name) snprintf(op[ops].name, sizeof op[ops].name, "%s", name);
    return &op[ops++];
}

/* 1: this call is to fail */
static int failing(void)
{
    if (!fails_at || ++calls != fails_at) return 0;
    errno = fails_with;
    return 1;
}

/* ---- instead of libc's ---- */

int openat(int at, const char *path, int flags, ...)
{
    va_list ap;
    va_start(ap, flags);
    int mode = flags & O_CREAT ? va_arg(ap, int) : 0;
    va_end(ap);
    if (flags & O_CREAT && failing()) return -1;
    int there = at_path(at, path) >= 0;
    int fd = (int)syscall(SYS_openat, at, path, flags, mode);
    if (!recording || fd < 0 || !(flags & O_CREAT)) return fd;
    const char *last;
    int folder = folder_of(at, path, &last);
    struct stat s;
    if (folder < 0 || syscall(SYS_newfstatat, fd, "", &s, AT_EMPTY_PATH) != 0) return fd;
    if (!there) note(CREATE, add_inode(s.st_ino, 0), folder, last);
    else if (flags & O_TRUNC) note(TRUNCATE, of_fd(fd), -1, NULL);
    return fd;
}

int open(const char *path, int flags, ...)
{
    va_list ap;
    va_start(ap, flags);
    int mode = flags & O_CREAT ? va_arg(ap, int) : 0;
    va_end(ap);
    return openat(AT_FDCWD, path, flags, mode);
}

ssize_t write(int fd, const void *data, size_t n)
{
    int node = recording ? of_fd(fd) : -1;
    off_t at = node >= 0 ? lseek(fd, 0, SEEK_CUR) : 0;
    if (failing()) {
        syscall(SYS_write, fd, data, n / 2);
        return -1;
    }
    ssize_t put = syscall(SYS_write, fd, data, n);
    if (node < 0 || put < 0) return put;
    struct op *o = note(WRITE, node, -1, NULL);
    o->at = at;
    o->n = (uint64_t)put;
    o->data = malloc((size_t)put + 1);
    assert_non_null(o->data);
    memcpy(o->data, data, (size_t)put);
    return put;
}

/* The record says what an fsync makes certain; the disk itself is not waited for. */
int fsync(int fd)
{
    if (failing()) return -1;
    int node = recording ? of_fd(fd) : -1;
    if (node < 0) return 0;
    for (int i = 0; i < ops; i++) {
        int data = op[i].kind == WRITE || op[i].kind == TRUNCATE;
        if (op[i].kind < FSYNC && op[i].certain == 0 && (data ? op[i].inode : op[i].folder) == node) op[i].certain = ops;
    }
    note(FSYNC, node, -1, NULL);
    return 0;
}

static int moved(int from_at, const char *from, int to_at, const char *to, unsigned flags)
{
    const char *last, *to_last;
    if (failing()) return -1;
    int node = recording ? at_path(from_at, from) : -1, over = recording ? at_path(to_at, to) : -1;
    int folder = folder_of(from_at, from, &last);
    int done = (int)syscall(SYS_renameat2, from_at, from, to_at, to, flags);
    if (node < 0 || done < 0) return done;
    assert_int_equal(folder, folder_of(to_at, to, &to_last));
    struct op *o = note(RENAME, node, folder, last);
    snprintf(o->to, sizeof o->to, "%s", to_last);
    if (over >= 0) inode[over].live = 0;
    return 0;
}

int rename(const char *from, const char *to) { return moved(AT_FDCWD, from, AT_FDCWD, to, 0); }
int renameat(int from_at, const char *from, int to_at, const char *to) { return moved(from_at, from, to_at, to, 0); }
int renameat2(int from_at, const char *from, int to_at, const char *to, unsigned flags) { return moved(from_at, from, to_at, to, flags); }

int unlinkat(int at, const char *path, int flags)
{
    const char *last;
    if (failing()) return -1;
    int node = recording ? at_path(at, path) : -1, folder = folder_of(at, path, &last);
    int done = (int)syscall(SYS_unlinkat, at, path, flags);
    if (node < 0 || done < 0) return done;
    note(UNLINK, node, folder, last);
    inode[node].live = 0;
    return 0;
}

int unlink(const char *path) { return unlinkat(AT_FDCWD, path, 0); }

int mkdirat(int at, const char *path, mode_t mode)
{
    const char *last;
    struct stat s;
    if (failing()) return -1;
    int done = (int)syscall(SYS_mkdirat, at, path, mode), folder = recording ? folder_of(at, path, &last) : -1;
    if (folder < 0 || done < 0 || syscall(SYS_newfstatat, at, path, &s, 0) != 0) return done;
    note(MKDIR, add_inode(s.st_ino, 1), folder, last);
    return 0;
}

int mkdir(const char *path, mode_t mode) { return mkdirat(AT_FDCWD, path, mode); }

/* ---- beginning and ending a record ---- */

static void scan(const char *path, int folder)
{
    DIR *d = opendir(path);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        char below[400];
        struct stat s;
        if (e->d_name[0] == '.') continue;
        snprintf(below, sizeof below, "%s/%s", path, e->d_name);
        assert_int_equal(stat(below, &s), 0);
        int node = add_inode(s.st_ino, S_ISDIR(s.st_mode));
        assert_true(strlen(e->d_name) < sizeof base[0].name);
        base[bases] = (struct name){folder, node, ""};
        strcpy(base[bases++].name, e->d_name);
        if (S_ISDIR(s.st_mode)) {
            scan(below, node);
            continue;
        }
        FILE *f = fopen(below, "r");
        assert_non_null(f);
        inode[node].data = malloc((size_t)s.st_size + 1);
        inode[node].n = fread(inode[node].data, 1, (size_t)s.st_size + 1, f);
        fclose(f);
    }
    closedir(d);
}

static void forget(void)
{
    for (int i = 0; i < ops; i++) free(op[i].data);
    for (int i = 0; i < inodes; i++) free(inode[i].data);
    memset(inode, 0, sizeof inode);
    ops = inodes = bases = 0;
}

static uint64_t held;                /* entries before the record began */

static void record(const char *folder)
{
    char dir[200];
    struct stat s;
    struct ledger *l;
    forget();
    held = 0;
    snprintf(dir, sizeof dir, "%s/ledger", folder);
    if (ledger_open(dir, LEDGER_READ, &l) == HEARTH_OK) {
        assert_ok(ledger_size(l, &held));
        ledger_close(l);
    }
    snprintf(root, sizeof root, "%s", folder);
    assert_int_equal(stat(root, &s), 0);
    add_inode(s.st_ino, 1);
    scan(root, 0);
    recording = 1;
}

static void recorded(void)
{
    recording = 0;
    for (int i = 0; i < ops; i++)
        if (op[i].certain == 0) op[i].certain = NEVER;
}

/* ---- a state after a crash ---- */

static struct name names[INODES];
static int n_names;
static struct buf content[INODES];

static struct name *find_name(int folder, const char *name)
{
    for (int i = 0; i < n_names; i++)
        if (names[i].inode >= 0 && names[i].folder == folder && !strcmp(names[i].name, name)) return &names[i];
    return NULL;
}

static void set_name(int folder, const char *name, int node)
{
    struct name *n = find_name(folder, name);
    if (!n) {
        assert_true(n_names < INODES);
        n = &names[n_names++];
        n->folder = folder;
        snprintf(n->name, sizeof n->name, "%s", name);
    }
    n->inode = node;
}

static void drop_name(int folder, const char *name)
{
    struct name *n = find_name(folder, name);
    if (n) n->inode = -1;
}

static void put_data(struct buf *b, const struct op *o, int how)     /* 1 all, 2 half, 3 zeros */
{
    size_t n = how == 2 ? o->n / 2 : o->n, end = (size_t)o->at + n;
    while (b->len < end) assert_ok(buf_putc(b, '\0'));
    if (how != 3) memcpy(b->data + o->at, o->data, n);
}

/* how: what became of op i, 0 nothing. */
static void apply(const struct op *o, int how)
{
    if (!how) return;
    switch (o->kind) {
    case CREATE: case MKDIR: set_name(o->folder, o->name, o->inode); break;
    case RENAME: drop_name(o->folder, o->name); set_name(o->folder, o->to, o->inode); break;
    case UNLINK: drop_name(o->folder, o->name); break;
    case TRUNCATE: content[o->inode].len = 0; break;
    case WRITE: put_data(&content[o->inode], o, how); break;
    default: break;
    }
}

static void make_files(const char *path, int folder)
{
    for (int i = 0; i < n_names; i++) {
        char below[400];
        if (names[i].inode < 0 || names[i].folder != folder) continue;
        snprintf(below, sizeof below, "%s/%s", path, names[i].name);
        if (inode[names[i].inode].folder) {
            assert_int_equal(mkdir(below, 0700), 0);
            make_files(below, names[i].inode);
            continue;
        }
        int fd = open(below, O_WRONLY | O_CREAT | O_EXCL, 0600);
        struct buf *b = &content[names[i].inode];
        assert_true(fd >= 0);
        assert_int_equal(write(fd, b->data ? b->data : "", b->len), b->len);
        close(fd);
    }
}

static void remove_all(const char *path)
{
    DIR *d = opendir(path);
    for (struct dirent *e; d && (e = readdir(d)) != NULL;) {
        char below[400];
        if (e->d_name[0] == '.') continue;
        snprintf(below, sizeof below, "%s/%s", path, e->d_name);
        if (unlink(below) < 0) remove_all(below);
    }
    if (d) closedir(d);
    unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

/* The folder as it may be when the power goes before op `end`; how[i] for those that are not certain. */
static void build(const char *folder, int end, const uint8_t *how)
{
    n_names = bases;
    memcpy(names, base, (size_t)bases * sizeof *base);
    for (int i = 0; i < inodes; i++) {
        content[i].len = 0;
        if (inode[i].n) assert_ok(buf_put(&content[i], inode[i].data, inode[i].n));
    }
    for (int i = 0; i < end; i++) apply(&op[i], op[i].certain < end ? 1 : how[i]);
    remove_all(folder);
    assert_int_equal(mkdir(folder, 0700), 0);
    make_files(folder, 0);
}

/* ---- what must be true of it ---- */

static int other_entry(void *user, uint64_t i, const void *data, size_t n)
{
    char text[256];
    return *(int *)user = n != entry_text(i, text) || memcmp(text, data, n) != 0;
}

static uint64_t acknowledged(int end, uint64_t *begun)
{
    uint64_t n = held;
    *begun = held;
    for (int i = 0; i < end; i++) {
        if (op[i].kind == ACKED) n = op[i].n;
        if (op[i].kind == BEGIN) *begun = op[i].n;
    }
    return n;
}

static const char *kinds[] = {"create", "mkdir", "rename", "unlink", "truncate", "write", "fsync", "begin", "acked"};
static void tell(int end, const uint8_t *how)
{
    for (int i = 0; i < end; i++) {
        const char *became = op[i].kind >= FSYNC ? "" : op[i].certain < end ? "certain" : how[i] == 0 ? "LOST" : how[i] == 1 ? "kept" : how[i] == 2 ? "half" : "zeros";
        print_message("# %d %s inode %d folder %d %s %s %llu %s\n", i, kinds[op[i].kind], op[i].inode, op[i].folder, op[i].name, op[i].to,
                      (unsigned long long)op[i].n, became);
    }
}

static enum hearth_status goes_on(const char *folder, uint64_t least, uint64_t most, uint64_t *size)
{
    char dir[200];
    struct ledger *l;
    uint64_t at, again;
    int strange = 0;
    snprintf(dir, sizeof dir, "%s/ledger", folder);
    TRY(ledger_open(dir, LEDGER_APPEND, &l));
    enum hearth_status st = ledger_verify(l, size, NULL, NULL);
    if (st == HEARTH_OK) st = ledger_each(l, 0, *size, other_entry, &strange);
    if (strange) st = (fail)(HEARTH_EINTERNAL, "an entry is not what was appended");
    if (st == HEARTH_OK && *size != least && *size != most)
        st = (fail)(HEARTH_EINTERNAL, "%llu entries; %llu were acknowledged, %llu begun", (unsigned long long)*size, (unsigned long long)least,
                  (unsigned long long)most);
    if (st == HEARTH_OK) st = append_texts(l, *size, 1, &at);
    if (st == HEARTH_OK && at != *size) st = (fail)(HEARTH_EINTERNAL, "appended at %llu", (unsigned long long)at);
    if (st == HEARTH_OK) st = ledger_verify(l, &again, NULL, NULL);
    if (st == HEARTH_OK && again != *size + 1) st = (fail)(HEARTH_EINTERNAL, "%llu entries after one more", (unsigned long long)again);
    ledger_close(l);
    return st;
}

static uint64_t drawn = 1;
static uint32_t draw(uint32_t below_)
{
    uint32_t counter[4] = {(uint32_t)drawn, (uint32_t)(drawn >> 32), 0, 0}, out[4];
    drawn++;
    philox4x32(7, counter, out);
    return out[0] % below_;
}

static int states;

static void try_state(int end, const uint8_t *how)
{
    char folder[160];
    uint64_t begun, acked = acknowledged(end, &begun), size;
    snprintf(folder, sizeof folder, "%s/crashed", home);
    build(folder, end, how);
    states++;
    if (goes_on(folder, acked, begun, &size) == HEARTH_OK) return;
    char why[1024];
    snprintf(why, sizeof why, "%s", hearth_errmsg());
    tell(end, how);
    fail_msg("power lost before call %d: %s", end, why);
}

/* All states of each moment when they are few, else the corners (none, all, each alone, each missing) and some by chance. */
static void try_all(int most, int step)
{
    static uint8_t how[OPS];
    for (int end = 0; end <= ops; end += step) {
        int open_[OPS], n = 0;
        for (int i = 0; i < end; i++)
            if (op[i].kind < FSYNC && op[i].certain >= end) open_[n++] = i;
        uint64_t all = 1;
        for (int i = 0; i < n && all <= (uint64_t)most; i++) all *= op[open_[i]].kind == WRITE ? 4 : 2;
        for (int turn = 0; turn < most && (uint64_t)turn < all; turn++) {
            uint64_t which = (uint64_t)turn;
            for (int i = 0; i < n; i++) {
                unsigned options = op[open_[i]].kind == WRITE ? 4 : 2;
                int corner = turn < 2 ? turn : turn < 2 + n ? i == turn - 2 : turn < 2 + 2 * n ? i != turn - 2 - n : -1;
                if (all <= (uint64_t)most) how[open_[i]] = (uint8_t)(which % options), which /= options;
                else how[open_[i]] = corner >= 0 ? (uint8_t)corner : (uint8_t)draw(options);
            }
            try_state(end, how);
        }
    }
}

/* ---- the stories ---- */

static int soak(void)
{
    const char *s = getenv("HEARTH_LEDGER_SOAK");
    return s && *s == '1';
}

static char story[96];
static int fresh(void **state)
{
    int bad = home_make(state);
    states = 0;
    snprintf(story, sizeof story, "%s/story", home);
    return bad || mkdir(story, 0700);
}

static int gone(void **state)
{
    forget();
    for (int i = 0; i < INODES; i++) buf_free(&content[i]);
    return home_remove(state);
}

/* Opens the ledger (made when there is none) and appends groups of these sizes. */
static void tell_story(const char *folder, const size_t *group)
{
    char dir[200];
    struct ledger *l;
    uint64_t size, at;
    snprintf(dir, sizeof dir, "%s/ledger", folder);
    assert_ok(ledger_open(dir, LEDGER_APPEND, &l));
    assert_ok(ledger_size(l, &size));
    for (; *group; size += *group++) {
        note(BEGIN, -1, -1, NULL)->n = size + *group;
        assert_ok(append_texts(l, size, *group, &at));
        assert_int_equal(at, size);
        note(ACKED, -1, -1, NULL)->n = size + *group;
    }
    ledger_close(l);
}

static void one_story(const size_t *before, const size_t *group, int most, int step)
{
    if (before) tell_story(story, before);
    record(story);
    tell_story(story, group);
    recorded();
    try_all(most, step);
    print_message("# %d moments, %d states\n", ops / step + 1, states);
}

#define MOST (soak() ? 200 : 3)
#define GROUPS(...) ((const size_t[]){__VA_ARGS__, 0})

static void from_nothing(void **state) { (void)state; one_story(NULL, GROUPS(1, 1, 2), MOST, 1); }
static void a_few(void **state) { (void)state; one_story(GROUPS(3), GROUPS(1, 1, 5, 1), MOST, 1); }
static void tile_filled(void **state) { (void)state; one_story(GROUPS(253), GROUPS(1, 1, 1, 1, 1), MOST, 1); }
static void tiles_at_once(void **state) { (void)state; one_story(GROUPS(200), GROUPS(600, 1), MOST, 1); }
static void exactly_whole(void **state) { (void)state; one_story(GROUPS(256), GROUPS(256, 1), MOST, 1); }

/* More files than a batch holds, so that some are synced on the way. */
static void large_group(void **state) { (void)state; one_story(GROUPS(10), GROUPS(9000), soak() ? 10 : 1, soak() ? 1 : 7); }

/* A crash, some entries more, another crash: from states drawn by chance. */
static void twice(void **state)
{
    static uint8_t how[OPS];
    int rounds = soak() ? 20 : 2;
    (void)state;
    for (int round = 0; round < rounds; round++) {
        char first[160];
        snprintf(first, sizeof first, "%s/first%d", home, round);
        snprintf(story, sizeof story, "%s/story%d", home, round);
        assert_int_equal(mkdir(story, 0700), 0);
        tell_story(story, GROUPS(254));
        record(story);
        tell_story(story, GROUPS(1, 1, 1));
        recorded();
        int end = (int)draw((uint32_t)ops + 1);
        for (int i = 0; i < end; i++) how[i] = (uint8_t)draw(op[i].kind == WRITE ? 4 : 2);
        build(first, end, how);
        record(first);
        tell_story(first, GROUPS(1, 2, 1));
        recorded();
        try_all(soak() ? 20 : 2, soak() ? 1 : 3);
    }
    print_message("# %d states\n", states);
}

/* ---- calls that fail ---- */

static void each_call_fails(void **state)
{
    static const int why[] = {ENOSPC, EIO};
    static const size_t begin[] = {1, 255, 250};
    static const size_t more[] = {1, 1, 700};
    (void)state;
    for (int k = 0; k < 6; k++) {
        char dir[160];
        struct ledger *l;
        uint64_t at, size;
        snprintf(dir, sizeof dir, "%s/f%d/ledger", home, k);
        make_log(dir, begin[k % 3], begin[k % 3]);
        assert_ok(ledger_open(dir, LEDGER_APPEND, &l));
        uint64_t had = begin[k % 3];
        int failures = 0, quiet = 0;
        for (int n = 1; quiet < 3; n++) {                  /* until no call is left that could fail */
            fails_with = why[k / 3];
            calls = 0;
            fails_at = n;
            enum hearth_status st = append_texts(l, had, more[k % 3], &at);
            quiet += calls < n;
            fails_at = 0;
            if (st != HEARTH_OK) {
                failures++;
                assert_int_equal(st, HEARTH_EIO);
                if (!strstr(hearth_errmsg(), why[k / 3] == ENOSPC ? "the disk is full" : "Input/output error")) fail_msg("%s", hearth_errmsg());
            } else {
                assert_int_equal(at, had);
            }
            assert_ok(verify_log(dir, &size));
            /* an error after the checkpoint was renamed leaves the entries in; they were only not promised */
            assert_true(size == had + more[k % 3] || (st != HEARTH_OK && size == had));
            had = size;
        }
        assert_true(failures > 5);
        ledger_close(l);
    }
}

#define T(f) cmocka_unit_test_setup_teardown(f, fresh, gone)
int main(int argc, char **argv)          /* [TEST]: only that one */
{
    const struct CMUnitTest with[] = {
        T(from_nothing), T(a_few), T(tile_filled), T(tiles_at_once), T(exactly_whole), T(large_group), T(twice), T(each_call_fails),
    };
    uint8_t random[1];
    if (argc > 1) cmocka_set_test_filter(argv[1]);
    return crypto_random(random, 1) == HEARTH_OK ? cmocka_run_group_tests(with, NULL, NULL) : (puts("1..1\nok 1 - no libcrypto, no ledger"), 0);
}
