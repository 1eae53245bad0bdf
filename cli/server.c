/* cli/server.c — the servers, joined over the queues that they serve. */
#include "cli/server.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "cli/flags.h"
#include "cli/page.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "base/time_text.h"
#include "control/shape.h"

struct server_flags {
    struct common common;
    struct page_values page;
};

static const struct flag list_flags[] = {
    PAGE_FLAGS(offsetof(struct server_flags, page), "SERVER"),
};

static const struct command list_command = {
    .name = "server list",
    .usage = "[FLAGS]",
    .about = "Lists the servers that run jobs, by name: what they handle, and when each was heard\n"
             "last. A server that was silent for three seconds is lost.",
    .examples = "pinion server list\npinion server list --json | jq -r '.items[].handlers[]'",
    .flags = list_flags,
    .flags_count = countof(list_flags),
};

static enum pinion_err join_queue(struct session *s, json_t *servers, struct span queue,
                                  struct error *why)
{
    struct queue_key key = queue_key(s->name_space, queue);
    struct request request = REQUEST_INIT;
    struct redisReply *reply = NULL;
    struct queue_view view;
    struct server_view server;
    enum pinion_err err;

    stats_build(&request, queue_key_span(&key));
    err = session_call(s, &request, &reply, why);
    request_deinit(&request);
    if (err) return err;
    if (!stats_read(reply, &view)) {
        for (size_t i = 0; i < stats_servers(reply); i++) {
            stats_server(reply, i, &server);
            shape_join_server(servers, &server, queue, view.now_us / 1000);
        }
    }
    sync_reply_free(reply);
    return PINION_OK;
}

enum pinion_err servers_read(struct session *s, json_t **ret_servers, struct error *why)
{
    struct queue_names queues = {0};
    enum pinion_err err = queue_names_read(s, &queues, why);
    json_t *servers = json_object();

    for (size_t i = 0; !err && i < queues.count; i++)
        err = join_queue(s, servers, queues.names[i], why);
    queue_names_deinit(&queues);
    if (err) json_decref(servers);
    else *ret_servers = servers;
    return err;
}

/* "a, b, c", or "-". */
static void add_words(struct table *t, const json_t *array)
{
    struct buffer text = BUFFER_INIT;

    for (size_t i = 0; i < json_array_size(array); i++) {
        const char *word = json_string_value(json_array_get(array, i));

        if (text.len) buffer_add_text(&text, ", ");
        buffer_add_text(&text, word ? word : "?");
    }
    table_add(t, (struct span){text.data, text.len});
    buffer_deinit(&text);
}

static void add_text(struct table *t, const json_t *server, const char *key)
{
    table_add(t, span_of(json_string_value(json_object_get(server, key))));
}

static int64_t number(const json_t *server, const char *key)
{
    return json_integer_value(json_object_get(server, key));
}

static int64_t seen_ms(const json_t *server)
{
    int64_t ms = 0;

    if (time_parse(span_of(json_string_value(json_object_get(server, "seen_at"))), 0, &ms, NULL))
        return 0;
    return ms;
}

/* A server of another version may not say what it does. */
static const char *state_of(const json_t *server)
{
    const char *state = json_string_value(json_object_get(server, "state"));

    if (!json_is_true(json_object_get(server, "alive"))) return "lost";
    return state ? state : "alive";
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The page's servers by name; the caller's. *ret_next borrows from `servers`. */
static json_t *cut_page(json_t *servers, const struct page_values *page, const char **ret_next)
{
    const char **names = xcalloc(json_object_size(servers) + 1, sizeof *names), *name;
    json_t *items = json_array(), *server;
    size_t count = 0;

    json_object_foreach (servers, name, server)
        if (page_has(page, span_of(name))) names[count++] = name;
    qsort(names, count, sizeof *names, by_name);
    for (size_t i = 0; i < count && i < page->limit; i++)
        json_array_append(items, json_object_get(servers, names[i]));
    *ret_next = count > page->limit ? names[page->limit - 1] : NULL;
    free(names);
    return items;
}

static void print_table(const json_t *items)
{
    static const char *const heads[] = {"SERVER", "STATE",  "HOST",    "PID",      "RUNNING",
                                        "HTTP",   "QUEUES", "HANDLES", "LAST HEARD", NULL};
    struct table table;

    table_init(&table, heads);
    for (size_t i = 0; i < json_array_size(items); i++) {
        const json_t *server = json_array_get(items, i);
        add_text(&table, server, "name");
        table_add(&table, span_of(state_of(server)));
        add_text(&table, server, "host");
        table_printf(&table, "%" PRId64, number(server, "pid"));
        table_printf(&table, "%" PRId64 "/%" PRId64, number(server, "running"),
                     number(server, "concurrency"));
        add_text(&table, server, "http");
        add_words(&table, json_object_get(server, "queues"));
        add_words(&table, json_object_get(server, "handlers"));
        table_time(&table, seen_ms(server));
    }
    table_print(&table);
    table_deinit(&table);
}

static void print_servers(json_t *servers, const struct server_flags *f)
{
    const char *next;
    json_t *items = cut_page(servers, &f->page, &next);

    if (f->common.json) {
        json_print(shape_list(items, next));
        return;
    }
    print_table(items);
    page_tell(next);
    json_decref(items);
}

static int list_main(int argc, char **argv)
{
    struct server_flags values = {.common = COMMON_INIT, .page = PAGE_INIT};
    struct session session;
    struct error why = {0};
    json_t *servers = NULL;
    enum pinion_err err;
    int first, status;

    if (!flags_read(&list_command, argc, argv, &values, &first, &status)) return status;
    if (session_open(&values.common, &session, &why)) return cli_fail(&why);
    err = servers_read(&session, &servers, &why);
    session_close(&session);
    if (err) return cli_fail(&why);
    print_servers(servers, &values);
    json_decref(servers);
    return cli_finish(0);
}

int server_main(int argc, char **argv)
{
    static const struct verb verbs[] = {
        {"list",   list_main,          "the servers and what they run"       },
        {"quiet",  server_quiet_main,  "it takes no more jobs, and stays"    },
        {"resume", server_resume_main, "a quiet one takes jobs again"        },
        {"stop",   server_stop_main,   "it ends, when what it runs has ended"},
    };

    return verbs_run(verbs, countof(verbs), "server", argc, argv);
}
