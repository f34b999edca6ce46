/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TESTS_UNIT_NAMESPACE_H
#define CHASKI_TESTS_UNIT_NAMESPACE_H

#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

/* A namespace in which we are root and may make interfaces, without the kernel's own frames of
 * IPv6. False: none can be made. */
static inline bool namespace_enter(void)
{
    if (unshare(CLONE_NEWNET) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
        return false;
    int fd = open("/proc/sys/net/ipv6/conf/default/disable_ipv6", O_WRONLY);
    if (fd >= 0) {
        if (write(fd, "1", 1) != 1)
            print_message("IPv6 stays on\n");
        close(fd);
    }
    return true;
}

#endif
