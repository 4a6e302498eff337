/* emulated.h - tests of AMX instructions on processors without them: see amx/emulate.c. */
#ifndef VGGCL_TESTS_EMULATED_H
#define VGGCL_TESTS_EMULATED_H

#include <stdbool.h>

/* Where there can be no emulator, on other processors than x86-64 with AVX2 and on other systems than Linux, says so
 * and exits with 77, which ctest counts as skipped. */
void need_emulator(void);

/* To be called first by a test's main(): need_emulator(), then starts the test again with the emulator preloaded. */
void emulate_amx(char **argv);

/* Whether it was started again. */
bool emulated(void);

#endif
