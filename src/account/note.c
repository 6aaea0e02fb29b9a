/* note.c - signed notes: written in one way, read strictly.  Every byte of a note is either signed or part of a signature
 * line that must be spelt as note_sign spells it, so no bit of one can change unnoticed. */
#include "account/note.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

static const char dash[] = "\xe2\x80\x94 ";                     /* em dash, blank */
static const char private_key[] = "PRIVATE+KEY+";

/* ---- keys ---- */

static int is_space(uint32_t c)
{
    return (c >= 9 && c <= 13) || c == 0x20 || c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) ||
           c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

static int good_name(const char *s, size_t n)
{
    uint32_t c;
    int len;
    if (n == 0 || n >= NOTE_NAME) return 0;
    for (; n && (len = utf8_read(s, n, &c)) != 0; s += len, n -= (size_t)len)
        if (len < 0 || c < 0x20 || (c >= 0x7f && c < 0xa0) || c == '+' || is_space(c)) return 0;
    return 1;
}

static enum hearth_status set_id(struct note_key *k)
{
    uint8_t type = (uint8_t)k->type, sum[CRYPTO_HASH];
    const struct crypto_part part[] = {{k->name, strlen(k->name)}, {"\n", 1}, {&type, 1}, {k->public, CRYPTO_KEY}};
    TRY(crypto_sha256(part, 4, sum));
    memcpy(k->id, sum, sizeof k->id);
    return HEARTH_OK;
}

enum hearth_status note_signer_make(const char *name, enum note_type type, struct note_signer *out)
{
    memset(out, 0, sizeof *out);
    if (!good_name(name, strlen(name)))
        return fail(HEARTH_EUSAGE, "\"%.80s\" cannot be a key's name: 1 to %d bytes of UTF-8 without blanks and plus signs", name,
                    NOTE_NAME - 1);
    strcpy(out->key.name, name);
    out->key.type = type;
    TRY(crypto_random(out->secret, CRYPTO_KEY));
    TRY(crypto_public(out->secret, out->key.public));
    return set_id(&out->key);
}

static void print_key(const char *before, const struct note_key *k, const uint8_t bytes[CRYPTO_KEY], char out[NOTE_KEY_TEXT])
{
    uint8_t typed[1 + CRYPTO_KEY] = {(uint8_t)k->type};
    const uint8_t *id = k->id;
    int at = snprintf(out, NOTE_KEY_TEXT, "%s%s+%02x%02x%02x%02x+", before, k->name, id[0], id[1], id[2], id[3]);
    memcpy(typed + 1, bytes, CRYPTO_KEY);
    for (unsigned i = 0; i < sizeof typed; i += 3) {            /* 33 bytes: no padding */
        uint32_t bits = (uint32_t)typed[i] << 16 | (uint32_t)typed[i + 1] << 8 | typed[i + 2];
        for (int k4 = 18; k4 >= 0; k4 -= 6) out[at++] = base64_digit[bits >> k4 & 63];
    }
    out[at] = '\0';
}

void note_key_print(const struct note_key *k, char out[NOTE_KEY_TEXT])
{
    print_key("", k, k->public, out);
}

void note_signer_print(const struct note_signer *s, char out[NOTE_KEY_TEXT])
{
    print_key(private_key, &s->key, s->secret, out);
}

static int hex_id(const char *s, uint8_t id[4])
{
    for (int i = 0; i < 8; i++) {
        const char *digit = s[i] ? strchr("0123456789abcdef", s[i]) : NULL;
        if (!digit) return 0;
        int v = *digit <= '9' ? *digit - '0' : *digit - 'a' + 10;
        id[i / 2] = (uint8_t)(i & 1 ? id[i / 2] | v : v << 4);
    }
    return s[8] == '+';
}

/* name+hexid+base64(type bytes); what the bytes are, the caller knows. */
static enum hearth_status parse_key(const char *what, const char *text, struct note_key *k, uint8_t bytes[CRYPTO_KEY])
{
    uint8_t typed[36];
    size_t n = strlen(text);
    const char *plus = strchr(text, '+');
    if (n && text[n - 1] == '\n') n--;
    memset(k, 0, sizeof *k);
    if (!plus || !good_name(text, (size_t)(plus - text)) || !hex_id(plus + 1, k->id))
        return fail(HEARTH_EFORMAT, "%s: not a key; one looks like example.org/log+530d903a+AekyeRrm56hA...", what);
    const char *base = plus + 10;
    size_t base_n = n - (size_t)(base - text);
    if (base_n != 44 || base64_read(base, base_n, typed) != 1 + CRYPTO_KEY)
        return fail(HEARTH_EFORMAT, "%s: what follows the key's id must be 33 bytes in base64 (44 characters; there are %zu)", what, base_n);
    if (typed[0] != NOTE_ED25519 && typed[0] != NOTE_COSIGNATURE)
        return fail(HEARTH_EUNSUPPORTED, "%s: a key of type %d; only Ed25519 is known (1, and 4 of a witness)", what, typed[0]);
    memcpy(k->name, text, (size_t)(plus - text));
    k->type = (enum note_type)typed[0];
    memcpy(bytes, typed + 1, CRYPTO_KEY);
    return HEARTH_OK;
}

