/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/host/layout.h"
#include "drivers/frame.h"
#include "tests/sim/sim.h"

/* Shows each host's model what the host receives, is told and sends, and fails when it sends what
 * the model forbids. */

enum { HEADER = 14, LONGEST = 65535 + HEADER };

void sim_model_make(struct sim_host *at)
{
    /* Where a host may want for memory, or for its neighbour's address, segments may not get out.
     */
    static const uint32_t lossy = SIM_FAIL | SIM_SCARCE | SIM_CROWD | SIM_NARROW | SIM_JUMP |
                                  SIM_LOSS | SIM_CORRUPT | SIM_RATE | SIM_HOLES | SIM_FREEZE |
                                  SIM_COOKIES;
    struct model_options options = {.calls = true,
                                    .no_timestamps = sim_has(at->sim, SIM_JUMP),
                                    .exact = !sim_has(at->sim, lossy) && at->sim->plan.mtu >= 576 &&
                                             at->sim->plan.hosts <= 4};
    if (at->sim->job.no_model)
        return;
    at->model = model_make(&options);
    sim_must(at->sim, at->model != NULL);
}

/* False when it is nothing for the model. */
static bool packet_for_model(const struct packet *packet, uint8_t *bytes, struct model_packet *seen)
{
    if (packet->length < HEADER + 20 || packet->length > LONGEST)
        return false;
    packet_copy_out(packet, 0, bytes, packet->length);
    *seen = (struct model_packet){
        .bytes = bytes + HEADER,
        .length = packet->length - HEADER,
        .unit = packet->segment_size,
        .trusted = packet->checksum == CHECKSUM_PARTIAL || packet->checksum == CHECKSUM_VERIFIED ||
                   packet->segment_size != 0,
    };
    return load_be16(bytes + 12) == 0x0800;
}

void sim_model_in(struct sim_host *at, const struct packet *packet)
{
    static uint8_t bytes[LONGEST];
    struct model_packet seen;
    if (at->model != NULL && packet_for_model(packet, bytes, &seen))
        model_in(at->model, &seen, at->sim->now_ns);
}

void sim_model_out(struct sim_host *at, const struct packet *packet)
{
    static uint8_t bytes[LONGEST];
    struct model_packet seen;
    if (at->model == NULL || !packet_for_model(packet, bytes, &seen))
        return;
    const char *broken = model_out(at->model, &seen, at->sim->now_ns);
    if (broken != NULL)
        sim_fail(at->sim, "host %u: %s", at->number, broken);
}

void sim_model_turn(struct sim_host *at)
{
    const char *broken = at->model != NULL ? model_turn(at->model, at->sim->now_ns) : NULL;
    if (broken != NULL)
        sim_fail(at->sim, "host %u: %s", at->number, broken);
}

static uint32_t number_of(const struct chaski_address *address)
{
    return load_be32(address->bytes + 12);
}

void sim_model_opened(struct sim_end *end)
{
    struct chaski_tcp_info info;
    sim_must(end->flow->sim, chaski_tcp_info(end->at->host, end->connection, &info) == 0);
    end->tuple =
        (struct model_tuple){number_of(&info.local.address), number_of(&info.remote.address),
                             info.local.port, info.remote.port};
}

void sim_model_call(struct sim_end *end, enum model_call call, uint32_t amount)
{
    if (end->at->model != NULL)
        model_call(end->at->model, &end->tuple, call, amount);
}
