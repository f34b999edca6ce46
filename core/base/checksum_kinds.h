/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_BASE_CHECKSUM_KINDS_H
#define CHASKI_BASE_CHECKSUM_KINDS_H

#include <stddef.h>
#include <stdint.h>

/*
 * The checksum as it is best for each kind of processor, one file of checksum_KIND.c each. The
 * build chooses: CHECKSUM_KIND is the kind whose two functions checksum.c calls; nobody else does.
 * What is short it has the portable one sum.
 *
 * checksum_partial_KIND and checksum_copy_KIND are what checksum.h says of the two without a kind.
 */
#define CHECKSUM_DECLARE(kind)                                                                     \
    uint64_t checksum_partial_##kind(const uint8_t *bytes, size_t length);                         \
    uint64_t checksum_copy_##kind(uint8_t *to, const uint8_t *from, size_t length)

CHECKSUM_DECLARE(portable);
CHECKSUM_DECLARE(neon);
CHECKSUM_DECLARE(sse2);
CHECKSUM_DECLARE(avx2);
CHECKSUM_DECLARE(avx512);
CHECKSUM_DECLARE(vnni);     /* AVX-512 with its instruction for sums of products */
CHECKSUM_DECLARE(detected); /* the best of the four before that this processor has */

#endif
