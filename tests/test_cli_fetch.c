/* The command vggcl fetch: its output, and what needs the real CIFAR-10, from $VGGCL_CIFAR10. tests/test_fetch.c tests
 * the library's function in detail on a small set. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "http.h"
#include "program.h"
#include "tar.h"
#include "vggcl.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define TOP "cifar-10-batches-bin"

static const char *const files[] = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin",
                                    "data_batch_5.bin", "test_batch.bin",   "batches.meta.txt"};
static char archive[128], made[128];

/* Of the files in a folder, as tar alone: packing CIFAR-10 takes long. */
static void make_archive(const char *from) {
    tar_begin(archive, false);
    for (int i = 0; i < 7; i++) {
        char name[64], path[512];
        snprintf(name, sizeof name, TOP "/%s", files[i]);
        snprintf(path, sizeof path, "%s/%s", from, files[i]);
        tar_add(name, path, NULL);
    }
    tar_end();
}

static int start(void **state) {
    if (make_folder(state) != 0)
        return -1;
    snprintf(archive, sizeof archive, "%s/archive.tar", folder);
    snprintf(made, sizeof made, "%s/made", folder);
    if (vggcl_synth(made, 500, 100, 32, 1, NULL, NULL) != VGGCL_OK)
        return -1;
    make_archive(made);
    http_start(archive);
    return 0;
}

static int end(void **state) {
    http_stop();
    return remove_folder(state);
}

/* Leaves the test out in a build that cannot download or unpack. */
static void needs_libraries(void) {
#if !defined VGGCL_CURL || !defined VGGCL_ARCHIVE
    print_message("this build lacks libcurl or libarchive; skipped\n");
    skip();
#endif
}

/* What ls says of the folder data, on one line. */
static const char *there(void) {
    assert_int_equal(vggcl("version >version; ls -A data | tr '\\n' ' '"), 0);
    return output;
}

static void explains(void **state) {
    (void)state;
    assert_int_equal(vggcl("fetch --help"), 0);
    const struct vggcl_fetch_set *set;
    for (size_t i = 0; (set = vggcl_fetch_set(i)); i++) {
        assert_says(set->name);
        assert_says(set->folder);
    }
    assert_says("vggcl fetch --from cifar-10-binary.tar.gz");
    assert_fails(2, "takes one of cifar10, cifar100, mnist, fashion-mnist, not 'svhn'", "fetch svhn");
    assert_fails(2, "[NAME] can be given once", "fetch mnist cifar10");
    assert_fails(2, "--timeout takes seconds", "fetch --timeout soon");
    assert_fails(2, "http:// or https://", "fetch --from gopher://127.0.0.1/archive");
#ifdef VGGCL_ARCHIVE
    assert_fails(1, strerror(ENOENT), "fetch --from nowhere");
#else
    assert_fails(2, "built without libarchive", "fetch");
#endif
    assert_fails(1, strerror(ENOENT), "fetch mnist --from nowhere");
}

/* The optional libraries of this build. */
static void version_lists_libraries(void **state) {
    (void)state;
    const struct vggcl_feature *f;
    assert_int_equal(vggcl("version"), 0);
    for (size_t i = 0; (f = vggcl_feature(i)); i++) {
        char line[128];
        snprintf(line, sizeof line, "\n%s %s, which %s", f->built_in ? "with" : "without", f->library, f->purpose);
        assert_says(line);
        assert_true(f->built_in || strstr(output, f->package));
    }
}

/* One line, which names the URL and what to do. */
static void says_what_went_wrong(void **state) {
    (void)state;
    needs_libraries();
    static const struct {
        const char *how, *text;
        int timeout; /* seconds */
    } ways[] = {{"missing", "answers 404; name another source (from)", 60},
                {"silent", "in 1 s (timeout)", 1},
                {"huge", "more than 268435456 bytes", 60}};
    for (int i = 0; i < 3; i++) {
        assert_fails(1, ways[i].text, "fetch --json --timeout %d --from %s", ways[i].timeout, http_url(ways[i].how));
        assert_says(http_url(ways[i].how));
        assert_ptr_equal(strchr(output, '\n'), output + strlen(output) - 1);
        assert_string_equal(there(), "");
    }
}

/* Another set in CIFAR-10's format: fetched in two parts, and found out. */
static void knows_cifar(void **state) {
    (void)state;
    needs_libraries();
    assert_fails(1, "run the command again to continue", "fetch --from %s", http_url("cut"));
    assert_string_equal(there(), "cifar-10-binary.tar.gz.part ");
    http_forget();
    assert_fails(1, "data_batch_1.bin has the MD5 sum", "fetch --from %s", http_url("right"));
    assert_says("note     ");
    assert_int_equal(http_requests, 2); /* the rest, then all of it: who knows what was wrong */
    assert_string_equal(there(), "");
    assert_fails(1, "data_batch_1.bin has the MD5 sum", "fetch --from archive.tar");
    assert_string_equal(there(), "");
}

