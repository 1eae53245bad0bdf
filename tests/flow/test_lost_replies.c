/* Every call whose answer is lost on a real connection, and that is then repeated: what it does is
 * done once. Cut before Redis has seen it, the second call is the first; cut afterwards, or in the
 * middle of the answer, the second one is told what the first one did.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "queue/batch.h"
#include "queue/bulk.h"
#include "queue/claim.h"
#include "queue/edit.h"
#include "queue/enqueue.h"
#include "queue/hiredis_shim.h"
#include "queue/key.h"
#include "queue/limit.h"
#include "queue/reply.h"
#include "queue/settle.h"
#include "queue/steer.h"
#include "queue/sync.h"
#include "tests/support/check.h"
#include "tests/support/fault_proxy.h"
#include "tests/support/redis_server.h"

#define Q         "pinion:{q}:"
#define FACTS     3
#define WORD_MAX  32
#define DEAD_JOBS 5

static struct redis_server *server;
static struct fault_proxy *proxy;
static struct redis_url server_url, proxy_url;
static struct sync *calm;             /* straight to Redis: what a test begins with */
static struct queue_key key;
static struct request request;
static struct pinion_job job;
static struct enqueue_item item;
static struct settle_item held;
static char held_id[QUEUE_NAME_MAX + 1], held_token[TOKEN_MAX];

static redisReply *call(struct sync *s, enum pinion_err expected)
{
    redisReply *reply = NULL;
    struct error why = {0};
    enum pinion_err err = sync_call(s, &request, &reply, &why);

    if (err != expected) fail_msg("%s: %s", error_name(err), why.text);
    return reply;
}

static struct span base(void)
{
    return queue_key_span(&key);
}

/* ---- what a call is, and what its answer says ------------------------------------------------ */

static void build_enqueue(void)
{
    item = (struct enqueue_item){.job = &job};
    enqueue_build(&request, base(), &item, 1, sync_now_ms(calm));
}

static const char *read_enqueue(const redisReply *r)
{
    assert_int_equal(enqueue_read(r, &item, 1), PINION_OK);
    return item.err ? error_name(item.err) : item.replaced ? "replaced"
           : item.existing                                 ? "existing"
                                                           : "new";
}

static void build_ack(void)
{
    ack_build(&request, base(), &held, 1);
}

static void build_ack_rich(void)
{
    ack_rich_build(&request, base(), &held, 1);
}

static void build_release(void)
{
    release_build(&request, base(), &held, 1);
}

static void build_fail(void)
{
    held.delay_ms = 60000;
    fail_build(&request, base(), &held, 1);
}

static void build_fail_last(void)
{
    held.delay_ms = -1;
    fail_build(&request, base(), &held, 1);
}

static const char *read_settle(const redisReply *r)
{
    static const char *const words[] = {
        [SETTLED_OK] = "ok",       [SETTLED_STALE] = "stale", [SETTLED_CANCEL] = "cancel",
        [SETTLED_RETRY] = "retry", [SETTLED_DEAD] = "dead",   [SETTLED_CANCELLED] = "cancelled",
        [SETTLED_INVALID] = "invalid",
    };

    assert_int_equal(settle_read(r, request.script, &held, 1), PINION_OK);
    return words[held.settled];
}

static const struct span x = {"x", 1};

static void build_cancel(void)
{
    cancel_build(&request, base(), &x, 1);
}

static void build_delete(void)
{
    delete_build(&request, base(), &x, 1);
}

static void build_run(void)
{
    requeue_build(&request, base(), REQUEUE_RUN, &x, 1);
}

static void build_retry(void)
{
    requeue_build(&request, base(), REQUEUE_RETRY, &x, 1);
}

static void build_edit(void)
{
    edit_build(&request, base(), x,
               &(struct job_edit){.has_payload = true, .payload = "P", .payload_len = 1},
               sync_now_ms(calm));
}

static const char *word(struct span s)
{
    static char text[WORD_MAX];

    snprintf(text, sizeof text, "%.*s", (int)s.len, s.data ? s.data : "");
    return text;
}

static const char *read_status(const redisReply *r)
{
    return word(steer_status(r, 0));
}

static void build_open(void)
{
    static const struct pinion_job done = {.kind = "report"};

    batch_open_build(&request, base(), span_of("b"), &done, sync_now_ms(calm));
}

