/* base/log.h — one line per event: `time level event=name key=value ...`, or the same as JSON.
 *
 *     log_info("ready", LOG_TEXT("http", address), LOG_INT("pid", pid));
 *
 * Written with one write(2) to stderr. Values are quoted where needed and control characters
 * escaped, so that data cannot forge a line. Never give it a secret. Any thread.
 */
#ifndef PINION_BASE_LOG_H
#define PINION_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_LEVELS };
enum log_format { LOG_AS_TEXT, LOG_AS_JSON };

struct log_field {
    const char *key; /* NULL ends the list */
    const char *text; /* NULL: the field is a number */
    int64_t number;
};

/* A function, since compilers warn of `array ? array : ""`. */
static inline const char *log_text_or_empty(const char *text)
{
    return text ? text : "";
}

#define LOG_TEXT(key, text) { (key), log_text_or_empty(text), 0 } /* NULL is logged as "" */
#define LOG_INT(key, number) { (key), 0, (int64_t)(number) }

#define log_write(level, event, ...)                                                               \
    log_fields((level), (event), (const struct log_field[]){__VA_ARGS__ __VA_OPT__(, ){0, 0, 0}})
#define log_debug(event, ...) log_write(LOG_DEBUG, event, __VA_ARGS__)
#define log_info(event, ...) log_write(LOG_INFO, event, __VA_ARGS__)
#define log_warn(event, ...) log_write(LOG_WARN, event, __VA_ARGS__)
#define log_error(event, ...) log_write(LOG_ERROR, event, __VA_ARGS__)

void log_fields(enum log_level, const char *event, const struct log_field *fields);
void log_set(enum log_level least, enum log_format); /* default: LOG_INFO, LOG_AS_TEXT */
bool log_level_parse(const char *name, enum log_level *ret_level);

#endif
