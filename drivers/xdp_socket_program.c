/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <bpf/bpf.h>
#include <xdp/libxdp.h>

#include "drivers/xdp_socket_private.h"

/*
 * The program that hands the frames of a queue to its socket. It is libxdp's own in any case; but
 * libxdp loads it for frames of one part only, so for longer ones it is loaded here, with the first
 * queue, whose link keeps it for the others.
 */

int xdp_load_program(struct xdp *xdp, int index, enum xdp_attach_mode mode)
{
    struct xdp_program *program = xdp_program__find_file("xsk_def_xdp_prog.o", "xdp", NULL);
    int error = (int)libxdp_get_error(program);
    if (error != 0)
        return error;
    error = xdp_program__set_xdp_frags_support(program, true);
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
