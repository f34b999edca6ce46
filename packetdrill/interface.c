/* SPDX-License-Identifier: BSD-2-Clause */
#include "packetdrill/interface.h"

#include <stdlib.h>

#include "packetdrill/call.h"

static void pd_free(void *userdata)
{
    machine_free(userdata);
}

void packetdrill_interface_init(const char *flags, struct packetdrill_interface *interface);

__attribute__((visibility("default"))) void
packetdrill_interface_init(const char *flags, struct packetdrill_interface *interface)
{
    *interface = (struct packetdrill_interface){
        .userdata = machine_create(flags),
        .free = pd_free,
    };
    if (interface->userdata == NULL)
        abort(); /* there is no other way to tell */
    calls_plain(interface);
    calls_open(interface);
    calls_receive(interface);
    calls_send(interface);
    calls_pipe(interface);
    calls_ready(interface);
    calls_world(interface);
}
