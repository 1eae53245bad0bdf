/* cli/flags.c — one table makes the argument of getopt_long, the reading and the help. */
#include "cli/flags.h"

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "base/clock.h"
#include "base/time_text.h"
#include "cli/colour.h"
#include "control/key_words.h"
#include "queue/look.h"

#define CONNECT_TIMEOUT_MAX_MS 86400000

enum { COMMON_STATE = 1 }; /* in the table below */

static const struct flag common_flags[] = {
    {"redis", 0, FLAG_TEXT, offsetof(struct common, redis), 0, 0, "URL",
     "redis://HOST:PORT/DB or unix://PATH; default: PINION_REDIS_URL,\n"
     "else what a state folder says"},
    {"state", 0, FLAG_TEXT, offsetof(struct common, state), 0, 0, "DIR",
     "the folder of a pinion serve; default: PINION_STATE, else yours,\nelse /var/lib/pinion"},
    {"namespace", 0, FLAG_TEXT, offsetof(struct common, name_space), 0, 0, "NAME",
     "how all keys in Redis begin; default: pinion"},
    {"connect-timeout", 0, FLAG_DURATION, offsetof(struct common, connect_timeout_ms), 1,
     CONNECT_TIMEOUT_MAX_MS, "DURATION", "how long to wait for Redis; default: 5s where one is\n"
     "starting or loading, else not at all"},
    {"allow-eviction", 0, FLAG_SWITCH, offsetof(struct common, allow_eviction), 0, 0, NULL,
     "accept a Redis that may drop jobs when it is full"},
    {"json", 0, FLAG_SWITCH, offsetof(struct common, json), 0, 0, NULL, "print JSON, for programs"},
    {"color", 0, FLAG_COLOUR, 0, 0, 0, "WHEN",
     "auto (on a terminal, unless NO_COLOR is set), always or never"},
};

const struct flag flag_help = {"help", 'h', FLAG_SWITCH, 0, 0, 0, NULL, "print this"};

static struct command_copy *told; /* NULL: commands are run */
static const struct command *current; /* whose flags were read last; NULL: none */

uint64_t common_timeout_ms(const struct common *c)
{
    return c->connect_timeout_ms ? c->connect_timeout_ms : CONNECT_DEFAULT_MS;
}

const struct flag *flags_common(size_t *ret_count)
{
    *ret_count = countof(common_flags);
    return common_flags;
}

void flags_tell(struct command_copy *ret)
{
    told = ret;
}

bool flags_told(const struct command *c)
{
    if (!told) return false;
    assert(c->flags_count <= FLAGS_MAX);
    told->command = *c;
    for (size_t i = 0; i < c->flags_count; i++) told->flags[i] = c->flags[i];
    told->command.flags = told->flags;
    return true;
}

/* ---- messages -------------------------------------------------------------------------------- */

/* Is that how JSON spells what the flag says: catch_up for --catch-up, in_ms for --in? */
static bool is_key_of(const struct flag *f, struct span key)
{
    static const char *const others[][2] = {
        {"run_at", "at"}, {"attempts_max", "attempts"}, {"kind", "on-complete"}};
    char name[64];
    size_t len = (size_t)snprintf(name, sizeof name, "%s", f->name);

    for (size_t i = 0; i < countof(others); i++)
        if (span_is(key, others[i][0]) && strcmp(f->name, others[i][1]) == 0) return true;
    for (char *c = name; *c; c++) *c = *c == '-' ? '_' : *c;
    if (key.len == len + 3 && memcmp(key.data + len, "_ms", 3) == 0) key.len = len;
    return span_is(key, name);
}

static bool flag_of_key(void *ctx, struct span key, struct buffer *out)
{
    const struct command *c = ctx;

    for (size_t i = 0; c && i < c->flags_count; i++) {
        if (!is_key_of(&c->flags[i], key)) continue;
        buffer_printf(out, "--%s", c->flags[i].name);
        return true;
    }
    return false;
}

int cli_fail(const struct error *e)
{
    struct error said = *e;

    if (e->code == PINION_INVALID || e->code == PINION_TOO_LARGE)
        error_say(&said, flag_of_key, (void *)(uintptr_t)current);
    fprintf(stderr, "pinion: %s\n", said.text[0] ? said.text : error_name(e->code));
    return error_exit(e->code);
}

