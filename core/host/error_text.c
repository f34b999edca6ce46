/* SPDX-License-Identifier: BSD-2-Clause */
#include "chaski/chaski.h"

const char *chaski_error_text(int error)
{
    if (error >= 0)
        return "no error";
    switch ((enum chaski_error)error) {
    case CHASKI_AGAIN:
        return "nothing there yet, try again later";
    case CHASKI_STALE:
        return "the handle is stale: what it stood for is gone";
    case CHASKI_NO_MEMORY:
        return "a limit of the host is reached";
    case CHASKI_INVALID:
        return "invalid argument";
    case CHASKI_IN_USE:
        return "address already in use";
    case CHASKI_NO_ROUTE:
        return "no route to the destination";
    case CHASKI_BAD_ADDRESS:
        return "not an address of this host, or not usable so";
    case CHASKI_NOT_CONNECTED:
        return "not connected";
    case CHASKI_RESET:
        return "connection reset by peer";
    case CHASKI_REFUSED:
        return "connection refused";
    case CHASKI_TIMED_OUT:
        return "the peer does not answer";
    case CHASKI_UNREACHABLE:
        return "the network reports the peer as unreachable";
    case CHASKI_CLOSED:
        return "this direction is closed";
    case CHASKI_TOO_BIG:
        return "datagram too big";
    case CHASKI_NOT_PERMITTED:
        return "not permitted";
    case CHASKI_UNKNOWN:
        return "nothing has that name";
    case CHASKI_NETWORK_UNREACHABLE:
        return "the network reports the peer's network as unreachable";
    case CHASKI_NO_PROTOCOL:
        return "the peer does not speak the protocol";
    case CHASKI_NO_SOURCE_ROUTE:
        return "the source route failed";
    case CHASKI_HOST_UNKNOWN:
        return "the network knows no such host";
    case CHASKI_HOST_ISOLATED:
        return "the network reports this host as isolated";
    case CHASKI_MALFORMED:
        return "the network does not understand a header";
    }
    return "unknown error";
}
