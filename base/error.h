/* base/error.h — one vocabulary of failure, mapped once to a name, an HTTP and an exit status. */
#ifndef PINION_BASE_ERROR_H
#define PINION_BASE_ERROR_H

#include <stddef.h>
#include "base/macros.h"
#include "include/pinion.h"

#define ERROR_TEXT_MAX 256

/* What went wrong, in words that tell what was expected. Zero-initialised is "ok". */
struct error {
    enum pinion_err code;
    char text[ERROR_TEXT_MAX]; /* one line, cut if longer */
};

/* Fills `e` (NULL is fine) and gives `code` back, so that a check is one line. */
enum pinion_err error_set(struct error *e, enum pinion_err code, const char *format, ...)
    printf_like(3, 4);

const char *error_name(enum pinion_err);     /* "not_found" */
unsigned    error_http(enum pinion_err);     /* 404 */
int         error_exit(enum pinion_err);     /* 3 */

/* PINION_INTERNAL for a name that is not in the table. */
enum pinion_err error_from_name(const char *name, size_t len);

#endif
