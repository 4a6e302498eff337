#define _XOPEN_SOURCE 700 /* mkdtemp, nftw, setenv */
#include "common.h"

#include <ftw.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[256];

_Noreturn void fuzz_fails(const char *what, const char *file, int line) {
    fprintf(stderr, "%s:%d: does not hold: %s\nlast error: %s\n", file, line, what, vggcl_error());
    abort();
}

/* ---------------------------------------------------------------------------------------------- temporary files -- */

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk) {
    (void)status, (void)type;
    return walk->level ? remove(path) : 0;
}

void fuzz_clear(void) {
    nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void leave(void) {
    fuzz_clear();
    rmdir(folder);
}

static bool make_folder(void) {
    const char *parent = getenv("TMPDIR");
    if (!parent || !*parent)
        parent = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    return snprintf(folder, sizeof folder, "%s/vggcl-fuzz-XXXXXX", parent) < (int)sizeof folder && mkdtemp(folder);
}

/* The order in which JSON objects keep their members depends on the seed. */
int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc, (void)argv;
    if (!make_folder() || setenv("VGGCL_CACHE_DIR", folder, 1) != 0 || setenv("OCL_ICD_VENDORS", folder, 1) != 0 ||
        !freopen("/dev/null", "w", stdout)) {
        perror(folder);
        exit(1);
    }
    json_object_seed(1);
    atexit(leave);
    return 0;
}

const char *fuzz_folder(void) {
    return folder;
}

const char *fuzz_file(const char *name, const uint8_t *bytes, size_t count) {
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    FUZZ_HOLDS(file);
    FUZZ_HOLDS(fwrite(bytes, 1, count, file) == count);
    FUZZ_HOLDS(fclose(file) == 0);
    return path;
}

/* --------------------------------------------------------------------------------------------------- the input -- */

char *fuzz_text(const uint8_t *bytes, size_t count) {
    char *text = malloc(count + 1);
    FUZZ_HOLDS(text);
    if (count)
        memcpy(text, bytes, count);
    text[count] = '\0';
    return text;
}

uint8_t fuzz_byte(struct fuzz_input *input) {
    if (!input->count)
        return 0;
    input->count--;
    return *input->bytes++;
}

void fuzz_files(const uint8_t *bytes, size_t count, const char *const *names, size_t name_count) {
    struct fuzz_input input = {bytes, count};
    while (input.count) {
        const char *name = names[fuzz_byte(&input) % name_count];
        size_t size = fuzz_byte(&input);
        size |= (size_t)fuzz_byte(&input) << 8;
        if (size > input.count)
            size = input.count;
        fuzz_file(name, input.bytes, size);
        input.bytes += size;
        input.count -= size;
    }
}

/* ------------------------------------------------------------------------------------------------- the answers -- */

bool fuzz_accepted(enum vggcl_err err) {
    const char *text = vggcl_error();
    if (err == VGGCL_OK)
        return true;
    FUZZ_HOLDS(*text);
    for (; *text; text++)
        FUZZ_HOLDS((unsigned char)*text >= ' ' && *text != 127);
    return false;
}

void fuzz_config_again(const struct vggcl_config *config) {
    static struct vggcl_config again;
    char *text, *text_again;
    FUZZ_HOLDS(vggcl_config_text(config, &text) == VGGCL_OK);
    FUZZ_HOLDS(vggcl_config_init(&again) == VGGCL_OK);
    const char *path = fuzz_file("again.json", (const uint8_t *)text, strlen(text));
    FUZZ_HOLDS(vggcl_config_set(&again, "config", path) == VGGCL_OK);
    FUZZ_HOLDS(vggcl_config_text(&again, &text_again) == VGGCL_OK);
    FUZZ_HOLDS(strcmp(text, text_again) == 0);
    vggcl_config_text_free(text);
    vggcl_config_text_free(text_again);
}
