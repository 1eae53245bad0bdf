/* Packs and the acks that are grouped by them, without a Redis. */
#include "queue/pack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "queue/limits.h"
#include "queue/settle.h"
#include "tests/support/check.h"
#include "tests/support/property.h"

#define FIRST "01KAR5V9QT8M2N4H6Q0W7Z9C00"
#define NAME  "01KAR5V9QT8M2N4H6Q0W7Z9C*"
#define HEAD  "05:wc\n\n"

static struct span text_span(const struct buffer *b)
{
    return (struct span){b->data, b->len};
}

/* A pack whose i-th payload is i times a byte. */
static void write_pack(struct buffer *b, size_t size)
{
    char payload[PACK_JOBS_MAX];

    memset(payload, '\n', sizeof payload);
    buffer_clear(b);
    pack_begin(b, span_of("5:wc"), size);
    for (size_t i = 0; i < size; i++) pack_add(b, span_of(HEAD), (struct span){payload, i});
}

/* How many jobs can be read before it ends; what is read lies within the record. */
static unsigned read_all(struct span record)
{
    struct pack_reader reader;
    struct span id, one;
    unsigned n = 0;

    if (!pack_open(&reader, span_of(NAME), record)) return 0;
    while (pack_next(&reader, &id, &one)) {
        assert_true(one.data >= record.data && one.data + one.len <= record.data + record.len);
        assert_int_equal(pack_place(id), n);
        n++;
    }
    assert_true(n <= reader.size && reader.size <= PACK_JOBS_MAX);
    return n;
}

/* ---- names and places ------------------------------------------------------------------------ */

TEST(a_name_is_what_its_jobs_share)
{
    char name[PACK_NAME_LEN + 1], id[] = FIRST;

    for (unsigned i = 0; i < PACK_JOBS_MAX; i++) {
        id_in_block(id, i);
        pack_name(span_of(id), name);
        assert_string_equal(name, NAME);
        assert_int_equal(pack_place(span_of(id)), i);
    }
    assert_true(pack_is(span_of(NAME)));
    assert_false(pack_is(span_of(FIRST)));
    assert_false(pack_is(span_of("*")));
    assert_false(pack_is(span_of("")));
    assert_false(pack_is((struct span){0}));
    assert_false(pack_is(span_of("01KAR5V9QT8M2N4H6Q0W7Z9C")));
    assert_false(pack_is(span_of("01KAR5V9QT8M2N4H6Q0W7Z9C0*")));
    assert_false(pack_is(span_of("01KAR5V9QT8M2N4H6Q0W7Z9C0")));
}

/* The alphabet has no I, L, O, U, so no two places look alike. */
TEST(places_are_two_digits_of_base_32)
{
    char id[] = FIRST;

    id_in_block(id, 31);
    assert_string_equal(id + 24, "0Z");
    id_in_block(id, 32);
    assert_string_equal(id + 24, "10");
    id_in_block(id, 63);
    assert_string_equal(id + 24, "1Z");
}

/* ---- round trip ------------------------------------------------------------------------------ */

TEST(what_was_written_is_read)
{
    struct buffer b = BUFFER_INIT;

    for (unsigned size = 1; size <= PACK_JOBS_MAX; size++) {
        struct pack_reader reader;
        struct span id, record;
        char expected[] = FIRST;

        write_pack(&b, size);
        assert_true(pack_open(&reader, span_of(NAME), text_span(&b)));
        assert_int_equal(reader.size, size);
        for (unsigned i = 0; i < size; i++) {
            assert_true(pack_next(&reader, &id, &record));
            id_in_block(expected, i);
            assert_true(span_is(id, expected));
            assert_int_equal(record.len, strlen(HEAD) + i);
            assert_memory_equal(record.data, HEAD, strlen(HEAD));
            assert_int_equal(reader.at, i + 1);
        }
        assert_false(pack_next(&reader, &id, &record));
        assert_false(pack_next(&reader, &id, &record));
    }
    buffer_deinit(&b);
}

/* A record is read from a block of just its size: one byte further is the sanitizer's. */
static unsigned read_copy(const char *data, size_t len)
{
    char *copy = xmalloc(len ? len : 1);
    unsigned n;

    memcpy(copy, data, len);
    n = read_all((struct span){copy, len});
    free(copy);
    return n;
}

