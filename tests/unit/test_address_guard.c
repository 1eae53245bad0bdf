/* test_address_guard.c — which addresses are forbidden, at the edges of each range, and as URLs
 * spell them. */
#include "tests/support/check.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include "base/macros.h"
#include "workers/address_guard.h"

/* Any spelling that the system's own resolver takes for an address: decimal, hex, octal, short. */
static struct address address(const char *text)
{
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM}, *found = NULL;
    struct address a = {0};

    if (getaddrinfo(text, NULL, &hints, &found)) fail_msg("no address: %s", text);
    assert_true(address_of(found->ai_addr, &a));
    freeaddrinfo(found);
    return a;
}

static void is(const char *text, const char *name)
{
    struct address a = address(text);
    const char *found = address_forbidden(&a, NULL, 0);

    if (!found || !name ? found != name : strcmp(found, name) != 0)
        fail_msg("%s is '%s', expected '%s'", text, found ? found : "", name ? name : "");
}

static const struct {
    const char *text, *name;
} forbidden[] = {
    {"0.0.0.0", "this network"},      {"0.255.255.255", "this network"},
    {"10.0.0.0", "private"},          {"10.255.255.255", "private"},
    {"100.64.0.0", "shared by a carrier"}, {"100.127.255.255", "shared by a carrier"},
    {"127.0.0.0", "loopback"},        {"127.0.0.1", "loopback"},
    {"127.255.255.255", "loopback"},  {"168.63.129.16", "a cloud's own"},
    {"169.254.0.0", "link-local"},    {"169.254.169.254", "link-local"},
    {"169.254.255.255", "link-local"}, {"172.16.0.0", "private"},
    {"172.31.255.255", "private"},    {"192.0.0.0", "protocols"},
    {"192.0.0.255", "protocols"},     {"192.0.2.0", "documentation"},
    {"192.0.2.255", "documentation"}, {"192.88.99.0", "6to4 relays"},
    {"192.88.99.255", "6to4 relays"}, {"192.168.0.0", "private"},
    {"192.168.255.255", "private"},   {"198.18.0.0", "benchmarking"},
    {"198.19.255.255", "benchmarking"}, {"198.51.100.0", "documentation"},
    {"198.51.100.255", "documentation"}, {"203.0.113.0", "documentation"},
    {"203.0.113.255", "documentation"}, {"224.0.0.0", "multicast"},
    {"239.255.255.255", "multicast"}, {"240.0.0.0", "reserved"},
    {"255.255.255.254", "reserved"},  {"255.255.255.255", "broadcast"},
    /* 127.0.0.1 and others, in spellings that some take for harmless */
    {"2130706433", "loopback"},       {"0x7f000001", "loopback"},
    {"017700000001", "loopback"},     {"127.1", "loopback"},
    {"127.0.1", "loopback"},          {"0x7f.1", "loopback"},
    {"0177.0.0.1", "loopback"},       {"0", "this network"},
    {"2852039166", "link-local"},     {"0xa9fea9fe", "link-local"},
    {"10.1", "private"},              {"192.168.257", "private"},
    {"::", "unspecified"},            {"::1", "loopback"},
    {"0:0:0:0:0:0:0:1", "loopback"},  {"::2", "IPv4-compatible"},
    {"::127.0.0.1", "IPv4-compatible"}, {"::255.255.255.255", "IPv4-compatible"},
    {"::ffff:127.0.0.1", "IPv4-mapped"}, {"::ffff:7f00:1", "IPv4-mapped"},
    {"::ffff:8.8.8.8", "IPv4-mapped"}, {"::ffff:255.255.255.255", "IPv4-mapped"},
    {"::ffff:0:127.0.0.1", "IPv4-translated"}, {"::fffe:0:1", "reserved"},
    {"64:ff9b::7f00:1", "NAT64"},     {"64:ff9b::ffff:ffff", "NAT64"},
    {"64:ff9b:1::", "NAT64"},         {"64:ff9b:1:ffff:ffff:ffff:ffff:ffff", "NAT64"},
    {"100::1", "discard"},            {"2001::", "Teredo"},
    {"2001:0:ffff:ffff::", "Teredo"}, {"2001:2::1", "benchmarking"},
    {"2001:1::1", "protocols"},       {"2001:1ff:ffff::", "protocols"},
    {"2001:db8::", "documentation"},  {"2001:db8:ffff:ffff::", "documentation"},
    {"2002::", "6to4"},               {"2002:7f00:1::", "6to4"},
    {"2002:ffff:ffff::", "6to4"},     {"3fff::", "documentation"},
    {"3fff:fff:ffff::", "documentation"}, {"5f00::1", "segment routing"},
    {"fc00::", "private"},            {"fdff:ffff:ffff::", "private"},
    {"fe80::", "link-local"},         {"febf:ffff::", "link-local"},
    {"fec0::", "site-local"},         {"feff:ffff::", "site-local"},
    {"ff00::", "multicast"},          {"ff02::1", "multicast"},
    {"ffff:ffff::", "multicast"},     {"4000::", "reserved"},
    {"7fff::", "reserved"},           {"8000::", "reserved"},
    {"fbff::", "reserved"},           {"fe00::", "reserved"},
    {"1fff:ffff::", "reserved"},
};

