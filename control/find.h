/* control/find.h — which Redis a client talks to.
 *
 * In this order: the URL that was given, PINION_REDIS_URL, the state folder that was given,
 * PINION_STATE, the user's folder if it has a pinion.json, /var/lib/pinion.
 */
#ifndef PINION_CONTROL_FIND_H
#define PINION_CONTROL_FIND_H

#include <stdbool.h>
#include <stdint.h>
#include "base/error.h"

struct find_options {
    const char *redis_url; /* NULL: not given; the same for state_dir */
    const char *state_dir;
    uint64_t    wait_ms;   /* for a service that is about to start, until its folder tells */
    bool        at_once;   /* wait only while one holds the folder: it starts, or stops */
};

/* Blocks up to wait_ms. The caller frees *ret_url. PINION_UNAVAILABLE: nobody serves the folder. */
enum pinion_err find_redis(const struct find_options *, char **ret_url, struct error *why) must_use;
/* The state folder that would tell, the caller's to free. PINION_NOT_FOUND: a URL was given. */
enum pinion_err find_folder(const struct find_options *, char **ret_dir, struct error *why)
    must_use;
/* Is it a folder, and does a service live there, whatever it tells? */
bool find_is_served(const struct find_options *);

#endif
