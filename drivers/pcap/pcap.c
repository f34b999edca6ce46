/* SPDX-License-Identifier: BSD-2-Clause */
#include "drivers/pcap/pcap.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "core/base/endian.h"

enum {
    FILE_HEADER = 24,
    RECORD_HEADER = 16,
    LINK_TYPE_ETHERNET = 1,
    ETHERNET_HEADER = 14,
    ETHERTYPE_IP4 = 0x0800,
    IP4_HEADER = 20,
    PROTOCOL_TCP = 6,
    PROTOCOL_UDP = 17,
    WRITE_BUFFER = 256 * 1024,
    HEADERS_MAX = 14 + 60 + 60, /* what is copied to complete a checksum in */
};

static const uint32_t magic_microseconds = 0xa1b2c3d4;
static const uint32_t magic_nanoseconds = 0xa1b23c4d;
static const uint32_t magic_next_generation = 0x0a0d0d0a;
static const uint64_t second_ns = 1000000000;

/* ---- Writing ------------------------------------------------------------------------------- */

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return (uint64_t)time.tv_sec * second_ns + (uint64_t)time.tv_nsec;
}

static uint32_t smaller(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static void put(struct pcap_writer *writer, const void *bytes, size_t length)
{
    if (writer->failed == 0 && length != 0 && fwrite(bytes, length, 1, writer->file) != 1)
        writer->failed = errno != 0 ? errno : EIO;
}

bool pcap_create(struct pcap_writer *writer, const char *path, enum pcap_clock clock, char *error,
                 size_t error_size)
{
    const uint16_t version[2] = {2, 4};
    const uint32_t rest[4] = {0, 0, PCAP_SNAP_LENGTH, LINK_TYPE_ETHERNET};
    *writer = (struct pcap_writer){.file = fopen(path, "wbe"), .snap_length = PCAP_SNAP_LENGTH};
    if (writer->file == NULL) {
        snprintf(error, error_size, "%s: cannot be created (%s): name a file that can be written",
                 path, strerror(errno));
        return false;
    }
    setvbuf(writer->file, NULL, _IOFBF, WRITE_BUFFER);
    if (clock == PCAP_CLOCK_MONOTONIC)
        writer->offset_ns = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_MONOTONIC);
    put(writer, &magic_nanoseconds, sizeof magic_nanoseconds);
    put(writer, version, sizeof version);
    put(writer, rest, sizeof rest);
    return true;
}

static bool is_transport_with_checksum(const uint8_t *ip, uint32_t *field)
{
    if (ip[0] < 0x45 || ip[0] > 0x4f)
        return false;
    if (ip[9] == PROTOCOL_TCP)
        *field = 16;
    else if (ip[9] == PROTOCOL_UDP)
        *field = 6;
    else
        return false;
    return (load_be16(ip + 6) & 0x3fff) == 0; /* a fragment has no checksum of its own */
}

/* Where a received IPv4 frame's transport header begins, from the frame's start, and where its
 * checksum field is within that; 0: there is none. `headers` are its first `length` bytes. */
static uint32_t find_transport(const uint8_t *headers, uint32_t length, uint32_t *field)
{
    const uint8_t *ip = headers + ETHERNET_HEADER;
    if (length < ETHERNET_HEADER + IP4_HEADER || load_be16(headers + 12) != ETHERTYPE_IP4)
        return 0;
    uint32_t transport = ETHERNET_HEADER + (ip[0] & 15u) * 4;
    if (!is_transport_with_checksum(ip, field) || transport + *field + 2 > length)
        return 0;
    return transport;
}

/* Completes, in `headers`, the checksum of a received frame that the sender may not have: the
 * pseudo-header's sum and that of everything behind it but the field itself. */
static void complete_received(const struct packet *packet, uint8_t *headers, uint32_t length)
{
    uint32_t field;
    uint32_t transport = find_transport(headers, length, &field);
    if (transport == 0)
        return;
    const uint8_t *ip = headers + ETHERNET_HEADER;
    uint32_t end = ETHERNET_HEADER + load_be16(ip + 2);
    if (end != packet->length ||
        (ip[9] == PROTOCOL_UDP && checksum_load(headers + transport + field) == 0))
        return;
    uint8_t pseudo[4] = {0, ip[9]};
    store_be16(pseudo + 2, (uint16_t)(end - transport));
    uint64_t sum = packet_checksum_partial(packet, transport);
    sum += (uint16_t)~checksum_load(headers + transport + field);
    sum += checksum_partial(pseudo, sizeof pseudo) + checksum_partial(ip + 12, 8);
    uint16_t checksum = checksum_finish(sum);
    checksum_store(headers + transport + field, checksum != 0 ? checksum : 0xffff);
}

/* Completes, in `headers`, a checksum that the link was to complete. */
static void complete_sent(const struct packet *packet, uint8_t *headers, uint32_t length)
{
    uint32_t transport = (uint32_t)(packet_transport(packet) - packet->data);
    if (transport + packet->checksum_field + 2 > length)
        return;
    uint16_t checksum = checksum_finish(packet_checksum_partial(packet, transport));
    checksum_store(headers + transport + packet->checksum_field, checksum != 0 ? checksum : 0xffff);
}

static void put_record_header(struct pcap_writer *writer, uint32_t kept, uint32_t length,
                              uint64_t now_ns)
{
    uint64_t time_ns = now_ns + writer->offset_ns;
    uint32_t header[4] = {(uint32_t)(time_ns / second_ns), (uint32_t)(time_ns % second_ns), kept,
                          length};
    put(writer, header, sizeof header);
}

