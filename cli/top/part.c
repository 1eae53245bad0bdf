#include "cli/top/part.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "base/time_text.h"

#define FLEXIBLE_MIN 12
#define GAP          1

static const struct column queues[] = {
    {"QUEUE",     "queue",               COLUMN_TEXT,  0,  0  },
    {"STATE",     "state",               COLUMN_STATE, 10, 80 },
    {"READY",     "counts.ready",        COLUMN_COUNT, 7,  0  },
    {"ACTIVE",    "counts.active",       COLUMN_COUNT, 7,  0  },
    {"RETRY",     "counts.retry",        COLUMN_COUNT, 7,  0  },
    {"SCHEDULED", "counts.scheduled",    COLUMN_COUNT, 10, 100},
    {"DEAD",      "counts.dead",         COLUMN_COUNT, 7,  70 },
    {"ENQ/S",     "rates.enqueued", COLUMN_RATE,  7,  0  },
    {"DONE/S",    "rates.done",     COLUMN_RATE,  7,  0  },
    {"FAIL/S",    "rates.failed",   COLUMN_RATE,  7,  0  },
    {"OLDEST",    "oldest_ready_ms",     COLUMN_AGE,   9,  80 },
    {"DONE",      "totals.done",         COLUMN_COUNT, 8,  120},
    {"FAILED",    "totals.failed",       COLUMN_COUNT, 8,  120},
};

/* Of the last minute. */
static const struct column kinds[] = {
    {"KIND",    "kind",    COLUMN_TEXT,  0,  0 },
    {"QUEUE",   "queue",   COLUMN_TEXT,  16, 0 },
    {"RUNNING", "running", COLUMN_COUNT, 9,  0 },
    {"DONE",    "done",    COLUMN_COUNT, 8,  0 },
    {"FAILED",  "failed",  COLUMN_COUNT, 8,  0 },
    {"P50",     "p50_ms",  COLUMN_RUN,   9,  80},
    {"P99",     "p99_ms",  COLUMN_RUN,   9,  0 },
};

static const struct column servers[] = {
    {"SERVER",  "name",        COLUMN_TEXT,  14, 0  },
    {"STATE",   "state",       COLUMN_STATE, 10, 0  },
    {"HOST",    "host",        COLUMN_TEXT,  15, 0  },
    {"PID",     "pid",         COLUMN_COUNT, 8,  0  },
    {"RUNNING", "running",     COLUMN_SLOTS, 12, 0  },
    {"HEARD",   "seen_ago_ms", COLUMN_AGE,   9,  100},
    {"HTTP",    "http",        COLUMN_TEXT,  22, 120},
    {"QUEUES",  "queues",      COLUMN_WORDS, 0,  80 },
};

static const struct column schedules[] = {
    {"NEXT IN",  "next_in_ms", COLUMN_DUE,   12, 0  },
    {"STATE",    "state",      COLUMN_STATE, 8,  0  },
    {"SCHEDULE", "name",       COLUMN_TEXT,  0,  0  },
    {"QUEUE",    "queue",      COLUMN_TEXT,  16, 70 },
    {"KIND",     "kind",       COLUMN_TEXT,  20, 80 },
    {"FIRES",    "fires",      COLUMN_COUNT, 8,  0  },
};

const struct columns parts[PARTS] = {
    [PART_QUEUES] = {"queues",    queues,    countof(queues),    0},
    [PART_KINDS] = {"kinds",     kinds,     countof(kinds),     4},
    [PART_SERVERS] = {"servers",   servers,   countof(servers),   0},
    [PART_SCHEDULES] = {"schedules", schedules, countof(schedules), 0},
};

/* ---- one cell -------------------------------------------------------------------------------- */

static const json_t *value_at(const json_t *o, const char *path)
{
    char key[64];
    size_t len;

    for (; *path; path += len + (path[len] == '.')) {
        len = strcspn(path, ".");
        snprintf(key, sizeof key, "%.*s", (int)len, path);
        o = json_object_get(o, key);
    }
    return o;
}

const char *count_text(double n, char out[PART_CELL_MAX])
{
    static const char units[] = "kMGT";
    int unit = -1;

    if (n < 100000) {
        snprintf(out, PART_CELL_MAX, "%.0f", n);
        return out;
    }
    for (; n >= 1000 && unit + 2 < (int)sizeof units; unit++) n /= 1000;
    snprintf(out, PART_CELL_MAX, n < 10 ? "%.2f%c" : n < 100 ? "%.1f%c" : "%.0f%c", n, units[unit]);
    return out;
}

