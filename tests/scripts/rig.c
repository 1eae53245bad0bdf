#include "tests/scripts/rig.h"

#include "queue/script.h"
#include "tests/sim/store.h"
#include "tests/support/check.h"
#include "tests/support/redis_server.h"

static redisContext *connect_to(const struct rig *rig)
{
    redisContext *redis = redisConnectUnix(redis_server_path(rig->server));

    assert_non_null(redis);
    if (redis->err) fail_msg("%s", redis->errstr);
    return redis;
}

static void load_scripts(struct rig *rig)
{
    for (size_t i = 0; i < SCRIPTS; i++) {
        redisReply *r = rig_command(rig, "SCRIPT LOAD %s", script_sources[i].text);
        if (r->type != REDIS_REPLY_STRING) fail_msg("%s: %s", script_sources[i].name, r->str);
        assert_string_equal(r->str, script_sources[i].sha);
        freeReplyObject(r);
    }
}

void rig_open(struct rig *rig)
{
    static const char *const options[] = {"--enable-debug-command", "yes", NULL};

    *rig = (struct rig){.request = REQUEST_INIT, .server = redis_server_start(options)};
    rig->key = queue_key("pinion", span_of("q"));
    rig->redis = connect_to(rig);
    load_scripts(rig);
    rig_reset(rig);
}

void rig_close(struct rig *rig)
{
    redisFree(rig->redis);
    if (rig->ear) redisFree(rig->ear);
    redis_server_free(rig->server);
    request_deinit(&rig->request);
    buffer_deinit(&rig->heard);
}

static void set_clock(struct rig *rig, int64_t now_us)
{
    rig->now_us = now_us;
    freeReplyObject(rig_command(rig, "SET pinion-test:now_us %lld", (long long)now_us));
}

void rig_reset(struct rig *rig)
{
    freeReplyObject(rig_command(rig, "FLUSHALL"));
    set_clock(rig, RIG_START_MS * 1000);
    if (rig->ear) rig_heard(rig);
}

void rig_step_us(struct rig *rig, int64_t us)
{
    set_clock(rig, rig->now_us + us);
}

void rig_step(struct rig *rig, int64_t ms)
{
    rig_step_us(rig, ms * 1000);
}

int64_t rig_now_ms(const struct rig *rig)
{
    return rig->now_us / 1000;
}

struct span rig_key(const struct rig *rig)
{
    return queue_key_span(&rig->key);
}

static redisReply *must_read(redisContext *redis)
{
    void *reply = NULL;

    if (redisGetReply(redis, &reply) != REDIS_OK) fail_msg("redis: %s", redis->errstr);
    return reply;
}

static redisReply *send_request(struct rig *rig, struct request *request)
{
    struct span bytes = request_bytes(request);

    assert_int_equal(redisAppendFormattedCommand(rig->redis, bytes.data, bytes.len), REDIS_OK);
    return must_read(rig->redis);
}

redisReply *rig_send(struct rig *rig)
{
    return send_request(rig, &rig->request);
}

redisReply *rig_ask_with(struct rig *rig, struct request *request)
{
    redisReply *r = send_request(rig, request);

    if (r->type == REDIS_REPLY_ERROR) fail_msg("%s", r->str);
    return r;
}

redisReply *rig_ask(struct rig *rig)
{
    return rig_ask_with(rig, &rig->request);
}

static redisReply *command(struct rig *rig, const char *format, va_list args)
{
    assert_int_equal(redisvAppendCommand(rig->redis, format, args), REDIS_OK);
    return must_read(rig->redis);
}

redisReply *rig_command(struct rig *rig, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    redisReply *r = command(rig, format, args);
    va_end(args);
    return r;
}

int64_t rig_int(struct rig *rig, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    redisReply *r = command(rig, format, args);
    va_end(args);
    if (r->type != REDIS_REPLY_INTEGER)
        fail_msg("%s: no number but %s", format, r->str ? r->str : "");
    int64_t n = r->integer;
    freeReplyObject(r);
    return n;
}

int64_t rig_forget_calls(struct rig *r)
{
    static const char script[] = "local calls = redis.call('KEYS', 'pinion:{q}:call:*')\n"
                                 "for _, call in ipairs(calls) do redis.call('DEL', call) end\n"
                                 "return #calls";

    return rig_int(r, "EVAL %s 0", script);
}

redisReply *rig_look(struct rig *rig)
{
    redisReply *r = rig_command(rig, "EVAL %s 1 %b", look_script, rig->key.text, rig->key.len);

    if (r->type == REDIS_REPLY_ERROR) fail_msg("look.lua: %s", r->str);
    if (r->element[2]->elements) fail_msg("%s", r->element[2]->element[0]->str);
    return r;
}

void rig_listen(struct rig *rig, const char *channel)
{
    if (!rig->ear) rig->ear = connect_to(rig);
    redisAppendCommand(rig->ear, "SUBSCRIBE %s", channel);
    freeReplyObject(must_read(rig->ear));
}

/* Redis answers the PING after all that was published before it. */
const char *rig_heard(struct rig *rig)
{
    buffer_clear(&rig->heard);
    buffer_add_text(&rig->heard, "");
    redisAppendCommand(rig->ear, "PING");
    for (;;) {
        redisReply *r = must_read(rig->ear);
        bool message = r->type == REDIS_REPLY_ARRAY && r->elements == 3;
        if (message) {
            buffer_printf(&rig->heard, "%s ", r->element[1]->str);
            buffer_add(&rig->heard, r->element[2]->str, r->element[2]->len);
            buffer_add_char(&rig->heard, '\n');
        }
        freeReplyObject(r);
        if (!message) return rig->heard.data;
    }
}
