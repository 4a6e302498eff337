#include "cli/several.h"
#include "cli/progress.h"
#include "ranks/ranks.h"

#include <signal.h>

/* Signals, which the launcher passes on to all ranks, are left to rank 0. */
static int run_other(const struct vggcl_config *config, enum vggcl_err (*other)(const struct vggcl_config *)) {
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    progress_watch(NULL);
    enum vggcl_err err = other(config);
    if (err == VGGCL_OK || err == VGGCL_ESTOPPED) {
        ranks_end(EXIT_FINE);
        return EXIT_FINE;
    }
    ranks_fail(vggcl_error());
    ranks_end(cli_status(err));
    return cli_status(err);
}

int several_run(const struct vggcl_config *config, int (*first)(const struct vggcl_config *),
                enum vggcl_err (*other)(const struct vggcl_config *)) {
    enum vggcl_err connected = ranks_begin();
    if (connected != VGGCL_OK)
        return ranks_launched().rank == 0 ? cli_failed(connected) : cli_status(connected);
    if (ranks_rank() > 0)
        return run_other(config, other);
    int status = first(config);
    bool stopped = status == EXIT_INTERRUPTED || status == EXIT_UNSAVED; /* the others have stopped too */
    ranks_end(stopped ? EXIT_FINE : status);
    return status;
}