static void words_text(const json_t *array, char out[PART_CELL_MAX])
{
    size_t at = 0;

    out[0] = '\0';
    for (size_t i = 0; i < json_array_size(array) && at < PART_CELL_MAX; i++) {
        const char *word = json_string_value(json_array_get(array, i));
        at += (size_t)snprintf(out + at, PART_CELL_MAX - at, "%s%s", i ? "," : "",
                               word ? word : "?");
    }
}

/* Of a span of time only the first two units matter, and of seconds no milliseconds. */
static const char *age_text(double ms, char out[PART_CELL_MAX])
{
    char text[DURATION_TEXT_MAX];
    uint64_t whole = (uint64_t)ms;

    if (whole >= 1000) whole -= whole % 1000;
    snprintf(out, PART_CELL_MAX, "%s", duration_format(whole, text));
    return out;
}

static void run_text(double ms, char out[PART_CELL_MAX])
{
    if (ms < 10) snprintf(out, PART_CELL_MAX, "%.2gms", ms);
    else if (ms < 1000) snprintf(out, PART_CELL_MAX, "%.0fms", ms);
    else snprintf(out, PART_CELL_MAX, "%.1fs", ms / 1000);
}

static void slots_text(const json_t *item, const json_t *running, char out[PART_CELL_MAX])
{
    double slots = json_number_value(json_object_get(item, "concurrency"));

    snprintf(out, PART_CELL_MAX, "%.0f/%.0f", json_number_value(running), slots);
}

static void cell_text(const struct column *c, const json_t *item, char out[PART_CELL_MAX])
{
    const json_t *value = value_at(item, c->path);
    const char *text = json_string_value(value);
    double n = json_number_value(value);

    snprintf(out, PART_CELL_MAX, "%s", "-");
    if (c->type == COLUMN_WORDS) words_text(value, out);
    else if (text && *text) snprintf(out, PART_CELL_MAX, "%s", text);
    else if (!json_is_number(value)) return;
    else if (c->type == COLUMN_SLOTS) slots_text(item, value, out);
    else if (c->type == COLUMN_AGE && n <= 0) return;
    else if (c->type == COLUMN_RUN && n < 60000) run_text(n, out);
    else if (c->type >= COLUMN_RUN) age_text(n, out);
    else if (c->type == COLUMN_RATE && n > 0 && n < 10) snprintf(out, PART_CELL_MAX, "%.1f", n);
    else count_text(n, out);
}

static bool is_text(const struct column *c)
{
    return c->type <= COLUMN_WORDS;
}

/* ---- rows ------------------------------------------------------------------------------------ */

struct keyed {
    const json_t *item;
    char text[PART_CELL_MAX];
    double number;
    size_t place; /* as it came: what is equal stays in order */
};

static int by_key(const void *a, const void *b)
{
    const struct keyed *x = a, *y = b;
    int order = strcmp(x->text, y->text);

    if (order) return order;
    if (x->number < y->number || x->number > y->number) return x->number < y->number ? -1 : 1;
    return x->place < y->place ? -1 : 1;
}

/* Texts go up from A, numbers down from the largest, but what is due first comes first. */
static void set_key(struct keyed *k, const struct column *c, bool reverse)
{
    const json_t *value = value_at(k->item, c->path);
    bool down = c->type != COLUMN_DUE;

    if (is_text(c)) {
        cell_text(c, k->item, k->text);
        return;
    }
    k->number = json_is_number(value) ? json_number_value(value) : down ? -1 : 1e300;
    if (down != reverse) k->number = -k->number;
}

static bool is_wanted(const struct columns *part, const char *filter, const json_t *item)
{
    char text[PART_CELL_MAX];

    for (size_t i = 0; filter && *filter && i < part->count; i++) {
        if (!is_text(&part->columns[i])) continue;
        cell_text(&part->columns[i], item, text);
        if (strcasestr(text, filter)) return true;
    }
    return !filter || !*filter;
}

