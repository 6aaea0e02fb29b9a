/* jinja_time.c - strftime_now: C's strftime in the C locale, whatever locale the process has. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "text/jinja.h"

static const char *const days[] = { "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday" };
static const char *const months[] = { "January", "February", "March", "April", "May", "June", "July", "August",
                                      "September", "October", "November", "December" };

/* ISO 8601: weeks begin on Monday; week 1 is the one with the year's first Thursday. */
static void iso_week(const struct tm *t, int *year, int *week) {
    int weekday = (t->tm_wday + 6) % 7;
    int thursday = t->tm_yday + 3 - weekday; /* day of the year, may lie outside of it */
    *year = t->tm_year + 1900;
    int y = *year - (thursday < 0), length = 365 + ((y % 4 == 0 && y % 100 != 0) || y % 400 == 0);
    if (thursday < 0) {
        --*year;
        thursday += length;
    } else if (thursday >= length) {
        ++*year;
        thursday -= length;
    }
    *week = thursday / 7 + 1;
}

static enum hearth_status put(struct render *r, const struct tm *t, time_t now, const char *format, size_t n);

static enum hearth_status number(struct render *r, const char *format, long long value) {
    char text[32];
    snprintf(text, sizeof text, format, value);
    return jinja_puts(r, text);
}

static enum hearth_status one(struct render *r, const struct tm *t, time_t now, char c) {
    static const struct { char c; const char *means; } short_for[] = {
        { 'c', "%a %b %e %H:%M:%S %Y" }, { 'D', "%m/%d/%y" }, { 'F', "%Y-%m-%d" }, { 'R', "%H:%M" },
        { 'r', "%I:%M:%S %p" }, { 'T', "%H:%M:%S" }, { 'x', "%m/%d/%y" }, { 'X', "%H:%M:%S" }, { 'n', "\n" },
        { 't', "\t" }, { 'f', "000000" }
    };
    TRY(jinja_work(r, 4));
    int hour12 = t->tm_hour % 12 ? t->tm_hour % 12 : 12, year = t->tm_year + 1900, iso_year, week;
    iso_week(t, &iso_year, &week);
    for (size_t i = 0; i < sizeof short_for / sizeof *short_for; i++)
        if (short_for[i].c == c) return put(r, t, now, short_for[i].means, strlen(short_for[i].means));
    switch (c) {
    case 'a': return jinja_put(r, days[t->tm_wday], 3);
    case 'A': return jinja_puts(r, days[t->tm_wday]);
    case 'b': case 'h': return jinja_put(r, months[t->tm_mon], 3);
    case 'B': return jinja_puts(r, months[t->tm_mon]);
    case 'C': return number(r, "%02lld", year / 100);
    case 'd': return number(r, "%02lld", t->tm_mday);
    case 'e': return number(r, "%2lld", t->tm_mday);
    case 'G': return number(r, "%lld", iso_year);
    case 'g': return number(r, "%02lld", iso_year % 100);
    case 'H': return number(r, "%02lld", t->tm_hour);
    case 'I': return number(r, "%02lld", hour12);
    case 'j': return number(r, "%03lld", t->tm_yday + 1);
    case 'k': return number(r, "%2lld", t->tm_hour);
    case 'l': return number(r, "%2lld", hour12);
    case 'm': return number(r, "%02lld", t->tm_mon + 1);
    case 'M': return number(r, "%02lld", t->tm_min);
    case 'p': return jinja_puts(r, t->tm_hour < 12 ? "AM" : "PM");
    case 'P': return jinja_puts(r, t->tm_hour < 12 ? "am" : "pm");
    case 's': return number(r, "%lld", (long long)now);
    case 'S': return number(r, "%02lld", t->tm_sec);
    case 'u': return number(r, "%lld", t->tm_wday ? t->tm_wday : 7);
    case 'U': return number(r, "%02lld", (t->tm_yday + 7 - t->tm_wday) / 7);
    case 'V': return number(r, "%02lld", week);
    case 'w': return number(r, "%lld", t->tm_wday);
    case 'W': return number(r, "%02lld", (t->tm_yday + 7 - (t->tm_wday + 6) % 7) / 7);
    case 'y': return number(r, "%02lld", year % 100);
    case 'Y': return number(r, "%lld", year);
    case 'z': case 'Z': return HEARTH_OK; /* Python's now() knows no zone */
    case '%': return jinja_puts(r, "%");
    default:
        TRY(jinja_puts(r, "%"));
        return jinja_put(r, &c, 1);
    }
}

static enum hearth_status put(struct render *r, const struct tm *t, time_t now, const char *format, size_t n) {
    for (size_t i = 0; i < n; i++) {
        int no_pad = format[i] == '%' && i + 2 < n && format[i + 1] == '-' && strchr("dmHIMSjyklUWVe", format[i + 2]);
        size_t mark = jinja_mark(r);
        if (format[i] != '%' || i + 1 == n) {
            TRY(jinja_put(r, format + i, 1));
            continue;
        }
        i += no_pad ? 2 : 1;
        TRY(one(r, t, now, format[i]));
        size_t cut = mark; /* %-d: without the zero or space in front */
        while (no_pad && cut + 1 < r->out->len && (r->out->data[cut] == '0' || r->out->data[cut] == ' ')) cut++;
        memmove(r->out->data + mark, r->out->data + cut, r->out->len - cut);
        r->out->len -= cut - mark;
    }
    return HEARTH_OK;
}

enum hearth_status jinja_strftime(struct render *r, const struct text *format, struct value *out) {
    struct tm t;
    size_t mark = jinja_mark(r);
    if (!localtime_r(&r->now, &t)) return jinja_error(r, "the present time is no date");
    TRY(put(r, &t, r->now, format->p, strnlen(format->p, format->n))); /* as far as C reads it */
    return jinja_take(r, mark, out);
}
