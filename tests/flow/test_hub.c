/* Live events from a real Redis to listeners in this process: what they are told, from where on,
 * and what they are told of what they missed. */
#include <ev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/macros.h"
#include "base/memory.h"
#include "control/events/hub.h"
#include "tests/flow/api_world.h"

/* Keeps what it is sent, each frame with a newline. */
struct ear {
    struct listener listener;
    struct buffer heard;
    char last_id[FRAME_ID_MAX];
    unsigned frames;
    bool full;
    unsigned room; /* frames that it takes before it is full; 0: any number */
    const void *last_json; /* only to be compared: was it the same buffer? */
};

static bool hear(struct listener *l, struct frame *f)
{
    struct ear *e = container_of(l, struct ear, listener);

    if (e->full) return false;
    if (e->room && --e->room == 0) e->full = true;
    buffer_add(&e->heard, f->json.data, f->json.len);
    buffer_add_char(&e->heard, '\n');
    memcpy(e->last_id, f->id, sizeof e->last_id);
    e->last_json = f->json.data;
    e->frames++;
    return true;
}

static struct hub *hub(void)
{
    return service_hub(world_service);
}

static void listen_at(struct ear *e, const char *queues, const char *types, unsigned frames,
                      const char *last_id)
{
    struct event_filter filter = EVENT_FILTER_INIT;
    struct error why;

    *e = (struct ear){.listener.frame = hear};
    if (queues && event_filter_queues(&filter, span_of(queues), &why)) fail_msg("%s", why.text);
    if (types && event_filter_types(&filter, span_of(types), &why)) fail_msg("%s", why.text);
    hub_listen(hub(), &e->listener, &filter, frames, span_of(last_id));
}

static void leave(struct ear *e)
{
    hub_leave(hub(), &e->listener);
    buffer_deinit(&e->heard);
}

static bool has(const struct ear *e, const char *text)
{
    return e->heard.data && strstr(e->heard.data, text);
}

static void forget(struct ear *e)
{
    buffer_clear(&e->heard);
}

static void enqueue(const char *queue, const char *body)
{
    char *target = xasprintf("/v1/queues/%s/jobs", queue);
    struct answer a = ask("POST", target, AUTH JSON, body);

    if (a.status != 201) fail_msg("%s: %u %s", target, a.status, a.body);
    free(target);
}

static int64_t watched(const char *queue)
{
    char *text = redis_server_do(world_redis, "EXISTS pinion:{%s}:watched", queue);
    int64_t n = strtoll(text, NULL, 10);

    free(text);
    return n;
}

/* ---- what is told ---------------------------------------------------------------------------- */

TEST(nobody_listens_and_nothing_is_asked)
{
    enqueue("default", "{\"kind\":\"wc\",\"payload\":\"a b\"}");
    for (int i = 0; i < 20; i++) world_turn();
    assert_int_equal(watched("default"), 0);
    assert_int_equal(hub_listeners(hub()), 0);
}

TEST(the_present_comes_first_and_then_what_happens)
{
    struct ear e;

    listen_at(&e, NULL, NULL, 10, NULL);
    assert_int_equal(e.frames, 0); /* not inside of the call */
    eventually(e.frames == 1);
    assert_true(has(&e, "\"type\":\"queue\"") && has(&e, "\"queue\":\"default\""));
    assert_true(has(&e, "\"type\":\"server\"") && has(&e, "\"state\":\"up\""));
    assert_int_equal(watched("default"), 1);
    forget(&e);
    enqueue("default", "{\"kind\":\"wc\",\"payload\":\"a b\",\"id\":\"one\"}");
    eventually(has(&e, "\"state\":\"done\""));
    assert_true(has(&e, "\"job\":\"default:one\",\"state\":\"active\""));
    assert_true(has(&e, "\"job\":\"default:one\",\"state\":\"ready\""));
    leave(&e);
    assert_int_equal(hub_listeners(hub()), 0);
}

/* Two looks of a second each, at the least, while nothing happens but time. */
TEST(what_does_not_change_is_not_told)
{
    uint64_t begun_ms;
    struct ear e;

    listen_at(&e, NULL, NULL, 10, NULL);
    eventually(e.frames);
    begun_ms = clock_mono_ms();
    while (clock_mono_ms() - begun_ms < 1200) world_turn(); /* what was done before is counted */
    forget(&e);
    while (clock_mono_ms() - begun_ms < 3500) world_turn();
    assert_false(has(&e, "\"type\""));
    leave(&e);
}

