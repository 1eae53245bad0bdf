#include "cli/completion/words.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include "queue/look.h"
#include "queue/schedule.h"
#include "scheduler/rule.h"
#include "scheduler/schedule.h"

/* A value, by how the help calls it. */
static const struct {
    const char *arg, *only; /* only: for this flag, or this noun; NULL: any */
    enum name_of name;
} names[] = {
    {"QUEUE",   NULL,       NAME_QUEUE   },
    {"PREFIX",  NULL,       NAME_QUEUE   },
    {"KIND",    NULL,       NAME_KIND    },
    {"ID",      NULL,       NAME_JOB     },
    {"SERVER",  NULL,       NAME_SERVER  },
    {"NAME",    "batch",    NAME_BATCH   },
    {"NAME",    "schedule", NAME_SCHEDULE},
    {"NAME",    "token",    NAME_TOKEN   },
    {"FILE",    NULL,       NAME_FILE    },
    {"CRONTAB", NULL,       NAME_FILE    },
    {"DIR",     NULL,       NAME_FOLDER  },
};

static const char *const roles[] = {"read", "enqueue", "work", "admin"};
static const char *const colours[] = {"auto", "always", "never"};

/* Words that a flag takes, and no other. */
static const struct {
    const char *flag;
    const char *const *words;
    size_t count;
} choices[] = {
    {"state",    job_states,     STATES         },
    {"dst",      rule_dst_names, 4              },
    {"overlap",  overlap_names,  4              },
    {"catch-up", catch_up_names, 3              },
    {"role",     roles,          countof(roles) },
    {"color",    colours,        countof(colours)},
};

void next_word_deinit(struct next_word *n)
{
    buffer_deinit(&n->words);
}

void next_word_add(struct next_word *n, struct span word, const char *about)
{
    size_t len = strlen(n->typed);

    if (word.len < len || memcmp(word.data, n->typed, len) != 0) return;
    buffer_add_text(&n->words, n->before);
    text_add_printable(&n->words, word.data, word.len);
    if (about) {
        buffer_add_char(&n->words, '\t');
        text_add_printable(&n->words, about, strcspn(about, "\n"));
    }
    buffer_add_char(&n->words, '\n');
}

/* ---- values ---------------------------------------------------------------------------------- */

/* What stands for "QUEUE[=WEIGHT]" is QUEUE. */
static enum name_of name_of_arg(struct span arg, struct span owner)
{
    size_t len = 0;

    while (len < arg.len && isupper((unsigned char)arg.data[len])) len++;
    arg.len = len;
    for (size_t i = 0; i < countof(names); i++)
        if (span_is(arg, names[i].arg) && (!names[i].only || span_is(owner, names[i].only)))
            return names[i].name;
    return NAME_NONE;
}

static void offer_value(struct next_word *n, const struct flag *f, const char *typed)
{
    n->typed = typed;
    n->name = name_of_arg(span_of(f->arg), span_of(f->name));
    for (size_t i = 0; i < countof(choices); i++) {
        if (strcmp(choices[i].flag, f->name) != 0) continue;
        if (i == 0 && f->type != FLAG_STATE) continue; /* --state: of a job, or a folder */
        for (size_t k = 0; k < choices[i].count; k++)
            next_word_add(n, span_of(choices[i].words[k]), NULL);
    }
}

/* ---- arguments that are no flags ------------------------------------------------------------- */

/* The place-th word of a usage, "ID... | --all --state STATE [FLAGS]"; absent: there is none. One
 * with ... stands for all behind it. What begins with -- or a parenthesis is about flags. */
static struct span usage_word(const char *usage, unsigned place)
{
    struct span rest = {usage, strcspn(usage, "\n")}, word;

    while (rest.len) {
        word = span_cut(&rest, ' ');
        if (span_starts(word, "(")) {
            while (rest.len && !memchr(word.data, ')', word.len)) word = span_cut(&rest, ' ');
            continue;
        }
        if (span_is(word, "|") || span_starts(word, "--") || span_is(word, "[FLAGS]")) break;
        if (span_starts(word, "[")) word = (struct span){word.data + 1, word.len - 1};
        if (place == 0 || memmem(word.data, word.len, "...", 3)) return word;
        place--;
    }
    return (struct span){0};
}

/* "enqueue|drain]..." are words as they stand. */
static void offer_argument(struct next_word *n, const struct command *c, unsigned place)
{
    struct span word = usage_word(c->usage, place), rest;

    if (!word.data) return;
    n->name = name_of_arg(word, (struct span){c->name, strcspn(c->name, " ")});
    while (word.len && islower((unsigned char)word.data[0])) {
        rest = span_cut(&word, '|');
        next_word_add(n, span_cut(&rest, ']'), NULL);
    }
}

