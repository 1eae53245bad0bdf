/* tests/scripts/audit_rig.h — the audit of queue/ over a rig: is all well, and was it mended? */
#ifndef PINION_TESTS_SCRIPTS_AUDIT_RIG_H
#define PINION_TESTS_SCRIPTS_AUDIT_RIG_H

#include "queue/audit.h"
#include "tests/scripts/rig.h"

/* Over all that is in the rig; audit_deinit is the caller's. */
void audit_rig(struct rig *, bool repair, struct audit *ret);
/* "KIND SUBJECT" is among the findings. */
bool audit_found(const struct audit *, const char *kind, const char *subject);
/* Fails with what was found, if anything was. */
void audit_clean(struct rig *, const char *when);

#endif
