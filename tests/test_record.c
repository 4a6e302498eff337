/* Accuracy records of other training programs, as vggcl plot reads them: CSV as it is written, columns by their
 * meaning. */
#define _POSIX_C_SOURCE 200809L /* mkstemp */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "train/record.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char path[] = "/tmp/vggcl-test-XXXXXX";

static int make_file(void **state) {
    (void)state;
    int file = mkstemp(path);
    return file < 0 ? -1 : close(file);
}

static int remove_file(void **state) {
    (void)state;
    return unlink(path);
}

static void put(const char *text) {
    FILE *stream = fopen(path, "wb");
    assert_non_null(stream);
    fputs(text, stream);
    assert_int_equal(fclose(stream), 0);
}

#ifdef VGGCL_CSV

#define ___ NAN

static bool same(double a, double b) {
    return isnan(b) ? isnan(a) : fabs(a - b) < 1e-12;
}

/* That the file is read as these rows. */
static void check_rows(const char *what, const struct vggcl_epoch *expected, size_t expected_count) {
    struct vggcl_epoch *rows;
    size_t count;
    if (vggcl_history(path, &rows, &count) != VGGCL_OK)
        fail_msg("%s: %s", what, vggcl_error());
    if (count != expected_count)
        fail_msg("%s: %zu rows, not %zu", what, count, expected_count);
    for (size_t i = 0; i < count; i++) {
        const struct vggcl_epoch *a = &rows[i], *b = &expected[i];
        if (a->epoch != b->epoch || !same(a->train_loss, b->train_loss) ||
            !same(a->train_accuracy, b->train_accuracy) || !same(a->test_loss, b->test_loss) ||
            !same(a->test_accuracy, b->test_accuracy))
            fail_msg("%s: row %zu is epoch %d: %g %g %g %g", what, i, a->epoch, a->train_loss, a->train_accuracy,
                     a->test_loss, a->test_accuracy);
    }
    vggcl_history_free(rows);
}

