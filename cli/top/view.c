#include "cli/top/view.h"

#include <stdio.h>
#include <string.h>
#include "base/time_text.h"
#include "cli/top/keys.h"

#define HEAD_ROWS 4
#define BAR_WIDTH 16

static const char *const help[] = {
    "Tab, 1 to 4  one part alone: queues, kinds, servers, schedules; 0: all",
    "s            sort by the next column; r: the other way round",
    "j k, arrows  up and down, also by page, to the first and to the last",
    "/            only rows that have a text in them; Enter keeps it, Esc drops it",
    "p, blank     hold the picture; again: go on",
    "q, Ctrl-C    leave",
    "",
    "* marks the column that sorts, largest first; ^ the other way round.",
    "Rates are per second, since the look before.",
    "OLDEST: for how long the oldest ready job has waited.",
    "Kinds: what they did in the last minute; of each server those that fail and",
    "the slowest.",
};

static const char keys_line[] =
    " q quit  Tab part  s sort  r reverse  / filter  p pause  j k scroll  h help";

void view_init(struct view *v, const char *where, uint64_t every_ms)
{
    *v = (struct view){.where = where};
    duration_format(every_ms, v->every);
    for (size_t i = 0; i < PARTS; i++) v->order[i].column = parts[i].sorts;
}

/* ---- how the height is shared ---------------------------------------------------------------- */

/* One line after the other, to the part that has least, until all is there or nothing is left. */
static void share(const size_t wanted[PARTS], unsigned height, unsigned ret[PARTS])
{
    bool more = true;

    memset(ret, 0, PARTS * sizeof *ret);
    for (unsigned least = 0; height && more; least++) {
        more = false;
        for (size_t i = 0; i < PARTS; i++) {
            if (ret[i] >= wanted[i]) continue;
            more = true;
            if (ret[i] > least || !height) continue;
            ret[i]++;
            height--;
        }
    }
}

static size_t lines_of(size_t rows)
{
    return 1 + (rows ? rows : 1); /* heads, and rows or the word that there are none */
}

unsigned view_height(const json_t *model)
{
    size_t height = HEAD_ROWS;

    for (size_t i = 0; i < PARTS; i++)
        height += 1 + lines_of(json_array_size(json_object_get(model, parts[i].name)));
    if (height < HEAD_ROWS + PARTS * 5) height = HEAD_ROWS + PARTS * 5;
    return height < SCREEN_SIDE_MAX ? (unsigned)height : SCREEN_SIDE_MAX;
}

/* ---- head ------------------------------------------------------------------------------------ */

static double at(const json_t *model, const char *object, const char *key)
{
    const json_t *o = json_object_get(model, "sum");

    if (object) o = json_object_get(o, object);
    return json_number_value(json_object_get(o, key));
}

static unsigned put(struct screen *s, unsigned row, unsigned column, enum style style,
                    const char *text)
{
    screen_put(s, row, column, s->width, style, span_of(text));
    return column + (unsigned)strlen(text);
}

static void put_right(struct screen *s, unsigned row, enum style style, const char *text)
{
    unsigned len = (unsigned)strlen(text);

    put(s, row, len < s->width ? s->width - len : 0, style, text);
}

static unsigned put_count(struct screen *s, unsigned row, unsigned column, const char *name,
                          double n, enum style style)
{
    char text[PART_CELL_MAX], number[PART_CELL_MAX];

    snprintf(text, sizeof text, "%s ", name);
    column = put(s, row, column, STYLE_DIM, text);
    return put(s, row, column, n > 0 ? style : STYLE_DIM, count_text(n, number)) + 2;
}

static void draw_title(const struct view *v, const json_t *model, int64_t now_ms, struct screen *s)
{
    char title[64], at_text[TIME_TEXT_MAX], right[64];
    double lost = at(model, NULL, "lost");
    unsigned column = put(s, 0, 0, STYLE_BOLD, "pinion");

    for (size_t i = 0; i < PARTS; i++) {
        size_t count = json_array_size(json_object_get(model, parts[i].name));
        int len = (int)strlen(parts[i].name) - (count == 1);
        snprintf(title, sizeof title, "  %zu %.*s", count, len, parts[i].name);
        column = put(s, 0, column, STYLE_PLAIN, title);
    }
    snprintf(title, sizeof title, "  %.0f lost", lost);
    if (lost > 0) column = put(s, 0, column, STYLE_BAD, title);
    time_format_local(now_ms, at_text); /* 2026-11-23 11:00:00.250 +01:00 */
    snprintf(right, sizeof right, "%severy %s  %.8s", v->paused ? "held  " : "", v->every,
             at_text + sizeof "2026-11-23");
    column += 2;
    if (column + strlen(v->where) + strlen(right) + 2 < s->width)
        put(s, 0, column, STYLE_DIM, v->where);
    put_right(s, 0, v->paused ? STYLE_WARN : STYLE_PLAIN, right);
}

