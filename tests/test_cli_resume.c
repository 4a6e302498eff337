/* The program: only one run at a time uses a folder, runs resumed in another folder or with other options, and errors
 * whose advice is followed and works. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "program.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NETWORK "--model vgg11 --width 0.0625 --batch 32 --no-dropout"
#define RECIPE  "--data synthetic:200,50 " NETWORK /* 7 steps an epoch */

/* Runs shell commands in the test's folder, V standing for the program. */
static int shell(const char *commands) {
    return vggcl("version >/dev/null; { V=%s; %s; }", VGGCL_PROGRAM, commands);
}

/* Shell: starts a run into DIR that does not end by itself and waits for its first state; $run is its process. */
#define START(dir)                                                                                                     \
    "$V train " RECIPE " --epochs 100000 --save-every 100000 --checkpoint-every 3 --save " dir " >" dir ".log 2>&1 & " \
    "run=$!; until test -e " dir "/last.safetensors; do sleep 0.1; done; "

static char *keep_hash(char hash[17]) {
    return strcpy(hash, weights_hash());
}

/* ----------------------------------------------------------------------------------------------- one to a folder -- */

static void folder_has_one_run(void **state) {
    (void)state;
    assert_int_equal(shell(START("main") "$V train " RECIPE " --epochs 1 --save main; echo new $?;"
                                         "$V train --resume main; echo resumed $?;"
                                         "$V train --resume main --save copy; echo copied $?;"
                                         "sleep 1; kill -TERM $run; wait $run; echo first $?; ls -A"),
                     0);
    assert_says("vggcl: error: main: in use by process ");
    assert_says("or set save to another folder");
    assert_says("new 1\n");
    assert_says("resumed 1\n");
    assert_says("copied 1\n");
    assert_says("first 130\n");
    assert_null(strstr(output, "main.1"));
    assert_null(strstr(output, "\ncopy"));
    /* Nothing of the first run is lost, and its lock is gone. */
    assert_int_equal(
        shell("ls -A main; sed 1d main/accuracy.csv | cut -d, -f1 > numbers; seq $(wc -l < numbers) | cmp - numbers"),
        0);
    assert_null(strstr(output, "lock"));
    assert_null(strstr(output, ".tmp"));
    assert_int_equal(shell("$V train " RECIPE " --epochs 1 --save main"), 0);
    assert_says("the earlier run there is now in main.1");
}

static void killed_run_holds_nothing(void **state) {
    (void)state;
    assert_int_equal(shell(START("killed") "kill -KILL $run; wait $run; ls -A killed"), 0);
    assert_says(".vggcl-lock");
    assert_int_equal(shell("$V train --resume killed --epochs 1 --steps 1; ls -A killed"), 0);
    assert_null(strstr(output, "lock"));
}

/* A run saves into its folder, whatever that is called by now and whatever else has got its name. */
static void renamed_folder_is_the_same(void **state) {
    (void)state;
    assert_int_equal(shell(START("before") "mv before after; mkdir before; touch mark; sleep 1; kill -TERM $run;"
                                           "wait $run; ls -A before | wc -l; find after -newer mark"),
                     0);
    assert_says("0\n");
    assert_says("after/last.safetensors");
    assert_says("after/accuracy.csv");
    assert_int_equal(shell("steps=$(sed -nE 's/^stopped.* ([0-9]+) steps.*/\\1/p' before.log);"
                           "$V train --resume after --steps 1 | grep -F \"has done $steps step\""),
                     0);
}

/* ----------------------------------------------------------------------------------------------------- elsewhere -- */

static void continues_in_another_folder(void **state) {
    (void)state;
    char whole[17];
    assert_int_equal(vggcl("train " RECIPE " --epochs 3 --save whole"), 0);
    keep_hash(whole);
    assert_int_equal(vggcl("train " RECIPE " --epochs 3 --save a --steps 17"), 0);
    assert_int_equal(shell("md5sum a/* > sums; chmod a-w a/*; $V train --resume a --save b"), 0);
    assert_string_equal(weights_hash(), whole);
    assert_says("resumed  a, in epoch 3, after step 17");
    assert_int_equal(shell("md5sum --quiet -c sums && test $(ls -A a | wc -l) = $(wc -l < sums) &&"
                           "cmp a/config.json b/config.json && cut -d, -f1-6,9 whole/accuracy.csv > record &&"
                           "cut -d, -f1-6,9 b/accuracy.csv | cmp - record && ls b"),
                     0);
    assert_says("best.safetensors");
    /* An earlier run in that folder is moved, as by a new run. */
    assert_int_equal(vggcl("train --resume a --save b"), 0);
    assert_string_equal(weights_hash(), whole);
    assert_says("is now in b.1");
    /* The same folder by another name. */
    assert_int_equal(shell("ln -s a link; $V train --resume a --save link/."), 0);
    assert_string_equal(weights_hash(), whole);
    assert_null(strstr(output, "is now in"));
}

