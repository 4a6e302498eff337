/* json.h - JSON that several commands print. The caller owns the returned values. */
#ifndef VGGCL_CLI_JSON_H
#define VGGCL_CLI_JSON_H

#include "cli/cli.h"

#include <jansson.h>

/* text as a JSON string; a placeholder if it is not valid UTF-8, as the names of some drivers are not. */
json_t *cli_text_json(const char *text);

/* The number, or null if it is not finite: JSON cannot express NaN and infinity. */
json_t *cli_number_json(double value);

/* A device as `vggcl devices --json` prints it; details adds what --verbose adds. index: its position in the list. */
json_t *cli_device_json(const struct vggcl_device *d, size_t index, bool details);

/* A benchmark as `vggcl bench --json` prints it. */
json_t *cli_bench_json(const struct vggcl_benchmark *b);

/* FLOP/s of a training step as a fraction (0 to 1) of the device's measured peak. */
double cli_flops_share(const struct vggcl_benchmark *b);

#endif
