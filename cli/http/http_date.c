/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/http/http_date.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static int month_number(const char *name)
{
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    for (int month = 0; month < 12; month++)
        if (memcmp(names + 3 * month, name, 3) == 0)
            return month;
    return -1;
}

static int full_year(int year, size_t digits)
{
    if (digits > 2)
        return year;
    return year < 70 ? year + 2000 : year + 1900;
}

/* Days since 1970 of a date of the Gregorian calendar: years are counted from March, so that the
 * leap day is the last of its year. */
static int64_t day_number(int year, int month, int day)
{
    int64_t y = month < 2 ? year - 1 : year;
    int64_t days_before_month = (153 * ((month + 10) % 12) + 2) / 5;
    return y * 365 + y / 4 - y / 100 + y / 400 + days_before_month + day - 719469;
}

static int64_t seconds_of(int year, int month, int day, int hour, int minute, int second)
{
    if (year < 1601 || year > 9999 || month < 0 || day < 1 || day > 31 || hour > 23 ||
        minute > 59 || second > 60 || hour < 0 || minute < 0 || second < 0)
        return HTTP_NO_DATE;
    return ((day_number(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
}

int64_t http_date_parse(const char *text, size_t length)
{
    char copy[HTTP_DATE_TEXT + 16], month[4], year_text[5];
    int day, hour, minute, second, end = 0;

    if (length >= sizeof copy)
        return HTTP_NO_DATE;
    memcpy(copy, text, length);
    copy[length] = '\0';

    /* Sun, 06 Nov 1994 08:49:37 GMT and Sunday, 06-Nov-94 08:49:37 GMT */
    if (sscanf(copy, "%*9[A-Za-z], %2d%*1[- ]%3[A-Za-z]%*1[- ]%4[0-9] %2d:%2d:%2d GMT%n", &day,
               month, year_text, &hour, &minute, &second, &end) != 6 ||
        end == 0) {
        /* Sun Nov  6 08:49:37 1994 */
        end = 0;
        if (sscanf(copy, "%*3[A-Za-z] %3[A-Za-z] %2d %2d:%2d:%2d %4[0-9]%n", month, &day, &hour,
                   &minute, &second, year_text, &end) != 6)
            return HTTP_NO_DATE;
    }
    if ((size_t)end != length || strlen(month) != 3)
        return HTTP_NO_DATE;
    int year = 0;
    for (const char *digit = year_text; *digit != '\0'; digit++)
        year = year * 10 + (*digit - '0');
    return seconds_of(full_year(year, strlen(year_text)), month_number(month), day, hour, minute,
                      second);
}

char *http_date_text(int64_t seconds, char *text)
{
    struct tm parts;
    time_t when = (time_t)seconds;

    if (gmtime_r(&when, &parts) == NULL ||
        strftime(text, HTTP_DATE_TEXT, "%a, %d %b %Y %H:%M:%S GMT", &parts) == 0)
        memcpy(text, "Thu, 01 Jan 1970 00:00:00 GMT", 30);
    return text;
}
