#include "control/access/token_set.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "base/time_text.h"
#include "queue/key.h"

#define HEAD "# pinion tokens 1"

_Static_assert(TOKEN_NAME_MAX == QUEUE_NAME_MAX, "a name is checked as that of a queue");

static const char *const role_names[ROLES] = {
    [ROLE_NONE] = "none", [ROLE_READ] = "read",   [ROLE_ENQUEUE] = "enqueue",
    [ROLE_WORK] = "work", [ROLE_ADMIN] = "admin",
};

/* ---- roles, names, queues -------------------------------------------------------------------- */

const char *role_name(enum role role)
{
    return role_names[role];
}

enum pinion_err roles_parse(struct span text, unsigned *ret_roles, struct error *why)
{
    bool more = true;
    unsigned roles = 0;

    while (more) {
        more = text.len && memchr(text.data, ',', text.len);
        struct span word = span_cut(&text, ',');
        unsigned role = ROLE_READ;
        while (role < ROLES && !span_is(word, role_names[role])) role++;
        if (role == ROLES)
            return error_set(why, PINION_INVALID,
                             "role '%.*s': expected read, enqueue, work or admin, or several with "
                             "commas between them",
                             (int)(word.len > 40 ? 40 : word.len), word.data ? word.data : "");
        roles |= ROLE_BIT(role);
    }
    *ret_roles = roles;
    return PINION_OK;
}

void roles_print(unsigned roles, struct buffer *out)
{
    const char *comma = "";

    for (unsigned role = ROLE_READ; role < ROLES; role++) {
        if (!(roles & ROLE_BIT(role))) continue;
        buffer_printf(out, "%s%s", comma, role_names[role]);
        comma = ",";
    }
}

enum pinion_err token_name_check(struct span name, struct error *why)
{
    static const char *const taken[] = {"owner", "loopback", "nobody"}; /* by the audit */

    for (size_t i = 0; i < countof(taken); i++)
        if (span_is(name, taken[i]))
            return error_set(why, PINION_INVALID, "token name '%s': expected another one, for the "
                             "log calls others so", taken[i]);
    if (queue_name_ok(name)) return PINION_OK;
    return error_set(why, PINION_INVALID,
                     "token name '%.*s': expected 1 to %d of A-Z a-z 0-9 . _ -",
                     (int)(name.len > 80 ? 80 : name.len), name.data ? name.data : "",
                     TOKEN_NAME_MAX);
}

enum pinion_err token_queues_check(struct span prefix, struct error *why)
{
    if (queue_name_ok(prefix)) return PINION_OK;
    return error_set(why, PINION_INVALID,
                     "queues '%.*s': expected how their names begin, 1 to %d of A-Z a-z 0-9 . _ -",
                     (int)(prefix.len > 80 ? 80 : prefix.len), prefix.data ? prefix.data : "",
                     QUEUE_NAME_MAX);
}

bool queues_include(const char *prefix, struct span queue)
{
    return span_starts(queue, prefix);
}

/* ---- hashes ---------------------------------------------------------------------------------- */

void token_hash(struct span secret, unsigned char hash[SHA256_BYTES])
{
    sha256(secret.data ? secret.data : "", secret.len, hash);
}

/* In a time that tells nothing of where they differ. */
bool token_hash_equal(const unsigned char a[SHA256_BYTES], const unsigned char b[SHA256_BYTES])
{
    volatile unsigned char differ = 0;

    for (size_t i = 0; i < SHA256_BYTES; i++) differ = (unsigned char)(differ | (a[i] ^ b[i]));
    return differ == 0;
}

const struct token *token_set_find(const struct token_set *set,
                                   const unsigned char hash[SHA256_BYTES])
{
    const struct token *found = NULL;

    for (size_t i = 0; i < set->count; i++) /* all of them, always */
        if (token_hash_equal(set->tokens[i].hash, hash)) found = &set->tokens[i];
    return found;
}

bool token_expired(const struct token *t, int64_t now_ms)
{
    return t->expires_ms && t->expires_ms <= now_ms;
}

/* ---- the set --------------------------------------------------------------------------------- */

static struct token *find_name(const struct token_set *set, const char *name)
{
    for (size_t i = 0; i < set->count; i++)
        if (strcmp(set->tokens[i].name, name) == 0) return &set->tokens[i];
    return NULL;
}

enum pinion_err token_set_add(struct token_set *set, const struct token *t, struct error *why)
{
    assert(t->roles);
    if (find_name(set, t->name))
        return error_set(why, PINION_CONFLICT,
                         "there is a token %s already: revoke it first, or take another name",
                         t->name);
    if (set->count == TOKENS_MAX)
        return error_set(why, PINION_TOO_LARGE, "expected at most %d tokens: revoke some first",
                         TOKENS_MAX);
    set->tokens = xrealloc(set->tokens, (set->count + 1) * sizeof *set->tokens);
    set->tokens[set->count++] = *t;
    return PINION_OK;
}

