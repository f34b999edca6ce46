/* SPDX-License-Identifier: BSD-2-Clause */
/* Packet scripts: what the words of lexer.l make together. Builds struct script. */

%define api.pure full
%define api.prefix {script_}
%define parse.error detailed
%define parse.lac full
%locations
%lex-param {void *scanner}
%parse-param {void *scanner} {struct script *script}

%code requires {
#include "tests/script/language/script.h"

struct range {
    uint32_t first, last, length;
};

struct field_list {
    struct field *first, *last;
};

struct text_bytes {
    const char *bytes;
    size_t length;
};

struct option_list {
    struct tcp_option *first, *last;
    bool any;
};
}

%code {
#include "tests/script/language/build.h"

int script_lex(SCRIPT_STYPE *value, SCRIPT_LTYPE *location, void *scanner);
static void script_error(const SCRIPT_LTYPE *location, void *scanner, struct script *script,
                         const char *message);

/* In a rule: gives up when a builder found something wrong; it has said what. */
#define NEED(what) \
    do { \
        if (!(what)) { \
            build_error_line(script, yylloc.first_line); \
            YYABORT; \
        } \
    } while (0)
}

%union {
    int64_t number;
    const char *text;
    struct text_bytes bytes;
    struct range range;
    struct event_time time;
    struct event *event;
    struct packet *packet;
    struct ip_part ip;
    struct tcp_option *option;
    struct option_list options;
    struct system_call *call;
    struct value *value;
    struct field *field;
    struct field_list fields;
}

%token <text> OPTION "option" SHELL "shell command" CODE "assertion" NAME "name"
%token <bytes> STRING "string"
%token <text> ERROR_NAME "error" FLAGS "flags" BYTES_TEXT "bytes"
%token <number> INTEGER "number" FRACTION "time" KIND "kind"
%token <range> RANGE "sequence range"
%token IN "<" OUT ">" OPEN "..." NULL_POINTER "NULL" STRAY "stray character"
%token ICMP "icmp" UDP "udp" ACK "ack" WIN "win" URG "urg" MTU "mtu" ID "id" SEQ "seq"
%token MSS "mss" WSCALE "wscale" SACK_OK "sackOK" SACK "sack" NOP "nop" EOL "eol" TS "TS"
%token VAL "val" ECR "ecr" ECN "ECN" E0B "e0b" E1B "e1b" CEB "ceb" UTO "uto" FO "FO"
%token FOEXP "FOEXP" EXPERIMENT "exp" MD5 "md5" AO "ao"

%type <time> time
%type <number> span
%type <event> event
%type <packet> packet tcp icmp udp icmp_quote
%type <ip> ip_part ip_items
%type <text> flags failure
%type <options> options sack_blocks counters
%type <option> option
%type <number> direction counter
%type <call> call
%type <value> value number_value atom result
%type <field> field
%type <fields> fields opt_fields

%%

script: %empty | script item;

item: OPTION { build_option(script, $1, @1.first_line); }
    | event { build_add(script, $1); };

event: time packet { $$ = build_event(script, EVENT_PACKET, $1, @1.first_line); $$->packet = $2; }
    | time call { $$ = build_event(script, EVENT_CALL, $1, @1.first_line); $$->call = $2; }
    | time CODE { $$ = build_event(script, EVENT_CODE, $1, @1.first_line); $$->text = $2; }
    | time SHELL { $$ = build_event(script, EVENT_SHELL, $1, @1.first_line); $$->text = $2; }
    | CODE { $$ = build_event(script, EVENT_CODE, build_time(TIME_RELATIVE, 0, 0), @1.first_line);
             $$->text = $1; }
    | SHELL { $$ = build_event(script, EVENT_SHELL, build_time(TIME_RELATIVE, 0, 0),
                               @1.first_line);
              $$->text = $1; };

time: span { $$ = build_time(TIME_ABSOLUTE, $1, $1); }
    | '+' span { $$ = build_time(TIME_RELATIVE, $2, $2); }
    | '*' { $$ = build_time(TIME_ANY, 0, INT64_MAX); }
    | span '~' span { $$ = build_time(TIME_ABSOLUTE, $1, $3); }
    | '+' span '~' opt_plus span { $$ = build_time(TIME_RELATIVE, $2, $5); }
    | span OPEN span { $$ = build_waits(build_time(TIME_ABSOLUTE, $1, $3)); }
    | '+' span OPEN opt_plus span { $$ = build_waits(build_time(TIME_RELATIVE, $2, $5)); };