void rows_init(struct rows *r, enum part at, const struct order *order, const json_t *model)
{
    const struct columns *part = &parts[at];
    const json_t *all = json_object_get(model, part->name);
    size_t count = json_array_size(all), kept = 0;
    struct keyed *keyed = xcalloc(count + 1, sizeof *keyed);
    const struct column *by = &part->columns[order->column];

    for (size_t i = 0; i < count; i++) {
        const json_t *item = json_array_get(all, i);
        if (!is_wanted(part, order->filter, item)) continue;
        keyed[kept] = (struct keyed){.item = item, .place = i};
        set_key(&keyed[kept++], by, order->reverse);
    }
    qsort(keyed, kept, sizeof *keyed, by_key);
    *r = (struct rows){xcalloc(kept + 1, sizeof(json_t *)), kept};
    for (size_t i = 0; i < kept; i++)
        r->items[i] = keyed[is_text(by) && order->reverse ? kept - 1 - i : i].item;
    free(keyed);
}

void rows_deinit(struct rows *r)
{
    free(r->items);
    *r = (struct rows){0};
}

/* ---- drawn ----------------------------------------------------------------------------------- */

static unsigned width_of(const struct columns *part, const struct column *c, unsigned screen)
{
    unsigned others = 0;

    if (c->width) return c->width;
    for (size_t i = 0; i < part->count; i++)
        if (screen >= part->columns[i].from) others += part->columns[i].width;
    return screen > others + FLEXIBLE_MIN ? screen - others : FLEXIBLE_MIN;
}

/* Numbers stand at the right of their column, with the gap before them; texts at the left. */
static unsigned put_cell(const struct column *c, unsigned column, unsigned width, unsigned row,
                         enum style style, const char *text, struct screen *screen)
{
    unsigned room = width - GAP, len = (unsigned)strlen(text);
    unsigned pad = is_text(c) || len > room ? 0 : room - len;

    screen_put(screen, row, column + pad, room - pad, style, span_of(text));
    return column + width;
}

static enum style style_of(const struct column *c, const char *text)
{
    bool nothing = strcmp(text, "0") == 0 || strcmp(text, "-") == 0;

    if (c->type == COLUMN_STATE) return style_of_state(text);
    if (nothing) return STYLE_DIM;
    if (strcmp(c->head, "DEAD") == 0 || strncmp(c->head, "FAIL", 4) == 0) return STYLE_BAD;
    return strcmp(c->head, "RETRY") == 0 ? STYLE_WARN : STYLE_PLAIN;
}

static void draw_heads(const struct columns *part, const struct order *order, unsigned row,
                       struct screen *screen)
{
    unsigned column = 0;
    char head[32];

    for (size_t i = 0; i < part->count; i++) {
        const struct column *c = &part->columns[i];
        const char *mark = i != order->column ? "" : order->reverse ? "^" : "*";
        if (screen->width < c->from) continue;
        snprintf(head, sizeof head, "%s%s", c->head, mark);
        column = put_cell(c, column, width_of(part, c, screen->width), row, STYLE_HEAD, head,
                          screen);
    }
    screen_paint(screen, row, STYLE_HEAD);
}

static void draw_row(const struct columns *part, const json_t *item, unsigned row,
                     struct screen *screen)
{
    char text[PART_CELL_MAX];
    unsigned column = 0;

    for (size_t i = 0; i < part->count; i++) {
        const struct column *c = &part->columns[i];
        if (screen->width < c->from) continue;
        cell_text(c, item, text);
        column = put_cell(c, column, width_of(part, c, screen->width), row, style_of(c, text),
                          text, screen);
    }
}

void part_draw(enum part at, const struct order *order, const struct rows *rows, size_t first,
               unsigned row, unsigned height, struct screen *screen)
{
    const struct columns *part = &parts[at];
    bool filtered = order->filter && *order->filter;
    char none[64];

    if (!height) return;
    draw_heads(part, order, row, screen);
    snprintf(none, sizeof none, "no %s%s", part->name, filtered ? " of that name" : "");
    if (!rows->count && height > 1)
        screen_put(screen, row + 1, 0, screen->width, STYLE_DIM, span_of(none));
    for (unsigned i = 1; i < height && first + i - 1 < rows->count; i++)
        draw_row(part, rows->items[first + i - 1], row + i, screen);
}

unsigned column_next(enum part at, unsigned column, unsigned width)
{
    const struct columns *part = &parts[at];

    do column = (column + 1) % (unsigned)part->count;
    while (width < part->columns[column].from);
    return column;
}
