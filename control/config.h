/* control/config.h — everything `pinion serve` can be told, from one table of keys.
 *
 *     config_init, config_load_file, config_load_env, config_set for each flag, config_finish
 *
 * In this order a later word beats an earlier one. Queues and hosts are lists: the first one that a
 * stronger source names replaces the whole list of the weaker ones. Handlers are told apart by
 * their kind, and those of one sort replace each other singly. Any thread, but one at a time.
 *
 * The file is INI: `[serve]` with the long flags as keys, `[queue "mail"]`, `[command "wc"]`,
 * `[webhook "user.*"]`, `[exec "pinion.exec"]`, `[schedule "nightly"]`.
 * An indented line goes on with the value above; `;` or `#` begins a comment line, ` ;` a comment
 * behind a value.
 */
#ifndef PINION_CONTROL_CONFIG_H
#define PINION_CONTROL_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/error.h"
#include "base/log.h"
#include "control/redis_child.h"
#include "queue/limit.h"
#include "queue/steer.h"
#include "workers/address_guard.h"
#include "workers/limits.h"
#include "workers/webhook.h"
#include "workers/program.h"

#define CONFIG_FILE_BYTES_MAX   (1024 * 1024)
#define CONFIG_HOSTS_MAX        64
#define CONFIG_PLUGINS_MAX      64
#define CONFIG_SCHEDULES_MAX    10000
#define CONFIG_GRACE_MS_MAX     86400000
#define CONFIG_CONNECTIONS_MAX  1000000
#define CONFIG_IDLE_MS_MAX      86400000
#define CONFIG_MEMORY_MIN       (UINT64_C(1) * 1024 * 1024) /* of a program */
#define CONFIG_BYTES_MAX        (UINT64_C(1) << 50)
#define CONFIG_LIMIT_MAX        1000000000 /* files and processes of a program */
#define CONFIG_NICE_MAX         19
#define CONFIG_MAXMEMORY_MIN    (UINT64_C(16) * 1024 * 1024)
#define CONFIG_MAXMEMORY_MAX    (UINT64_C(1) << 50)

struct json_t;

/* Which changes over HTTP the log tells of: all, those that need the role admin, or none. */
enum config_audit { CONFIG_AUDIT_ALL, CONFIG_AUDIT_ADMIN, CONFIG_AUDIT_NONE };
enum config_source { CONFIG_DEFAULT, CONFIG_FILE, CONFIG_ENV, CONFIG_FLAG };

struct config_queue {
    char              *name;
    unsigned           weight; /* turns at claiming, 1 .. WEIGHT_MAX; 0 until finished: 1 */
    char              *on_dead; /* when finished, else that of struct config; NULL: as it is */
    struct limit      *limits; /* of what the file names; the rest stays as Redis has it */
    size_t             limit_count;
    struct bounds      bounds;
    enum config_source from;   /* private */
};

/* What runs the jobs of a kind: [command "wc"]. */
enum config_runner { CONFIG_COMMAND, CONFIG_WEBHOOK, CONFIG_EXEC, CONFIG_RUNNERS };

struct config_handler {
    enum config_runner runner;
    char    *kind;
    unsigned concurrency; /* 0: as many as the service */
    uint64_t timeout_ms;  /* 0: the job's own */
    unsigned attempts_max; /* no more than these; 0: the job's own */
    char    *backoff;     /* NULL: the job's own */
    char    *on_dead;     /* kind of what carries its dead jobs; "": none; NULL: as the queue's */
    char   **argv;        /* of a command: one block, ends with NULL; NULL only until finished */
    char    *url;         /* of a webhook; NULL only until finished */
    char    *secret, *secret_file; /* NULL: none; not both */
    struct status_set retry_4xx;
    unsigned host_concurrency; /* of the URL's host; 0: the default */
    struct program_options program; /* of a command, or exec; its text is owned */
};

struct config_schedule {
    char          *name;
    struct json_t *shape; /* what the section says, as of control/new_schedule.h; checked when
                           * finished */
};

/* All text is owned; read it, change it by config_set. */
struct config {
    char             *redis;  /* URL; NULL: a private redis-server in the state folder */
    char             *listen; /* "ADDR:PORT" or "unix:PATH"; NULL: no HTTP ("none") */
    char             *tls_cert, *tls_key; /* files, PEM; both or neither: NULL */
    char             *state;  /* NULL: the default folder, see state.h */
    char             *name_space;
    char             *cgroup; /* folder for commands; "": none; NULL: ours if delegated */
    unsigned          concurrency;
    unsigned          threads; /* attempts at once of a handler on threads; 0: as many as may run */
    bool              strict; /* queues are served strictly in their order */
    uint64_t          grace_ms, lease_ms;
    unsigned          memory_mark; /* per cent of Redis's maxmemory; 0: none */
    enum log_level    log_level;
    enum log_format   log_format;
    bool              allow_eviction;
    bool              require_token; /* also for reading from this machine */
    bool              insecure; /* may listen beyond this machine without TLS */
    enum config_audit audit;
    bool              exec;    /* jobs of EXEC_KIND say what to run */
    char             *on_dead; /* kind of what carries dead jobs; "": none; NULL: as it is */
    enum redis_fsync  fsync;
    uint64_t          maxmemory_bytes; /* 0: half of the machine's */
    unsigned          http_connections, http_peer_connections; /* 0: as control/http/limits.h */
    uint64_t          http_idle_ms;    /* likewise */
    char            **hosts;           /* names that a request may ask for, besides our address */
    size_t            host_count;
    struct address_range *webhook_allow; /* forbidden addresses that webhooks may reach */
    size_t                webhook_allow_count;
    char            **plugins;         /* files */
    size_t            plugin_count;
    struct config_queue *queues;
    size_t               queue_count;
    struct config_handler *handlers;
    size_t                 handler_count;
    struct config_schedule *schedules;
    size_t                  schedule_count;

    enum config_source source, hosts_from, allow_from, plugins_from, queues_from; /* private */
};

void config_init(struct config *); /* the defaults */
void config_deinit(struct config *);

/* PINION_INVALID: "FILE:LINE: what was expected"; PINION_NOT_FOUND: no such file. */
enum pinion_err config_load_file(struct config *, const char *path, struct error *why) must_use;
/* What the environment says; an empty variable counts as unset. */
enum pinion_err config_load_env(struct config *, struct error *why) must_use;
/* One flag, by its long name without dashes; a switch takes "yes" or "no". */
enum pinion_err config_set(struct config *, const char *key, const char *value,
                           struct error *why) must_use;
/* After the last word: drops what was replaced, adds the queue "default" if none was named. Queues
 * are in the order in which the strongest source named them. */
enum pinion_err config_finish(struct config *, struct error *why) must_use;

bool config_has_tls(const struct config *); /* HTTP is spoken inside TLS */
bool config_queue_bounded(const struct config_queue *); /* it names a bound */

/* The table as the command line needs it. */
struct config_key {
    const char *name;
    char        letter; /* 0: none */
    const char *value;  /* what to call the value in a help text; NULL: a switch */
    const char *help;
};

const struct config_key *config_key(size_t index); /* NULL: no more */

#endif
