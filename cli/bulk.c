/* cli/bulk.c — lines of JSON become jobs, BULK_ITEMS_MAX at a time.
 *
 *      FILE    check all lines -> rewind -> connect -> read, send, read, send, ...
 *      -                          connect -> read what is there, send, wait for more, ...
 *
 * Memory is bounded by what is pending, never by the file.
 */
#include "cli/bulk.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/memory.h"
#include "base/time_text.h"
#include "cli/connect.h"
#include "cli/lines.h"
#include "cli/progress.h"
#include "cli/table.h"
#include "control/enqueuer.h"
#include "control/new_job.h"
#include "control/shape.h"
#include "queue/job.h"

#define BULK_ITEMS_MAX 4096
#define BULK_BYTES_MAX (8 * 1024 * 1024) /* of lines that are pending, less the last one's */

struct pending {
    struct new_job new;
    uint64_t       line;
    size_t         bytes; /* of that line: what it took to keep it */
    size_t         at;    /* where its answer stands */
};

struct bulk {
    const struct pinion_job *defaults;
    const char      *name; /* of the file, for messages */
    bool             stream, json;
    uint64_t         give_up_ms;
    struct lines     lines;
    struct enqueuer *enqueuer;
    size_t           count, bytes; /* of what is pending */
    uint64_t         taken, existing, conflicts; /* conflicts were told one by one */
    struct progress  progress;
    enum pinion_err  refused;      /* of the last conflict: the others go on */
    struct pending   pending[BULK_ITEMS_MAX];
    size_t           order[BULK_ITEMS_MAX];
    struct pinion_job      jobs[BULK_ITEMS_MAX]; /* in that order */
    struct pinion_enqueued answers[BULK_ITEMS_MAX];
};

/* FILE:LINE: reason. */
static enum pinion_err at_line(const struct bulk *b, uint64_t line, enum pinion_err err,
                               const char *reason, struct error *why)
{
    return error_set(why, err, "%.100s:%" PRIu64 ": %s", b->name, line, reason);
}

static bool is_empty(struct span line)
{
    while (line.len && strchr(" \t\r", line.data[line.len - 1])) line.len--;
    return line.len == 0;
}

/* The next job; PINION_NOT_FOUND: there is none any more. */
static enum pinion_err next_job(struct bulk *b, struct pending *ret, struct error *why)
{
    struct error reason = {0};
    struct span line;
    enum pinion_err err;

    do err = lines_next(&b->lines, &line, &reason);
    while (!err && is_empty(line));
    if (!err) err = new_job_read(line, b->defaults, &ret->new, &reason);
    ret->line = b->lines.number;
    ret->bytes = err ? 0 : line.len;
    return err && err != PINION_NOT_FOUND ? at_line(b, ret->line, err, reason.text, why) : err;
}

/* ---- sending --------------------------------------------------------------------------------- */

/* Jobs of one queue travel together, so they stand together, in the order in which they came;
 * unless one waits for a job of another queue, which may stand in a line before it. */
static int by_queue(const void *a, const void *b, void *pending)
{
    const size_t *x = a, *y = b;
    const struct pending *p = pending;
    int order = strcmp(job_queue(&p[*x].new.job), job_queue(&p[*y].new.job));

    return order ? order : *x < *y ? -1 : *x > *y;
}

static void put_in_order(struct bulk *b)
{
    const char *first = b->count ? job_queue(&b->pending[0].new.job) : "";
    bool mixed = false, bound = false;

    for (size_t i = 0; i < b->count; i++) {
        b->order[i] = i;
        mixed |= strcmp(job_queue(&b->pending[i].new.job), first) != 0;
        bound |= b->pending[i].new.job.after != NULL;
    }
    if (mixed && !bound) qsort_r(b->order, b->count, sizeof(*b->order), by_queue, b->pending);
    for (size_t i = 0; i < b->count; i++) {
        b->jobs[i] = b->pending[b->order[i]].new.job;
        b->pending[b->order[i]].at = i;
    }
}

