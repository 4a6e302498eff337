/* The order in which the program writes, flushes and renames: when it says that it is done, a power cut can undo
 * nothing. tests/fault/order.c logs the calls between what the program prints. */
#define _POSIX_C_SOURCE 200809L
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "program.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRAIN                                                                                                          \
    "train --data synthetic:64,32 --model 8,M,8,M --width 0.03125 --batch 16 --no-selfcheck --profile none "           \
    "--checkpoint-every 2 "

enum { CALLS = 512 };

/* A line of the log, in the test's folder. */
static struct call {
    char name[16], path[256], to[256], size[32]; /* to: of a rename */
    size_t position;                             /* in the output */
} calls[CALLS];
static size_t count;

/* Runs the program with the library; several libraries and their caches are none of this test's. */
static int logged(const char *words) {
    char line[512], *at = output;
    struct call c;
    int status =
        vggcl("version >/dev/null; exec env LD_PRELOAD=%s ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0 %s %s",
              VGGCL_ORDER, VGGCL_PROGRAM, words);
    count = 0;
    for (at = output; (at = strstr(at, "@ ")); at++) {
        memset(&c, 0, sizeof c);
        c.position = (size_t)(at - output);
        snprintf(line, sizeof line, "%.*s", (int)strcspn(at, "\n"), at);
        bool whole = sscanf(line, "@ rename %255s %255s %31s", c.path, c.to, c.size) == 3 ? strcpy(c.name, "rename")
                     : sscanf(line, "@ fsync %255s %31s", c.path, c.size) == 2            ? strcpy(c.name, "fsync")
                     : sscanf(line, "@ mkdir %255s", c.path) == 1                         ? strcpy(c.name, "mkdir")
                                                                                          : NULL;
        if (whole && strncmp(c.path, folder, strlen(folder)) == 0 && count < CALLS)
            calls[count++] = c;
    }
    assert_true(count < CALLS);
    return status;
}

/* Whether a file or the folder of `path` (folder true) was flushed in calls first to end - 1, with that size. */
static bool flushed(const char *path, bool parent, const char *size, size_t first, size_t end) {
    char wanted[256];
    snprintf(wanted, sizeof wanted, "%.*s", (int)(parent ? strrchr(path, '/') - path : (ptrdiff_t)strlen(path)), path);
    for (size_t i = first; i < end; i++)
        if (strcmp(calls[i].name, "fsync") == 0 && strcmp(calls[i].path, wanted) == 0 &&
            strcmp(calls[i].size, size) == 0)
            return true;
    return false;
}

/* The number of calls before the program printed the text. */
static size_t calls_before(const char *text) {
    const char *at = strstr(output, text);
    assert_non_null(at);
    size_t before = 0;
    while (before < count && calls[before].position < (size_t)(at - output))
        before++;
    return before;
}

/* A file is flushed as large as it is renamed; each new name's folder is flushed after it, before call number end. */
static void assert_on_disk(size_t first, size_t end) {
    for (size_t i = first; i < end; i++) {
        const struct call *c = &calls[i];
        bool renamed = strcmp(c->name, "rename") == 0;
        if (renamed && strcmp(c->size, "folder") != 0 && !flushed(c->path, false, c->size, 0, i))
            fail_msg("%s was renamed to %s before its %s bytes were flushed", c->path, c->to, c->size);
        if ((renamed || strcmp(c->name, "mkdir") == 0) && !flushed(renamed ? c->to : c->path, true, "folder", i, end))
            fail_msg("%s: its name is not flushed", renamed ? c->to : c->path);
    }
}

static size_t renames_to(const char *end) {
    size_t found = 0;
    for (size_t i = 0; i < count; i++)
        found += strcmp(calls[i].name, "rename") == 0 && strlen(calls[i].to) >= strlen(end) &&
                 strcmp(calls[i].to + strlen(calls[i].to) - strlen(end), end) == 0;
    return found;
}

static void training(void **state) {
    (void)state;
    assert_int_equal(logged(TRAIN "--epochs 2 --save new/run --log-steps steps.csv"), 0);
    assert_true(renames_to("/new/run/last.safetensors") >= 4); /* every other of 8 steps */
    assert_int_equal(renames_to("/new/run/accuracy.csv"), 2);
    assert_true(renames_to("/new/run/best.safetensors") >= 1);
    assert_int_equal(renames_to("/new/run/config.json"), 1);
    /* Each epoch's line is printed when its state is on disk; "done" when all is. */
    const char *const ends[] = {"\nepoch 1/2", "\nepoch 2/2"};
    for (size_t i = 0; i < 2; i++) {
        size_t end = calls_before(ends[i]);
        assert_on_disk(0, end);
        assert_non_null(strstr(calls[end - 2].to, "/accuracy.csv")); /* the last call flushed its folder */
    }
    assert_on_disk(0, calls_before("\ndone "));
    assert_on_disk(0, count);
    char log[128], size[32] = "";
    snprintf(log, sizeof log, "%s/steps.csv", folder);
    FILE *stream = fopen(log, "rb");
    assert_non_null(stream);
    fseek(stream, 0, SEEK_END);
    snprintf(size, sizeof size, "%ld", ftell(stream));
    fclose(stream);
    assert_true(flushed(log, false, size, 0, calls_before("\ndone ")));
}

/* A second run in the same folder: the first is renamed. */
static void moved_aside(void **state) {
    (void)state;
    assert_int_equal(logged(TRAIN "--epochs 1 --save moved"), 0);
    assert_int_equal(logged(TRAIN "--epochs 1 --save moved"), 0);
    assert_int_equal(renames_to("/moved.1"), 1);
    assert_on_disk(0, calls_before("\nepoch 1/1"));
    assert_on_disk(0, count);
}

static void data_sets(void **state) {
    (void)state;
    assert_int_equal(logged("synth --out sets/synthetic --train 20 --test 10"), 0);
    assert_int_equal(renames_to("/sets/synthetic/data_batch_1.bin"), 1);
    assert_on_disk(0, count);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(training), cmocka_unit_test(moved_aside),
                                       cmocka_unit_test(data_sets)};
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
