/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/script/calls/call_control.h"

#include <time.h> /* for the next one */
#include <linux/errqueue.h>
#include <stdio.h>
#include <string.h>

/* ---- In ---- */

static void check_number(struct call *call, const char *name, const struct value *wanted,
                         int64_t got)
{
    if (wanted == NULL || wanted->kind == VALUE_OPEN)
        return;
    int64_t number = value_number(call, wanted);
    if (number != got)
        call_fail(call, "ancillary data: %s is %lld, not %lld", name, (long long)got,
                  (long long)number);
}

static void check_error(struct call *call, const struct value *wanted, const struct cmsghdr *header)
{
    struct sock_extended_err error = {0};
    memcpy(&error, CMSG_DATA(header), sizeof error);
    check_number(call, "ee_errno", value_member(wanted, "ee_errno", NULL), error.ee_errno);
    check_number(call, "ee_origin", value_member(wanted, "ee_origin", NULL), error.ee_origin);
    check_number(call, "ee_type", value_member(wanted, "ee_type", NULL), error.ee_type);
    check_number(call, "ee_code", value_member(wanted, "ee_code", NULL), error.ee_code);
    check_number(call, "ee_info", value_member(wanted, "ee_info", NULL), error.ee_info);
    check_number(call, "ee_data", value_member(wanted, "ee_data", NULL), error.ee_data);
}

/* {scm_sec=0, scm_nsec=20000000}: the first of three times; nothing but zeros is any. */
static void check_time(struct call *call, const struct value *wanted, const struct cmsghdr *header)
{
    struct scm_timestamping got = {0};
    memcpy(&got, CMSG_DATA(header), sizeof got);
    int64_t ns = member_number(call, wanted, "scm_sec", NULL) * 1000000000 +
                 member_number(call, wanted, "scm_nsec", NULL);
    int64_t off = got.ts[0].tv_sec * INT64_C(1000000000) + got.ts[0].tv_nsec - ns;
    int64_t tolerance = (int64_t)call->run->settings.tolerance_ns;
    if (ns != 0 && (off < -tolerance || off > tolerance))
        call_fail(call, "ancillary data: the time is off by %lld ns", (long long)off);
}

static void check_data(struct call *call, const struct value *wanted, const struct cmsghdr *header)
{
    size_t length = header->cmsg_len - CMSG_LEN(0);
    int number = 0;
    if (wanted == NULL || wanted->kind == VALUE_OPEN)
        return;
    if (value_member(wanted, "scm_sec", NULL) != NULL &&
        length == sizeof(struct scm_timestamping)) {
        check_time(call, wanted, header);
    } else if (wanted->kind == VALUE_STRUCT && length >= sizeof(struct sock_extended_err)) {
        check_error(call, wanted, header);
    } else if (wanted->kind == VALUE_STRUCT || length > sizeof number) {
        call_fail(call, "ancillary data of %zu bytes is of another kind", length);
    } else {
        memcpy(&number, CMSG_DATA(header), length);
        check_number(call, "cmsg_data", wanted, number);
    }
}

void control_check(struct call *call, const struct value *list, struct msghdr *message)
{
    struct cmsghdr *header = message->msg_controllen != 0 ? CMSG_FIRSTHDR(message) : NULL;
    for (unsigned i = 0; i < value_count(list); i++) {
        const struct value *wanted = value_at(list, i);
        if (header == NULL) {
            call_fail(call, "there are but %u pieces of ancillary data", i);
            return;
        }
        check_number(call, "cmsg_level", value_member(wanted, "cmsg_level", NULL),
                     header->cmsg_level);
        check_number(call, "cmsg_type", value_member(wanted, "cmsg_type", NULL), header->cmsg_type);
        check_data(call, value_member(wanted, "cmsg_data", NULL), header);
        header = CMSG_NXTHDR(message, header);
    }
    if (header != NULL)
        call_fail(call, "there are more than %u pieces of ancillary data", value_count(list));
}

static void tell_data(char *text, size_t room, const struct cmsghdr *header)
{
    size_t length = header->cmsg_len - CMSG_LEN(0);
    struct sock_extended_err error = {0};
    int number = 0;
    memcpy(&error, CMSG_DATA(header), length < sizeof error ? length : sizeof error);
    memcpy(&number, CMSG_DATA(header), length < sizeof number ? length : sizeof number);
    if (header->cmsg_level == SOL_SOCKET &&
        length > sizeof number) /* times, and what goes with them */
        snprintf(text, room, " of %zu bytes", length);
    else if (length > sizeof number)
        snprintf(text, room, " errno %u origin %u type %u code %u info %u data %u", error.ee_errno,
                 error.ee_origin, error.ee_type, error.ee_code, error.ee_info, error.ee_data);
    else
        snprintf(text, room, " %d", number);
}

void control_tell(struct call *call, const struct msghdr *message)
{
    struct msghdr copy = *message;
    size_t used = (size_t)snprintf(call->beside, sizeof call->beside, ", flags 0x%x",
                                   (unsigned)message->msg_flags);
    struct cmsghdr *header = copy.msg_controllen != 0 ? CMSG_FIRSTHDR(&copy) : NULL;
    for (; header != NULL && used + 32 < sizeof call->beside; header = CMSG_NXTHDR(&copy, header)) {
        used += (size_t)snprintf(call->beside + used, sizeof call->beside - used, ", %d/%d",
                                 header->cmsg_level, header->cmsg_type);
        tell_data(call->beside + used, sizeof call->beside - used, header);
        used += strlen(call->beside + used);
    }
}

/* ---- Out ---- */

void control_write(struct call *call, const struct value *list, struct msghdr *message)
{
    size_t each = CMSG_SPACE(sizeof(int)), used = 0;
    uint8_t *room = arena_take(call->run->arena, each * (value_count(list) + 1));
    for (unsigned i = 0; i < value_count(list); i++, used += each) {
        const struct value *wanted = value_at(list, i);
        struct cmsghdr *header = (struct cmsghdr *)(void *)(room + used);
        int data = (int)member_number(call, wanted, "cmsg_data", NULL);
        header->cmsg_len = CMSG_LEN(sizeof data);
        header->cmsg_level = (int)member_number(call, wanted, "cmsg_level", NULL);
        header->cmsg_type = (int)member_number(call, wanted, "cmsg_type", NULL);
        memcpy(CMSG_DATA(header), &data, sizeof data);
    }
    message->msg_control = room;
    message->msg_controllen = used;
}
