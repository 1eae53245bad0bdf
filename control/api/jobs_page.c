/* A page is put together from what Redis tells in steps, of one queue or of all:
 *
 *      GET /v1/queues/{queue}/jobs     listing of the queue, state after state
 *      GET /v1/jobs                    look at all queues ──► listing of each queue and state that
 *                                      holds jobs, by name; the counts tell which do
 *
 * So what is asked of Redis goes with what is there, and not with how many queues there are.
 */
#include "control/api/jobs_page.h"

#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "control/api/auth.h"
#include "control/api/call.h"
#include "control/api/filter.h"
#include "control/fleet.h"
#include "control/listing.h"
#include "control/service.h"
#include "control/shape.h"

#define CURSOR_MAX (KIND_MAX + QUEUE_NAME_MAX + 80) /* a state, a score, and an id or a lane */

/* Some jobs of that queue are in that state. */
struct shelf {
    char queue[QUEUE_NAME_MAX + 1];
    const char *state;
};

struct jobs_page {
    struct call call;
    struct fleet_ask look;
    struct http_waiter waiter;
    struct http_exchange *exchange;
    const struct http_request *request;
    struct service *service;
    struct listing_options options;
    struct listing listing;
    enum shape_content content;
    struct queue_key key;
    json_t *items;
    struct shelf *shelves; /* of all queues; NULL: of one */
    size_t shelf, shelves_count;
    uint64_t left; /* jobs that the page may still take */
    size_t bytes;  /* payloads that it has */
    unsigned calls;
    bool gone; /* nobody reads the answer any more */
    struct api_filter filter;
    char queue[QUEUE_NAME_MAX + 1], state[16], after[QUEUE_NAME_MAX + 1 + CURSOR_MAX + 1];
};

static void free_page(struct jobs_page *p)
{
    json_decref(p->items);
    listing_deinit(&p->listing);
    request_deinit(&p->call.request);
    free(p->shelves);
    free(p);
}

/* ---- the steps ------------------------------------------------------------------------------- */

static void add_item(void *ctx, const struct job_view *v)
{
    struct jobs_page *p = ctx;

    json_array_append_new(p->items, shape_job(v, span_of(p->queue), p->content));
    p->bytes += v->job.payload.len;
    p->left--;
}

static bool is_full(const struct jobs_page *p)
{
    return p->gone || !p->left || p->bytes >= API_JOBS_BYTES_MAX || p->calls >= API_JOBS_CALLS_MAX;
}

/* Of the listing at hand, or where the next shelf begins; NULL: there is no more. */
static char *cursor_of(struct jobs_page *p)
{
    char *within = listing_cursor(&p->listing), *cursor;

    if (!p->shelves) return within;
    if (!within && p->shelf + 1 >= p->shelves_count) return NULL;
    if (within) {
        cursor = xasprintf("%s:%s", p->queue, within);
    } else {
        const struct shelf *next = &p->shelves[p->shelf + 1];
        cursor = xasprintf("%s:%s", next->queue, next->state);
    }
    free(within);
    return cursor;
}

static void end_page(struct jobs_page *p, enum pinion_err err)
{
    char *next;

    if (err) {
        api_reply_failed(p->exchange, err, false);
    } else {
        next = p->shelves && !p->shelves_count ? NULL : cursor_of(p);
        api_reply_json(p->exchange, 200, shape_list(p->items, next));
        p->items = NULL;
        free(next);
    }
    free_page(p);
}

static void on_page(struct call *, enum pinion_err, const struct redisReply *);

static void ask_for_more(struct jobs_page *p)
{
    p->calls++;
    listing_build(&p->listing, &p->call.request, queue_key_span(&p->key));
    link_send(service_link(p->service), &p->call, on_page);
}

/* `after`: where in its first state; absent: from the start. */
static enum pinion_err open_listing(struct jobs_page *p, struct span queue, struct span after,
                                    struct error *why)
{
    p->options.queue = queue;
    p->options.after = after;
    p->options.limit = p->left;
    p->options.bytes_max = API_JOBS_BYTES_MAX - p->bytes;
    p->key = queue_key(service_config(p->service)->name_space, queue);
    return listing_init(&p->listing, &p->options, why);
}

