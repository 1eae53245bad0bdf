/* "Europe/Berln" is no zone: which one was meant? A walk over the zone folder, and the number of
 * letters that would have to change. Only for the words of an error. */
#include "scheduler/zone_data.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include "base/macros.h"

#define DEPTH_MAX         3 /* America/Argentina/Ushuaia */
#define ENTRIES_MAX       4096
#define PATH_MAX_OF_ZONES 1024

struct search {
    const char *typed;
    unsigned entries;
    size_t best;
    char best_name[ZONE_NAME_MAX + 1];
};

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Letters to change, add or drop, whatever their case. Both at most ZONE_NAME_MAX long. */
static size_t distance(const char *a, const char *b)
{
    size_t row[ZONE_NAME_MAX + 1], b_len = strlen(b);

    for (size_t j = 0; j <= b_len; j++) row[j] = j;
    for (size_t i = 0; a[i]; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < b_len; j++) {
            bool same = tolower((unsigned char)a[i]) == tolower((unsigned char)b[j]);
            size_t cost = least(diagonal + !same, least(row[j], row[j + 1]) + 1);
            diagonal = row[j + 1];
            row[j + 1] = cost;
        }
    }
    return row[b_len];
}

static void consider(struct search *s, const char *name)
{
    const char *city = strrchr(name, '/');
    size_t d = distance(s->typed, name);

    if (city) d = least(d, distance(s->typed, city + 1) + 1); /* "Berlin" */
    if (d > s->best || (d == s->best && strcmp(name, s->best_name) > 0)) return;
    s->best = d;
    strcpy(s->best_name, name);
}

/* Names of zones begin with a capital; right/, posix/, leapseconds and *.tab do not. */
static bool may_be_zone(const struct dirent *entry)
{
    return entry->d_name[0] >= 'A' && entry->d_name[0] <= 'Z' && !strchr(entry->d_name, '.');
}

static void walk(struct search *s, const char *folder, const char *prefix, int depth)
{
    char path[PATH_MAX_OF_ZONES], name[ZONE_NAME_MAX + 1];
    DIR *dir = opendir(folder);
    struct stat st;

    if (!dir) return;
    for (struct dirent *entry; (entry = readdir(dir)) && s->entries < ENTRIES_MAX;) {
        if (!may_be_zone(entry)) continue;
        s->entries++;
        int n = snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        int m = snprintf(name, sizeof name, "%s%s%s", prefix, *prefix ? "/" : "", entry->d_name);
        if (n >= (int)sizeof path || m >= (int)sizeof name || stat(path, &st)) continue;
        if (S_ISREG(st.st_mode)) consider(s, name);
        if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX) walk(s, path, name, depth + 1);
    }
    closedir(dir);
}

bool zone_nearest_name(const char *folder, const char *typed, char ret_name[ZONE_NAME_MAX + 1])
{
    size_t len = strlen(typed);
    struct search s = {.typed = typed, .best = 1 + len / 4}; /* farther is no slip of the hand */

    if (!len || len > ZONE_NAME_MAX) return false;
    s.best_name[0] = '\x7f'; /* greater than any name */
    walk(&s, folder, "", 1);
    if (s.best_name[0] == '\x7f') return false;
    strcpy(ret_name, s.best_name);
    return true;
}
