/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/host/layout.h"
#include "core/packet/frame.h"

/*
 * Frames as bytes: the interface for applications that move frames themselves and know nothing of
 * packets. In is one copy, out is none.
 */
enum { FRAME_PIECES = PACKET_FRAGMENTS + 1 };

static unsigned pieces_of(const struct packet *packet, struct chaski_piece *pieces)
{
    unsigned count = 0;
    if (packet->linear_length != 0)
        pieces[count++] = (struct chaski_piece){packet->data, packet->linear_length};
    for (uint32_t i = 0; i < packet->fragment_count; i++) {
        const struct fragment *fragment = &packet->fragments[i];
        pieces[count++] =
            (struct chaski_piece){fragment->buffer->data + fragment->offset, fragment->length};
    }
    return count;
}

/* hook_function: what cut hands to an interface of the application's. */
static void transmit(void *block, struct burst *burst, uint64_t now_ns)
{
    const struct host_port *port = block;
    (void)now_ns;
    for (uint32_t i = 0; i < burst->count; i++) {
        struct chaski_piece pieces[FRAME_PIECES];
        unsigned count = pieces_of(burst->packets[i], pieces);
        port->output(port->context, pieces, count);
        packet_free(burst->packets[i]);
    }
    burst->count = 0;
}

int chaski_interface_add(struct chaski *host, const struct chaski_interface *interface)
{
    if (interface->output == NULL)
        return CHASKI_INVALID;
    struct host_port *port =
        host->port_count < host->port_limit ? &host->ports[host->port_count] : NULL;
    struct host_interface plain = {
        .kind = interface->kind,
        .mtu = interface->mtu,
        .output = {transmit, port},
    };
    memcpy(plain.mac, interface->mac, sizeof plain.mac);
    int number = host_interface_add(host, &plain);
    if (number >= 0) {
        port->output = interface->output;
        port->context = interface->context;
    }
    return number;
}

void chaski_input(struct chaski *host, int interface, const void *frame, size_t length,
                  uint64_t now_ns)
{
    if (length > FRAME_MAX) {
        count(&host->counters, CHASKI_DROP_LINK_REFUSED);
        return;
    }
    struct packet *packet = frame_of_bytes(&host->memory, frame, length);
    if (packet == NULL) {
        count(&host->counters, CHASKI_DROP_NO_MEMORY);
        return;
    }
    struct burst burst = {.count = 1, .packets = {packet}};
    host_receive(host, interface, &burst, now_ns);
}
