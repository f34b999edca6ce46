/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "chaski/chaski.h"
#include "core/base/address.h"
#include "core/tcp/authentication/tcp_ao_code.h"
#include "core/wire/tcp.h"

/* What TCP-AO computes, with the packets and keys of RFC 9235. */

static const char secret[] = "testvector";

/* A packet of section `where`, IP header included, in hexadecimal. */
struct vector {
    const char *where;
    uint8_t algorithm;
    bool bare;
    uint32_t from_isn, to_isn;
    const char *traffic_key, *packet;
};

/* clang-format off */
static const struct vector vectors[] = {
    {"4.1", CHASKI_HMAC_SHA1_96, false, 0xfbfbab5a, 0, "6d63ef1b02fe1509d4b1402707fd7b0416abb74f",
     "45e0004cdd0f4000ff06bf6b0a0b0c0dac1b1c1de9d700b3fbfbab5a00000000e002ffffcac4"
     "0000020405b4010303080402080a00155ab7000000001d103d542ee437c6f8ede6d7c4d602e7"},
    {"4.1", CHASKI_HMAC_SHA1_96, false, 0x11c14261, 0xfbfbab5a, "d9e217e4834a80ca2f3fd8de2e41b8e6797fea96",
     "45e0004c65064000ff063775ac1b1c1d0a0b0c0d00b3e9d711c14261fbfbab5be012ffff3776"
     "0000020405b4010303080402080a84a50beb00155ab71d10543deeab0fe24c3010815116b3be"},
    {"4.1", CHASKI_HMAC_SHA1_96, false, 0xfbfbab5a, 0x11c14261, "d2e59c65ffc7b1a39347656463b70edc24a13d71",
     "45e0008736a14000ff06659f0a0b0c0dac1b1c1de9d700b3fbfbab5b11c14262c0180104a162"
     "00000101080a00155ac184a50beb1d103d547064cf998cc6c315c2c2e2bfffffffffffffffff"
     "ffffffffffffffff00430104dabf00b40a0b0c0d260206010400010001020280000202020002"
     "024200020641040000dabf02084006006400010100"},
    {"4.1", CHASKI_HMAC_SHA1_96, false, 0x11c14261, 0xfbfbab5a, "d9e217e4834a80ca2f3fd8de2e41b8e6797fea96",
     "45e000871fa94000ff067c97ac1b1c1d0a0b0c0d00b3e9d711c14262fbfbab9ec0180100400c"
     "00000101080a84a50bf500155ac11d10543da63f0ecbbb2e635c954deac7ffffffffffffffff"
     "ffffffffffffffff00430104dac000b4ac1b1c1d260206010400010001020280000202020002"
     "024200020641040000dac002084006006400010100"},
    {"4.2", CHASKI_HMAC_SHA1_96, true, 0xcb0efbee, 0, "30eaa1560cf0be57dab5c045229fb10a423cd7ea",
     "45e0004c53994000ff0648e20a0b0c0dac1b1c1dff1200b3cb0efbee00000000e002ffff541f"
     "0000020405b4010303080402080a00024cce000000001d103d5480af3cfeb85368937b8f9ec2"},
    {"4.2", CHASKI_HMAC_SHA1_96, true, 0xacd5b5e1, 0xcb0efbee, "b5b2896bb3664e8176b0edc6e799524101a8307f",
     "45e0004c32844000ff0669f7ac1b1c1d0a0b0c0d00b3ff12acd5b5e1cb0efbefe012ffff388e"
     "0000020405b4010303080402080a576772f300024cce1d10543d09306f9acea63a8c68cb9a70"},
    {"4.2", CHASKI_HMAC_SHA1_96, true, 0xcb0efbee, 0xacd5b5e1, "f3db1793d7910ecd806c34f155ea1f00345953e3",
     "45e00087a8f54000ff06f34a0a0b0c0dac1b1c1dff1200b3cb0efbefacd5b5e2c01801046c45"
     "00000101080a00024cce576772f31d103d54710608cc696c03a271c93aa5ffffffffffffffff"
     "ffffffffffffffff00430104dabf00b40a0b0c0d260206010400010001020280000202020002"
     "024200020641040000dabf02084006006400010100"},
    {"4.2", CHASKI_HMAC_SHA1_96, true, 0xacd5b5e1, 0xcb0efbee, "b5b2896bb3664e8176b0edc6e799524101a8307f",
     "45e0008754374000ff064809ac1b1c1d0a0b0c0d00b3ff12acd5b5e2cb0efc32c018010046b6"
     "00000101080a576772f300024cce1d10543d97766e48ac262de9ae61b4f9ffffffffffffffff"
     "ffffffffffffffff00430104dac000b4ac1b1c1d260206010400010001020280000202020002"
     "024200020641040000dac002084006006400010100"},
    {"5.1", CHASKI_AES_128_CMAC_96, false, 0x787a1ddf, 0, "f5b8b3d5f34fdbb6eb8d4ab9660e60e3",
     "45e0004c7b9f4000ff0620dc0a0b0c0dac1b1c1dc4fa00b3787a1ddf00000000e002ffff5a0f"
     "0000020405b4010303080402080a00017ed0000000001d103d54e477e99c8040765498e55091"},
    {"5.1", CHASKI_AES_128_CMAC_96, false, 0xfadd6de9, 0x787a1ddf, "4bc7571a486f3264bbd888474066b4b1",
     "45e0004c4bad4000ff0650ceac1b1c1d0a0b0c0d00b3c4fafadd6de9787a1de0e012fffff3f2"
     "0000020405b4010303080402080a93f4e9e800017ed01d10543dd6ada7bc4cdd536d1769db5f"},
    {"5.1", CHASKI_AES_128_CMAC_96, false, 0x787a1ddf, 0xfadd6de9, "8c8ae0e8371ec5cbb97ea79d90418391",
     "45e00087fb4f4000ff06a0f00a0b0c0dac1b1c1dc4fa00b3787a1de0fadd6deac01801049505"
     "00000101080a00017ed093f4e9e81d103d5477412742fa4dc433eff0973effffffffffffffff"
     "ffffffffffffffff00430104dabf00b40a0b0c0d260206010400010001020280000202020002"
     "024200020641040000dabf02084006006400010100"},
    {"5.1", CHASKI_AES_128_CMAC_96, false, 0xfadd6de9, 0x787a1ddf, "4bc7571a486f3264bbd888474066b4b1",
     "45e00087b9144000ff06e32bac1b1c1d0a0b0c0d00b3c4fafadd6dea787a1e23c0180100e7db"
     "00000101080a93f4e9e800017ed01d10543df6d965a78382a74845f72dacffffffffffffffff"
     "ffffffffffffffff00430104dac000b4ac1b1c1d260206010400010001020280000202020002"
     "024200020641040000dac002084006006400010100"},
    {"5.2", CHASKI_AES_128_CMAC_96, true, 0x389bed71, 0, "2cdbae1392c49449fa92c4509735d50e",
     "45e0004cf22e4000ff06aa4c0a0b0c0dac1b1c1dda1c00b3389bed7100000000e002ffff70bf"
     "0000020405b4010303080402080a000185e1000000001d103d54c44e60cb31f7c0b1de3d2749"},
    {"5.2", CHASKI_AES_128_CMAC_96, true, 0xd3844a6f, 0x389bed71, "3ce67a551869506b6347b633c50a624a",
     "45e0004c6cc04000ff062fbbac1b1c1d0a0b0c0d00b3da1cd3844a6f389bed72e012ffffe445"
     "0000020405b4010303080402080ace459838000185e11d10543d3a6abb207e49b1be7136db90"},
    {"5.2", CHASKI_AES_128_CMAC_96, true, 0x389bed71, 0xd3844a6f, "035bc400a341ffe595f59f58005006ca",
     "45e00087ee914000ff06adae0a0b0c0dac1b1c1dda1c00b3389bed72d3844a70c01801048851"
     "00000101080a000185e1ce4598381d103d547585e9e9d5c3ec857b96f837ffffffffffffffff"
     "ffffffffffffffff00430104dabf00b40a0b0c0d260206010400010001020280000202020002"
     "024200020641040000dabf02084006006400010100"},
    {"5.2", CHASKI_AES_128_CMAC_96, true, 0xd3844a6f, 0x389bed71, "3ce67a551869506b6347b633c50a624a",
     "45e000876a214000ff06321fac1b1c1d0a0b0c0d00b3da1cd3844a70389bed72c01801000449"
     "00000101080ace459838000185e11d10543d5c040fd9233304765c0982f4ffffffffffffffff"
     "ffffffffffffffff00430104dac000b4ac1b1c1d260206010400010001020280000202020002"
     "024200020641040000dac002084006006400010100"},
    {"6.1", CHASKI_HMAC_SHA1_96, false, 0x176a833f, 0, "625ec09d575836edc9b6428418bbf06989a361bb",
     "6e0891dc00380640fd000000000000000000000000000001fd00000000000000000000000000"
     "0002f7e400b3176a833f00000000e002ffff47210000020405a0010303080402080a0041d087"
     "000000001d103d549033ec3d7334b64c5edd039f"},
    {"6.1", CHASKI_HMAC_SHA1_96, false, 0x3f51994b, 0x176a833f, "e4a37ada2a0afca8711434913fe138c771ebcb4a",
     "6e01009e00380640fd000000000000000000000000000002fd00000000000000000000000000"
     "000100b3f7e43f51994b176a8340e012ffffbfec0000020405a0010303080402080abd33129b"
     "0041d0871d10543df1cba346c3526163f71f1f55"},
    {"6.2", CHASKI_HMAC_SHA1_96, true, 0xeba3734d, 0x020c1e69, "405108947f996575e7bdbc26d40216a2c7fa91bd",
     "6e0a7e1f00730640fd000000000000000000000000000002fd00000000000000000000000000"
     "000100b3c6cdeba3734e020c1eadc0180100716a00000101080a5ec99b7a009db9651d10543d"
     "559a819445b4fde98d9e1317ffffffffffffffffffffffffffffffff00430104fde800b40101"
     "017a260206010400010001020280000202020002024200020641040000fde802084006006400"
     "010100"},
    {"7.1", CHASKI_AES_128_CMAC_96, false, 0x193cccec, 0, "fa5a2108882d39d0c71929175ab1b7b8",
     "6e04a70600380640fd000000000000000000000000000001fd00000000000000000000000000"
     "0002f85a00b3193cccec00000000e002ffffde5d0000020405a0010303080402080a13e4ab99"
     "000000001d103d5459b588107481ac6dc3927040"},
    {"7.1", CHASKI_AES_128_CMAC_96, false, 0xa6744ecb, 0x193cccec, "cf1b1e225e06a63616764a067b46f4b1",
     "6e06152000730640fd000000000000000000000000000002fd00000000000000000000000000"
     "000100b3f85aa6744ecc193ccd30c018010052f400000101080a71daabd313e4aba31d10543d"
     "c1069b7dfd3d693a6df3f289ffffffffffffffffffffffffffffffff00430104fde800b40101"
     "017a260206010400010001020280000202020002024200020641040000fde802084006006400"
     "010100"},
};
/* clang-format on */

