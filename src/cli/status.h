/* status.h - the program's exit statuses. The man page has the table. */
#ifndef VGGCL_CLI_STATUS_H
#define VGGCL_CLI_STATUS_H

enum {
    EXIT_FINE = 0,
    EXIT_FAILED = 1, /* of selfcheck and compare: the device gives wrong results, see verdict.h */
    EXIT_USAGE = 2,
    EXIT_NOT_FINITE = 3,
    EXIT_STALLED = 4, /* a driver hangs; of selfcheck and compare: or crashed */
    EXIT_UNSAVED = 5, /* stopped by a signal, and what was done is lost; of selfcheck and compare: not written */
    EXIT_MISSING = 6, /* no such device or driver */
    EXIT_SLOWER = 7,
    EXIT_UNDONE = 8, /* of selfcheck and compare: it could not be done */
    EXIT_INTERRUPTED = 130
};

#endif