TEST(forbidden_ones)
{
    assert_true(countof(forbidden) >= 60);
    for (size_t i = 0; i < countof(forbidden); i++) is(forbidden[i].text, forbidden[i].name);
}

TEST(their_neighbours)
{
    static const char *const open[] = {
        "1.0.0.0",       "9.255.255.255",   "11.0.0.0",        "100.63.255.255", "100.128.0.0",
        "126.255.255.255", "128.0.0.0",     "168.63.129.15",   "168.63.129.17",  "169.253.255.255",
        "169.255.0.0",   "172.15.255.255",  "172.32.0.0",      "191.255.255.255", "192.0.1.0",
        "192.0.3.0",     "192.88.98.255",   "192.88.100.0",    "192.167.255.255", "192.169.0.0",
        "198.17.255.255", "198.20.0.0",     "198.51.99.255",   "198.51.101.0",   "203.0.112.255",
        "203.0.114.0",   "223.255.255.255", "8.8.8.8",         "2000::",         "2001:200::",
        "2001:db7:ffff::", "2001:db9::",    "2003::",          "3ffe:ffff::",    "3fff:1000::",
        "2606:4700:4700::1111",
    };

    for (size_t i = 0; i < countof(open); i++) is(open[i], NULL);
}

static bool opens(const char *range, const char *text)
{
    struct address_range r;
    struct address a = address(text);
    struct error why = {0};

    if (address_range_parse(span_of(range), &r, &why)) fail_msg("%s", why.text);
    return !address_forbidden(&a, &r, 1);
}

TEST(opened_ones)
{
    assert_true(opens("127.0.0.0/8", "127.0.0.1"));
    assert_true(opens("127.0.0.0/8", "127.255.255.255"));
    assert_false(opens("127.0.0.0/8", "10.0.0.1"));
    assert_true(opens("127.0.0.1", "127.0.0.1"));
    assert_false(opens("127.0.0.1", "127.0.0.2"));
    assert_true(opens("10.128.0.0/9", "10.128.0.0"));
    assert_false(opens("10.128.0.0/9", "10.127.255.255"));
    assert_true(opens("0.0.0.0/0", "255.255.255.255"));
    assert_false(opens("0.0.0.0/0", "::1"));
    assert_true(opens("::1", "::1"));
    assert_true(opens("fd12::/15", "fd13::1"));
    assert_false(opens("fd12::/15", "fd14::1"));
    assert_false(opens("127.0.0.0/8", "::ffff:127.0.0.1"));
    assert_true(opens("::ffff:127.0.0.0/104", "::ffff:127.0.0.1"));
    assert_true(opens("::/0", "fe80::1"));
}

TEST(bad_ranges)
{
    static const char *const bad[] = {
        "",           "x",          "10.0.0.0/",   "10.0.0.0/33", "10.0.0.1/8",  "10.0.0/8",
        "10.0.0.0/-1", "10.0.0.0/8 ", "fd00::/129", "fd00::1/8",  "example.org", "10.0.0.0/8/8",
        "/8",         "0x7f000001", "1.2.3.4.5",   "::ffff:127.0.0.1/104",
        "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc",
    };
    struct address_range r;
    struct error why;

    for (size_t i = 0; i < countof(bad); i++) {
        if (address_range_parse(span_of(bad[i]), &r, &why) != PINION_INVALID)
            fail_msg("accepted: '%s'", bad[i]);
        assert_non_null(strstr(why.text, "expected an address or a range"));
    }
}

TEST(other_families)
{
    struct sockaddr unix_address = {.sa_family = AF_UNIX};
    struct address a;

    assert_false(address_of(&unix_address, &a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forbidden_ones), cmocka_unit_test(their_neighbours),
        cmocka_unit_test(opened_ones),    cmocka_unit_test(bad_ranges),
        cmocka_unit_test(other_families),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
