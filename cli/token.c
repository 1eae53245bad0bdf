/* cli/token.c — tokens for HTTP: made, listed, revoked. They work on the state folder, whether a
 * service runs there or not; one that runs notices. */
#include "cli/flags.h"
#include "cli/page.h"
#include "cli/table.h"
#include "cli/verbs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/time_text.h"
#include "control/access/token_file.h"
#include "control/shape.h"
#include "control/shape_token.h"
#include "control/state.h"
#include "control/state_files.h"

#define RANDOM_BYTES 32

struct token_flags {
    struct page_values page; /* of list */
    const char *state, *queues;
    struct buffer roles;
    uint64_t expires_ms;
    bool json;
};

#define AT(field) offsetof(struct token_flags, field)
#define STATE_FLAG                                                                               \
    {"state", 0, FLAG_TEXT, AT(state), 0, 0, "DIR", "the state folder of the service"}
#define JSON_FLAG {"json", 0, FLAG_SWITCH, AT(json), 0, 0, NULL, "print JSON, for programs"}

/* ---- make ------------------------------------------------------------------------------------ */

static const struct flag make_flags[] = {
    {"role", 0, FLAG_TEXTS, AT(roles), 0, 0, "ROLE",
     "read: look, also at payloads and results; enqueue: read, and\n"
     "make jobs; work: read, and lease and settle jobs; admin:\n"
     "everything; several with commas between them"},
    {"queue", 'q', FLAG_TEXT, AT(queues), 0, 0, "PREFIX",
     "only for queues whose names begin so, as mail.; default: all"},
    {"expires", 0, FLAG_DURATION, AT(expires_ms), 1000, 0, "DURATION",
     "good for that long, as 30d; default: until it is revoked"},
    STATE_FLAG,
    JSON_FLAG,
};

static const struct command make_command = {
    .name = "token make",
    .usage = "NAME --role ROLE [FLAGS]",
    .about = "Makes a token, and prints it: this once, for only its hash is kept.",
    .examples = "pinion token make ci --role enqueue --queue mail. --expires 30d\n"
                "TOKEN=$(pinion token make worker-7 --role work,enqueue)",
    .flags = make_flags,
    .flags_count = countof(make_flags),
    .common_at = COMMON_ABSENT,
    .words_min = 1,
    .words_max = 1,
    .expected = "a name for it",
};

static enum pinion_err add_token(struct token_set *set, void *ctx, struct error *why)
{
    return token_set_add(set, ctx, why);
}

static enum pinion_err read_make(const char *name, const struct token_flags *f, struct token *t,
                                 struct error *why)
{
    struct span queues = span_of(f->queues);

    if (token_name_check(span_of(name), why)) return why->code;
    if (!f->roles.len)
        return error_set(why, PINION_INVALID,
                         "expected --role with read, enqueue, work or admin");
    if (roles_parse((struct span){f->roles.data, f->roles.len}, &t->roles, why)) return why->code;
    if (queues.data && token_queues_check(queues, why)) return why->code;
    snprintf(t->name, sizeof t->name, "%s", name);
    snprintf(t->queues, sizeof t->queues, "%s", f->queues ? f->queues : "");
    t->made_ms = clock_wall_ms();
    t->expires_ms = f->expires_ms == FLAG_NONE ? 0 : t->made_ms + (int64_t)f->expires_ms;
    return PINION_OK;
}

static void print_made(const struct token *t, const char *secret, bool json)
{
    json_t *shape;

    if (!json) {
        printf("%s\n", secret);
        return;
    }
    shape = shape_token(t);
    json_object_set_new(shape, "token", json_string(secret));
    json_print(shape);
}

static enum pinion_err make(const char *name, const struct token_flags *f, struct error *why)
{
    char secret[TOKEN_SECRET_LEN + 1] = TOKEN_SECRET_PREFIX, *dir;
    struct token t = {.roles = 0};
    enum pinion_err err = read_make(name, f, &t, why);

    if (!err) err = state_dir_of_client(f->state, &dir, why);
    if (err) return err;
    state_random_hex(secret + strlen(secret), RANDOM_BYTES);
    token_hash(span_of(secret), t.hash);
    err = token_file_edit(dir, add_token, &t, why);
    if (!err) print_made(&t, secret, f->json);
    explicit_bzero(secret, sizeof secret);
    free(dir);
    return err;
}

static int make_main(int argc, char **argv)
{
    struct token_flags values = {.expires_ms = FLAG_NONE};
    struct error why = {0};
    int first, status;

    if (flags_read(&make_command, argc, argv, &values, &first, &status))
        status = make(argv[first], &values, &why) ? cli_fail(&why) : cli_finish(0);
    buffer_deinit(&values.roles);
    return status;
}

/* ---- list ------------------------------------------------------------------------------------ */

static const struct flag list_flags[] = {PAGE_FLAGS(AT(page), "NAME"), STATE_FLAG, JSON_FLAG};