/* A file of each program, all of the same two epochs: loss and accuracy of training, then of tests. */
static void programs(void **state) {
    (void)state;
    static const struct {
        const char *name, *text;
        struct vggcl_epoch rows[2];
    } files[] = {
        {"Keras' CSVLogger",
         "epoch,accuracy,learning_rate,loss,val_accuracy,val_loss\n0,0.25,0.01,2.5,0.375,2.25\n1,0.5,0.01,1.5,0.625,1."
         "25\n",
         {{1, .01, 2.5, .25, 2.25, .375, 0, 0, 0}, {2, .01, 1.5, .5, 1.25, .625, 0, 0, 0}}},
        {"Keras without validation",
         "epoch,sparse_categorical_accuracy,loss\n0,0.25,2.5\n1,0.5,1.5\n",
         {{1, 0, 2.5, .25, ___, ___, 0, 0, 0}, {2, 0, 1.5, .5, ___, ___, 0, 0, 0}}},
        {"Lightning's CSVLogger, training and validation in rows of their own",
         "epoch,step,train_acc,train_loss_epoch,train_loss_step,val_acc,val_loss\n0,49,,,9.0,,\n0,99,,,,0.375,2.25\n"
         "0,99,0.25,2.5,,,\n1,149,,,8.0,,\n1,199,,,,0.625,1.25\n1,199,0.5,1.5,,,\n",
         {{1, 0, 2.5, .25, 2.25, .375, 0, 0, 0}, {2, 0, 1.5, .5, 1.25, .625, 0, 0, 0}}},
        {"Lightning, losses of steps only, learning rates without an epoch, and a test at the end",
         "epoch,lr-SGD,step,test_loss,train_loss_step,val_loss\n,0.01,0,,,\n0,,49,,2.5,\n0,,49,,,2.25\n,0.01,50,,,\n"
         "1,,99,,1.5,\n1,,99,,,1.25\n2,,100,7,,\n",
         {{1, 0, 2.5, ___, 2.25, ___, 0, 0, 0}, {2, 0, 1.5, ___, 1.25, ___, 0, 0, 0}}},
        {"timm's summary.csv",
         "epoch,train_loss,eval_loss,eval_top1,eval_top5,lr\n0,2.5,2.25,37.5,80.0,0.01\n1,1.5,1.25,62.5,90,0.01\n",
         {{1, .01, 2.5, ___, 2.25, .375, 0, 0, 0}, {2, .01, 1.5, ___, 1.25, .625, 0, 0, 0}}},
        {"ultralytics' results.csv",
         "                  epoch,             train/loss,  metrics/accuracy_top1,  metrics/accuracy_top5,"
         "               val/loss,                 lr/pg0\n"
         "                      1,                    2.5,                  0.375,                    0.8,"
         "                   2.25,                   0.01\n"
         "                      2,                    1.5,                  0.625,                    0.9,"
         "                   1.25,                   0.01\n",
         {{1, 0, 2.5, ___, 2.25, .375, 0, 0, 0}, {2, 0, 1.5, ___, 1.25, .625, 0, 0, 0}}},
        {"fastai",
         "epoch,train_loss,valid_loss,accuracy,time\n0,2.5,2.25,0.375,00:12\n1,1.5,1.25,0.625,00:12\n",
         {{1, 0, 2.5, ___, 2.25, .375, 0, 0, 0}, {2, 0, 1.5, ___, 1.25, .625, 0, 0, 0}}},
        {"Hugging Face's log history",
         "loss,learning_rate,epoch,step,eval_loss,eval_accuracy,train_runtime,train_loss\n3.0,0.01,0.5,50,,,,\n"
         "2.5,0.01,1.0,100,,,,\n,,1.0,100,2.25,0.375,,\n1.5,0.01,1.5,150,,,,\n,,2.0,200,1.25,0.625,,\n,,2.0,200,,,9.5,"
         "2.0\n",
         {{1, .01, 2.5, ___, 2.25, .375, 0, 0, 0}, {2, .01, 1.5, ___, 1.25, .625, 0, 0, 0}}},
        {"R's write.csv",
         "\"\",\"epoch\",\"train_loss\",\"test_accuracy\"\r\n\"1\",1,2.5,0.375\r\n\"2\",2,1.5,NA\r\n",
         {{1, 0, 2.5, ___, ___, .375, 0, 0, 0}, {2, 0, 1.5, ___, ___, ___, 0, 0, 0}}},
        {"pandas' to_csv of Keras' history",
         ",loss,accuracy,val_loss,val_accuracy\n0,2.5,0.25,2.25,0.375\n1,1.5,0.5,1.25,0.625\n",
         {{1, 0, 2.5, .25, 2.25, .375, 0, 0, 0}, {2, 0, 1.5, .5, 1.25, .625, 0, 0, 0}}},
        {"a German spreadsheet",
         "\xef\xbb\xbf"
         "Epoch;Train Loss;Test Accuracy (%);;\r\n1;2,5;37,5;;\r\n2;1,5;62,5;;\r\n",
         {{1, 0, 2.5, ___, ___, .375, 0, 0, 0}, {2, 0, 1.5, ___, ___, .625, 0, 0, 0}}},
        {"a table with tabs",
         "epoch\ttrainLoss\tvalAcc@1\n1\t2.5\t37.5 %\n2\t1.5\t62.5%\n",
         {{1, 0, 2.5, ___, ___, .375, 0, 0, 0}, {2, 0, 1.5, ___, ___, .625, 0, 0, 0}}},
        {"an old Mac's",
         "epoch,train loss,\"dev, or so\"\r1,2.5,x\r2,1.5,\"a \"\"quoted\"\" text\rof two lines\"\r",
         {{1, 0, 2.5, ___, ___, ___, 0, 0, 0}, {2, 0, 1.5, ___, ___, ___, 0, 0, 0}}},
        {"comments, and the names once more after a resume",
         "# run 7\nepoch,train_loss,test_loss\n1,2.5,2.25\n2,9,9\n\n# "
         "resumed\nepoch,train_loss,test_loss\n2,1.5,1.25\n",
         {{1, 0, 2.5, ___, 2.25, ___, 0, 0, 0}, {2, 0, 1.5, ___, 1.25, ___, 0, 0, 0}}},
        {"other names of accuracies",
         "Epoch, Training Accuracy, Test Top-1\n2, 50, 62.5\n1, 25, 37.5\n",
         {{1, 0, ___, .25, ___, .375, 0, 0, 0}, {2, 0, ___, .5, ___, .625, 0, 0, 0}}},
        {"percentages below 1, and accuracies that were rounded",
         "epoch,train_acc,val_acc\n1,0.5,1.0000001\n2,50,0.5\n",
         {{1, 0, ___, .005, ___, 1, 0, 0, 0}, {2, 0, ___, .5, ___, .5, 0, 0, 0}}},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        put(files[i].text);
        check_rows(files[i].name, files[i].rows, 2);
    }
}

