/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/http/http_url.h"

#include <string.h>

const char *http_url_parse(const char *text, struct http_url *url)
{
    struct text rest = {text, strlen(text)};
    uint64_t port = 80;
    char host[CHASKI_ADDRESS_TEXT];

    if (!text_starts(rest, "http://"))
        return "only http:// is spoken here";
    rest = text_skip(rest, 7);
    struct text authority = {rest.at, strcspn(rest.at, "/?#")};
    rest = text_skip(rest, authority.length);
    if (!text_copy(authority, url->authority, sizeof url->authority))
        return "the host must be an IPv4 address such as 192.0.2.1";
    bool has_port = memchr(authority.at, ':', authority.length) != NULL;
    struct text name = text_cut(&authority, ':');
    if (!text_copy(name, host, sizeof host) || !chaski_address_parse(host, &url->server.address))
        return "the host must be an IPv4 address such as 192.0.2.1; names are not looked up";
    if (has_port && (!text_number(authority, &port) || port == 0 || port > 65535))
        return "the port must be a number from 1 to 65535";
    url->server.port = (uint16_t)port;
    url->server.interface = 0;
    rest.length = strcspn(rest.at, "#");
    for (size_t i = 0; i < rest.length; i++)
        if ((unsigned char)rest.at[i] <= 0x20 || rest.at[i] == 0x7f)
            return "spaces and control characters must be percent-encoded";
    bool slash = rest.length != 0 && rest.at[0] == '/';
    if (rest.length + 2 > sizeof url->path)
        return "the path is too long";
    url->path[0] = '/';
    text_copy(rest, slash ? url->path : url->path + 1, sizeof url->path - 1);
    return NULL;
}