opt_plus: %empty | '+';

span: INTEGER { $$ = $1 * 1000000000; } | FRACTION;

/* ---- Packets ---- */

packet: direction ip_part tcp { $$ = build_whole($3, $1, $2); }
    | direction ip_part icmp { $$ = build_whole($3, $1, $2); }
    | direction ip_part udp { $$ = build_whole($3, $1, $2); }
    | direction '[' RANGE ']' icmp {
        $$ = build_whole($5, $1, (struct ip_part){0});
        build_quote($$, $3.first, $3.length); };

direction: IN { $$ = 1; } | OUT { $$ = 0; };

ip_part: %empty { $$ = (struct ip_part){0}; } | '[' ip_items ']' { $$ = $2; };

ip_items: %empty { $$ = (struct ip_part){0}; }
    | ip_items NAME { $$ = $1; NEED(build_ip_word(script, &$$, $2)); }
    | ip_items NAME INTEGER { $$ = $1; NEED(build_ip_number(script, &$$, $2, $3)); }
    | ip_items ',';

tcp: flags RANGE opt_ack_part {
        NEED($$ = build_tcp(script, $1, $2, $<packet>3)); };

opt_ack_part: opt_ack opt_win opt_urg opt_options {
        $<packet>$ = arena_take(&script->arena, sizeof(struct packet));
        build_fields($<packet>$, $<number>1, $<number>2, $<number>3);
        $<packet>$->options = $<options>4.first;
        $<packet>$->any_options = $<options>4.any; };

flags: FLAGS | INTEGER { $$ = build_digits(script, $1); };

opt_ack: %empty { $<number>$ = -1; } | ACK INTEGER { $<number>$ = $2; };
opt_win: %empty { $<number>$ = -1; } | WIN INTEGER { $<number>$ = $2; };
opt_urg: %empty { $<number>$ = -1; } | URG INTEGER { $<number>$ = $2; };

opt_options: %empty { $<options>$ = (struct option_list){0}; }
    | '<' '>' { $<options>$ = (struct option_list){0}; }
    | '<' OPEN '>' { $<options>$ = (struct option_list){.any = true}; }
    | '<' options '>' { $<options>$ = $2; };

options: option { $$ = (struct option_list){$1, $1, false}; }
    | options ',' option { $$ = $1; $$.last->next = $3; $$.last = $3; };

option: MSS INTEGER { $$ = build_tcp_option(script, OPTION_MSS, (uint32_t)$2); }
    | WSCALE INTEGER { $$ = build_tcp_option(script, OPTION_WSCALE, (uint32_t)$2); }
    | SACK_OK { $$ = build_tcp_option(script, OPTION_SACK_OK, 0); }
    | NOP { $$ = build_tcp_option(script, OPTION_NOP, 0); }
    | EOL { $$ = build_tcp_option(script, OPTION_EOL, 0); }
    | TS VAL INTEGER ECR INTEGER {
        $$ = build_tcp_option(script, OPTION_TIMESTAMP, (uint32_t)$3);
        $$->echo = (uint32_t)$5; }
    | SACK sack_blocks { NEED($$ = build_sack(script, $2.first)); }
    | ECN counters { NEED($$ = build_accecn(script, $2.first)); }
    | UTO INTEGER { $$ = build_tcp_option(script, OPTION_USER_TIMEOUT, (uint32_t)$2); }
    | FO opt_bytes { NEED($$ = build_bytes(script, OPTION_FAST_OPEN, $<text>2)); }
    | FOEXP opt_bytes { NEED($$ = build_fast_open_experiment(script, $<text>2)); }
    | EXPERIMENT opt_bytes { NEED($$ = build_bytes(script, OPTION_EXPERIMENT, $<text>2)); }
    | MD5 opt_bytes { NEED($$ = build_bytes(script, OPTION_MD5, $<text>2)); }
    | AO opt_bytes { NEED($$ = build_bytes(script, OPTION_AO, $<text>2)); }
    | KIND opt_bytes { NEED($$ = build_bytes(script, (uint8_t)$1, $<text>2)); };

opt_bytes: %empty { $<text>$ = ""; } | BYTES_TEXT { $<text>$ = $1; }
    | OPEN { $<text>$ = "..."; };

