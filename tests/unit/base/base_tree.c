/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "core/base/sequence.h"
#include "core/base/tree.h"
#include "tests/random.h"

enum { NODES = 1000 };

/* ---- What must hold of every tree ---- */

static unsigned highest(const struct tree_node *node)
{
    if (node == NULL)
        return 0;
    unsigned left = highest(node->child[0]), right = highest(node->child[1]);
    return 1 + (left > right ? left : right);
}

static void check_links(const struct tree_node *node, const struct tree_node *parent)
{
    if (node == NULL)
        return;
    assert_ptr_equal(node->parent, parent);
    check_links(node->child[0], node);
    check_links(node->child[1], node);
}

/* The height that n nodes must stay within: that of the sparsest tree with subtrees whose heights
 * differ by at most one. */
static unsigned height_limit(uint32_t nodes)
{
    uint32_t lower = 0, fewest = 1, height = 1; /* fewest nodes of a tree that is `height` high */
    while (lower + fewest + 1 <= nodes) {
        uint32_t next = lower + fewest + 1;
        lower = fewest;
        fewest = next;
        height++;
    }
    return nodes == 0 ? 0 : height;
}

static void check_shape(const struct tree *tree, uint32_t count)
{
    check_links(tree->root, NULL);
    assert_true(highest(tree->root) <= height_limit(count));
}

/* Both walks meet `count` nodes with rising keys. */
static void check_walk(const struct tree *tree, uint32_t count)
{
    const struct tree_node *last = NULL;
    uint32_t met = 0;
    for (struct tree_node *node = tree_first(tree); node != NULL; node = tree_next(node)) {
        assert_ptr_equal(tree_previous(node), last);
        assert_true(last == NULL || seq_lt(last->key, node->key));
        last = node;
        met++;
    }
    assert_ptr_equal(tree_last(tree), last);
    assert_int_equal(met, count);
}

/* ---- The reference: an array in order ---- */

struct model {
    struct tree_node *nodes[NODES];
    uint32_t count;
};

static uint32_t model_rank(const struct model *model, uint32_t key)
{
    uint32_t rank = 0;
    while (rank < model->count && seq_lt(model->nodes[rank]->key, key))
        rank++;
    return rank;
}

static void model_insert(struct model *model, struct tree_node *node)
{
    uint32_t rank = model_rank(model, node->key);
    for (uint32_t i = model->count++; i > rank; i--)
        model->nodes[i] = model->nodes[i - 1];
    model->nodes[rank] = node;
}

static void model_remove(struct model *model, const struct tree_node *node)
{
    uint32_t rank = model_rank(model, node->key);
    assert_ptr_equal(model->nodes[rank], node);
    model->count--;
    for (uint32_t i = rank; i < model->count; i++)
        model->nodes[i] = model->nodes[i + 1];
}

static void check_search(const struct tree *tree, const struct model *model, uint32_t key)
{
    uint32_t rank = model_rank(model, key);
    struct tree_node *ceiling = rank < model->count ? model->nodes[rank] : NULL;
    struct tree_node *floor = rank > 0 ? model->nodes[rank - 1] : NULL;
    if (ceiling != NULL && ceiling->key == key)
        floor = ceiling;
    assert_ptr_equal(tree_floor(tree, key), floor);
    assert_ptr_equal(tree_ceiling(tree, key), ceiling);
}

/* ---- Tests ---- */

static void an_empty_tree_has_nothing(void **state)
{
    (void)state;
    struct tree tree = {0};
    assert_null(tree_first(&tree));
    assert_null(tree_last(&tree));
    assert_null(tree_floor(&tree, 0));
    assert_null(tree_ceiling(&tree, 0));
}

static void one_step(struct tree *tree, struct model *model, struct tree_node *node, uint32_t key)
{
    bool full = model->count == NODES;
    if (node->weight == 0 && !full) {
        struct tree_node *taken = tree_floor(tree, key);
        if (taken != NULL && taken->key == key)
            return;
        node->key = key;
        tree_insert(tree, node);
        model_insert(model, node);
    } else if (node->weight != 0) {
        tree_remove(tree, node);
        model_remove(model, node);
        node->weight = 0; /* this test's mark of a node that is not in the tree */
    }
}

/* `first` and `span` say where the keys lie; with a small span, most searches hit. */
static void act_at_random(uint32_t first, uint32_t span, uint64_t seed)
{
    struct tree tree = {0};
    struct model model = {.count = 0};
    struct tree_node *nodes = calloc(NODES, sizeof *nodes);
    assert_non_null(nodes);
    for (unsigned i = 0; i < 6000; i++) {
        struct tree_node *node = &nodes[random_below(&seed, NODES)];
        one_step(&tree, &model, node, first + random_below(&seed, span));
        check_search(&tree, &model, first + random_below(&seed, span));
        check_shape(&tree, model.count);
        if (i % 16 == 0)
            check_walk(&tree, model.count);
    }
    free(nodes);
}

static void agrees_with_an_array(void **state)
{
    (void)state;
    act_at_random(1000, 1500, 1);
    act_at_random(0, 0x7fffffff, 2);
}

static void agrees_where_sequence_numbers_wrap(void **state)
{
    (void)state;
    act_at_random(UINT32_MAX - 700, 1500, 3);
    act_at_random(0xc0000000, 0x7fffffff, 4);
    act_at_random(0x7fffff00, 0x200, 5);
}

/* The orders that ruin a tree without balance, each with the nodes taken out in some other order.
 */
static void stays_low_whatever_the_order(void **state)
{
    (void)state;
    static struct tree_node nodes[NODES];
    for (unsigned order = 0; order < 4; order++) {
        struct tree tree = {0};
        for (uint32_t i = 0; i < NODES; i++) {
            uint32_t ends = i % 2 == 0 ? i / 2 : NODES - 1 - i / 2; /* from both ends inwards */
            uint32_t rank[] = {i, NODES - 1 - i, ends, NODES - 1 - ends};
            nodes[i].key = UINT32_MAX - 500 + rank[order];
            tree_insert(&tree, &nodes[i]);
            check_shape(&tree, i + 1);
        }
        check_walk(&tree, NODES);
        for (uint32_t i = 0; i < NODES; i++) {
            tree_remove(&tree, order % 2 == 0 ? tree_first(&tree) : tree_last(&tree));
            check_shape(&tree, NODES - 1 - i);
        }
        assert_null(tree.root);
        assert_true(tree_empty(&tree));
    }
}

/* Inner nodes first: each goes by way of its successor. */
static void empties_from_the_root(void **state)
{
    (void)state;
    static struct tree_node nodes[NODES];
    struct tree tree = {0};
    for (uint32_t i = 0; i < NODES; i++) {
        nodes[i].key = i * 7919 % NODES;
        tree_insert(&tree, &nodes[i]);
    }
    for (uint32_t left = NODES; left > 0; left--) {
        tree_remove(&tree, tree.root);
        check_shape(&tree, left - 1);
        check_walk(&tree, left - 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_tree_has_nothing),
        cmocka_unit_test(agrees_with_an_array),
        cmocka_unit_test(agrees_where_sequence_numbers_wrap),
        cmocka_unit_test(stays_low_whatever_the_order),
        cmocka_unit_test(empties_from_the_root),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
