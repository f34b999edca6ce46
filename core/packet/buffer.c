/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/packet/buffer.h"

void buffer_release_to_pool(struct buffer *buffer)
{
    pool_give(buffer->owner, buffer);
}

struct buffer *buffer_take(struct pool *pool, enum purpose purpose)
{
    struct buffer *buffer = pool_take(pool, purpose);
    if (buffer == NULL)
        return NULL;
    buffer->references = 1;
    buffer->size = pool->object_size - BUFFER_HEADER;
    buffer->data = (uint8_t *)buffer + BUFFER_HEADER;
    buffer->release = buffer_release_to_pool;
    buffer->owner = pool;
    return buffer;
}