/* The bytes from `offset` to `end`. */
static void put_rest(struct pcap_writer *writer, const struct packet *packet, uint32_t offset,
                     uint32_t end)
{
    uint32_t begin = packet->linear_length; /* of the piece that comes next */
    if (offset < begin && offset < end)
        put(writer, packet->data + offset, smaller(begin, end) - offset);
    if (offset < begin)
        offset = begin;
    for (uint32_t i = 0; i < packet->fragment_count && offset < end; i++) {
        const struct fragment *fragment = &packet->fragments[i];
        uint32_t skipped = smaller(offset - begin, fragment->length);
        uint32_t n = smaller(fragment->length - skipped, end - offset);
        put(writer, fragment->buffer->data + fragment->offset + skipped, n);
        begin += fragment->length;
        offset += n;
    }
}

void pcap_write(struct pcap_writer *writer, const struct packet *packet, uint64_t now_ns)
{
    uint8_t headers[HEADERS_MAX];
    uint32_t kept = smaller(packet->length, writer->snap_length);
    uint32_t length = smaller(packet->length, HEADERS_MAX);
    if (writer->file == NULL || writer->failed != 0)
        return;
    packet_copy_out(packet, 0, headers, length);
    if (kept == packet->length && packet->checksum == CHECKSUM_PARTIAL)
        complete_sent(packet, headers, length);
    else if (kept == packet->length && packet->checksum == CHECKSUM_VERIFIED)
        complete_received(packet, headers, length);
    put_record_header(writer, kept, packet->length, now_ns);
    put(writer, headers, smaller(length, kept));
    put_rest(writer, packet, length, kept);
    writer->frames++;
}

bool pcap_close(struct pcap_writer *writer, char *error, size_t error_size)
{
    if (writer->file == NULL)
        return true;
    if (fclose(writer->file) != 0 && writer->failed == 0)
        writer->failed = errno;
    writer->file = NULL;
    if (writer->failed == 0)
        return true;
    snprintf(error, error_size, "the capture is incomplete after %llu frames: %s",
             (unsigned long long)writer->frames, strerror(writer->failed));
    return false;
}

/* ---- Reading ------------------------------------------------------------------------------- */

static uint32_t load_u32(const struct pcap_reader *reader, const uint8_t *from)
{
    uint32_t value;
    memcpy(&value, from, sizeof value);
    return reader->swapped ? __builtin_bswap32(value) : value;
}

static uint16_t load_u16(const struct pcap_reader *reader, const uint8_t *from)
{
    uint16_t value;
    memcpy(&value, from, sizeof value);
    return reader->swapped ? __builtin_bswap16(value) : value;
}

/* Notes the byte order and the unit of time. */
static bool know_magic(struct pcap_reader *reader, const uint8_t *header)
{
    for (int swapped = 0; swapped < 2; swapped++) {
        reader->swapped = swapped != 0;
        uint32_t magic = load_u32(reader, header);
        reader->nanoseconds = magic == magic_nanoseconds;
        if (magic == magic_microseconds || magic == magic_nanoseconds)
            return true;
    }
    return false;
}

bool pcap_reader_init(struct pcap_reader *reader, FILE *file, char *error, size_t error_size)
{
    uint8_t header[FILE_HEADER] = {0};
    *reader = (struct pcap_reader){.file = file};
    size_t length = fread(header, 1, sizeof header, file);
    uint32_t magic = load_u32(reader, header);
    if (length >= 4 && magic == magic_next_generation)
        snprintf(error, error_size, "is a pcapng file: convert it with `editcap -F pcap`");
    else if (length >= 4 && !know_magic(reader, header))
        snprintf(error, error_size, "is no pcap file: it begins with %08x", load_be32(header));
    else if (length < sizeof header)
        snprintf(error, error_size, "is no pcap file: it has only %zu bytes", length);
    else if (load_u16(reader, header + 4) != 2 || load_u16(reader, header + 6) < 3)
        snprintf(error, error_size, "is of version %u.%u: only 2.4 is understood",
                 load_u16(reader, header + 4), load_u16(reader, header + 6));
    else if ((load_u32(reader, header + 20) & 0xffff) != LINK_TYPE_ETHERNET)
        snprintf(error, error_size, "holds frames of link type %u: only Ethernet (1) can be used",
                 load_u32(reader, header + 20) & 0xffff);
    else
        return true;
    return false;
}

int pcap_read(struct pcap_reader *reader, struct pcap_record *record, char *error,
              size_t error_size)
{
    uint8_t header[RECORD_HEADER];
    unsigned long long number = reader->frames + 1;
    size_t length = fread(header, 1, sizeof header, reader->file);
    if (length == 0 && feof(reader->file))
        return 0;
    if (length < sizeof header) {
        snprintf(error, error_size, "frame %llu: the file ends within its header", number);
        return -1;
    }
    uint64_t fraction = load_u32(reader, header + 4);
    record->time_ns =
        load_u32(reader, header) * second_ns + (reader->nanoseconds ? fraction : fraction * 1000);
    record->length = load_u32(reader, header + 8);
    record->original_length = load_u32(reader, header + 12);
    if (record->length > sizeof record->bytes) {
        snprintf(error, error_size, "frame %llu: a length of %u bytes is impossible", number,
                 record->length);
        return -1;
    }
    if (fread(record->bytes, 1, record->length, reader->file) != record->length) {
        snprintf(error, error_size, "frame %llu: the file ends before its %u bytes do", number,
                 record->length);
        return -1;
    }
    reader->frames++;
    return 1;
}
