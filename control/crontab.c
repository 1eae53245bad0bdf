/* control/crontab.c — line by line: settings gather, and each command line becomes a schedule.
 *
 *      SHELL=/bin/bash                        settings: of all lines below
 *      PATH=/opt/bin:/usr/bin
 *      30 2 * * 1-5  backup --all % one\%two  {"argv":["/bin/bash","-c","backup --all "],
 *      `--- spec --' `-- command' `- stdin'    "env":{"PATH":...},"stdin":" one%two\n"}
 */
#include "control/crontab.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "queue/key.h"

#define BLANKS    " \t"
#define SLUG_MAX  36
#define SHOWN_MAX 60
#define SETTING_MAX 64 /* of its name, with a NUL */

enum { FIELD_DAY = 2, FIELD_WEEKDAY = 4, FIELDS = 5 };

struct reader {
    const struct crontab_options *options;
    struct zone_cache *zones;
    struct crontab out;
    unsigned line;
    char *tz, *shell;
    uint64_t jitter_ms;
    json_t *env; /* NAME -> value */
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static struct span trim(struct span s)
{
    while (s.len && (is_blank(s.data[0]) || s.data[0] == '\r')) s.data++, s.len--;
    while (s.len && (is_blank(s.data[s.len - 1]) || s.data[s.len - 1] == '\r')) s.len--;
    return s;
}

/* What stands before the next blank; the rest begins behind the blanks. */
static struct span cut_word(struct span *rest)
{
    struct span word = {rest->data, 0};

