/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "cli/link/link_frame.h"
#include "tests/exact.h"
#include "tests/fuzz/target.h"

enum { HEADER = sizeof(struct virtio_net_hdr), ETHERNET_HEADER = 14 };

/* A run of segments taken out is as long as was said, and is a frame that can be read again. */
static void claim_cut(const struct link_frame *frame, uint32_t first, uint32_t end, uint8_t by)
{
    uint32_t length = link_frame_length(frame, first, end);
    uint8_t *room = calloc(HEADER + length, 1);
    struct virtio_net_hdr header;
    struct link_frame again;
    must(room != NULL && length <= frame->length);
    must(link_frame_cut(frame, first, end, room) == HEADER + length);
    memcpy(&header, room, HEADER);
    must(link_frame_read(&again, &header, room + HEADER, length));
    must(again.segments == end - first);
    link_frame_mark(&again, room);
    must(!link_frame_mark(&again, room));
    if (again.segments == 1 && length > ETHERNET_HEADER)
        link_frame_corrupt(room, HEADER + length, by % (length - ETHERNET_HEADER), by);
    free(room);
}

/* The first byte chooses what is cut out; a virtio-net header and a frame follow. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct virtio_net_hdr header;
    struct link_frame frame;
    if (size < 1 + HEADER)
        return 0;
    memcpy(&header, bytes + 1, HEADER);
    size_t length = size - 1 - HEADER;
    uint8_t *copy = exact_copy(bytes + 1 + HEADER, length);
    if (link_frame_read(&frame, &header, copy, (uint32_t)length)) {
        must(frame.segments >= 1);
        must(link_frame_length(&frame, 0, frame.segments) == length);
        uint32_t first = bytes[0] % frame.segments;
        claim_cut(&frame, 0, frame.segments, bytes[0]);
        claim_cut(&frame, first, first + 1, bytes[0]);
        claim_cut(&frame, first, frame.segments, bytes[0]);
    }
    exact_free(copy, length);
    return 0;
}
