/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_BASE_TREE_H
#define CHASKI_BASE_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A balanced tree of ranges of sequence space, ordered by their first sequence number modulo
 * 2^32 (all members within 2^31 of one another). Intrusive: it allocates nothing. It holds the
 * out-of-order queue and the scoreboard, whose shape the peer decides, so every operation is
 * O(log n) whatever the order of insertion.
 */
struct tree_node {
    struct tree_node *child[2];
    struct tree_node *parent;
    uint32_t key;    /* first sequence number of the range; set before tree_insert() */
    uint32_t weight; /* belongs to the tree */
};

struct tree {
    struct tree_node *root;
};

#define tree_entry(node, type, member) ((type *)((char *)(node)-offsetof(type, member)))

static inline bool tree_empty(const struct tree *tree)
{
    return tree->root == NULL;
}

/* Links `node`; the key must not be in the tree yet. */
void tree_insert(struct tree *tree, struct tree_node *node);
void tree_remove(struct tree *tree, struct tree_node *node);

/* The last node with key <= `key`, or NULL. */
struct tree_node *tree_floor(const struct tree *tree, uint32_t key);
/* The first node with key >= `key`, or NULL. */
struct tree_node *tree_ceiling(const struct tree *tree, uint32_t key);

struct tree_node *tree_first(const struct tree *tree);
struct tree_node *tree_last(const struct tree *tree);
struct tree_node *tree_next(const struct tree_node *node);
struct tree_node *tree_previous(const struct tree_node *node);

#endif
