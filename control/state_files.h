/* control/state_files.h — small files, written whole or not at all; private to control/. */
#ifndef PINION_CONTROL_STATE_FILES_H
#define PINION_CONTROL_STATE_FILES_H

#include <stdbool.h>
#include "base/buffer.h"
#include "base/error.h"

#define STATE_FILE_BYTES_MAX 65536

/* Adds the content to `out`. PINION_NOT_FOUND: no such file; PINION_TOO_LARGE. */
enum pinion_err state_file_read(const char *dir, const char *name, struct buffer *out,
                                struct error *why) must_use;
/* Mode 0600, and the folder's owner's where root writes. A reader sees the old content or the new
 * one, also after a power cut. */
enum pinion_err state_file_write(const char *dir, const char *name, const char *text,
                                 struct error *why) must_use;
void            state_file_remove(const char *dir, const char *name);
bool            state_file_exists(const char *dir, const char *name);

/* Makes the folder and those above it, 0700. An existing one must not be writable by others. */
enum pinion_err state_folder_make(const char *dir, struct error *why) must_use;

/* `bytes` random bytes as 2 * bytes hex digits and a NUL. */
void state_random_hex(char *out, size_t bytes);
bool state_is_hex(const char *text, size_t len);

#endif
