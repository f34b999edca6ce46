/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "cli/options.h"

struct answers {
    struct link_options link;
    const char *output;
    uint32_t count;
    uint64_t interval;
    bool json;
    const char *operand[1];
    char error[ARGUMENT_ERROR];
};

/* Reads a command line of the words given, NULL-terminated. */
static enum command_line_result read_words(struct answers *answers, const char *const *words)
{
    struct argument arguments[] = {
        LINK_ARGUMENTS(&answers->link),
        {.name = "output",
         .letter = 'o',
         .value = "FILE",
         .help = "",
         .read = argument_text,
         .target = &answers->output},
        {.name = "count",
         .letter = 'c',
         .value = "N",
         .help = "",
         .read = argument_number,
         .target = &answers->count,
         .minimum = 1,
         .maximum = 65535},
        {.name = "interval",
         .letter = 'i',
         .value = "S",
         .help = "",
         .read = argument_seconds,
         .target = &answers->interval,
         .minimum = 1000000,
         .maximum = 3600000000000},
        {.name = "json",
         .letter = 'j',
         .help = "",
         .read = argument_flag,
         .target = &answers->json},
    };
    struct command_line line = {.command = "chaski test",
                                .operands = "URL",
                                .arguments = arguments,
                                .argument_count = sizeof arguments / sizeof *arguments,
                                .operand = answers->operand,
                                .operand_count = 1};
    int count = 0;
    while (words[count] != NULL)
        count++;
    return command_line_read(&line, count, (char **)words, answers->error);
}

#define READ(answers, ...) read_words(answers, (const char *const[]){__VA_ARGS__, NULL})

static void every_way_to_write_an_option(void **state)
{
    (void)state;
    struct answers a = {0};
    assert_int_equal(READ(&a, "-c3", "u", "--output=f", "--interval", "0.25", "-j"),
                     COMMAND_LINE_GOOD);
    assert_int_equal(a.count, 3);
    assert_string_equal(a.operand[0], "u");
    assert_string_equal(a.output, "f");
    assert_int_equal(a.interval, 250000000);
    assert_true(a.json);
    a = (struct answers){0};
    assert_int_equal(READ(&a, "-jjc", "4", "--", "-c"), COMMAND_LINE_GOOD);
    assert_int_equal(a.count, 4);
    assert_string_equal(a.operand[0], "-c");
}

static void help_is_told_apart_from_errors(void **state)
{
    (void)state;
    struct answers a = {0};
    assert_int_equal(READ(&a, "--help"), COMMAND_LINE_HELP);
    assert_int_equal(READ(&a, "u", "-h"), COMMAND_LINE_HELP);
}

