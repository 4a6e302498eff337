/* driver.c - runs a fuzz target without libFuzzer, so with any compiler: for each file named on the command line, and
 * each file of each folder. */
#define _XOPEN_SOURCE 700 /* nftw */
#include "common.h"
#include "base/file.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

static int inputs;

static int run_one(const char *path, const struct stat *status, int type, struct FTW *walk) {
    char *bytes;
    size_t size;
    (void)status, (void)walk;
    if (type != FTW_F)
        return 0;
    if (file_read(path, SIZE_MAX - 1, &bytes, &size) != VGGCL_OK) {
        fprintf(stderr, "%s\n", vggcl_error());
        return 1;
    }
    fprintf(stderr, "%s\n", path); /* before the input runs: the last one is that of a crash */
    LLVMFuzzerTestOneInput((const uint8_t *)bytes, size);
    free(bytes);
    inputs++;
    return 0;
}

int main(int argc, char **argv) {
    int failed = argc < 2;
    LLVMFuzzerInitialize(&argc, &argv);
    for (int i = 1; i < argc && !failed; i++)
        failed = nftw(argv[i], run_one, 16, FTW_PHYS);
    fprintf(stderr, "%d inputs\n", inputs);
    return failed || !inputs ? EXIT_FAILURE : EXIT_SUCCESS;
}
