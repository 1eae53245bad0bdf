#include "tests/kill/features.h"

#include <stdio.h>
#include <string.h>
#include "base/macros.h"
#include "tests/kill/books.h"
#include "tests/kill/server.h"

#define KIND_OF_COMMANDS "log"

static void run(const char *what, const char *const words[])
{
    if (server_command(words)) give_up("%s failed", what);
}

static void name_batch(unsigned i, char name[16])
{
    snprintf(name, 16, "batch-%u", i);
}

void features_begin(const char *redis_url)
{
    char limit[8], name[16];
    const char *const limits[] = {
        "queue",         "limit", FEATURES_QUEUE, "--kind",  KIND_OF_COMMANDS,
        "--concurrency", limit,   "--redis",      redis_url, NULL};
    const char *const opening[] = {
        "batch", "open", name, "--on-complete", KIND_OF_COMMANDS, "1", "--redis", redis_url, NULL};

    snprintf(limit, sizeof limit, "%d", FEATURES_LIMIT);
    run("queue limit", limits);
    for (unsigned i = 0; i < FEATURES_BATCHES; i++) {
        name_batch(i, name);
        run("batch open", opening);
    }
}

void features_close(const char *redis_url)
{
    char name[16];
    const char *const words[] = {"batch", "close", name, "--redis", redis_url, NULL};

    for (unsigned i = 0; i < FEATURES_BATCHES; i++) {
        name_batch(i, name);
        run("batch close", words);
    }
}

static void check_batch(const char *redis_url, const char *name, struct history *h)
{
    static const char label[] = "\"on_complete\":\"";
    const char *const words[] = {"batch", "show", name, "--json", "--redis", redis_url, NULL};
    char text[4096], id[HISTORY_ID_MAX], *from, *to = text;

    if (server_ask(words, text, sizeof text)) give_up("batch show failed");
    for (char *c = text; *c; c++)
        if (*c != ' ' && *c != '\n') *to++ = *c;
    *to = '\0';
    from = strstr(text, label);
    if (!strstr(text, "\"state\":\"complete\"") || !strstr(text, "\"pending\":0") || !from)
        give_up("a batch is not complete, though no job is left: %s", text);
    from += strlen(label);
    snprintf(id, sizeof id, "%.*s", (int)strcspn(from, "\""), from);
    history_add(h, id, (struct fact){.kind = FACT_ACCEPTED, .logs = true});
}

static void check_left_over(const char *socket)
{
    static const char *const names[] = {"uniques", "holds", "parked", "active", "tokens", "marks"};
    struct books *books = books_open(socket);
    bool there = false;

    for (size_t i = 0; i < countof(names); i++) {
        if (!books || !books_have(books, FEATURES_QUEUE, names[i], &there)) give_up("no books");
        if (there) give_up("the key '%s' is left, though no job is", names[i]);
    }
    books_close(books);
}

void features_check(const char *redis_url, const char *socket, struct history *h)
{
    char name[16];

    check_left_over(socket);
    for (unsigned i = 0; i < FEATURES_BATCHES; i++) {
        name_batch(i, name);
        check_batch(redis_url, name, h);
    }
}
