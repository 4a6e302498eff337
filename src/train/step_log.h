/* step_log.h - the CSV file of --log-steps, "step,epoch,lr,loss": a row for each step, in the order of the steps. */
#ifndef VGGCL_TRAIN_STEP_LOG_H
#define VGGCL_TRAIN_STEP_LOG_H

#include "base/log_file.h"

struct step_row {
    int64_t step; /* from 0, of the whole run */
    int epoch;    /* from 1 */
    double lr, loss;
};

/* Opens path for a run that has completed `steps` steps; with path "" the log stays closed. If resumed, the rows of
 * later steps and a last row that is cut off are removed from the file. Otherwise, and if the file is something else, a
 * file that is not empty is renamed to path.1, path.2, ...; that name is stored in moved_to, else "". VGGCL_EIO. */
enum vggcl_err step_log_open(struct log_file *log, const char *path, bool resumed, int64_t steps,
                             char moved_to[static VGGCL_PATH_MAX]);

/* Adds a row and flushes the file (log_file_flush()). */
enum vggcl_err step_log_add(struct log_file *log, const struct step_row *row);

#endif