static uint8_t digit(char c)
{
    return (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

static size_t read_hex(const char *text, uint8_t *bytes)
{
    size_t n = strlen(text) / 2;
    for (size_t i = 0; i < n; i++)
        bytes[i] = (uint8_t)(digit(text[2 * i]) << 4 | digit(text[2 * i + 1]));
    return n;
}

static struct chaski_address address_at(const uint8_t *at, bool ip4)
{
    struct chaski_address address;
    if (ip4)
        return address_from_ip4(load_be32(at));
    memcpy(address.bytes, at, sizeof address.bytes);
    return address;
}

/* A packet, taken apart. */
struct parts {
    uint8_t bytes[200], *header, *payload;
    uint32_t length; /* of the segment */
    uint8_t option;
    struct chaski_address from, to;
    struct ao_ends ends;
};

static void take_apart(const struct vector *vector, struct parts *parts)
{
    size_t length = read_hex(vector->packet, parts->bytes);
    bool ip4 = parts->bytes[0] >> 4 == 4;
    size_t before = ip4 ? 20 : 40, addresses = ip4 ? 12 : 8, size = ip4 ? 4 : 16;
    assert_int_equal(length, ip4 ? load_be16(parts->bytes + 2) : load_be16(parts->bytes + 4) + 40);
    parts->header = parts->bytes + before;
    parts->payload = parts->header + wire_tcp_header_length(parts->header);
    parts->length = (uint32_t)(length - before);
    parts->from = address_at(parts->bytes + addresses, ip4);
    parts->to = address_at(parts->bytes + addresses + size, ip4);
    parts->ends = (struct ao_ends){&parts->from,
                                   &parts->to,
                                   wire_tcp_source_port(parts->header),
                                   wire_tcp_destination_port(parts->header),
                                   vector->from_isn,
                                   vector->to_isn};
    assert_int_equal(wire_tcp_find_ao(parts->header, &parts->option), WIRE_TCP_AO_ONE);
}

/* RFC 5926 3.1.1 MUST-2 */
/* RFC 5925 5.2 MUST-13 */
static void traffic_keys_are_those_of_rfc_9235(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        struct parts parts;
        uint8_t key[AO_TRAFFIC_KEY], right[AO_TRAFFIC_KEY] = {0};
        size_t length = read_hex(vectors[i].traffic_key, right);
        take_apart(&vectors[i], &parts);
        ao_derive(vectors[i].algorithm, (const uint8_t *)secret, strlen(secret), &parts.ends, key);
        assert_memory_equal(key, right, length);
    }
}

static void compute(const struct vector *vector, const struct parts *parts, uint32_t extension,
                    uint8_t code[AO_CODE_LENGTH])
{
    uint8_t key[AO_TRAFFIC_KEY] = {0};
    struct ao_code computing;
    size_t header = wire_tcp_header_length(parts->header), payload = parts->length - header;
    read_hex(vector->traffic_key, key);
    ao_code_begin(&computing, vector->algorithm, key);
    ao_code_add_header(&computing, extension, &parts->ends, parts->length, parts->header,
                       parts->option, vector->bare);
    ao_code_add(&computing, parts->payload, payload / 3);
    ao_code_add(&computing, parts->payload + payload / 3, payload - payload / 3);
    ao_code_end(&computing, code);
}

/* RFC 5926 3.2 MUST-1 */
static void codes_are_those_of_rfc_9235(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        struct parts parts;
        uint8_t code[AO_CODE_LENGTH];
        take_apart(&vectors[i], &parts);
        compute(&vectors[i], &parts, 0, code);
        assert_memory_equal(code, parts.header + parts.option + WIRE_TCP_AO_CODE, sizeof code);
    }
}