/* Seeds of more than 53 bits, which a double does not hold: the stored and resumed seed is the same number. */
static void keeps_large_seeds(void **state) {
    (void)state;
    char whole[17];
    assert_int_equal(vggcl("train " RECIPE " --seed 9007199254740993 --epochs 1 --save seeded"), 0);
    keep_hash(whole);
    assert_int_equal(vggcl("train " RECIPE " --seed 9007199254740993 --epochs 1 --save cut --steps 3"), 0);
    assert_int_equal(shell("grep '\"seed\": 9007199254740993,' cut/config.json"), 0);
    assert_fails(2, "which has 9007199254740993", "train --resume cut --seed 9007199254740992");
    assert_int_equal(vggcl("train --resume cut"), 0);
    assert_string_equal(weights_hash(), whole);
    assert_int_equal(vggcl("train --config seeded/config.json --save again --profile none --no-selfcheck"), 0);
    assert_string_equal(weights_hash(), whole);
    assert_int_equal(vggcl("train " RECIPE " --seed 9007199254740992 --epochs 1 --save other"), 0);
    assert_string_not_equal(weights_hash(), whole);
}

static void finds_its_data(void **state) {
    (void)state;
    char whole[17];
    assert_int_equal(vggcl("synth --out set --train 200 --test 50"), 0);
    assert_int_equal(vggcl("train --data set " NETWORK " --epochs 2 --save w"), 0);
    keep_hash(whole);
    /* From another working folder. */
    assert_int_equal(vggcl("train --data set " NETWORK " --epochs 2 --save d --steps 9"), 0);
    assert_int_equal(shell("cp -r d d2; cp -r d d3; mkdir below; cd below; $V train --resume ../d"), 0);
    assert_string_equal(weights_hash(), whole);
    /* Moved: the error asks for --data, which is taken. */
    assert_int_equal(shell("mv set moved"), 0);
    assert_fails(1, "/set: there is no such folder any more, but the run in d2 is trained on the data set in it",
                 "train --resume d2");
    assert_says("type `vggcl train --resume d2 --data DIR`\n");
    assert_int_equal(vggcl("train --resume d2 --data moved"), 0);
    assert_string_equal(weights_hash(), whole);
    assert_says("note     data: moved from now on, set so far");
    /* From there the next time. */
    assert_int_equal(vggcl("train --resume d2 --epochs 3"), 0);
    /* Other images, as many: refused, and what the error advises works. */
    assert_int_equal(vggcl("synth --out others --train 200 --test 50 --seed 1"), 0);
    assert_fails(2, "other images than those of the run in d3/last.safetensors", "train --resume d3 --data others");
    assert_says("set data to the folder that has them");
    assert_says("weights set to d3/last.safetensors");
    assert_int_equal(vggcl("train --data others --weights d3/last.safetensors " NETWORK " --epochs 1 --save new"), 0);
}

/* A stored device that is not here is not taken for one that was typed. */
static void names_its_device(void **state) {
    (void)state;
    assert_int_equal(vggcl("train " RECIPE " --epochs 2 --save v --steps 3 --device 0:0"), 0);
    assert_int_equal(
        shell("LC_ALL=C sed -i 's/\"device\":\"0:0\"/\"device\":\"9:0\"/; s/vggcl[.]checksum/vggcl.CHECKSUM/;"
              "s/driver\\\\\": \\\\\"../driver\\\\\": \\\\\"XX/' v/last.safetensors"),
        0);
    assert_fails(6, "the run in v used device 9:0, ", "train --resume v");
    assert_says(", which cannot be used now: device 9:0: no such OpenCL device; there are: 0:0 ");
    assert_says("type `vggcl train --resume v --device P:D`\n");
    assert_fails(6, "device 8:0: no such OpenCL device", "train --resume v --device 8:0");
    assert_null(strstr(output, "the run in v used"));
    assert_int_equal(vggcl("train --resume v --device 0:0"), 0);
    assert_says("note     device: 0:0 from now on, 9:0 so far\n");
    assert_says("so far: the weights will not be bit for bit those of a run on one device\n");
    assert_int_equal(shell("VGGCL_DEVICE=nothing $V train " RECIPE " --save v2"), 6);
    assert_says("vggcl: error: VGGCL_DEVICE nothing: no such OpenCL device; there are: 0:0 ");
}

