/* The steps, in order; one that has nothing to ask is left out:
 *
 *      auth - select - name - info - config - time
 *           - format - claim format - known - upload - upload ...
 *                ^          |                 until no script is missing
 *                +----------+
 *             somebody was faster
 */
#include "queue/handshake.h"

#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "queue/hiredis_shim.h"
#include "queue/job.h"
#include "queue/redis_error.h"

#define US_PER_S 1000000

typedef bool ask_fn(struct handshake *, struct request *); /* false: leave out */
typedef enum pinion_err take_fn(struct handshake *, const redisReply *, struct error *why);

static struct span text_of(const redisReply *r)
{
    bool is_text = HIREDIS_IS_TEXT(r->type) || r->type == REDIS_REPLY_ERROR;

    return is_text ? (struct span){r->str, r->len} : (struct span){0};
}

static enum pinion_err refuse(struct handshake *h, enum pinion_err code)
{
    h->refused = true;
    return code;
}

/* Weather is tried again; who may not do it, or not in this way, is refused with Redis's words. */
static enum pinion_err failed(struct handshake *h, const redisReply *r, const char *doing,
                              struct error *why)
{
    struct span text = text_of(r);
    enum pinion_err code;

    if (r->type != REDIS_REPLY_ERROR)
        return error_set(why, PINION_INTERNAL, "%s: an answer that Redis does not give", doing);
    code = redis_error_code(text);
    h->loading = span_starts(text, "LOADING");
    if (redis_error_advice(text))
        error_set(why, code, "%s", redis_error_advice(text));
    else
        error_set(why, code, "%s: %.*s", doing, (int)text.len, text.data);
    if (code == PINION_UNAUTHORIZED || code == PINION_FORBIDDEN) return refuse(h, code);
    return code;
}

static enum pinion_err failed_for_good(struct handshake *h, const redisReply *r, const char *doing,
                                       enum pinion_err code, struct error *why)
{
    enum pinion_err err = failed(h, r, doing, why);

    if (err != PINION_INTERNAL || r->type != REDIS_REPLY_ERROR) return err;
    if (why) why->code = code;
    return refuse(h, code);
}

static bool ask_auth(struct handshake *h, struct request *r)
{
    if (!h->url->password) return false;
    request_command(r, "AUTH");
    if (h->url->user) request_add_text(r, h->url->user);
    request_add_text(r, h->url->password);
    return true;
}

static enum pinion_err take_auth(struct handshake *h, const redisReply *r, struct error *why)
{
    if (r->type == REDIS_REPLY_STATUS) return PINION_OK;
    return failed_for_good(h, r, "password", PINION_UNAUTHORIZED, why);
}

static bool ask_select(struct handshake *h, struct request *r)
{
    if (h->url->db == 0) return false;
    request_command(r, "SELECT");
    request_add_u64(r, h->url->db);
    return true;
}

static enum pinion_err take_select(struct handshake *h, const redisReply *r, struct error *why)
{
    if (r->type == REDIS_REPLY_STATUS) return PINION_OK;
    return failed_for_good(h, r, "database", PINION_INVALID, why);
}

static bool ask_name(struct handshake *h, struct request *r)
{
    (void)h;
    request_command(r, "CLIENT SETNAME pinion");
    return true;
}

/* A name is a courtesy to whoever reads CLIENT LIST: one may do without. */
static enum pinion_err take_name(struct handshake *h, const redisReply *r, struct error *why)
{
    if (r->type != REDIS_REPLY_ERROR) return PINION_OK;
    switch (redis_error_code(text_of(r))) {
    case PINION_UNAVAILABLE:
    case PINION_UNAUTHORIZED: return failed(h, r, "name", why);
    case PINION_FORBIDDEN:
        return span_starts(text_of(r), "NOPERM") ? PINION_OK : failed(h, r, "name", why);
    default: return PINION_OK;
    }
}

static bool ask_info(struct handshake *h, struct request *r)
{
    (void)h;
    request_command(r, "INFO");
    return true;
}

static enum pinion_err take_info(struct handshake *h, const redisReply *r, struct error *why)
{
    if (!HIREDIS_IS_TEXT(r->type)) return failed(h, r, "INFO", why);
    redis_info_read(&h->info, text_of(r));
    return PINION_OK;
}

static bool ask_config(struct handshake *h, struct request *r)
{
    (void)h;
    request_command(r, "CONFIG GET maxmemory-policy appendonly appendfsync");
    return true;
}

/* Hosted ones keep CONFIG to themselves: then what INFO said must do. */
static enum pinion_err take_config(struct handshake *h, const redisReply *r, struct error *why)
{
    if (r->type == REDIS_REPLY_ARRAY)
        for (size_t i = 0; i + 1 < r->elements; i += 2)
            redis_info_config(&h->info, text_of(r->element[i]), text_of(r->element[i + 1]));
    if (redis_info_check(&h->info, h->allow_eviction, why)) return refuse(h, PINION_UNAVAILABLE);
    return PINION_OK;
}

static bool ask_time(struct handshake *h, struct request *r)
{
    h->asked_us = clock_wall_us();
    request_command(r, "TIME");
    return true;
}

static bool time_part(const redisReply *r, uint64_t max, int64_t *ret_part)
{
    uint64_t part;

    if (text_parse_u64(text_of(r), 0, max, &part)) return false;
    *ret_part = (int64_t)part;
    return true;
}

