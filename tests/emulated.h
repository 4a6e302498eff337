/* emulated.h - tests of AMX instructions on processors without them: see amx/emulate.c. */
#ifndef VGGCL_TESTS_EMULATED_H
#define VGGCL_TESTS_EMULATED_H

/* To be called first by a test's main(): starts the test again with the emulator, as LD_PRELOAD would. Where there can
 * be none, on other processors than x86-64 with AVX2 and on other systems than Linux, says so and exits with 77, which
 * ctest counts as skipped. */
void emulate_amx(char **argv);

#endif
