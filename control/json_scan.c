/* control/json_scan.c — a recursive descent over bytes; what is checked once is trusted afterwards.
 */
#include "control/json_scan.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

void json_scan_init(struct json_scan *s, struct span text)
{
    const char *from = text.data ? text.data : "";

    *s = (struct json_scan){.at = from, .end = from + text.len, .from = from};
}

static bool fail(struct json_scan *s, const char *expected)
{
    s->expected = expected;
    return false;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_digit(const struct json_scan *s)
{
    return s->at < s->end && *s->at >= '0' && *s->at <= '9';
}

char json_scan_peek(struct json_scan *s)
{
    while (s->at < s->end && is_blank(*s->at)) s->at++;
    return s->at < s->end ? *s->at : '\0';
}

bool json_scan_take(struct json_scan *s, char c)
{
    if (json_scan_peek(s) != c || s->at == s->end) return false;
    s->at++;
    return true;
}

bool json_scan_end(struct json_scan *s)
{
    json_scan_peek(s);
    return s->at == s->end || fail(s, "the end");
}

size_t json_scan_column(const struct json_scan *s)
{
    return (size_t)(s->at - s->from) + 1;
}

/* ---- values ---------------------------------------------------------------------------------- */

static bool hex_digit(char c, unsigned *value)
{
    unsigned digit;

    if (c >= '0' && c <= '9') digit = (unsigned)(c - '0');
    else if ((c | 32) >= 'a' && (c | 32) <= 'f') digit = (unsigned)((c | 32) - 'a') + 10;
    else return false;
    *value = *value << 4 | digit;
    return true;
}

/* The four digits behind \u. */
static bool take_hex(struct json_scan *s, unsigned *ret_unit)
{
    *ret_unit = 0;
    for (int i = 0; i < 4; i++, s->at++)
        if (s->at == s->end || !hex_digit(*s->at, ret_unit)) return fail(s, "four hex digits");
    return true;
}

static bool is_high(unsigned unit)
{
    return unit >= 0xd800 && unit < 0xdc00;
}

static bool is_low(unsigned unit)
{
    return unit >= 0xdc00 && unit < 0xe000;
}

static bool take_escape(struct json_scan *s)
{
    unsigned unit, low;

    s->at++;
    if (s->at == s->end || !*s->at || !strchr("\"\\/bfnrtu", *s->at))
        return fail(s, "one of \" \\ / b f n r t u behind a backslash");
    if (*s->at++ != 'u') return true;
    if (!take_hex(s, &unit)) return false;
    if (is_low(unit)) return fail(s, "a high surrogate before a low one");
    if (!is_high(unit)) return true;
    if (s->end - s->at < 2 || s->at[0] != '\\' || s->at[1] != 'u')
        return fail(s, "a low surrogate behind a high one");
    s->at += 2;
    return take_hex(s, &low) && (is_low(low) || fail(s, "a low surrogate behind a high one"));
}

#define ALL(byte) (UINT64_C(0x0101010101010101) * (byte))

/* Is one of the eight bytes 0? (graphics.stanford.edu/~seander/bithacks.html) */
static uint64_t has_zero(uint64_t eight)
{
    return (eight - ALL(1)) & ~eight & ALL(0x80);
}

/* Most of most strings is plain ASCII, and goes by eights: nothing to escape, end or decode. */
static const char *skip_plain(const char *at, const char *end)
{
    uint64_t eight;

    for (; end - at >= (ptrdiff_t)sizeof(eight); at += sizeof(eight)) {
        memcpy(&eight, at, sizeof(eight));
        if ((eight | (eight - ALL(' '))) & ALL(0x80)) break; /* not ASCII, or a control */
        if (has_zero(eight ^ ALL('"')) | has_zero(eight ^ ALL('\\'))) break;
    }
    return at;
}

static bool take_string(struct json_scan *s)
{
    for (s->at = skip_plain(s->at + 1, s->end); s->at < s->end && *s->at != '"';) {
        unsigned char c = (unsigned char)*s->at;
        size_t step = 1;

        if (c == '\\') {
            if (!take_escape(s)) return false;
            s->at = skip_plain(s->at, s->end);
            continue;
        }
        if (c < ' ') return fail(s, "no control character in a string");
        if (c >= 0x80) step = text_utf8_next(s->at, (size_t)(s->end - s->at));
        if (!step) return fail(s, "UTF-8");
        s->at += step;
        if (c >= 0x80) s->at = skip_plain(s->at, s->end);
    }
    if (s->at == s->end) return fail(s, "a \" at the end of the string");
    s->at++;
    return true;
}

static bool take_digits(struct json_scan *s)
{
    if (!is_digit(s)) return fail(s, "a digit");
    while (is_digit(s)) s->at++;
    return true;
}

static bool take_number(struct json_scan *s)
{
    if (*s->at == '-') s->at++;
    if (s->at < s->end && *s->at == '0') s->at++;
    else if (!take_digits(s)) return false;
    if (is_digit(s)) return fail(s, "no digit behind a leading 0");
    if (s->at < s->end && *s->at == '.') {
        s->at++;
        if (!take_digits(s)) return false;
    }
    if (s->at < s->end && (*s->at | 32) == 'e') {
        s->at++;
        if (s->at < s->end && (*s->at == '+' || *s->at == '-')) s->at++;
        return take_digits(s);
    }
    return true;
}

static bool take_word(struct json_scan *s, const char *word)
{
    size_t len = strlen(word);

    if ((size_t)(s->end - s->at) < len || memcmp(s->at, word, len) != 0) return fail(s, "a value");
    s->at += len;
    return true;
}

static bool take_value(struct json_scan *s);

static bool take_members(struct json_scan *s, char close)
{
    s->at++;
    if (json_scan_take(s, close)) return true;
    do {
        if (close == '}') {
            if (json_scan_peek(s) != '"') return fail(s, "a key in quotes");
            if (!take_string(s)) return false;
            if (!json_scan_take(s, ':')) return fail(s, "a : behind the key");
        }
        if (!take_value(s)) return false;
    } while (json_scan_take(s, ','));
    return json_scan_take(s, close) || fail(s, close == '}' ? "a , or }" : "a , or ]");
}

static bool take_value(struct json_scan *s)
{
    bool good;

    switch (json_scan_peek(s)) {
    case '"': return take_string(s);
    case 't': return take_word(s, "true");
    case 'f': return take_word(s, "false");
    case 'n': return take_word(s, "null");
    case '-': case '0': case '1': case '2': case '3': case '4':
    case '5': case '6': case '7': case '8': case '9': return take_number(s);
    case '{': case '[':
        if (s->depth == JSON_SCAN_DEPTH_MAX) return fail(s, "at most 64 levels");
        s->depth++;
        good = take_members(s, *s->at == '{' ? '}' : ']');
        s->depth--;
        return good;
    default: return fail(s, "a value");
    }
}
_Static_assert(JSON_SCAN_DEPTH_MAX == 64, "take_value says so");

bool json_scan_value(struct json_scan *s, struct span *ret_raw)
{
    const char *from;

    json_scan_peek(s);
    from = s->at;
    if (!take_value(s)) return false;
    *ret_raw = (struct span){from, (size_t)(s->at - from)};
    return true;
}

/* ---- what was checked ------------------------------------------------------------------------ */

static size_t put_utf8(uint32_t c, char *out)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 63));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 63));
        out[2] = (char)(0x80 | (c & 63));
        return 3;
    }
    out[0] = (char)(0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 63));
    out[2] = (char)(0x80 | (c >> 6 & 63));
    out[3] = (char)(0x80 | (c & 63));
    return 4;
}