static const char *read_open(const redisReply *r)
{
    bool existing;

    assert_int_equal(batch_open_read(r, span_of("b"), &existing, &(struct error){0}), PINION_OK);
    return existing ? "existing" : "opened";
}

static void build_close(void)
{
    batch_close_build(&request, base(), span_of("b"));
}

static const char *read_close(const redisReply *r)
{
    struct batch_view view;
    bool existing;

    assert_int_equal(batch_close_read(r, span_of("b"), &view, &existing, &(struct error){0}),
                     PINION_OK);
    assert_string_equal(batch_state(&view), "complete");
    return existing ? "existing" : "closed";
}

static void build_limit(void)
{
    struct limit limit = {.scope = LIMIT_KIND, .name = span_of("wc"), .concurrency = 3};

    limit_build(&request, base(), false, &limit, 1);
}

static const char *read_limit(const redisReply *r)
{
    return error_name(limit_read(r, &(struct error){0}));
}

static void build_bulk_retry(void)
{
    bulk_build(&request, base(), BULK_RETRY, span_of("dead"), &(struct job_filter){0},
               (struct span){0});
}

static const char *read_bulk(const redisReply *r)
{
    struct bulk_step step;
    static char text[WORD_MAX];

    assert_int_equal(bulk_read(r, &step), PINION_OK);
    snprintf(text, sizeof text, "%u", (unsigned)step.changed);
    return text;
}

static void build_pause(void)
{
    pause_build(&request, base(), true);
}

static const char *read_number(const redisReply *r)
{
    return reply_i64(r, -1) == 1 ? "1" : "0";
}

/* ---- what a test begins with ----------------------------------------------------------------- */

static void begin(void)
{
    free(redis_server_do(server, "FLUSHALL"));
    job = (struct pinion_job){.kind = "wc", .queue = "q", .id = "x"};
}

static void put(void)
{
    build_enqueue();
    sync_reply_free(call(calm, PINION_OK));
}

static void begin_unnamed(void)
{
    begin();
    job.id = NULL;
}

static void begin_unique(void)
{
    begin_unnamed();
    job.unique = "k";
}

static void begin_replace(void)
{
    begin_unique();
    put();
    job.payload = "P";
    job.payload_len = 1;
    job.replace = 1;
}

static void begin_put(void)
{
    begin();
    put();
}

static void begin_later(void)
{
    begin();
    job.in_ms = 3600000;
    put();
}

static void copy(char *to, size_t size, struct span from)
{
    assert_true(from.len < size);
    snprintf(to, size, "%.*s", (int)from.len, from.data);
}

static void take(void)
{
    struct claim_slots slots = {"*", 1};
    struct claim_args args = {.server = "a", .lease_ms = LEASE_DEFAULT_MS, .free = 1,
                              .slots = &slots, .slots_count = 1};
    struct claimed one;
    struct claim c;

    claim_build(&request, base(), &args);
    redisReply *r = call(calm, PINION_OK);
    assert_int_equal(claim_read(r, &c), PINION_OK);
    assert_true(claim_next(&c, &one));
    copy(held_id, sizeof held_id, one.id);
    copy(held_token, sizeof held_token, one.token);
    held = (struct settle_item){.id = span_of(held_id), .token = span_of(held_token)};
    sync_reply_free(r);
}

static void begin_taken(void)
{
    begin_unnamed();
    put();
    take();
}

static void begin_taken_kept(void)
{
    begin();
    job.retain_ms = 60000;
    put();
    take();
}

static void begin_dead(void)
{
    begin_put();
    take();
    build_fail_last();
    sync_reply_free(call(calm, PINION_OK));
}

static void begin_many_dead(void)
{
    begin_unnamed();
    for (int i = 0; i < DEAD_JOBS; i++) {
        put();
        take();
        build_fail_last();
        sync_reply_free(call(calm, PINION_OK));
    }
}

static void begin_batch(void)
{
    begin();
    build_open();
    sync_reply_free(call(calm, PINION_OK));
}

/* ---- the table ------------------------------------------------------------------------------- */

/* How a call is repeated. */
enum again {
    SAME, /* the same bytes: a client that sends again what it has */
    ANEW, /* built again: a person, or another client, who asks for the same */
};

