/* The state of a run that is damaged, missing or contradicts itself; and earlier runs, which are never overwritten. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "files/safetensors.h"
#include "program.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SET     "--data synthetic:200,50 "
#define QUICK   "--no-selfcheck --profile none "
#define NETWORK "--model vgg11 --width 0.0625 --batch 32 --no-dropout "
#define TRAIN   "train " SET NETWORK QUICK /* 7 steps an epoch */
#define RESUME  "train --no-selfcheck --resume "

static char whole[17]; /* the weights' hash of the run of 3 epochs in the folder "whole" */

static const char *path_of(const char *name) {
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

/* Runs shell commands in the test's folder. */
static int shell(const char *commands) {
    return vggcl("version >/dev/null; { %s; }", commands);
}

/* A copy of a run that was stopped in its third epoch: after step 17, the state before it after step 14. */
static void copy_run(const char *name) {
    char commands[256];
    snprintf(commands, sizeof commands, "rm -rf %s && cp -r stopped %s", name, name);
    assert_int_equal(shell(commands), 0);
}

static int begin(void **state) {
    if (make_folder(state) != 0 || vggcl(TRAIN "--epochs 3 --save whole") != 0)
        return -1;
    strcpy(whole, weights_hash());
    return vggcl(TRAIN "--epochs 3 --steps 17 --save stopped");
}

/* ----------------------------------------------------------------------------------------------- damaged states -- */

/* The bytes of a file, which the caller frees. */
static unsigned char *read_bytes(const char *name, size_t *size) {
    FILE *file = fopen(path_of(name), "rb");
    struct stat status;
    assert_true(file && fstat(fileno(file), &status) == 0);
    *size = (size_t)status.st_size;
    unsigned char *bytes = malloc(*size);
    assert_int_equal(fread(bytes, 1, *size, file), *size);
    fclose(file);
    return bytes;
}

static void write_bytes(const char *name, const unsigned char *bytes, size_t size) {
    FILE *file = fopen(path_of(name), "wb");
    assert_true(file && fwrite(bytes, 1, size, file) == size);
    assert_int_equal(fclose(file), 0);
}

static void flip(const char *name, size_t at) {
    size_t size;
    unsigned char *bytes = read_bytes(name, &size);
    bytes[at] ^= 1;
    write_bytes(name, bytes, size);
    free(bytes);
}

/* The offset of the first value in a file, and of a text in its header. */
static size_t data_at(const unsigned char *bytes) {
    uint64_t length;
    memcpy(&length, bytes, sizeof length);
    return sizeof length + (size_t)length;
}

static size_t place_of(const char *name, const char *text) {
    size_t size;
    unsigned char *bytes = read_bytes(name, &size);
    const unsigned char *at = memmem(bytes, size, text, strlen(text));
    assert_non_null(at);
    size_t place = (size_t)(at - bytes) + strlen(text);
    free(bytes);
    return place;
}

/* A bit in the middle of each tensor: weights, running statistics and the optimiser's. */
static void finds_a_bit_in_each_tensor(void **state) {
    (void)state;
    struct safetensors file, damaged;
    size_t size, count = 0;
    copy_run("bits");
    assert_int_equal(safetensors_read(path_of("bits/last.safetensors"), &file), VGGCL_OK);
    unsigned char *bytes = read_bytes("bits/last.safetensors", &size);
    size_t at = data_at(bytes);
    for (size_t i = 0; i < file.count; i++) {
        size_t half = record_count(&file.records[i]) * sizeof(float) / 2;
        bytes[at + half] ^= 0x10;
        write_bytes("bits/last.safetensors", bytes, size);
        assert_int_equal(safetensors_read(path_of("bits/last.safetensors"), &damaged), VGGCL_EFORMAT);
        assert_non_null(strstr(vggcl_error(), "last.safetensors: its contents have the checksum "));
        bytes[at + half] ^= 0x10;
        at += record_count(&file.records[i]) * sizeof(float);
        count += strncmp(file.records[i].name, "velocity.", 9) == 0;
    }
    assert_int_equal(at, size);
    assert_in_range(count, 10, file.count - 10);
    free(bytes);
    safetensors_free(&file);
}

/* Goes on from the state before the last one, says so, and ends as the run that was never stopped. */
static void assert_takes_older(const char *name, const char *why) {
    char command[256];
    assert_int_equal(vggcl("version >/dev/null; (%s " RESUME "%s 2>%s.err)", VGGCL_PROGRAM, name, name), 0);
    assert_string_equal(weights_hash(), whole);
    assert_says(", in epoch 3, after step 14\n");
    assert_null(strstr(output, "warning"));
    snprintf(command, sizeof command, "cat %s.err; cmp %s/best.safetensors whole/best.safetensors", name, name);
    assert_int_equal(shell(command), 0);
    assert_non_null(strstr(output, "vggcl: warning: "));
    assert_says(why);
    snprintf(command, sizeof command, "; resumed from the state before it, %s/last.safetensors.1\n", name);
    assert_says(command);
    snprintf(command, sizeof command,
             "cut -d, -f1-6,9 whole/accuracy.csv >rows; cut -d, -f1-6,9 %s/accuracy.csv | cmp - rows", name);
    assert_int_equal(shell(command), 0);
    assert_int_equal(vggcl(RESUME "%s", name), 0); /* there is a whole newest state again */
    assert_null(strstr(output, "warning"));
    assert_string_equal(weights_hash(), whole);
}

static void takes_the_older_state(void **state) {
    (void)state;
    copy_run("a");
    flip("a/last.safetensors", place_of("a/last.safetensors", "\"state.epoch\":\"")); /* 2 becomes 3 */
    assert_takes_older("a", "a/last.safetensors: its contents have the checksum ");
    copy_run("b");
    flip("b/last.safetensors", 1); /* the length of the header */
    assert_takes_older("b", "b/last.safetensors: ");
    copy_run("c");
    assert_int_equal(shell("truncate -s -40000 c/last.safetensors"), 0);
    assert_takes_older("c", "c/last.safetensors: has ");
    copy_run("d");
    assert_int_equal(shell("rm d/last.safetensors"), 0);
    assert_takes_older("d", "d/last.safetensors: cannot be opened: No such file or directory");
}

/* The state after the second epoch is damaged; the one before it is of the first epoch, whose row alone is kept. */
static void repeats_an_epoch(void **state) {
    (void)state;
    assert_int_equal(vggcl(TRAIN "--epochs 3 --steps 14 --save e"), 0);
    assert_int_equal(shell("truncate -s 0 e/last.safetensors; wc -l <e/accuracy.csv"), 0);
    assert_string_equal(output, "3\n");
    assert_int_equal(vggcl(RESUME "e --steps 14"), 0);
    assert_says(", in epoch 2, after step 7\n");
    assert_int_equal(vggcl(RESUME "e"), 0);
    assert_string_equal(weights_hash(), whole);
    assert_int_equal(shell("cmp e/best.safetensors whole/best.safetensors && cut -d, -f1-6,9 whole/accuracy.csv >rows;"
                           "cut -d, -f1-6,9 e/accuracy.csv | cmp - rows"),
                     0);
}

/* In another folder; the damaged one is only read. */
static void takes_the_older_state_elsewhere(void **state) {
    (void)state;
    copy_run("f");
    flip("f/last.safetensors", 5000);
    assert_int_equal(shell("md5sum f/* >sums"), 0);
    assert_int_equal(vggcl(RESUME "f --save g"), 0);
    assert_string_equal(weights_hash(), whole);
    assert_says("vggcl: warning: f/last.safetensors: ");
    assert_int_equal(shell("md5sum --quiet -c sums && cmp g/best.safetensors whole/best.safetensors"), 0);
}

static void has_no_whole_state(void **state) {
    (void)state;
    copy_run("h");
    flip("h/last.safetensors", 5000);
    flip("h/last.safetensors.1", 5001);
    assert_int_equal(shell("md5sum h/* >sums"), 0);
    assert_fails(1, "h/last.safetensors: ", RESUME "h");
    assert_says("the state before it cannot be used either: h/last.safetensors.1: ");
    assert_says("`vggcl train --weights h/best.safetensors`");
    assert_int_equal(shell("rm h/last.safetensors.1"), 0);
    assert_fails(1, "h/last.safetensors.1: cannot be opened", RESUME "h");
    assert_int_equal(shell("rm h/last.safetensors"), 0);
    assert_fails(1, "h: has no last.safetensors, the state of a run, but weights; to start a new run", RESUME "h");
    assert_int_equal(vggcl(TRAIN "--weights h/best.safetensors --steps 1 --save i"), 0);
}

/* A whole state that cannot be continued is an error, and the older one is not taken for it. */
static void keeps_to_a_whole_state(void **state) {
    (void)state;
    copy_run("j");
    assert_fails(2, "other images than those of the run in j/last.safetensors", RESUME "j --data synthetic:201,50");
    assert_int_equal(shell("rm j/last.safetensors"), 0);
    assert_fails(2, "momentum 0.5 contradicts the run in j/last.safetensors.1", RESUME "j --momentum 0.5");
}

/* ------------------------------------------------------------------------------------------ contradicting states -- */

/* Writes the file again, as a program that keeps to the format does, with another value of one key of its metadata. */
static void rewrite(const char *name, const char *key, const char *value) {
    struct safetensors file;
    struct folder here;
    const char *pairs[256], *each;
    size_t count = 0;
    json_t *text;
    assert_int_equal(safetensors_read(path_of(name), &file), VGGCL_OK);
    json_t *metadata = json_object_get(file.header, "__metadata__");
    assert_non_null(json_object_get(metadata, key));
    json_object_del(metadata, "vggcl.checksum");
    json_object_set_new(metadata, key, json_string(value));
    json_object_foreach(metadata, each, text) {
        pairs[count++] = each;
        pairs[count++] = json_string_value(text);
    }
    pairs[count] = NULL;
    assert_int_equal(folder_open(&here, folder), VGGCL_OK);
    assert_int_equal(safetensors_write(&here, name, file.records, file.count, pairs), VGGCL_OK);
    folder_close(&here);
    safetensors_free(&file);
}

/* One number of the state after step 17 is another one: epoch 2 of 7 steps, step 3 of the next one, 200 images in
 * batches of 32. */
static void refuses_contradictions(void **state) {
    (void)state;
    static const struct {
        const char *key, *value, *error;
    } cases[] = {
        {"state.step", "18",
         "state.step is 18, but state.epoch 2 and state.epoch_step 3, with 200 images in batches "
         "of 32, make 17"},
        {"state.step", "17.5", "state.step is '17.5', not a whole number"},
        {"state.epoch", "3", "epoch 3"},
        {"state.epoch", "0", "state.best_epoch is "},
        {"state.epoch_step", "8", "state.epoch_step is 8, but an epoch of 200 images in batches of 32 has 7 steps"},
        {"state.epoch_step", "4", "state.epoch_step 4, with 200 images in batches of 32, make 18"},
        {"state.epoch_step", "0", "state.epoch_step is 0, but state.correct is "},
        {"state.correct", "97", "state.correct is 97, but state.epoch_step 3 is 96 images"},
        {"state.loss_sum", "inf", "state.loss_sum is 'inf', not a number from 0 to "},
        {"state.best_epoch", "3", "state.best_epoch is 3, but state.epoch is 2"},
        {"state.best_epoch", "0", "state.best_epoch is 0, but state.epoch is 2"},
        {"state.best_accuracy", "1.5", "state.best_accuracy is '1.5', not a number from 0 to 1"},
        {"batch", "16", "state.step is 17, but state.epoch 2 and state.epoch_step 3, with 200 images in batches of 16"},
        {"optimizer", "lion", "k/last.safetensors: optimizer: takes one of "}, /* of a later version */
        {"limit", "100", "other images than those of the run in k/last.safetensors"},
        {"state.weights_hash", "0123456789abcdef", "not 0123456789abcdef: the device or its driver changed them"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        copy_run("k");
        rewrite("k/last.safetensors", cases[i].key, cases[i].value);
        int status = vggcl(RESUME "k");
        if (status == 0 || !strstr(output, "vggcl: error: ") || !strstr(output, cases[i].error))
            fail_msg("%s %s: status %d, %s", cases[i].key, cases[i].value, status, output);
        assert_null(strstr(output, "last.safetensors.1"));
    }
}

/* Every command that reads weights. */
static void refuses_damaged_weights(void **state) {
    (void)state;
    static const char *const commands[] = {"eval " SET, "inspect " SET, TRAIN, "predict x.png "};
    assert_int_equal(shell("cp whole/best.safetensors w.safetensors"), 0);
    assert_int_equal(vggcl("eval --profile none --weights w.safetensors"), 0);
    flip("w.safetensors", place_of("w.safetensors", "\"image.mean\":\"[0.")); /* 5 becomes 4 */
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        assert_fails(1, "w.safetensors: its contents have the checksum ", "%s --weights w.safetensors", commands[i]);
    assert_says("; restore it from a copy");
}

/* ------------------------------------------------------------------------------------------------ earlier runs -- */

/* Any result of a run makes a folder that of an earlier run. */
static void moves_what_it_would_overwrite(void **state) {
    (void)state;
    static const char *const names[] = {"accuracy.csv", "best.safetensors", "epoch-025.safetensors",
                                        "last.safetensors.1"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char commands[256];
        snprintf(commands, sizeof commands, "rm -rf m m.1; mkdir m; echo mine >m/%s; echo note >m/notes.txt", names[i]);
        assert_int_equal(shell(commands), 0);
        assert_int_equal(vggcl(TRAIN "--steps 1 --save m"), 0);
        assert_says("save     m; the earlier run there is now in m.1\n");
        snprintf(commands, sizeof commands, "cat m.1/%s m.1/notes.txt; ls m.1 | wc -l; ls m | wc -l", names[i]);
        assert_int_equal(shell(commands), 0);
        assert_string_equal(output, "mine\nnote\n2\n3\n"); /* in m: config.json and two states */
    }
}

/* Files that are not a run's stay, and the run is saved beside them. */
static void leaves_other_files(void **state) {
    (void)state;
    assert_int_equal(shell("mkdir o; echo mine | tee o/epoch-notes.txt o/weights.safetensors >o/accuracy.csv.old"), 0);
    assert_int_equal(vggcl(TRAIN "--steps 1 --save o"), 0);
    assert_null(strstr(output, "is now in"));
    assert_int_equal(shell("cat o/epoch-notes.txt o/weights.safetensors o/accuracy.csv.old; ls -d o*"), 0);
    assert_string_equal(output, "mine\nmine\nmine\no\n");
}

/* A folder of another program is not moved for its config.json, which is. */
static void keeps_the_config_of_others(void **state) {
    (void)state;
    assert_int_equal(shell("mkdir cfg; echo mine >cfg/config.json"), 0);
    assert_int_equal(vggcl(TRAIN "--steps 1 --save cfg"), 0);
    assert_says("config.json: the file that was in cfg is now cfg/config.json.1\n");
    assert_int_equal(shell("mkdir cfh; echo mine >cfh/config.json"), 0);
    assert_int_equal(vggcl("train --resume cfg --save cfh --steps 2"), 0);
    assert_says("config.json: the file that was in cfh is now cfh/config.json.1\n");
    assert_int_equal(
        shell("cat cfg/config.json.1 cfh/config.json.1; cmp cfg/config.json cfh/config.json; ls -d cfg* cfh*"), 0);
    assert_string_equal(output, "mine\nmine\ncfg\ncfh\n");
}

/* Nothing is moved for a run that cannot start; where the first state cannot be saved, the error says what was moved.
 */
static void moves_when_it_is_ready(void **state) {
    (void)state;
    copy_run("p");
    assert_int_equal(shell("md5sum p/* >sums"), 0);
    assert_fails(1, "nowhere", TRAIN "--data nowhere --save p");
    assert_fails(1, "nowhere", TRAIN "--kernel-dir nowhere --save p");
    assert_fails(1, "w.safetensors", TRAIN "--weights no/w.safetensors --save p");
    assert_int_equal(shell("md5sum --quiet -c sums; ls -d p*"), 0);
    assert_string_equal(output, "p\n");
    assert_fails(1, "p/config.json: cannot be written",
                 "version; trap '' XFSZ; ulimit -f 1; %s " TRAIN "--steps 1 --save p", VGGCL_PROGRAM);
    assert_says("; the earlier run in p is now in p.1\n");
    assert_int_equal(shell("rm -r p; mv p.1 p; md5sum --quiet -c sums"), 0);
}

/* As from "$UNSET": not a new run. */
static void refuses_empty_arguments(void **state) {
    (void)state;
    copy_run("save");
    assert_int_equal(shell("md5sum save/* >sums"), 0);
    assert_fails(2, "--resume: its argument is empty; give a DIR, or leave the option out", TRAIN "--resume ''");
    assert_fails(2, "--resume: its argument is empty", TRAIN "--resume=");
    assert_fails(2, "--weights: its argument is empty; give a FILE", TRAIN "--weights \"$UNSET\"");
    assert_fails(2, "--save: its argument is empty", TRAIN "--save ''");
    assert_int_equal(shell("md5sum --quiet -c sums; ls -d save*"), 0);
    assert_string_equal(output, "save\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_a_bit_in_each_tensor),
        cmocka_unit_test(takes_the_older_state),
        cmocka_unit_test(repeats_an_epoch),
        cmocka_unit_test(takes_the_older_state_elsewhere),
        cmocka_unit_test(has_no_whole_state),
        cmocka_unit_test(keeps_to_a_whole_state),
        cmocka_unit_test(refuses_contradictions),
        cmocka_unit_test(refuses_damaged_weights),
        cmocka_unit_test(moves_what_it_would_overwrite),
        cmocka_unit_test(leaves_other_files),
        cmocka_unit_test(keeps_the_config_of_others),
        cmocka_unit_test(moves_when_it_is_ready),
        cmocka_unit_test(refuses_empty_arguments),
    };
    return cmocka_run_group_tests(tests, begin, remove_folder);
}
