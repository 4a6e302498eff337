#define _POSIX_C_SOURCE 200809L /* setenv */
#include "emulated.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static bool can_emulate(void) {
#if defined(__x86_64__) && defined(__linux__)
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
    return false;
#endif
}

/* Behind a sanitizer's run-time library if the test has one. */
static void set_environment(void) {
    char list[4096];
    const char *preloaded = getenv("LD_PRELOAD"), *options = getenv("ASAN_OPTIONS");
    snprintf(list, sizeof list, "%s:%s", VGGCL_AMX, preloaded ? preloaded : "");
    setenv("LD_PRELOAD", list, 1);
    snprintf(list, sizeof list, "%s:verify_asan_link_order=0", options ? options : "");
    setenv("ASAN_OPTIONS", list, 1);
    setenv("VGGCL_TEST_EMULATED", "1", 1);
}

bool emulated(void) {
    return getenv("VGGCL_TEST_EMULATED");
}

void need_emulator(void) {
    enum { SKIPPED = 77 };
    if (can_emulate())
        return;
    puts("skipped: AMX is emulated on Linux with an x86-64 processor that has AVX2 and FMA only");
    exit(SKIPPED);
}

void emulate_amx(char **argv) {
    if (emulated())
        return;
    need_emulator();
    set_environment();
    execv("/proc/self/exe", argv);
    perror("the test does not start again");
    exit(EXIT_FAILURE);
}
