/* common.h - what the fuzz targets share: files in a temporary folder, an input as several files, and what must hold of
 * every parser's answer. A target defines
 *
 *     int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
 *
 * which gives the input to a parser, releases what that returned, and returns 0. */
#ifndef VGGCL_TESTS_FUZZ_COMMON_H
#define VGGCL_TESTS_FUZZ_COMMON_H

#include "base/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

/* Called once, first, by libFuzzer or by driver.c. */
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* The process's temporary folder, in $TMPDIR or /dev/shm; removed at exit. It is the
 * cache folder too, and that of the OpenCL drivers, so that no target reads or writes the user's cache or loads a
 * driver. Nothing that targets print is shown. */
const char *fuzz_folder(void);

/* Writes a file of that name into the folder; returns its path, valid until the next call. */
const char *fuzz_file(const char *name, const uint8_t *bytes, size_t count);

/* Removes all files of the folder, and what is below it. */
void fuzz_clear(void);

/* A copy of the input with a NUL behind it; the caller frees it. */
char *fuzz_text(const uint8_t *bytes, size_t count);

/* The rest of an input that is read from front to back; fuzz_byte() returns 0 at the end. */
struct fuzz_input {
    const uint8_t *bytes;
    size_t count;
};
uint8_t fuzz_byte(struct fuzz_input *input);

/* An input that is a set of files: of each the position of its name in `names` (modulo name_count), the number of bytes
 * in 16 bits, low byte first, and the bytes. Writes them to the folder; the last one of a name stays. */
void fuzz_files(const uint8_t *bytes, size_t count, const char *const *names, size_t name_count);

/* Ends the process with a message, which is a finding, if the condition does not hold. */
#define FUZZ_HOLDS(condition)                                                                                          \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            fuzz_fails(#condition, __FILE__, __LINE__);                                                                \
    } while (0)
_Noreturn void fuzz_fails(const char *what, const char *file, int line);

/* Whether err is VGGCL_OK. If it is not, the error's text must be one line, without control characters. */
bool fuzz_accepted(enum vggcl_err err);

/* Options that are written as a file, read and written again are the same text. The lists of devices are not in it. */
void fuzz_config_again(const struct vggcl_config *config);

#endif