    while (word.len < rest->len && !is_blank(rest->data[word.len])) word.len++;
    rest->data += word.len;
    rest->len -= word.len;
    while (rest->len && is_blank(rest->data[0])) rest->data++, rest->len--;
    return word;
}

static void note(struct reader *r, bool bad, const char *format, ...) printf_like(3, 4);

static void note(struct reader *r, bool bad, const char *format, ...)
{
    struct crontab *c = &r->out;
    char text[ERROR_TEXT_MAX + 80];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    c->notes = xrealloc(c->notes, (c->notes_count + 1) * sizeof *c->notes);
    c->notes[c->notes_count++] = (struct crontab_note){r->line, bad, xstrdup(text)};
    c->bad_count += bad;
}

/* ---- settings -------------------------------------------------------------------------------- */

static bool is_name_char(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

static struct span unquote(struct span s)
{
    bool quoted = s.len >= 2 && (s.data[0] == '"' || s.data[0] == '\'') &&
                  s.data[s.len - 1] == s.data[0];

    return quoted ? (struct span){s.data + 1, s.len - 2} : s;
}

/* NAME = value; false: it is none. No line of a command begins with a letter or a quote. */
static bool cut_setting(struct span line, char name[SETTING_MAX], struct span *ret_value)
{
    struct span value = line, left = unquote(trim(span_cut(&value, '=')));

    if (!memchr(line.data, '=', line.len) || !left.len || left.len >= SETTING_MAX) return false;
    if (left.data[0] >= '0' && left.data[0] <= '9') return false;
    for (size_t i = 0; i < left.len; i++)
        if (!is_name_char(left.data[i])) return false;
    memcpy(name, left.data, left.len);
    name[left.len] = '\0';
    *ret_value = unquote(trim(value));
    return true;
}

static void replace(char **text, struct span value)
{
    free(*text);
    *text = value.len ? xmemdup(value.data, value.len) : NULL;
}

/* As the handler of the jobs takes it. */
static void set_variable(struct reader *r, const char *name, struct span value)
{
    struct error why;

    if (program_env_check(name, &why) || strchr(name, '='))
        note(r, true, "%.60s: expected a name of A-Z a-z 0-9 _ that does not begin with PINION_",
             name);
    else if (json_object_size(r->env) == PROGRAM_ENV_MAX && !json_object_get(r->env, name))
        note(r, true, "%.60s: expected at most %d variables", name, PROGRAM_ENV_MAX);
    else
        json_object_set_new(r->env, name, json_stringn(value.data, value.len));
}

/* What cron itself heeds; all else is for the commands. */
static void take_setting(struct reader *r, const char *name, struct span value)
{
    uint64_t minutes;

    if (strcmp(name, "SHELL") == 0) {
        replace(&r->shell, value);
    } else if (strcmp(name, "CRON_TZ") == 0) {
        replace(&r->tz, value);
    } else if (strcmp(name, "MAILTO") == 0) {
        if (value.len)
            note(r, false,
                 "MAILTO: nothing is mailed here; what fails for good stays as a dead job, and "
                 "`pinion serve --on-dead KIND` runs a job of your own for it");
    } else if (strcmp(name, "RANDOM_DELAY") == 0) {
        if (text_parse_u64(value, 0, SCHEDULE_JITTER_MAX_MS / 60000, &minutes))
            note(r, true, "RANDOM_DELAY: expected minutes, 0 to %d",
                 SCHEDULE_JITTER_MAX_MS / 60000);
        else
            r->jitter_ms = minutes * 60000;
    } else if (strncmp(name, "CONTENT_", 8) == 0 || strcmp(name, "MAILFROM") == 0 ||
               strcmp(name, "LOGNAME") == 0) {
        note(r, false, "%s: not kept, it says how cron mails", name);
    } else {
        set_variable(r, name, value);
    }
}

/* ---- commands -------------------------------------------------------------------------------- */

/* Up to the first bare %, or all that follows it; a \% is a %. true: it stopped at one. */
static bool add_unescaped(struct buffer *out, struct span *rest, bool is_stdin)
{
    while (rest->len) {
        char c = rest->data[0];
        bool escaped = c == '\\' && rest->len > 1 && rest->data[1] == '%';
        size_t step = escaped ? 2 : 1;
        rest->data += step;
        rest->len -= step;
        if (c == '%' && !escaped && !is_stdin) return true;
        buffer_add_char(out, escaped ? '%' : c == '%' ? '\n' : c);
    }
    return false;
}

static json_t *argv_of(const struct reader *r, struct span command)
{
    json_t *argv = json_array();

    json_array_append_new(argv, json_string(r->shell ? r->shell : "/bin/sh"));
    json_array_append_new(argv, json_string("-c"));
    json_array_append_new(argv, json_stringn(command.data, command.len));
    return argv;
}

static json_t *payload_of(const struct reader *r, struct span command)
{
    struct buffer line = BUFFER_INIT, input = BUFFER_INIT;
    bool has_stdin = add_unescaped(&line, &command, false);
    json_t *o = json_object();

    add_unescaped(&input, &command, true);
    json_object_set_new(o, "argv", argv_of(r, (struct span){line.data, line.len}));
    if (json_object_size(r->env)) json_object_set_new(o, "env", json_copy(r->env));
    if (has_stdin && input.len) {
        if (input.data[input.len - 1] != '\n') buffer_add_char(&input, '\n');
        json_object_set_new(o, "stdin", json_stringn(input.data, input.len));
    }
    buffer_deinit(&line);
    buffer_deinit(&input);
    return o;
}

/* ---- names ----------------------------------------------------------------------------------- */

/* FNV-1a, 32 bits (www.isthe.com/chongo/tech/comp/fnv). */
static uint32_t mix(uint32_t hash, struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        hash = (hash ^ (unsigned char)s.data[i]) * UINT32_C(0x01000193);
    return hash;
}

/* Words that stand before what a line really runs. */
static bool is_prelude(struct span word)
{
    static const char *const words[] = {"[", "test", "cd", "exec", "nice", "sudo", "env"};

    if (memchr(word.data, '=', word.len)) return true;
    for (size_t i = 0; i < countof(words); i++)
        if (span_is(word, words[i])) return true;
    return false;
}

/* The last part of the program's path, in letters that a name may have. */
static size_t slug(struct span command, char out[SLUG_MAX + 1])
{
    struct span word = cut_word(&command);
    size_t len = 0;

    while (command.len && is_prelude(word)) word = cut_word(&command);
    for (size_t i = word.len; i-- > 0;) {
        if (word.data[i] != '/' || i + 1 == word.len) continue;
        word = (struct span){word.data + i + 1, word.len - i - 1};
        break;
    }
    for (size_t i = 0; i < word.len && len < SLUG_MAX; i++) {
        char c = word.data[i];
        if (queue_name_ok((struct span){&c, 1})) out[len++] = c;
    }
    out[len] = '\0';
    return len;
}

static bool name_is_taken(const struct crontab *c, const char *name)
{
    for (size_t i = 0; i < c->count; i++)
        if (strcmp(c->entries[i].name, name) == 0) return true;
    return false;
}

/* By what the line says, not by where it stands: a crontab that is imported again finds its own. */
static char *name_of(const struct reader *r, const char *spec, struct span command)
{
    const char *prefix = r->options->prefix ? r->options->prefix : "";
    char part[SLUG_MAX + 1], *name = NULL;
    uint32_t hash = mix(mix(UINT32_C(0x811c9dc5), span_of(spec)), command);

    if (!slug(command, part)) snprintf(part, sizeof part, "job");
    for (unsigned n = 1; !name || name_is_taken(&r->out, name); n++) {
        free(name);
        name = n == 1 ? xasprintf("%s%s-%06" PRIx32, prefix, part, hash & 0xffffff)
                      : xasprintf("%s%s-%06" PRIx32 "-%u", prefix, part, hash & 0xffffff, n);
    }
    return name;
}

/* ---- lines ----------------------------------------------------------------------------------- */

static void add_entry(struct reader *r, const char *spec, struct span command)
{
    const struct crontab_options *o = r->options;
    struct crontab_entry entry = {.line = r->line};
    struct error why = {0};
    json_t *shape = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:o}", "cron", spec, "tz",
        r->tz ? r->tz : o->tz ? o->tz : "UTC", "kind", CRONTAB_KIND, "queue",
        o->queue ? o->queue : "default", "overlap", o->overlap ? o->overlap : "allow", "catch_up",
        o->catch_up ? o->catch_up : "none", "attempts_max",
        (json_int_t)(o->attempts ? o->attempts : 1), "payload", payload_of(r, command));
    char *text;

