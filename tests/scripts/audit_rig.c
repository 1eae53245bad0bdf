#include "tests/scripts/audit_rig.h"

#include <string.h>
#include "tests/support/check.h"

struct door {
    struct audit_door door;
    struct rig *rig;
};

static enum pinion_err ask(struct audit_door *door, struct request *request,
                           struct redisReply **ret_reply, struct error *why)
{
    (void)why;
    *ret_reply = rig_ask_with(container_of(door, struct door, door)->rig, request);
    return PINION_OK;
}

void audit_rig(struct rig *rig, bool repair, struct audit *ret)
{
    struct door door = {.door.ask = ask, .rig = rig};
    struct error why = {0};

    *ret = (struct audit){.door = &door.door, .name_space = "pinion", .repair = repair};
    freeReplyObject(rig_command(rig, "SADD pinion:queues q"));
    if (audit_run(ret, NULL, 0, &why)) fail_msg("%s", why.text);
    ret->door = NULL;
}

bool audit_found(const struct audit *a, const char *kind, const char *subject)
{
    for (size_t i = 0; i < a->count; i++)
        if (strcmp(a->findings[i].damage->name, kind) == 0 &&
            strcmp(a->findings[i].subject, subject) == 0)
            return true;
    return false;
}

void audit_clean(struct rig *rig, const char *when)
{
    struct audit a;

    audit_rig(rig, false, &a);
    if (a.moved) fail_msg("%s: packs moved though nobody moved them", when);
    for (size_t i = 0; i < a.count; i++)
        print_error("%s: %s %s\n", when, a.findings[i].damage->name, a.findings[i].subject);
    assert_int_equal(a.count, 0);
    assert_int_equal(a.left, 0);
    audit_deinit(&a);
}
