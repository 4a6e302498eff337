/* measuring.h - compare measures devices in child processes, so that a driver that crashes or hangs costs only its own
 * record. */
#ifndef VGGCL_CLI_COMPARE_MEASURING_H
#define VGGCL_CLI_COMPARE_MEASURING_H

#include "cli/compare/record.h"
#include "cli/verdict.h"

/* The parts of a record, as bits. */
enum measuring_part { MEASURE_START = 1, MEASURE_SELFCHECK = 2, MEASURE_LOSSES = 4, MEASURE_SPEED = 8 };

enum { MEASURING_ROUNDS = 100 }; /* most rounds */

/* Which devices are measured, and what of them. */
struct measuring_plan {
    struct measuring how; /* without the device and the cache folder */
    struct selection which;
    unsigned parts; /* of enum measuring_part */
    int rounds;     /* of the speed, interleaved between the devices */
    double seconds; /* that a part of a device takes at most */
};

/* The parts that a text such as "selfcheck,speed" names; 0 if it has an unknown or empty name. */
unsigned measuring_parts(const char *text);
const char *measuring_part_name(size_t i); /* NULL behind the last one */

/* Appends a record to answer["devices"] for each selected device, until a signal asks to stop, and returns the worst
 * verdict. If the devices cannot be listed, answer["error"] says why. */
enum verdict measuring_run(json_t *answer, const struct measuring_plan *plan);

#endif
