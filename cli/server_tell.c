/* cli/server_tell.c — quiet, resume and stop: a server is told, and looked at until it is so. */
#include "cli/server.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include "base/clock.h"
#include "base/memory.h"
#include "cli/flags.h"
#include "cli/table.h"
#include "control/server_verb.h"
#include "control/shape.h"
#include "queue/steer.h"

struct tell_flags {
    struct common common;
};

static const struct command commands[SERVER_VERBS] = {
    [SERVER_QUIET] =
        {
            .name = "server quiet",
            .usage = "[SERVER] [FLAGS]",
            .about = "The server takes no more jobs, leases none to workers elsewhere, and ends\n"
                     "those that it runs. It stays, and looks after its queues. SERVER may be\n"
                     "left out if only one is alive.",
            .examples = "pinion server quiet\npinion server quiet 3f9a2c517be0",
            .words_max = 1,
        },
    [SERVER_RESUME] =
        {
            .name = "server resume",
            .usage = "[SERVER] [FLAGS]",
            .about = "A quiet server takes jobs again.",
            .examples = "pinion server resume 3f9a2c517be0",
            .words_max = 1,
        },
    [SERVER_STOP] =
        {
            .name = "server stop",
            .usage = "[SERVER] [FLAGS]",
            .about = "The server takes no more jobs, gives those that run its --grace, and ends,\n"
                     "as by SIGTERM. SERVER may be left out if only one is alive.",
            .examples = "pinion server stop 3f9a2c517be0",
            .words_max = 1,
        },
};

static enum pinion_err tell(struct session *s, enum server_verb verb, const char *name,
                            struct error *why)
{
    struct request request = REQUEST_INIT;
    struct redisReply *reply = NULL;
    enum pinion_err err;

    server_tell_build(&request, s->name_space, name, server_verb_name(verb));
    err = session_call(s, &request, &reply, why);
    request_deinit(&request);
    if (err) return err;
    if (!server_told(reply))
        err = error_set(why, PINION_UNAVAILABLE, "server '%s' does not hear us", name);
    sync_reply_free(reply);
    return err;
}

/* *ret_server: as it is then; NULL: it has gone. */
static enum pinion_err tell_until_done(struct session *s, enum server_verb verb, const char *name,
                                       json_t **ret_server, struct error *why)
{
    uint64_t until_ms = clock_mono_ms() + SERVER_TELL_MS;
    bool heard = false;

    for (unsigned look = 0; clock_mono_ms() < until_ms; look++) {
        json_t *servers, *server;
        enum pinion_err err = look % SERVER_LOOKS == 0 ? tell(s, verb, name, why) : PINION_OK;

        if (!err) heard = true;
        if (!err) err = servers_read(s, &servers, why);
        /* Its private Redis has ended with it. */
        if (err) return heard && verb == SERVER_STOP ? PINION_OK : err;
        server = json_incref(json_object_get(servers, name));
        json_decref(servers);
        if (server_verb_done(verb, server)) {
            *ret_server = server;
            return PINION_OK;
        }
        json_decref(server);
        nanosleep(&(struct timespec){.tv_nsec = SERVER_LOOK_MS * 1000000}, NULL);
    }
    return error_set(why, PINION_UNAVAILABLE,
                     "server '%s' was told to %s, and has not done so within %d s", name,
                     server_verb_name(verb), SERVER_TELL_MS / 1000);
}

static void report(const struct tell_flags *f, const char *name, json_t *server)
{
    const char *state = json_string_value(json_object_get(server, "state"));

    if (!f->common.json)
        printf("%s\n", state ? state : "stopped");
    else
        json_print(server ? json_incref(server)
                          : json_pack("{s:s, s:s, s:b}", "name", name, "state", "stopped", "alive",
                                      false));
}

static int tell_main(enum server_verb verb, int argc, char **argv)
{
    struct tell_flags values = {.common = COMMON_INIT};
    struct session session;
    struct error why = {0};
    json_t *servers = NULL, *server = NULL;
    char *name = NULL;
    enum pinion_err err;
    int first, status;

    if (!flags_read(&commands[verb], argc, argv, &values, &first, &status)) return status;
    if (session_open(&values.common, &session, &why)) return cli_fail(&why);
    err = servers_read(&session, &servers, &why);
    if (!err) err = server_pick(verb, servers, first < argc ? argv[first] : NULL, &server, &why);
    if (!err) name = xstrdup(json_string_value(json_object_get(server, "name")));
    json_decref(servers);
    server = NULL;
    if (!err) err = tell_until_done(&session, verb, name, &server, &why);
    session_close(&session);
    if (!err) report(&values, name, server);
    json_decref(server);
    free(name);
    return err ? cli_fail(&why) : cli_finish(0);
}

int server_quiet_main(int argc, char **argv)
{
    return tell_main(SERVER_QUIET, argc, argv);
}

int server_resume_main(int argc, char **argv)
{
    return tell_main(SERVER_RESUME, argc, argv);
}

int server_stop_main(int argc, char **argv)
{
    return tell_main(SERVER_STOP, argc, argv);
}