static void draw_counts(const json_t *model, struct screen *s)
{
    char age[DURATION_TEXT_MAX], right[64];
    double oldest_ms = at(model, NULL, "oldest_ready_ms");
    unsigned column = put_count(s, 1, 0, "ready", at(model, "counts", "ready"), STYLE_BOLD);

    column = put_count(s, 1, column, "active", at(model, "counts", "active"), STYLE_BUSY);
    column = put_count(s, 1, column, "retry", at(model, "counts", "retry"), STYLE_WARN);
    column = put_count(s, 1, column, "scheduled", at(model, "counts", "scheduled"), STYLE_PLAIN);
    column = put_count(s, 1, column, "waiting", at(model, "counts", "waiting"), STYLE_PLAIN);
    column = put_count(s, 1, column, "dead", at(model, "counts", "dead"), STYLE_BAD);
    if (oldest_ms < 1000) return;
    snprintf(right, sizeof right, "oldest %s",
             duration_format((uint64_t)oldest_ms / 1000 * 1000, age));
    if (column + strlen(right) < s->width) put_right(s, 1, STYLE_PLAIN, right);
}

static void draw_rates(const json_t *model, struct screen *s)
{
    double running = at(model, NULL, "running"), slots = at(model, NULL, "concurrency");
    char bar[BAR_WIDTH + 1], right[80];
    unsigned column = put(s, 2, 0, STYLE_DIM, "per second  ");

    column = put_count(s, 2, column, "enqueued", at(model, "rates", "enqueued"), STYLE_BOLD);
    column = put_count(s, 2, column, "done", at(model, "rates", "done"), STYLE_GOOD);
    column = put_count(s, 2, column, "failed", at(model, "rates", "failed"), STYLE_BAD);
    for (unsigned i = 0; i < BAR_WIDTH; i++) bar[i] = i * slots < running * BAR_WIDTH ? '|' : ' ';
    bar[BAR_WIDTH] = '\0';
    snprintf(right, sizeof right, "busy [%s] %.0f/%.0f", bar, running, slots);
    if (column + strlen(right) < s->width) put_right(s, 2, STYLE_PLAIN, right);
}

/* ---- parts ----------------------------------------------------------------------------------- */

static struct order order_of(const struct view *v, enum part part)
{
    struct order order = v->order[part];

    order.filter = v->filter;
    return order;
}

static void draw_alone(const struct view *v, const json_t *model, unsigned height,
                       struct screen *s)
{
    struct order order = order_of(v, v->part);
    struct rows rows;

    rows_init(&rows, v->part, &order, model);
    part_draw(v->part, &order, &rows, v->first[v->part], HEAD_ROWS, height, s);
    rows_deinit(&rows);
}

static void draw_all(const struct view *v, const json_t *model, unsigned height, struct screen *s)
{
    struct order orders[PARTS];
    struct rows rows[PARTS];
    size_t wanted[PARTS];
    unsigned given[PARTS], row = HEAD_ROWS, gap = height >= PARTS * 5;

    for (unsigned i = 0; i < PARTS; i++) {
        orders[i] = order_of(v, (enum part)i);
        rows_init(&rows[i], (enum part)i, &orders[i], model);
        wanted[i] = lines_of(rows[i].count);
    }
    share(wanted, height - gap * (PARTS - 1), given);
    for (unsigned i = 0; i < PARTS; i++) {
        part_draw((enum part)i, &orders[i], &rows[i], 0, row, given[i], s);
        row += given[i] + gap;
        rows_deinit(&rows[i]);
    }
}

static void draw_help(struct screen *s)
{
    for (unsigned i = 0; i < countof(help); i++) put(s, HEAD_ROWS + i, 2, STYLE_PLAIN, help[i]);
}

/* ---- the whole ------------------------------------------------------------------------------- */

static void draw_last(const struct view *v, struct screen *s)
{
    char text[160];
    unsigned row = s->height - 1;

    if (v->problem) {
        put(s, row, 0, STYLE_BAD, v->problem);
    } else if (v->filtering || v->filter[0]) {
        snprintf(text, sizeof text, "/%s%s", v->filter, v->filtering ? "_" : "   Esc: all rows");
        put(s, row, 0, STYLE_BOLD, text);
    } else if (s->width < VIEW_WIDTH || s->height < VIEW_HEIGHT) {
        snprintf(text, sizeof text, " %ux%u is little, expected %ux%u   q quit  h help", s->width,
                 s->height, VIEW_WIDTH, VIEW_HEIGHT);
        put(s, row, 0, STYLE_WARN, text);
    } else {
        put(s, row, 0, STYLE_DIM, keys_line);
    }
}