/* ----------------------------------------------------------------------------------------------------- otherwise -- */

static void changes_the_schedule(void **state) {
    (void)state;
    assert_int_equal(vggcl("train " RECIPE " --epochs 4 --schedule linear --save s --steps 14"), 0);
    assert_int_equal(vggcl("train --resume s --epochs 8 --steps 21"), 0);
    assert_says("note     epochs: 8 from now on, 4 so far");
    assert_says("vggcl: warning: the learning rate of the next step is 0.0075, not the 0.005 of the schedule so far");
    assert_int_equal(vggcl("train --resume s --steps 28"), 0);
    assert_null(strstr(output, "note "));
    assert_int_equal(vggcl("train --resume s --schedule step --lr 0.00375 --steps 29"), 0);
    assert_says("note     schedule: step from now on, linear so far");
    assert_says("warning: the learning rate of the next step is 0.00375, not the 0.005 of");
    assert_fails(2, "momentum 0.5 contradicts", "train --resume s --momentum 0.5");
}

/* With a learning rate of 0 the accuracy stays that of the first epoch. */
static void ends_early(void **state) {
    (void)state;
    assert_int_equal(vggcl("train " RECIPE " --no-bn --lr 0 --epochs 10 --patience 2 --save e"), 0);
    assert_says("done after 3 epochs, 21 steps, in ");
    assert_says("because the accuracy does not improve any more; best test accuracy ");
    assert_says(" in epoch 1\n");
    assert_int_equal(vggcl("train --resume e"), 0);
    assert_says(
        "complete the run in e has done 3 of 10 epochs, 21 steps, and ended because the accuracy does not improve");
    assert_says("to train on, type: vggcl train --resume e --patience 0\n");
    assert_int_equal(vggcl("train --resume e --patience 4"), 0);
    assert_says("done after 5 epochs, 35 steps, in ");
    assert_int_equal(vggcl("train --resume e --patience 0 --epochs 6"), 0);
    assert_says("done after 6 epochs, 42 steps, in ");
    assert_null(strstr(output, "does not improve"));
}

/* The last command that the output advises, "`vggcl ...`" or "type: vggcl ...\n", is run with these words behind it. */
static int follow(const char *words) {
    char command[256] = "";
    for (const char *at = output; (at = strstr(at, "vggcl train ")); at++)
        if (strchr("` ", at[-1]))
            sscanf(at, "vggcl %255[^`\n]", command);
    return vggcl("%s %s", command, words);
}

/* Says so without a device, and what it advises trains on. */
static void complete_run_says_so(void **state) {
    (void)state;
    char hash[17];
    assert_int_equal(vggcl("train " RECIPE " --epochs 1 --save one"), 0);
    assert_says("done after 1 epoch, 7 steps, in ");
    keep_hash(hash);
    assert_int_equal(shell("rm one/accuracy.csv; OCL_ICD_VENDORS=/nowhere $V train --resume one"), 0);
    assert_says("complete the run in one has done 1 of 1 epoch, 7 steps; best test accuracy ");
    assert_says("note     accuracy.csv: was missing; it is restored from the state\n");
    assert_string_equal(weights_hash(), hash);
    assert_null(strstr(output, "device"));
    assert_int_equal(follow(""), 0);
    assert_says("done after 2 epochs, 14 steps, in ");
    assert_int_equal(vggcl("train --resume one --epochs 1"), 0);
    assert_says("complete the run in one has done 2 epochs, more than --epochs 1; best ");
    assert_int_equal(follow("--steps 15"), 0);
    assert_says("stopped after 2 epochs, 15 steps, in ");
    assert_int_equal(vggcl("train --resume one --steps 15"), 0);
    assert_says("complete the run in one has done 15 steps, and --steps asks for no more; best ");
    assert_int_equal(follow("--steps 16"), 0);
    assert_says("stopped after 2 epochs, 16 steps, in ");
}

