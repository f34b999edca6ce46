/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/script/stack/common.h"

void stack_begin(struct stack *stack, struct arena *arena)
{
    *stack = (struct stack){.arena = arena, .now_ns = STACK_START};
    stack->sent_end = &stack->sent;
}

struct sent *stack_sent(struct stack *stack, uint64_t time_ns, size_t length)
{
    struct sent *sent = arena_take(stack->arena, sizeof *sent + length);
    sent->time_ns = time_ns;
    sent->length = length;
    *stack->sent_end = sent;
    stack->sent_end = &sent->next;
    return sent;
}

struct sent *stack_take(struct stack *stack)
{
    struct sent *sent = stack->sent;
    if (sent == NULL)
        return NULL;
    stack->sent = sent->next;
    if (stack->sent == NULL)
        stack->sent_end = &stack->sent;
    return sent;
}

void stack_tell(struct stack *stack)
{
    if (stack->turned == NULL || stack->in_turned)
        return;
    stack->in_turned = true;
    stack->turned(stack->context);
    stack->in_turned = false;
}