static enum hearth_status check_id(const char *what, struct note_key *k)
{
    uint8_t said[4];
    memcpy(said, k->id, sizeof said);
    TRY(set_id(k));
    if (!memcmp(said, k->id, sizeof said)) return HEARTH_OK;
    return fail(HEARTH_ECHECKSUM, "%s: the key's id is %02x%02x%02x%02x, but that of this name and key is %02x%02x%02x%02x; a character of it was changed",
                what, said[0], said[1], said[2], said[3], k->id[0], k->id[1], k->id[2], k->id[3]);
}

enum hearth_status note_key_parse(const char *what, const char *text, struct note_key *out)
{
    if (!strncmp(text, private_key, sizeof private_key - 1))
        return fail(HEARTH_EFORMAT, "%s: a private key, where the public one belongs; do not give it away", what);
    TRY(parse_key(what, text, out, out->public));
    return check_id(what, out);
}

enum hearth_status note_signer_parse(const char *what, const char *text, struct note_signer *out)
{
    size_t before = sizeof private_key - 1;
    memset(out, 0, sizeof *out);
    if (strncmp(text, private_key, before))
        return fail(HEARTH_EFORMAT, "%s: not a private key; one begins with %s", what, private_key);
    TRY(parse_key(what, text + before, &out->key, out->secret));
    TRY(crypto_public(out->secret, out->key.public));
    return check_id(what, &out->key);
}

/* ---- signing ---- */

/* What a key of that type signs: the text, or two lines and the text. */
static enum hearth_status message_of(enum note_type type, uint64_t time, const char *text, size_t n, struct buf *out)
{
    if (type == NOTE_COSIGNATURE) TRY(buf_printf(out, "cosignature/v1\ntime %llu\n", (unsigned long long)time));
    return buf_put(out, text, n);
}

enum hearth_status note_sign(const char *text, size_t n, const struct note_signer *by, uint64_t time, struct buf *to)
{
    const struct note_key *k = &by->key;
    uint8_t bytes[4 + 8 + CRYPTO_SIGNATURE];
    struct buf message = {0};
    size_t at = 0;
    memcpy(bytes, k->id, 4);
    at += 4;
    if (k->type == NOTE_COSIGNATURE)
        for (int i = 0; i < 8; i++) bytes[at++] = (uint8_t)(time >> (56 - 8 * i));
    enum hearth_status st = message_of(k->type, time, text, n, &message);
    if (st == HEARTH_OK) st = crypto_sign(by->secret, message.data, message.len, bytes + at);
    buf_free(&message);
    TRY(st);
    TRY(buf_printf(to, "%s%s ", dash, k->name));
    TRY(base64_put(to, bytes, at + CRYPTO_SIGNATURE));
    return buf_putc(to, '\n');
}

/* ---- reading ---- */

static enum hearth_status check_text(const char *what, const char *data, size_t n)
{
    size_t bad;
    if (n > NOTE_MAX) return fail(HEARTH_ELIMIT, "%s: a signed note of %zu bytes; at most %d are read", what, n, NOTE_MAX);
    if (!utf8_valid(data, n, &bad)) return fail(HEARTH_EFORMAT, "%s: byte %zu is not UTF-8, so this is no signed note", what, bad);
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)data[i] < 0x20 && data[i] != '\n')
            return fail(HEARTH_EFORMAT, "%s: byte %zu is a control character, which no signed note has", what, i);
    return HEARTH_OK;
}

struct line { const char *name; size_t name_n; uint8_t bytes[256]; long n; };

/* "— name base64": the longest signature that any known type has is 76 bytes; longer ones (of types we do not know) have n = 0. */
static enum hearth_status read_line(const char *what, const char *s, size_t n, struct line *out)
{
    const char *blank = n > 4 ? memchr(s + 4, ' ', n - 4) : NULL;
    memset(out, 0, sizeof *out);
    if (!blank || memcmp(s, dash, 4) || !good_name(s + 4, (size_t)(blank - s) - 4))
        return fail(HEARTH_EFORMAT, "%s: a line among the signatures is none: \"%.*s\"", what, (int)(n < 60 ? n : 60), s);
    size_t base_n = n - (size_t)(blank + 1 - s);
    out->name = s + 4;
    out->name_n = (size_t)(blank - s) - 4;
    if (base_n / 4 * 3 <= sizeof out->bytes) out->n = base64_read(blank + 1, base_n, out->bytes);
    if (out->n < 0 || base_n < 8)
        return fail(HEARTH_EFORMAT, "%s: the signature of %.*s is not base64 of at least 5 bytes", what, (int)out->name_n, out->name);
    return HEARTH_OK;
}