TEST(a_string_of_any_length_fits)
{
    static const size_t lengths[] = {0, 1, 255, 256, 65535 - sizeof HEAD, 65536 - sizeof HEAD};
    struct buffer b = BUFFER_INIT;
    char *payload = xcalloc(1, 65536);

    for (size_t i = 0; i < countof(lengths); i++) {
        struct pack_reader reader;
        struct span id, record;

        buffer_clear(&b);
        pack_begin(&b, span_of("5:wc"), 2);
        pack_add(&b, span_of(HEAD), (struct span){payload, lengths[i]});
        pack_add(&b, span_of(HEAD), span_of("last"));
        assert_true(pack_open(&reader, span_of(NAME), text_span(&b)));
        assert_true(pack_next(&reader, &id, &record));
        assert_int_equal(record.len, strlen(HEAD) + lengths[i]);
        assert_true(pack_next(&reader, &id, &record));
        assert_true(span_is(record, HEAD "last"));
    }
    free(payload);
    buffer_deinit(&b);
}

/* ---- damage ---------------------------------------------------------------------------------- */

TEST(what_is_cut_off_is_not_read)
{
    struct buffer b = BUFFER_INIT;

    write_pack(&b, 5);
    assert_int_equal(read_copy(b.data, b.len), 5);
    for (size_t len = 0; len < b.len; len++) assert_true(read_copy(b.data, len) < 5);
    buffer_deinit(&b);
}

TEST(no_changed_byte_reads_beyond_the_record)
{
    struct buffer b = BUFFER_INIT;

    write_pack(&b, 5);
    for (size_t i = 0; i < b.len; i++) {
        char was = b.data[i];
        for (int c = 0; c < 256; c++) {
            b.data[i] = (char)c;
            assert_true(read_copy(b.data, b.len) <= 5);
        }
        b.data[i] = was;
    }
    assert_int_equal(read_copy(b.data, b.len), 5);
    buffer_deinit(&b);
}

TEST(random_damage_reads_nothing_beyond_the_record)
{
    struct prng prng = {property_seed("PINION_PACK_SEED")};
    struct buffer b = BUFFER_INIT;

    for (int round = 0; round < 20000; round++) {
        write_pack(&b, 1 + prng_below(&prng, PACK_JOBS_MAX));
        for (uint64_t n = prng_below(&prng, 4); n > 0; n--)
            b.data[prng_below(&prng, b.len)] = (char)prng_next(&prng);
        size_t len = prng_below(&prng, 3) ? b.len : prng_below(&prng, b.len + 1);
        assert_true(read_copy(b.data, len) <= PACK_JOBS_MAX);
    }
    buffer_deinit(&b);
}

TEST(what_is_no_pack_is_refused)
{
    static const char *const bad[] = {
        "",
        "2",
        "2\n",
        "2\n\n",
        "25:wc\n4",
        "25:wc\n0\n\xdc",
        "25:wc\n65\n\xdc",
        "25:wc\n-1\n\xdc",
        "25:wc\n1\n\x91\xda",      /* the short form of an array */
        "25:wc\nx\n\xdc\x01\x01",
        "25:wc\n2\n\xdc\x01\x01",  /* counts that differ */
        "05:wc\n\n",
        "15:wc\n\n",
    };
    struct pack_reader reader;
    struct buffer b = BUFFER_INIT;

    for (size_t i = 0; i < countof(bad); i++)
        assert_false(pack_open(&reader, span_of(NAME), span_of(bad[i])));
    assert_false(pack_open(&reader, span_of(NAME), (struct span){0}));
    write_pack(&b, 4);
    assert_false(pack_open(&reader, span_of(FIRST), text_span(&b)));
    assert_true(pack_open(&reader, span_of(NAME), text_span(&b)));
    buffer_deinit(&b);
}

/* ---- acks, grouped by pack ------------------------------------------------------------------- */

#define ARGS_MAX 4096
#define ARG_KEYS 4 /* EVALSHA, the script, the number of keys, the key */

