/* Feeds a fuzz target random mutations of a corpus, for compilers without libFuzzer. Takes two of
 * its flags: CORPUS-FOLDER -max_total_time=SECONDS. PINION_FUZZ_SEED repeats a run up to its
 * failure, whose input is left in the file `failing-input`. */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/buffer.h"
#include "base/clock.h"
#include "base/memory.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/property.h"

#define CORPUS_MAX 1024
#define INPUT_MAX  4096
#define ROUNDS     256 /* between two looks at the clock */

static struct buffer corpus[CORPUS_MAX];
static size_t corpus_count;

static void read_file(const char *folder, const char *name)
{
    char *path = xasprintf("%s/%s", folder, name);
    FILE *f = fopen(path, "r");
    size_t n;

    free(path);
    if (!f || corpus_count == CORPUS_MAX) abort();
    struct buffer *b = &corpus[corpus_count++];
    while ((n = fread(buffer_reserve(b, INPUT_MAX), 1, INPUT_MAX, f)) > 0) b->len += n;
    fclose(f);
}

static void read_corpus(const char *folder)
{
    DIR *dir = opendir(folder);

    if (!dir) {
        fprintf(stderr, "no corpus in %s\n", folder);
        exit(2);
    }
    for (struct dirent *entry; (entry = readdir(dir));)
        if (entry->d_name[0] != '.') read_file(folder, entry->d_name);
    closedir(dir);
}

/* A piece of some seed over a place of the input, or a byte changed, dropped or doubled. */
static void mutate(struct prng *prng, struct buffer *b)
{
    static const char marks[] = "{}[]\",:\\u0019-.eE \n\x80\xff\xed";
    const struct buffer *other = &corpus[prng_below(prng, corpus_count)];
    size_t at = b->len ? prng_below(prng, b->len) : 0;

    switch (prng_below(prng, 5)) {
    case 0:
        if (b->len) b->data[at] = (char)prng_below(prng, 256);
        break;
    case 1:
        if (b->len) b->data[at] = marks[prng_below(prng, sizeof marks - 1)];
        break;
    case 2: /* the rest is gone */ b->len = at; break;
    case 3: /* some of it twice */
        if (b->len < INPUT_MAX / 2) {
            char *copy = xmemdup(b->data ? b->data + at : "", b->len - at);
            buffer_add(b, copy, b->len - at);
            free(copy);
        }
        break;
    default:
        if (other->len) {
            size_t from = prng_below(prng, other->len);
            b->len = at;
            buffer_add(b, other->data + from, other->len - from);
        }
    }
}

static void run(const struct buffer *b)
{
    LLVMFuzzerTestOneInput((const uint8_t *)(b->data ? b->data : ""), b->len);
}

static const struct buffer *current;

/* run.sh has sanitizers end the process by a signal, too. */
static void on_end(int signal_number)
{
    int fd = open("failing-input", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    if (fd >= 0 && current && current->len && write(fd, current->data, current->len) < 0) _exit(3);
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

int main(int argc, char **argv)
{
    unsigned long seconds = 5, inputs = 0;
    struct buffer b = BUFFER_INIT;
    struct prng prng;

    for (int i = 1; i < argc; i++) {
        if (sscanf(argv[i], "-max_total_time=%lu", &seconds) == 1) continue;
        if (argv[i][0] != '-') read_corpus(argv[i]);
    }
    if (!corpus_count) exit(2);
    prng.state = property_seed("PINION_FUZZ_SEED");
    signal(SIGABRT, on_end);
    signal(SIGSEGV, on_end);
    for (size_t i = 0; i < corpus_count; i++) run(current = &corpus[i]);
    uint64_t until_ms = clock_mono_ms() + seconds * 1000;
    while (clock_mono_ms() < until_ms) {
        for (int i = 0; i < ROUNDS; i++, inputs++) {
            const struct buffer *seed = &corpus[prng_below(&prng, corpus_count)];
            buffer_clear(&b);
            buffer_add(&b, seed->data ? seed->data : "", seed->len);
            for (uint64_t n = 1 + prng_below(&prng, 6); n > 0; n--) mutate(&prng, &b);
            run(current = &b);
        }
    }
    printf("%lu inputs from %zu seeds\n", inputs, corpus_count);
    for (size_t i = 0; i < corpus_count; i++) buffer_deinit(&corpus[i]);
    buffer_deinit(&b);
    return 0;
}
