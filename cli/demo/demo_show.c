/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/demo/demo.h"
#include "cli/http/http_get.h"

static const char message[] = "handed over at every station";

static struct chaski_endpoint server_port(uint16_t port)
{
    return (struct chaski_endpoint){.address = memory_pair_address(SERVER), .port = port};
}

/* ---- Ping ---------------------------------------------------------------------------------- */

enum { PINGS = 4, PING_ID = 1, PING_BYTES = 56 };

struct ping {
    uint64_t sent_ns;
    uint16_t sequence;
    bool answered; /* the present one */
    unsigned good;
    char data[PING_BYTES];
};

static void on_reply(void *context, struct chaski *host, const struct chaski_address *from,
                     uint16_t sequence, uint8_t ttl, const void *bytes, size_t length, int error)
{
    struct ping *ping = context;
    double ms = (double)(system_now() - ping->sent_ns) / 1e6;
    char text[CHASKI_ADDRESS_TEXT];

    (void)host;
    if (sequence != ping->sequence || error < 0 || length != PING_BYTES ||
        memcmp(bytes, ping->data, length) != 0)
        return;
    printf("  %zu bytes from %s: icmp_seq=%u ttl=%u time=%.3f ms\n", length + 8,
           chaski_address_text(from, text), sequence, ttl, ms);
    ping->good++;
    ping->answered = true;
}

static void show_ping(struct demo *demo)
{
    struct ping ping = {.good = 0};
    struct chaski *host = demo->pair.side[CLIENT].host;
    struct chaski_address to = memory_pair_address(SERVER);

    demo_title("ping");
    for (size_t i = 0; i < sizeof ping.data; i++)
        ping.data[i] = (char)i;
    if (chaski_ping_on(host, PING_ID, on_reply, &ping) == 0)
        for (uint16_t i = 1; i <= PINGS; i++) {
            ping.sequence = i;
            ping.answered = false;
            ping.sent_ns = system_now();
            chaski_ping(host, &to, PING_ID, i, ping.data, sizeof ping.data);
            demo_wait(demo, &ping.answered);
        }
    chaski_ping_on(host, PING_ID, NULL, NULL);
    demo_verdict(demo, ping.good == PINGS, "%u of %d answered", ping.good, PINGS);
}

/* ---- HTTP ---------------------------------------------------------------------------------- */

struct download {
    struct http_get get;
    uint64_t checksum;
    size_t kept;     /* bytes of the content's beginning */
    char page[4096]; /* them */
};

static void on_content(void *context, const char *bytes, size_t length)
{
    struct download *download = context;
    size_t room = sizeof download->page - 1 - download->kept;
    size_t keep = length < room ? length : room;

    download->checksum = demo_checksum(download->checksum, bytes, length);
    memcpy(download->page + download->kept, bytes, keep);
    download->kept += keep;
}

static void on_end(void *context)
{
    (void)context;
}

/* Fetches the path; false when that fails, which is said. */
static bool fetch(struct demo *demo, struct download *download, const char *path)
{
    struct http_get *get = &download->get;

    memset(download, 0, sizeof *download);
    download->checksum = DEMO_CHECKSUM_START;
    get->host = demo->pair.side[CLIENT].host;
    get->content = on_content;
    get->ended = on_end;
    get->context = download;
    get->url.server = server_port(DEMO_HTTP_PORT);
    snprintf(get->url.authority, sizeof get->url.authority, "10.0.0.2");
    snprintf(get->url.path, sizeof get->url.path, "%s", path);
    if (http_get_begin(get)) {
        demo_wait(demo, &get->over);
        http_get_fail(get, "no complete answer in time");
        http_get_close(get);
    }
    if (!get->good)
        demo_verdict(demo, false, "GET %s: %s", path, get->error);
    return get->good;
}

