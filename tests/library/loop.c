/* SPDX-License-Identifier: BSD-2-Clause */
#include <chaski/loop.h>

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

/* The loop's public calls. TAP devices are in a network namespace of the test's own. */

enum { MS = 1000000, WATCHES = 64 };

static struct chaski_loop *loop;
static struct chaski_limits limits;
static int calls;

static int set_up(void **state)
{
    (void)state;
    chaski_limits_for(&limits, 4 << 20, 4);
    limits.interfaces = 1;
    loop = chaski_loop_create(&limits);
    calls = 0;
    alarm(20); /* ends what does not end */
    return loop != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    alarm(0);
    return chaski_loop_free(loop) ? 0 : -1;
}

/* ---- Anywhere ---- */

static void puts_up_with_a_loop_that_could_not_be_made(void **state)
{
    (void)state;
    struct chaski_tap tap = {.name = "chaski0"};
    limits.large_buffers = UINT32_MAX; /* 128 TiB */
    limits.small_buffers = UINT32_MAX;
    struct chaski_loop *none = chaski_loop_create(&limits);
    assert_null(none);
    assert_null(chaski_loop_host(none));
    assert_int_equal(chaski_loop_tap(none, &tap), CHASKI_NO_MEMORY);
    assert_string_equal(chaski_loop_error(none), "the system has not enough memory for the host");
    assert_true(chaski_loop_free(none));
}

static void says_what_is_wrong_with_a_link(void **state)
{
    (void)state;
    struct chaski_tap tap = {.name = "much too long a name"};
    assert_string_equal(chaski_loop_error(loop), "");
    assert_int_equal(chaski_loop_tap(loop, &tap), CHASKI_INVALID);
    assert_non_null(strstr(chaski_loop_error(loop), "tap:much too long a name: "));
}

static void read_byte(void *context, int fd, short events)
{
    char byte;
    assert_int_equal(events, POLLIN);
    assert_int_equal(read(fd, &byte, 1), 1);
    calls++;
    if (byte == '!')
        chaski_loop_stop(context);
}

static void watches_descriptors(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(chaski_loop_watch(loop, ends[0], POLLIN, read_byte, loop), 0);
    assert_int_equal(write(ends[1], "ab!c", 4), 4);
    assert_int_equal(chaski_loop_run(loop), 0);
    assert_int_equal(calls, 3);
    chaski_loop_unwatch(loop, ends[0]);
    for (int i = 0; i < 3; i++) {
        usleep(2000); /* without waiting, descriptors are looked at once a millisecond */
        assert_int_equal(chaski_loop_turn(loop, false), 0);
    }
    assert_int_equal(calls, 3);
    close(ends[0]);
    close(ends[1]);
}

static void watches_are_limited(void **state)
{
    (void)state;
    int ends[2], fds[WATCHES + 1];
    assert_int_equal(pipe(ends), 0);
    for (int i = 0; i <= WATCHES; i++) {
        fds[i] = dup(ends[0]);
        assert_true(fds[i] >= 0);
    }
    for (int i = 0; i < WATCHES; i++)
        assert_int_equal(chaski_loop_watch(loop, fds[i], POLLIN, read_byte, NULL), 0);
    assert_int_equal(chaski_loop_watch(loop, fds[WATCHES], POLLIN, read_byte, NULL),
                     CHASKI_NO_MEMORY);
    assert_string_equal(chaski_loop_error(loop), "a loop watches at most 64 descriptors");
    chaski_loop_unwatch(loop, fds[7]);
    assert_int_equal(chaski_loop_watch(loop, fds[WATCHES], POLLIN, read_byte, NULL), 0);
    for (int i = 0; i <= WATCHES; i++)
        close(fds[i]);
    close(ends[0]);
    close(ends[1]);
}

static void refuses_what_cannot_be_watched(void **state)
{
    (void)state;
    int ends[2], file = open("/proc/self/exe", O_RDONLY);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(chaski_loop_watch(loop, -1, POLLIN, read_byte, NULL), CHASKI_INVALID);
    assert_int_equal(chaski_loop_watch(loop, ends[0], POLLIN, NULL, NULL), CHASKI_INVALID);
    assert_int_equal(chaski_loop_watch(loop, file, POLLIN, read_byte, NULL), CHASKI_INVALID);
    assert_non_null(strstr(chaski_loop_error(loop), "cannot be watched: "));
    assert_int_equal(chaski_loop_watch(loop, ends[0], POLLIN, read_byte, NULL), 0);
    assert_int_equal(chaski_loop_watch(loop, ends[0], POLLIN, read_byte, NULL), CHASKI_IN_USE);
    chaski_loop_unwatch(loop, ends[0]);
    close(file);
    close(ends[0]);
    close(ends[1]);
}

