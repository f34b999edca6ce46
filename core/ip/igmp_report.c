/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/base/address.h"
#include "core/ip/igmp.h"
#include "core/wire/igmp.h"
#include "core/wire/ip4.h"

/* Reports and leaves, in the words of the version that the routers understand. */

enum {
    RECORDS_MAX = 64, /* in one report: within what every link carries (RFC 791: 576 bytes) */

    INTERNETWORK_CONTROL = 0xc0,
};

static void send(struct igmp *igmp, uint8_t interface, uint32_t destination, struct packet *packet,
                 uint64_t now_ns)
{
    packet_set_transport(packet);
    packet->checksum = CHECKSUM_COMPLETE;
    packet->ip = (struct packet_ip){
        .destination = address_from_ip4(destination),
        .protocol = WIRE_IP_IGMP,
        .ttl = 1,
        .traffic_class = INTERNETWORK_CONTROL,
        .dont_fragment = true,
        .router_alert = true,
        .no_loop = true,
        .interface = (uint8_t)(interface + 1),
    };
    count(igmp->counters, CHASKI_IGMP_REPORTS_SENT);
    struct burst burst = {.count = 1, .packets = {packet}};
    hook_call(&igmp->request, &burst, now_ns);
}

/* ---- Versions 1 and 2 ---- */

static void send_old(struct igmp *igmp, const struct igmp_membership *membership, uint8_t type,
                     uint32_t destination, uint64_t now_ns)
{
    struct packet *packet = packet_take(&igmp->memory->packets, FOR_CONTROL);
    if (packet == NULL)
        return;
    wire_igmp_build(packet_put(packet, WIRE_IGMP_HEADER), type, membership->group);
    send(igmp, membership->interface, destination, packet, now_ns);
}

static void report_old(struct igmp *igmp, struct igmp_membership *membership, unsigned version,
                       uint64_t now_ns)
{
    uint8_t type = version == 1 ? WIRE_IGMP_REPORT1 : WIRE_IGMP_REPORT2;
    membership->reported_last = true;
    send_old(igmp, membership, type, membership->group, now_ns);
}

/* Version 1 has no leaves, and in version 2 only the last one who reported says so (RFC 2236, 3).
 */
static void leave_old(struct igmp *igmp, const struct igmp_membership *membership, unsigned version,
                      uint64_t now_ns)
{
    if (version == 2 && membership->reported_last)
        send_old(igmp, membership, WIRE_IGMP_LEAVE, WIRE_IGMP_ALL_ROUTERS, now_ns);
}

/* ---- Version 3 ---- */

static void send_record(struct igmp *igmp, const struct igmp_membership *membership, uint8_t type,
                        uint8_t source_count, uint64_t now_ns)
{
    struct packet *packet = packet_take(&igmp->memory->packets, FOR_CONTROL);
    if (packet == NULL)
        return;
    uint32_t length = WIRE_IGMP_HEADER + WIRE_IGMP_RECORD_HEADER + 4u * source_count;
    uint8_t *report = packet_put(packet, length);
    wire_igmp_build_record(report + WIRE_IGMP_HEADER, type, membership->group, membership->sources,
                           source_count);
    wire_igmp_finish_report3(report, length, 1);
    send(igmp, membership->interface, WIRE_IGMP_REPORTS3, packet, now_ns);
}

/* An empty packet with room for a report of all groups. */
static struct packet *take_large(struct igmp *igmp)
{
    struct buffer *buffer = buffer_take(&igmp->memory->small, FOR_CONTROL);
    if (buffer == NULL)
        return NULL;
    struct packet *packet =
        packet_take_in(&igmp->memory->packets, buffer, PACKET_HEAD_ROOM, FOR_CONTROL);
    if (packet == NULL)
        buffer_drop(buffer);
    return packet;
}

/* Writes records of groups from number *from on, which moves on; returns how many. */
static uint16_t write_records(const struct igmp *igmp, uint8_t interface, uint32_t *from,
                              uint8_t *at)
{
    uint16_t records = 0;
    for (; *from < igmp->limit && records < RECORDS_MAX; ++*from) {
        const struct igmp_membership *membership = &igmp->memberships[*from];
        if (membership->references == 0 || membership->interface != interface)
            continue;
        at += wire_igmp_build_record(at, WIRE_IGMP_MODE_IS_EXCLUDE, membership->group, NULL, 0);
        records++;
    }
    return records;
}

void igmp_send_all(struct igmp *igmp, uint8_t interface, uint64_t now_ns)
{
    for (uint32_t from = 0; from < igmp->limit;) {
        struct packet *packet = take_large(igmp);
        if (packet == NULL)
            return;
        uint8_t *report = packet->data;
        uint16_t records = write_records(igmp, interface, &from, report + WIRE_IGMP_HEADER);
        if (records == 0) {
            packet_free(packet);
            return;
        }
        packet_put(packet, WIRE_IGMP_HEADER + records * (uint32_t)WIRE_IGMP_RECORD_HEADER);
        wire_igmp_finish_report3(report, packet->length, records);
        send(igmp, interface, WIRE_IGMP_REPORTS3, packet, now_ns);
    }
}

/* ---- What is owed ---- */

void igmp_send_change(struct igmp *igmp, struct igmp_membership *membership, uint64_t now_ns)
{
    unsigned version = igmp_version(igmp, membership->interface, now_ns);
    bool joined = membership->references != 0;
    if (version == 3)
        send_record(igmp, membership,
                    joined ? WIRE_IGMP_CHANGE_TO_EXCLUDE : WIRE_IGMP_CHANGE_TO_INCLUDE, 0, now_ns);
    else if (joined)
        report_old(igmp, membership, version, now_ns);
    else
        leave_old(igmp, membership, version, now_ns);
}

/* We exclude no source, so of the sources asked after we want all (RFC 3376, 5.2). */
void igmp_send_answer(struct igmp *igmp, struct igmp_membership *membership, uint64_t now_ns)
{
    unsigned version = igmp_version(igmp, membership->interface, now_ns);
    uint8_t sources = membership->source_count;
    membership->source_count = 0;
    if (version != 3)
        report_old(igmp, membership, version, now_ns);
    else
        send_record(igmp, membership,
                    sources != 0 ? WIRE_IGMP_MODE_IS_INCLUDE : WIRE_IGMP_MODE_IS_EXCLUDE, sources,
                    now_ns);
}
