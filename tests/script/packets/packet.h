/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TESTS_SCRIPT_PACKET_H
#define CHASKI_TESTS_SCRIPT_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/script/arena.h"

/*
 * A packet by its fields. The same struct is what a script says (numbers relative to where each
 * side began), what is on the wire (numbers as they are) and what was seen, in the script's terms:
 * tests/script/packets/flow.h turns one into the other.
 */
enum packet_kind { PACKET_TCP, PACKET_UDP, PACKET_ICMP };

enum packet_flag {
    FLAG_FIN = 0x001,
    FLAG_SYN = 0x002,
    FLAG_RST = 0x004,
    FLAG_PSH = 0x008,
    FLAG_ACK = 0x010,
    FLAG_URG = 0x020,
    FLAG_ECE = 0x040,
    FLAG_CWR = 0x080,
    FLAG_AE = 0x100,
};

enum option_kind {
    OPTION_EOL = 0,
    OPTION_NOP = 1,
    OPTION_MSS = 2,
    OPTION_WSCALE = 3,
    OPTION_SACK_OK = 4,
    OPTION_SACK = 5,
    OPTION_TIMESTAMP = 8,
    OPTION_MD5 = 19,
    OPTION_USER_TIMEOUT = 28,
    OPTION_AO = 29,
    OPTION_FAST_OPEN = 34,
    OPTION_ACCECN0 = 172, /* EE0B, ECEB, EE1B */
    OPTION_ACCECN1 = 174, /* EE1B, ECEB, EE0B */
    OPTION_EXPERIMENT = 254,
};

enum { OPTION_DATA_MAX = 38, SACK_MAX = 4, ACCECN_MAX = 3 };

struct tcp_option {
    struct tcp_option *next;
    uint8_t kind;
    uint32_t value, echo; /* MSS, shift, TS val, user timeout's 16 bits; TS ecr */
    uint8_t count;        /* SACK blocks, AccECN counters */
    uint32_t numbers[2 * SACK_MAX];
    uint8_t data[OPTION_DATA_MAX]; /* all behind kind and length, as it came */
    uint8_t data_length;
    bool is_bytes; /* the script has but these, whatever the kind */
    bool any_data; /* the script leaves them open */
};

struct ip_part {
    bool has_ecn, has_class, has_ttl, has_port, bad_checksum;
    uint8_t ecn, traffic_class, ttl;
    uint16_t port; /* the remote end's: which of several connections */
};

struct icmp_part {
    const char *type_name, *code_name; /* as the script has them; the code's may be NULL */
    uint8_t type, code;                /* what they stand for: icmp_numbers() */
    bool has_mtu, has_quote;
    uint32_t mtu;
    uint32_t quoted_sequence, quoted_length;
    uint16_t identifier, sequence; /* echo */
};

struct packet {
    enum packet_kind kind;
    bool inbound;
    struct ip_part ip;
    uint16_t source_port, destination_port;
    uint16_t flags; /* enum packet_flag */
    uint32_t sequence, length, ack;
    uint16_t window, urgent;
    bool has_window, has_urgent;
    bool any_options; /* <...> */
    struct tcp_option *options;
    struct icmp_part icmp;
};

enum { PACKET_BYTES_MAX = 65535, PACKET_ROOM = 66000, PACKET_TEXT = 512, ADDRESS_MAX = 16 };

struct ip_version; /* tests/script/packets/ip.h */

struct ends {
    const struct ip_version *version;
    uint8_t local[ADDRESS_MAX], remote[ADDRESS_MAX]; /* local is the stack's */
};

/* Writes the packet, numbers as they are, from remote to local; returns its length, 0 when the
 * fields make no packet. */
size_t packet_build(const struct packet *packet, const struct ends *ends, uint8_t *bytes);

/* Reads a packet that the stack sent. NULL, or what is wrong with it. */
const char *packet_read(struct arena *arena, const struct ip_version *version, const uint8_t *bytes,
                        size_t length, struct packet *packet);

/* In the script's notation, into PACKET_TEXT bytes; returns `text`. */
char *packet_text(const struct packet *packet, char *text);

/* Compares what was seen, in the script's terms, with what the script wants. NULL, or the name of
 * the field that differs. */
const char *packet_difference(const struct packet *wanted, const struct packet *seen);

/* Sets what the names of type and code stand for. NULL, or the name that stands for nothing. */
const char *icmp_numbers(const struct ip_version *version, struct icmp_part *icmp);

#endif