static const struct command list_command = {
    .name = "token list",
    .usage = "[FLAGS]",
    .about = "Lists the tokens that were made, by name, and what they are good for. The token of\n"
             "the state folder, in its file `token`, may do everything, and is not among them.",
    .examples = "pinion token list\npinion token list --json | jq -r '.items[].name'",
    .flags = list_flags,
    .flags_count = countof(list_flags),
    .common_at = COMMON_ABSENT,
};

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct token *)a)->name, ((const struct token *)b)->name);
}

/* Leaves those of the page, by name. Gives where it would go on, in the set; NULL: that was all. */
static const char *cut_page(struct token_set *set, const struct page_values *page)
{
    size_t count = 0;

    if (set->count) qsort(set->tokens, set->count, sizeof *set->tokens, by_name);
    for (size_t i = 0; i < set->count; i++)
        if (page_has(page, span_of(set->tokens[i].name))) set->tokens[count++] = set->tokens[i];
    set->count = count;
    if (count <= page->limit) return NULL;
    set->count = (size_t)page->limit;
    return set->tokens[set->count - 1].name;
}

static void print_table(const struct token_set *set)
{
    static const char *const heads[] = {"NAME", "ROLES", "QUEUES", "MADE", "EXPIRES", NULL};
    struct buffer roles = BUFFER_INIT;
    struct table table;

    table_init(&table, heads);
    for (size_t i = 0; i < set->count; i++) {
        const struct token *t = &set->tokens[i];
        buffer_clear(&roles);
        roles_print(t->roles, &roles);
        table_add(&table, span_of(t->name));
        table_add(&table, span_of(roles.data));
        table_printf(&table, "%s*", t->queues);
        table_time(&table, t->made_ms);
        if (token_expired(t, clock_wall_ms())) table_add(&table, span_of("expired"));
        else if (t->expires_ms) table_time(&table, t->expires_ms);
        else table_add(&table, span_of("never"));
    }
    table_print(&table);
    table_deinit(&table);
    buffer_deinit(&roles);
}

static void print_json(const struct token_set *set, const char *next)
{
    json_t *items = json_array();

    for (size_t i = 0; i < set->count; i++)
        json_array_append_new(items, shape_token(&set->tokens[i]));
    json_print(shape_list(items, next));
}

static int list_main(int argc, char **argv)
{
    struct token_flags values = {.page = PAGE_INIT};
    struct token_set set = {0};
    struct error why = {0};
    const char *next;
    char *dir;
    int first, status;

    if (!flags_read(&list_command, argc, argv, &values, &first, &status)) return status;
    if (state_dir_of_client(values.state, &dir, &why)) return cli_fail(&why);
    if (token_file_read(dir, &set, &why)) {
        status = cli_fail(&why);
    } else {
        next = cut_page(&set, &values.page);
        if (values.json) print_json(&set, next);
        else print_table(&set);
        if (!values.json) page_tell(next);
        status = cli_finish(0);
    }
    token_set_deinit(&set);
    free(dir);
    return status;
}

/* ---- revoke ---------------------------------------------------------------------------------- */

static const struct flag revoke_flags[] = {STATE_FLAG, JSON_FLAG};

static const struct command revoke_command = {
    .name = "token revoke",
    .usage = "NAME [FLAGS]",
    .about = "Revokes a token. A service that runs does not know it any more from then on.",
    .examples = "pinion token revoke ci",
    .flags = revoke_flags,
    .flags_count = countof(revoke_flags),
    .common_at = COMMON_ABSENT,
    .words_min = 1,
    .words_max = 1,
    .expected = "the name of a token; pinion token list has them",
};

static enum pinion_err remove_token(struct token_set *set, void *ctx, struct error *why)
{
    if (token_set_remove(set, ctx)) return PINION_OK;
    return error_set(why, PINION_NOT_FOUND, "token %.80s: not found; pinion token list has them",
                     (const char *)ctx);
}

static int revoke_main(int argc, char **argv)
{
    struct token_flags values = {.json = false};
    struct error why = {0};
    enum pinion_err err;
    int first, status;
    char *dir;

    if (!flags_read(&revoke_command, argc, argv, &values, &first, &status)) return status;
    if (state_dir_of_client(values.state, &dir, &why)) return cli_fail(&why);
    err = token_file_edit(dir, remove_token, argv[first], &why);
    free(dir);
    if (err) return cli_fail(&why);
    if (values.json) json_print(json_pack("{s:s, s:b}", "name", argv[first], "revoked", 1));
    else printf("revoked %s\n", argv[first]);
    return cli_finish(0);
}

int token_main(int argc, char **argv)
{
    static const struct verb verbs[] = {
        {"make",   make_main,   "a new one, for a role and perhaps some queues"},
        {"list",   list_main,   "those that were made"                         },
        {"revoke", revoke_main, "it is good for nothing any more"              },
    };

    return verbs_run(verbs, countof(verbs), "token", argc, argv);
}
