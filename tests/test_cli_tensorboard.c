/* src/files/records.c and events.c: checksums, records, the names of event files; src/base/log_file.c: what cannot be
 * written. tests/events.py has what TensorBoard reads. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/file.h"
#include "files/events.h"
#include "files/records.h"
#include "program.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *path_of(const char *name) {
    static char paths[4][256];
    static int turn;
    char *path = paths[turn++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static uint32_t unmasked(uint32_t checksum) {
    uint32_t rotated = checksum - UINT32_C(0xa282ead8);
    return rotated >> 17 | rotated << 15;
}

/* Of RFC 3720, B.4, and of the catalogue of CRC algorithms. */
static void checksums(void **state) {
    (void)state;
    uint8_t zeros[32] = {0}, ones[32], rising[32];
    memset(ones, 255, sizeof ones);
    for (size_t i = 0; i < sizeof rising; i++)
        rising[i] = (uint8_t)i;
    assert_int_equal(unmasked(records_checksum("", 0)), 0);
    assert_int_equal(unmasked(records_checksum("123456789", 9)), UINT32_C(0xe3069283));
    assert_int_equal(unmasked(records_checksum(zeros, 32)), UINT32_C(0x8a9136aa));
    assert_int_equal(unmasked(records_checksum(ones, 32)), UINT32_C(0x62a8ab43));
    assert_int_equal(unmasked(records_checksum(rising, 32)), UINT32_C(0x46dd794e));
}

/* Bytes that Python's tensorboard.summary.writer.record_writer.RecordWriter writes for b"vggcl". */
static void framing(void **state) {
    (void)state;
    static const uint8_t expected[] = {0x05, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xea, 0xb2, 0x04,
                                       0x3e, 0x76, 0x67, 0x67, 0x63, 0x6c, 0x9d, 0x9d, 0x34, 0xcc};
    struct log_file file;
    char *bytes;
    size_t size;
    assert_int_equal(log_file_open(&file, "tensorboard", path_of("record"), 0), VGGCL_OK);
    assert_int_equal(records_add(&file, "vggcl", 5), VGGCL_OK);
    assert_int_equal(log_file_sync(&file), VGGCL_OK);
    log_file_close(&file);
    assert_int_equal(file_read(path_of("record"), 100, &bytes, &size), VGGCL_OK);
    assert_int_equal(size, sizeof expected);
    assert_memory_equal(bytes, expected, size);
    free(bytes);
}

/* A later file has a later name, also within a second and after the clock was set back. */
static void names(void **state) {
    (void)state;
    struct log_file first, second, third;
    char moved_to[VGGCL_PATH_MAX], moved_again[VGGCL_PATH_MAX];
    int64_t latest;
    assert_false(records_in(path_of("a/b"), &latest));
    assert_int_equal(records_create(&first, "tensorboard", path_of("a/b")), VGGCL_OK);
    assert_int_equal(records_create(&second, "tensorboard", path_of("a/b")), VGGCL_OK);
    assert_true(strcmp(first.path, second.path) < 0);
    log_file_close(&first);
    assert_int_equal(log_file_open(&first, "x", path_of("a/b/events.out.tfevents.9000000000.host.1"), 0), VGGCL_OK);
    assert_true(records_in(path_of("a/b"), &latest));
    assert_int_equal(latest, INT64_C(9000000000));
    assert_int_equal(records_create(&third, "tensorboard", path_of("a/b")), VGGCL_OK);
    assert_non_null(strstr(third.path, "/events.out.tfevents.9000000001."));
    log_file_close(&first);
    log_file_close(&second);
    log_file_close(&third);

    assert_int_equal(records_move_aside("tensorboard", path_of("a/b/"), moved_to), VGGCL_OK);
    assert_non_null(strstr(moved_to, "/a/b.1"));
    assert_false(records_in(path_of("a/b"), &latest));
    assert_true(records_in(moved_to, &latest));
    assert_int_equal(records_create(&first, "tensorboard", path_of("a/b")), VGGCL_OK);
    log_file_close(&first);
    assert_int_equal(records_move_aside("tensorboard", path_of("a/b"), moved_again), VGGCL_OK);
    assert_non_null(strstr(moved_again, "/a/b.2"));
}

/* What cannot be written is kept, and an event of a file that is closed is nothing. */
static void full_disk(void **state) {
    (void)state;
    struct log_file file = LOG_FILE_CLOSED;
    assert_int_equal(events_add(&file, &(struct event){.kind = EVENT_SCALAR, .tag = "x"}), VGGCL_OK);
    assert_int_equal(file.size, 0);
    assert_int_equal(log_file_open(&file, "tensorboard", "/dev/full", 0), VGGCL_OK);
    assert_int_equal(records_add(&file, "vggcl", 5), VGGCL_OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(log_file_flush(&file), VGGCL_EIO);
        assert_string_equal(vggcl_error(), "tensorboard /dev/full: cannot be written: No space left on device");
        assert_int_equal(file.size, 21);
    }
    log_file_close(&file);
}

#ifdef VGGCL_PROTOBUF
#define TRAIN                                                                                                          \
    "train --data synthetic:64,10 --model vgg11 --width 0.0625 --batch 32 --epochs 2 --no-selfcheck --profile none "

static void bad_folders(void **state) {
    (void)state;
    fclose(fopen(path_of("file"), "w"));
    assert_fails(1, "tensorboard file: is not a folder\n", TRAIN "--save s --tensorboard file");
    if (geteuid() != 0) { /* root may write everywhere */
        mkdir(path_of("closed"), 0555);
        assert_fails(1, "tensorboard closed/events.out.tfevents.", TRAIN "--save s --tensorboard closed");
        assert_says(": cannot be written: Permission denied");
    }
}

/* Events that cannot be written end no training: the next save tries again, and the last one fails. */
static void training_goes_on(void **state) {
    (void)state;
    assert_int_equal(vggcl(TRAIN "--save built"), 0); /* PoCL's cached kernels may be larger than the limit */
    /* 512 KiB: enough for the state, too little for the histograms of 20 epochs. */
    assert_int_equal(vggcl("version >/dev/null; { ulimit -f 1024; trap '' XFSZ; " VGGCL_PROGRAM " " TRAIN
                           "--epochs 20 --save g --tensorboard tb; }"),
                     1);
    assert_says("vggcl: warning: tensorboard tb/events.out.tfevents.");
    assert_says(": cannot be written: File too large; ");
    assert_says("the last save of the run failed");
    assert_int_equal(vggcl("version >/dev/null; test -s g/last.safetensors && wc -l < g/accuracy.csv"), 0);
    assert_says("21\n");
}

/* What a run of another folder has written there stays. */
static void other_files_stay(void **state) {
    (void)state;
    assert_int_equal(vggcl(TRAIN "--save runs/x --tensorboard runs/x"), 0);
    assert_int_equal(vggcl("version >/dev/null; ls runs/x"), 0);
    assert_says("accuracy.csv\nbest.safetensors\nconfig.json\nevents.out.tfevents.");
}
#else
static void not_built_in(void **state) {
    (void)state;
    assert_fails(2, "tensorboard: this vggcl was built without libprotobuf-c",
                 "train --data synthetic --tensorboard tb --save s");
    assert_false(file_exists(path_of("s")));
}
#endif

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checksums),   cmocka_unit_test(framing),          cmocka_unit_test(names),
        cmocka_unit_test(full_disk),
#ifdef VGGCL_PROTOBUF
        cmocka_unit_test(bad_folders), cmocka_unit_test(training_goes_on), cmocka_unit_test(other_files_stay),
#else
        cmocka_unit_test(not_built_in),
#endif
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