static const struct row {
    const char *name;
    void (*begin)(void), (*build)(void);
    const char *(*read)(const redisReply *);
    enum again again;
    const char *first, *second; /* the answers of the first call, and of the second */
    struct {
        const char *command, *expected;
    } facts[FACTS];
} rows[] = {
    {"enqueue", begin_unnamed, build_enqueue, read_enqueue, SAME, "new", "new",
     {{"HLEN " Q "jobs", "1"}, {"LLEN " Q "lane:5:wc", "1"}, {"HGET " Q "meta enqueued", "1"}}},
    {"enqueue with an id", begin, build_enqueue, read_enqueue, SAME, "new", "new",
     {{"HLEN " Q "jobs", "1"}, {"LLEN " Q "lane:5:wc", "1"}, {"HGET " Q "meta enqueued", "1"}}},
    {"enqueue with an id, anew", begin, build_enqueue, read_enqueue, ANEW, "new", "existing",
     {{"HLEN " Q "jobs", "1"}, {"LLEN " Q "lane:5:wc", "1"}, {"HGET " Q "meta enqueued", "1"}}},
    {"enqueue unique", begin_unique, build_enqueue, read_enqueue, SAME, "new", "new",
     {{"HLEN " Q "jobs", "1"}, {"HLEN " Q "uniques", "1"}}},
    {"enqueue unique, anew", begin_unique, build_enqueue, read_enqueue, ANEW, "new", "existing",
     {{"HLEN " Q "jobs", "1"}, {"HLEN " Q "uniques", "1"}}},
    {"replace", begin_replace, build_enqueue, read_enqueue, SAME, "replaced", "replaced",
     {{"HLEN " Q "jobs", "1"}, {"LLEN " Q "lane:5:wc", "1"}}},
    {"ack", begin_taken, build_ack, read_settle, SAME, "ok", "ok",
     {{"HGET " Q "meta done", "1"}, {"LLEN " Q "ended", "1"}, {"EXISTS " Q "active", "0"}}},
    {"ack of a kept one", begin_taken_kept, build_ack_rich, read_settle, SAME, "ok", "ok",
     {{"HGET " Q "meta done", "1"}, {"ZCARD " Q "done", "1"}, {"EXISTS " Q "active", "0"}}},
    {"fail", begin_taken, build_fail, read_settle, SAME, "retry", "retry",
     {{"HGET " Q "meta failed", "1"}, {"ZCARD " Q "retry", "1"}, {"EXISTS " Q "active", "0"}}},
    {"fail, the last", begin_taken, build_fail_last, read_settle, SAME, "dead", "dead",
     {{"HGET " Q "meta dead", "1"}, {"ZCARD " Q "dead", "1"}}},
    {"release", begin_taken, build_release, read_settle, SAME, "ok", "ok",
     {{"HLEN " Q "jobs", "1"}, {"LLEN " Q "lane:5:wc", "1"}}},
    {"cancel", begin_put, build_cancel, read_status, SAME, "cancelled", "cancelled",
     {{"HGET " Q "meta cancelled", "1"}, {"ZCARD " Q "cancelled", "1"}}},
    {"delete", begin_put, build_delete, read_status, SAME, "deleted", "not_found",
     {{"HGET " Q "meta deleted", "1"}, {"EXISTS " Q "jobs", "0"}}},
    {"run", begin_later, build_run, read_status, SAME, "ready", "ready",
     {{"LLEN " Q "lane:5:wc", "1"}, {"EXISTS " Q "scheduled", "0"}}},
    {"retry", begin_dead, build_retry, read_status, SAME, "ready", "ready",
     {{"LLEN " Q "lane:5:wc", "1"}, {"EXISTS " Q "dead", "0"}}},
    {"edit", begin_put, build_edit, read_status, SAME, "edited", "edited",
     {{"LLEN " Q "lane:5:wc", "1"}, {"HLEN " Q "jobs", "1"}}},
    {"bulk retry", begin_many_dead, build_bulk_retry, read_bulk, SAME, "5", "0",
     {{"LLEN " Q "lane:5:wc", "5"}, {"EXISTS " Q "dead", "0"}}},
    {"batch open", begin, build_open, read_open, SAME, "opened", "existing",
     {{"HLEN " Q "batches", "1"}, {"HLEN " Q "batch_jobs", "1"}}},
    {"batch close", begin_batch, build_close, read_close, SAME, "closed", "existing",
     {{"HLEN " Q "jobs", "1"}, {"LLEN " Q "lane:5:report", "1"}, {"HLEN " Q "batch_jobs", "0"}}},
    {"limit", begin, build_limit, read_limit, SAME, "ok", "ok",
     {{"HLEN " Q "limits", "1"}, {"HGET " Q "meta limits", "1"}}},
    {"pause", begin, build_pause, read_number, SAME, "1", "0",
     {{"HEXISTS " Q "meta paused", "1"}}},
};

