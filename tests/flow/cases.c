#include "tests/flow/cases.h"

#include <string.h>
#include "base/macros.h"
#include "queue/limits.h"
#include "workers/limits.h"

const struct one_case cases[] = {
    {"done", "done", .state = "done", .attempts = 1},
    {"result", "done some words", .state = "done", .attempts = 1, .result = "some words"},
    {"bytes", "bytes", .state = "done", .attempts = 1, .result = "\xff\xfe\x01\x80"},
    {"longest result", "flood 65536", .state = "done", .attempts = 1,
     .result_len = RESULT_BYTES_MAX},
    {"too long a result", "flood 65537", .needs = CASE_CUTS, .state = "done", .attempts = 1,
     .result_len = RESULT_BYTES_MAX},
    {"payload", "count", .padding = PAYLOAD_BYTES_MAX - 5, .state = "done", .attempts = 1},
    {"who it is", "who", .state = "done", .attempts = 1},
    {"fail", "fail no luck", .state = "dead", .attempts = 2, .error = "no luck"},
    {"reject", "reject no such thing", .needs = CASE_REJECTS, .attempts_max = 5, .state = "dead",
     .attempts = 1, .error = "no such thing"},
    {"again", "again not yet", .state = "done", .attempts = 2, .error = "not yet"},
    {"later", "later 50", .needs = CASE_LATER, .state = "done", .attempts = 2, .error = "later"},
    {"progress", "tell 40 nearly", .needs = CASE_TELLS, .state = "done", .attempts = 1,
     .progress = "40 nearly"},
    {"slow start", "slow 300", .state = "done", .attempts = 1},
    {"longer than its lease", "slow 2500", .lease_ms = 1000, .state = "done", .attempts = 1},
    {"timeout", "slow 60000", .attempts_max = 1, .timeout_ms = 200, .needs = CASE_HEARS,
     .state = "dead", .attempts = 1, .error = "timed out after 200ms"},
    {"timeout, twice", "slow 60000", .timeout_ms = 100, .needs = CASE_HEARS, .state = "dead",
     .attempts = 2, .error = "timed out after 100ms"},
    {"deaf to its timeout", "deaf 1500", .attempts_max = 1, .timeout_ms = 100, .deaf = true,
     .state = "dead", .attempts = 1, .error = "timed out after 100ms"},
    {"too deaf to wait for", "deaf 60000", .attempts_max = 1, .timeout_ms = 100, .deaf = true,
     .needs = CASE_STOPS, .state = "dead", .attempts = 1, .error = "timed out after 100ms"},
    {"cancel", "slow 60000", .cancel = true, .needs = CASE_HEARS, .state = "cancelled",
     .attempts = 1, .error = "cancelled while it ran"},
    {"deaf to a cancel", "deaf 1500", .cancel = true, .deaf = true, .needs = CASE_DEAFENS,
     .state = "done", .attempts = 1},
    {"crash", "crash", .needs = CASE_CRASHES, .state = "dead", .attempts = 2, .error = "killed by"},
};

const size_t cases_count = countof(cases);

struct order order_read(const void *payload, size_t len)
{
    const char *text = payload, *newline = len ? memchr(text, '\n', len) : NULL;
    size_t line_len = newline ? (size_t)(newline - text) : len;
    const char *blank = line_len ? memchr(text, ' ', line_len) : NULL;
    size_t verb_len = blank ? (size_t)(blank - text) : line_len;
    struct order order = {0};

    if (verb_len >= sizeof order.verb) verb_len = sizeof order.verb - 1;
    if (verb_len) memcpy(order.verb, text, verb_len);
    if (blank) order.text = blank + 1;
    if (blank) order.text_len = line_len - verb_len - 1;
    return order;
}
