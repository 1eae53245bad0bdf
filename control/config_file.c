/* control/config_file.c — the INI file: sections in, calls of the table out.
 *
 * libinih splits lines into keys and values. It is fed line by line from here, because it cuts the
 * name of a section at 49 bytes, says nothing of a section without keys, and takes a long line for
 * two: so sections are read here, and a line that it cannot hold is refused.
 */
#include "control/config_parts.h"
#include "base/memory.h"
#include "base/time_text.h"
#include "queue/limits.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum section { SECTION_NONE, SECTION_SERVE, SECTION_QUEUE, SECTION_HANDLER, SECTION_SCHEDULE };

#define HIDDEN_COLON '\x01'

struct reader {
    struct config *config;
    const char *path;
    const char *rest; /* of the file's text */
    unsigned line;    /* number of the last line given to libinih */
    bool indented;    /* it goes on with the value above */
    bool hidden;      /* colons of its key are HIDDEN_COLON */

    enum section section;
    enum config_runner runner; /* of SECTION_HANDLER */
    char *name;               /* of the section: a queue, a kind or a schedule */
    struct buffer key, value; /* what is gathered; handed over when no line can follow it */
    unsigned key_line;

    struct error bad; /* the first one ends the reading */
    unsigned bad_line;
};

static bool failed(const struct reader *r)
{
    return r->bad.code != PINION_OK;
}

static void fail_at(struct reader *r, unsigned line, const char *text)
{
    if (failed(r) && r->bad_line <= line) return;
    r->bad_line = line;
    error_set(&r->bad, PINION_INVALID, "%s:%u: %s", r->path, line, text);
}

/* ---- sections -------------------------------------------------------------------------------- */

static enum pinion_err set_in_queue(struct reader *r, const char *key, const char *value,
                                    struct error *why)
{
    struct config_queue *queue;
    enum pinion_err err = config_queue_at(r->config, span_of(r->name), &queue, why);

    if (err) return err;
    if (strcmp(key, "weight") == 0)
        return config_parse_count(key, value, WEIGHT_MAX, &queue->weight, why);
    if (strcmp(key, "on-dead") == 0) return config_parse_on_dead(value, &queue->on_dead, why);
    err = config_queue_limit(queue, key, value, why);
    if (err != PINION_NOT_FOUND) return err;
    return error_set(why, PINION_INVALID,
                     "unknown key '%.60s' in [queue]; expected weight, on-dead, max-jobs, "
                     "max-bytes, keep-jobs, keep-for, concurrency, rate or burst; the last three "
                     "also behind kind.KIND. or group.GROUP. or groups.",
                     key);
}

static enum pinion_err set_in_handler(struct reader *r, const char *key, const char *value,
                                      struct error *why)
{
    struct config_handler *handler;
    enum pinion_err err =
        config_handler_at(r->config, r->runner, span_of(r->name), &handler, why);

    return err ? err : config_handler_set(handler, key, value, why);
}

static enum pinion_err set_in_schedule(struct reader *r, const char *key, const char *value,
                                       struct error *why)
{
    struct config_schedule *schedule;
    enum pinion_err err = config_schedule_at(r->config, span_of(r->name), &schedule, why);

    return err ? err : config_schedule_set(schedule, key, value, why);
}

static enum pinion_err set_in_section(struct reader *r, const char *key, const char *value,
                                      struct error *why)
{
    switch (r->section) {
    case SECTION_SERVE: return config_set_from(r->config, CONFIG_FILE, key, value, why);
    case SECTION_QUEUE: return set_in_queue(r, key, value, why);
    case SECTION_HANDLER: return set_in_handler(r, key, value, why);
    case SECTION_SCHEDULE: return set_in_schedule(r, key, value, why);
    case SECTION_NONE: break;
    }
    return error_set(why, PINION_INVALID,
                     "expected a section such as [serve] before the first key");
}

/* Hands over the gathered key: no further line can belong to it. */
static void flush_key(struct reader *r)
{
    struct error why;

    if (!r->key_line || failed(r)) return;
    if (set_in_section(r, r->key.data, r->value.data, &why)) fail_at(r, r->key_line, why.text);
    r->key_line = 0;
}

static const char *const section_syntax =
    "expected [serve], [queue \"NAME\"], [command \"KIND\"], [webhook \"KIND\"], "
    "[exec \"KIND\"] or [schedule \"NAME\"], from the first column";

/* `text` is what follows '[', without the newline: `serve]` or `queue "mail"]`. */
static void open_section(struct reader *r, struct span text)
{
    struct span behind = text, head = span_cut(&behind, ']');
    struct span name = head, noun = span_cut(&name, ' ');
    struct config_queue *queue;
    struct config_handler *handler;
    struct config_schedule *schedule;
    struct error why = {0};
    bool named = name.len > 2 && name.data[0] == '"' && name.data[name.len - 1] == '"';

    flush_key(r);
    free(r->name);
    r->name = named ? xmemdup(name.data + 1, name.len - 2) : NULL;
    while (behind.len && strchr(" \t\r", behind.data[0])) behind.data++, behind.len--;
    if (head.len == text.len || (behind.len && !strchr(";#", behind.data[0]))) {
        fail_at(r, r->line, section_syntax);
    } else if (span_is(head, "serve")) {
        r->section = SECTION_SERVE;
    } else if (span_is(noun, "queue") && named) {
        r->section = SECTION_QUEUE; /* to name a queue is to serve it */
        if (config_queue_at(r->config, span_of(r->name), &queue, &why))
            fail_at(r, r->line, why.text);
    } else if (named && config_runner_of(noun, &r->runner)) {
        r->section = SECTION_HANDLER;
        if (config_handler_at(r->config, r->runner, span_of(r->name), &handler, &why))
            fail_at(r, r->line, why.text);
    } else if (span_is(noun, "schedule") && named) {
        r->section = SECTION_SCHEDULE;
        if (config_schedule_at(r->config, span_of(r->name), &schedule, &why))
            fail_at(r, r->line, why.text);
    } else {
        fail_at(r, r->line, section_syntax);
    }
}

