/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/script/code/cc_fields.h"

#include <string.h>

enum { BBR_LENGTH = 20, DCTCP_LENGTH = 16 };

/* Which algorithm it is only the length tells. */
static const struct {
    const char *name;
    uint8_t length;
    uint8_t offset, size;
} fields[] = {
    {"bbr_bw", BBR_LENGTH, 0, 8},           {"bbr_bw_lo", BBR_LENGTH, 0, 4},
    {"bbr_bw_hi", BBR_LENGTH, 4, 4},        {"bbr_min_rtt", BBR_LENGTH, 8, 4},
    {"bbr_pacing_gain", BBR_LENGTH, 12, 4}, {"bbr_cwnd_gain", BBR_LENGTH, 16, 4},
    {"dctcp_enabled", DCTCP_LENGTH, 0, 2},  {"dctcp_ce_state", DCTCP_LENGTH, 2, 2},
    {"dctcp_alpha", DCTCP_LENGTH, 4, 4},    {"dctcp_ab_ecn", DCTCP_LENGTH, 8, 4},
    {"dctcp_ab_tot", DCTCP_LENGTH, 12, 4},
};

static uint64_t load(const uint8_t *at, uint8_t size)
{
    uint16_t two;
    uint32_t four;
    uint64_t eight;
    if (size == sizeof two) {
        memcpy(&two, at, sizeof two);
        return two;
    }
    if (size == sizeof four) {
        memcpy(&four, at, sizeof four);
        return four;
    }
    memcpy(&eight, at, sizeof eight);
    return eight;
}

bool cc_field(const uint8_t *info, size_t length, const char *name, uint64_t *value)
{
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        if (fields[i].length > length || strcmp(fields[i].name, name) != 0)
            continue;
        *value = load(info + fields[i].offset, fields[i].size);
        return true;
    }
    return false;
}
