/* responder PORT: answers each HTTP request on 127.0.0.1 with 200 and "ok", until its standard
 * input ends. PORT 0: any that is free; it is printed. For what measures webhooks. */
#include <stdio.h>
#include <stdlib.h>
#include "tests/support/responder.h"

static void respond(struct visit *v, void *ctx)
{
    (void)ctx;
    visit_answer(v, 200, NULL, "ok", 2);
}

int main(int argc, char *argv[])
{
    unsigned port = argc == 2 ? (unsigned)strtoul(argv[1], NULL, 10) : 0;
    struct responder *r = responder_open(NULL, port, respond, NULL);

    if (!r) return 1;
    printf("%u\n", responder_port(r));
    fflush(stdout);
    while (getchar() != EOF) continue;
    fprintf(stderr, "%u connections\n", responder_accepted(r));
    responder_close(r);
    return 0;
}
