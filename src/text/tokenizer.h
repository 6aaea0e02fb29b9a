/* tokenizer.h - text to tokens and back, from a GGUF file's tokenizer.ggml.* keys, or from a tokenizer.json. */
#ifndef HEARTH_TEXT_TOKENIZER_H
#define HEARTH_TEXT_TOKENIZER_H

#include "base/mem.h"
#include "file/gguf.h"
#include "text/wordcount.h"

struct tokenizer;

struct ids { int32_t *id; size_t n, cap; };       /* zero-initialise; free(id) */

/* A tokenizer may lie in a GGUF as the file that it is, which is read as tokenizer_open_json reads it, where there is no tokenizer.ggml.model.
 * What begins and ends a text is then known by name, and further ends by a list of ids: those that the vocabulary lacks never come. */
#define TOKENIZER_JSON_KEY "tokenizer.huggingface.json"
#define TOKENIZER_TEKKEN_KEY "tokenizer.mistral.tekken"
#define TOKENIZER_PIECES_KEY "tokenizer.sentencepiece.model"
#define TOKENIZER_BOS_KEY "tokenizer.huggingface.bos_token"
#define TOKENIZER_EOS_KEY "tokenizer.huggingface.eos_token"
#define TOKENIZER_ENDS_KEY "tokenizer.huggingface.eos_token_ids"
enum { TOKENIZER_FILE_MAX = 256 << 20 };          /* bytes of such a file */
int tokenizer_is_in(const struct gguf *g);        /* as keys or as a file */

/* g must outlive the tokenizer, which reads its strings where they lie.  EFORMAT names the key and what is wrong with
 * it; EUNSUPPORTED a kind or a pre-tokeniser that is not known. */
enum hearth_status tokenizer_open(const struct gguf *g, struct tokenizer **out);
void tokenizer_close(struct tokenizer *t);

/* tokenizer.json, as the `tokenizers` package writes it, or Mistral's tekken.json; `path` names it in messages.  EFORMAT names the place in it and what is wrong,
 * EUNSUPPORTED a part that is not known.  truncation and padding are left alone: how long a text may be is the caller's business.
 * What begins and ends a text is guessed from its template and from names, until it is set. */
enum hearth_status tokenizer_open_json(const char *path, const char *text, size_t n, struct tokenizer **out);
/* tokenizer.model, SentencePiece's own file: BPE or Unigram. */
enum hearth_status tokenizer_open_sentencepiece(const char *path, const char *data, size_t n, struct tokenizer **out);
/* Whichever it is: JSON begins with a brace. */
enum hearth_status tokenizer_open_file(const char *path, struct tokenizer **out);
/* What tokenizer_config.json and generation_config.json say; before t is used.  Each eos is one more token that ends an answer. */
void tokenizer_set_bos(struct tokenizer *t, int32_t id);
void tokenizer_set_eos(struct tokenizer *t, int32_t id);
/* The token of this text, as the vocabulary writes it; -1: none.  Looks at all of them. */
int32_t tokenizer_find(const struct tokenizer *t, const char *text);

/* flags: HEARTH_TOK_SPECIAL, HEARTH_TOK_PARSE.  Appends to out; on failure out is as it was.  Time is linear in n
 * (n log n at most).  Thread-safe.  Text need not be UTF-8: a malformed byte is a piece of its own and comes back as it
 * was.  ELIMIT: more than 2^31 - 1 bytes. */
enum hearth_status tokenizer_encode(const struct tokenizer *t, const char *text, size_t n, int flags, struct ids *out);
/* The same, and which bytes of the text each token stands for: (*at)[2 i] to (*at)[2 i + 1]; free(*at).  Of a tokenizer.json only,
 * EUNSUPPORTED else. */
enum hearth_status tokenizer_encode_places(const struct tokenizer *t, const char *text, size_t n, int flags, struct ids *out, size_t **at);
/* A text that somebody else wrote, to be put into a text whose special tokens are parsed: the mark U+FDD0 (a noncharacter, which
 * no text should hold) is put before each special token's name in it, and a mark that is there is doubled.  Encoding with
 * TOKENIZER_MARKED takes the marks out again and reads what stands behind a single one as ordinary text.  *marked: whether
 * anything was to be marked; out then has the text, else nothing is appended. */
enum { TOKENIZER_MARKED = 1 << 8 };
enum hearth_status tokenizer_mark(const struct tokenizer *t, const char *text, size_t n, struct buf *out, int *marked);

/* The bytes of one token as they stand inside a text (the SentencePiece space mark replaced; a byte token gives its
 * byte; a control token gives nothing unless `special`).  No allocation; *s lives as long as t.  id must be valid. */
void tokenizer_piece(const struct tokenizer *t, int32_t id, int special, const char **s, size_t *n);
/* A whole text: the leading space that the tokenizer added is taken away again.  Gives back what was encoded, except
 * U+2581 with SentencePiece (a space), normalised text (qwen2), and bytes that the vocabulary lacks.  EUSAGE: an id
 * outside the vocabulary; out is as it was. */
enum hearth_status tokenizer_decode(const struct tokenizer *t, const int32_t *ids, size_t n, int special,
                                    struct buf *out);

int32_t tokenizer_size(const struct tokenizer *t);
int32_t tokenizer_bos(const struct tokenizer *t);  /* -1: none */
int32_t tokenizer_eos(const struct tokenizer *t);
int tokenizer_adds_bos(const struct tokenizer *t);
int tokenizer_is_end(const struct tokenizer *t, int32_t id); /* eos, eot, <|im_end|>, <end_of_turn>, ... */
const char *tokenizer_kind(const struct tokenizer *t);       /* "gpt2", "llama" */
const char *tokenizer_pre(const struct tokenizer *t);        /* "smollm"; "" for SentencePiece */
/* The text of a token as the vocabulary writes it (for templates: bos_token). */
void tokenizer_text(const struct tokenizer *t, int32_t id, const char **s, size_t *n);

/* ---- for those who change a vocabulary (not of a tokenizer.json: EUNSUPPORTED) ---- */

/* The words of a text inside which tokens are joined, counted; *special: how many user-defined tokens stand between them. */
enum hearth_status tokenizer_words(const struct tokenizer *t, const char *text, size_t n, struct wordcount *out, uint64_t *special);
/* Appends the tokens of one of them. */
enum hearth_status tokenizer_encode_word(const struct tokenizer *t, const char *s, size_t n, struct ids *out);
/* Appends what token `id` is made of: every token that is joined on the way from its bytes to it, itself among them, and those where it
 * begins; some perhaps more than once. */
enum hearth_status tokenizer_ancestors(const struct tokenizer *t, int32_t id, struct ids *out);
int tokenizer_token_type(const struct tokenizer *t, int32_t id);          /* enum token_type of text/vocab.h */

#endif
