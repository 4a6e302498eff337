/* Words that no command takes: the error says what was probably meant. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "program.h"

#include <stdio.h>
#include <string.h>

struct row {
    const char *typed, *answer;
};

static void assert_answers(const struct row *rows, size_t count) {
    for (size_t i = 0; i < count; i++) {
        char line[256];
        snprintf(line, sizeof line, "vggcl: error: %s\n", rows[i].answer);
        assert_int_equal(vggcl("%s", rows[i].typed), 2);
        assert_string_equal(output, line);
    }
}
#define ASSERT_ANSWERS(rows) assert_answers(rows, sizeof(rows) / sizeof *(rows))

static void commands(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"trian", "there is no command 'trian'; did you mean vggcl train?"},
        {"trian --help", "there is no command 'trian'; did you mean vggcl train?"},
        {"evaluate", "there is no command 'evaluate'; did you mean vggcl eval?"},
        {"test", "there is no command 'test'; did you mean vggcl eval?"},
        {"resume save", "there is no command 'resume'; did you mean vggcl train --resume?"},
        {"pl", "there is no command 'pl'; did you mean vggcl plan or vggcl plot?"},
        {"fly", "there is no command 'fly'; see vggcl help"},
        {"help nonsense", "there is no command 'nonsense'; see vggcl help"},
        {"help trian", "there is no command 'trian'; did you mean vggcl train?"},
        {"--epochs 5", "there is no command '--epochs'; did you mean vggcl train --epochs N?"},
        {"help shape", "there is no command 'shape'; did you mean vggcl plan --shape HxWxC?"},
        {"help train plan", "[COMMAND] can be given once; 'plan' is one too many"},
        {"train help", "vggcl train takes no 'help'; write vggcl help train"},
    };
    ASSERT_ANSWERS(rows);
}

static void options(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"train --epoch 5", "vggcl train takes no '--epoch'; did you mean --epochs?"},
        {"train --modle=vgg11", "vggcl train takes no '--modle'; did you mean --model?"},
        {"train --weight_decay 0", "vggcl train takes no '--weight_decay'; did you mean --weight-decay?"},
        {"train -epochs 5", "vggcl train takes no '-epochs'; did you mean --epochs?"},
        {"train --beta 0.9", "vggcl train takes no '--beta'; did you mean --beta1 or --beta2?"},
        {"train --wings", "vggcl train takes no '--wings'; see vggcl help train"},
        {"train -x", "vggcl train takes no '-x'; see vggcl help train"},
        {"devices -v", "vggcl devices takes no '-v'; did you mean --verbose?"},
        {"eval --epochs 5", "vggcl eval takes no '--epochs'; --epochs is an option of train"},
        {"eval --epoch 5", "vggcl eval takes no '--epoch'; --epochs is an option of train"},
        {"inspect --steps 3", "vggcl inspect takes no '--steps'; --steps is an option of train, bench and compare"},
    };
    ASSERT_ANSWERS(rows);
}

static void names_of_other_programs(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"train --learning-rate 1", "vggcl train takes no '--learning-rate'; did you mean --lr?"},
        {"train --lr-scheduler step", "vggcl train takes no '--lr-scheduler'; did you mean --schedule?"},
        {"train --batch-size 8", "vggcl train takes no '--batch-size'; did you mean --batch?"},
        {"train -b 8", "vggcl train takes no '-b'; did you mean --batch?"},
        {"train --gpu 0", "vggcl train takes no '--gpu'; did you mean --device?"},
        {"train --pretrained f", "vggcl train takes no '--pretrained'; did you mean --weights?"},
        {"train --dataset d", "vggcl train takes no '--dataset'; did you mean --data?"},
        {"train --amp", "vggcl train takes no '--amp'; did you mean --precision bf16?"},
        {"train --output d", "vggcl train takes no '--output'; did you mean --save?"},
        {"inspect --output d", "vggcl inspect takes no '--output'; did you mean --out?"},
        {"train --imgsz 64", "vggcl train takes no '--imgsz'; did you mean --size?"},
        {"bench --imgsz 64", "vggcl bench takes no '--imgsz'; did you mean --shape?"},
        {"bench --num_classes 3", "vggcl bench takes no '--num_classes'; did you mean --classes?"},
        {"train --num-classes 3",
         "vggcl train takes no '--num-classes': the data set says how many classes there are; leave it out"},
        {"train --num_workers 4", "vggcl train takes no '--num_workers': all CPU cores decode images; leave it out"},
    };
    ASSERT_ANSWERS(rows);
}

static void words(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"train epochs=5", "vggcl train takes no 'epochs=5'; write --epochs 5"},
        {"train imgsz=64", "vggcl train takes no 'imgsz=64'; write --size 64"},
        {"train epochs 5", "vggcl train takes no 'epochs'; did you mean --epochs?"},
        {"train synthetic:10,10", "vggcl train takes no 'synthetic:10,10'; did you mean --data synthetic:10,10?"},
        {"train .", "vggcl train takes no '.'; did you mean --data .?"},
        {"train --nesterov true",
         "vggcl train takes no 'true'; --nesterov takes no argument, but can be switched off by =no"},
        {"version both", "vggcl version takes no 'both'; see vggcl help version"},
    };
    ASSERT_ANSWERS(rows);
    assert_int_equal(vggcl("version >f.safetensors; %s eval f.safetensors", VGGCL_PROGRAM), 2);
    assert_says("vggcl eval takes no 'f.safetensors'; did you mean --weights f.safetensors?\n");
}

static void arguments(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"train --recipe fats",
         "recipe: takes one of seed, quick, fast, best, finetune, not 'fats'; did you mean fast?"},
        {"train --schedule Cosine", "schedule: takes one of step, cosine, linear, not 'Cosine'; did you mean cosine?"},
        {"train --model vgg16_bn",
         "model: takes one of vgg11, vgg13, vgg16, vgg19, or a list of numbers of channels and "
         "M, such as 64,64,M,128,128,M, not 'vgg16_bn'; did you mean vgg16?"},
        {"fetch cifar",
         "fetch: takes one of cifar10, cifar100, mnist, fashion-mnist, not 'cifar'; did you mean cifar10 "
         "or cifar100?"},
        {"train --save --epochs 5",
         "--save needs an argument, DIR, but '--epochs' follows; if that is the argument, write --save=--epochs"},
        {"plot save --title --out a.svg",
         "--title needs an argument, TEXT, but '--out' follows; if that is the argument, write --title=--out"},
        {"train --save", "--save needs an argument, DIR"},
    };
    ASSERT_ANSWERS(rows);
    assert_int_equal(vggcl("train --save=--odd --print-config"), 0);
    assert_int_equal(vggcl("version; echo '{\"weight_decay\": 0}' >c.json; %s train --config c.json", VGGCL_PROGRAM),
                     1);
    assert_says("vggcl: error: c.json: there is no option weight_decay; did you mean weight-decay?\n");
    assert_int_equal(vggcl("version; echo '{\"learning_rate\": 0}' >c.json; %s train --config c.json", VGGCL_PROGRAM),
                     1);
    assert_says("vggcl: error: c.json: there is no option learning_rate; did you mean lr?\n");
}

/* Help and version, wherever they are asked for. */
static void asked_for(void **state) {
    (void)state;
    static const char *const help[] = {"help", "--help", "-h"};
    static const char *const of_train[] = {"help train",   "--help train", "-h train",
                                           "train --help", "train -h",     "train --lr 1 -h --wings"};
    static const char *const version[] = {"version", "--version", "-V", "-v", "train --version", "train --lr 1 -V"};
    for (size_t i = 0; i < sizeof help / sizeof *help; i++) {
        assert_int_equal(vggcl("%s", help[i]), 0);
        assert_says("usage: vggcl COMMAND");
    }
    for (size_t i = 0; i < sizeof of_train / sizeof *of_train; i++) {
        assert_int_equal(vggcl("%s", of_train[i]), 0);
        assert_memory_equal(output, "usage: vggcl train", 18);
    }
    for (size_t i = 0; i < sizeof version / sizeof *version; i++) {
        assert_int_equal(vggcl("%s", version[i]), 0);
        assert_memory_equal(output, "vggcl 0.", 8);
    }
    assert_int_equal(vggcl("help help"), 0);
    assert_memory_equal(output, "usage: vggcl help", 17);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands), cmocka_unit_test(options),   cmocka_unit_test(names_of_other_programs),
        cmocka_unit_test(words),    cmocka_unit_test(arguments), cmocka_unit_test(asked_for),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