/* ---- flags ----------------------------------------------------------------------------------- */

typedef bool flag_visit_fn(void *ctx, const struct flag *); /* true: that is the one */

static const struct flag *visit_flags(const struct command *c, flag_visit_fn *visit, void *ctx)
{
    size_t common_count;
    const struct flag *common = flags_common(&common_count);

    for (size_t i = 0; i < c->flags_count; i++)
        if (visit(ctx, &c->flags[i])) return &c->flags[i];
    for (size_t i = 0; c->common_at != COMMON_ABSENT && i < common_count; i++)
        if (visit(ctx, &common[i])) return &common[i];
    return visit(ctx, &flag_help) ? &flag_help : NULL;
}

static bool add_flag(void *ctx, const struct flag *f)
{
    char word[64];

    snprintf(word, sizeof word, "--%s", f->name);
    next_word_add(ctx, span_of(word), f->help);
    return false;
}

struct wanted_flag {
    struct span name;
    char letter;
};

static bool is_flag(void *ctx, const struct flag *f)
{
    const struct wanted_flag *w = ctx;

    return w->name.data ? span_is(w->name, f->name) : w->letter == f->letter && w->letter;
}

/* The flag that a word is, and its value if that stands in it: "--queue=mail", "-qmail". */
static const struct flag *flag_of_word(const struct command *c, const char *word,
                                       const char **ret_value)
{
    struct wanted_flag w = {.letter = word[1]};
    const char *end = strchr(word, '=');

    *ret_value = NULL;
    if (word[0] != '-' || !word[1]) return NULL;
    if (word[1] != '-') {
        if (word[2]) *ret_value = word + 2;
        return visit_flags(c, is_flag, &w);
    }
    w.name = (struct span){word + 2, end ? (size_t)(end - word - 2) : strlen(word + 2)};
    if (end) *ret_value = end + 1;
    return visit_flags(c, is_flag, &w);
}

/* What tells which Redis, and which jobs. */
static void note_value(struct next_word *n, const struct flag *f, const char *value)
{
    if (strcmp(f->name, "redis") == 0) n->common.redis = value;
    else if (strcmp(f->name, "namespace") == 0) n->common.name_space = value;
    else if (strcmp(f->name, "queue") == 0) n->queue = value;
    else if (strcmp(f->name, "state") == 0 && job_state_ok(span_of(value))) n->state = value;
    else if (strcmp(f->name, "state") == 0) n->common.state = value;
}

/* ---- the whole ------------------------------------------------------------------------------- */

static void offer_of_command(struct next_word *n, const struct command *c, int count,
                             char *const words[])
{
    const char *value, *last = words[count - 1];
    const struct flag *f = NULL;
    unsigned place = 0;

    n->verb = c->name;
    for (int i = 0; i < count - 1; i++) {
        f = flag_of_word(c, words[i], &value);
        if (f && f->arg && !value && i + 1 < count - 1) value = words[++i];
        if (f && f->arg && value) note_value(n, f, value);
        if (!f && words[i][0] != '-') place++;
        if (!f || !f->arg || value) f = NULL;
    }
    if (f) { /* the last word is its value */
        offer_value(n, f, last);
    } else if ((f = flag_of_word(c, last, &value)) && f->arg && value) {
        snprintf(n->before, sizeof n->before, "%.*s", (int)(value - last), last);
        offer_value(n, f, value);
    } else if (last[0] == '-') {
        visit_flags(c, add_flag, n);
    } else {
        offer_argument(n, c, place);
    }
}

static const struct verb *verb_of(const struct verb *verbs, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(verbs[i].name, name) == 0) return &verbs[i];
    return NULL;
}

void next_word_init(struct next_word *n, const struct verb *verbs, size_t count, int words_count,
                    char *const words[])
{
    struct verb_shape shape;

    *n = (struct next_word){.typed = words[words_count - 1], .common = COMMON_INIT};
    while (words_count > 1) {
        const struct verb *verb = verb_of(verbs, count, words[0]);
        words++;
        words_count--;
        if (!verb) {
            if (strcmp(words[-1], "help") == 0) continue;
            return;
        }
        verb_look(verb, &shape);
        verbs = shape.verbs;
        count = shape.count;
        if (verbs) continue;
        if (shape.told.command.name) offer_of_command(n, &shape.told.command, words_count, words);
        return;
    }
    for (size_t i = 0; i < count; i++)
        next_word_add(n, span_of(verbs[i].name), verbs[i].summary);
    if (words[0][0] == '-') next_word_add(n, span_of("--help"), "what there is");
}
