/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TESTS_SCRIPT_BUILD_H
#define CHASKI_TESTS_SCRIPT_BUILD_H

#include "tests/script/language/grammar.h"

/* What the rules of grammar.y do. A builder that returns a pointer or a bool says NULL or false
 * when something is wrong, and has told what by build_error(). */

/* Only the first one counts. */
void build_error(struct script *script, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Puts the line before what build_error() was told. */
void build_error_line(struct script *script, int line);

void build_option(struct script *script, const char *text, int line);
struct event *build_event(struct script *script, enum event_kind kind, struct event_time time,
                          int line);
void build_add(struct script *script, struct event *event);

struct event_time build_time(enum time_kind kind, int64_t from_ns, int64_t to_ns);
struct event_time build_waits(struct event_time time);

/* ---- Packets ---- */

struct packet *build_whole(struct packet *packet, int64_t inbound, struct ip_part ip);
bool build_ip_word(struct script *script, struct ip_part *ip, const char *word);
bool build_ip_number(struct script *script, struct ip_part *ip, const char *word, int64_t number);
/* Completes `packet`. */
struct packet *build_tcp(struct script *script, const char *flags, struct range range,
                         struct packet *packet);
/* -1: not said. */
void build_fields(struct packet *packet, int64_t ack, int64_t window, int64_t urgent);
const char *build_digits(struct script *script, int64_t number);
/* Which bytes of the stack's an ICMP error is about. */
void build_quote(struct packet *packet, uint32_t sequence, uint32_t length);
/* `code` NULL: it is 0. */
void build_icmp(const struct script *script, struct packet *packet, const char *type,
                const char *code);

struct tcp_option *build_tcp_option(struct script *script, enum option_kind kind, uint32_t value);
/* Appends an option that only carries two numbers, for the two below. */
struct option_list build_pair(struct script *script, struct option_list list, int64_t first,
                              int64_t second);
struct tcp_option *build_sack(struct script *script, const struct tcp_option *pairs);
struct tcp_option *build_accecn(struct script *script, const struct tcp_option *pairs);
/* `text`: hexadecimal, the name of a definition that is, or "...". */
struct tcp_option *build_bytes(struct script *script, uint8_t kind, const char *text);
struct tcp_option *build_fast_open_experiment(struct script *script, const char *text);

/* ---- Arguments ---- */

struct value *build_value(struct script *script, enum value_kind kind);
struct value *build_number(struct script *script, int64_t number);
/* A number when the name stands for one, by a definition or in tests/script/names.h. */
struct value *build_name(struct script *script, const char *name);
/* `right` NULL: only makes sure that the left one is a number. */
struct value *build_or(struct script *script, const struct value *left, const struct value *right);
struct field *build_field(struct script *script, const char *name, struct value *count,
                          struct value *value);
struct field *build_counted(struct script *script, const char *name, const struct field *count,
                            struct value *value);

#endif