/* Each byte but the checksum's changes the code, other options' only where they are covered; so
 * does the extension of the sequence number. */
static void codes_cover_every_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        struct parts parts;
        uint8_t right[AO_CODE_LENGTH], code[AO_CODE_LENGTH];
        take_apart(&vectors[i], &parts);
        compute(&vectors[i], &parts, 0, right);
        compute(&vectors[i], &parts, 1, code);
        assert_memory_not_equal(code, right, sizeof code);
        for (uint32_t at = 0; at < parts.length; at++) {
            uint32_t end = (uint32_t)(parts.option + WIRE_TCP_AO_SIZE),
                     header = wire_tcp_header_length(parts.header);
            bool checksum = at == WIRE_TCP_CHECKSUM || at == WIRE_TCP_CHECKSUM + 1;
            bool own = at >= end - AO_CODE_LENGTH && at < end;
            bool other = at >= WIRE_TCP_HEADER && at < header && (at < parts.option || at >= end);
            if (at == WIRE_TCP_OFFSET_FLAGS)
                continue;
            parts.header[at] ^= 0x40;
            compute(&vectors[i], &parts, 0, code);
            parts.header[at] ^= 0x40;
            bool same = memcmp(code, right, sizeof code) == 0;
            assert_int_equal(same, checksum || own || (other && vectors[i].bare));
        }
    }
}

