/* record.h - what compare finds out about devices: the work of its child processes. Each answers with a JSON object,
 * {"error": text} where something could not be done. */
#ifndef VGGCL_CLI_RECORD_H
#define VGGCL_CLI_RECORD_H

#include "cli/cli.h"

/* Which devices: those that the selectors name, or all; without either the default one. */
struct selection {
    const char *const *selectors; /* ended by NULL */
    bool all;
};

/* {"devices": [as in devices --json --verbose]}, each once. */
json_t *record_devices(const void *selection);

enum { RECORD_STEPS = 1000 }; /* at most */

/* How a device, config.device, is measured. */
struct measuring {
    struct vggcl_config config;
    int steps;       /* of training, whose losses are compared */
    bool quick;      /* the selfcheck */
    char caches[64]; /* a folder: empty, or filled by an earlier record_start() */
};

/* The parts of a record: {"value": what it is, "fault": a text where the device is out of tolerance}. vggcl(1) says
 * what the values are. */
json_t *record_start(const void *measuring); /* with what caches holds of programs alone, vggcl's and the driver's */
json_t *record_selfcheck(const void *measuring);
json_t *record_losses(const void *measuring);
json_t *record_benchmark(const void *measuring);

#endif
