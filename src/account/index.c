/* index.c - the index of receipts, by SQLite.
 *
 *     meta        version, origin of the log, entries read, leaf hash of the last of them, entries that are no receipts
 *     entry       one row a receipt, by number
 *     decision    one row a decision, beside the number of the answer it is about: the newest counts
 *
 * A file that cannot be used is emptied where it lies (SQLITE_DBCONFIG_RESET_DATABASE) and never deleted: another process
 * may have it open, and SQLite's journal goes by the file's name.  So its locks are all that is needed. */
#include "account/index.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "account/hex.h"
#include "account/ledger.h"
#include "account/merkle.h"
#include "account/meter.h"
#include "account/receipt.h"
#include "base/mem.h"

enum { VERSION_OF_INDEX = 1, BATCH = 8192 /* entries a transaction */, PATIENCE = 60000 /* ms for another's batch */ };

struct index {
    sqlite3 *db;
    char *path;
    uint64_t size, strange;
    char last[65];                   /* leaf hash of entry size - 1 */
    int damaged;                     /* set when SQLite says so: the file is emptied, and filled again */
};

static const char schema[] =
    "CREATE TABLE meta(one INTEGER PRIMARY KEY CHECK(one = 1), version INTEGER NOT NULL, origin TEXT NOT NULL,"
    "  size INTEGER NOT NULL, last TEXT NOT NULL, strange INTEGER NOT NULL);"
    "CREATE TABLE entry(number INTEGER PRIMARY KEY, time INTEGER NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL,"
    "  model TEXT NOT NULL, sha256 TEXT NOT NULL, task TEXT NOT NULL, person TEXT NOT NULL, actor TEXT NOT NULL,"
    "  purpose TEXT NOT NULL, prompt INTEGER NOT NULL, answer INTEGER NOT NULL, energy INTEGER NOT NULL);"
    "CREATE TABLE decision(entry INTEGER PRIMARY KEY, number INTEGER NOT NULL, decision INTEGER NOT NULL);"
    "CREATE INDEX by_number ON decision(number, entry);"
    "CREATE INDEX by_time ON entry(time);"
    "CREATE INDEX by_id ON entry(id);"
    "CREATE INDEX by_model ON entry(model) WHERE model <> '';"
    "CREATE INDEX by_digest ON entry(sha256) WHERE sha256 <> '';"
    "CREATE INDEX by_task ON entry(task) WHERE task <> '';"
    "CREATE INDEX by_person ON entry(person) WHERE person <> '';";

/* ---- SQLite's words into ours ---- */

static enum hearth_status failed(struct index *x, int rc)
{
    int code = rc & 0xff;
    x->damaged = code == SQLITE_CORRUPT || code == SQLITE_NOTADB || code == SQLITE_FORMAT || code == SQLITE_ERROR ||
                 code == SQLITE_CONSTRAINT || code == SQLITE_MISMATCH || code == SQLITE_SCHEMA;
    if (code == SQLITE_NOMEM) return fail(HEARTH_ENOMEM, "%s: SQLite is out of memory", x->path);
    if (code == SQLITE_FULL) return fail(HEARTH_EIO, "%s: the disk is full; the ledger itself is unharmed", x->path);
    if (code == SQLITE_BUSY || code == SQLITE_LOCKED)
        return fail(HEARTH_EIO, "%s: another program has kept the index locked for %d s", x->path, PATIENCE / 1000);
    if (x->damaged) return fail(HEARTH_EFORMAT, "%s: the index is damaged: %s", x->path, sqlite3_errmsg(x->db));
    return fail(HEARTH_EIO, "%s: %s", x->path, x->db ? sqlite3_errmsg(x->db) : sqlite3_errstr(rc));
}

