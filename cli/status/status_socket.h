/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_CLI_STATUS_SOCKET_H
#define CHASKI_CLI_STATUS_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "runtime/loop.h"

/*
 * How a running program is asked for its status: a unix socket, named after its interface, in a
 * place that belongs to the user. Whoever connects sends one letter, 't' for text or 'j' for JSON,
 * and reads the report up to the end. Both ends make sure that the other is the same user or root.
 * SIGUSR1 makes the program write it as text to its own standard output.
 */
enum { STATUS_CLIENTS = 4, STATUS_PATH = 108 };

/* Writes the status of whatever runs, as text or as JSON; false: it cannot. */
typedef bool status_writer(void *context, FILE *to, bool json);

struct status_client {
    struct status_socket *socket;
    int fd; /* -1: free */
    char *report;
    size_t length, sent;
};

struct status_socket {
    struct loop *loop;
    status_writer *write;
    void *context;
    int fd;
    char path[STATUS_PATH];
    struct status_client clients[STATUS_CLIENTS];
};

/* Listens for questions, which `write` answers, and for the signal, if the loop hears of signals.
 * False with one line in `error` (ARGUMENT_ERROR
 * bytes), which is when another program answers for an interface of this name. */
bool status_socket_open(struct status_socket *socket, struct loop *loop, status_writer *write,
                        void *context, const char *interface, char *error);
void status_socket_close(struct status_socket *socket);

/* A connection to the program on `interface`, or, when that is NULL, to the only one that runs.
 * -1 with one line in `error`. */
int status_socket_connect(const char *interface, char *error);

#endif