static unsigned unit_at(const char *at)
{
    unsigned unit = 0;

    for (int i = 0; i < 4; i++) hex_digit(at[i], &unit);
    return unit;
}

/* `at` stands on the character behind the backslash; gives how many bytes of text it took. */
static size_t put_escape(const char *at, char **out)
{
    static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
    const char *found = strchr(from, *at);
    uint32_t c;

    if (*at != 'u') {
        *(*out)++ = found ? to[found - from] : *at;
        return 1;
    }
    c = unit_at(at + 1);
    if (!is_high(c)) {
        *out += put_utf8(c, *out);
        return 5;
    }
    c = 0x10000 + ((c - 0xd800) << 10) + (unit_at(at + 7) - 0xdc00);
    *out += put_utf8(c, *out);
    return 11;
}

size_t json_scan_unquote(struct span raw, char *out)
{
    const char *at = raw.data + 1, *end = raw.data + raw.len - 1;
    char *to = out;

    while (at < end) {
        const char *escape = memchr(at, '\\', (size_t)(end - at));
        size_t plain = (size_t)((escape ? escape : end) - at);

        memmove(to, at, plain);
        to += plain;
        at += plain;
        if (escape) at += 1 + put_escape(escape + 1, &to);
    }
    return (size_t)(to - out);
}

size_t json_scan_compact(struct span raw, char *out)
{
    char *to = out;
    bool quoted = false;

    for (size_t i = 0; i < raw.len; i++) {
        char c = raw.data[i];

        if (!quoted && is_blank(c)) continue;
        *to++ = c;
        if (c == '"') quoted = !quoted;
        if (c == '\\') *to++ = raw.data[++i]; /* only in strings; what follows ends none */
    }
    return (size_t)(to - out);
}