/* A kind or a group in a key may have colons, which to libinih are like an equals sign. */
static void hide_colons(struct reader *r, char *line)
{
    char *equals = strchr(line, '=');

    r->hidden = equals && !strchr(line, HIDDEN_COLON);
    for (char *at = line; r->hidden && at < equals; at++)
        if (*at == ':') *at = HIDDEN_COLON;
}

static void show_colons(const struct reader *r, char *key)
{
    for (; r->hidden && *key; key++)
        if (*key == HIDDEN_COLON) *key = ':';
}

/* ---- what libinih calls ---------------------------------------------------------------------- */

/* The next line, as fgets would give it; NULL at the end or after an error. */
static char *next_line(char *out, int out_size, void *ctx)
{
    struct reader *r = ctx;
    const char *end = strchr(r->rest, '\n');
    size_t len = end ? (size_t)(end - r->rest) + 1 : strlen(r->rest);
    struct span line = {r->rest, len};
    const char *text;

    if (failed(r) || len == 0) return NULL;
    r->rest += len;
    r->line++;
    if (len >= (size_t)out_size) {
        fail_at(r, r->line, "line is too long; go on with it in an indented line below");
        return NULL;
    }
    memcpy(out, line.data, len);
    out[len] = '\0';
    text = out + strspn(out, " \t");
    r->indented = text > out;
    if (*text != '[') {
        if (!r->indented && r->section == SECTION_QUEUE) hide_colons(r, out);
        return out;
    }
    if (r->indented)
        fail_at(r, r->line, section_syntax);
    else
        open_section(r, (struct span){out + 1, strcspn(out, "\n") - 1});
    return failed(r) ? NULL : out;
}

/* libinih gives an indented line as one more value of the same key. */
static int on_pair(void *ctx, const char *section, const char *key, const char *value)
{
    struct reader *r = ctx;

    (void)section;
    if (r->indented && r->key_line) {
        buffer_add_char(&r->value, ' ');
        buffer_add_text(&r->value, value);
        return 1;
    }
    flush_key(r);
    buffer_clear(&r->key);
    buffer_clear(&r->value);
    buffer_printf(&r->key, "%s", key);
    show_colons(r, r->key.data);
    buffer_printf(&r->value, "%s", value);
    r->key_line = r->line;
    return !failed(r);
}

/* ---- the file -------------------------------------------------------------------------------- */

static enum pinion_err read_all(const char *path, struct buffer *out, struct error *why)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = -1;

    if (fd < 0)
        return error_set(why, errno == ENOENT ? PINION_NOT_FOUND : PINION_INVALID, "%s: %s", path,
                         strerror(errno));
    do {
        char *room = buffer_reserve(out, 4096);

        got = read(fd, room, 4096);
        if (got > 0) out->len += (size_t)got;
    } while (got > 0 && out->len <= CONFIG_FILE_BYTES_MAX);
    int failure = errno;
    close(fd);
    if (got < 0) return error_set(why, PINION_INVALID, "%s: %s", path, strerror(failure));
    if (out->len > CONFIG_FILE_BYTES_MAX)
        return error_set(why, PINION_TOO_LARGE, "%s: expected at most %d bytes", path,
                         CONFIG_FILE_BYTES_MAX);
    buffer_add_char(out, '\n');
    if (strlen(out->data) < out->len)
        return error_set(why, PINION_INVALID, "%s: expected text, found a NUL byte", path);
    return PINION_OK;
}

enum pinion_err config_load_file(struct config *c, const char *path, struct error *why)
{
    struct reader r = {.config = c, .path = path};
    struct buffer text = BUFFER_INIT;
    enum pinion_err err = read_all(path, &text, why);
    int bad_line;

    assert(c->source <= CONFIG_FILE); /* else it would beat what is stronger */
    if (!err) {
        c->source = CONFIG_FILE;
        r.rest = text.data;
        if (strncmp(r.rest, "\xEF\xBB\xBF", 3) == 0) r.rest += 3;
        bad_line = ini_parse_stream(next_line, &r, on_pair, &r);
        flush_key(&r);
        /* libinih goes on behind a line without '=': the earlier of its error and ours counts. */
        if (bad_line > 0) fail_at(&r, (unsigned)bad_line, "expected KEY = VALUE");
        if (failed(&r)) err = error_set(why, r.bad.code, "%s", r.bad.text);
    }
    free(r.name);
    buffer_deinit(&r.key);
    buffer_deinit(&r.value);
    buffer_deinit(&text);
    return err;
}
