/* SPDX-License-Identifier: BSD-2-Clause */
#include "chaski/chaski.h"

const char *chaski_tcp_state_name(enum chaski_tcp_state state)
{
    static const char *const names[] = {
        [CHASKI_TCP_ESTABLISHED] = "ESTABLISHED",
        [CHASKI_TCP_SYN_SENT] = "SYN-SENT",
        [CHASKI_TCP_SYN_RECEIVED] = "SYN-RECEIVED",
        [CHASKI_TCP_FIN_WAIT_1] = "FIN-WAIT-1",
        [CHASKI_TCP_FIN_WAIT_2] = "FIN-WAIT-2",
        [CHASKI_TCP_TIME_WAIT] = "TIME-WAIT",
        [CHASKI_TCP_CLOSED] = "CLOSED",
        [CHASKI_TCP_CLOSE_WAIT] = "CLOSE-WAIT",
        [CHASKI_TCP_LAST_ACK] = "LAST-ACK",
        [CHASKI_TCP_LISTEN] = "LISTEN",
        [CHASKI_TCP_CLOSING] = "CLOSING",
    };
    bool known = state >= CHASKI_TCP_ESTABLISHED && state <= CHASKI_TCP_CLOSING;
    return known ? names[state] : "?";
}
