/* control/plugins.h — handlers in C that `pinion serve` loads: struct pinion_plugin of pinion.h.
 *
 * A file is looked at before it may do anything: no entry, or one for another interface, and its
 * init is not called. It is never unloaded: what it has given to the service points into it.
 */
#ifndef PINION_CONTROL_PLUGINS_H
#define PINION_CONTROL_PLUGINS_H

#include "base/error.h"

struct plugins;
struct service;

/* Those of the service's config, in their order; before service_start, on the loop's thread. The
 * service is borrowed. PINION_INVALID names the file and what was expected; those that were begun
 * have been ended then, and *ret_plugins is untouched. NULL comes for no plugins. */
enum pinion_err plugins_load(struct service *, struct plugins **ret_plugins,
                             struct error *why) must_use;
/* Ends them, the last one first; the service has stopped or never started. NULL: no-op. */
void plugins_free(struct plugins *);

#endif
