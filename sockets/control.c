/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "sockets/socket.h"

void control_put(struct msghdr *message, size_t *room, int level, int type, const void *data,
                 size_t length)
{
    size_t used = message->msg_controllen;
    if (message->msg_control == NULL || *room < used + CMSG_LEN(length)) {
        message->msg_flags |= MSG_CTRUNC;
        return;
    }
    struct cmsghdr header = {.cmsg_len = CMSG_LEN(length), .cmsg_level = level, .cmsg_type = type};
    uint8_t *at = (uint8_t *)message->msg_control + used;
    memcpy(at, &header, sizeof header);
    memcpy(at + CMSG_LEN(0), data, length);
    size_t space = CMSG_SPACE(length);
    message->msg_controllen = used + (space <= *room - used ? space : CMSG_LEN(length));
}