/* The arguments behind the key, cut out of what would be sent. */
struct args {
    struct span at[ARGS_MAX];
    size_t count;
};

static void read_args(struct request *r, struct args *ret)
{
    struct span rest = request_bytes(r);
    uint64_t count, len;

    ret->count = 0;
    assert_int_equal(rest.data[0], '*');
    rest.data++, rest.len--;
    struct span line = span_cut(&rest, '\r');
    assert_int_equal(text_parse_u64(line, 0, ARGS_MAX, &count), PINION_OK);
    for (uint64_t i = 0; i < count; i++) {
        assert_true(rest.len > 2 && rest.data[1] == '$');
        rest.data += 2, rest.len -= 2;
        line = span_cut(&rest, '\r');
        assert_int_equal(text_parse_u64(line, 0, 1 << 20, &len), PINION_OK);
        assert_true(rest.len >= len + 2);
        if (i >= ARG_KEYS) ret->at[ret->count++] = (struct span){rest.data + 1, len};
        rest.data += len + 2, rest.len -= len + 2; /* up to before the '\n' */
    }
}

static struct request request = REQUEST_INIT;
static struct args args;
static struct settle_item items[BATCH_ITEMS_MAX];
static char ids[BATCH_ITEMS_MAX][ID_LEN + 1];
static size_t items_count;

/* One more job to ack: number `place` of pack number `pack`, which was claimed with that token. */
static void add_item(unsigned pack, unsigned size, unsigned place, const char *token)
{
    assert_true(items_count < BATCH_ITEMS_MAX);
    char *id = ids[items_count];

    snprintf(id, ID_LEN + 1, "01KAR5V9QT8M2N4H6Q0W7%03u00", pack);
    id_in_block(id, place);
    items[items_count++] = (struct settle_item){
        .id = {id, ID_LEN}, .token = span_of(token), .pack_size = size};
}

static void add_single(const char *id, const char *token)
{
    items[items_count++] = (struct settle_item){.id = span_of(id), .token = span_of(token)};
}

static void build(void)
{
    ack_build(&request, span_of("pinion:{q}"), items, items_count);
    read_args(&request, &args);
    items_count = 0;
}

static void expect_args(size_t from, const char *const expected[], size_t count)
{
    assert_true(from + count <= args.count);
    for (size_t i = 0; i < count; i++)
        if (!span_is(args.at[from + i], expected[i]))
            fail_msg("argument %zu: '%.*s', expected '%s'", from + i, (int)args.at[from + i].len,
                     args.at[from + i].data, expected[i]);
}

TEST(a_whole_pack_is_one_word_and_all_its_bits)
{
    for (unsigned i = 0; i < PACK_JOBS_MAX; i++) add_item(1, 64, PACK_JOBS_MAX - 1 - i, "77");
    build();
    expect_args(0, (const char *const[]){"1", "01KAR5V9QT8M2N4H6Q0W7001*", "77", "64",
                                         "ffffffffffffffff", "01KAR5V9QT8M2N4H6Q0W7001*64"}, 6);
    assert_int_equal(args.count, 6);
}

TEST(a_part_is_its_bits_and_its_ids_in_order)
{
    static const unsigned places[] = {63, 0, 31, 32, 0};

    for (size_t i = 0; i < countof(places); i++) add_item(1, 64, places[i], "77");
    build();
    expect_args(0, (const char *const[]){"1", "01KAR5V9QT8M2N4H6Q0W7001*", "77", "64",
                                         "8000000180000001",
                                         "01KAR5V9QT8M2N4H6Q0W700100 01KAR5V9QT8M2N4H6Q0W70010Z "
                                         "01KAR5V9QT8M2N4H6Q0W700110 01KAR5V9QT8M2N4H6Q0W70011Z"},
                6);
    assert_int_equal(args.count, 6);
}