static void count_answer(struct bulk *b, const struct pending *p)
{
    struct pinion_enqueued *answer = &b->answers[p->at];
    const struct pinion_job *job = &p->new.job;

    if (!answer->err) {
        b->taken++;
        b->existing += answer->existing != 0;
        /* The names hold nothing that JSON would escape. */
        if (b->json) printf("{\"id\":\"%s\",\"existing\":%s%s}\n", answer->id,
                            answer->existing ? "true" : "false",
                            answer->replaced ? ",\"replaced\":true" : "");
        return;
    }
    if (answer->closed) {
        fprintf(stderr, "pinion: %s:%" PRIu64 ": batch '%s' is closed: it takes no more jobs\n",
                b->name, p->line, job->batch);
        b->refused = answer->err;
        b->conflicts++;
        return;
    }
    if (answer->err != PINION_CONFLICT || !job->id) return; /* that of its call, told once */
    fprintf(stderr, "pinion: %s:%" PRIu64 ": job %s:%s exists already, with other content\n",
            b->name, p->line, job_queue(job), job->id);
    b->refused = answer->err;
    b->conflicts++;
    snprintf(answer->id, sizeof(answer->id), "%s:%s", job_queue(job), job->id);
    if (b->json) json_print(shape_enqueued(answer));
}

/* PINION_OK: all that is pending was answered; a conflict is an answer. Else it tells of the first
 * line that was not taken. */
static enum pinion_err flush(struct bulk *b, struct error *why)
{
    struct error reason = {0};
    enum pinion_err err;
    uint64_t line = 0;

    if (!b->count) return PINION_OK;
    put_in_order(b);
    err = enqueuer_send(b->enqueuer, b->jobs, b->count, b->give_up_ms, b->answers, &reason);
    for (size_t i = 0; i < b->count; i++) {
        enum pinion_err one = b->answers[b->pending[i].at].err;

        if (one && one != PINION_CONFLICT && !line) {
            err = err ? err : one;
            line = b->pending[i].line;
        }
        count_answer(b, &b->pending[i]);
        new_job_deinit(&b->pending[i].new);
    }
    b->count = b->bytes = 0;
    progress_show(&b->progress, b->taken);
    if (b->stream) fflush(stdout); /* whoever feeds us may wait for it */
    if (!err) return PINION_OK;
    if (reason.code != err) /* a conflict came before it, and was told already */
        error_set(&reason, err, "Redis did not take it (%s)", error_name(err));
    return at_line(b, line, err, reason.text, why);
}

static enum pinion_err send_all(struct bulk *b, struct error *why)
{
    struct error unsent = {0};
    enum pinion_err err = PINION_OK, flushed;

    while (!err) {
        struct pending *p;
        bool full = b->count == BULK_ITEMS_MAX || b->bytes >= BULK_BYTES_MAX;

        if (full || (b->stream && b->count && !lines_ready(&b->lines))) err = flush(b, why);
        if (err) return err;
        p = &b->pending[b->count];
        err = next_job(b, p, why);
        if (err) break;
        b->bytes += p->bytes;
        b->count++;
    }
    flushed = flush(b, &unsent);
    if (flushed) *why = unsent;
    return flushed ? flushed : err == PINION_NOT_FOUND ? PINION_OK : err;
}

/* ---- the file -------------------------------------------------------------------------------- */

/* What cannot be read twice (a pipe) is kept in a file without a name. */
static enum pinion_err spool(int from, int *ret_fd, struct error *why)
{
    FILE *copy = tmpfile();
    struct buffer room = BUFFER_INIT;
    enum pinion_err err = PINION_OK;
    ssize_t got = 0;

    buffer_reserve(&room, 1 << 16);
    while (copy && (got = read(from, room.data, 1 << 16)) > 0)
        if (fwrite(room.data, 1, (size_t)got, copy) != (size_t)got) break;
    if (!copy || got || fflush(copy) || (*ret_fd = dup(fileno(copy))) < 0)
        err = error_set(why, PINION_INTERNAL, "cannot keep a copy of it: %s", strerror(errno));
    if (copy) fclose(copy);
    buffer_deinit(&room);
    return err;
}

