/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/services/small_services.h"

/*
 * Echo, discard and character generator. Over TCP, echo never takes more out of the receive queue
 * than it could put into the send queue: when the peer does not read, the receive window closes
 * and holds it back. No service allocates anything for a connection.
 */
enum { ECHO_PORT = 7, DISCARD_PORT = 9, CHARGEN_PORT = 19 };

enum {
    PIECES = 16,
    CHARGEN_BYTES = 10 * CHARGEN_PERIOD, /* written at once; starts anywhere in the first period */
    CHARGEN_DATAGRAM_MAX = 512,
};

/* The pattern never changes, so connections refer to it instead of copying it. */
static char pattern[CHARGEN_BYTES];

/* ---- Echo ---------------------------------------------------------------------------------- */

/* Writes as much of the pieces as there is room for. */
static size_t write_pieces(struct chaski *host, chaski_tcp connection,
                           const struct chaski_piece *pieces, int count)
{
    size_t total = 0;

    for (int i = 0; i < count; i++) {
        long written = chaski_tcp_write(host, connection, pieces[i].bytes, pieces[i].length);
        if (written < 0)
            return total;
        total += (size_t)written;
        if ((size_t)written < pieces[i].length)
            return total;
    }
    return total;
}

static void echo_tcp(void *context, struct chaski *host, chaski_tcp connection, unsigned events)
{
    struct chaski_piece pieces[PIECES];
    size_t written;
    int count;

    (void)context;
    if ((events & CHASKI_CONNECTED) != 0)
        chaski_tcp_set(host, connection, CHASKI_TCP_NODELAY, 1);
    do {
        count = chaski_tcp_look(host, connection, pieces, PIECES);
        if (count == CHASKI_AGAIN)
            return;
        if (count <= 0) {
            chaski_tcp_close(host, connection); /* what was written is still delivered */
            return;
        }
        written = write_pieces(host, connection, pieces, count);
        chaski_tcp_consume(host, connection, written);
    } while (written != 0);
}

static void echo_udp(void *context, struct chaski *host, chaski_udp socket,
                     const struct chaski_endpoint *local, const struct chaski_endpoint *remote,
                     const void *bytes, size_t length)
{
    (void)context;
    (void)local;
    chaski_udp_send(host, socket, remote, bytes, length);
}

/* ---- Discard ------------------------------------------------------------------------------- */

/* Throws away what has arrived; false at the end of the stream. */
static bool discard_input(struct chaski *host, chaski_tcp connection)
{
    struct chaski_piece pieces[PIECES];
    int count;

    while ((count = chaski_tcp_look(host, connection, pieces, PIECES)) > 0) {
        size_t length = 0;
        for (int i = 0; i < count; i++)
            length += pieces[i].length;
        chaski_tcp_consume(host, connection, length);
    }
    return count == CHASKI_AGAIN;
}

static void discard_tcp(void *context, struct chaski *host, chaski_tcp connection, unsigned events)
{
    (void)context;
    (void)events;
    if (!discard_input(host, connection))
        chaski_tcp_close(host, connection);
}

static void discard_udp(void *context, struct chaski *host, chaski_udp socket,
                        const struct chaski_endpoint *local, const struct chaski_endpoint *remote,
                        const void *bytes, size_t length)
{
    (void)context;
    (void)host;
    (void)socket;
    (void)local;
    (void)remote;
    (void)bytes;
    (void)length;
}

/* ---- Character generator ------------------------------------------------------------------- */

void chargen_fill(char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        size_t line = i % CHARGEN_PERIOD / 74, column = i % 74;
        if (column < 72)
            bytes[i] = (char)(' ' + (line + column) % 95);
        else
            bytes[i] = column == 72 ? '\r' : '\n';
    }
}

static void give_back(struct chaski_memory *memory)
{
    struct small_services_lent *lent = memory->context;

    lent->next = lent->services->lent_free;
    lent->services->lent_free = lent;
}

