/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_CLI_HTTP_NAMES_H
#define CHASKI_CLI_HTTP_NAMES_H

/* The reason phrase of a status that is sent here; empty for others. */
const char *http_reason(unsigned status);

/* The media type of a file by the end of its name. */
const char *http_media_type(const char *name);

#endif