static const struct {
    const char *words[4];
    const char *names;
} wrong[] = {
    {{"--lnk", "tap:a"}, "--lnk"},
    {{"-x"}, "-x"},
    {{"u", "v"}, "v"},
    {{"-j"}, "URL is missing"},
    {{"u", "--json=1"}, "--json takes no value"},
    {{"u", "-o"}, "-o wants a value: -o FILE"},
    {{"u", "-o", ""}, "-o : must not be empty"},
    {{"u", "-c", "0"}, "-c 0: must be a number from 1 to 65535"},
    {{"u", "-c", "65536"}, "-c 65536"},
    {{"u", "-c", "-1"}, "-c -1"},
    {{"u", "-c", "1x"}, "-c 1x"},
    {{"u", "-c", "1.0"}, "-c 1.0"},
    {{"u", "-c", "99999999999999999999"}, "-c 99"},
    {{"u", "-i", "."}, "-i ."},
    {{"u", "-i", "1."}, "-i 1."},
    {{"u", "-i", "1.2.3"}, "-i 1.2.3"},
    {{"u", "-i", "0.0001"}, "from 0.001 to 3600"},
    {{"u", "--mtu", "67"}, "from 68 to 65535"},
    {{"u", "--link", "tun:x"}, "a KIND of tap, packet, xdp, dpdk"},
    {{"u", "--link", "tap:"}, "--link tap:"},
    {{"u", "--link", "tap:../x"}, "--link tap:../x"},
    {{"u", "--link", "tap"}, "KIND:NAME[,queues=N]"},
    {{"u", "--link", "packets:a"}, "no such kind"},
    {{"u", "--link", "tap:a,queues=0"}, "N from 1 to 64"},
    {{"u", "--link", "tap:a,queues=65"}, "N from 1 to 64"},
    {{"u", "--link", "tap:a,queues="}, "N from 1 to 64"},
    {{"u", "--link", "tap:a,queues=2x"}, "N from 1 to 64"},
    {{"u", "--link", "tap:a,queue=2"}, "can only be ,queues=N"},
    {{"u", "--link", "dpdk:"}, "such as 0000:03:00.0"},
    {{"u", "--link", "dpdk:net_pcap0,iface=../x"}, "without spaces, slashes"},
    {{"u", "--link", "dpdk:net_tap0,queues=65"}, "N from 1 to 64"},
    {{"u", "--link", "tap:,queues=2"}, "1 to 15 characters"},
    {{"u", "--link", "tap:0123456789abcdef"}, "1 to 15 characters"},
    {{"u", "--addr", "10.0.0.1"}, "such as 192.0.2.1/24"},
    {{"u", "--addr", "10.0.0/8"}, "--addr 10.0.0/8"},
    {{"u", "--addr", "10.0.0.1/33"}, "from 1 to 32"},
    {{"u", "--addr", "10.0.0.1/0"}, "from 1 to 32"},
    {{"u", "--addr", "10.0.0.1/"}, "from 1 to 32"},
    {{"u", "--addr", "10.0.0.0/24"}, "take a host's, such as 10.0.0.1"},
    {{"u", "--addr", "10.0.0.255/24"}, "broadcast"},
    {{"u", "--addr", "224.0.0.1/24"}, "one host"},
    {{"u", "--addr", "127.0.0.1/8"}, "one host"},
    {{"u", "--addr", "0.0.0.0/8"}, "one host"},
    {{"u", "--gateway", "255.255.255.255"}, "one host"},
    {{"u", "--mac", "02:00:00:00:00"}, "--mac"},
    {{"u", "--mac", "02:00:00:00:00:0g"}, "--mac"},
    {{"u", "--mac", "02:00:00:00:00:000"}, "--mac"},
    {{"u", "--mac", "2:00:00:00:00:0::"}, "--mac"},
    {{"u", "--mac", "01:00:5e:00:00:01"}, "even"},
    {{"u", "--mac", "00:00:00:00:00:00"}, "not all may be 0"},
};

static void errors_name_the_thing(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct answers a = {0};
        if (read_words(&a, wrong[i].words) != COMMAND_LINE_WRONG)
            fail_msg("accepted %s %s", wrong[i].words[0], wrong[i].words[1]);
        if (strstr(a.error, wrong[i].names) == NULL)
            fail_msg("'%s' does not say '%s'", a.error, wrong[i].names);
        assert_null(strchr(a.error, '\n'));
    }
}

static void a_long_word_fits_into_the_error(void **state)
{
    (void)state;
    struct answers a = {0};
    char word[1000];
    memset(word, 'x', sizeof word - 1);
    word[0] = word[1] = '-';
    word[sizeof word - 1] = '\0';
    assert_int_equal(READ(&a, word), COMMAND_LINE_WRONG);
    assert_non_null(strstr(a.error, "--help"));
}