/* The other sets: their sums, folders and sources. */
static void knows_other_sets(void **state) {
    (void)state;
#ifdef VGGCL_ARCHIVE
    assert_fails(1, "this is not CIFAR-100's archive", "fetch cifar100 --from archive.tar");
#endif
    assert_int_equal(
        vggcl("version; mkdir -p files; for s in train t10k; do echo . >files/$s-images-idx3-ubyte.gz; echo "
              ". >files/$s-labels-idx1-ubyte.gz; done"),
        0);
    assert_fails(1, "files: train-images-idx3-ubyte.gz has the SHA-256 sum", "fetch mnist --from nowhere --from files");
    assert_says("source   nowhere\nsource   files\n");
    assert_says("nowhere: train-images-idx3-ubyte.gz cannot be read");
    assert_says("; trying files\n");
    assert_fails(1, "not 3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
                 "fetch fashion-mnist --from files");
    assert_string_equal(there(), "");
}

static void interrupted(void **state) {
    (void)state;
    needs_libraries();
    assert_int_equal(vggcl("version >version; { %s fetch --from %s & } 2>&1; run=$!; until test -s data/*.part; do "
                           "sleep 0.1; done; sleep 0.3; kill -TERM $run; wait $run",
                           VGGCL_PROGRAM, http_url("stall")),
                     130);
    assert_says("stopped ");
    assert_string_equal(there(), "cifar-10-binary.tar.gz.part ");
    assert_int_equal(vggcl("version; rm data/*"), 0);
}

/* The live line of a download that stalls half way fits the terminal. */
static void fits_terminal(void **state) {
    (void)state;
    needs_libraries();
    static const struct {
        int columns;
        const char *line;
    } cases[] = {{80, "download [####"}, {40, "download 0."}, {20, "download"}};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(
            vggcl_on_terminal(cases[i].columns, cases[i].columns, "fetch --timeout 2 --from %s", http_url("stall")), 1);
        assert_says(cases[i].line);
        assert_in_range(widest_line(output, "download"), 8, cases[i].columns - 1);
        assert_int_equal(vggcl("version; rm data/*"), 0);
    }
    /* Resized at the first of the live lines, of which there is one a second. */
    const char *last = output;
    assert_int_equal(vggcl_on_terminal(120, 30, "fetch --timeout 3 --from %s", http_url("stall")), 1);
    assert_true(widest_line(output, "download") > 30);
    for (const char *at = output; (at = strstr(at, "\033[Kdownload")); at++)
        last = at;
    assert_in_range(widest_line(last, "download"), 1, 29);
    assert_int_equal(vggcl("version; rm data/*"), 0);
}

static const char *json_text(const json_t *json, const char *name) {
    return json_string_value(json_object_get(json, name));
}

static void fetches_cifar(void **state) {
    (void)state;
    needs_libraries();
    const char *cifar = getenv("VGGCL_CIFAR10");
    if (!cifar || !*cifar) {
        print_message("VGGCL_CIFAR10 is not set\n");
        skip();
    }
    make_archive(cifar);
    assert_fails(1, "run the command again to continue", "fetch --from %s", http_url("cut"));
    assert_int_equal(vggcl("fetch --json --from %s", http_url("right")), 0);
    json_t *all = json_loads(output, 0, NULL);
    assert_string_equal(json_text(all, "end"), "fetched");
    assert_string_equal(json_text(all, "folder"), "data/" TOP);
    assert_true(json_is_null(json_object_get(all, "moved_to")));
    assert_int_equal(json_integer_value(json_object_get(all, "resumed_bytes")), http_range);
    assert_true(http_range > 90000000);
    json_decref(all);
    assert_string_equal(there(), TOP " ");
    assert_int_equal(vggcl("version; diff -r -x MD5SUMS data/" TOP " %s", cifar), 0);
    assert_int_equal(vggcl("fetch"), 0);
    assert_says("is CIFAR-10 already");
    assert_int_equal(vggcl("plan --data data/" TOP " --width 0.0625"), 0);
    assert_int_equal(vggcl("version; truncate -s -1 data/" TOP "/data_batch_2.bin; %s fetch 2>&1", VGGCL_PROGRAM), 1);
    assert_says("data_batch_2.bin has the MD5 sum");
    assert_says("force moves the folder aside");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(explains),
                                       cmocka_unit_test(version_lists_libraries),
                                       cmocka_unit_test(says_what_went_wrong),
                                       cmocka_unit_test(knows_cifar),
                                       cmocka_unit_test(knows_other_sets),
                                       cmocka_unit_test(interrupted),
                                       cmocka_unit_test(fits_terminal),
                                       cmocka_unit_test(fetches_cifar)};
    return cmocka_run_group_tests_name("cli fetch", tests, start, end);
}
