/* origin.h - what made a record: version and commit of the program, its words, the host and the time. */
#ifndef VGGCL_CLI_ORIGIN_H
#define VGGCL_CLI_ORIGIN_H

#include "base/json.h"

/* The commit that was built, as `git describe --always --dirty` names it; "" if the source was no checkout. */
extern const char origin_commit[];

/* Keeps the program's words, argv of main(): ended by NULL, valid until the process ends. */
void origin_keep_words(char **words);

/* {"vggcl": {"version", "commit"}, "host": {"name", "system", "cpu", "cores"}, "time": now in UTC, "command": [words]},
 * which the caller owns. Without a commit, "commit" is null, as is what the host does not say. */
json_t *origin_json(void);

#endif
