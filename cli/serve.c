#include "cli/verbs.h"

#include <ev.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include "base/log.h"
#include "base/memory.h"
#include "cli/flags.h"
#include "control/config.h"
#include "control/notify.h"
#include "control/plugins.h"
#include "control/service.h"

#define FLAG_WIDTH 24 /* of its column in the help */

/* A flag that is too long for its column, and the further lines of a help text, begin in a line of
 * their own. */
static void print_key(const struct config_key *key)
{
    char flag[80];
    int len = snprintf(flag, sizeof flag, "--%s%s%s", key->name, key->value ? " " : "",
                       key->value ? key->value : "");

    printf("  %c%c%c %-*s", key->letter ? '-' : ' ', key->letter ? key->letter : ' ',
           key->letter ? ',' : ' ', FLAG_WIDTH, flag);
    if (len > FLAG_WIDTH) printf("\n%*s", FLAG_WIDTH + 6, "");
    putchar(' ');
    for (const char *at = key->help; *at; at++) {
        putchar(*at);
        if (*at == '\n') printf("%*s", FLAG_WIDTH + 7, "");
    }
    putchar('\n');
}

static void print_help(void)
{
    puts("Usage: pinion serve [OPTIONS]\n"
         "Runs jobs: starts a private Redis (or uses yours), claims jobs, answers HTTP.\n");
    puts("  -c, --config FILE            read the configuration file first");
    for (size_t i = 0; config_key(i); i++) print_key(config_key(i));
    puts("\nExample:\n"
         "  pinion serve --command wc='wc -c' --queue mail=3 --queue default\n"
         "  (in another shell) pinion enqueue wc 'hello' --wait");
}

/* The flags, made from the table of keys; --config and --help besides. */
static size_t make_flags(struct option flags[FLAGS_MAX], char letters[3 * FLAGS_MAX])
{
    size_t n = 0, at = 0;

    for (; config_key(n) && n < FLAGS_MAX - 3; n++) {
        const struct config_key *key = config_key(n);
        flags[n] = (struct option){key->name, key->value ? required_argument : no_argument, NULL,
                                   (int)(256 + n)};
        if (!key->letter) continue;
        letters[at++] = key->letter;
        if (key->value) letters[at++] = ':';
    }
    memcpy(letters + at, "c:h", 4);
    flags[n] = (struct option){"config", required_argument, NULL, 'c'};
    flags[n + 1] = (struct option){"help", no_argument, NULL, 'h'};
    flags[n + 2] = (struct option){0};
    return n;
}

/* What a look at the verb finds: true: it was one, and nothing is to be done. */
static bool was_look(void)
{
    struct flag flags[FLAGS_MAX] = {
        {"config", 'c', FLAG_TEXT, 0, 0, 0, "FILE", "read the configuration file first"}};
    struct command command = {.name = "serve",
                              .usage = "[FLAGS]",
                              .flags = flags,
                              .flags_count = 1,
                              .common_at = COMMON_ABSENT};

    for (const struct config_key *key;
         command.flags_count < FLAGS_MAX && (key = config_key(command.flags_count - 1));
         command.flags_count++)
        flags[command.flags_count] = (struct flag){key->name, key->letter,
                                                   key->value ? FLAG_TEXT : FLAG_SWITCH, 0, 0, 0,
                                                   key->value, key->help};
    return flags_told(&command);
}

static const struct config_key *key_of(int flag)
{
    if (flag >= 256) return config_key((size_t)flag - 256);
    for (size_t i = 0; config_key(i); i++)
        if (config_key(i)->letter == flag) return config_key(i);
    return NULL;
}

