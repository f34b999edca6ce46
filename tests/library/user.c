/* SPDX-License-Identifier: BSD-2-Clause */
#include <chaski/chaski.h>

/* A stranger's program in C against the static library: it links, and a host can be made. */
int main(void)
{
    static uint64_t memory[1 << 20];
    static const uint8_t seed[32] = {1};
    struct chaski_limits limits;
    chaski_limits_for(&limits, sizeof memory, 10);
    struct chaski *host = chaski_init(memory, sizeof memory, &limits, seed, 0);
    if (host == NULL || chaski_size(&limits) > sizeof memory)
        return 1;
    chaski_poll(host, 0);
    return chaski_deadline(host) == UINT64_MAX ? 0 : 2;
}
