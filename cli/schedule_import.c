/* cli/schedule_import.c — a crontab: read whole, said what each line becomes, then made. */
#include "cli/schedule.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cli/verbs.h"
#include "base/memory.h"
#include "control/crontab.h"
#include "control/shape.h"

struct import_flags {
    struct common common;
    const char   *queue, *prefix, *tz, *overlap, *catch_up;
    uint64_t      attempts;
    bool          user, system, partial, dry_run, replace;
};

#define AT(field) offsetof(struct import_flags, field)

static const struct flag flags[] = {
    {"user-format", 0, FLAG_SWITCH, AT(user), 0, 0, NULL,
     "lines have no user, as of crontab -l; the default, but for\n/etc/crontab and /etc/cron.d"},
    {"system", 0, FLAG_SWITCH, AT(system), 0, 0, NULL, "lines have a user before the command"},
    {"dry-run", 0, FLAG_SWITCH, AT(dry_run), 0, 0, NULL, "only say what each line would become"},
    {"partial", 0, FLAG_SWITCH, AT(partial), 0, 0, NULL,
     "make the good lines though others are bad"},
    {"replace", 0, FLAG_SWITCH, AT(replace), 0, 0, NULL,
     "take the place of schedules of the same names"},
    {"queue", 'q', FLAG_TEXT, AT(queue), 0, 0, "QUEUE", "where the jobs go; default: default"},
    {"prefix", 0, FLAG_TEXT, AT(prefix), 0, 0, "TEXT", "how all names begin"},
    {"tz", 0, FLAG_TEXT, AT(tz), 0, 0, "ZONE",
     "of lines above the first CRON_TZ; default: this machine's"},
    {"overlap", 0, FLAG_TEXT, AT(overlap), 0, 0, "POLICY", "default: allow, as cron does"},
    {"catch-up", 0, FLAG_TEXT, AT(catch_up), 0, 0, "POLICY", "default: none, as cron does"},
    {"attempts", 0, FLAG_NUMBER, AT(attempts), 1, ATTEMPTS_MAX, "N", "default: 1, as cron does"},
};

static const struct command command = {
    .name = "schedule import",
    .usage = "CRONTAB|- [FLAGS]",
    .about = "Makes a schedule of each line of a crontab; - reads stdin. Its jobs are of kind\n"
             "pinion.exec: a server runs them that has a handler for that kind (serve --exec).\n"
             "Unless all lines are good, nothing is made without --partial.",
    .examples = "crontab -l | pinion schedule import - --dry-run\n"
                "pinion schedule import /etc/crontab --system --prefix etc- -q cron",
    .flags = flags,
    .flags_count = countof(flags),
    .common_at = AT(common),
    .words_min = 1,
    .words_max = 1,
    .expected = "the file of a CRONTAB, or -",
};

/* ---- reading --------------------------------------------------------------------------------- */

static enum pinion_err read_file(const char *path, struct buffer *out, struct error *why)
{
    bool is_stdin = strcmp(path, "-") == 0;
    int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : 1;
    int failure;

    while (got > 0 && out->len <= CRONTAB_BYTES_MAX) {
        got = read(fd, buffer_reserve(out, 65536), 65536);
        if (got > 0) out->len += (size_t)got;
        else if (got < 0 && errno == EINTR) got = 1;
    }
    failure = errno;
    if (!is_stdin && fd >= 0) close(fd);
    if (got >= 0) return PINION_OK;
    return error_set(why, failure == ENOENT ? PINION_NOT_FOUND : PINION_INVALID, "%.200s: %s", path,
                     strerror(failure));
}

/* By its name where nobody said. */
static bool is_system(const struct import_flags *f, const char *path)
{
    if (f->user || f->system) return f->system;
    return strcmp(path, "/etc/crontab") == 0 || strncmp(path, "/etc/cron.d/", 12) == 0;
}

/* What cron goes by: this machine's zone, by its name, for servers may be elsewhere. */
static char *zone_of(const struct import_flags *f)
{
    struct zone *local = NULL, *named = NULL;
    char *name;

    if (f->tz) return xstrdup(f->tz);
    if (zone_load("local", &local, NULL)) return xstrdup("UTC");
    name = xstrdup(zone_load(zone_name(local), &named, NULL) ? "local" : zone_name(local));
    zone_free(local);
    zone_free(named);
    return name;
}

static enum pinion_err read_crontab(const struct import_flags *f, const char *path,
                                    struct zone_cache *zones, struct crontab *ret,
                                    struct error *why)
{
    struct buffer text = BUFFER_INIT;
    char *tz = zone_of(f);
    struct crontab_options options = {
        .system = is_system(f, path),
        .prefix = f->prefix,
        .tz = tz,
        .queue = f->queue,
        .overlap = f->overlap,
        .catch_up = f->catch_up,
        .attempts = f->attempts == FLAG_NONE ? 0 : (unsigned)f->attempts,
    };
    enum pinion_err err = read_file(path, &text, why);

    if (!err)
        err = crontab_read((struct span){text.data, text.len}, &options, zones, ret, why);
    buffer_deinit(&text);
    free(tz);
    return err;
}

/* ---- making ---------------------------------------------------------------------------------- */

struct made {
    const char     *word; /* NULL: not tried */
    enum pinion_err err;
    struct error    why;
};

