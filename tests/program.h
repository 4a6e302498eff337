/* program.h - the real program, run as a user would, and what it answered. */
#ifndef VGGCL_TESTS_PROGRAM_H
#define VGGCL_TESTS_PROGRAM_H

/* Runs "vggcl " + the formatted words through a shell in the test's own folder, both outputs together in `output`;
 * returns the exit status. */
int vggcl(const char *format, ...) __attribute__((format(printf, 1, 2)));
extern char output[1 << 20];

/* The temporary folder that vggcl() runs in; setup and teardown of a group. */
extern char folder[64];
int make_folder(void **state);
int remove_folder(void **state);

#endif
