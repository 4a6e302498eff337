/* program.h - the real program, run as a user would, and what it answered. */
#ifndef VGGCL_TESTS_PROGRAM_H
#define VGGCL_TESTS_PROGRAM_H

#include <string.h>

/* Runs "vggcl " + the formatted words through a shell in the test's own folder, both outputs together in `output`;
 * returns the exit status. */
int vggcl(const char *format, ...) __attribute__((format(printf, 1, 2)));
extern char output[1 << 20];

/* That the output has a text; and that the program fails with a status and an error that has one. */
#define assert_says(text) assert_non_null(strstr(output, (text)))
#define assert_fails(status, text, ...)                                                                                \
    do {                                                                                                               \
        assert_int_equal(vggcl(__VA_ARGS__), status);                                                                  \
        assert_says("vggcl: error: ");                                                                                 \
        assert_says(text);                                                                                             \
    } while (0)

/* The hash of the weights that the last run of train ended with; valid until the next call. */
const char *weights_hash(void);

/* The temporary folder that vggcl() runs in; setup and teardown of a group. */
extern char folder[64];
int make_folder(void **state);
int remove_folder(void **state);

#endif
