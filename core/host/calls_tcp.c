/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/host/layout.h"

/* The public calls of TCP, which are the TCP block's with the host in front. */

int chaski_tcp_bind(struct chaski *host, const struct chaski_tcp_bind *bind,
                    chaski_listener *listener)
{
    return tcp_bind(&host->tcp, bind, listener);
}

int chaski_tcp_unbind(struct chaski *host, chaski_listener listener)
{
    return tcp_unbind(&host->tcp, listener);
}

int chaski_tcp_listener_defer(struct chaski *host, chaski_listener listener, uint8_t count)
{
    return tcp_listener_defer(&host->tcp, listener, count);
}

int chaski_tcp_listener_save_syn(struct chaski *host, chaski_listener listener, uint8_t mode)
{
    return tcp_listener_save_syn(&host->tcp, listener, mode);
}

int chaski_tcp_listener_fast_open(struct chaski *host, chaski_listener listener, uint32_t queue)
{
    return tcp_listener_fast_open(&host->tcp, listener, queue);
}

int chaski_tcp_listener_set(struct chaski *host, chaski_listener listener,
                            enum chaski_tcp_option option, int64_t value)
{
    return tcp_listener_set(&host->tcp, listener, option, value);
}

int chaski_tcp_listener_fast_open_without_cookie(struct chaski *host, chaski_listener listener,
                                                 bool without)
{
    return tcp_listener_fast_open_without_cookie(&host->tcp, listener, without);
}

size_t chaski_tcp_fast_open_room(struct chaski *host, const struct chaski_address *server,
                                 bool without_cookie)
{
    return tcp_fast_open_room(&host->tcp, server, without_cookie);
}

int chaski_tcp_fast_open_keys(struct chaski *host, const void *keys, size_t length)
{
    return fast_open_set_keys(&host->tcp.fast_open_keys, keys, length);
}

int chaski_tcp_listener_fast_open_keys(struct chaski *host, chaski_listener listener,
                                       const void *keys, size_t length)
{
    return tcp_listener_fast_open_keys(&host->tcp, listener, keys, length);
}

long chaski_tcp_saved_syn(struct chaski *host, chaski_tcp connection, void *bytes, size_t length)
{
    return tcp_saved_syn(&host->tcp, connection, bytes, length);
}

int host_tcp_refuse_text(struct chaski *host, chaski_tcp connection)
{
    return tcp_refuse_text(&host->tcp, connection);
}

uint32_t host_tcp_copy(struct chaski *host, chaski_tcp connection, uint32_t over, void *bytes,
                       uint32_t n)
{
    return tcp_copy(&host->tcp, connection, over, bytes, n);
}

void host_scale_windows(struct chaski *host, uint32_t bytes)
{
    host->tcp.knobs.scale_buffer = bytes;
}

bool host_tcp_fin_received(struct chaski *host, chaski_tcp connection)
{
    return tcp_fin_received(&host->tcp, connection);
}

uint32_t host_tcp_unacknowledged(struct chaski *host, chaski_tcp connection)
{
    return tcp_unacknowledged(&host->tcp, connection);
}

bool host_tcp_in_dialogue(struct chaski *host, chaski_tcp connection)
{
    return tcp_answers_soon(&host->tcp, connection);
}

int host_tcp_report(struct chaski *host, chaski_tcp connection, struct congestion_report *report)
{
    return tcp_report(&host->tcp, connection, report);
}

int host_tcp_end_record(struct chaski *host, chaski_tcp connection, bool pushes)
{
    return tcp_end_record(&host->tcp, connection, pushes);
}

uint32_t host_tcp_timestamp(struct chaski *host, chaski_tcp connection)
{
    return tcp_timestamp(&host->tcp, connection);
}

uint64_t host_tcp_arrival(struct chaski *host, chaski_tcp connection, uint32_t n)
{
    return tcp_arrival(&host->tcp, connection, n);
}

int host_tcp_listener_backlog(struct chaski *host, chaski_listener listener, uint32_t backlog)
{
    return tcp_listener_backlog(&host->tcp, listener, backlog);
}

int host_tcp_waiting(const struct chaski *host, chaski_listener listener)
{
    if (listener.index >= host->tcp.listener_limit)
        return CHASKI_STALE;
    const struct tcp_listener *of = &host->tcp.listeners[listener.index];
    bool lives = of->generation == listener.generation && (of->generation & 1);
    return lives ? (int)of->waiting : CHASKI_STALE;
}

int chaski_tcp_accept(struct chaski *host, chaski_listener listener, chaski_tcp *connection)
{
    return tcp_accept(&host->tcp, listener, connection);
}

int chaski_tcp_connect(struct chaski *host, const struct chaski_tcp_connect *connect,
                       chaski_tcp *connection)
{
    return tcp_connect(&host->tcp, connect, connection);
}