static void make_lent(struct small_services *services)
{
    services->lent_free = NULL;
    for (unsigned i = 0; i < SERVICES_LENT; i++) {
        struct small_services_lent *lent = &services->lents[i];
        lent->services = services;
        lent->memory.context = lent;
        lent->memory.release = give_back;
        give_back(&lent->memory);
    }
}

/* Sends the pattern from `at` to its end without copying it, or a part of it as a copy when it
 * has been lent too often. Returns how much, or an error. */
static long send_pattern(struct small_services *services, struct chaski *host,
                         chaski_tcp connection, size_t at)
{
    struct small_services_lent *lent = services->lent_free;

    if (lent == NULL)
        return chaski_tcp_write(host, connection, pattern + at, CHARGEN_BYTES - at);
    lent->memory.bytes = pattern + at;
    lent->memory.length = CHARGEN_BYTES - at;
    int status = chaski_tcp_hand_over(host, connection, &lent->memory);
    if (status < 0)
        return status;
    services->lent_free = lent->next;
    return (long)lent->memory.length;
}

/* A peer that has ended its direction may still want to read, so that is no reason to stop. */
static void chargen_tcp(void *context, struct chaski *host, chaski_tcp connection, unsigned events)
{
    struct small_services *services = context;
    long written = CHASKI_NO_MEMORY;

    if (connection.index < SERVICES_CONNECTIONS) {
        uint16_t *at = &services->chargen_at[connection.index];
        if ((events & CHASKI_CONNECTED) != 0)
            *at = 0;
        discard_input(host, connection);
        do {
            written = send_pattern(services, host, connection, *at);
            if (written > 0)
                *at = (uint16_t)((*at + written) % CHARGEN_PERIOD);
        } while (written > 0);
    }
    if (written != CHASKI_AGAIN)
        chaski_tcp_close(host, connection);
}

/* One datagram of some characters for each that arrives, whatever is in it. */
static void chargen_udp(void *context, struct chaski *host, chaski_udp socket,
                        const struct chaski_endpoint *local, const struct chaski_endpoint *remote,
                        const void *bytes, size_t length)
{
    struct small_services *services = context;

    (void)local;
    (void)bytes;
    (void)length;
    services->drawn = (services->drawn * 1103515245 + 12345) % (CHARGEN_DATAGRAM_MAX + 1);
    chaski_udp_send(host, socket, remote, pattern, services->drawn);
}

/* ---- Binding ------------------------------------------------------------------------------- */

/* Two of these services with each other's address would answer each other for ever. */
static bool is_no_service(void *context, const struct chaski_endpoint *local,
                          const struct chaski_endpoint *remote)
{
    (void)context;
    (void)local;
    return remote->port >= 1024;
}

static int bind_tcp(struct small_services *services, struct chaski *host, uint16_t port,
                    chaski_tcp_closure *closure)
{
    struct chaski_tcp_bind bind = {
        .local.port = port, .backlog = 1024, .receive = closure, .context = services};
    chaski_listener listener;

    return chaski_tcp_bind(host, &bind, &listener);
}

static int bind_udp(struct small_services *services, struct chaski *host, uint16_t port,
                    chaski_udp_closure *closure)
{
    struct chaski_udp_bind bind = {.local.port = port,
                                   .filter = is_no_service,
                                   .receive = closure,
                                   .context = services,
                                   .queue = 256};
    chaski_udp socket;

    return chaski_udp_bind(host, &bind, &socket);
}

int small_services_bind(struct small_services *services, struct chaski *host)
{
    static const struct {
        uint16_t port;
        chaski_tcp_closure *tcp;
        chaski_udp_closure *udp;
    } ports[] = {
        {ECHO_PORT, echo_tcp, echo_udp},
        {DISCARD_PORT, discard_tcp, discard_udp},
        {CHARGEN_PORT, chargen_tcp, chargen_udp},
    };
    int status = 0;

    chargen_fill(pattern, sizeof pattern);
    make_lent(services);
    for (size_t i = 0; i < sizeof ports / sizeof *ports && status == 0; i++) {
        status = bind_tcp(services, host, ports[i].port, ports[i].tcp);
        if (status == 0)
            status = bind_udp(services, host, ports[i].port, ports[i].udp);
    }
    return status;
}
