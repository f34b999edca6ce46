/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/script/code/tcp_fields.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Linux's interface, spelled out: the C library's header has but the first of these, the kernel's
 * the ones of its day. */
struct tcp_info_field {
    const char *name; /* without tcpi_ */
    uint16_t offset;
    uint8_t size;         /* bytes */
    uint8_t shift, width; /* bits */
};

static const struct tcp_info_field fields[] = {
    {"state", 0, 1, 0, 8},
    {"ca_state", 1, 1, 0, 8},
    {"retransmits", 2, 1, 0, 8},
    {"probes", 3, 1, 0, 8},
    {"backoff", 4, 1, 0, 8},
    {"options", 5, 1, 0, 8},
    {"snd_wscale", 6, 1, 0, 4},
    {"rcv_wscale", 6, 1, 4, 4},
    {"delivery_rate_app_limited", 7, 1, 0, 1},
    {"fastopen_client_fail", 7, 1, 1, 2},
    {"rto", 8, 4, 0, 32},
    {"ato", 12, 4, 0, 32},
    {"snd_mss", 16, 4, 0, 32},
    {"rcv_mss", 20, 4, 0, 32},
    {"unacked", 24, 4, 0, 32},
    {"sacked", 28, 4, 0, 32},
    {"lost", 32, 4, 0, 32},
    {"retrans", 36, 4, 0, 32},
    {"fackets", 40, 4, 0, 32},
    {"last_data_sent", 44, 4, 0, 32},
    {"last_ack_sent", 48, 4, 0, 32},
    {"last_data_recv", 52, 4, 0, 32},
    {"last_ack_recv", 56, 4, 0, 32},
    {"pmtu", 60, 4, 0, 32},
    {"rcv_ssthresh", 64, 4, 0, 32},
    {"rtt", 68, 4, 0, 32},
    {"rttvar", 72, 4, 0, 32},
    {"snd_ssthresh", 76, 4, 0, 32},
    {"snd_cwnd", 80, 4, 0, 32},
    {"advmss", 84, 4, 0, 32},
    {"reordering", 88, 4, 0, 32},
    {"rcv_rtt", 92, 4, 0, 32},
    {"rcv_space", 96, 4, 0, 32},
    {"total_retrans", 100, 4, 0, 32},
    {"pacing_rate", 104, 8, 0, 64},
    {"max_pacing_rate", 112, 8, 0, 64},
    {"bytes_acked", 120, 8, 0, 64},
    {"bytes_received", 128, 8, 0, 64},
    {"segs_out", 136, 4, 0, 32},
    {"segs_in", 140, 4, 0, 32},
    {"notsent_bytes", 144, 4, 0, 32},
    {"min_rtt", 148, 4, 0, 32},
    {"data_segs_in", 152, 4, 0, 32},
    {"data_segs_out", 156, 4, 0, 32},
    {"delivery_rate", 160, 8, 0, 64},
    {"busy_time", 168, 8, 0, 64},
    {"rwnd_limited", 176, 8, 0, 64},
    {"sndbuf_limited", 184, 8, 0, 64},
    {"delivered", 192, 4, 0, 32},
    {"delivered_ce", 196, 4, 0, 32},
    {"bytes_sent", 200, 8, 0, 64},
    {"bytes_retrans", 208, 8, 0, 64},
    {"dsack_dups", 216, 4, 0, 32},
    {"reord_seen", 220, 4, 0, 32},
    {"rcv_ooopack", 224, 4, 0, 32},
    {"snd_wnd", 228, 4, 0, 32},
    {"rcv_wnd", 232, 4, 0, 32},
    {"rehash", 236, 4, 0, 32},
    {"total_rto", 240, 2, 0, 16},
    {"total_rto_recoveries", 242, 2, 0, 16},
    {"total_rto_time", 244, 4, 0, 32},
    {"received_ce", 248, 4, 0, 32},
    {"delivered_e1_bytes", 252, 4, 0, 32},
    {"delivered_e0_bytes", 256, 4, 0, 32},
    {"delivered_ce_bytes", 260, 4, 0, 32},
    {"received_e1_bytes", 264, 4, 0, 32},
    {"received_e0_bytes", 268, 4, 0, 32},
    {"received_ce_bytes", 272, 4, 0, 32},
    {"accecn_fail_mode", 276, 2, 0, 16},
    {"accecn_opt_seen", 278, 2, 0, 16},
};

static uint64_t load(const uint8_t *at, uint8_t size)
{
    uint16_t two;
    uint32_t four;
    uint64_t eight;
    switch (size) {
    case 1:
        return *at;
    case 2:
        memcpy(&two, at, sizeof two);
        return two;
    case 4:
        memcpy(&four, at, sizeof four);
        return four;
    default:
        memcpy(&eight, at, sizeof eight);
        return eight;
    }
}

/* 0 where the kernel's struct ends before it. */
static uint64_t value_of(const struct tcp_info_field *field, const uint8_t *info, size_t length)
{
    uint64_t value = 0;
    if ((size_t)field->offset + field->size <= length)
        value = load(info + field->offset, field->size) >> field->shift;
    return field->width < 64 ? value & ((UINT64_C(1) << field->width) - 1) : value;
}

bool tcp_field(const uint8_t *info, size_t length, const char *name, uint64_t *value)
{
    static const char prefix[] = "tcpi_";
    if (strncmp(name, prefix, sizeof prefix - 1) != 0)
        return false;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        if (strcmp(fields[i].name, name + sizeof prefix - 1) != 0)
            continue;
        *value = value_of(&fields[i], info, length);
        return true;
    }
    return false;
}

const char *tcp_fields(struct arena *arena, const uint8_t *info, size_t length)
{
    enum { ROOM = 4096 };
    char *text = arena_take(arena, ROOM);
    size_t used = (size_t)snprintf(text, ROOM, "tcp_info");
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        uint64_t value = value_of(&fields[i], info, length);
        if (value != 0 && used < ROOM)
            used +=
                (size_t)snprintf(text + used, ROOM - used, " %s=%" PRIu64, fields[i].name, value);
    }
    return text;
}
