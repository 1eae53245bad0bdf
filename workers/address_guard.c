/* workers/address_guard.c — the special-purpose registries of IANA (RFC 6890 and its successors),
 * and what is left of IPv6 outside of 2000::/3, of which nothing is handed out. The first row that
 * holds an address names it. */
#include "workers/address_guard.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

struct row {
    const char *name;
    unsigned bits;
    unsigned char bytes[16];
};

/* clang-format off */
static const struct row v4[] = {
    {"this network",         8, {0}},
    {"private",              8, {10}},
    {"shared by a carrier", 10, {100, 64}},
    {"loopback",             8, {127}},
    {"a cloud's own",       32, {168, 63, 129, 16}},
    {"link-local",          16, {169, 254}},
    {"private",             12, {172, 16}},
    {"protocols",           24, {192, 0, 0}},
    {"documentation",       24, {192, 0, 2}},
    {"6to4 relays",         24, {192, 88, 99}},
    {"private",             16, {192, 168}},
    {"benchmarking",        15, {198, 18}},
    {"documentation",       24, {198, 51, 100}},
    {"documentation",       24, {203, 0, 113}},
    {"multicast",            4, {224}},
    {"broadcast",           32, {255, 255, 255, 255}},
    {"reserved",             4, {240}},
};

static const struct row v6[] = {
    {"unspecified",        128, {0}},
    {"loopback",           128, {[15] = 1}},
    {"IPv4-compatible",     96, {0}},
    {"IPv4-mapped",         96, {[10] = 0xff, [11] = 0xff}},
    {"IPv4-translated",     96, {[8] = 0xff, [9] = 0xff}},
    {"NAT64",               96, {0, 0x64, 0xff, 0x9b}},
    {"NAT64",               48, {0, 0x64, 0xff, 0x9b, 0, 1}},
    {"discard",             64, {1}},
    {"Teredo",              32, {0x20, 0x01}},
    {"benchmarking",        48, {0x20, 0x01, 0, 2}},
    {"protocols",           23, {0x20, 0x01}},
    {"documentation",       32, {0x20, 0x01, 0x0d, 0xb8}},
    {"6to4",                16, {0x20, 0x02}},
    {"documentation",       20, {0x3f, 0xff}},
    {"segment routing",     16, {0x5f}},
    {"private",              7, {0xfc}},
    {"link-local",          10, {0xfe, 0x80}},
    {"site-local",          10, {0xfe, 0xc0}},
    {"multicast",            8, {0xff}},
    {"reserved",             3, {0}},
    {"reserved",             2, {0x40}},
    {"reserved",             1, {0x80}},
};
/* clang-format on */

static bool same_bits(const unsigned char *a, const unsigned char *b, unsigned bits)
{
    unsigned whole = bits / 8, rest = bits % 8;

    if (memcmp(a, b, whole) != 0) return false;
    return rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

bool address_of(const struct sockaddr *any, struct address *ret_address)
{
    struct sockaddr_in in;
    struct sockaddr_in6 in6;

    if (any->sa_family == AF_INET) {
        memcpy(&in, any, sizeof in);
        *ret_address = (struct address){.is_v6 = false};
        memcpy(ret_address->bytes, &in.sin_addr, 4);
        return true;
    }
    if (any->sa_family == AF_INET6) {
        memcpy(&in6, any, sizeof in6);
        *ret_address = (struct address){.is_v6 = true};
        memcpy(ret_address->bytes, &in6.sin6_addr, 16);
        return true;
    }
    return false;
}

const char *address_text(const struct address *a, char out[ADDRESS_TEXT_MAX])
{
    inet_ntop(a->is_v6 ? AF_INET6 : AF_INET, a->bytes, out, ADDRESS_TEXT_MAX);
    return out;
}

static bool ends_in_zeros(const struct address *a, unsigned bits, unsigned all)
{
    for (unsigned i = bits; i < all; i++)
        if (a->bytes[i / 8] >> (7 - i % 8) & 1) return false;
    return true;
}

enum pinion_err address_range_parse(struct span text, struct address_range *ret_range,
                                    struct error *why)
{
    struct span bits = text, name = span_cut(&bits, '/');
    struct address_range r = {.bits = 0};
    char copy[ADDRESS_TEXT_MAX];
    uint64_t number;

    snprintf(copy, sizeof copy, "%.*s", (int)(name.len < sizeof copy ? name.len : 0), name.data);
    r.address.is_v6 = strchr(copy, ':') != NULL;
    unsigned all = r.address.is_v6 ? 128 : 32;
    number = all;
    bool ok = inet_pton(r.address.is_v6 ? AF_INET6 : AF_INET, copy, r.address.bytes) == 1 &&
              (name.len == text.len || !text_parse_u64(bits, 0, all, &number)) &&
              ends_in_zeros(&r.address, (unsigned)number, all);
    if (!ok)
        return error_set(why, PINION_INVALID,
                         "expected an address or a range such as 10.0.0.0/8 or fd00::/8, not "
                         "'%.*s'",
                         (int)(text.len < 60 ? text.len : 60), text.data);
    r.bits = (unsigned)number;
    *ret_range = r;
    return PINION_OK;
}

const char *address_forbidden(const struct address *a, const struct address_range *opened,
                              size_t opened_count)
{
    const struct row *rows = a->is_v6 ? v6 : v4;
    size_t count = a->is_v6 ? countof(v6) : countof(v4);

    for (size_t i = 0; i < opened_count; i++)
        if (opened[i].address.is_v6 == a->is_v6 &&
            same_bits(opened[i].address.bytes, a->bytes, opened[i].bits))
            return NULL;
    for (size_t i = 0; i < count; i++)
        if (same_bits(rows[i].bytes, a->bytes, rows[i].bits)) return rows[i].name;
    return NULL;
}
