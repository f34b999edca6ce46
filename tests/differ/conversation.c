/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/differ/conversation.h"

#include <arpa/inet.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "tests/random.h"

/* The calls: each is drawn once, with what it is given, and done by both. */

enum { PORTS = 3, FIRST_PORT = 5001 };

static uint32_t below(struct conversation *c, uint32_t limit)
{
    return random_below(&c->random, limit);
}

#define ONE_OF(c, array) ((array)[below(c, sizeof(array) / sizeof *(array))])

/* ---- What a call came to, as text that both must agree on ---- */

static void say(struct stack *stack, const char *format, ...)
{
    size_t length = strlen(stack->said);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(stack->said + length, sizeof stack->said - length, format, arguments);
    va_end(arguments);
}

static void say_result(struct stack *stack, long result)
{
    if (result < 0)
        say(stack, " %s", strerrorname_np((int)-result));
    else
        say(stack, " %ld", result);
}

static void say_address(struct stack *stack, const struct sockaddr_in *address, socklen_t length)
{
    unsigned port = ntohs(address->sin_port);
    char text[INET_ADDRSTRLEN];
    if (length == 0) {
        say(stack, " nobody");
        return;
    }
    inet_ntop(AF_INET, &address->sin_addr, text, sizeof text);
    say(stack, " %u %u %s:", length, address->sin_family, text);
    if (port < FIRST_PORT + PORTS && port >= FIRST_PORT) {
        say(stack, "%u", port);
        return;
    }
    say(stack, port == 0 ? "0" : "chosen");
}

/* ---- Calls ---- */

static struct sockaddr_in some_address(struct conversation *c, bool any)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(any ? INADDR_ANY : INADDR_LOOPBACK);
    address.sin_port = htons((uint16_t)(FIRST_PORT + below(c, PORTS)));
    return address;
}

static void fill(char *bytes, size_t length, uint32_t from)
{
    for (size_t i = 0; i < length; i++)
        bytes[i] = (char)((from + i) * 7 + (from + i) / 251);
}

static unsigned sum_of(const char *bytes, size_t length)
{
    unsigned sum = 0;
    for (size_t i = 0; i < length; i++)
        sum = sum * 31 + (unsigned char)bytes[i];
    return sum;
}

static void open_one(struct conversation *c, int slot)
{
    int type = below(c, 4) == 0 ? SOCK_DGRAM : SOCK_STREAM;
    snprintf(c->what, sizeof c->what, "%d = socket(%s)", slot,
             type == SOCK_STREAM ? "SOCK_STREAM" : "SOCK_DGRAM");
    c->type[slot] = type;
    c->written[slot] = 0;
    for (int i = 0; i < STACKS; i++) {
        struct stack *stack = &c->stacks[i];
        int on = 1;
        stack->fd[slot] = stack->calls->socket(stack->sockets, AF_INET, type | SOCK_NONBLOCK, 0);
        if (type == SOCK_STREAM)
            stack->calls->setsockopt(stack->sockets, stack->fd[slot], IPPROTO_TCP, TCP_NODELAY, &on,
                                     sizeof on);
    }
}

static void bind_one(struct conversation *c, int slot)
{
    struct sockaddr_in address = some_address(c, below(c, 2) == 0);
    if (below(c, 4) == 0)
        address.sin_port = 0;
    snprintf(c->what, sizeof c->what, "bind(%d, %x:%u)", slot, ntohl(address.sin_addr.s_addr),
             ntohs(address.sin_port));
    for (int i = 0; i < STACKS; i++) {
        struct stack *stack = &c->stacks[i];
        say_result(stack, stack->calls->bind(stack->sockets, stack->fd[slot], (void *)&address,
                                             sizeof address));
    }
}

static void listen_one(struct conversation *c, int slot)
{
    snprintf(c->what, sizeof c->what, "listen(%d)", slot);
    for (int i = 0; i < STACKS; i++) {
        struct stack *stack = &c->stacks[i];
        say_result(stack, stack->calls->listen(stack->sockets, stack->fd[slot], 10));
    }
}

/* So that there is somebody to connect to. */
static void serve_one(struct conversation *c, int slot)
{
    bind_one(c, slot);
    listen_one(c, slot);
    snprintf(c->what, sizeof c->what, "bind and listen(%d)", slot);
}