static void begin_shelf(struct jobs_page *p, struct span after)
{
    const struct shelf *shelf = &p->shelves[p->shelf];
    struct error why;
    enum pinion_err err;

    memcpy(p->queue, shelf->queue, sizeof p->queue);
    p->options.state = span_of(shelf->state);
    err = open_listing(p, span_of(p->queue), after, &why);
    if (!err) {
        ask_for_more(p);
        return;
    }
    api_reply_why(p->exchange, &why); /* the place within the cursor */
    free_page(p);
}

static void on_page(struct call *call, enum pinion_err err, const struct redisReply *reply)
{
    struct jobs_page *p = container_of(call, struct jobs_page, call);

    if (!err) listing_read(&p->listing, reply, add_item, p);
    if (err || is_full(p)) {
        end_page(p, err);
    } else if (listing_more(&p->listing)) {
        ask_for_more(p);
    } else if (p->shelves && p->shelf + 1 < p->shelves_count) {
        p->shelf++;
        listing_deinit(&p->listing);
        begin_shelf(p, (struct span){0});
    } else {
        end_page(p, PINION_OK);
    }
}

/* ---- all queues ------------------------------------------------------------------------------ */

/* From where the cursor points on: -1 before it, 0 there, 1 behind it. */
static int compare_place(const char *queue, size_t state, const char *cursor_queue,
                         size_t cursor_state)
{
    int order = strcmp(queue, cursor_queue);

    if (order) return order < 0 ? -1 : 1;
    return state < cursor_state ? -1 : state > cursor_state;
}

/* The shelves from the cursor on; whether the first one is the very one that it points into. */
static bool find_shelves(struct jobs_page *p, const struct fleet_view *fleet, const char *queue,
                         size_t state)
{
    bool within = false;

    p->shelves = xcalloc(fleet->count * STATES + 1, sizeof *p->shelves);
    for (size_t i = 0; i < fleet->count; i++) {
        const struct fleet_queue *q = &fleet->queues[i];
        if (!api_may_see(p->request, span_of(q->name))) continue;
        for (size_t k = 0; k < STATES; k++) {
            int order = compare_place(q->name, k, queue, state);
            if (!q->view.counts[k] || order < 0) continue;
            if (p->state[0] && strcmp(p->state, job_states[k]) != 0) continue;
            if (!order) within = true;
            struct shelf *shelf = &p->shelves[p->shelves_count++];
            memcpy(shelf->queue, q->name, sizeof shelf->queue);
            shelf->state = job_states[k];
        }
    }
    return within;
}

static void on_look(struct fleet_ask *look, enum pinion_err err, const struct fleet_view *fleet)
{
    struct jobs_page *p = container_of(look, struct jobs_page, look);
    struct span cursor = span_of(p->after), queue = span_cut(&cursor, ':'), name = cursor;
    char from[QUEUE_NAME_MAX + 1];
    size_t state = 0;
    bool within;

    if (err) {
        end_page(p, err);
        return;
    }
    name = span_cut(&name, ',');
    snprintf(from, sizeof from, "%.*s", (int)queue.len, queue.data);
    while (name.len && !span_is(name, job_states[state])) state++; /* it was checked */
    within = find_shelves(p, fleet, from, state);
    if (!p->shelves_count) end_page(p, PINION_OK);
    else begin_shelf(p, within ? cursor : (struct span){0});
}

/* `QUEUE:`, and what goes on within. */
static enum pinion_err check_cursor(struct jobs_page *p, struct error *why)
{
    struct span cursor = span_of(p->after), queue = span_cut(&cursor, ':');

    if (!p->after[0]) return listing_init(&p->listing, &p->options, why);
    if (!queue_name_ok(queue) || !cursor.len)
        return error_set(why, PINION_INVALID, "cursor '%.80s': expected the `next` of a listing",
                         p->after);
    p->options.queue = queue;
    p->options.after = cursor;
    return listing_init(&p->listing, &p->options, why);
}