static enum hearth_status check_signature(const char *what, const char *text, size_t n, const struct line *l,
                                          const struct note_key *k, struct note_signature *out)
{
    size_t before = k->type == NOTE_COSIGNATURE ? 12 : 4;
    uint64_t time = 0;
    struct buf message = {0};
    int good = 0;
    if ((size_t)l->n == before + CRYPTO_SIGNATURE) {
        for (size_t i = 4; i < before; i++) time = time << 8 | l->bytes[i];
        enum hearth_status st = message_of(k->type, time, text, n, &message);
        if (st == HEARTH_OK) st = crypto_verify(k->public, message.data, message.len, l->bytes + before, &good);
        buf_free(&message);
        TRY(st);
    }
    *out = (struct note_signature){k, time};
    return good ? HEARTH_OK : fail(HEARTH_ECHECKSUM, "%s: the signature in the name of %s is wrong: the text was changed, or somebody else signed it", what, k->name);
}

static const struct note_key *find_key(const struct line *l, const struct note_key *const *keys, size_t n)
{
    for (size_t i = 0; i < n && l->n >= 4; i++)
        if (strlen(keys[i]->name) == l->name_n && !memcmp(keys[i]->name, l->name, l->name_n) && !memcmp(keys[i]->id, l->bytes, 4))
            return keys[i];
    return NULL;
}

enum hearth_status note_open(const char *what, const char *data, size_t n, const struct note_key *const *keys, size_t n_keys,
                             struct note *out)
{
    size_t at = n, count = 0;
    memset(out, 0, sizeof *out);
    TRY(check_text(what, data, n));
    while (at >= 2 && (data[at - 2] != '\n' || data[at - 1] != '\n')) at--;
    if (at < 3 || at == n || data[n - 1] != '\n')
        return fail(HEARTH_EFORMAT, "%s: not a signed note: a text, an empty line and signatures, each line with its end", what);
    out->text_n = at - 1;
    out->lines = data + at;
    for (size_t end; at < n; at = end + 1) {
        struct line l;
        end = at + (size_t)((const char *)memchr(data + at, '\n', n - at) - (data + at));
        if (++count > NOTE_SIGNATURES) return fail(HEARTH_ELIMIT, "%s: more than %d signatures", what, NOTE_SIGNATURES);
        TRY(read_line(what, data + at, end - at, &l));
        const struct note_key *k = find_key(&l, keys, n_keys);
        if (k) TRY(check_signature(what, data, out->text_n, &l, k, &out->by[out->n++]));
    }
    if (out->n) return HEARTH_OK;
    return fail(HEARTH_ENOTFOUND, "%s: signed by none of the %zu keys that were given", what, n_keys);
}

/* ---- checkpoints ---- */

static size_t line_of(const char *s, size_t n)
{
    const char *end = memchr(s, '\n', n);
    return end ? (size_t)(end - s) : n;
}

static int read_size(const char *s, size_t n, uint64_t *out)
{
    *out = 0;
    if (n == 0 || n > 18 || (n > 1 && s[0] == '0')) return 0;   /* 18 digits: below 2^60 */
    for (size_t i = 0; i < n; i++) {
        if (s[i] < '0' || s[i] > '9') return 0;
        *out = *out * 10 + (uint64_t)(s[i] - '0');
    }
    return 1;
}

enum hearth_status checkpoint_parse(const char *what, const char *text, size_t n, struct checkpoint *out)
{
    const char *s = text, *end = text + n;
    uint8_t root[33];
    size_t len;
    memset(out, 0, sizeof *out);
    if (n == 0 || text[n - 1] != '\n') return fail(HEARTH_EFORMAT, "%s: a checkpoint ends with a newline; this text does not", what);
    len = line_of(s, n);
    if (len == 0 || len >= NOTE_NAME)
        return fail(HEARTH_EFORMAT, "%s: the origin (line 1) has %zu bytes; 1 to %d are allowed", what, len, NOTE_NAME - 1);
    memcpy(out->origin, s, len);
    s += len + 1;
    len = line_of(s, (size_t)(end - s));
    if (!read_size(s, len, &out->size))
        return fail(HEARTH_EFORMAT, "%s: the number of entries (line 2) is \"%.*s\"; it must be a whole number below 10^18 without leading zeros", what,
                    (int)(len < 40 ? len : 40), s);
    s += len + (s + len < end);
    len = line_of(s, (size_t)(end - s));
    if (len != 44 || base64_read(s, len, root) != MERKLE_HASH)
        return fail(HEARTH_EFORMAT, "%s: the root (line 3) is \"%.*s\"; it must be 32 bytes in base64", what, (int)(len < 60 ? len : 60), s);
    memcpy(out->root, root, MERKLE_HASH);
    for (s += len + 1; s < end; s += len + 1) {
        len = line_of(s, (size_t)(end - s));
        if (len == 0) return fail(HEARTH_EFORMAT, "%s: an empty line within the checkpoint's text", what);
    }
    return HEARTH_OK;
}

enum hearth_status checkpoint_print(const struct checkpoint *c, struct buf *to)
{
    TRY(buf_printf(to, "%s\n%llu\n", c->origin, (unsigned long long)c->size));
    TRY(base64_put(to, c->root, MERKLE_HASH));
    return buf_putc(to, '\n');
}