/* Redis read its clock somewhere between question and answer: the middle is the best guess. */
static enum pinion_err take_time(struct handshake *h, const redisReply *r, struct error *why)
{
    int64_t seconds, micros, answered_us = clock_wall_us();

    if (r->type != REDIS_REPLY_ARRAY || r->elements != 2 ||
        !time_part(r->element[0], INT64_MAX / US_PER_S - 1, &seconds) ||
        !time_part(r->element[1], US_PER_S - 1, &micros))
        return failed(h, r, "TIME", why);
    h->info.clock_offset_us =
        seconds * US_PER_S + micros - (h->asked_us + (answered_us - h->asked_us) / 2);
    return PINION_OK;
}

static void add_format_key(struct handshake *h, struct request *r)
{
    request_add_pair(r, span_of(h->name_space), span_of(":format"));
}

static bool ask_format(struct handshake *h, struct request *r)
{
    request_command(r, "GET");
    add_format_key(h, r);
    return true;
}

static enum pinion_err take_format(struct handshake *h, const redisReply *r, struct error *why)
{
    struct span format = text_of(r);

    h->format_is_absent = r->type == REDIS_REPLY_NIL;
    if (h->format_is_absent) return PINION_OK;
    if (!HIREDIS_IS_TEXT(r->type)) return failed_for_good(h, r, "format", PINION_UNAVAILABLE, why);
    if (span_is(format, RECORD_FORMAT)) return PINION_OK;
    error_set(why, PINION_UNAVAILABLE,
              "records of format \"%.*s\" in this Redis: use a Pinion that knows it (this one "
              "knows " RECORD_FORMAT ")",
              (int)(format.len < 20 ? format.len : 20), format.data);
    return refuse(h, PINION_UNAVAILABLE);
}

static bool ask_claim_format(struct handshake *h, struct request *r)
{
    if (!h->format_is_absent) return false;
    request_command(r, "SET");
    add_format_key(h, r);
    request_add_text(r, RECORD_FORMAT);
    request_add_text(r, "NX");
    return true;
}

static bool ask_known(struct handshake *h, struct request *r)
{
    (void)h;
    request_command(r, "SCRIPT EXISTS");
    for (size_t i = 0; i < SCRIPTS; i++) request_add_text(r, script_sources[i].sha);
    return true;
}

static enum pinion_err take_known(struct handshake *h, const redisReply *r, struct error *why)
{
    if (r->type != REDIS_REPLY_ARRAY || r->elements != SCRIPTS)
        return failed(h, r, "SCRIPT EXISTS", why);
    for (size_t i = 0; i < SCRIPTS; i++) h->is_loaded[i] = r->element[i]->integer == 1;
    return PINION_OK;
}

static bool ask_upload(struct handshake *h, struct request *r)
{
    for (unsigned i = 0; i < SCRIPTS; i++) {
        if (h->is_loaded[i]) continue;
        request_command(r, "SCRIPT LOAD");
        request_add_text(r, script_sources[i].text);
        h->uploading = i;
        return true;
    }
    return false;
}

static enum pinion_err take_upload(struct handshake *h, const redisReply *r, struct error *why)
{
    const struct script_source *source = &script_sources[h->uploading];

    if (!HIREDIS_IS_TEXT(r->type)) return failed(h, r, source->name, why);
    if (!span_is(text_of(r), source->sha))
        return error_set(why, PINION_INTERNAL, "script %s: Redis gives it another name",
                         source->name);
    h->is_loaded[h->uploading] = true;
    return PINION_OK;
}

static take_fn take_claim_format;

enum { LIGHT = 1, REPEATS = 2 };
enum { STEP_FORMAT = 6 };

static const struct {
    ask_fn *ask;
    take_fn *take;
    unsigned flags; /* LIGHT: also of a light handshake; REPEATS: until it has nothing to ask */
} steps[] = {
    {ask_auth, take_auth, LIGHT},
    {ask_select, take_select, 0},
    {ask_name, take_name, LIGHT},
    {ask_info, take_info, 0},
    {ask_config, take_config, 0},
    {ask_time, take_time, 0},
    [STEP_FORMAT] = {ask_format, take_format, 0},
    {ask_claim_format, take_claim_format, 0},
    {ask_known, take_known, 0},
    {ask_upload, take_upload, REPEATS},
};

static enum pinion_err take_claim_format(struct handshake *h, const redisReply *r,
                                         struct error *why)
{
    if (r->type == REDIS_REPLY_STATUS) return PINION_OK;
    if (r->type != REDIS_REPLY_NIL) return failed(h, r, "format", why);
    h->step = STEP_FORMAT; /* somebody was faster: see what it wrote */
    return PINION_OK;
}

void handshake_begin(struct handshake *h)
{
    *h = (struct handshake){
        .url = h->url,
        .name_space = h->name_space,
        .allow_eviction = h->allow_eviction,
        .light = h->light,
    };
}

bool handshake_ask(struct handshake *h, struct request *r)
{
    for (; h->step < countof(steps); h->step++) {
        if (h->light && !(steps[h->step].flags & LIGHT)) continue;
        if (steps[h->step].ask(h, r)) return true;
    }
    return false;
}

enum pinion_err handshake_take(struct handshake *h, const redisReply *reply, struct error *why)
{
    unsigned step = h->step;
    enum pinion_err err = steps[step].take(h, reply, why);

    if (!err && h->step == step && !(steps[step].flags & REPEATS)) h->step++;
    return err;
}