int chaski_tcp_on(struct chaski *host, chaski_tcp connection, chaski_tcp_closure *receive,
                  void *context)
{
    return tcp_on(&host->tcp, connection, receive, context);
}

int chaski_tcp_events(struct chaski *host, chaski_tcp connection)
{
    return tcp_events(&host->tcp, connection);
}

long chaski_tcp_read(struct chaski *host, chaski_tcp connection, void *bytes, size_t length)
{
    return tcp_read(&host->tcp, connection, bytes, length);
}

long chaski_tcp_write(struct chaski *host, chaski_tcp connection, const void *bytes, size_t length)
{
    return tcp_write(&host->tcp, connection, bytes, length);
}

void chaski_tcp_prefetch(struct chaski *host, chaski_tcp connection)
{
    tcp_prefetch(&host->tcp, connection);
}

int chaski_tcp_look(struct chaski *host, chaski_tcp connection, struct chaski_piece *pieces,
                    unsigned count)
{
    return tcp_look(&host->tcp, connection, pieces, count);
}

int chaski_tcp_consume(struct chaski *host, chaski_tcp connection, size_t length)
{
    return tcp_consume(&host->tcp, connection, length);
}

int chaski_tcp_hand_over(struct chaski *host, chaski_tcp connection, struct chaski_memory *memory)
{
    return tcp_hand_over(&host->tcp, connection, memory);
}

int chaski_tcp_end_record(struct chaski *host, chaski_tcp connection)
{
    return tcp_end_record(&host->tcp, connection, true);
}

int chaski_tcp_urgent(struct chaski *host, chaski_tcp connection)
{
    return tcp_urgent(&host->tcp, connection);
}

int chaski_tcp_until_mark(struct chaski *host, chaski_tcp connection)
{
    return tcp_until_mark(&host->tcp, connection);
}

int chaski_tcp_shutdown(struct chaski *host, chaski_tcp connection)
{
    return tcp_shutdown(&host->tcp, connection);
}

int chaski_tcp_close(struct chaski *host, chaski_tcp connection)
{
    return tcp_close(&host->tcp, connection);
}

int chaski_tcp_abort(struct chaski *host, chaski_tcp connection)
{
    return tcp_abort(&host->tcp, connection);
}

int chaski_tcp_error(struct chaski *host, chaski_tcp connection)
{
    return tcp_error(&host->tcp, connection);
}

int chaski_tcp_set(struct chaski *host, chaski_tcp connection, enum chaski_tcp_option option,
                   int64_t value)
{
    return tcp_set(&host->tcp, connection, option, value);
}

int chaski_tcp_get(struct chaski *host, chaski_tcp connection, enum chaski_tcp_option option,
                   int64_t *value)
{
    return tcp_get(&host->tcp, connection, option, value);
}

int chaski_tcp_ao_add_key(struct chaski *host, const struct chaski_tcp_ao_key *key)
{
    return tcp_ao_add_key(&host->tcp, key);
}

int chaski_tcp_ao_remove_key(struct chaski *host, const struct chaski_tcp_ao_key *key)
{
    return tcp_ao_remove_key(&host->tcp, key);
}

int chaski_tcp_ao_keys(struct chaski *host, chaski_tcp connection, struct chaski_tcp_ao_key *keys,
                       unsigned most)
{
    return tcp_ao_keys(&host->tcp, connection, keys, most);
}

int chaski_tcp_ao_counts(struct chaski *host, chaski_tcp connection,
                         struct chaski_tcp_ao_counts *counts)
{
    return tcp_ao_counts(&host->tcp, connection, counts);
}

int chaski_tcp_info(struct chaski *host, chaski_tcp connection, struct chaski_tcp_info *info)
{
    return tcp_info(&host->tcp, connection, info);
}

int chaski_tcp_list(struct chaski *host, uint32_t *cursor, struct chaski_tcp_info *info)
{
    return tcp_list(&host->tcp, cursor, info);
}

int chaski_set_knob(struct chaski *host, const char *name, const char *text)
{
    return tcp_knob_set(&host->tcp.knobs, name, text);
}

int chaski_get_knob(const struct chaski *host, const char *name, char *text, size_t size)
{
    return tcp_knob_get(host != NULL ? &host->tcp.knobs : &tcp_default_knobs, name, text, size);
}

int chaski_describe_knob(unsigned number, struct chaski_knob *knob)
{
    return tcp_knob_describe(number, knob) ? 0 : CHASKI_UNKNOWN;
}

int host_tcp_watch(struct chaski *host, chaski_tcp connection, sent_watcher *watcher)
{
    return tcp_watch(&host->tcp, connection, watcher);
}
