/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_SOCKETS_PIPE_H
#define CHASKI_SOCKETS_PIPE_H

#include "sockets/internal.h"

/* F_GETPIPE_SZ and F_SETPIPE_SZ. -EBADF: it is no pipe. */
int pipe_size(struct file *file, bool set, intptr_t size);

/* A file of the operating system, which it closes; NULL without memory. */
struct file *system_file_new(struct sockets *s, int number);

#endif