TEST(a_new_queue_is_found_and_a_pause_is_seen)
{
    struct ear e, other;

    listen_at(&e, NULL, "queue", 10, NULL);
    listen_at(&other, "default", NULL, 10, NULL);
    eventually(e.frames && other.frames);
    forget(&other);
    enqueue("fresh", "{\"kind\":\"nobody\"}");
    eventually(has(&e, "\"queue\":\"fresh\",\"paused\":false"));
    eventually(watched("fresh"));
    assert_int_equal(ask("POST", "/v1/queues/fresh/pause", AUTH, "").status, 200);
    eventually(has(&e, "\"queue\":\"fresh\",\"paused\":true"));
    forget(&e); /* there and back, too fast for a look: told all the same */
    assert_int_equal(ask("POST", "/v1/queues/fresh/resume", AUTH, "").status, 200);
    assert_int_equal(ask("POST", "/v1/queues/fresh/pause", AUTH, "").status, 200);
    eventually(has(&e, "\"queue\":\"fresh\",\"paused\":true"));
    assert_false(has(&e, "\"type\":\"job\""));
    assert_false(has(&other, "fresh")); /* it did not ask for that one */
    leave(&e);
    leave(&other);
}

TEST(a_schedule_that_fires_is_told)
{
    struct ear e;

    listen_at(&e, NULL, "schedule", 10, NULL);
    eventually(e.frames);
    json_decref(ask_json(201, "PUT", "/v1/schedules/often", AUTH JSON,
                         "{\"every_ms\":200,\"kind\":\"wc\",\"queue\":\"default\"}"));
    eventually(has(&e, "\"schedule\":\"often\""));
    assert_true(has(&e, "\"outcome\":\"fired\",\"job\":\"default:"));
    assert_true(has(&e, "\"fire_time\":\"20"));
    assert_int_equal(ask("DELETE", "/v1/schedules/often", AUTH, NULL).status, 200);
    leave(&e);
}

TEST(kinds_come_if_one_asks_for_them)
{
    struct event_filter filter = EVENT_FILTER_INIT;
    struct ear e = {.listener.frame = hear};
    struct error why;

    assert_int_equal(event_filter_kinds(&filter, span_of("w*"), &why), PINION_INVALID);
    assert_int_equal(event_filter_kinds(&filter, span_of("wc"), &why), PINION_OK);
    hub_listen(hub(), &e.listener, &filter, 10, (struct span){0});
    eventually(e.frames);
    enqueue("default", "{\"kind\":\"nobody\",\"id\":\"other\"}");
    enqueue("default", "{\"kind\":\"wc\",\"id\":\"mine\",\"payload\":\"a\"}");
    eventually(has(&e, "\"job\":\"default:mine\",\"state\":\"done\",\"kind\":\"wc\""));
    assert_false(has(&e, "default:other"));
    leave(&e);
}

/* ---- who is sent what ------------------------------------------------------------------------ */

TEST(listeners_alike_are_sent_the_same_bytes)
{
    struct ear many[200], other;

    for (size_t i = 0; i < countof(many); i++) listen_at(&many[i], NULL, "job", 10, NULL);
    listen_at(&other, "nothing", "job", 10, NULL);
    for (size_t i = 0; i < countof(many); i++) eventually(many[i].frames);
    for (size_t i = 0; i < countof(many); i++) forget(&many[i]);
    enqueue("default", "{\"kind\":\"nobody\",\"id\":\"all\"}");
    for (size_t i = 0; i < countof(many); i++) eventually(has(&many[i], "default:all"));
    for (size_t i = 1; i < countof(many); i++) {
        assert_ptr_equal(many[i].last_json, many[0].last_json);
        assert_string_equal(many[i].heard.data, many[0].heard.data);
    }
    assert_false(has(&other, "default:all"));
    for (size_t i = 0; i < countof(many); i++) leave(&many[i]);
    leave(&other);
}