/* ---- the request ----------------------------------------------------------------------------- */

static void on_left(struct http_waiter *waiter)
{
    container_of(waiter, struct jobs_page, waiter)->gone = true;
}

static struct jobs_page *new_page(struct http_exchange *x, const struct http_request *request,
                                  struct service *s)
{
    struct jobs_page *p = xcalloc(1, sizeof *p);

    *p = (struct jobs_page){.waiter.left = on_left,
                            .exchange = x,
                            .request = request,
                            .service = s,
                            .left = API_JOBS_DEFAULT,
                            .content = api_content(request)};
    p->call.request = REQUEST_INIT;
    return p;
}

/* false: it has answered. */
static bool read_query(struct jobs_page *p, const struct http_request *request, bool all)
{
    static const char *const known[] = {"state", API_FILTER_KEYS, "after", "limit", NULL};
    static const char *const known_of_all[] = {"queue", "state", API_FILTER_KEYS,
                                               "after", "limit", NULL};
    struct listing_options *o = &p->options;
    struct http_exchange *x = p->exchange;

    if (!api_query_is(x, request, all ? known_of_all : known) ||
        !api_query_text(x, request, "state", p->state, sizeof p->state, &o->state) ||
        !api_filter_read(&p->filter, x, request) ||
        !api_query_text(x, request, "after", p->after, sizeof p->after, &o->after) ||
        !api_query_number(x, request, "limit", API_JOBS_MAX, &p->left))
        return false;
    if (!o->state.data) p->state[0] = '\0';
    if (!o->after.data) p->after[0] = '\0';
    o->filter = p->filter.filter;
    return true;
}

static void begin_of_one(struct jobs_page *p, struct span queue)
{
    struct error why;
    enum pinion_err err = queue_name_check(queue, &why);

    if (!err) {
        snprintf(p->queue, sizeof p->queue, "%.*s", (int)queue.len, queue.data);
        err = open_listing(p, span_of(p->queue), p->options.after, &why);
    }
    if (err) api_reply_why(p->exchange, &why);
    if (err || !api_has_redis(p->service, p->exchange)) {
        free_page(p);
        return;
    }
    p->items = json_array();
    http_wait(p->exchange, &p->waiter);
    ask_for_more(p);
}

static void begin_of_all(struct jobs_page *p)
{
    struct error why;
    enum pinion_err err;

    p->options.queue = span_of("all"); /* a name that is good; the look tells the right ones */
    err = check_cursor(p, &why);
    if (err) api_reply_why(p->exchange, &why);
    if (err || !api_has_redis(p->service, p->exchange)) {
        free_page(p);
        return;
    }
    listing_deinit(&p->listing);
    p->listing = (struct listing){0};
    p->items = json_array();
    http_wait(p->exchange, &p->waiter);
    p->look.done = on_look;
    fleet_ask(service_fleet(p->service), &p->look);
}

void jobs_list(struct http_exchange *x, const struct http_request *request,
               const struct route_args *args, void *ctx)
{
    struct jobs_page *p = new_page(x, request, ctx);

    if (read_query(p, request, false)) begin_of_one(p, args->arg[0]);
    else free_page(p);
}

static void refuse_queue(struct jobs_page *p)
{
    api_reply_out_of_scope(p->exchange, p->request);
    free_page(p);
}

void jobs_list_all(struct http_exchange *x, const struct http_request *request,
                   const struct route_args *args, void *ctx)
{
    struct jobs_page *p = new_page(x, request, ctx);
    char room[QUEUE_NAME_MAX + 1];
    struct span queue;

    (void)args;
    if (!read_query(p, request, true) ||
        !api_query_text(x, request, "queue", room, sizeof room, &queue))
        free_page(p);
    else if (queue.data && !api_may_see(request, queue)) refuse_queue(p);
    else if (queue.data) begin_of_one(p, queue);
    else begin_of_all(p);
}