static void expect_word(const struct row *row, const char *when, const char *expected,
                        redisReply *r)
{
    const char *found = row->read(r);

    if (strcmp(found, expected) != 0)
        fail_msg("%s, %s: answered '%s', expected '%s'", row->name, when, found, expected);
    sync_reply_free(r);
}

static void expect_facts(const struct row *row, const char *when)
{
    for (size_t i = 0; i < FACTS && row->facts[i].command; i++) {
        char *found = redis_server_do(server, "%s", row->facts[i].command);
        if (strcmp(found, row->facts[i].expected) != 0)
            fail_msg("%s, %s: %s is '%s', expected '%s'", row->name, when, row->facts[i].command,
                     found, row->facts[i].expected);
        free(found);
    }
}

/* Nothing is lost: the scripts are loaded, and the table is right. */
static void try_undisturbed(const struct row *row)
{
    row->begin();
    row->build();
    expect_word(row, "undisturbed", row->first, call(calm, PINION_OK));
    if (row->again == ANEW) row->build();
    expect_word(row, "repeated", row->second, call(calm, PINION_OK));
    expect_facts(row, "repeated");
}

static void try_lost(const struct row *row, enum fault fault, const char *when)
{
    struct sync_options options = {.name_space = "pinion"};
    struct error why = {0};
    struct sync *s = NULL;
    unsigned strikes = fault_proxy_strikes(proxy);
    bool done = fault != FAULT_CUT_BEFORE;

    row->begin();
    fault_proxy_set(proxy, FAULT_NONE, 0);
    if (sync_open(&proxy_url, &options, &s, &why)) fail_msg("%s", why.text);
    row->build();
    fault_proxy_set(proxy, fault, 0);
    assert_null(call(s, PINION_UNAVAILABLE));
    assert_int_equal(fault_proxy_strikes(proxy), strikes + 1);
    if (done) expect_facts(row, "while its answer is lost");
    if (row->again == ANEW) row->build();
    expect_word(row, when, done ? row->second : row->first, call(s, PINION_OK));
    expect_facts(row, when);
    sync_close(s);
}

TEST(what_is_repeated_is_done_once)
{
    for (size_t i = 0; i < countof(rows); i++) {
        try_undisturbed(&rows[i]);
        try_lost(&rows[i], FAULT_CUT_BEFORE, "cut before");
        try_lost(&rows[i], FAULT_CUT_AFTER, "cut after");
        try_lost(&rows[i], FAULT_CUT_MIDDLE, "cut in the middle");
    }
}

static struct redis_url parse(const char *text)
{
    struct redis_url url;
    struct error why = {0};

    if (redis_url_parse(span_of(text), &url, &why)) fail_msg("%s", why.text);
    return url;
}

static int open_all(void **state)
{
    struct sync_options options = {.name_space = "pinion"};

    (void)state;
    log_set(LOG_LEVELS, LOG_AS_TEXT);
    server = redis_server_start(NULL);
    proxy = fault_proxy_start(redis_server_path(server));
    server_url = parse(redis_server_url(server));
    proxy_url = parse(fault_proxy_url(proxy));
    key = queue_key("pinion", span_of("q"));
    request = (struct request)REQUEST_INIT;
    return sync_open(&server_url, &options, &calm, &(struct error){0}) ? -1 : 0;
}

static int close_all(void **state)
{
    (void)state;
    sync_close(calm);
    request_deinit(&request);
    redis_url_deinit(&proxy_url);
    redis_url_deinit(&server_url);
    fault_proxy_free(proxy);
    redis_server_free(server);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_repeated_is_done_once)};

    return cmocka_run_group_tests(tests, open_all, close_all);
}
