/* base/log.c — builds a line on the stack and hands it to the kernel in one piece.
 *
 *     2026-11-23T10:00:00.250Z info event=ready http=127.0.0.1:7466 note="two words"
 *     {"time":"2026-11-23T10:00:00.250Z","level":"info","event":"ready","http":"127.0.0.1:7466"}
 *
 * A line that grows too long is cut inside a value, between two characters; what follows is left
 * out, and a last field says `cut`. So even a cut line can be read by a program.
 */
#include "base/log.h"
#include "base/clock.h"
#include "base/macros.h"
#include "base/text.h"
#include "base/time_text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* LOG_LINE_MAX is what Linux writes to a pipe without mixing it with other lines (PIPE_BUF).
 * The last bytes are kept for a closing quote, the mark of a cut, a brace and the newline. */
enum { LOG_LINE_MAX = 4096, LINE_END_MAX = 32, ESCAPE_MAX = 8 };

struct line {
    char data[LOG_LINE_MAX];
    size_t len;
    bool json, cut;
};

static const char *const level_names[] = {
    [LOG_DEBUG] = "debug", [LOG_INFO] = "info", [LOG_WARN] = "warn", [LOG_ERROR] = "error"};
_Static_assert(countof(level_names) == LOG_LEVELS, "every level has a name");

static atomic_int least_level = LOG_INFO;
static atomic_int line_format = LOG_AS_TEXT;

/* All of the piece or none of it; after the first that does not fit, nothing more goes in. */
static void put(struct line *l, const char *text, size_t len)
{
    if (l->cut || l->len + len > LOG_LINE_MAX - LINE_END_MAX) {
        l->cut = true;
        return;
    }
    memcpy(l->data + l->len, text, len);
    l->len += len;
}

static void put_text(struct line *l, const char *text)
{
    put(l, text, strlen(text));
}

/* Into the bytes that put() keeps free. */
static void put_at_end(struct line *l, const char *text)
{
    size_t len = strlen(text);

    memcpy(l->data + l->len, text, len);
    l->len += len;
}

static bool needs_quotes(const char *text, size_t left)
{
    if (left == 0) return true;
    for (size_t step; left; text += step, left -= step) {
        step = text_utf8_next(text, left);
        if (step == 0 || text_is_control(text, step)) return true;
        if (step == 1 && strchr(" \"=\\", *text)) return true;
    }
    return false;
}

/* How the character is spelled between quotes; "" when as it is. `len` 0: a byte that is not UTF-8,
 * which JSON cannot say, so it becomes U+FFFD there. */
static const char *escape(const char *at, size_t len, bool json, char out[ESCAPE_MAX])
{
    unsigned char byte = (unsigned char)*at;

    out[0] = '\0';
    if (len == 0 && json) return "\\ufffd";
    if (len == 0) snprintf(out, ESCAPE_MAX, "\\x%02x", byte);
    else if (byte == '"') return "\\\"";
    else if (byte == '\\') return "\\\\";
    else if (byte == '\n') return "\\n";
    else if (byte == '\r') return "\\r";
    else if (byte == '\t') return "\\t";
    else if (text_is_control(at, len)) /* the second byte of a C1 control is its code point */
        snprintf(out, ESCAPE_MAX, "\\u%04x", len == 2 ? (unsigned char)at[1] : byte);
    return out;
}

static void put_quoted(struct line *l, const char *text, size_t left)
{
    char space[ESCAPE_MAX];
    const char *escaped;

    put_text(l, "\"");
    if (l->cut) return;
    for (size_t step; left && !l->cut; text += step, left -= step) {
        step = text_utf8_next(text, left);
        escaped = escape(text, step, l->json, space);
        if (*escaped) put_text(l, escaped);
        else put(l, text, step);
        if (step == 0) step = 1;
    }
    put_at_end(l, "\"");
}

static void put_value(struct line *l, const char *text)
{
    size_t len = strlen(text);
    bool fits = l->len + len <= LOG_LINE_MAX - LINE_END_MAX;

    if (l->json || !fits || needs_quotes(text, len)) put_quoted(l, text, len);
    else put(l, text, len);
}

/* Keys are words of our own source: they need no escape. The key goes in whole or not at all, and
 * with it at least the first byte of its value. */
static void put_key(struct line *l, const char *key)
{
    char text[128];

    if (l->json) snprintf(text, sizeof(text), ",\"%.100s\":", key);
    else snprintf(text, sizeof(text), " %.100s=", key);
    if (l->len + strlen(text) + ESCAPE_MAX > LOG_LINE_MAX - LINE_END_MAX) l->cut = true;
    put_text(l, text);
}

static void put_field(struct line *l, const struct log_field *field)
{
    char number[24];
    size_t before = l->len;

    put_key(l, field->key);
    if (field->text) {
        put_value(l, field->text);
        return;
    }
    snprintf(number, sizeof(number), "%" PRId64, field->number);
    put_text(l, number);
    if (l->cut) l->len = before; /* half a number would be a lie */
}

static void put_head(struct line *l, enum log_level level, const char *event)
{
    char time[TIME_TEXT_MAX];

    time_format_utc(clock_wall_ms(), time);
    if (l->json) put_text(l, "{\"time\":\"");
    put_text(l, time);
    put_text(l, l->json ? "\",\"level\":\"" : " ");
    put_text(l, level_names[level]);
    if (l->json) put_text(l, "\"");
    put_key(l, "event");
    put_value(l, event);
}

static void put_end(struct line *l)
{
    if (l->cut) put_at_end(l, l->json ? ",\"cut\":true" : " cut=true");
    put_at_end(l, l->json ? "}\n" : "\n");
}

void log_fields(enum log_level level, const char *event, const struct log_field *fields)
{
    struct line l;

    if ((int)level < atomic_load_explicit(&least_level, memory_order_relaxed)) return;
    l.json = atomic_load_explicit(&line_format, memory_order_relaxed) == LOG_AS_JSON;
    l.cut = false;
    l.len = 0;
    put_head(&l, level, event);
    for (; fields->key && !l.cut; fields++) put_field(&l, fields);
    put_end(&l);

    /* Nobody is left to tell when the log itself cannot be written. */
    while (write(STDERR_FILENO, l.data, l.len) < 0 && errno == EINTR) continue;
}

void log_set(enum log_level least, enum log_format format)
{
    atomic_store_explicit(&least_level, (int)least, memory_order_relaxed);
    atomic_store_explicit(&line_format, (int)format, memory_order_relaxed);
}

bool log_level_parse(const char *name, enum log_level *ret_level)
{
    for (size_t i = 0; i < countof(level_names); i++) {
        if (strcmp(name, level_names[i]) != 0) continue;
        *ret_level = (enum log_level)i;
        return true;
    }
    return false;
}
