/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_BASE_CHECKSUM_BLOCKS_H
#define CHASKI_BASE_CHECKSUM_BLOCKS_H

#include <stddef.h>
#include <stdint.h>

/*
 * The part of the checksum that is worth writing for each kind of processor. One file of
 * checksum_*.c implements it, chosen by the build; only checksum.c calls it.
 */
enum { CHECKSUM_BLOCK = 64 };

/* The partial sum of `count` blocks at any alignment. */
uint64_t checksum_blocks(const uint8_t *bytes, size_t count);

/* The same, copying them on the way (no overlap). */
uint64_t checksum_copy_blocks(uint8_t *to, const uint8_t *from, size_t count);

#endif
