/* transcript_files.h - where transcripts lie, for transcript.c only. */
#ifndef HEARTH_ACCOUNT_TRANSCRIPT_FILES_H
#define HEARTH_ACCOUNT_TRANSCRIPT_FILES_H

#include "base/mem.h"

/* 32 hex digits. */
int transcript_is_id(const char *s);
/* The text of the transcript with that id, opened when it is sealed; *path (free it) is set when it was found. */
enum hearth_status transcript_text(const char *id, char **path, struct buf *out);
/* The same of a file anywhere. */
enum hearth_status transcript_file_text(const char *path, struct buf *out);

#endif
