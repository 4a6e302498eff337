/* step_log.h - the CSV file of --log-steps, "step,epoch,lr,loss": a row for each step, in the order of the steps. */
#ifndef VGGCL_TRAIN_STEP_LOG_H
#define VGGCL_TRAIN_STEP_LOG_H

#include "base/err.h"

struct step_row {
    int64_t step; /* from 0, of the whole run */
    int epoch;    /* from 1 */
    double lr, loss;
};

/* An empty struct, {.descriptor = -1}, is closed: the other functions do nothing with it. */
struct step_log {
    int descriptor;
    char path[VGGCL_PATH_MAX];
    char *text; /* rows, or the rest of one, that could not be written so far */
    size_t size, room;
};

/* Opens path for a run that has completed `steps` steps; with path "" the log stays closed. If resumed, the rows of
 * later steps and a last row that is cut off are removed from the file. Otherwise, and if the file is something else, a
 * file that is not empty is renamed to path.1, path.2, ...; that name is stored in moved_to, else "". VGGCL_EIO. */
enum vggcl_err step_log_open(struct step_log *log, const char *path, bool resumed, int64_t steps,
                             char moved_to[static VGGCL_PATH_MAX]);

/* Writes a row to the file with one call of the system, so that it is not lost if the process is killed. On VGGCL_EIO
 * the row is kept, and the next call of a function writes it. */
enum vggcl_err step_log_add(struct step_log *log, const struct step_row *row);

/* Writes the rows that are left, and flushes the file to disk. */
enum vggcl_err step_log_sync(struct step_log *log);

/* Closes the file, without writing rows that are left. */
void step_log_close(struct step_log *log);

#endif
