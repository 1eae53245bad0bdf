#include "control/plugins.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "base/memory.h"
#include "control/pinion_shared.h"
#include "control/service.h"

struct plugins {
    struct pinion_service *face;
    const struct pinion_plugin *begun[CONFIG_PLUGINS_MAX];
    size_t count;
};

/* The loader looks for a bare name elsewhere; here it is a file, as with any other flag. */
static void *open_file(const char *file)
{
    char *path = strchr(file, '/') ? xstrdup(file) : xasprintf("./%s", file);
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);

    free(path);
    return handle;
}

static enum pinion_err find_entry(const char *file, const struct pinion_plugin **ret_plugin,
                                  struct error *why)
{
    void *handle = open_file(file);
    const struct pinion_plugin *plugin;

    if (!handle)
        return error_set(why, PINION_INVALID, "plugin %s: cannot be loaded: %s", file, dlerror());
    plugin = dlsym(handle, "pinion_plugin");
    if (!plugin)
        return error_set(why, PINION_INVALID,
                         "plugin %s: expected it to define 'const struct pinion_plugin "
                         "pinion_plugin' of pinion.h",
                         file);
    if (plugin->abi != PINION_ABI)
        return error_set(why, PINION_INVALID,
                         "plugin %s: made for version %u of the interface, expected %u: build it "
                         "with the pinion.h of %s",
                         file, plugin->abi, PINION_ABI, PINION_VERSION);
    if (!plugin->init)
        return error_set(why, PINION_INVALID, "plugin %s: expected it to have an init", file);
    *ret_plugin = plugin;
    return PINION_OK;
}

/* Its handlers come before those of the config are made, so that it can be named here. */
static enum pinion_err check_kinds(const struct service *s, const char *file, struct error *why)
{
    const struct config *c = service_config(s);

    for (size_t i = 0; i < c->handler_count; i++)
        if (service_handles(s, c->handlers[i].kind))
            return error_set(why, PINION_INVALID,
                             "plugin %s: kind '%s' has a handler already, in the configuration",
                             file, c->handlers[i].kind);
    return PINION_OK;
}

static enum pinion_err begin(struct plugins *p, const char *file, struct error *why)
{
    const struct pinion_plugin *plugin = NULL;
    char text[sizeof why->text / 2] = "";
    enum pinion_err err = find_entry(file, &plugin, why);

    if (err) return err;
    err = plugin->init(p->face, text, sizeof text);
    if (err)
        return error_set(why, PINION_INVALID, "plugin %s: its init failed: %s%s%s", file,
                         error_name(err), *text ? ": " : "", text);
    p->begun[p->count++] = plugin;
    log_info("plugin", LOG_TEXT("file", file));
    return PINION_OK;
}

enum pinion_err plugins_load(struct service *s, struct plugins **ret_plugins, struct error *why)
{
    const struct config *c = service_config(s);
    struct plugins *p;

    if (!c->plugin_count) {
        *ret_plugins = NULL;
        return PINION_OK;
    }
    p = xcalloc(1, sizeof *p);
    p->face = service_face_new(s);
    for (size_t i = 0; i < c->plugin_count; i++) {
        enum pinion_err err = begin(p, c->plugins[i], why);
        if (!err) err = check_kinds(s, c->plugins[i], why);
        if (!err) continue;
        plugins_free(p);
        return err;
    }
    *ret_plugins = p;
    return PINION_OK;
}

void plugins_free(struct plugins *p)
{
    if (!p) return;
    while (p->count) {
        const struct pinion_plugin *plugin = p->begun[--p->count];
        if (plugin->deinit) plugin->deinit();
    }
    service_face_free(p->face);
    free(p);
}
