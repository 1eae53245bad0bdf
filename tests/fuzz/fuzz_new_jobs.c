/* Bodies of POST /v1/queues/{queue}/jobs: whatever comes, nothing is read beyond it, what is taken
 * is sound, and what is refused says why.
 *
 * The first byte chooses an Idempotency-Key; the rest is the body. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "control/api/enqueue.h"
#include "queue/key.h"
#include "tests/fuzz/fuzz.h"

#define QUEUE "mail"

static void must(bool condition, const char *what)
{
    if (condition) return;
    fprintf(stderr, "fuzz_new_jobs: %s\n", what);
    abort();
}

static void check_jobs(const struct new_jobs *n, struct span key)
{
    must(n->count <= API_NEW_JOBS_MAX, "too many jobs");
    must(n->array || n->count == 1, "one object, but not one job");
    for (size_t i = 0; i < n->count; i++) {
        const struct pinion_job *job = &n->jobs[i].job;
        must(new_job_check(job, NULL) == PINION_OK, "a job that the check refuses");
        must(strcmp(job->queue, QUEUE) == 0, "a job of another queue");
        must(!key.data || job->id, "a key, but no id");
        must(!key.data || n->array || span_is(key, job->id), "an id that is not the key");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const keys[] = {NULL, "k", "no key", ""};
    struct span key = span_of(size ? keys[data[0] % countof(keys)] : NULL);
    size_t len = size ? size - 1 : 0;
    char *body = malloc(len ? len : 1); /* no byte behind it is ours */
    struct new_jobs jobs;
    struct error why = {0};

    must(body != NULL, "no memory");
    if (len) memcpy(body, data + 1, len);
    enum pinion_err err = new_jobs_read((struct span){body, len}, QUEUE, key, &jobs, &why);
    if (err) {
        must(err == PINION_INVALID || err == PINION_TOO_LARGE, "an error of another kind");
        must(why.code == err && why.text[0], "an error without a reason");
    } else {
        check_jobs(&jobs, key);
        new_jobs_deinit(&jobs);
    }
    free(body);
    return 0;
}
