/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>
#include <bpf/bpf.h>
#include <xdp/libxdp.h>

#include "drivers/xdp/xdp_socket_private.h"

/*
 * The program that hands the frames of a queue to its socket is libxdp's own. libxdp would load it
 * by itself; but not for frames of several parts, and when a program was left behind by somebody
 * who was killed, it would take that and no frame would arrive. So it is loaded here, with the
 * first queue, whose link keeps it for the others.
 */

/* Who was killed has left the program behind. It is nobody's: the queue's socket is ours already.
 */
static void remove_left_over(int index)
{
    struct xdp_multiprog *all = xdp_multiprog__get_from_ifindex(index);
    const struct xdp_program *only = NULL;
    if (libxdp_get_error(all) != 0)
        return;
    if (xdp_multiprog__is_legacy(all))
        only = xdp_multiprog__main_prog(all);
    else if (xdp_multiprog__program_count(all) == 1)
        only = xdp_multiprog__next_prog(NULL, all);
    if (only != NULL && strcmp(xdp_program__name(only), "xsk_def_prog") == 0)
        xdp_multiprog__detach(all);
    xdp_multiprog__close(all);
}

int xdp_load_program(struct xdp *xdp, int index, enum xdp_attach_mode mode)
{
    struct xdp_program *program = xdp_program__find_file("xsk_def_xdp_prog.o", "xdp", NULL);
    int error = (int)libxdp_get_error(program);
    if (error != 0)
        return error;
    remove_left_over(index);
    error = xdp_program__set_xdp_frags_support(program, xdp->parts);
    if (error == 0)
        error = xdp_program__attach(program, index, mode, 0);
    if (error != 0) {
        xdp_program__close(program);
        return error;
    }
    xdp->program = program;
    xdp->program_index = index;
    xdp->program_mode = mode;
    return 0;
}

int xdp_join_program(struct xdp *xdp, const struct xdp *owner)
{
    struct bpf_object *object = xdp_program__bpf_obj(owner->program);
    int map = bpf_object__find_map_fd_by_name(object, "xsks_map");
    return map < 0 ? map : xsk_socket__update_xskmap(xdp->socket, map);
}

void xdp_unload_program(struct xdp *xdp)
{
    if (xdp->program == NULL)
        return;
    xdp_program__detach(xdp->program, xdp->program_index, xdp->program_mode, 0);
    xdp_program__close(xdp->program);
    xdp->program = NULL;
}
