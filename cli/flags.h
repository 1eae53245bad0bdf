/* cli/flags.h — the flags of one command as a table: how they are read, and what --help tells.
 *
 * Each flag fills one field of the command's own struct. Fields that were not given keep what the
 * struct held before, so that defaults are set by its initialiser.
 */
#ifndef PINION_CLI_FLAGS_H
#define PINION_CLI_FLAGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/buffer.h"
#include "base/error.h"
#include "base/text.h"

#define FLAG_NONE UINT64_MAX /* of a number or a duration: not given */
#define FLAGS_MAX 64         /* of one command */

enum flag_type {
    FLAG_SWITCH,   /* bool */
    FLAG_TEXT,     /* const char *; borrowed from argv */
    FLAG_TEXTS,    /* struct buffer: the text of each, with commas between them */
    FLAG_STATE,    /* the same: the state of a job; anything else is meant for the common --state */
    FLAG_NUMBER,   /* uint64_t */
    FLAG_DURATION, /* uint64_t, milliseconds */
    FLAG_TIME,     /* int64_t, milliseconds since 1970 */
    FLAG_COLOUR,   /* auto, always or never: for the whole process, see cli/colour.h */
};

struct flag {
    const char    *name; /* without its dashes */
    char           letter; /* 0: none */
    enum flag_type type;
    size_t         at;   /* of the field in the command's struct */
    uint64_t       min, max; /* NUMBER and DURATION; max 0: no bound */
    const char    *arg;  /* as --help shows it; NULL: takes none */
    const char    *help;
};

/* What every command that talks to Redis understands. */
struct common {
    const char *redis, *state, *name_space;
    uint64_t    connect_timeout_ms; /* 0: not given */
    bool        allow_eviction, json;
};

#define COMMON_INIT {.name_space = "pinion"}
#define CONNECT_DEFAULT_MS 5000

uint64_t common_timeout_ms(const struct common *); /* to connect, or the default */

struct command {
    const char        *name;     /* "job list" */
    const char        *usage;    /* what follows the name */
    const char        *about;    /* a sentence or more */
    const char        *examples; /* lines, without indentation */
    const struct flag *flags;
    size_t             flags_count;
    size_t             common_at; /* of its `struct common`; COMMON_ABSENT: it has none */
    unsigned           words_min, words_max; /* how many arguments that are no flags */
    const char        *expected; /* what is missing when there are too few */
};

#define COMMON_ABSENT SIZE_MAX

/* Those that every command has whose common_at is not COMMON_ABSENT, and --help, which all have. */
extern const struct flag flag_help;
const struct flag *flags_common(size_t *ret_count);

/* A command and its flags, copied: some are made when they are read. */
struct command_copy {
    struct command command; /* name NULL: none */
    struct flag    flags[FLAGS_MAX];
};

/* From here on flags_read copies the command into *ret and leaves, whatever the arguments are,
 * until it is called with NULL. For verb_look: who wants to know a command need not run it. */
void flags_tell(struct command_copy *ret);
/* For a command that does not read its flags here. true: it was told; leave. */
bool flags_told(const struct command *);

/* Reads the flags into `values`. true: go on with argv[*ret_first ..]; false: leave with *ret_exit,
 * for --help was printed, or what was wrong. */
bool flags_read(const struct command *, int argc, char **argv, void *values, int *ret_first,
                int *ret_exit) must_use;

/* "pinion: message" on stderr; gives the exit status. What a check tells of a key, and a flag of
 * the command says (see control/key_words.h), it tells of the flag. */
int cli_fail(const struct error *);
int cli_fail_usage(const struct command *, const char *format, ...) printf_like(2, 3);
/* PINION_OK, or stdout could not be written (a full disk): says so. Gives the exit status. */
int cli_finish(int status);

#endif