static void show_large(struct demo *demo, const struct demo_files *files)
{
    static struct download download;
    uint64_t began = system_now();

    demo_title("HTTP: a large file and a directory page from a temporary directory");
    if (!fetch(demo, &download, "/" DEMO_LARGE))
        return;
    double seconds = (double)(system_now() - began) / 1e9;
    bool same =
        download.get.received == files->large_length && download.checksum == files->large_checksum;
    if (same)
        demo_verdict(demo, true,
                     DEMO_LARGE ": %" PRIu64 " bytes in %.2f s, FNV-1a %016" PRIx64 " at both ends",
                     download.get.received, seconds, download.checksum);
    else
        demo_verdict(demo, false,
                     DEMO_LARGE ": %" PRIu64 " bytes, FNV-1a %016" PRIx64 " instead of %zu bytes, "
                                "%016" PRIx64,
                     download.get.received, download.checksum, files->large_length,
                     files->large_checksum);
}

static void show_page(struct demo *demo)
{
    static struct download download;
    char *rest;

    if (!fetch(demo, &download, "/"))
        return;
    bool good =
        strstr(download.page, DEMO_LARGE) != NULL && strstr(download.page, DEMO_SMALL) != NULL;
    for (char *line = strtok_r(download.page, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest))
        printf("  %s\n", line);
    demo_verdict(demo, good, "the page names the files");
}

/* ---- Echo ---------------------------------------------------------------------------------- */

/* What has come back. */
struct echo {
    char back[2 * sizeof message];
    size_t length;
    bool over;
};

static bool is_message(const struct echo *echo)
{
    return echo->over && echo->length == strlen(message) &&
           memcmp(echo->back, message, echo->length) == 0;
}

/* Says it, ends its direction, and reads to the end of the other. */
static void on_echo_tcp(void *context, struct chaski *host, chaski_tcp connection, unsigned events)
{
    struct echo *echo = context;
    long got = CHASKI_AGAIN;

    if ((events & CHASKI_CONNECTED) != 0) {
        chaski_tcp_write(host, connection, message, strlen(message));
        chaski_tcp_shutdown(host, connection);
    }
    while (echo->length < sizeof echo->back &&
           (got = chaski_tcp_read(host, connection, echo->back + echo->length,
                                  sizeof echo->back - echo->length)) > 0)
        echo->length += (size_t)got;
    if (got != CHASKI_AGAIN || echo->length == sizeof echo->back)
        echo->over = true;
}

static void show_echo_tcp(struct demo *demo)
{
    struct echo echo = {.length = 0};
    struct chaski *host = demo->pair.side[CLIENT].host;
    struct chaski_tcp_connect connect = {
        .remote = server_port(DEMO_ECHO_PORT), .receive = on_echo_tcp, .context = &echo};
    chaski_tcp connection;
    int status = chaski_tcp_connect(host, &connect, &connection);

    if (status == 0) {
        demo_wait(demo, &echo.over);
        chaski_tcp_close(host, connection);
    }
    demo_verdict(demo, is_message(&echo), "TCP echo: '%.*s'", (int)echo.length, echo.back);
}

static void on_echo_udp(void *context, struct chaski *host, chaski_udp socket,
                        const struct chaski_endpoint *local, const struct chaski_endpoint *remote,
                        const void *bytes, size_t length)
{
    struct echo *echo = context;

    (void)host;
    (void)socket;
    (void)local;
    (void)remote;
    echo->length = length < sizeof echo->back ? length : sizeof echo->back;
    memcpy(echo->back, bytes, echo->length);
    echo->over = true;
}

static void show_echo_udp(struct demo *demo)
{
    struct echo echo = {.length = 0};
    struct chaski *host = demo->pair.side[CLIENT].host;
    struct chaski_udp_bind bind = {
        .remote = server_port(DEMO_ECHO_PORT), .receive = on_echo_udp, .context = &echo};
    chaski_udp socket;
    int status = chaski_udp_bind(host, &bind, &socket);

    if (status == 0) {
        if (chaski_udp_send(host, socket, NULL, message, strlen(message)) >= 0)
            demo_wait(demo, &echo.over);
        chaski_udp_close(host, socket);
    }
    demo_verdict(demo, is_message(&echo), "UDP echo: '%.*s'", (int)echo.length, echo.back);
}

void demo_show(struct demo *demo, const struct demo_files *files)
{
    show_ping(demo);
    show_large(demo, files);
    show_page(demo);
    demo_title("echo over TCP and UDP");
    show_echo_tcp(demo);
    show_echo_udp(demo);
}
