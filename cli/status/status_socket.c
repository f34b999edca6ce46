/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/status/status_socket.h"

#include <errno.h>
#include <glob.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "cli/arguments.h"

enum { SECONDS_TO_LISTEN = 2 }; /* within which whoever has bound a name listens */

/* ---- Names --------------------------------------------------------------------------------- */

/* A directory of the user's own when there is one, else /tmp with the user's number in the name. */
static void socket_path(const char *interface, char *path)
{
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    char directory[64];

    snprintf(directory, sizeof directory, "/run/user/%u", (unsigned)getuid());
    if (runtime == NULL || runtime[0] != '/' || strlen(runtime) > 64)
        runtime = access(directory, W_OK | X_OK) == 0 ? directory : NULL;
    if (runtime != NULL)
        snprintf(path, STATUS_PATH, "%s/chaski-%s.socket", runtime, interface);
    else
        snprintf(path, STATUS_PATH, "/tmp/chaski-%u-%s.socket", (unsigned)getuid(), interface);
}

static int new_socket(const char *path, struct sockaddr_un *address)
{
    address->sun_family = AF_UNIX;
    snprintf(address->sun_path, sizeof address->sun_path, "%s", path);
    return socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

static bool is_same_user(int fd)
{
    struct ucred peer;
    socklen_t length = sizeof peer;

    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 &&
           (peer.uid == getuid() || peer.uid == 0 || getuid() == 0);
}

/* A connected socket, or -1 with errno. */
static int connect_to(const char *path)
{
    struct sockaddr_un address;
    int fd = new_socket(path, &address);

    if (fd < 0)
        return -1;
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0 && is_same_user(fd))
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

/* ---- The side that answers ----------------------------------------------------------------- */

static void end_client(struct status_client *client)
{
    loop_unwatch(client->socket->loop, client->fd);
    close(client->fd);
    free(client->report);
    client->fd = -1;
    client->report = NULL;
}

static void send_report(void *context, int fd, short events)
{
    struct status_client *client = context;
    ssize_t sent =
        send(fd, client->report + client->sent, client->length - client->sent, MSG_NOSIGNAL);

    (void)events;
    if (sent < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (sent > 0)
        client->sent += (size_t)sent;
    if (sent <= 0 || client->sent == client->length)
        end_client(client);
}

static bool make_report(struct status_client *client, char kind)
{
    FILE *to = open_memstream(&client->report, &client->length);

    if (to == NULL)
        return false;
    bool written = client->socket->write(client->socket->context, to, kind == 'j');
    return fclose(to) == 0 && written;
}

static void read_question(void *context, int fd, short events)
{
    struct status_client *client = context;
    char kind;

    (void)events;
    if (recv(fd, &kind, 1, 0) != 1 || !make_report(client, kind)) {
        end_client(client);
        return;
    }
    loop_unwatch(client->socket->loop, fd);
    if (!loop_watch(client->socket->loop, fd, POLLOUT, send_report, client))
        end_client(client);
}

static void accept_client(void *context, int fd, short events)
{
    struct status_socket *status = context;
    struct status_client *client = &status->clients[0];
    int accepted = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    (void)events;
    if (accepted < 0)
        return;
    for (unsigned i = 0; i < STATUS_CLIENTS; i++)
        if (status->clients[i].fd < 0)
            client = &status->clients[i];
    if (client->fd >= 0)
        end_client(client); /* the place is wanted, and somebody keeps us waiting */
    *client = (struct status_client){.socket = status, .fd = accepted};
    if (!is_same_user(accepted) ||
        !loop_watch(status->loop, accepted, POLLIN, read_question, client))
        end_client(client);
}

static bool listen_at(struct status_socket *status, const char *path)
{
    struct sockaddr_un address;
    int fd = new_socket(path, &address);

    if (fd < 0)
        return false;
    mode_t mask = umask(077);
    bool bound = bind(fd, (struct sockaddr *)&address, sizeof address) == 0;
    int error = errno;
    umask(mask);
    if (bound && listen(fd, STATUS_CLIENTS) == 0) {
        status->fd = fd;
        snprintf(status->path, sizeof status->path, "%s", path);
        return true;
    }
    close(fd);
    errno = error;
    return false;
}

static void show(void *context, int signal)
{
    const struct status_socket *status = context;
    (void)signal;
    status->write(status->context, stdout, false);
    fflush(stdout);
}

bool status_socket_open(struct status_socket *status, struct loop *loop, status_writer *write,
                        void *context, const char *interface, char *error)
{
    char path[STATUS_PATH];

    *status = (struct status_socket){.loop = loop, .write = write, .context = context, .fd = -1};
    for (unsigned i = 0; i < STATUS_CLIENTS; i++)
        status->clients[i].fd = -1;
    socket_path(interface, path);
    int other = connect_to(path);
    if (other >= 0) {
        close(other);
        snprintf(error, ARGUMENT_ERROR, "%s is in use by another chaski; end that one first",
                 interface);
        return false;
    }
    if (errno == ECONNREFUSED)
        unlink(path); /* of one that did not end in order */
    if (!listen_at(status, path)) {
        snprintf(error, ARGUMENT_ERROR, "cannot listen at %s: %s; make that place writable", path,
                 strerror(errno));
        return false;
    }
    if (loop_watch(loop, status->fd, POLLIN, accept_client, status)) {
        loop->on_signal = show;
        loop->signal_context = status;
        return true;
    }
    status_socket_close(status);
    snprintf(error, ARGUMENT_ERROR, "too many file descriptors are watched");
    return false;
}

void status_socket_close(struct status_socket *status)
{
    if (status->fd < 0)
        return;
    for (unsigned i = 0; i < STATUS_CLIENTS; i++)
        if (status->clients[i].fd >= 0)
            end_client(&status->clients[i]);
    loop_unwatch(status->loop, status->fd);
    close(status->fd);
    unlink(status->path);
    status->fd = -1;
}

/* ---- The side that asks -------------------------------------------------------------------- */

/* As connect_to(). Removes the name of a program that was killed: nobody listens there, nor is
 * about to, as one that has just bound it. */
static int ask(const char *path)
{
    struct stat status;
    int fd = connect_to(path);
    int error = errno;

    if (fd < 0 && error == ECONNREFUSED && lstat(path, &status) == 0 && S_ISSOCK(status.st_mode) &&
        time(NULL) - status.st_mtime > SECONDS_TO_LISTEN)
        unlink(path);
    errno = error;
    return fd;
}

static int connect_to_only(char *error)
{
    char pattern[STATUS_PATH];
    glob_t found;
    int fd = -1, running = 0;

    socket_path("*", pattern);
    if (glob(pattern, 0, NULL, &found) == 0) {
        for (size_t i = 0; i < found.gl_pathc; i++) {
            int other = ask(found.gl_pathv[i]);
            if (other < 0)
                continue;
            if (running++ == 0)
                fd = other;
            else
                close(other);
        }
        globfree(&found);
    }
    if (running == 1)
        return fd;
    if (running != 0)
        close(fd);
    snprintf(error, ARGUMENT_ERROR, "%s",
             running == 0 ? "no chaski services of this user is running; start one"
                          : "several are running; name one with --link KIND:NAME");
    return -1;
}

int status_socket_connect(const char *interface, char *error)
{
    char path[STATUS_PATH];

    if (interface == NULL)
        return connect_to_only(error);
    socket_path(interface, path);
    int fd = ask(path);
    if (fd < 0)
        snprintf(error, ARGUMENT_ERROR,
                 "no chaski services of this user is running on %s; start one", interface);
    return fd;
}