/* Pass 1 finds the file, which the environment and then the flags of pass 2 beat. */
static enum pinion_err read_flags(int argc, char **argv, struct config *config,
                                  const char **ret_file, bool *ret_help, struct error *why)
{
    struct option flags[FLAGS_MAX];
    char letters[3 * FLAGS_MAX];
    int flag;

    make_flags(flags, letters);
    optind = 1;
    opterr = 0;
    while ((flag = getopt_long(argc, argv, letters, flags, NULL)) != -1) {
        const struct config_key *key = key_of(flag);
        if (flag == 'h')
            *ret_help = true;
        else if (flag == 'c')
            *ret_file = optarg;
        else if (flag == '?')
            return error_set(why, PINION_INVALID,
                             "%s: unknown flag, or its value is missing; see pinion serve --help",
                             argv[optind - 1]);
        else if (config && key) {
            enum pinion_err err = config_set(config, key->name, key->value ? optarg : "yes", why);
            if (err) return err;
        }
    }
    if (optind < argc)
        return error_set(why, PINION_INVALID,
                         "'%s': serve takes flags only; see pinion serve --help", argv[optind]);
    return PINION_OK;
}

static enum pinion_err configure(int argc, char **argv, struct config *config, bool *ret_help,
                                 struct error *why)
{
    const char *file = NULL;
    enum pinion_err err = read_flags(argc, argv, NULL, &file, ret_help, why);

    if (err || *ret_help) return err;
    if (file) err = config_load_file(config, file, why);
    if (!err) err = config_load_env(config, why);
    if (!err) err = read_flags(argc, argv, config, &file, ret_help, why);
    if (!err) err = config_finish(config, why);
    return err;
}

static void on_signal(struct ev_loop *loop, ev_signal *signal, int events)
{
    (void)loop, (void)events;
    service_stop(signal->data);
}

/* What a reload reads again: the file, the environment, and the flags of the start. */
struct words {
    struct service *service;
    int argc;
    char **argv;
};

static void on_hangup(struct ev_loop *loop, ev_signal *signal, int events)
{
    const struct words *words = signal->data;
    struct config fresh;
    struct error why = {0};
    bool help = false, serves = service_serves(words->service);
    enum pinion_err err;

    (void)loop, (void)events;
    if (serves) notify_reloading();
    config_init(&fresh);
    err = configure(words->argc, words->argv, &fresh, &help, &why);
    if (!err) err = service_reload(words->service, &fresh, &why);
    if (err) log_error("reload_refused", LOG_TEXT("error", why.text));
    config_deinit(&fresh);
    if (serves) notify("READY=1"); /* also where it was refused */
}

static enum pinion_err serve(const struct config *config, int argc, char **argv, struct error *why)
{
    struct service *service = service_new(NULL, config);
    struct ev_loop *loop = service_loop(service);
    struct words words = {service, argc, argv};
    struct plugins *plugins = NULL;
    ev_signal term, interrupt, hangup;
    enum pinion_err err;

    service_take_orphans(service);
    ev_signal_init(&term, on_signal, SIGTERM);
    ev_signal_init(&interrupt, on_signal, SIGINT);
    term.data = interrupt.data = service;
    ev_signal_start(loop, &term);
    ev_signal_start(loop, &interrupt);
    ev_signal_init(&hangup, on_hangup, SIGHUP);
    hangup.data = &words;
    ev_signal_start(loop, &hangup);
    service_notify(service);
    err = plugins_load(service, &plugins, why);
    if (!err) err = service_start(service, why);
    if (!err) err = service_run(service, why);
    ev_signal_stop(loop, &term);
    ev_signal_stop(loop, &interrupt);
    ev_signal_stop(loop, &hangup);
    plugins_free(plugins);
    service_free(service);
    return err;
}

/* Connections and the pipes of commands are many: take what the system lets us have. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit)) return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

int serve_main(int argc, char **argv)
{
    struct config config;
    struct error why = {0};
    bool help = false;
    enum pinion_err err;

    if (was_look()) return 0;
    config_init(&config);
    err = configure(argc, argv, &config, &help, &why);
    if (help && !err) {
        print_help();
    } else if (!err) {
        log_set(config.log_level, config.log_format);
        raise_descriptor_limit();
        err = serve(&config, argc, argv, &why);
    }
    if (err) fprintf(stderr, "pinion: %s\n", why.text);
    config_deinit(&config);
    return error_exit(err);
}