bool token_set_remove(struct token_set *set, const char *name)
{
    struct token *t = find_name(set, name);

    if (!t) return false;
    size_t behind = (size_t)(set->tokens + set->count - (t + 1));
    memmove(t, t + 1, behind * sizeof *t);
    set->count--;
    return true;
}

void token_set_deinit(struct token_set *set)
{
    free(set->tokens);
    *set = (struct token_set){0};
}

/* ---- as text --------------------------------------------------------------------------------- */

static bool read_time(struct span word, bool may_be_never, int64_t *ret_ms)
{
    *ret_ms = 0;
    if (may_be_never && span_is(word, "never")) return true;
    /* With its zone: what would be read as local time, or as the next such time of day, is bad. */
    if (word.len < 20 || word.data[word.len - 1] != 'Z') return false;
    return time_parse(word, 0, ret_ms, NULL) == PINION_OK && *ret_ms > 0;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_hash(struct span word, unsigned char hash[SHA256_BYTES])
{
    if (word.len != 2 * SHA256_BYTES) return false;
    for (size_t i = 0; i < SHA256_BYTES; i++) {
        int high = hex_digit(word.data[2 * i]), low = hex_digit(word.data[2 * i + 1]);
        if (high < 0 || low < 0) return false;
        hash[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}

static bool read_queues(struct span word, char queues[QUEUE_NAME_MAX + 1])
{
    if (!word.len || word.data[word.len - 1] != '*') return false;
    word.len--;
    if (word.len && !queue_name_ok(word)) return false;
    memcpy(queues, word.data, word.len);
    queues[word.len] = '\0';
    return true;
}

static enum pinion_err read_line(struct span line, struct token *t, struct error *why)
{
    struct span name = span_cut(&line, ' '), roles = span_cut(&line, ' ');
    struct span queues = span_cut(&line, ' '), made = span_cut(&line, ' ');
    struct span expires = span_cut(&line, ' ');

    *t = (struct token){.roles = 0};
    if (token_name_check(name, why) || roles_parse(roles, &t->roles, why)) return why->code;
    memcpy(t->name, name.data, name.len);
    if (!read_queues(queues, t->queues))
        return error_set(why, PINION_INVALID, "expected queues as mail.* or *");
    if (!read_time(made, false, &t->made_ms) || !read_time(expires, true, &t->expires_ms))
        return error_set(why, PINION_INVALID,
                         "expected two times as 2026-11-23T19:00:00.000Z, the second may be never");
    if (!read_hash(line, t->hash))
        return error_set(why, PINION_INVALID, "expected a hash of %d hex digits at its end",
                         2 * SHA256_BYTES);
    return PINION_OK;
}

enum pinion_err token_set_parse(struct span text, struct token_set *ret_set, struct error *why)
{
    struct token_set set = {0};
    struct error bad = {0};
    struct token t;

    for (unsigned number = 1; text.len && !bad.code; number++) {
        struct span line = span_cut(&text, '\n');
        if (number == 1 && !span_is(line, HEAD))
            (void)error_set(&bad, PINION_INVALID, "expected '" HEAD "'");
        else if (line.len && line.data[0] != '#' && !read_line(line, &t, &bad))
            (void)!token_set_add(&set, &t, &bad);
        if (bad.code) (void)error_set(why, PINION_INVALID, "line %u: %s", number, bad.text);
    }
    if (!bad.code) {
        *ret_set = set;
        return PINION_OK;
    }
    token_set_deinit(&set);
    return PINION_INVALID;
}

static void print_token(const struct token *t, struct buffer *out)
{
    char text[TIME_TEXT_MAX];

    buffer_printf(out, "%s ", t->name);
    roles_print(t->roles, out);
    buffer_printf(out, " %s* %s", t->queues, time_format_utc(t->made_ms, text));
    buffer_printf(out, " %s ", t->expires_ms ? time_format_utc(t->expires_ms, text) : "never");
    for (size_t i = 0; i < SHA256_BYTES; i++) buffer_printf(out, "%02x", t->hash[i]);
    buffer_add_char(out, '\n');
}

void token_set_print(const struct token_set *set, struct buffer *out)
{
    buffer_add_text(out, HEAD "\n");
    buffer_add_text(out, "# NAME ROLES QUEUES MADE EXPIRES SHA256; see pinion token --help\n");
    for (size_t i = 0; i < set->count; i++) print_token(&set->tokens[i], out);
}
