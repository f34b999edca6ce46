/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_BASE_CHECKSUM_BLOCKS_H
#define CHASKI_BASE_CHECKSUM_BLOCKS_H

#include <stddef.h>
#include <stdint.h>

/*
 * The part of the checksum that is worth writing for each kind of processor, one file of
 * checksum_KIND.c each. The build chooses: CHECKSUM_KIND is the kind whose two functions
 * checksum.c calls; nobody else does.
 */
enum { CHECKSUM_BLOCK = 64 };

/* checksum_blocks_KIND: the partial sum of `count` blocks at any alignment.
 * checksum_copy_blocks_KIND: the same, copying them on the way (no overlap). */
#define CHECKSUM_DECLARE(kind)                                                                     \
    uint64_t checksum_blocks_##kind(const uint8_t *bytes, size_t count);                           \
    uint64_t checksum_copy_blocks_##kind(uint8_t *to, const uint8_t *from, size_t count)

CHECKSUM_DECLARE(portable);
CHECKSUM_DECLARE(neon);
CHECKSUM_DECLARE(sse2);
CHECKSUM_DECLARE(avx2);
CHECKSUM_DECLARE(avx512);
CHECKSUM_DECLARE(detected); /* the best of the three before that this processor has */

#endif
