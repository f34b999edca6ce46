/* SPDX-License-Identifier: BSD-2-Clause */
#include "sockets/options/option.h"

#include <linux/inet_diag.h>

#include "core/tcp/congestion/congestion.h"

/* TCP_CC_INFO: what the congestion control tells of itself, as Linux lays it out for that one. */

static uint32_t gain(uint32_t percent)
{
    enum { BBR_UNIT = 256 };
    return percent * BBR_UNIT / 100;
}

static int write_bbr(const struct congestion_report *report, const struct option_out *out)
{
    struct tcp_bbr_info info = {
        .bbr_bw_lo = (uint32_t)report->bandwidth,
        .bbr_bw_hi = (uint32_t)(report->bandwidth >> 32),
        .bbr_min_rtt = report->min_rtt_us,
        .bbr_pacing_gain = gain(report->pacing_gain),
        .bbr_cwnd_gain = gain(report->window_gain),
    };
    return option_write(out, &info, sizeof info);
}

/* Without ECN, it is Reno. */
static int write_dctcp(const struct congestion_report *report, bool ecn,
                       const struct option_out *out)
{
    enum { ALPHA_SHIFT = 10 }; /* of 2^20, Linux has 2^10 */
    struct tcp_dctcp_info info = {.dctcp_enabled = ecn};
    if (ecn) {
        info.dctcp_ce_state = report->came_marked;
        info.dctcp_alpha = report->alpha >> ALPHA_SHIFT;
        info.dctcp_ab_ecn = report->marked;
        info.dctcp_ab_tot = report->arrived;
    }
    return option_write(out, &info, sizeof info);
}

/* Who has no connection has chosen, and knows nothing. */
int cc_info_get(const struct socket *socket, const struct option_out *out)
{
    enum { ECN_AGREED = 8 };
    struct congestion_report report = {0};
    struct chaski_tcp_info info;
    int64_t algorithm = socket->congestion;
    bool ecn = true;
    if (tcp_socket_info(socket, &info)) {
        struct chaski *host = socket->file.table->host;
        chaski_tcp_get(host, socket->tcp, CHASKI_TCP_CONGESTION, &algorithm);
        host_tcp_report(host, socket->tcp, &report);
        ecn = (info.tcpi_options & ECN_AGREED) != 0;
    }
    if (algorithm == CHASKI_BBR)
        return write_bbr(&report, out);
    if (algorithm == CHASKI_DCTCP)
        return write_dctcp(&report, ecn, out);
    *out->length = 0;
    return 0;
}
