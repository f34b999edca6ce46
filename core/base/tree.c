/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/base/tree.h"

#include <stddef.h>

#include "core/base/sequence.h"

/*
 * An AVL tree: the heights of a node's two subtrees differ by at most one, so n nodes are never
 * higher than 1.44 log2(n). `weight` is the height of the subtree that a node is the root of.
 * After a node was linked or unlinked, the heights on the way up from there are put right, and
 * where two subtrees have come to differ by two, one or two rotations make them equal again. The
 * way up ends where a height comes out as it was, since nothing changes above.
 *
 * Keys order by signed distance, which is a total order because all of them lie within 2^31 of one
 * another.
 */

enum side { LEFT, RIGHT };

static inline uint32_t height(const struct tree_node *node)
{
    return node != NULL ? node->weight : 0;
}

static inline void update_height(struct tree_node *node)
{
    uint32_t left = height(node->child[LEFT]), right = height(node->child[RIGHT]);
    node->weight = 1 + (left > right ? left : right);
}

/* Where the pointer to `node` is kept. */
static inline struct tree_node **holder(struct tree *tree, const struct tree_node *node)
{
    struct tree_node *parent = node->parent;
    return parent == NULL ? &tree->root : &parent->child[parent->child[RIGHT] == node];
}

static inline void set_child(struct tree_node *parent, enum side side, struct tree_node *child)
{
    parent->child[side] = child;
    if (child != NULL)
        child->parent = parent;
}

/* Puts `by`, which may be NULL, where `node` stands. */
static void replace(struct tree *tree, struct tree_node *node, struct tree_node *by)
{
    *holder(tree, node) = by;
    if (by != NULL)
        by->parent = node->parent;
}

/* Lowers `node` to `side`; its child on the other side rises to its place and is returned. */
static struct tree_node *rotate(struct tree *tree, struct tree_node *node, enum side side)
{
    struct tree_node *risen = node->child[!side];
    replace(tree, node, risen);
    set_child(node, !side, risen->child[side]);
    set_child(risen, side, node);
    update_height(node);
    update_height(risen);
    return risen;
}

/* Makes the subtree's heights differ by at most one; returns its root. */
static struct tree_node *balance(struct tree *tree, struct tree_node *node)
{
    update_height(node);
    int difference = (int)height(node->child[RIGHT]) - (int)height(node->child[LEFT]);
    if (difference >= -1 && difference <= 1)
        return node;
    enum side high = difference > 0 ? RIGHT : LEFT;
    struct tree_node *child = node->child[high];
    if (height(child->child[!high]) > height(child->child[high]))
        rotate(tree, child, high);
    return rotate(tree, node, !high);
}

static void balance_upwards(struct tree *tree, struct tree_node *node)
{
    while (node != NULL) {
        uint32_t before = node->weight;
        struct tree_node *root = balance(tree, node);
        if (root->weight == before)
            break;
        node = root->parent;
    }
}

void tree_insert(struct tree *tree, struct tree_node *node)
{
    struct tree_node **link = &tree->root, *parent = NULL;
    while (*link != NULL) {
        parent = *link;
        link = &parent->child[seq_gt(node->key, parent->key)];
    }
    node->child[LEFT] = NULL;
    node->child[RIGHT] = NULL;
    node->parent = parent;
    node->weight = 1;
    *link = node;
    balance_upwards(tree, parent);
}

/* Takes out a node with at most one child; returns the lowest node whose height may change. */
static struct tree_node *unlink_simple(struct tree *tree, struct tree_node *node)
{
    replace(tree, node, node->child[node->child[LEFT] == NULL]);
    return node->parent;
}

/* Takes out a node with two children by putting its successor, which has no left child, in its
 * place. */
static struct tree_node *unlink_inner(struct tree *tree, struct tree_node *node)
{
    struct tree_node *successor = tree_next(node);
    struct tree_node *lowest = unlink_simple(tree, successor);
    replace(tree, node, successor);
    set_child(successor, LEFT, node->child[LEFT]);
    set_child(successor, RIGHT, node->child[RIGHT]);
    successor->weight = node->weight;
    return lowest == node ? successor : lowest;
}

void tree_remove(struct tree *tree, struct tree_node *node)
{
    bool inner = node->child[LEFT] != NULL && node->child[RIGHT] != NULL;
    struct tree_node *lowest = inner ? unlink_inner(tree, node) : unlink_simple(tree, node);
    balance_upwards(tree, lowest);
}

struct tree_node *tree_floor(const struct tree *tree, uint32_t key)
{
    struct tree_node *node = tree->root, *best = NULL;
    while (node != NULL) {
        bool candidate = seq_le(node->key, key);
        best = candidate ? node : best;
        node = node->child[candidate];
    }
    return best;
}

struct tree_node *tree_ceiling(const struct tree *tree, uint32_t key)
{
    struct tree_node *node = tree->root, *best = NULL;
    while (node != NULL) {
        bool candidate = seq_ge(node->key, key);
        best = candidate ? node : best;
        node = node->child[!candidate];
    }
    return best;
}

static struct tree_node *outermost(struct tree_node *node, enum side side)
{
    while (node != NULL && node->child[side] != NULL)
        node = node->child[side];
    return node;
}

struct tree_node *tree_first(const struct tree *tree)
{
    return outermost(tree->root, LEFT);
}

struct tree_node *tree_last(const struct tree *tree)
{
    return outermost(tree->root, RIGHT);
}

static struct tree_node *neighbour(const struct tree_node *node, enum side side)
{
    if (node->child[side] != NULL)
        return outermost(node->child[side], !side);
    while (node->parent != NULL && node->parent->child[side] == node)
        node = node->parent;
    return node->parent;
}

struct tree_node *tree_next(const struct tree_node *node)
{
    return neighbour(node, RIGHT);
}

struct tree_node *tree_previous(const struct tree_node *node)
{
    return neighbour(node, LEFT);
}