/* Blocks and counters travel in options of their own until build_sack() and _accecn(). */
sack_blocks: INTEGER ':' INTEGER { $$ = build_pair(script, (struct option_list){0}, $1, $3); }
    | sack_blocks INTEGER ':' INTEGER { $$ = build_pair(script, $1, $2, $4); };

counters: %empty { $$ = (struct option_list){0}; }
    | counters counter INTEGER { $$ = build_pair(script, $1, $2, $3); };

counter: E0B { $$ = 0; } | CEB { $$ = 1; } | E1B { $$ = 2; };

icmp: ICMP NAME opt_code opt_echo opt_mtu icmp_quote {
        $$ = $6;
        build_icmp(script, $$, $2, $<text>3);
        $$->icmp.identifier = (uint16_t)($<number>4 >> 16);
        $$->icmp.sequence = (uint16_t)$<number>4;
        $$->icmp.has_mtu = $<number>5 >= 0;
        $$->icmp.mtu = (uint32_t)($<number>5 < 0 ? 0 : $<number>5); };

opt_code: %empty { $<text>$ = NULL; } | NAME { $<text>$ = $1; };
opt_echo: %empty { $<number>$ = 0; } | ID INTEGER SEQ INTEGER { $<number>$ = $2 << 16 | $4; };
opt_mtu: %empty { $<number>$ = -1; } | MTU INTEGER { $<number>$ = $2; };

icmp_quote: %empty { $$ = arena_take(&script->arena, sizeof *$$); }
    | '[' RANGE ']' {
        $$ = arena_take(&script->arena, sizeof *$$);
        build_quote($$, $2.first, $2.length); };

udp: UDP '(' INTEGER ')' {
        $$ = arena_take(&script->arena, sizeof *$$);
        $$->kind = PACKET_UDP;
        $$->length = (uint32_t)$3; };

/* ---- System calls ---- */

call: NAME '(' opt_fields ')' '=' result failure {
        $$ = arena_take(&script->arena, sizeof *$$);
        *$$ = (struct system_call){$1, $3.first, $6, $7}; };

result: number_value | OPEN { $$ = build_value(script, VALUE_OPEN); };

failure: %empty { $$ = NULL; } | ERROR_NAME | NAME | '(' names ')' { $$ = NULL; };

names: NAME | names NAME { (void)$2; };

opt_fields: %empty { $$ = (struct field_list){0}; } | fields;

fields: field { $$ = (struct field_list){$1, $1}; }
    | fields ',' field { $$ = $1; $$.last->next = $3; $$.last = $3; };

field: value { $$ = build_field(script, NULL, NULL, $1); }
    | NAME '=' value { $$ = build_field(script, $1, NULL, $3); }
    | NAME '(' opt_fields ')' '=' value { $$ = build_counted(script, $1, $3.first, $6); };

value: number_value
    | OPEN { $$ = build_value(script, VALUE_OPEN); }
    | NULL_POINTER { $$ = build_value(script, VALUE_NULL); }
    | STRING { 
        $$ = build_value(script, VALUE_STRING);
        $$->text = $1.bytes;
        $$->number = (int64_t)$1.length; }
    | '[' opt_fields ']' { $$ = build_value(script, VALUE_LIST); $$->items = $2.first; }
    | '{' opt_fields '}' { $$ = build_value(script, VALUE_STRUCT); $$->items = $2.first; }
    | NAME '(' opt_fields ')' {
        $$ = build_value(script, VALUE_CALL); $$->text = $1; $$->items = $3.first; };

number_value: atom | number_value '|' atom { NEED($$ = build_or(script, $1, $3)); };

atom: INTEGER { $$ = build_number(script, $1); }
    | '-' INTEGER { $$ = build_number(script, -$2); }
    | '~' INTEGER { $$ = build_number(script, ~$2); }
    | FRACTION { $$ = build_number(script, $1); }
    | NAME { $$ = build_name(script, $1); }
    | '~' NAME {
        $$ = build_name(script, $2); NEED($$ = build_or(script, $$, NULL)); $$->number = ~$$->number; };

%%

static void script_error(const SCRIPT_LTYPE *location, void *scanner, struct script *script,
                         const char *message)
{
    (void)scanner;
    build_error(script, "%s", message);
    build_error_line(script, location->first_line);
}