static void a_link_is_read(void **state)
{
    (void)state;
    struct answers a = {0};
    static const uint8_t given[6] = {2, 0, 0xab, 0xCD, 0, 1};
    struct chaski_address address = chaski_ip4(10, 1, 2, 3), gateway = chaski_ip4(10, 1, 2, 1);
    assert_int_equal(READ(&a, "u", "--link", "tap:ck0", "--addr", "10.1.2.3/24", "--gateway",
                          "10.1.2.1", "--mac", "02:00:ab:CD:00:01", "--mtu", "9000", "--capture",
                          "f"),
                     COMMAND_LINE_GOOD);
    assert_true(link_options_finish(&a.link, a.error));
    assert_string_equal(a.link.device.name, "ck0");
    assert_memory_equal(&a.link.address, &address, sizeof address);
    assert_memory_equal(&a.link.gateway, &gateway, sizeof gateway);
    assert_int_equal(a.link.prefix_length, 24);
    assert_memory_equal(a.link.mac, given, 6);
    assert_int_equal(a.link.mtu, 9000);
    assert_string_equal(a.link.capture, "f");
}

static void every_kind_of_link_may_have_queues(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum device_kind kind;
        const char *name;
        uint32_t queues;
    } cases[] = {
        {"tap:ck0", DEVICE_TAP, "ck0", 1},
        {"packet:eth0,queues=2", DEVICE_PACKET, "eth0", 2},
        {"xdp:a,queues=64", DEVICE_XDP, "a", 64},
        {"dpdk:0000:03:00.0", DEVICE_DPDK, "0000:03:00.0", 1},
        {"dpdk:net_tap0,iface=a,queues=4", DEVICE_DPDK, "net_tap0,iface=a", 4},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct answers a = {0};
        assert_int_equal(READ(&a, "u", "--link", cases[i].text), COMMAND_LINE_GOOD);
        assert_int_equal(a.link.device.kind, cases[i].kind);
        assert_string_equal(a.link.device.name, cases[i].name);
        assert_int_equal(a.link.device.queues, cases[i].queues);
    }
}

static void a_link_address_is_made_from_the_address(void **state)
{
    (void)state;
    struct answers a = {0};
    static const uint8_t made[6] = {0x02, 0xc5, 10, 1, 2, 3};
    assert_int_equal(READ(&a, "u", "--link", "tap:ck0", "--addr", "10.1.2.3/31"),
                     COMMAND_LINE_GOOD);
    assert_true(link_options_finish(&a.link, a.error));
    assert_memory_equal(a.link.mac, made, 6);
}

static void what_is_missing_or_does_not_fit_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *words[9];
        const char *names;
    } cases[] = {
        {{"u", "--addr", "10.0.0.1/24"}, "add --link KIND:NAME"},
        {{"u", "--link", "tap:a"}, "add --addr A.B.C.D/N"},
        {{"u", "--link", "tap:a", "--addr", "10.0.0.1/24", "--gateway", "10.0.1.1"},
         "--gateway 10.0.1.1 is not in the prefix"},
        {{"u", "--link", "tap:a", "--addr", "10.0.0.1/24", "--gateway", "10.0.0.1"},
         "our own address"},
        {{"u", "--link", "tap:a", "--addr", "10.0.0.1/24", "--sleep", "--busy-poll"},
         "--sleep and --busy-poll exclude each other"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct answers a = {0};
        assert_int_equal(read_words(&a, cases[i].words), COMMAND_LINE_GOOD);
        assert_false(link_options_finish(&a.link, a.error));
        if (strstr(a.error, cases[i].names) == NULL)
            fail_msg("'%s' does not say '%s'", a.error, cases[i].names);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_way_to_write_an_option),
        cmocka_unit_test(help_is_told_apart_from_errors),
        cmocka_unit_test(errors_name_the_thing),
        cmocka_unit_test(a_long_word_fits_into_the_error),
        cmocka_unit_test(a_link_is_read),
        cmocka_unit_test(every_kind_of_link_may_have_queues),
        cmocka_unit_test(a_link_address_is_made_from_the_address),
        cmocka_unit_test(what_is_missing_or_does_not_fit_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