/* A secret of a key's length is a key as it is. */
static void a_secret_as_long_as_a_key_is_not_changed(void **state)
{
    (void)state;
    static const uint8_t sixteen[17] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
    struct parts parts;
    uint8_t key[AO_TRAFFIC_KEY], longer[AO_TRAFFIC_KEY], made[AES128_LENGTH] = {0};
    struct aes128_cmac cmac;
    take_apart(&vectors[0], &parts);
    aes128_cmac_begin(&cmac, made);
    aes128_cmac_add(&cmac, sixteen, 17);
    aes128_cmac_end(&cmac, made);
    ao_derive(CHASKI_AES_128_CMAC_96, made, sizeof made, &parts.ends, key);
    ao_derive(CHASKI_AES_128_CMAC_96, sixteen, 17, &parts.ends, longer);
    assert_memory_equal(key, longer, sizeof key);
    ao_derive(CHASKI_AES_128_CMAC_96, sixteen, 16, &parts.ends, longer);
    assert_memory_not_equal(key, longer, sizeof key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(traffic_keys_are_those_of_rfc_9235),
        cmocka_unit_test(codes_are_those_of_rfc_9235),
        cmocka_unit_test(codes_cover_every_byte),
        cmocka_unit_test(a_secret_as_long_as_a_key_is_not_changed),
    };
    return cmocka_run_group_tests_name("tcp_ao_code", tests, NULL, NULL);
}
