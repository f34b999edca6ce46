/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/model/ranges.h"

#include <stdlib.h>
#include <string.h>

static void make_room(struct model_ranges *ranges)
{
    if (ranges->count < ranges->room)
        return;
    ranges->room = ranges->room * 2 + 8;
    ranges->range = realloc(ranges->range, ranges->room * sizeof *ranges->range);
    if (ranges->range == NULL)
        abort();
}

/* The first range that ends at `from` or behind it. */
static uint32_t find(const struct model_ranges *ranges, int64_t from)
{
    uint32_t low = 0, high = ranges->count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (ranges->range[middle].to < from)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void model_ranges_add(struct model_ranges *ranges, int64_t from, int64_t to)
{
    if (from >= to)
        return;
    uint32_t first = find(ranges, from), last = first;
    for (; last < ranges->count && ranges->range[last].from <= to; last++) {
        from = ranges->range[last].from < from ? ranges->range[last].from : from;
        to = ranges->range[last].to > to ? ranges->range[last].to : to;
    }
    if (first == last)
        make_room(ranges);
    uint32_t behind = ranges->count - last;
    if (behind != 0)
        memmove(ranges->range + first + 1, ranges->range + last, behind * sizeof *ranges->range);
    ranges->range[first] = (struct model_range){from, to};
    ranges->count = first + 1 + behind;
}

bool model_ranges_have(const struct model_ranges *ranges, int64_t from, int64_t to)
{
    return model_ranges_end(ranges, from) >= to;
}

int64_t model_ranges_end(const struct model_ranges *ranges, int64_t from)
{
    uint32_t i = find(ranges, from);
    return i < ranges->count && ranges->range[i].from <= from ? ranges->range[i].to : from;
}

struct model_ranges model_ranges_copy(const struct model_ranges *ranges)
{
    struct model_ranges copy = {.count = ranges->count, .room = ranges->count};
    if (copy.count == 0)
        return copy;
    copy.range = malloc(copy.count * sizeof *copy.range);
    if (copy.range == NULL)
        abort();
    memcpy(copy.range, ranges->range, copy.count * sizeof *copy.range);
    return copy;
}