/* At most ten frames in a second, or as few as one asks for. */
TEST(frames_are_no_more_than_asked_for)
{
    struct ear fast, slow;
    uint64_t begun_ms;
    unsigned of_fast, of_slow;

    listen_at(&fast, NULL, "job", 10, NULL);
    listen_at(&slow, NULL, "job", 2, NULL);
    eventually(fast.frames && slow.frames);
    of_fast = fast.frames;
    of_slow = slow.frames;
    begun_ms = clock_mono_ms();
    while (clock_mono_ms() - begun_ms < 1200)
        enqueue("default", "{\"kind\":\"nobody\"}");
    of_fast = fast.frames - of_fast;
    of_slow = slow.frames - of_slow;
    uint64_t seconds_begun = (clock_mono_ms() - begun_ms) / 1000 + 2;
    assert_in_range(of_fast, 2, 10 * seconds_begun);
    assert_in_range(of_slow, 1, 2 * seconds_begun);
    leave(&fast);
    leave(&slow);
}

/* ---- what was missed ------------------------------------------------------------------------- */

TEST(who_comes_back_goes_on_where_he_was)
{
    char id[FRAME_ID_MAX];
    struct ear e, stays;

    listen_at(&stays, NULL, "job", 10, NULL);
    listen_at(&e, NULL, NULL, 10, NULL);
    eventually(e.frames && stays.frames);
    memcpy(id, e.last_id, sizeof id);
    leave(&e);
    enqueue("default", "{\"kind\":\"nobody\",\"id\":\"meanwhile\"}");
    eventually(has(&stays, "default:meanwhile"));
    listen_at(&e, NULL, "job", 10, id);
    eventually(has(&e, "default:meanwhile"));
    assert_false(has(&e, "missed"));
    assert_false(has(&e, "\"type\":\"queue\"")); /* the present is not said again */
    leave(&e);
    leave(&stays);
}

TEST(who_comes_back_too_late_is_told)
{
    static const char *const ids[] = {"00000000-1", "nonsense", "", "12345678-999999"};

    for (size_t i = 0; i < countof(ids); i++) {
        struct ear e;
        listen_at(&e, NULL, NULL, 10, ids[i]);
        eventually(e.frames);
        assert_true(has(&e, "\"type\":\"missed\""));
        assert_true(has(&e, "\"why\":\"late\",\"count\":null"));
        assert_true(has(&e, "\"type\":\"queue\""));
        leave(&e);
    }
}

TEST(a_slow_reader_is_told_how_much_he_missed)
{
    struct ear e, quick;
    char expected[64];

    listen_at(&e, NULL, "job", 10, NULL);
    listen_at(&quick, NULL, "job", 10, NULL);
    eventually(e.frames && quick.frames);
    e.full = true;
    enqueue("default", "[{\"kind\":\"nobody\"},{\"kind\":\"nobody\"},{\"kind\":\"nobody\"}]");
    eventually(has(&quick, "\"state\":\"ready\""));
    for (int i = 0; i < 20; i++) world_turn();
    e.full = false;
    forget(&e);
    enqueue("default", "{\"kind\":\"nobody\",\"id\":\"last\"}");
    eventually(has(&e, "default:last"));
    snprintf(expected, sizeof expected, "\"why\":\"slow\",\"count\":3}");
    assert_true(has(&e, expected));
    leave(&e);
    leave(&quick);
}

/* More queues than a frame holds: the present comes in parts, as there is room for them. */
TEST(a_large_present_comes_in_parts)
{
    struct ear e, first;

    for (unsigned i = 0; i < 300; i++)
        free(redis_server_do(world_redis, "SADD pinion:queues a-name-of-some-length-%03u", i));
    listen_at(&first, NULL, "queue", 10, NULL);
    eventually(has(&first, "length-299"));
    assert_true(first.frames > 2);
    listen_at(&e, NULL, "queue", 10, NULL);
    e.room = 1;
    eventually(e.full);
    for (int i = 0; i < 100; i++) world_turn();
    assert_int_equal(e.frames, 1);
    assert_false(has(&e, "length-299"));
    e.full = false;
    eventually(has(&e, "length-299"));
    for (unsigned i = 0; i < 300; i += 7) {
        char name[32];
        snprintf(name, sizeof name, "length-%03u", i);
        assert_true(has(&e, name));
    }
    assert_false(has(&e, "missed"));
    leave(&e);
    leave(&first);
}