/* What Python's csv writes in each of its dialects and ways of quoting. */
static void python(void **state) {
    (void)state;
    static const struct vggcl_epoch rows[] = {{1, 0, 2.5, ___, 2.25, .375, 0, 0, 0},
                                              {2, 0, 1.5, ___, 1.25, .625, 0, 0, 0}};
    static const char *const writers[] = {"dialect='excel'", "dialect='unix'", "dialect='excel-tab'",
                                          "quoting=csv.QUOTE_NONNUMERIC", "delimiter=';', quoting=csv.QUOTE_MINIMAL"};
    for (size_t i = 0; i < sizeof writers / sizeof *writers; i++) {
        char command[1024];
        snprintf(command, sizeof command,
                 "python3 -c \"import csv; w = csv.writer(open('%s', 'w', newline=''), %s); "
                 "w.writerow(['epoch', 'note', 'train_loss', 'val_loss', 'val_acc']); "
                 "w.writerow([1, 'a;b', 2.5, 2.25, 0.375]); w.writerow([2, 'say ' + 2 * chr(34) + 'a, b' + chr(10) + "
                 "'or not', 1.5, 1.25, 0.625])\"",
                 path, writers[i]);
        assert_int_equal(system(command), 0);
        check_rows(writers[i], rows, 2);
    }
}

static void gaps(void **state) {
    (void)state;
    struct vggcl_epoch *rows;
    size_t count;
    put("test_accuracy,remark,epoch\r\n0.5,\"so so\",1\r\n\r\n,,10\r\nnan,x,11");
    assert_int_equal(vggcl_history(path, &rows, &count), VGGCL_OK);
    assert_int_equal(count, 2);
    assert_true(rows[0].epoch == 1 && rows[0].test_accuracy == 0.5 && isnan(rows[0].train_loss));
    assert_true(rows[1].epoch == 11 && isnan(rows[1].test_accuracy) && rows[1].weights_hash == 0);
    vggcl_history_free(rows);
}

static void mapped(void **state) {
    (void)state;
    static const char *const map[] = {"epoch=round", "test_accuracy=Hit Rate", "test_loss=nowhere", NULL};
    static const char *const wrong[] = {"accuracy=top1", NULL};
    bool used[3] = {false};
    struct vggcl_epoch *rows;
    size_t count;
    put("round,hit_rate,test_acc\n1,50,0.1\n2,75,0.2\n");
    assert_int_equal(record_read(path, map, used, &rows, &count), VGGCL_OK);
    assert_true(count == 2 && rows[1].epoch == 2 && rows[1].test_accuracy == 0.75 && isnan(rows[1].test_loss));
    assert_true(used[0] && used[1] && !used[2]);
    vggcl_history_free(rows);
    assert_int_equal(record_read(path, wrong, used, &rows, &count), VGGCL_EUSAGE);
    assert_non_null(strstr(vggcl_error(), "'accuracy=top1' is not FIELD=NAME"));
}

static void assert_broken(const char *text, const char *says) {
    struct vggcl_epoch *rows;
    size_t count;
    put(text);
    assert_int_equal(vggcl_history(path, &rows, &count), VGGCL_EFORMAT);
    assert_non_null(strstr(vggcl_error(), path));
    if (!strstr(vggcl_error(), says))
        fail_msg("'%s' has no '%s'", vggcl_error(), says);
    assert_null(rows);
}