static void connect_one(struct conversation *c, int slot)
{
    struct sockaddr_in address = some_address(c, below(c, 8) == 0);
    if (below(c, 10) == 0)
        address.sin_family = AF_UNSPEC;
    snprintf(c->what, sizeof c->what, "connect(%d, family %u, %x:%u)", slot, address.sin_family,
             ntohl(address.sin_addr.s_addr), ntohs(address.sin_port));
    for (int i = 0; i < STACKS; i++) {
        struct stack *stack = &c->stacks[i];
        say_result(stack, stack->calls->connect(stack->sockets, stack->fd[slot], (void *)&address,
                                                sizeof address));
    }
}

static void close_one(struct conversation *c, int slot)
{
    snprintf(c->what, sizeof c->what, "close(%d)", slot);
    for (int i = 0; i < STACKS; i++) {
        struct stack *stack = &c->stacks[i];
        say_result(stack, stack->calls->close(stack->sockets, stack->fd[slot]));
        stack->fd[slot] = -1;
    }
    c->type[slot] = 0;
}

static void accept_one(struct conversation *c, int slot)
{
    int into = 0;
    while (into < SLOTS && c->type[into] != 0)
        into++;
    if (into == SLOTS)
        return;
    snprintf(c->what, sizeof c->what, "%d = accept(%d)", into, slot);
    for (int i = 0; i < STACKS; i++) {
        struct stack *stack = &c->stacks[i];
        struct sockaddr_in address = {0};
        socklen_t length = sizeof address;
        int on = 1,
            fd = stack->calls->accept(stack->sockets, stack->fd[slot], (void *)&address, &length);
        stack->fd[into] = fd;
        say_result(stack, fd < 0 ? fd : 0);
        if (fd < 0)
            continue;
        say_address(stack, &address, length);
        stack->calls->setsockopt(stack->sockets, fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        c->type[into] = SOCK_STREAM;
        c->written[into] = 0;
    }
}

static void send_one(struct conversation *c, int slot)
{
    static const uint32_t lengths[] = {0, 1, 10, 100, 1000, 4000};
    static const int flags[] = {0, 0, 0, 0, 0, 0, MSG_OOB, MSG_DONTROUTE, MSG_EOR, MSG_CONFIRM};
    static char bytes[4000];
    uint32_t length = ONE_OF(c, lengths);
    int flag = ONE_OF(c, flags);
    struct sockaddr_in to = some_address(c, false);
    struct iovec piece = {bytes, length};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
    if (c->written[slot] > 20000)
        return;
    if (below(c, c->type[slot] == SOCK_DGRAM ? 2 : 6) == 0) {
        message.msg_name = &to;
        message.msg_namelen = sizeof to;
    }
    fill(bytes, length, c->written[slot]);
    snprintf(c->what, sizeof c->what, "send(%d, %u bytes, flags %#x, to %u)", slot, length, flag,
             message.msg_name != NULL ? ntohs(to.sin_port) : 0);
    long sent = 0;
    for (int i = 0; i < STACKS; i++) {
        struct stack *stack = &c->stacks[i];
        sent = stack->calls->sendmsg(stack->sockets, stack->fd[slot], &message, flag);
        say_result(stack, sent);
    }
    c->written[slot] += sent > 0 ? (uint32_t)sent : 0;
}

static void receive_one(struct conversation *c, int slot)
{
    static const uint32_t lengths[] = {0, 1, 10, 1000, 10000, 10000};
    static const int flags[] = {0,
                                0,
                                0,
                                0,
                                MSG_PEEK,
                                MSG_TRUNC,
                                MSG_OOB,
                                MSG_OOB | MSG_PEEK,
                                MSG_WAITALL,
                                MSG_ERRQUEUE,
                                MSG_PEEK | MSG_TRUNC};
    uint32_t length = ONE_OF(c, lengths);
    int flag = ONE_OF(c, flags);
    snprintf(c->what, sizeof c->what, "recv(%d, %u bytes, flags %#x)", slot, length, flag);
    for (int i = 0; i < STACKS; i++) {
        struct stack *stack = &c->stacks[i];
        char bytes[10000] = {0};
        struct sockaddr_in from = {0};
        struct iovec piece = {bytes, length};
        struct msghdr message = {
            .msg_iov = &piece, .msg_iovlen = 1, .msg_name = &from, .msg_namelen = sizeof from};
        long got = stack->calls->recvmsg(stack->sockets, stack->fd[slot], &message, flag);
        say_result(stack, got);
        if (got < 0)
            continue;
        say(stack, " flags %#x sum %x", message.msg_flags,
            sum_of(bytes, (size_t)got < length ? (size_t)got : length));
        say_address(stack, &from, message.msg_namelen);
    }
}

static int state_in(const struct stack *stack, int slot)
{
    struct tcp_info info = {.tcpi_state = TCP_CLOSE};
    socklen_t length = sizeof info;
    stack->calls->getsockopt(stack->sockets, stack->fd[slot], IPPROTO_TCP, TCP_INFO, &info,
                             &length);
    return info.tcpi_state;
}

/* Not before there is anything to shut: Linux remembers it for what the socket becomes, and for
 * what a listener will accept. */
static void shutdown_one(struct conversation *c, int slot)
{
    int how = (int)below(c, 4);
    if (c->type[slot] == SOCK_STREAM && state_in(&c->stacks[KERNEL], slot) == TCP_CLOSE)
        return;
    snprintf(c->what, sizeof c->what, "shutdown(%d, %d)", slot, how);
    for (int i = 0; i < STACKS; i++) {
        struct stack *stack = &c->stacks[i];
        say_result(stack, stack->calls->shutdown(stack->sockets, stack->fd[slot], how));
    }
}

static void names_of_one(struct conversation *c, int slot)
{
    snprintf(c->what, sizeof c->what, "names of %d", slot);
    for (int i = 0; i < STACKS; i++) {
        struct stack *stack = &c->stacks[i];
        struct sockaddr_in name = {0}, peer = {0};
        socklen_t length = sizeof name, peer_length = sizeof peer;
        int result =
            stack->calls->getsockname(stack->sockets, stack->fd[slot], (void *)&name, &length);
        say_result(stack, result);
        if (result == 0)
            say_address(stack, &name, length);
        result =
            stack->calls->getpeername(stack->sockets, stack->fd[slot], (void *)&peer, &peer_length);
        say_result(stack, result);
        if (result == 0)
            say_address(stack, &peer, peer_length);
    }
}

static void poll_one(struct conversation *c, int slot)
{
    snprintf(c->what, sizeof c->what, "poll(%d)", slot);
    for (int i = 0; i < STACKS; i++) {
        struct stack *stack = &c->stacks[i];
        struct pollfd entry = {.fd = stack->fd[slot],
                               .events = POLLIN | POLLOUT | POLLPRI | POLLRDHUP};
        stack->calls->poll(stack->sockets, &entry, 1);
        if (entry.revents & POLLHUP) /* Linux goes on telling of urgent data that is gone */
            entry.revents &= ~POLLPRI;
        say(stack, " %#x", entry.revents);
    }
}

static void watch_one(struct conversation *c, int slot)
{
    static const int operations[] = {EPOLL_CTL_ADD, EPOLL_CTL_ADD, EPOLL_CTL_MOD, EPOLL_CTL_DEL};
    static const uint32_t asked[] = {EPOLLIN, EPOLLOUT, EPOLLIN | EPOLLOUT, 0,
                                     EPOLLIN | EPOLLRDHUP | EPOLLPRI};
    static const uint32_t ways[] = {0, 0, EPOLLET, EPOLLET, EPOLLONESHOT, EPOLLET | EPOLLONESHOT};
    struct epoll_event event = {.events = ONE_OF(c, asked) | ONE_OF(c, ways),
                                .data.u32 = (uint32_t)slot};
    int operation = ONE_OF(c, operations);
    snprintf(c->what, sizeof c->what, "epoll_ctl(%d of %d, events %#x)", operation, slot,
             event.events);
    for (int i = 0; i < STACKS; i++) {
        struct stack *stack = &c->stacks[i];
        say_result(stack, stack->calls->epoll_ctl(stack->sockets, stack->set, operation,
                                                  stack->fd[slot], &event));
    }
}

/* In whatever order. */
static void wait_for_all(struct conversation *c, int slot)
{
    (void)slot;
    snprintf(c->what, sizeof c->what, "epoll_wait()");
    for (int i = 0; i < STACKS; i++) {
        struct stack *stack = &c->stacks[i];
        struct epoll_event events[SLOTS];
        uint32_t told[SLOTS] = {0};
        int count = stack->calls->epoll_wait(stack->sockets, stack->set, events, SLOTS);
        say_result(stack, count);
        for (int n = 0; n < count; n++)
            told[events[n].data.u32] = events[n].events;
        for (int n = 0; n < SLOTS; n++)
            if (told[n] != 0)
                say(stack, " %d: %#x", n, told[n] & EPOLLHUP ? told[n] & ~EPOLLPRI : told[n]);
    }
}

static void ask_one(struct conversation *c, int slot)
{
    static const unsigned long requests[] = {SIOCINQ, SIOCATMARK};
    unsigned long request = ONE_OF(c, requests);
    snprintf(c->what, sizeof c->what, "ioctl(%d, %#lx)", slot, request);
    for (int i = 0; i < STACKS; i++) {
        struct stack *stack = &c->stacks[i];
        int value = -1;
        say_result(stack,
                   stack->calls->ioctl(stack->sockets, stack->fd[slot], request, (intptr_t)&value));
        say(stack, ": %d", value);
    }
}

/* SO_REUSEADDR and SO_REUSEPORT are not among them: who gives way, and who is chosen, differs
 * (docs/deviations.md), or is drawn. */
static const struct {
    int level, name;
    int values[3];
} options[] = {
    {SOL_SOCKET, SO_ERROR, {0, 1, 2}}, /* first: it is asked for most */
    {SOL_SOCKET, SO_KEEPALIVE, {0, 1, 2}},
    {SOL_SOCKET, SO_OOBINLINE, {0, 1, 1}},
    {SOL_SOCKET, SO_RCVLOWAT, {1, 10, 500}},
    {SOL_SOCKET, SO_TYPE, {0, 1, 2}},
    {SOL_SOCKET, SO_ACCEPTCONN, {0, 1, 2}},
    {SOL_SOCKET, SO_PROTOCOL, {0, 1, 2}},
    {SOL_SOCKET, SO_BROADCAST, {0, 1, 1}},
    {SOL_SOCKET, SO_PEEK_OFF, {-1, 0, 5}},
    {SOL_SOCKET, SO_PRIORITY, {0, 3, 6}},
    {SOL_SOCKET, SO_TIMESTAMP, {0, 1, 2}},
    {SOL_SOCKET, SO_TIMESTAMPNS, {0, 1, 2}},
    {SOL_SOCKET, SO_TIMESTAMPING, {0, 24, 1 << 30}},
    {SOL_SOCKET, SO_TIMESTAMP_NEW, {0, 1, 2}},
    {SOL_SOCKET, SO_TIMESTAMPNS_NEW, {0, 1, 2}},
    {SOL_SOCKET, SO_TIMESTAMPING_NEW, {0, 24, 1 << 30}},
    {IPPROTO_TCP, TCP_KEEPIDLE, {0, 10, 40000}},
    {IPPROTO_TCP, TCP_KEEPCNT, {0, 5, 200}},
    {IPPROTO_TCP, TCP_SYNCNT, {0, 3, 200}},
    {IPPROTO_TCP, TCP_LINGER2, {-1, 5, 500}},
    {IPPROTO_TCP, TCP_USER_TIMEOUT, {-1, 0, 30000}},
    {IPPROTO_TCP, TCP_FASTOPEN_CONNECT, {0, 1, 2}},
    {IPPROTO_TCP, TCP_INQ, {0, 1, 2}},
    {IPPROTO_TCP, TCP_NOTSENT_LOWAT, {0, 1 << 16, 1 << 20}},
    {IPPROTO_IP, IP_TOS, {0, 16, 255}},
    {IPPROTO_IP, IP_TTL, {-1, 64, 0}},
    {IPPROTO_IP, IP_MINTTL, {0, 64, 256}},
    {IPPROTO_IP, IP_RECVERR, {0, 1, 1}},
    {IPPROTO_IP, IP_MTU_DISCOVER, {0, 2, 9}},
    {IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, {0, 1, 1}},
    {IPPROTO_IP, IP_FREEBIND, {0, 1, 1}},
    {IPPROTO_IP, IP_PKTINFO, {0, 1, 1}},
    {IPPROTO_IP, IP_RECVTTL, {0, 1, 7}},
    {IPPROTO_IP, IP_RECVTOS, {0, 1, 7}},
    {SOL_SOCKET, SO_RXQ_OVFL, {0, 1, 7}},
    {SOL_SOCKET, SO_BUF_LOCK, {0, 3, 4}},
    {SOL_SOCKET, SO_INCOMING_NAPI_ID, {0, 1, 2}},
    {IPPROTO_IP, IP_NODEFRAG, {0, 1, 2}},
};

/* Not of listeners: Linux hands on what they have when a connection is made, and not when it is
 * accepted. And TCP_NOTSENT_LOWAT where something is sent: else Linux looks at what is left of a
 * connection. */
static void set_one(struct conversation *c, int slot)
{
    int state = state_in(&c->stacks[KERNEL], slot);
    if (state == TCP_LISTEN)
        return;
    uint32_t which = below(c, sizeof options / sizeof *options);
    int value = options[which].values[below(c, 3)];
    if (options[which].name == TCP_NOTSENT_LOWAT && state == TCP_CLOSE)
        return;
    snprintf(c->what, sizeof c->what, "setsockopt(%d, %d, %d, %d)", slot, options[which].level,
             options[which].name, value);
    for (int i = 0; i < STACKS; i++) {
        struct stack *stack = &c->stacks[i];
        say_result(stack,
                   stack->calls->setsockopt(stack->sockets, stack->fd[slot], options[which].level,
                                            options[which].name, &value, sizeof value));
    }
}

static void get_one(struct conversation *c, int slot)
{
    uint32_t which = below(c, sizeof options / sizeof *options);
    if (below(c, 2) == 0)
        which = 0;
    snprintf(c->what, sizeof c->what, "getsockopt(%d, %d, %d)", slot, options[which].level,
             options[which].name);
    for (int i = 0; i < STACKS; i++) {
        struct stack *stack = &c->stacks[i];
        int value = -1;
        socklen_t length = sizeof value;
        say_result(stack,
                   stack->calls->getsockopt(stack->sockets, stack->fd[slot], options[which].level,
                                            options[which].name, &value, &length));
        say(stack, ": %d %u", value, length);
    }
}

/* When a FIN is acknowledged is the peer's business, who may wait. */
static void state_of_one(struct conversation *c, int slot)
{
    snprintf(c->what, sizeof c->what, "state of %d", slot);
    for (int i = 0; i < STACKS; i++) {
        int state = state_in(&c->stacks[i], slot);
        say(&c->stacks[i], " %d", state == TCP_FIN_WAIT1 ? TCP_FIN_WAIT2 : state);
    }
}

static void linger_one(struct conversation *c, int slot)
{
    struct linger linger = {.l_onoff = (int)below(c, 2)};
    snprintf(c->what, sizeof c->what, "SO_LINGER of %d: %d, 0", slot, linger.l_onoff);
    for (int i = 0; i < STACKS; i++) {
        struct stack *stack = &c->stacks[i];
        say_result(stack, stack->calls->setsockopt(stack->sockets, stack->fd[slot], SOL_SOCKET,
                                                   SO_LINGER, &linger, sizeof linger));
    }
}

/* ---- Which one ---- */

static const struct {
    void (*call)(struct conversation *c, int slot);
    unsigned weight;
} kinds[] = {
    {bind_one, 2}, {serve_one, 4},    {listen_one, 2},   {connect_one, 4}, {accept_one, 4},
    {send_one, 6}, {receive_one, 8},  {shutdown_one, 2}, {close_one, 2},   {names_of_one, 2},
    {poll_one, 5}, {watch_one, 4},    {wait_for_all, 6}, {ask_one, 1},     {set_one, 3},
    {get_one, 3},  {state_of_one, 3}, {linger_one, 1},
};

void converse(struct conversation *c, int slot)
{
    unsigned all = 0, i = 0;
    c->what[0] = c->stacks[KERNEL].said[0] = c->stacks[CHASKI].said[0] = '\0';
    for (i = 0; i < sizeof kinds / sizeof *kinds; i++)
        all += kinds[i].weight;
    unsigned at = below(c, all);
    for (i = 0; at >= kinds[i].weight; i++)
        at -= kinds[i].weight;
    if (c->type[slot] == 0)
        open_one(c, slot);
    else
        kinds[i].call(c, slot);
}
