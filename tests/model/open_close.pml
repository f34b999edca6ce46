/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two ends open, close and reset a connection over a network that loses segments, though not for ever
 * (RFC 9293, 3.5, 3.6 and 3.10.7): from either side, both at once, and in every order. No text:
 * SYN and FIN take one sequence number each.
 *
 * Safety: who has seen the connection end in
 * order has seen the other's FIN, and has had its own acknowledged. Liveness: all ends come to CLOSED.
 * A time-out fires when nothing else can happen, and of two ends that wait the one that has tried
 * less often is first. After so many tries an end gives up, with a reset.
 *
 * With -DABORT applications may abort at any time. Mistakes that spin must find: -DNO_REPEAT (nothing is
 * sent again), -DNO_WAIT (TIME-WAIT answers nothing), -DNO_CROSSING (a SYN in SYN-SENT is ignored),
 * -DHASTY (nobody waits for the last acknowledgement), -DNO_RESET (nobody knows what to do with a
 * reset).
 */
#define LOSSES 2

mtype = { CLOSED, LISTEN, SYN_SENT, SYN_RECEIVED, ESTABLISHED, FIN_WAIT_1, FIN_WAIT_2, CLOSE_WAIT,
          CLOSING, LAST_ACK, TIME_WAIT }

/* seq and ack count from the SYN: SYN 0, FIN 1. */
chan wire[2] = [3] of { bool, bool, bool, bool, byte, byte } /* syn, ack, fin, rst, seq, ackn */

mtype state[2] = CLOSED
bool over[2], in_order[2], opening[2], fin_seen[2], fin_acked[2]
byte una[2], nxt[2], rcv[2], tries[2]
byte losses

inline send(me, syn, ack, fin, rst, seq) {
    if
    :: full(wire[1 - me]) -> skip
    :: nfull(wire[1 - me]) && losses < LOSSES -> losses++
    :: nfull(wire[1 - me]) -> wire[1 - me]!syn, ack, fin, rst, seq, (ack -> rcv[me] : 0)
    fi
}

inline acknowledge(me) {
    send(me, false, true, false, false, nxt[me])
}

inline finish(me) {
    state[me] = CLOSED;
    over[me] = true
}

inline repeat(me) {
    if
    :: state[me] == SYN_SENT -> send(me, true, false, false, false, 0)
    :: state[me] == SYN_RECEIVED -> send(me, true, true, false, false, 0)
    :: state[me] == FIN_WAIT_1 || state[me] == CLOSING || state[me] == LAST_ACK ->
        send(me, false, true, true, false, 1)
    :: else
    fi
}

inline take_ack(me, a) {
    if :: a > una[me] && a <= nxt[me] -> una[me] = a :: else fi;
    if
    :: una[me] >= 1 && state[me] == SYN_RECEIVED -> state[me] = ESTABLISHED
    :: una[me] == 2 && state[me] == FIN_WAIT_1 -> state[me] = FIN_WAIT_2; fin_acked[me] = true
    :: una[me] == 2 && state[me] == CLOSING -> state[me] = TIME_WAIT; fin_acked[me] = true
    :: una[me] == 2 && state[me] == LAST_ACK ->
        fin_acked[me] = true;
        in_order[me] = true;
        finish(me)
    :: else
    fi
}

inline take_fin(me) {
    rcv[me] = 2;
    fin_seen[me] = true;
    if
    :: state[me] == ESTABLISHED -> state[me] = CLOSE_WAIT
    :: state[me] == FIN_WAIT_1 -> state[me] = CLOSING
    :: state[me] == FIN_WAIT_2 -> state[me] = TIME_WAIT
    :: else
    fi
}

/* RFC 9293, 3.10.7.1: nobody is there. */
inline refuse(me, ack, rst, a) {
    if
    :: rst || full(wire[1 - me])
    :: !rst && nfull(wire[1 - me]) && ack -> wire[1 - me]!false, false, false, true, a, 0
    :: !rst && nfull(wire[1 - me]) && !ack -> wire[1 - me]!false, true, false, true, 0, 1
    fi
}

/* RFC 9293, 3.10.7.3. */
inline in_syn_sent(me, syn, ack, rst, a) {
    if
    :: ack && a != 1 -> refuse(me, ack, rst, a)
    :: rst && ack && a == 1 -> finish(me)
    :: !rst && syn && ack && a == 1 ->
        rcv[me] = 1;
        una[me] = 1;
        state[me] = ESTABLISHED;
        acknowledge(me)
#ifndef NO_CROSSING
    :: !rst && syn && !ack ->
        rcv[me] = 1;
        state[me] = SYN_RECEIVED;
        send(me, true, true, false, false, 0)
#endif
    :: else
    fi
}

