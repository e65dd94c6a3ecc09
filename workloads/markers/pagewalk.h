/* A program says to Pagewalk where it is: PAGEWALK_MARKER(3). For C and C++; needs nothing but Linux.
 *
 * The options run.begin_at and run.end_at take "marker:3"; with events.markers=1 each marker saves the
 * statistics and the /proc texts of the moment. Without Pagewalk the call does nothing: Linux refuses it. */
#pragma once

#include <errno.h>
#include <sys/prctl.h>

enum { PAGEWALK_MARKER_CALL = 0x5057, PAGEWALK_MAX_MARKER = 65535 };

/* `number` is from 0 to PAGEWALK_MAX_MARKER. errno stays as it is. */
static inline void pagewalk_marker(unsigned long number) {
    const int before = errno;
    (void)prctl(PAGEWALK_MARKER_CALL, number, 0UL, 0UL, 0UL);
    errno = before;
}
#define PAGEWALK_MARKER(number) pagewalk_marker(number)
