/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_LINK_FEATURE_H
#define CHASKI_LINK_FEATURE_H

/* What a link can do itself, so that nobody above need. A set. */
enum link_feature {
    LINK_CHECKSUM = 1, /* takes CHECKSUM_PARTIAL packets */
    LINK_CUT = 2,      /* takes packets with a segment_size, up to 64 kB (implies CHECKSUM) */
    LINK_WHOLE = 4,    /* takes them too and never cuts them: their checksum is of the whole */
};

#endif