/* RFC 9293, 3.10.7.4. */
inline in_synchronised(me, syn, ack, fin, rst, s, a) {
    if
#ifndef NO_RESET
    :: rst && s == rcv[me] -> finish(me)
#endif
    :: rst && s < rcv[me]
    :: rst && s > rcv[me] -> acknowledge(me) /* RFC 5961, 3.2 */
#ifdef NO_WAIT
    :: !rst && state[me] == TIME_WAIT
    :: !rst && state[me] != TIME_WAIT && (syn || s < rcv[me]) ->
#else
    :: !rst && (syn || s < rcv[me]) ->
#endif
        /* Not acceptable, but what it acknowledges is believed when the SYN is a repeated one. */
        if
        :: syn && ack && state[me] == SYN_RECEIVED -> take_ack(me, a)
        :: else
        fi;
        acknowledge(me)
    :: !rst && !syn && ack && s >= rcv[me] ->
        take_ack(me, a);
        if
        :: state[me] != CLOSED && fin && s == rcv[me] ->
            take_fin(me);
            acknowledge(me)
        :: else
        fi
    fi
}

inline receive(me) {
    if
    :: state[me] == CLOSED -> refuse(me, ack, rst, a)
    :: state[me] == LISTEN && rst
    :: state[me] == LISTEN && !rst && ack -> refuse(me, ack, rst, a)
    :: state[me] == LISTEN && !rst && !ack && syn ->
        rcv[me] = 1;
        nxt[me] = 1;
        state[me] = SYN_RECEIVED;
        send(me, true, true, false, false, 0)
    :: state[me] == LISTEN && !rst && !ack && !syn
    :: state[me] == SYN_SENT -> in_syn_sent(me, syn, ack, rst, a)
    :: else -> in_synchronised(me, syn, ack, fin, rst, s, a)
    fi
}

proctype end_of(bit me; bool active_open) {
    bool syn, ack, fin, rst
    byte s, a
end:
    do
    :: atomic { active_open && state[me] == LISTEN && !opening[me] ->
        opening[me] = true;
        nxt[me] = 1;
        state[me] = SYN_SENT;
        send(me, true, false, false, false, 0) }
    :: atomic { wire[me]?syn, ack, fin, rst, s, a ->
        receive(me);
        syn = false; ack = false; fin = false; rst = false; s = 0; a = 0 }
    /* The application closes. */
    :: atomic { state[me] == ESTABLISHED ->
        nxt[me] = 2;
        state[me] = FIN_WAIT_1;
        send(me, false, true, true, false, 1) }
    :: atomic { state[me] == CLOSE_WAIT ->
        nxt[me] = 2;
        state[me] = LAST_ACK;
        send(me, false, true, true, false, 1) }
#ifdef HASTY
    :: atomic { state[me] == LAST_ACK ->
        in_order[me] = true;
        finish(me) }
#endif
#ifdef ABORT
    :: atomic { state[me] == ESTABLISHED || state[me] == FIN_WAIT_1 || state[me] == FIN_WAIT_2 ||
                state[me] == CLOSE_WAIT || state[me] == SYN_RECEIVED ->
        send(me, false, false, false, true, nxt[me]);
        finish(me) }
#endif
#ifndef NO_REPEAT
    :: atomic { timeout && tries[me] < 4 && una[me] < nxt[me] && state[me] != CLOSED &&
                (tries[me] <= tries[1 - me] || una[1 - me] == nxt[1 - me] || over[1 - me]) ->
        tries[me]++;
        repeat(me) }
    :: atomic { timeout && tries[me] == 4 && una[me] < nxt[me] && state[me] != CLOSED ->
        send(me, false, false, false, true, nxt[me]);
        finish(me) }
#endif
    /* Two lifetimes of a segment: nothing is under way any more, and the other has its answer. */
    :: atomic { timeout && state[me] == TIME_WAIT && (una[1 - me] == nxt[1 - me] || over[1 - me]) ->
        in_order[me] = true;
        finish(me) }
    /* Keep-alive: who waits for one that is gone asks, and is told. */
    :: atomic { timeout && over[1 - me] && una[me] == nxt[me] &&
                (state[me] == ESTABLISHED || state[me] == FIN_WAIT_2) ->
        acknowledge(me) }
    :: atomic { timeout && state[me] == LISTEN && over[1 - me] -> finish(me) }
    od
}

init {
    atomic {
        state[0] = LISTEN;
        state[1] = LISTEN;
        run end_of(0, true);
        if
        :: run end_of(1, true)
        :: run end_of(1, false)
        fi
    }
}

#define both_over (over[0] && over[1])
ltl ends { <> both_over }
ltl orderly { [] ((in_order[0] -> fin_seen[0] && fin_acked[0]) &&
                  (in_order[1] -> fin_seen[1] && fin_acked[1])) }
/* The network loses twice at most, and four tries outlast that: nobody is let down. */
ltl gently { <> (in_order[0] && in_order[1]) }
