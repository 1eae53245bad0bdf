/* control/redis_log.c — reading the end of the embedded Redis' log. */
#include "control/redis_log.h"
#include "control/redis_conf.h"
#include "base/memory.h"
#include "base/text.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

off_t redis_log_end(const char *dir)
{
    char *path = xasprintf("%s/" REDIS_CONF_LOG, dir);
    struct stat st = {0};
    bool there = stat(path, &st) == 0;

    free(path);
    return there ? st.st_size : 0;
}

void redis_log_rotate(const char *dir)
{
    char *path, *old;

    if (redis_log_end(dir) <= REDIS_CHILD_LOG_BYTES_MAX) return;
    path = xasprintf("%s/" REDIS_CONF_LOG, dir);
    old = xasprintf("%s.1", path);
    rename(path, old);
    free(path);
    free(old);
}

static size_t read_end(const char *dir, off_t from, char text[REDIS_LOG_BYTES_MAX + 1])
{
    char *path = xasprintf("%s/" REDIS_CONF_LOG, dir);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    off_t end = redis_log_end(dir);
    ssize_t len = -1;

    if (end - from > REDIS_LOG_BYTES_MAX) from = end - REDIS_LOG_BYTES_MAX;
    if (fd >= 0) {
        len = pread(fd, text, REDIS_LOG_BYTES_MAX, from);
        close(fd);
    }
    free(path);
    if (len < 0) len = 0;
    text[len] = '\0';
    return (size_t)len;
}

/* Without what Redis puts before each line: `PID:ROLE 23 Nov 2026 05:47:20.669 # `. The last line
 * alone is seldom the reason, and stripped, two of them fit. */
static struct span message_of(struct span line)
{
    size_t digits = 0, skip;

    while (digits < line.len && line.data[digits] >= '0' && line.data[digits] <= '9') digits++;
    skip = digits + strlen(":M 23 Nov 2026 05:47:20.669 # ");
    if (digits && skip <= line.len && line.data[digits] == ':' &&
        strchr("#*-.", line.data[skip - 2]))
        line = (struct span){line.data + skip, line.len - skip};
    return line;
}

void redis_log_said(const char *dir, off_t from, char ret_said[REDIS_LOG_SAID_MAX + 1])
{
    char text[REDIS_LOG_BYTES_MAX + 1];
    struct buffer said = BUFFER_INIT, shown = BUFFER_INIT;
    struct span rest = {text, read_end(dir, from, text)};
    size_t start = 0;

    while (rest.len) {
        struct span message = message_of(span_cut(&rest, '\n'));

        if (message.len && said.len) buffer_add_char(&said, '\n');
        buffer_add(&said, message.data, message.len);
    }
    if (said.len > REDIS_LOG_SAID_MAX) {
        start = said.len - REDIS_LOG_SAID_MAX;
        const char *newline = memchr(said.data + start - 1, '\n', said.len - start);
        if (newline) start = (size_t)(newline - said.data) + 1;
    }
    if (said.len) text_add_printable(&shown, said.data + start, said.len - start);
    snprintf(ret_said, REDIS_LOG_SAID_MAX + 1, "%s", shown.data ? shown.data : "");
    buffer_deinit(&said);
    buffer_deinit(&shown);
}

bool redis_log_has(const char *dir, off_t from, const char *words)
{
    char text[REDIS_LOG_BYTES_MAX + 1];

    return read_end(dir, from, text) && strstr(text, words);
}
