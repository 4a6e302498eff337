/* record.h - the measurements of vggcl compare. Each function runs in a child process and returns a JSON object, or
 * child_failure() if it fails. */
#ifndef VGGCL_CLI_COMPARE_RECORD_H
#define VGGCL_CLI_COMPARE_RECORD_H

#include "cli/json.h"

/* The devices to measure: those that the selectors name, or all; if neither is given, the default device. */
struct selection {
    const char *const *selectors; /* ended by NULL */
    bool all;
};

/* {"devices": [as in devices --json --verbose]}, without duplicates. */
json_t *record_devices(const void *selection);

enum { RECORD_STEPS = 1000 }; /* most steps of struct measuring */

/* How the device config.device is measured. */
struct measuring {
    struct vggcl_config config;
    int steps;       /* training steps whose losses are compared */
    bool quick;      /* run the quick selfcheck */
    char caches[64]; /* cache folder: empty, or filled by an earlier record_start() */
};

/* The parts of a record: {"value": ..., "fault": text, only if the device is out of tolerance}. vggcl(1) documents the
 * values. */
json_t *record_start(const void *measuring); /* vggcl and the driver find cached programs only in measuring->caches */
json_t *record_selfcheck(const void *measuring);
json_t *record_losses(const void *measuring);
json_t *record_benchmark(const void *measuring);

#endif