static void draw_too_small(struct screen *s)
{
    char text[64];

    snprintf(text, sizeof text, "%ux%u: too small, expected %ux%u", s->width, s->height,
             VIEW_WIDTH, VIEW_HEIGHT);
    put(s, 0, 0, STYLE_WARN, text);
}

void view_draw(const struct view *v, const json_t *model, int64_t now_ms, struct screen *s)
{
    unsigned height;

    if (s->width < VIEW_WIDTH_MIN || s->height < VIEW_HEIGHT_MIN) {
        draw_too_small(s);
        return;
    }
    height = s->height - HEAD_ROWS - 1;
    draw_title(v, model, now_ms, s);
    draw_counts(model, s);
    draw_rates(model, s);
    if (v->help) draw_help(s);
    else if (!model) put(s, HEAD_ROWS, 0, STYLE_DIM, "looking ...");
    else if (v->alone) draw_alone(v, model, height, s);
    else draw_all(v, model, height, s);
    draw_last(v, s);
}

void view_draw_plain(const struct view *v, const json_t *model, int64_t now_ms, struct screen *s)
{
    draw_title(v, model, now_ms, s);
    draw_counts(model, s);
    draw_rates(model, s);
    draw_all(v, model, s->height - HEAD_ROWS, s);
}

/* ---- keys ------------------------------------------------------------------------------------ */

/* While the filter is typed, letters are text. */
static enum view_wish key_of_filter(struct view *v, int key)
{
    size_t len = strlen(v->filter);

    if (key == KEY_ENTER) {
        v->filtering = false;
    } else if (key == KEY_ESCAPE) {
        v->filtering = false;
        v->filter[0] = '\0';
    } else if (key == KEY_BACKSPACE) {
        if (len) v->filter[len - 1] = '\0';
    } else if (key >= ' ' && key < KEY_BACKSPACE && len < VIEW_FILTER_MAX) {
        v->filter[len] = (char)key;
        v->filter[len + 1] = '\0';
    }
    memset(v->first, 0, sizeof v->first);
    return VIEW_DRAW;
}

static void scroll(struct view *v, int key, const json_t *model, unsigned height)
{
    size_t count = json_array_size(json_object_get(model, parts[v->part].name));
    size_t page = height > HEAD_ROWS + 2 ? height - HEAD_ROWS - 2 : 1; /* heads, last line */
    size_t last = count > page ? count - page : 0, *first = &v->first[v->part];

    if (key == KEY_UP || key == 'k') *first -= *first > 0;
    if (key == KEY_DOWN || key == 'j') ++*first;
    if (key == KEY_PAGE_UP) *first -= *first < page ? *first : page;
    if (key == KEY_PAGE_DOWN) *first += page;
    if (key == KEY_HOME || key == 'g') *first = 0;
    if (key == KEY_END || key == 'G') *first = last;
    if (*first > last) *first = last;
    v->alone = true;
}

/* All parts, then each alone, then all again. */
static void next_part(struct view *v, bool back)
{
    unsigned now = v->alone ? 1 + v->part : 0, step = back ? PARTS : 1;

    now = (now + step) % (PARTS + 1);
    v->alone = now > 0;
    v->part = now ? (enum part)(now - 1) : PART_QUEUES;
}

enum view_wish view_key(struct view *v, int key, const json_t *model, unsigned width,
                        unsigned height)
{
    struct order *order = &v->order[v->part];

    if (v->filtering) return key_of_filter(v, key);
    if (v->help && key != 'q') {
        v->help = false;
        return VIEW_DRAW;
    }
    switch (key) {
    case 'q': return VIEW_QUIT;
    case 'h': case '?': v->help = true; return VIEW_DRAW;
    case KEY_TAB: next_part(v, false); return VIEW_DRAW;
    case KEY_BACK_TAB: next_part(v, true); return VIEW_DRAW;
    case '0': v->alone = false; v->part = PART_QUEUES; return VIEW_DRAW;
    case 's': order->column = column_next(v->part, order->column, width); return VIEW_DRAW;
    case 'r': order->reverse = !order->reverse; return VIEW_DRAW;
    case '/': v->filtering = true; return VIEW_DRAW;
    case KEY_ESCAPE: v->filter[0] = '\0'; return VIEW_DRAW;
    case 'p': case ' ': v->paused = !v->paused; return v->paused ? VIEW_DRAW : VIEW_LOOK;
    case 'j': case 'k': case 'g': case 'G': case KEY_UP: case KEY_DOWN: case KEY_PAGE_UP:
    case KEY_PAGE_DOWN: case KEY_HOME: case KEY_END:
        scroll(v, key, model, height);
        return VIEW_DRAW;
    default:
        if (key < '1' || key >= '1' + PARTS) return VIEW_NOTHING;
        v->alone = true;
        v->part = (enum part)(key - '1');
        return VIEW_DRAW;
    }
}
