/* From what the kernel says of our cgroup and of the mounts to a folder, on any sort of machine. */
#include "workers/cgroup_find.h"

#include <stdlib.h>
#include "tests/support/check.h"

#define UNIT "0::/system.slice/pinion.service\n"
#define ALL  "38 31 0:41 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"
#define DISK "23 1 254:0 / / rw,relatime - ext4 /dev/root rw\n"

static void gives(const char *path, const char *cgroup, const char *mountinfo)
{
    char *found = cgroup_path(cgroup, mountinfo);

    if (path) assert_non_null(found);
    if (path) assert_string_equal(found, path);
    else assert_null(found);
    free(found);
}

TEST(below_the_mount)
{
    gives("/sys/fs/cgroup/system.slice/pinion.service", UNIT, DISK ALL);
    gives("/sys/fs/cgroup", "0::/\n", ALL);
    gives("/sys/fs/cgroup/a", "0::/a", "38 31 0:41 / /sys/fs/cgroup rw - cgroup2 none rw");
}

TEST(beside_the_first_version)
{
    gives("/sys/fs/cgroup/unified/user.slice",
          "9:name=systemd:/other\n8:pids:/more\n0::/user.slice\n",
          DISK "32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
               "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n");
}

TEST(of_a_mount_that_shows_only_a_part)
{
    gives("/sys/fs/cgroup", "0::/docker/1f3\n",
          "38 31 0:41 /docker/1f3 /sys/fs/cgroup ro - cgroup2 cgroup rw\n");
    gives("/mnt/x", "0::/docker/1f3/x\n",
          "38 31 0:41 /docker/1f3 /mnt rw - cgroup2 cgroup rw\n");
    gives(NULL, "0::/docker/1f3\n", "38 31 0:41 /docker/1f /mnt rw - cgroup2 cgroup rw\n");
    gives(NULL, "0::/docker\n", "38 31 0:41 /docker/1f3 /mnt rw - cgroup2 cgroup rw\n");
}

/* As where a unit may write to its own folder only: that one is mounted over itself. */
TEST(of_several_the_narrowest)
{
    gives("/own", UNIT, ALL "50 38 0:41 /system.slice/pinion.service /own rw - cgroup2 none rw\n"
                            "51 38 0:41 /system.slice /slice rw - cgroup2 none rw\n");
}

TEST(with_blanks_in_its_name)
{
    gives("/my mounts/c", "0::/c\n", "38 31 0:41 / /my\\040mounts rw - cgroup2 cgroup2 rw\n");
    gives("/back\\slash", "0::/\n", "38 31 0:41 / /back\\134slash rw - cgroup2 cgroup2 rw\n");
}

TEST(none)
{
    gives(NULL, "", "");
    gives(NULL, UNIT, "");
    gives(NULL, UNIT, DISK);
    gives(NULL, "", ALL);
    gives(NULL, "1:name=systemd:/\n", ALL);
    gives(NULL, "0::/../beside\n", ALL);
    gives(NULL, "0::/..\n", ALL);
    gives(NULL, UNIT, "38 31 0:41 /\n\n-\n - \n38 31 0:41 / /sys rw -");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(below_the_mount),
        cmocka_unit_test(beside_the_first_version),
        cmocka_unit_test(of_a_mount_that_shows_only_a_part),
        cmocka_unit_test(of_several_the_narrowest),
        cmocka_unit_test(with_blanks_in_its_name),
        cmocka_unit_test(none),
    };

    return cmocka_run_group_tests_name("cgroup_find", tests, NULL, NULL);
}
