/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_DRIVERS_PCAP_H
#define CHASKI_DRIVERS_PCAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "core/packet/packet.h"

/*
 * The classic capture format: a 24-byte file header, then for each frame a 16-byte header and its
 * bytes. Written in the machine's byte order, read in either, with times in micro- or nanoseconds.
 */
enum { PCAP_SNAP_LENGTH = 262144 };

struct pcap_writer {
    FILE *file;
    int64_t offset_ns;    /* added to the times given, to make them the time since 1970 */
    uint32_t snap_length; /* bytes of a frame that are kept: PCAP_SNAP_LENGTH, or set afterwards */
    bool nanoseconds;
    int failed; /* the errno of the first write that failed; nothing is written from then on */
    uint64_t frames;
};

enum pcap_clock {
    PCAP_CLOCK_VIRTUAL,   /* times are written as they are given */
    PCAP_CLOCK_MONOTONIC, /* times are CLOCK_MONOTONIC and written as the time of day */
};

/* Creates or replaces `path`. False with one line in `error`, and no file, when it cannot. */
bool pcap_create(struct pcap_writer *writer, const char *path, enum pcap_clock clock, char *error,
                 size_t error_size);

/* Writes a copy of the frame, or of its first snap_length bytes. In a whole copy, a transport
 * checksum that is still to be completed, or that the sender left to the link because the way to us
 * was safe, is completed. */
void pcap_write(struct pcap_writer *writer, const struct packet *packet, uint64_t now_ns);

/* False with one line in `error` when not everything could be written. Harmless to call twice. */
bool pcap_close(struct pcap_writer *writer, char *error, size_t error_size);

struct pcap_reader {
    FILE *file;
    bool swapped, nanoseconds;
    uint64_t frames; /* read so far */
};

struct pcap_record {
    uint64_t time_ns;         /* since 1970 */
    uint32_t length;          /* of bytes */
    uint32_t original_length; /* on the wire: more, when the capture cut it off */
    uint8_t bytes[PCAP_SNAP_LENGTH];
};

/* Reads and checks the file header. `file` stays the caller's. False with one line in `error`. */
bool pcap_reader_init(struct pcap_reader *reader, FILE *file, char *error, size_t error_size);

/* 1 with *record filled in, 0 at the end of the file, -1 with one line in `error` when the file
 * is damaged. */
int pcap_read(struct pcap_reader *reader, struct pcap_record *record, char *error,
              size_t error_size);

#endif