TEST(a_lost_redis_is_told_and_events_go_on)
{
    struct ear e;

    listen_at(&e, NULL, NULL, 10, NULL);
    eventually(e.frames);
    forget(&e);
    free(redis_server_do(world_redis, "CLIENT KILL TYPE pubsub"));
    eventually(has(&e, "\"why\":\"redis\""));
    eventually(has(&e, "\"type\":\"queue\"")); /* the present, once more */
    forget(&e);
    enqueue("default", "{\"kind\":\"nobody\",\"id\":\"again\"}");
    eventually(has(&e, "default:again"));
    forget(&e);
    redis_server_restart(world_redis);
    eventually(has(&e, "\"why\":\"redis\""));
    eventually(service_redis_up(world_service) && has(&e, "\"queue\":\"default\""));
    eventually(watched("default"));
    forget(&e);
    enqueue("default", "{\"kind\":\"nobody\",\"id\":\"anew\"}");
    eventually(has(&e, "default:anew"));
    leave(&e);
}

static unsigned frames_of(const struct ear *ears, size_t count)
{
    unsigned sum = 0;

    for (size_t i = 0; i < count; i++) sum += ears[i].frames;
    return sum;
}

static bool all_have(const struct ear *ears, size_t count, const char *text)
{
    for (size_t i = 0; i < count; i++)
        if (!has(&ears[i], text)) return false;
    return true;
}

/* Each wants something else, so each needs a frame of its own: they are made a few in a turn. */
TEST(many_that_want_different_things_do_not_hold_up_the_loop)
{
    static struct ear ears[5 * HUB_FRAMES_MADE_MAX];
    unsigned before, most = 0;
    char queues[64];

    for (size_t i = 0; i < countof(ears); i++) {
        snprintf(queues, sizeof queues, "default,other-%zu", i);
        listen_at(&ears[i], queues, "job", 10, NULL);
    }
    eventually(frames_of(ears, countof(ears)) >= countof(ears));
    enqueue("default", "{\"kind\":\"wc\",\"payload\":\"a b\",\"id\":\"many\"}");
    for (int i = 0; i < 2000 && !all_have(ears, countof(ears), "\"state\":\"done\""); i++) {
        before = frames_of(ears, countof(ears));
        world_turn();
        if (frames_of(ears, countof(ears)) - before > most)
            most = frames_of(ears, countof(ears)) - before;
    }
    assert_true(all_have(ears, countof(ears), "default:many\",\"state\":\"done\""));
    assert_in_range(most, 1, 2 * HUB_FRAMES_MADE_MAX); /* world_turn() runs the loop twice */
    for (size_t i = 0; i < countof(ears); i++) leave(&ears[i]);
}

/* As costly as a catch-up can be: each event is compared with all the kinds that one may name. */
static void listen_for_all_kinds(struct ear *e, const char *last_id)
{
    struct event_filter filter = EVENT_FILTER_INIT;
    struct buffer kinds = BUFFER_INIT;
    struct error why;

    for (unsigned i = 1; i < EVENT_FILTER_NAMES_MAX; i++) buffer_printf(&kinds, "kind-%u,", i);
    buffer_add_text(&kinds, "nobody");
    if (event_filter_kinds(&filter, (struct span){kinds.data, kinds.len}, &why))
        fail_msg("%s", why.text);
    buffer_deinit(&kinds);
    *e = (struct ear){.listener.frame = hear};
    hub_listen(hub(), &e->listener, &filter, 10, span_of(last_id));
}

static void enqueue_a_call(unsigned call, unsigned jobs)
{
    struct buffer many = BUFFER_INIT;

    for (unsigned i = 0; i < jobs; i++)
        buffer_printf(&many, "%s{\"kind\":\"nobody\",\"id\":\"c%u-%u\"}", i ? "," : "[", call, i);
    buffer_add_text(&many, "]");
    enqueue("default", many.data);
    buffer_deinit(&many);
}

TEST(who_comes_back_catches_up_over_many_turns)
{
    enum { CALLS = 10, JOBS = 32 }; /* all of which are named */
    static struct ear ears[20];
    struct ear stays;
    char id[FRAME_ID_MAX];
    unsigned turns = 0;
    /* Each event is looked at twice, and that takes at least so much: */
    size_t looks = countof(ears) * 2 * CALLS * JOBS * (EVENT_FILTER_NAMES_MAX / FRAME_NAMES_LOOK);

    listen_for_all_kinds(&stays, NULL);
    eventually(stays.frames);
    memcpy(id, stays.last_id, sizeof id);
    for (unsigned i = 0; i < CALLS; i++) enqueue_a_call(i, JOBS);
    eventually(has(&stays, "default:c9-31"));
    for (size_t i = 0; i < countof(ears); i++) listen_for_all_kinds(&ears[i], id);
    eventually((turns++, all_have(ears, countof(ears), "default:c9-31")));
    for (size_t i = 0; i < countof(ears); i++) {
        assert_true(has(&ears[i], "default:c0-0\"") && !has(&ears[i], "missed"));
        leave(&ears[i]);
    }
    assert_true(2 * turns >= looks / HUB_LOOKS_MAX); /* world_turn() runs the loop twice */
    leave(&stays);
}

