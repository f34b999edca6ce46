/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A receiver shuts its window and opens it again while the network loses what it likes, but not
 * for ever (RFC 9293, 3.8.6.1): the sender probes a shut window, so that a lost window update does
 * not stop the two for good; and nobody sends beyond the window that was told.
 *
 * Times are not modelled: a time-out may fire when the network is empty and both ends wait, which is
 * when it matters. With -DNO_PROBE the sender forgets to probe, with -DNO_CHECK it ignores the window,
 * with -DSHRINK the receiver takes back what it told; spin must then find the mistake.
 */
#define TEXT 4   /* segments to be sent */
#define ROOM 2   /* that the receiver has room for */
#define LOSSES 3 /* after which the network loses nothing more */

chan forth = [2] of { byte, bool } /* sequence number, whether it is a probe */
chan back = [2] of { byte, byte }  /* acknowledgement, right edge of the window */

byte una, nxt, edge, told, got, read, losses
bool done

inline lose_or_send_forth(s, p) {
    if
    :: losses < LOSSES -> losses++
    :: true -> forth!s, p
    fi
}

inline lose_or_send_back() {
    told = (got + ROOM - (got - read) > told -> got + ROOM - (got - read) : told);
#ifdef SHRINK
    if
    :: got == read && told > got -> told = told - 1
    :: true
    fi;
#endif
    if
    :: losses < LOSSES -> losses++
    :: true -> back!got, told
    fi
}

active proctype sender() {
    byte a, e
    edge = ROOM;
    told = ROOM;
    do
    :: atomic { back?a, e ->
        assert(e >= edge || a < una);
        if :: a > una -> una = a :: else fi;
        if :: e > edge -> edge = e :: else fi;
        if :: nxt < una -> nxt = una :: else fi;
        if :: una == TEXT -> done = true; break :: else fi }
#ifdef NO_CHECK
    :: atomic { nxt < TEXT && nfull(forth) ->
#else
    :: atomic { nxt < TEXT && nxt < edge && nfull(forth) ->
#endif
        lose_or_send_forth(nxt, false);
        nxt++ }
    /* The retransmission time-out. */
    :: atomic { una < nxt && timeout -> nxt = una }
#ifndef NO_PROBE
    /* The persist time-out: one segment beyond the edge, which the receiver need not keep. */
    :: atomic { una == nxt && una < TEXT && nxt == edge && timeout ->
        lose_or_send_forth(nxt, true) }
#endif
    od
}

active proctype receiver() {
    byte s
    bool probe
end:
    do
    :: atomic { forth?s, probe ->
        assert(probe || s < told);
        if :: s == got && got < read + ROOM && s < told -> got++ :: else fi;
        if :: nfull(back) -> lose_or_send_back() :: else fi }
    /* The application reads; the window opens again from shut: that is told once. */
    :: atomic { read < got ->
        read++;
        if
        :: got + 1 - read == ROOM && nfull(back) -> lose_or_send_back()
        :: else
        fi }
    od
}

ltl arrives { <> done }