static void make_one(struct session *s, const struct import_flags *f, struct zone_cache *zones,
                     const struct crontab_entry *entry, struct made *ret)
{
    static const char *const words[] = {
        [ACT_UNCHANGED] = "unchanged", [ACT_MADE] = "added", [ACT_CHANGED] = "replaced"};
    struct act_options options = {
        .verb = ACT_PUT,
        .name_space = s->name_space,
        .name = span_of(entry->name),
        .zones = zones,
        .put = &entry->schedule,
        .condition = f->replace ? ACT_ALWAYS : ACT_IF_NEW,
    };
    struct schedule_act act;

    act_init(&act, &options);
    ret->err = act_run(s, &act, &ret->why);
    ret->word = ret->err ? "not made" : words[act.result];
    act_deinit(&act);
}

/* ---- telling --------------------------------------------------------------------------------- */

static void print_notes(const struct crontab *c, const char *path)
{
    for (size_t i = 0; i < c->notes_count; i++)
        fprintf(stderr, "pinion: %.200s:%u: %s%s\n", path, c->notes[i].line,
                c->notes[i].bad ? "cannot be taken: " : "", c->notes[i].text);
}

static void print_table(const struct crontab *c, const struct made *made)
{
    static const char *const heads[] = {"LINE", "NAME", "WHEN", "COMMAND", "RESULT", NULL};
    struct table table;

    table_init(&table, heads);
    for (size_t i = 0; i < c->count; i++) {
        const struct crontab_entry *e = &c->entries[i];
        json_t *timing = json_loads(e->schedule.timing, 0, NULL);
        struct buffer when = BUFFER_INIT;
        table_printf(&table, "%u", e->line);
        table_add(&table, span_of(e->name));
        shape_when(timing, &when);
        table_add(&table, (struct span){when.data, when.len});
        table_add(&table, span_of(e->command));
        table_add(&table, span_of(made[i].word));
        buffer_deinit(&when);
        json_decref(timing);
    }
    if (!table_empty(&table)) table_print(&table);
    table_deinit(&table);
}

static void print_json(const struct crontab *c, const struct made *made)
{
    json_t *items = json_array(), *notes = json_array(), *list;

    for (size_t i = 0; i < c->count; i++) {
        const struct crontab_entry *e = &c->entries[i];
        json_t *o = json_loads(e->schedule.timing, 0, NULL);
        json_object_set_new(o, "line", json_integer(e->line));
        json_object_set_new(o, "name", json_string(e->name));
        json_object_set_new(o, "payload", json_stringn(e->schedule.job.job.payload,
                                                       e->schedule.job.job.payload_len));
        json_object_set_new(o, "result", made[i].word ? json_string(made[i].word) : json_null());
        json_array_append_new(items, o);
    }
    for (size_t i = 0; i < c->notes_count; i++)
        json_array_append_new(notes, json_pack("{s:i, s:b, s:s}", "line", (int)c->notes[i].line,
                                               "bad", (int)c->notes[i].bad, "text",
                                               c->notes[i].text));
    list = shape_list(items, NULL);
    json_object_set_new(list, "notes", notes);
    json_print(list);
}

/* Of the worst of what was tried. */
static int tell(const struct import_flags *f, const char *path, const struct crontab *c,
                const struct made *made, bool refused)
{
    struct error why = {0};
    int status = 0;

    print_notes(c, path);
    if (f->common.json) print_json(c, made);
    else print_table(c, made);
    for (size_t i = 0; i < c->count; i++) {
        if (!made[i].err) continue;
        fprintf(stderr, "pinion: %.200s:%u: ", path, c->entries[i].line);
        fprintf(stderr, "%s%s\n", made[i].why.text,
                made[i].err == PINION_CONFLICT && !f->replace ? "; expected --replace" : "");
        status = error_exit(made[i].err);
    }
    if (!refused) return cli_finish(status);
    error_set(&why, PINION_INVALID,
              "%zu %s cannot be taken, so nothing was made: expected --partial to make the others",
              c->bad_count, c->bad_count == 1 ? "line" : "lines");
    cli_finish(0);
    return cli_fail(&why);
}

static int import(const struct import_flags *f, const char *path, const struct crontab *c,
                  struct zone_cache *zones)
{
    bool refused = c->bad_count && !f->partial;
    struct made *made = xcalloc(c->count + 1, sizeof *made);
    struct session session;
    struct error why = {0};
    int status;

    if (!refused && !f->dry_run && c->count) {
        if (session_open(&f->common, &session, &why)) {
            free(made);
            return cli_fail(&why);
        }
        for (size_t i = 0; i < c->count; i++)
            make_one(&session, f, zones, &c->entries[i], &made[i]);
        session_close(&session);
    }
    status = tell(f, path, c, made, refused);
    free(made);
    return status;
}

int schedule_import_main(int argc, char **argv)
{
    struct import_flags values = {.common = COMMON_INIT, .attempts = FLAG_NONE};
    struct zone_cache *zones;
    struct crontab crontab;
    struct error why = {0};
    int first, status;

    if (!flags_read(&command, argc, argv, &values, &first, &status)) return status;
    if (values.user && values.system)
        return cli_fail_usage(&command, "--user-format and --system: expected one of them");
    zones = zone_cache_new();
    if (read_crontab(&values, argv[first], zones, &crontab, &why)) {
        status = cli_fail(&why);
    } else {
        status = import(&values, argv[first], &crontab, zones);
        crontab_deinit(&crontab);
    }
    zone_cache_free(zones);
    return status;
}