static bool is_blocked(int number)
{
    sigset_t blocked;
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    return sigismember(&blocked, number) == 1;
}

static void signals_end_it_when_asked_to(void **state)
{
    (void)state;
    assert_int_equal(chaski_loop_signals(loop), 0);
    assert_int_equal(chaski_loop_signals(loop), 0); /* harmless */
    assert_true(is_blocked(SIGINT) && is_blocked(SIGTERM));
    assert_false(is_blocked(SIGUSR1));
    raise(SIGTERM);
    assert_int_equal(chaski_loop_run(loop), SIGTERM);
    raise(SIGINT);
    assert_int_equal(chaski_loop_run(loop), SIGINT);
    chaski_loop_free(loop);
    assert_false(is_blocked(SIGINT) || is_blocked(SIGTERM));
    loop = chaski_loop_create(&limits);
}

static void spins_for_a_while_when_asked_to(void **state)
{
    (void)state;
    chaski_loop_turn(loop, false);
    chaski_loop_busy_poll(loop, UINT64_MAX);
    for (int i = 0; i < 100; i++) /* with nothing to do and no deadline: it would sleep for ever */
        assert_int_equal(chaski_loop_turn(loop, true), 0);
}

/* ---- An interface of one's own ---- */

static struct {
    int fd, interface;
    uint8_t sent[64];
    size_t sent_length;
} own;

static void send_frame(void *context, const struct chaski_piece *pieces, unsigned count)
{
    own.sent_length = 0;
    for (unsigned i = 0; i < count; i++) {
        assert_in_range(own.sent_length + pieces[i].length, 1, sizeof own.sent);
        memcpy(own.sent + own.sent_length, pieces[i].bytes, pieces[i].length);
        own.sent_length += pieces[i].length;
    }
    chaski_loop_stop(context);
}

static void receive_frame(void *context, int fd, short events)
{
    uint8_t frame[64];
    (void)events;
    ssize_t length = read(fd, frame, sizeof frame);
    assert_true(length > 0);
    chaski_input(chaski_loop_host(context), own.interface, frame, (size_t)length,
                 chaski_loop_now(context));
}

static void serves_an_interface_of_ones_own(void **state)
{
    (void)state;
    static const uint8_t request[42] = {
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0,   0, 0, 0, 9, 0x08, 0x06, 0, 1, 8, 0,   6, 4, 0,
        1,    2,    0,    0,    0,    0,    9, 192, 0, 2, 9, 0, 0,    0,    0, 0, 0, 192, 0, 2, 1,
    };
    static const uint8_t reply[42] = {
        2, 0, 0, 0, 0, 9, 2, 0,   0, 0, 0, 1, 0x08, 0x06, 0, 1, 8, 0,   6, 4, 0,
        2, 2, 0, 0, 0, 0, 1, 192, 0, 2, 1, 2, 0,    0,    0, 0, 9, 192, 0, 2, 9,
    };
    struct chaski_interface interface = {
        .mac = {2, 0, 0, 0, 0, 1}, .mtu = 1500, .output = send_frame, .context = loop};
    struct chaski_address address = chaski_ip4(192, 0, 2, 1);
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    own.interface = chaski_interface_add(chaski_loop_host(loop), &interface);
    assert_int_equal(own.interface, 0);
    assert_int_equal(chaski_address_add(chaski_loop_host(loop), 0, &address, 32), 0);
    assert_int_equal(chaski_loop_watch(loop, ends[0], POLLIN, receive_frame, loop), 0);
    assert_int_equal(write(ends[1], request, sizeof request), sizeof request);
    assert_int_equal(chaski_loop_run(loop), 0);
    assert_in_range(own.sent_length, sizeof reply, sizeof own.sent);
    assert_memory_equal(own.sent, reply, sizeof reply);
    close(ends[0]);
    close(ends[1]);
}

/* ---- On a TAP device ---- */

