#include "cli/events_print.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/buffer.h"
#include "base/macros.h"
#include "base/time_text.h"
#include "cli/colour.h"
#include "cli/table.h"

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text ? text : "";
}

/* "12 ready, 3 active": what is not 0; "empty" where all is. */
static void add_counts(struct buffer *line, json_t *counts)
{
    const char *state, *comma = "";
    json_t *n;

    json_object_foreach (counts, state, n) {
        if (!json_integer_value(n)) continue;
        buffer_printf(line, "%s%lld %s", comma, (long long)json_integer_value(n), state);
        comma = ", ";
    }
    if (!*comma) buffer_add_text(line, "empty");
}

static void add_time(struct buffer *line, const char *rfc3339)
{
    char local[TIME_TEXT_MAX];
    int64_t ms;

    if (time_parse(span_of(rfc3339), 0, &ms, NULL)) buffer_add_text(line, "-");
    else buffer_add_text(line, time_format_local(ms, local));
}

/* ---- one function per type: what follows the time and the type ------------------------------- */

static void add_job(struct buffer *line, json_t *event)
{
    buffer_printf(line, "%-9s  %s  %s", text_of(event, "state"), text_of(event, "job"),
                  text_of(event, "kind"));
}

static void add_progress(struct buffer *line, json_t *event)
{
    buffer_printf(line, "%-9s  %s  %s", "told", text_of(event, "job"), text_of(event, "kind"));
}

static void add_queue(struct buffer *line, json_t *event)
{
    buffer_printf(line, "%-9s  ", text_of(event, "queue"));
    if (json_is_true(json_object_get(event, "paused"))) buffer_add_text(line, "paused, ");
    if (json_is_true(json_object_get(event, "draining"))) buffer_add_text(line, "draining, ");
    add_counts(line, json_object_get(event, "counts"));
}

static void add_schedule(struct buffer *line, json_t *event)
{
    buffer_printf(line, "%-9s  %s  %s  ", text_of(event, "outcome"), text_of(event, "schedule"),
                  *text_of(event, "job") ? text_of(event, "job") : "-");
    add_time(line, text_of(event, "fire_time"));
}

static void add_server(struct buffer *line, json_t *event)
{
    json_t *queues = json_object_get(event, "queues");

    buffer_printf(line, "%-9s  %s  ", text_of(event, "state"), text_of(event, "server"));
    for (size_t i = 0; i < json_array_size(queues); i++)
        buffer_printf(line, "%s%s", i ? ", " : "", json_string_value(json_array_get(queues, i)));
}

static void add_more(struct buffer *line, json_t *event)
{
    buffer_printf(line, "%-9s  ", text_of(event, "queue"));
    add_counts(line, json_object_get(event, "counts"));
}

static void add_missed(struct buffer *line, json_t *event)
{
    json_t *count = json_object_get(event, "count");

    if (json_is_integer(count))
        buffer_printf(line, "%lld events: ", (long long)json_integer_value(count));
    buffer_printf(line, "%s",
                  strcmp(text_of(event, "why"), "redis") == 0
                      ? "Redis was out of reach; what follows the reconnection is complete again"
                      : "they came too fast");
}

static const struct {
    const char *type;
    void (*add)(struct buffer *, json_t *);
} printers[] = {
    {"job",    add_job   },
    {"progress", add_progress},
    {"queue",  add_queue },
    {"schedule", add_schedule},
    {"server", add_server},
    {"more",   add_more  },
    {"missed", add_missed},
};

/* What is worth a look, and what is not. */
static enum style style_of(json_t *event, const char *type)
{
    if (strcmp(type, "missed") == 0) return STYLE_WARN;
    if (strcmp(type, "server") == 0)
        return strcmp(text_of(event, "state"), "down") == 0 ? STYLE_BAD : STYLE_GOOD;
    if (strcmp(type, "queue") == 0)
        return json_is_true(json_object_get(event, "paused")) ? STYLE_WARN : STYLE_DIM;
    return style_of_state(text_of(event, "state"));
}

static void print_for_people(json_t *event)
{
    struct buffer line = BUFFER_INIT, printable = BUFFER_INIT;
    const char *type = text_of(event, "type");
    enum style style = style_of(event, type);
    bool coloured = style != STYLE_PLAIN && colour_on(STDOUT_FILENO);

    add_time(&line, text_of(event, "at"));
    buffer_printf(&line, "  %-8s  ", type);
    for (size_t i = 0; i < countof(printers); i++)
        if (strcmp(printers[i].type, type) == 0) printers[i].add(&line, event);
    while (line.len && line.data[line.len - 1] == ' ') line.len--;
    text_add_printable(&printable, line.data, line.len);
    if (coloured) printf("%s%s%s\n", style_escape(style, true), printable.data, "\033[0m");
    else puts(printable.data);
    buffer_deinit(&printable);
    buffer_deinit(&line);
}

/* Takes it. */
static void print(json_t *event, bool json)
{
    if (json) {
        json_print(event);
        return;
    }
    print_for_people(event);
    json_decref(event);
}

/* What a frame only counts has the time of what stands before it, or none. */
static json_t *more_of(const char *queue, json_t *counts, const char *at)
{
    return json_pack("{s:s, s:s?, s:s, s:O}", "type", "more", "at", at, "queue", queue, "counts",
                     counts);
}

uint64_t events_print(struct span frame, bool json, uint64_t limit)
{
    json_t *object = json_loadb(frame.data, frame.len, 0, NULL), *event, *counts;
    const char *queue, *at = NULL;
    uint64_t printed = 0;
    size_t i;

    if (limit == 0) limit = UINT64_MAX;
    json_array_foreach (json_object_get(object, "events"), i, event) {
        at = json_string_value(json_object_get(event, "at"));
        if (printed == limit) break;
        print(json_incref(event), json);
        printed++;
    }
    json_object_foreach (json_object_get(object, "more"), queue, counts) {
        if (printed == limit) break;
        print(more_of(queue, counts, at), json);
        printed++;
    }
    json_decref(object);
    return printed;
}
