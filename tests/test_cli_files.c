/* Files that the program finds: caches of other users, closed standard descriptors, FIFOs in the place of files. */
#define _POSIX_C_SOURCE 200809L
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "program.h"

#include <stdlib.h>
#include <string.h>

static int occurrences(const char *text) {
    int count = 0;
    for (const char *at = output; (at = strstr(at, text)); at++)
        count++;
    return count;
}

/* A cache folder that others can write to is not used, which is said once, where a cache would be used. */
static void cache_of_others(void **state) {
    (void)state;
    static const char warning[] = "vggcl: warning: cache folder open: can be written by others (chmod go-w mends that)";
    assert_int_equal(vggcl("version; mkdir -m 0770 open"), 0);
    assert_int_equal(
        vggcl("version; VGGCL_CACHE_DIR=open %s bench --model vgg11 --width 0.0625 --batch 2 --steps 1", VGGCL_PROGRAM),
        0);
    assert_int_equal(occurrences("warning"), 1);
    assert_says(warning);
    assert_int_equal(vggcl("version; VGGCL_CACHE_DIR=open %s devices", VGGCL_PROGRAM), 0);
    assert_int_equal(occurrences(warning), 1);
    assert_int_equal(vggcl("version; rmdir open"), 0); /* it is still empty */
    assert_int_equal(occurrences(warning), 0);
}

/* Mapped images that somebody truncates end the run with a line, and what was saved is whole. */
static void data_is_truncated(void **state) {
    (void)state;
    assert_int_equal(vggcl("synth --out set --train 4000 --test 10 --size 24"), 0);
    vggcl(
        "version; { %s train --data set --images host --model vgg11 --width 0.0625 --no-dropout --batch 16 --epochs 99 "
        "--checkpoint-every 5 --no-selfcheck --profile none --save s 2>&1 & }; run=$!; "
        "until test -e s/last.safetensors; do sleep 0.1; done; sleep 1; truncate -s 20 set/train-images-idx4-ubyte; "
        "wait $run; echo status $?",
        VGGCL_PROGRAM);
    assert_says("vggcl: error: a file of the data set");
    assert_says("status 1");
    assert_int_equal(vggcl("synth --out set --train 4000 --test 10 --size 24"), 0);
    assert_int_equal(vggcl("train --resume s --steps 60"), 0);
}

#define TRAIN                                                                                                          \
    "train --data synthetic:64,32 --model 8,M,8,M --width 0.03125 --batch 16 --epochs 1 --no-selfcheck --profile "     \
    "none "

/* What is opened while standard input and output are closed gets no descriptor of theirs, and so not the program's
 * text: the lock file, of which a second name is kept, and the log. */
static void closed_descriptors(void **state) {
    (void)state;
    const char *const closed[] = {"<&- >&-", ">&- 2>&-", "<&- 2>&-", "<&- >&- 2>&-"};
    for (size_t i = 0; i < sizeof closed / sizeof *closed; i++) {
        assert_int_equal(
            vggcl("version >/dev/null; rm -rf save; mkdir save && touch kept && ln -f kept save/.vggcl-lock"), 0);
        assert_int_equal(vggcl("version >/dev/null; %s " TRAIN "--save save --log-steps save/steps.csv %s; exit $?",
                               VGGCL_PROGRAM, closed[i]),
                         0); /* the results are in the folder */
        assert_int_equal(vggcl("version >/dev/null; cat kept; rm kept"), 0);
        assert_int_equal(strncmp(output, "process ", 8), 0);
        assert_int_equal(occurrences("\n"), 1);
        assert_int_equal(vggcl("version >/dev/null; grep -la 'epoch 1/1' save/*"), 1);
        assert_int_equal(vggcl("version >/dev/null; wc -l <save/steps.csv"), 0);
        assert_string_equal(output, "5\n");
        assert_int_equal(vggcl("eval --weights save/best.safetensors --data synthetic:64,32"), 0);
    }
}

/* To open a FIFO for reading waits for a writer. */
static void fifos(void **state) {
    (void)state;
    const char *const words[] = {"eval --weights fifo.safetensors",
                                 "train --weights fifo.safetensors",
                                 "train --config fifo.safetensors",
                                 "bench --steps 1 --profile fifo.safetensors",
                                 "bench --steps 1 --kernel-dir kernels",
                                 "train --data batches",
                                 "train --data images",
                                 "train --data zipped",
                                 "train --data classes --bad-images 0",
                                 "plot fifo.safetensors --out x.svg",
                                 "compare --against fifo.safetensors",
                                 "fetch --from fifo.safetensors --dir sets",
                                 "fetch mnist --from zipped --dir sets"};
    assert_int_equal(vggcl("version >/dev/null; mkdir kernels batches images zipped classes classes/a classes/b && "
                           "mkfifo fifo.safetensors kernels/common.cl batches/data_batch_1.bin "
                           "images/train-images-idx3-ubyte zipped/train-images-idx3-ubyte.gz "
                           "classes/a/1.png classes/b/2.png"),
                     0);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        int status = strstr(words[i], "compare") ? 2 : 1; /* in a gate 1 is wrong results */
        if (vggcl("version >/dev/null; exec timeout 30 %s %s", VGGCL_PROGRAM, words[i]) != status)
            fail_msg("%s: %s", words[i], output);
        assert_says("vggcl: error: ");
        if (!strstr(words[i], "classes")) /* FIFOs are no pictures */
            assert_says("is not a regular file");
    }
    assert_int_equal(vggcl("version >/dev/null; printf 'epoch,test_accuracy\\n1,0.5\\n' >a.csv; timeout 30 %s plot "
                           "/dev/stdin --out a.svg <a.csv",
                           VGGCL_PROGRAM),
                     0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(cache_of_others), cmocka_unit_test(closed_descriptors),
                                       cmocka_unit_test(fifos), cmocka_unit_test(data_is_truncated)};
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