/* --resume of something else than a run's folder: what the error advises works. */
static void resumes_what_was_meant(void **state) {
    (void)state;
    assert_int_equal(vggcl("train " RECIPE " --epochs 1 --save there/run"), 0);
    assert_int_equal(shell("$V train --resume there/run/last.safetensors --epochs 2 && cd there/run &&"
                           "$V train --resume last.safetensors --epochs 3"),
                     0);
    assert_says("resumed  ., in epoch 3, after step 14\n");
    assert_fails(2, "there/run/best.safetensors: has weights, but resume takes the folder of a run",
                 "train --resume there/run/best.safetensors");
    assert_says("type `vggcl train --weights there/run/best.safetensors`");
    assert_says("type `vggcl train --resume there/run`\n");
    assert_int_equal(follow("--epochs 4"), 0);
    assert_fails(2, "is the state before the newest one", "train --resume there/run/last.safetensors.1");
    assert_fails(2, "there/run/config.json: is not the folder of a run", "train --resume there/run/config.json");
    assert_fails(1, "there: has no last.safetensors, the state of a run; the folders in it that have one: there/run",
                 "train --resume there");
    assert_int_equal(follow("--epochs 5"), 0);
    assert_fails(1, "there/nowhere: does not exist; folders beside it that have one: there/run: ",
                 "train --resume there/nowhere");
    assert_int_equal(follow("--epochs 6"), 0);
    assert_int_equal(shell("mkdir none none/empty; cp there/run/best.safetensors none"), 0);
    assert_fails(1, "none/empty: has no last.safetensors, the state of a run; no folder beside it has one either",
                 "train --resume none/empty");
    assert_fails(1, "none: has no last.safetensors, the state of a run, but weights", "train --resume none");
    assert_int_equal(follow("--data synthetic:200,50 --steps 1 --save from-weights"), 0);
}

/* A run that failed can do what its error advises. */
static void takes_the_advice(void **state) {
    (void)state;
    assert_fails(3, "try a smaller lr", "train " RECIPE " --lr 1e6 --epochs 1 --save n");
    assert_int_equal(vggcl("train --resume n --lr 0.001"), 0);
    assert_fails(3, "try storage float, or a smaller lr",
                 "train " RECIPE " --lr 1e6 --storage half --epochs 1 --save n2");
    assert_int_equal(shell("cp -r n2 n3; $V train --resume n2 --storage float --lr 0.001"), 0);
    assert_int_equal(vggcl("train --resume n3 --lr 0.001"), 0);
    /* "try the option gemm=tiled", of a product that CLBlast cannot do; and another algorithm. */
    assert_int_equal(vggcl("train " RECIPE " --gemm clblast --conv im2col --epochs 2 --save g --steps 7"), 0);
    assert_int_equal(vggcl("train --resume g --gemm tiled --conv direct"), 0);
    assert_says("note     gemm: tiled from now on, clblast so far");
    /* "leave the option out, or start another run" */
    assert_fails(2, "leave the option out", "train --resume g --batch 16");
    assert_int_equal(vggcl("train --resume g --epochs 3"), 0);
    /* Several devices, which a resumed run may have other ones of; a device can be cut, but not named twice. */
    assert_int_equal(vggcl("train " RECIPE " --nesterov --epochs 1 --save m --steps 3"), 0);
    assert_int_equal(vggcl("train --resume m --device 0:0/2"), 0);
    assert_fails(2, "or cut it into parts: 0:0/2", "train " RECIPE " --device 0:0 --device 0:0 --save c");
    assert_fails(2, "a number from 1 to 65536 for each", "train " RECIPE " --device 0:0/2 --device-split 3 --save c");
    assert_int_equal(vggcl("train " RECIPE " --device 0:0/2 --device-split 3:1 --epochs 1 --save c"), 0);
    /* "profile: ... leave the option out" is the same; "set mem-limit to less": */
    assert_int_equal(vggcl("train --resume g --epochs 4 --mem-limit 64M"), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(folder_has_one_run),
                                       cmocka_unit_test(killed_run_holds_nothing),
                                       cmocka_unit_test(renamed_folder_is_the_same),
                                       cmocka_unit_test(continues_in_another_folder),
                                       cmocka_unit_test(keeps_large_seeds),
                                       cmocka_unit_test(finds_its_data),
                                       cmocka_unit_test(names_its_device),
                                       cmocka_unit_test(changes_the_schedule),
                                       cmocka_unit_test(ends_early),
                                       cmocka_unit_test(complete_run_says_so),
                                       cmocka_unit_test(resumes_what_was_meant),
                                       cmocka_unit_test(takes_the_advice)};
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