int cli_fail_usage(const struct command *c, const char *format, ...)
{
    va_list args;

    fputs("pinion: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "; see pinion %s --help\n", c->name);
    return error_exit(PINION_INVALID);
}

int cli_finish(int status)
{
    bool failed = ferror(stdout);

    failed |= fflush(stdout) != 0;
    if (!failed) return status;
    fprintf(stderr, "pinion: cannot write the output: %s\n", strerror(errno));
    return error_exit(PINION_INTERNAL);
}

/* ---- help ------------------------------------------------------------------------------------ */

#define HELP_COLUMN 29
#define HELP_WIDTH  80 /* of a line */

/* Word by word, in its own column; a line ends where the next word would not fit. */
static void print_words(const char *text)
{
    size_t at = HELP_COLUMN, len;

    for (; *text; text += len + (text[len] != '\0')) {
        len = strcspn(text, " \n");
        if (at > HELP_COLUMN && at + 1 + len > HELP_WIDTH) {
            printf("\n%*s", HELP_COLUMN, "");
            at = HELP_COLUMN;
        }
        at += (size_t)printf("%s%.*s", at > HELP_COLUMN ? " " : "", (int)len, text);
    }
    putchar('\n');
}

static void print_flag(const struct flag *f)
{
    int len = printf("  %c%c%c --%s%s%s", f->letter ? '-' : ' ', f->letter ? f->letter : ' ',
                     f->letter ? ',' : ' ', f->name, f->arg ? " " : "", f->arg ? f->arg : "");

    if (len > HELP_COLUMN - 2) {
        putchar('\n');
        len = 0;
    }
    printf("%*s", HELP_COLUMN - len, "");
    print_words(f->help);
}

static void print_examples(const char *line)
{
    size_t len;

    puts("\nExample:");
    for (; *line; line += len + (line[len] == '\n')) {
        len = strcspn(line, "\n");
        printf("  %.*s\n", (int)len, line);
    }
}

static void print_help(const struct command *c)
{
    printf("Usage: pinion %s %s\n\n%s\n", c->name, c->usage, c->about);
    puts("\nFlags:");
    for (size_t i = 0; i < c->flags_count; i++) print_flag(&c->flags[i]);
    if (c->common_at != COMMON_ABSENT)
        for (size_t i = 0; i < countof(common_flags); i++) print_flag(&common_flags[i]);
    print_flag(&flag_help);
    print_examples(c->examples);
}

/* ---- values ---------------------------------------------------------------------------------- */

static int bad_range(const struct command *c, const struct flag *f, const char *text)
{
    char min[DURATION_TEXT_MAX], max[DURATION_TEXT_MAX];

    if (f->type == FLAG_NUMBER)
        return cli_fail_usage(c,
                              "--%s '%.80s': expected a whole number from %" PRIu64 " to %" PRIu64,
                              f->name, text, f->min, f->max);
    return cli_fail_usage(c, "--%s '%.80s': expected a duration from %s to %s", f->name, text,
                          duration_format(f->min, min), duration_format(f->max, max));
}

static int read_number(const struct command *c, const struct flag *f, const char *text,
                       uint64_t *ret_value)
{
    uint64_t max = f->max ? f->max : UINT64_MAX;

    return text_parse_u64(span_of(text), f->min, max, ret_value) ? bad_range(c, f, text) : 0;
}

static int read_duration(const struct command *c, const struct flag *f, const char *text,
                         uint64_t *ret_value)
{
    struct error why;
    uint64_t ms;

    if (duration_parse(span_of(text), &ms, &why))
        return cli_fail_usage(c, "--%s: %s", f->name, why.text);
    if (ms < f->min || (f->max && ms > f->max)) return bad_range(c, f, text);
    *ret_value = ms;
    return 0;
}

static int read_time(const struct command *c, const struct flag *f, const char *text,
                     int64_t *ret_value)
{
    struct error why;

    if (time_parse(span_of(text), clock_wall_ms(), ret_value, &why))
        return cli_fail_usage(c, "--%s: %s", f->name, why.text);
    return 0;
}

static void add_to_texts(struct buffer *texts, const char *text)
{
    if (texts->len) buffer_add_char(texts, ',');
    buffer_add_text(texts, text);
}

static int read_colour(const struct command *c, const struct flag *f, const char *text)
{
    if (colour_choose(text)) return 0;
    return cli_fail_usage(c, "--%s '%.80s': expected auto, always or never", f->name, text);
}

/* Gives 0, or the exit status after it told what was wrong. */
static int read_value(const struct command *c, const struct flag *f, const char *text, char *values)
{
    void *field = values + f->at;

    switch (f->type) {
    case FLAG_SWITCH: *(bool *)field = true; return 0;
    case FLAG_TEXTS: add_to_texts(field, text); return 0;
    case FLAG_TEXT:
    case FLAG_STATE: *(const char **)field = text; return 0;
    case FLAG_NUMBER: return read_number(c, f, text, field);
    case FLAG_DURATION: return read_duration(c, f, text, field);
    case FLAG_TIME: return read_time(c, f, text, field);
    case FLAG_COLOUR: return read_colour(c, f, text);
    }
    return 0;
}

/* ---- reading --------------------------------------------------------------------------------- */

enum { VAL_FLAG = 256, VAL_COMMON = 512, VAL_HELP = 'h' };

struct getopt_tables {
    struct option longs[FLAGS_MAX + countof(common_flags) + 2];
    char          letters[2 * FLAGS_MAX + 4];
    size_t        longs_count, letters_count;
};

static void add_flags(struct getopt_tables *t, const struct flag *flags, size_t count, int val)
{
    for (size_t i = 0; i < count; i++) {
        t->longs[t->longs_count++] = (struct option){
            flags[i].name, flags[i].arg ? required_argument : no_argument, NULL, val + (int)i};
        if (!flags[i].letter) continue;
        t->letters[t->letters_count++] = flags[i].letter;
        if (flags[i].arg) t->letters[t->letters_count++] = ':';
    }
}

static void make_tables(struct getopt_tables *t, const struct command *c)
{
    /* ':' tells a missing argument apart. */
    *t = (struct getopt_tables){.letters = ":h", .letters_count = 2};
    add_flags(t, c->flags, c->flags_count, VAL_FLAG);
    if (c->common_at != COMMON_ABSENT)
        add_flags(t, common_flags, countof(common_flags), VAL_COMMON);
    t->longs[t->longs_count++] = (struct option){"help", no_argument, NULL, VAL_HELP};
}

static const struct flag *flag_of(const struct command *c, int val)
{
    if (val >= VAL_COMMON) return &common_flags[val - VAL_COMMON];
    if (val >= VAL_FLAG) return &c->flags[val - VAL_FLAG];
    for (size_t i = 0; i < c->flags_count; i++)
        if (c->flags[i].letter == val) return &c->flags[i];
    return NULL;
}

static int bad_flag(const struct command *c, int val, char **argv)
{
    const char *word = argv[optind - 1];
    const struct flag *f = optopt ? flag_of(c, optopt) : NULL;

    if (val == ':')
        return cli_fail_usage(c, "%s: expected %s behind it", word,
                              f && f->arg ? f->arg : "a value");
    if (optopt >= VAL_FLAG || (optopt == VAL_HELP && word[1] == '-'))
        return cli_fail_usage(c, "%.80s takes no value", word);
    if (optopt) return cli_fail_usage(c, "unknown flag '-%c'", optopt);
    return cli_fail_usage(c, "unknown flag '%.80s'", word);
}

static int check_words(const struct command *c, unsigned words, const char *extra)
{
    if (words < c->words_min) return cli_fail_usage(c, "%s: expected %s", c->name, c->expected);
    if (words > c->words_max)
        return cli_fail_usage(c, "%s: '%.80s' is one argument too many", c->name, extra);
    return 0;
}

/* Gives 0, or the exit status. */
static int read_one(const struct command *c, int val, const char *text, char *values)
{
    const struct flag *f = flag_of(c, val);
    bool is_common = val >= VAL_COMMON;

    if (f->type == FLAG_STATE && !job_state_ok(span_of(text))) {
        f = &common_flags[COMMON_STATE];
        is_common = true;
    }
    return read_value(c, f, text, is_common ? values + c->common_at : values);
}

bool flags_read(const struct command *c, int argc, char **argv, void *values, int *ret_first,
                int *ret_exit)
{
    struct getopt_tables tables;
    unsigned words;
    int val;

    if (flags_told(c)) {
        *ret_exit = 0;
        return false;
    }
    current = c;
    make_tables(&tables, c);
    optind = 0; /* GNU: start over, also with the order of arguments */
    opterr = 0;
    while ((val = getopt_long(argc, argv, tables.letters, tables.longs, NULL)) != -1) {
        if (val == VAL_HELP) {
            print_help(c);
            *ret_exit = cli_finish(0);
            return false;
        }
        if (val == '?' || val == ':') {
            *ret_exit = bad_flag(c, val, argv);
            return false;
        }
        *ret_exit = read_one(c, val, optarg, values);
        if (*ret_exit) return false;
    }
    words = (unsigned)(argc - optind);
    *ret_exit = check_words(c, words, words > c->words_max ? argv[optind + (int)c->words_max] : "");
    *ret_first = optind;
    return *ret_exit == 0;
}
