/* takes_hup.c - preloaded: takes SIGHUP before main() begins, as a library of Open MPI 5 does. */
#define _POSIX_C_SOURCE 200809L
#include <signal.h>
#include <stddef.h>

static void do_nothing(int number) {
    (void)number;
}

__attribute__((constructor)) static void take(void) {
    struct sigaction action = {.sa_handler = do_nothing};
    sigaction(SIGHUP, &action, NULL);
}
