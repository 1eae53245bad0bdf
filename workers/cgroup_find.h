/* workers/cgroup_find.h — which folder of cgroup2 this process is in, and whether it is ours to
 * divide.
 *
 * A folder is delegated where the service manager has marked it so (the extended attribute
 * user.delegate or trusted.delegate is 1): nobody else then makes folders in it, or removes them.
 * Any thread.
 */
#ifndef PINION_WORKERS_CGROUP_FIND_H
#define PINION_WORKERS_CGROUP_FIND_H

#include <stdbool.h>

/* From the texts of /proc/self/cgroup and /proc/self/mountinfo; caller frees. NULL: there is no
 * cgroup2, or no mount shows our folder. Of several mounts the narrowest counts. Pure. */
char *cgroup_path(const char *cgroup, const char *mountinfo);

char *cgroup_find(void); /* the same, of this process */
bool  cgroup_delegated(const char *path);

#endif