TEST(who_leaves_while_he_catches_up_holds_nobody_up)
{
    struct ear stays, leaves, comes;
    char id[FRAME_ID_MAX];

    listen_for_all_kinds(&stays, NULL);
    eventually(stays.frames);
    memcpy(id, stays.last_id, sizeof id);
    for (unsigned i = 0; i < 10; i++) enqueue_a_call(100 + i, 32);
    eventually(has(&stays, "default:c109-31"));
    listen_for_all_kinds(&leaves, id);
    listen_for_all_kinds(&comes, id);
    world_turn(); /* his frame is begun; or made, which is as well */
    leave(&leaves);
    eventually(has(&comes, "default:c109-31"));
    leave(&stays);
    listen_at(&leaves, NULL, NULL, 10, id);
    world_turn();
    leave(&leaves);
    leave(&comes);
}

static void on_always(struct ev_loop *loop, ev_timer *always, int events)
{
    (void)events;
    ev_timer_set(always, 0., 0.);
    ev_timer_start(loop, always);
}

/* Frames wait for a loop with nothing else to do, but not for ever. */
TEST(a_loop_that_is_never_idle_sends_frames_a_few_at_a_time)
{
    static struct ear ears[10 * HUB_SENDS_MAX];
    unsigned before, most = 0;
    ev_timer always;

    for (size_t i = 0; i < countof(ears); i++) listen_at(&ears[i], NULL, "job", 10, NULL);
    eventually(frames_of(ears, countof(ears)) >= countof(ears));
    ev_timer_init(&always, on_always, 0., 0.);
    ev_timer_start(world_loop(), &always);
    enqueue("default", "{\"kind\":\"nobody\",\"id\":\"busy\"}");
    do {
        before = frames_of(ears, countof(ears));
        eventually(frames_of(ears, countof(ears)) > before);
        if (frames_of(ears, countof(ears)) - before > most)
            most = frames_of(ears, countof(ears)) - before;
    } while (!all_have(ears, countof(ears), "default:busy"));
    assert_in_range(most, 1, 2 * HUB_SENDS_MAX); /* world_turn() runs the loop twice */
    ev_timer_stop(world_loop(), &always);
    for (size_t i = 0; i < countof(ears); i++) leave(&ears[i]);
}

TEST(who_listens_when_the_service_stops_is_called_no_more)
{
    static struct ear e;

    listen_at(&e, NULL, NULL, 10, NULL);
    eventually(e.frames);
    service_stop(world_service);
    eventually(service_stopped(world_service));
    assert_true(hub_stopped(hub()));
    leave(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_listens_and_nothing_is_asked),
        cmocka_unit_test(the_present_comes_first_and_then_what_happens),
        cmocka_unit_test(what_does_not_change_is_not_told),
        cmocka_unit_test(a_new_queue_is_found_and_a_pause_is_seen),
        cmocka_unit_test(a_schedule_that_fires_is_told),
        cmocka_unit_test(kinds_come_if_one_asks_for_them),
        cmocka_unit_test(listeners_alike_are_sent_the_same_bytes),
        cmocka_unit_test(frames_are_no_more_than_asked_for),
        cmocka_unit_test(who_comes_back_goes_on_where_he_was),
        cmocka_unit_test(who_comes_back_too_late_is_told),
        cmocka_unit_test(a_slow_reader_is_told_how_much_he_missed),
        cmocka_unit_test(a_large_present_comes_in_parts),
        cmocka_unit_test(a_lost_redis_is_told_and_events_go_on),
        cmocka_unit_test(many_that_want_different_things_do_not_hold_up_the_loop),
        cmocka_unit_test(who_comes_back_catches_up_over_many_turns),
        cmocka_unit_test(who_leaves_while_he_catches_up_holds_nobody_up),
        cmocka_unit_test(a_loop_that_is_never_idle_sends_frames_a_few_at_a_time),
        cmocka_unit_test(who_listens_when_the_service_stops_is_called_no_more),
    };

    return cmocka_run_group_tests(tests, world_open_group, world_close_group);
}
