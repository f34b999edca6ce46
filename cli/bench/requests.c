/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/bench/requests.h"

#include <stdio.h>

#include "cli/arguments.h"

/*
 * The client sends a request of 64 bytes, the server answers with as many. Either one connection
 * has one request after another, or each request has a connection of its own, which the client
 * resets when it has the answer.
 */
enum { REQUEST_BYTES = 64, REQUEST_PORT = 80 };

#define PATIENCE_NS UINT64_C(10000000000)

struct requests {
    struct memory_pair *pair;
    bool anew; /* a connection each */
    bool stopping;
    int error;
    uint64_t answered;
    uint32_t missing; /* bytes of the answer */
};

static void begin(struct requests *requests);

static void ask(struct requests *requests, struct chaski *host, chaski_tcp connection)
{
    static const char request[REQUEST_BYTES];
    requests->missing = REQUEST_BYTES;
    if (chaski_tcp_write(host, connection, request, sizeof request) != REQUEST_BYTES)
        requests->error = CHASKI_NO_MEMORY;
}

static void take_answer(struct requests *requests, struct chaski *host, chaski_tcp connection)
{
    char answer[REQUEST_BYTES];
    long got = chaski_tcp_read(host, connection, answer, sizeof answer);
    if (got < 0 && got != CHASKI_AGAIN)
        requests->error = (int)got;
    requests->missing -= got > 0 ? (uint32_t)got : 0;
    if (requests->missing != 0)
        return;
    requests->answered++;
    if (!requests->anew && !requests->stopping) {
        ask(requests, host, connection);
        return;
    }
    chaski_tcp_abort(host, connection);
    if (!requests->stopping)
        begin(requests);
}

static void on_client(void *context, struct chaski *host, chaski_tcp connection, unsigned events)
{
    struct requests *requests = context;
    if ((events & CHASKI_ENDED) != 0)
        requests->error = CHASKI_CLOSED;
    else if ((events & CHASKI_CONNECTED) != 0)
        ask(requests, host, connection);
    if ((events & CHASKI_READABLE) != 0 && requests->error == 0)
        take_answer(requests, host, connection);
}

static void on_server(void *context, struct chaski *host, chaski_tcp connection, unsigned events)
{
    struct requests *requests = context;
    char bytes[REQUEST_BYTES];
    long got;
    while ((got = chaski_tcp_read(host, connection, bytes, sizeof bytes)) > 0)
        if (chaski_tcp_write(host, connection, bytes, (size_t)got) != got)
            requests->error = CHASKI_NO_MEMORY;
    if ((events & CHASKI_ENDED) != 0 || got == 0)
        chaski_tcp_close(host, connection);
}

static void begin(struct requests *requests)
{
    struct chaski_tcp_connect connect = {
        .remote = {.address = memory_pair_address(SERVER), .port = REQUEST_PORT},
        .receive = on_client,
        .context = requests};
    chaski_tcp ignored;
    int status = chaski_tcp_connect(requests->pair->side[CLIENT].host, &connect, &ignored);
    if (status != 0)
        requests->error = status;
}

static void run(struct requests *requests, uint64_t duration_ns, double *per_second)
{
    uint64_t began = system_now(), now_ns = began;
    requests->pair->now_ns = began;
    begin(requests);
    while (now_ns < began + duration_ns && requests->error == 0) {
        memory_pair_turn(requests->pair);
        now_ns = requests->pair->now_ns;
    }
    *per_second = (double)requests->answered * 1e9 / (double)(now_ns - began);
    uint64_t answered = requests->answered, limit = now_ns + PATIENCE_NS;
    requests->stopping = true;
    while (requests->answered == answered && requests->error == 0 && requests->pair->now_ns < limit)
        memory_pair_turn(requests->pair);
    memory_pair_abort_all(requests->pair);
}

bool requests_measure(struct memory_pair *pair, bool anew, uint64_t duration_ns, double *per_second,
                      char *error)
{
    struct requests requests = {.pair = pair, .anew = anew};
    struct chaski_tcp_bind bind = {.local = {.port = REQUEST_PORT},
                                   .backlog = 4096,
                                   .receive = on_server,
                                   .context = &requests};
    chaski_listener listener;
    requests.error = chaski_tcp_bind(pair->side[SERVER].host, &bind, &listener);
    if (requests.error == 0) {
        run(&requests, duration_ns, per_second);
        chaski_tcp_unbind(pair->side[SERVER].host, listener);
    }
    if (requests.error == 0)
        return true;
    snprintf(error, ARGUMENT_ERROR, "requests of 64 bytes: %s", chaski_error_text(requests.error));
    return false;
}