static void makes_and_takes_away_a_device(void **state)
{
    (void)state;
    struct chaski_tap tap = {.name = "chaski7"};
    assert_int_equal(if_nametoindex("chaski7"), 0);
    assert_int_equal(chaski_loop_tap(loop, &tap), 0);
    assert_int_not_equal(if_nametoindex("chaski7"), 0);
    assert_int_equal(chaski_loop_turn(loop, false), 0);
    chaski_loop_free(loop);
    assert_int_equal(if_nametoindex("chaski7"), 0);
    loop = chaski_loop_create(&limits);
}

static void leaves_nothing_of_a_link_that_fails(void **state)
{
    (void)state;
    struct chaski_tap tap = {.name = "chaski7"};
    char path[] = "/tmp/chaski-loop-XXXXXX";
    assert_int_equal(chaski_loop_tap(loop, &tap), 0);

    close(mkstemp(path));
    tap.name = "chaski8";
    tap.capture = path;
    assert_int_equal(chaski_loop_tap(loop, &tap), CHASKI_NO_MEMORY); /* limits.interfaces is 1 */
    assert_non_null(strstr(chaski_loop_error(loop), "tap:chaski8: "));
    assert_int_equal(if_nametoindex("chaski8"), 0);
    assert_int_equal(access(path, F_OK), -1);

    tap.capture = "/nonexistent/file";
    assert_int_equal(chaski_loop_tap(loop, &tap), CHASKI_INVALID);
    assert_non_null(strstr(chaski_loop_error(loop), "/nonexistent/file: "));
    assert_int_equal(if_nametoindex("chaski8"), 0);
}

static void records_what_passes(void **state)
{
    (void)state;
    char path[] = "/tmp/chaski-loop-XXXXXX";
    int fd = mkstemp(path);
    struct chaski_tap tap = {.name = "chaski7", .capture = path};
    assert_int_equal(chaski_loop_tap(loop, &tap), 0);
    assert_true(chaski_loop_free(loop));
    loop = chaski_loop_create(&limits);
    assert_int_equal(lseek(fd, 0, SEEK_END), 24); /* the file's header */
    close(fd);
    unlink(path);
}

static void tells_that_a_capture_is_incomplete(void **state)
{
    (void)state;
    struct chaski_tap tap = {.name = "chaski7", .capture = "/dev/full"};
    assert_int_equal(chaski_loop_tap(loop, &tap), 0);
    errno = 0;
    assert_false(chaski_loop_free(loop));
    assert_int_equal(errno, ENOSPC);
    loop = chaski_loop_create(&limits);
}

static void notices_that_a_device_is_gone(void **state)
{
    (void)state;
    struct chaski_tap tap = {.name = "chaski7"};
    assert_int_equal(chaski_loop_tap(loop, &tap), 0);
    assert_int_equal(system("PATH=$PATH:/usr/sbin ip link del chaski7"), 0);
    assert_int_equal(chaski_loop_run(loop), CHASKI_STALE);
    assert_string_equal(chaski_loop_error(loop), "tap:chaski7: the device is gone");
    assert_int_equal(chaski_loop_turn(loop, true), CHASKI_STALE);
}

/* A namespace in which we are root and may make interfaces; what stands in the way, or NULL. */
static const char *enter_namespace(void)
{
    if (unshare(CLONE_NEWNET) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
        return "no network namespace can be made";
    return access("/dev/net/tun", R_OK | W_OK) == 0 ? NULL : "/dev/net/tun cannot be opened";
}

#define test(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest anywhere[] = {
        test(puts_up_with_a_loop_that_could_not_be_made),
        test(says_what_is_wrong_with_a_link),
        test(watches_descriptors),
        test(watches_are_limited),
        test(refuses_what_cannot_be_watched),
        test(signals_end_it_when_asked_to),
        test(spins_for_a_while_when_asked_to),
        test(serves_an_interface_of_ones_own),
    };
    const struct CMUnitTest in_namespace[] = {
        test(makes_and_takes_away_a_device), test(leaves_nothing_of_a_link_that_fails),
        test(records_what_passes),           test(tells_that_a_capture_is_incomplete),
        test(notices_that_a_device_is_gone),
    };
    int failed = cmocka_run_group_tests(anywhere, NULL, NULL);
    const char *obstacle = enter_namespace();
    if (obstacle == NULL)
        return failed + cmocka_run_group_tests(in_namespace, NULL, NULL);
    print_message("skipped, as %s: the tests on a TAP device\n", obstacle);
    return failed;
}