    if (r->jitter_ms)
        json_object_set_new(shape, "jitter_ms", json_integer((json_int_t)r->jitter_ms));
    text = json_dumps(shape, JSON_COMPACT);
    json_decref(shape);
    entry.name = name_of(r, spec, command);
    if (new_schedule_read(span_of(entry.name), span_of(text), r->zones, &entry.schedule, &why)) {
        note(r, true, "%s", why.text);
        free(entry.name);
    } else {
        entry.command = xmemdup(command.data, command.len);
        r->out.entries =
            xrealloc(r->out.entries, (r->out.count + 1) * sizeof *r->out.entries);
        r->out.entries[r->out.count++] = entry;
    }
    free(text);
}

static bool is_stepped_star(struct span field)
{
    return field.len > 1 && field.data[0] == '*';
}

/* To cron, a field of days that merely begins with a star makes both fields count; here it must say
 * so by a plus. */
static void add_fields(struct reader *r, struct buffer *spec, const struct span fields[FIELDS])
{
    struct span day = fields[FIELD_DAY], weekday = fields[FIELD_WEEKDAY];
    bool both = (is_stepped_star(day) && !span_is(weekday, "*")) ||
                (is_stepped_star(weekday) && !span_is(day, "*"));

    for (int i = 0; i < FIELDS; i++) {
        if (i) buffer_add_char(spec, ' ');
        if (i == FIELD_WEEKDAY && both) buffer_add_char(spec, '+');
        buffer_add(spec, fields[i].data, fields[i].len);
    }
    if (both)
        note(r, false, "days: to cron both fields must agree, for one begins with a star: kept as "
             "'%s'", spec->data);
}

static void read_command(struct reader *r, struct span rest)
{
    struct buffer spec = BUFFER_INIT;
    struct span fields[FIELDS], user;
    int count = rest.data[0] == '@' ? 1 : FIELDS, n = 0;

    while (n < count && rest.len) fields[n++] = cut_word(&rest);
    user = r->options->system ? cut_word(&rest) : (struct span){0};
    if (n < count || !rest.len) {
        note(r, true, "expected %s, then %sa command",
             count == 1 ? "a nickname such as @daily" : "minute, hour, day, month and weekday",
             r->options->system ? "a user and " : "");
        return;
    }
    if (count == 1) buffer_add(&spec, fields[0].data, fields[0].len);
    else add_fields(r, &spec, fields);
    if (user.len)
        note(r, false, "user %.*s: not kept; commands run as the user of pinion serve",
             (int)(user.len > SHOWN_MAX ? SHOWN_MAX : user.len), user.data);
    add_entry(r, spec.data, rest);
    buffer_deinit(&spec);
}

static void read_line(struct reader *r, struct span line)
{
    struct span rest = trim(line), value;
    char name[SETTING_MAX];

    if (!rest.len || rest.data[0] == '#') return;
    if (memchr(rest.data, '\0', rest.len) || !text_is_utf8(rest.data, rest.len))
        note(r, true, "expected text in UTF-8");
    else if (cut_setting(rest, name, &value)) take_setting(r, name, value);
    else read_command(r, rest);
}

enum pinion_err crontab_read(struct span text, const struct crontab_options *options,
                             struct zone_cache *zones, struct crontab *ret, struct error *why)
{
    struct reader r = {.options = options, .zones = zones};
    struct span rest = text;

    if (text.len > CRONTAB_BYTES_MAX)
        return error_set(why, PINION_TOO_LARGE, "a crontab of more than %d bytes",
                         CRONTAB_BYTES_MAX);
    r.env = json_object();
    while (rest.len) {
        r.line++;
        read_line(&r, span_cut(&rest, '\n'));
    }
    json_decref(r.env);
    free(r.tz);
    free(r.shell);
    *ret = r.out;
    return PINION_OK;
}

void crontab_deinit(struct crontab *c)
{
    for (size_t i = 0; i < c->count; i++) {
        free(c->entries[i].name);
        free(c->entries[i].command);
        new_schedule_deinit(&c->entries[i].schedule);
    }
    for (size_t i = 0; i < c->notes_count; i++) free(c->notes[i].text);
    free(c->entries);
    free(c->notes);
    *c = (struct crontab){0};
}