TEST(packs_and_claims_are_told_apart)
{
    add_single("given", "11");
    add_item(1, 5, 4, "77");
    add_single("other", "11");
    add_item(1, 5, 4, "78"); /* the same name by another token: not one of ours, and so told */
    add_item(2, 4, 0, "77");
    add_single("01KAR5V9QT8M2N4H6Q0W7Z9C00", "12");
    build();
    expect_args(0, (const char *const[]){
                       "3", "01KAR5V9QT8M2N4H6Q0W7001*", "77", "5", "0000000000000010",
                       "01KAR5V9QT8M2N4H6Q0W700104", "01KAR5V9QT8M2N4H6Q0W7001*", "78", "5",
                       "0000000000000010", "01KAR5V9QT8M2N4H6Q0W700104",
                       "01KAR5V9QT8M2N4H6Q0W7002*", "77", "4", "0000000000000001",
                       "01KAR5V9QT8M2N4H6Q0W700200", "11", "2", "given other", "given", "other",
                       "12", "1", "01KAR5V9QT8M2N4H6Q0W7Z9C00", "01KAR5V9QT8M2N4H6Q0W7Z9C00"},
                25);
    assert_int_equal(args.count, 25);
}

/* Beyond those that are looked through a pack is told twice, but no job is. */
static void interleave(unsigned packs)
{
    uint64_t told[64] = {0};
    size_t groups, jobs = 0;
    uint64_t n;

    for (unsigned i = 0; i < 4; i++)
        for (unsigned pack = 0; pack < packs; pack++) add_item(pack, 4, i, "77");
    build();
    assert_int_equal(text_parse_u64(args.at[0], 0, BATCH_ITEMS_MAX, &n), PINION_OK);
    groups = n;
    assert_int_equal(args.count, 1 + 5 * groups);
    for (size_t g = 0; g < groups; g++) {
        const struct span *a = &args.at[1 + 5 * g];
        char number[4] = "", bits[PACK_BITS_LEN + 1] = "", whole[PACK_NAME_LEN + 2];
        memcpy(number, a[0].data + 21, 3);
        memcpy(bits, a[3].data, PACK_BITS_LEN);
        uint64_t pack = strtoull(number, NULL, 10), done = strtoull(bits, NULL, 16);
        assert_true(pack < packs && done != 0 && (told[pack] & done) == 0);
        told[pack] |= done;
        jobs += (size_t)__builtin_popcountll(done);
        snprintf(whole, sizeof whole, "%.*s4", (int)a[0].len, a[0].data);
        if (done == 15) assert_true(span_is(a[4], whole));
        else assert_int_equal(a[4].len, (ID_LEN + 1) * __builtin_popcountll(done) - 1);
    }
    assert_int_equal(jobs, 4 * packs);
    for (unsigned pack = 0; pack < packs; pack++) assert_int_equal(told[pack], 15);
    if (packs <= 16) assert_int_equal(groups, packs);
    else assert_int_equal(groups, 4 * packs);
}

TEST(interleaved_packs_are_grouped)
{
    interleave(1);
    interleave(15);
    interleave(16);
    interleave(17);
    interleave(40);
}

/* The most that fits in one call: each item its own pack. */
TEST(as_many_packs_as_items)
{
    for (unsigned i = 0; i < BATCH_ITEMS_MAX; i++) add_item(i, 64, 63, "77");
    build();
    assert_true(span_is(args.at[0], "512"));
    assert_int_equal(args.count, 1 + 5 * BATCH_ITEMS_MAX);
}

static int free_request(void **state)
{
    (void)state;
    request_deinit(&request);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_is_what_its_jobs_share),
        cmocka_unit_test(places_are_two_digits_of_base_32),
        cmocka_unit_test(what_was_written_is_read),
        cmocka_unit_test(a_string_of_any_length_fits),
        cmocka_unit_test(what_is_cut_off_is_not_read),
        cmocka_unit_test(no_changed_byte_reads_beyond_the_record),
        cmocka_unit_test(random_damage_reads_nothing_beyond_the_record),
        cmocka_unit_test(what_is_no_pack_is_refused),
        cmocka_unit_test(a_whole_pack_is_one_word_and_all_its_bits),
        cmocka_unit_test(a_part_is_its_bits_and_its_ids_in_order),
        cmocka_unit_test(packs_and_claims_are_told_apart),
        cmocka_unit_test(interleaved_packs_are_grouped),
        cmocka_unit_test(as_many_packs_as_items),
    };

    return cmocka_run_group_tests(tests, NULL, free_request);
}
