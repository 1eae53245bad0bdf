/* cli/verbs.c — finding the verb that was meant, and telling which there are. */
#include "cli/verbs.h"

#include <stdio.h>
#include <string.h>
#include "cli/flags.h"

static const struct verb *find(const struct verb *table, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(table[i].name, name) == 0) return &table[i];
    return NULL;
}

static int print_overview(const struct verb *table, size_t count, const char *noun)
{
    const char *blank = noun ? " " : "";

    noun = noun ? noun : "";
    printf("Usage: pinion %s%sVERB [ARGUMENTS] [FLAGS]\n\n", noun, blank);
    for (size_t i = 0; i < count; i++) printf("  %-10s %s\n", table[i].name, table[i].summary);
    printf("\nExample:\n  pinion %s%s%s --help\n", noun, blank, table[count > 1].name);
    return cli_finish(0);
}

static bool is_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0;
}

static int unknown(const struct verb *table, size_t count, const char *noun, const char *word)
{
    fprintf(stderr, "pinion: ");
    if (word && *word == '-') fprintf(stderr, "'%.80s': flags stand behind the verb: ", word);
    else if (word) fprintf(stderr, "unknown verb '%.80s': ", word);
    fprintf(stderr, "expected pinion%s%s ", noun ? " " : "", noun ? noun : "");
    for (size_t i = 0; i < count; i++)
        fprintf(stderr, "%s%s", i == 0 ? "" : i + 1 < count ? ", " : " or ", table[i].name);
    fprintf(stderr, "; see pinion%s%s --help\n", noun ? " " : "", noun ? noun : "");
    return error_exit(PINION_INVALID);
}

/* `help VERB WORD` is `VERB WORD --help`. */
static int help_of(const struct verb *verb, int argc, char **argv)
{
    static char help[] = "--help";
    char *args[4] = {argv[0], argc > 1 ? argv[1] : help, argc > 1 ? help : NULL, NULL};

    return verb->run(argc > 1 ? 3 : 2, args);
}

/* ---- looking --------------------------------------------------------------------------------- */

static struct verb_shape *looking;

void verb_look(const struct verb *verb, struct verb_shape *ret)
{
    char name[64], *argv[] = {name, NULL};

    snprintf(name, sizeof name, "%s", verb->name);
    *ret = (struct verb_shape){0};
    looking = ret;
    flags_tell(&ret->told);
    verb->run(1, argv);
    flags_tell(NULL);
    looking = NULL;
}

/* ---- running --------------------------------------------------------------------------------- */

int verbs_run(const struct verb *table, size_t count, const char *noun, int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : NULL;
    const struct verb *verb;
    bool help = word && is_help(word);

    if (looking) {
        looking->verbs = table;
        looking->count = count;
        return 0;
    }
    if (help && argc > 2 && strcmp(word, "help") == 0) {
        argc--;
        argv++;
        word = argv[1];
    } else if (help) {
        return print_overview(table, count, noun);
    }
    verb = word ? find(table, count, word) : NULL;
    if (!verb) return unknown(table, count, noun, word);
    return help ? help_of(verb, argc - 1, argv + 1) : verb->run(argc - 1, argv + 1);
}