static void broken(void **state) {
    (void)state;
    assert_broken("", "has no rows");
    assert_broken("step,x y\n1,2\n",
                  "line 1 has no column for the epoch (step, x y): the name epoch is understood; map "
                  "other names with the option columns, such as epoch=NAME");
    assert_broken("# x\nepoch,top5,f1\n1,2,3\n",
                  "line 2 has no column for a loss or an accuracy (epoch, top5, f1): names "
                  "such as train_loss, val_loss, train_acc, accuracy and top1 are");
    assert_broken("epoch,test_loss\n", "has no rows");
    assert_broken("epoch,test_loss\n1,2\n2,3,4\n", "line 3 has 3 fields, but line 1 names 2 columns");
    assert_broken("epoch,test_loss\n1,2\n2,3x\n", "line 3: test_loss is '3x', which is not a number");
    assert_broken("epoch,top1\r1,50\r2,250\r",
                  "line 3: top1 is '250', which is not a number from 0 to 1, or a percentage");
    assert_broken("epoch,acc\n1,-0.5\n", "line 2: acc is '-0.5'");
    assert_broken("epoch,loss\n-1,1\n", "line 2: epoch is '-1', which is not a number of an epoch");
    assert_broken("epoch,loss\n1e99,1\n", "line 2: epoch is '1e99'");
    assert_broken("epoch,loss\n1,1\n\n,2\n", "line 4: epoch is ''");
    assert_broken("epoch,loss\n1,\"2\n3,4\n", "line 3: a quotation mark is inside a field, or one is missing");
    assert_broken("epoch,lo\"ss\n1,2\n", "line 1: a quotation mark is inside a field");
}

/* More columns than anybody needs. */
static void wide(void **state) {
    (void)state;
    char all[4096] = "epoch,loss";
    for (int i = 0; i < 200; i++)
        strcat(all, ",more");
    strcat(all, "\n7,0.5");
    for (int i = 0; i < 200; i++)
        strcat(all, ",1");
    put(all);
    check_rows("wide", &(struct vggcl_epoch){7, 0, .5, ___, ___, ___, 0, 0, 0}, 1);
    memcpy(strstr(all, "loss"), "hoss", 4);
    assert_broken(all, ", more, ...): names such as");
}

#else

static void without_libcsv(void **state) {
    (void)state;
    struct vggcl_epoch *rows;
    size_t count;
    put("epoch,test_loss\n1,2\n");
    assert_int_equal(vggcl_history(path, &rows, &count), VGGCL_EUSAGE);
    assert_non_null(strstr(vggcl_error(), "libcsv-dev"));
}

#endif

/* vggcl's own file needs no libcsv. */
static void own(void **state) {
    (void)state;
    struct vggcl_epoch *rows;
    size_t count;
    put("epoch,lr,train_loss,train_accuracy,test_loss,test_accuracy,seconds,images_per_second,weights_hash\n"
        "3,0.01,2,0.5,1,0.75,2,100,fedcba9876543210\n");
    assert_int_equal(vggcl_history(path, &rows, &count), VGGCL_OK);
    assert_true(count == 1 && rows[0].epoch == 3 && rows[0].lr == 0.01 && rows[0].weights_hash == 0xfedcba9876543210);
    vggcl_history_free(rows);
}

static void no_text(void **state) {
    (void)state;
    struct vggcl_epoch *rows;
    size_t count;
    static const struct {
        const char *bytes, *says;
    } files[] = {{"epoch\n1\n\0002\n", "is not a text file: it contains NUL bytes"},
                 {"\xff\xfe"
                  "e\0p\0o\0c\0h",
                  "is text in UTF-16; convert it with iconv -f UTF-16 -t UTF-8"}};
    for (size_t i = 0; i < 2; i++) {
        FILE *stream = fopen(path, "wb");
        assert_non_null(stream);
        fwrite(files[i].bytes, 1, 11, stream);
        fclose(stream);
        assert_int_equal(vggcl_history(path, &rows, &count), VGGCL_EFORMAT);
        assert_non_null(strstr(vggcl_error(), files[i].says));
    }
    assert_int_equal(vggcl_history("/nowhere/at/all", &rows, &count), VGGCL_EIO);
    assert_int_equal(vggcl_history("/tmp", &rows, &count), VGGCL_EIO);
    assert_non_null(strstr(vggcl_error(), "/tmp/accuracy.csv"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
#ifdef VGGCL_CSV
        cmocka_unit_test(programs), cmocka_unit_test(python), cmocka_unit_test(gaps),
        cmocka_unit_test(mapped),   cmocka_unit_test(broken), cmocka_unit_test(wide),
#else
        cmocka_unit_test(without_libcsv),
#endif
        cmocka_unit_test(own),      cmocka_unit_test(no_text)};
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
