/* program.h - runs the program vggcl as a user does, and captures its output. */
#ifndef VGGCL_TESTS_PROGRAM_H
#define VGGCL_TESTS_PROGRAM_H

#include <stddef.h>
#include <string.h>

/* Runs "vggcl " + the formatted words in a shell in the test's temporary folder; stdout and stderr together go to
 * `output`. Returns the exit status. */
int vggcl(const char *format, ...) __attribute__((format(printf, 1, 2)));
extern char output[1 << 20];

/* The same on a pseudo-terminal with `columns` columns, which is resized to `later` columns when the first live line
 * that begins with resizing_line ("" for any) appears. Skips the test if the machine has no pseudo-terminals. */
extern const char *resizing_line;
int vggcl_on_terminal(int columns, int later, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* The length of the longest line of an ASCII text that begins with `start`; each version of a live line is a line. */
size_t widest_line(const char *text, const char *start);

/* Assert that the output contains a text, and that the program fails with a status and an error that contains one. */
#define assert_says(text) assert_non_null(strstr(output, (text)))
#define assert_fails(status, text, ...)                                                                                \
    do {                                                                                                               \
        assert_int_equal(vggcl(__VA_ARGS__), status);                                                                  \
        assert_says("vggcl: error: ");                                                                                 \
        assert_says(text);                                                                                             \
    } while (0)

/* Before a command of the shell: loads a library into the program, behind a sanitizer's run-time library if the program
 * has one. */
#define PRELOADED(library) "ASAN_OPTIONS=$ASAN_OPTIONS:verify_asan_link_order=0 LD_PRELOAD=" library ":$LD_PRELOAD "

/* The final weights' hash in the output of the last vggcl("train ..."); valid until the next call. */
const char *weights_hash(void);

/* The temporary folder in which vggcl() runs, and the group's setup and teardown that create and remove it. */
extern char folder[64];
int make_folder(void **state);
int remove_folder(void **state);

/* The same with profiles of the group's own; built kernels stay in the cache. */
int make_folder_and_profiles(void **state);
int remove_folder_and_profiles(void **state);

/* Copies the kernels to the folder `kernels`, one file changed by a sed command that must change something. */
void break_kernel(const char *file, const char *command);

#endif