static enum hearth_status execute(struct index *x, const char *sql)
{
    int rc = sqlite3_exec(x->db, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? HEARTH_OK : failed(x, rc);
}

static enum hearth_status prepare(struct index *x, const char *sql, sqlite3_stmt **out)
{
    int rc = sqlite3_prepare_v2(x->db, sql, -1, out, NULL);
    return rc == SQLITE_OK ? HEARTH_OK : failed(x, rc);
}

/* Runs a statement that gives no rows, and makes it ready for the next time. */
static enum hearth_status run(struct index *x, sqlite3_stmt *s)
{
    int rc = sqlite3_step(s);
    enum hearth_status st = rc == SQLITE_DONE ? HEARTH_OK : failed(x, rc);
    sqlite3_reset(s);
    return st;
}

static void bind_text(sqlite3_stmt *s, int at, const char *text)
{
    sqlite3_bind_text(s, at, text, -1, SQLITE_STATIC);
}

static void bind_number(sqlite3_stmt *s, int at, uint64_t v)
{
    sqlite3_bind_int64(s, at, v > INT64_MAX ? INT64_MAX : (sqlite3_int64)v);
}

/* ---- reading entries into it ---- */

struct filling {
    struct index *x;
    struct ledger *l;
    sqlite3_stmt *entry, *decision;
    struct { uint64_t number, of; char leaf[65]; int what; } *late;     /* decisions: their answers are looked at afterwards */
    size_t n_late, cap_late;
    enum hearth_status st;
};

static int decision_number(const char *word)
{
    static const char *const words[] = {[INDEX_ACCEPTED] = "accepted", [INDEX_EDITED] = "edited", [INDEX_REJECTED] = "rejected"};
    for (int i = INDEX_ACCEPTED; i <= INDEX_REJECTED; i++)
        if (!strcmp(words[i], word)) return i;
    return INDEX_UNDECIDED;
}

static enum hearth_status put_entry(struct filling *f, uint64_t number, const struct receipt *r)
{
    struct footprint print = {0};
    if (r->footprint && footprint_parse("receipt", r->footprint, &print) != HEARTH_OK) print.energy_uj = 0;
    sqlite3_stmt *s = f->entry;
    const char *const text[] = {r->kind_name, r->id, r->model.name, r->model.sha256, r->task, r->key, r->actor, r->purpose};
    bind_number(s, 1, number);
    sqlite3_bind_int64(s, 2, r->seconds);
    for (int i = 0; i < 8; i++) bind_text(s, 3 + i, text[i] ? text[i] : "");
    bind_number(s, 11, r->prompt_tokens);
    bind_number(s, 12, r->answer_tokens);
    bind_number(s, 13, print.energy_uj);
    TRY(run(f->x, s));
    if (r->kind != RECEIPT_DECISION || r->of.index >= number) return HEARTH_OK;
    TRY(mem_grow(&f->late, &f->cap_late, f->n_late + 1, sizeof *f->late));
    f->late[f->n_late].number = number;
    f->late[f->n_late].of = r->of.index;
    f->late[f->n_late].what = decision_number(r->decision);
    snprintf(f->late[f->n_late++].leaf, 65, "%s", r->of.leaf);
    return HEARTH_OK;
}

static enum hearth_status leaf_hex(struct ledger *l, uint64_t i, char hex[65])
{
    uint8_t hash[MERKLE_HASH];
    TRY(ledger_leaf(l, i, hash));
    hex_write(hash, sizeof hash, hex);
    return HEARTH_OK;
}

static int on_entry(void *user, uint64_t i, const void *data, size_t n)
{
    struct filling *f = user;
    struct receipt r = {0};
    f->st = receipt_parse(data, n, &r);
    if (f->st == HEARTH_OK) f->st = put_entry(f, i, &r);
    else if (f->st == HEARTH_EFORMAT || f->st == HEARTH_EUNSUPPORTED || f->st == HEARTH_ELIMIT) f->st = HEARTH_OK, f->x->strange++;
    receipt_free(&r);
    if (f->st == HEARTH_OK) f->x->size = i + 1;
    return f->st != HEARTH_OK;
}

/* A decision counts when it names the very entry that has that number. */
static enum hearth_status put_decisions(struct filling *f)
{
    for (size_t i = 0; i < f->n_late; i++) {
        char leaf[65];
        TRY(leaf_hex(f->l, f->late[i].of, leaf));
        if (strcmp(leaf, f->late[i].leaf) != 0 || f->late[i].what == INDEX_UNDECIDED) continue;
        bind_number(f->decision, 1, f->late[i].number);
        bind_number(f->decision, 2, f->late[i].of);
        sqlite3_bind_int(f->decision, 3, f->late[i].what);
        TRY(run(f->x, f->decision));
    }
    f->n_late = 0;
    return HEARTH_OK;
}

/* ---- what it stands for ---- */

/* size, strange and last as the file has them; *known 0: it is empty, or of another log or version. */
static enum hearth_status read_meta(struct index *x, struct ledger *l, int *known)
{
    sqlite3_stmt *s = NULL;
    *known = 0;
    x->size = x->strange = 0;
    x->last[0] = 0;
    TRY(prepare(x, "SELECT count(*) FROM sqlite_schema WHERE name = 'meta'", &s));
    int rc = sqlite3_step(s), there = rc == SQLITE_ROW && sqlite3_column_int(s, 0) > 0;
    sqlite3_finalize(s);
    if (rc != SQLITE_ROW) return failed(x, rc);
    if (!there) return HEARTH_OK;
    TRY(prepare(x, "SELECT size, strange, last FROM meta WHERE version = ?1 AND origin = ?2", &s));
    sqlite3_bind_int(s, 1, VERSION_OF_INDEX);
    bind_text(s, 2, ledger_origin(l));
    rc = sqlite3_step(s);
    if (rc == SQLITE_ROW) {
        const unsigned char *last = sqlite3_column_text(s, 2);
        x->size = (uint64_t)sqlite3_column_int64(s, 0);
        x->strange = (uint64_t)sqlite3_column_int64(s, 1);
        snprintf(x->last, sizeof x->last, "%s", last ? (const char *)last : "");
        *known = 1;
    }
    enum hearth_status st = rc == SQLITE_ROW || rc == SQLITE_DONE ? HEARTH_OK : failed(x, rc);
    sqlite3_finalize(s);
    return st;
}

/* The last entry it knows is still where it was. */
static enum hearth_status same_log(struct index *x, struct ledger *l, uint64_t size, int *same)
{
    char leaf[65];
    *same = x->size == 0;
    if (x->size == 0 || x->size > size) return HEARTH_OK;
    TRY(leaf_hex(l, x->size - 1, leaf));
    *same = !strcmp(leaf, x->last);
    return HEARTH_OK;
}

static enum hearth_status write_meta(struct index *x, struct ledger *l)
{
    sqlite3_stmt *s = NULL;
    TRY(prepare(x, "INSERT OR REPLACE INTO meta VALUES(1, ?1, ?2, ?3, ?4, ?5)", &s));
    sqlite3_bind_int(s, 1, VERSION_OF_INDEX);
    bind_text(s, 2, ledger_origin(l));
    bind_number(s, 3, x->size);
    bind_text(s, 4, x->last);
    bind_number(s, 5, x->strange);
    enum hearth_status st = run(x, s);
    sqlite3_finalize(s);
    return st;
}

/* ---- catching up ---- */

/* Empties the file: not as a transaction, since it may be no database at all. */
static enum hearth_status empty(struct index *x)
{
    int rc = sqlite3_db_config(x->db, SQLITE_DBCONFIG_RESET_DATABASE, 1, 0);
    if (rc == SQLITE_OK) rc = sqlite3_exec(x->db, "VACUUM", NULL, NULL, NULL);
    sqlite3_db_config(x->db, SQLITE_DBCONFIG_RESET_DATABASE, 0, 0);
    return rc == SQLITE_OK ? HEARTH_OK : failed(x, rc);
}

static enum hearth_status fill(struct filling *f, uint64_t to)
{
    struct index *x = f->x;
    enum hearth_status st;
    TRY_GOTO(st, done, prepare(x, "INSERT INTO entry VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?)", &f->entry));
    TRY_GOTO(st, done, prepare(x, "INSERT INTO decision VALUES(?1, ?2, ?3)", &f->decision));
    st = ledger_each(f->l, x->size, to, on_entry, f);
    if (f->st != HEARTH_OK) st = f->st;
    if (st == HEARTH_OK) st = put_decisions(f);
    if (st == HEARTH_OK && x->size != to)
        st = fail(HEARTH_EFORMAT, "the log ends at entry %" PRIu64 ", and its checkpoint says %" PRIu64, x->size, to);
    if (st == HEARTH_OK) st = leaf_hex(f->l, to - 1, x->last);
    if (st == HEARTH_OK) st = write_meta(x, f->l);
done:
    free(f->late);
    sqlite3_finalize(f->entry);
    sqlite3_finalize(f->decision);
    return st;
}

/* An empty file becomes an index; one that is not empty, and not ours, is stale. */
static enum hearth_status found(struct index *x, struct ledger *l, int *stale)
{
    sqlite3_stmt *s = NULL;
    TRY(prepare(x, "SELECT count(*) FROM sqlite_schema", &s));
    int rc = sqlite3_step(s);
    *stale = rc == SQLITE_ROW && sqlite3_column_int(s, 0) > 0;
    sqlite3_finalize(s);
    if (rc != SQLITE_ROW) return failed(x, rc);
    if (*stale) return HEARTH_OK;
    TRY(execute(x, schema));
    return write_meta(x, l);
}

/* One transaction: looks where the file stands, which another process may have moved on, and reads at most a batch.  The log
 * is asked for its size under the file's lock: asked before, the file of one who appended meanwhile would seem to be ahead of it. */
static enum hearth_status step(struct index *x, struct ledger *l, uint64_t *to, int *stale)
{
    int known = 0, same = 0;
    uint64_t size = 0;
    *stale = 0;
    TRY(execute(x, "BEGIN IMMEDIATE"));
    enum hearth_status st = ledger_size(l, &size);
    *to = size;
    if (st == HEARTH_OK) st = read_meta(x, l, &known);
    if (st == HEARTH_OK && known) st = same_log(x, l, size, &same);
    if (st == HEARTH_OK && known) *stale = !same;
    else if (st == HEARTH_OK) st = found(x, l, stale);
    if (st == HEARTH_OK && !*stale && x->size < size) {
        struct filling f = {.x = x, .l = l};
        st = fill(&f, size - x->size > BATCH ? x->size + BATCH : size);
    }
    if (st == HEARTH_OK && !*stale) st = execute(x, "COMMIT");
    if (st != HEARTH_OK || *stale) sqlite3_exec(x->db, "ROLLBACK", NULL, NULL, NULL);
    return st;
}

static enum hearth_status catch_up(struct index *x, struct ledger *l, index_progress *progress, void *user)
{
    for (int emptied = 0; emptied < 3;) {
        uint64_t size = 0;
        int stale = 0;
        x->damaged = 0;
        enum hearth_status st = step(x, l, &size, &stale);
        if (x->damaged || stale) {
            emptied++;
            TRY(empty(x));
            continue;
        }
        TRY(st);
        if (progress) progress(user, x->size, size);
        if (x->size >= size) return HEARTH_OK;
    }
    return fail(HEARTH_EIO, "%s: the index cannot be made: it is damaged again and again", x->path);
}

enum hearth_status index_open(const char *dir, struct ledger *l, index_progress *progress, void *user, struct index **out)
{
    struct index *x = mem_array(1, sizeof *x);
    struct buf path = {0};
    enum hearth_status st = x ? buf_printf(&path, "%s/index.sqlite", dir) : HEARTH_ENOMEM;
    *out = NULL;
    if (st != HEARTH_OK) goto done;
    x->path = buf_take(&path, NULL);
    int fd = open(x->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);      /* SQLite's own mode would be 0644 */
    if (fd < 0) {
        st = fail_errno(x->path, "cannot open");
        goto done;
    }
    close(fd);
    int rc = sqlite3_open_v2(x->path, &x->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW, NULL);
    if (rc != SQLITE_OK) {
        st = failed(x, rc);
        goto done;
    }
    sqlite3_busy_timeout(x->db, PATIENCE);
    sqlite3_extended_result_codes(x->db, 1);
    sqlite3_exec(x->db, "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA synchronous = NORMAL", NULL, NULL, NULL);
    st = catch_up(x, l, progress, user);
done:
    buf_free(&path);
    if (st != HEARTH_OK) index_close(x), x = NULL;
    *out = x;
    return st;
}

void index_close(struct index *x)
{
    if (!x) return;
    sqlite3_close(x->db);
    free(x->path);
    free(x);
}

uint64_t index_size(const struct index *x, uint64_t *strange)
{
    if (strange) *strange = x->strange;
    return x->size;
}

/* ---- searching ---- */

struct condition { int wanted; const char *sql, *text; int64_t number; };

/* "SELECT what FROM ... WHERE ..." with every condition that the query has, bound. */
static enum hearth_status search(struct index *x, const struct index_query *q, const char *what, int whole, sqlite3_stmt **out)
{
    /* All that begins with p, a word of hex digits, lies from p on and below p with a letter behind. */
    size_t hex = q->model ? strspn(q->model, "0123456789abcdef") : 0;
    int digest = hex >= 8 && !q->model[hex];
    const struct condition c[] = {
        {q->kind != NULL, "e.kind = ?", q->kind, 0},
        {q->model && !digest, "e.model = ?", q->model, 0},
        {digest, "e.sha256 >= ?", q->model, 0},
        {digest, "e.sha256 < ? || 'z'", q->model, 0},
        {q->task != NULL, "e.task = ?", q->task, 0},
        {q->key != NULL, "e.person = ?", q->key, 0},
        {q->actor != NULL, "e.actor = ?", q->actor, 0},
        {q->purpose != NULL, "e.purpose = ?", q->purpose, 0},
        {q->id != NULL, "e.id >= ?", q->id, 0},
        {q->id != NULL, "e.id < ? || 'z'", q->id, 0},
        {q->from != 0, "e.time >= ?", NULL, q->from},
        {q->to != 0, "e.time < ?", NULL, q->to},
        {q->about != NULL, "e.number IN (SELECT entry FROM decision WHERE number = ?)", NULL, q->about ? (int64_t)*q->about : 0},
        {q->undecided, "e.kind = 'answer' AND d.decision IS NULL AND ?", NULL, 1},
    };
    enum { N = sizeof c / sizeof *c };
    struct buf sql = {0};
    enum hearth_status st = buf_printf(&sql, "SELECT %s FROM entry e LEFT JOIN decision d ON d.entry = "
                                       "(SELECT max(entry) FROM decision WHERE number = e.number) WHERE 1", what);
    for (size_t i = 0; i < N && st == HEARTH_OK; i++)
        if (c[i].wanted) st = buf_printf(&sql, " AND %s", c[i].sql);
    if (st == HEARTH_OK && whole) st = buf_printf(&sql, " ORDER BY e.number %s", q->oldest_first ? "ASC" : "DESC");
    if (st == HEARTH_OK && whole && q->limit) st = buf_printf(&sql, " LIMIT %" PRIu64, q->limit);
    if (st == HEARTH_OK) st = prepare(x, sql.data, out);
    for (size_t i = 0, at = 1; i < N && st == HEARTH_OK; i++)
        if (c[i].wanted && c[i].text) bind_text(*out, (int)at++, c[i].text);
        else if (c[i].wanted) sqlite3_bind_int64(*out, (int)at++, c[i].number);
    buf_free(&sql);
    return st;
}

/* Damage that showed in the middle of an answer: what was found so far cannot be taken back, so the next question begins anew. */
static enum hearth_status give_up(struct index *x, enum hearth_status st)
{
    if (!x->damaged) return st;
    TRY(empty(x));
    return fail(HEARTH_EFORMAT, "%s: the index was damaged; ask again, and it is made anew from the ledger", x->path);
}

enum hearth_status index_find(struct index *x, const struct index_query *q, int (*fn)(void *user, const struct index_row *r),
                              void *user)
{
    sqlite3_stmt *s = NULL;
    int rc;
    TRY(search(x, q, "e.number, e.time, d.decision, d.entry, e.prompt, e.answer, e.energy", 1, &s));
    while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
        const struct index_row r = {(uint64_t)sqlite3_column_int64(s, 0), sqlite3_column_int64(s, 1), sqlite3_column_int(s, 2),
                                    (uint64_t)sqlite3_column_int64(s, 3), (uint64_t)sqlite3_column_int64(s, 4),
                                    (uint64_t)sqlite3_column_int64(s, 5), (uint64_t)sqlite3_column_int64(s, 6)};
        if (fn(user, &r)) break;
    }
    enum hearth_status st = rc == SQLITE_ROW || rc == SQLITE_DONE ? HEARTH_OK : failed(x, rc);
    sqlite3_finalize(s);
    return st == HEARTH_OK ? st : give_up(x, st);
}

enum hearth_status index_count(struct index *x, const struct index_query *q, uint64_t *n)
{
    sqlite3_stmt *s = NULL;
    *n = 0;
    TRY(search(x, q, "count(*)", 0, &s));
    int rc = sqlite3_step(s);
    enum hearth_status st = rc == SQLITE_ROW ? HEARTH_OK : failed(x, rc);
    if (rc == SQLITE_ROW) *n = (uint64_t)sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    return st == HEARTH_OK ? st : give_up(x, st);
}
