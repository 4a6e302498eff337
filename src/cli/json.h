/* json.h - JSON that several commands print. The caller owns the returned values. */
#ifndef VGGCL_CLI_JSON_H
#define VGGCL_CLI_JSON_H

#include "cli/cli.h"
#include "base/json.h"

/* Prints a value on a line of its own and takes it over; flags as json_print(). If memory is out, cli_end() fails. */
void cli_print_json(json_t *json, size_t flags);

/* The flags of a command that prints one object, and of lines that are an object each. */
enum { CLI_JSON = JSON_INDENT(2) | JSON_REAL_PRECISION(9), JSON_LINE = JSON_COMPACT | JSON_REAL_PRECISION(9) };

/* A device as `vggcl devices --json` prints it; details adds what --verbose adds. index: its position in the list. */
json_t *cli_device_json(const struct vggcl_device *d, size_t index, bool details);

/* {"median": ..., "least": ..., "largest": ...} */
json_t *cli_spread_json(struct vggcl_spread s);

/* A benchmark as `vggcl bench --json` prints it. */
json_t *cli_bench_json(const struct vggcl_benchmark *b);

/* "arithmetic" or "memory". */
const char *cli_bound(enum vggcl_bound bound);

#endif