static enum pinion_err open_file(struct bulk *b, struct error *why)
{
    int fd = open(b->name, O_RDONLY | O_CLOEXEC), copy = -1;
    struct error reason = {0};
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0) {
        error_set(&reason, PINION_INVALID, "%s", strerror(errno));
        goto fail;
    }
    if (S_ISDIR(st.st_mode)) {
        error_set(&reason, PINION_INVALID, "a folder, expected a file with a job per line");
        goto fail;
    }
    if (!S_ISREG(st.st_mode)) {
        if (spool(fd, &copy, &reason)) goto fail;
        close(fd);
        fd = copy;
        if (lseek(fd, 0, SEEK_SET) < 0) goto fail;
    }
    lines_init(&b->lines, fd, NEW_JOB_BYTES_MAX);
    return PINION_OK;

fail:
    if (fd >= 0) close(fd);
    return error_set(why, reason.code, "%.120s: %s", b->name, reason.text);
}

/* Each line is read and forgotten; leaves the file at its start. */
static enum pinion_err check_file(struct bulk *b, struct error *why)
{
    struct pending job;
    enum pinion_err err;
    int fd = b->lines.fd;

    while (!(err = next_job(b, &job, why))) {
        new_job_deinit(&job.new);
        b->progress.all++;
    }
    lines_deinit(&b->lines);
    lines_init(&b->lines, fd, NEW_JOB_BYTES_MAX);
    if (err != PINION_NOT_FOUND) return err;
    if (lseek(fd, 0, SEEK_SET) < 0)
        return error_set(why, PINION_INTERNAL, "%.100s: %s", b->name, strerror(errno));
    return PINION_OK;
}

/* ---- all of it ------------------------------------------------------------------------------- */

/* "3 jobs enqueued, 1 of them existed already, 1 refused" */
static void print_taken(const struct bulk *b)
{
    fprintf(stderr, "%" PRIu64 " job%s enqueued", b->taken, b->taken == 1 ? "" : "s");
    if (b->existing) fprintf(stderr, ", %" PRIu64 " of them existed already", b->existing);
    if (b->conflicts) fprintf(stderr, ", %" PRIu64 " refused", b->conflicts);
}

static void print_summary(const struct bulk *b, uint64_t us)
{
    char text[DURATION_TEXT_MAX];

    fprintf(stderr, "pinion: ");
    print_taken(b);
    fprintf(stderr, ", in %s (%" PRIu64 "/s)\n", duration_format(us / 1000, text),
            us ? b->taken * 1000000 / us : b->taken);
}

/* What stopped it and how many were taken, as one line. */
static int fail(const struct bulk *b, const struct error *why)
{
    fprintf(stderr, "pinion: %s; ", why->text);
    print_taken(b);
    fputc('\n', stderr);
    return error_exit(why->code);
}

static int run(struct bulk *b, const struct common *common)
{
    struct session session;
    struct error why = {0};
    uint64_t began_us;
    enum pinion_err err;
    int status;

    if (!b->stream && check_file(b, &why)) return fail(b, &why);
    if (session_open(common, &session, &why)) return cli_fail(&why);
    began_us = clock_mono_us();
    b->enqueuer = enqueuer_new(session.sync, session.name_space);
    b->give_up_ms = common_timeout_ms(common);
    b->progress.what = "enqueued";
    err = send_all(b, &why);
    progress_end(&b->progress);
    enqueuer_free(b->enqueuer);
    session_close(&session);
    if (!err) print_summary(b, clock_mono_us() - began_us);
    status = err ? fail(b, &why) : error_exit(b->refused);
    return cli_finish(status);
}

int bulk_run(const struct common *common, const char *file, const struct pinion_job *defaults)
{
    struct bulk *b = xcalloc(1, sizeof(*b));
    struct error why = {0};
    int status;

    *b = (struct bulk){.defaults = defaults, .name = file, .json = common->json};
    b->stream = strcmp(file, "-") == 0;
    if (b->stream) {
        b->name = "stdin";
        lines_init(&b->lines, STDIN_FILENO, NEW_JOB_BYTES_MAX);
        status = run(b, common);
    } else if (open_file(b, &why)) {
        status = cli_fail(&why);
    } else {
        status = run(b, common);
        close(b->lines.fd);
    }
    lines_deinit(&b->lines);
    free(b);
    return status;
}
