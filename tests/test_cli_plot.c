/* vggcl plot: files and terminals, several runs, names with special characters of gnuplot or the shell, and errors. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "program.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COLUMNS "epoch,lr,train_loss,train_accuracy,test_loss,test_accuracy,seconds,images_per_second,weights_hash\n"

static FILE *open_file(const char *name, const char *mode) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *stream = fopen(path, mode);
    if (!stream)
        fail_msg("%s: cannot be opened", path);
    return stream;
}

static bool there_is(const char *name) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return access(path, F_OK) == 0;
}

static bool temporary_is_left(void) {
    char pattern[256];
    glob_t files = {0};
    snprintf(pattern, sizeof pattern, "%s/*.tmp", folder);
    bool is = glob(pattern, 0, NULL, &files) == 0;
    globfree(&files);
    return is;
}

/* The save folder of a run of so many epochs, which ends at an accuracy; its best is in the last epoch. */
static void make_run(const char *name, int epochs, double accuracy) {
    char path[512], record[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(mkdir(path, 0777), 0);
    snprintf(record, sizeof record, "%s/accuracy.csv", name);
    FILE *stream = open_file(record, "w");
    fputs(COLUMNS, stream);
    for (int i = 1; i <= epochs; i++)
        fprintf(stream, "%d,0.01,%.6f,%.6f,%.6f,%.6f,1.5,300.0,%016x\n", i, 2.0 / i, 0.99 * i / epochs, 0.5 + 1.0 / i,
                accuracy * i / epochs, i);
    assert_int_equal(fclose(stream), 0);
}

static void make_csv(const char *name, const char *text) {
    FILE *stream = open_file(name, "w");
    fputs(text, stream);
    assert_int_equal(fclose(stream), 0);
}

static int make_runs(void **state) {
    int failed = make_folder(state);
    if (failed)
        return failed;
    make_run("both", 8, 0.921);
    make_run("neither", 8, 0.8665);
    make_run("single", 1, 0.5);
    make_run("long", 300, 0.9);
    return 0;
}

static void read_output(const char *name) {
    FILE *stream = open_file(name, "rb");
    output[fread(output, 1, sizeof output - 1, stream)] = '\0';
    fclose(stream);
}

static size_t count(const char *text) {
    size_t found = 0;
    for (const char *at = output; (at = strstr(at, text)); at++)
        found++;
    return found;
}

/* Reads an SVG, which must be well-formed XML. */
static void read_svg(const char *name) {
    if (vggcl("version; python3 -c 'import sys, xml.dom.minidom as m; m.parse(sys.argv[1])' %s", name) != 0)
        fail_msg("%s: is not well-formed: %s", name, output);
    read_output(name);
    assert_says("<svg");
}

static void svg(void **state) {
    (void)state;
    assert_int_equal(vggcl("plot both 'no BN, no dropout=neither' --title 'Two of four' --mark published=89.89 "
                           "--out two.svg"),
                     0);
    assert_says("wrote two.svg");
    read_svg("two.svg");
    static const char *const words[] = {"Two of four",
                                        ">both: best 92.10 % in epoch 8<",
                                        ">no BN, no dropout: best 86.65 % in epoch 8<",
                                        ">published: 89.89 %<",
                                        ">Epoch<",
                                        ">Test (solid) and training (dashed) accuracy in %<",
                                        ">Test (solid) and training (dashed) loss in nats<"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        assert_says(words[i]);
    assert_says("<title>Two of four</title>");
    assert_int_equal(count("<title>"), 1); /* not gnuplot's names */
    assert_int_equal(vggcl("plot both --only loss --mark 50 --out loss.SVG"), 0);
    read_svg("loss.SVG");
    assert_null(strstr(output, "accuracy in"));
    assert_null(strstr(output, "50.00 %"));
    assert_int_equal(vggcl("plot both single long --only accuracy --from 80 --out accuracy.svg"), 0);
    read_svg("accuracy.svg");
    assert_null(strstr(output, "loss in"));
    assert_says(">300<"); /* without gnuplot's space, which moves the numbers out of the middle */
    assert_null(strstr(output, ">60<"));
    assert_says("<title>Accuracy and loss: both, single, long</title>");
    assert_int_equal(vggcl("plot long --only loss --out log.svg"), 0); /* 2 / 300 to 2 */
    read_svg("log.svg");
    assert_says(">Test (solid) and training (dashed) loss in nats, logarithmic<");
    assert_says(">0.01<");
}

/* The width and height of the PNG that was read. */
static unsigned png_number(size_t offset) {
    const unsigned char *bytes = (const unsigned char *)output + offset;
    return (unsigned)bytes[0] << 24 | (unsigned)bytes[1] << 16 | (unsigned)bytes[2] << 8 | bytes[3];
}

static void png(void **state) {
    (void)state;
    assert_int_equal(vggcl("plot long both --out chart.png --out chart.svg"), 0);
    assert_true(there_is("chart.svg"));
    read_output("chart.png");
    assert_memory_equal(output, "\x89PNG\r\n\x1a\n", 8);
    assert_int_equal(png_number(16), 1792);
    assert_in_range(png_number(20), 1200, 1800);
    assert_false(temporary_is_left());
}

static void terminal(void **state) {
    (void)state;
    size_t columns = 0;
    assert_int_equal(vggcl("plot both neither"), 0);
    assert_says("A  both: best 92.10 % in epoch 8");
    assert_says("B  neither: best 86.65 % in epoch 8");
    assert_true(count(".A.") + count(".B.") >= 8 && count("b") > 8);
    assert_null(strchr(output, '\f'));
    assert_null(strstr(output, " \n"));
    assert_in_range(count("\n"), 28, 30);
    for (const char *line = output, *end; (end = strchr(line, '\n')); line = end + 1)
        columns = (size_t)(end - line) > columns ? (size_t)(end - line) : columns;
    assert_in_range(columns, 90, 100);
    assert_int_equal(vggcl("plot single --out single.svg --ascii"), 0);
    assert_true(there_is("single.svg"));
    assert_says("A  single: best 50.00 % in epoch 1");
}

/* A training loss that is not what the test loss is, by the config.json beside the record. */
static void smoothed_losses(void **state) {
    (void)state;
    make_run("smoothed", 8, 0.9);
    make_run("mixed", 8, 0.9);
    make_csv("smoothed/config.json", "{\"label-smoothing\": 0.1, \"mixup\": 0}");
    make_csv("mixed/config.json", "{\"label-smoothing\": 0.1, \"mixup\": 0.2}");
    assert_int_equal(vggcl("plot smoothed"), 0);
    assert_says("Training loss: label smoothing 0.1; the test loss is without it\n");
    assert_int_equal(vggcl("plot smoothed/accuracy.csv both mixed --out notes.svg"), 0);
    read_svg("notes.svg");
    assert_says(">smoothed, training loss: label smoothing 0.1; the test loss is without it<");
    assert_says(">mixed, training loss: label smoothing 0.1, mixup 0.2; the test loss is without it<");
    assert_null(strstr(output, ">both, training loss"));
    assert_int_equal(vggcl("plot smoothed mixed --only accuracy"), 0);
    assert_null(strstr(output, "smoothing"));
    make_csv("mixed/config.json", "{\"label-smoothing\": ");
    assert_int_equal(vggcl("plot mixed"), 0);
    assert_null(strstr(output, "Training loss"));
}

/* No line is wider than the terminal. */
static void narrow_terminal(void **state) {
    (void)state;
    for (int columns = 40; columns <= 80; columns += 20) {
        assert_int_equal(vggcl_on_terminal(columns, columns,
                                           "plot both smoothed 'a name that is too long by far=long' "
                                           "--mark 'another of the long names=89.89'"),
                         0);
        assert_in_range(widest_line(output, ""), 38, columns);
        assert_says(columns < 60 ? "both: 92.10 %, epoch 8" : "both: best 92.10 % in epoch 8");
        assert_null(strchr(output, '\033'));
    }
}

/* Files of other makers: what they lack is not drawn. */
static void other_columns(void **state) {
    (void)state;
    make_csv("torch.csv", "test_accuracy,epoch\n0.5,1\n0.75,2\n");
    assert_int_equal(vggcl("plot torch.csv"), 0);
    assert_says("Test accuracy in %");
    assert_says("A  torch: best 75.00 % in epoch 2");
    assert_null(strstr(output, "loss"));
    make_csv("losses.csv", "epoch,train_loss\n1,2\n2,1\n");
    assert_int_equal(vggcl("plot PyTorch=torch.csv losses.csv"), 0);
    assert_says("Training loss in nats");
    assert_says("A  PyTorch: best 75.00 %");
    assert_says("B  losses\n");
    assert_fails(1, "nothing to draw", "plot losses.csv --only accuracy --out nothing.svg");
    assert_false(there_is("nothing.svg"));
    assert_false(temporary_is_left());
}

/* Columns whose names say nothing. */
static void mapped_columns(void **state) {
    (void)state;
    make_csv("rounds.csv", "round,hits\n1,50\n2,75\n");
    assert_fails(1, "rounds.csv: line 1 has no column for the epoch (round, hits)", "plot rounds.csv");
    assert_int_equal(vggcl("plot rounds.csv both --columns epoch=round --columns test_accuracy=hits"), 0);
    assert_says("A  rounds: best 75.00 % in epoch 2");
    assert_says("B  both: best 92.10 %");
    assert_fails(2, "no file has the column of test_loss=x", "plot both --columns test_loss=x");
    assert_fails(2, "'hits' is not FIELD=NAME", "plot both --columns hits");
}

static void names(void **state) {
    (void)state;
    assert_int_equal(vggcl("version; mkdir -p one two && cp -r both one && cp -r neither two/both"), 0);
    assert_int_equal(vggcl("plot one/both two/both/ both/accuracy.csv neither/"), 0);
    assert_says("  one/both: ");
    assert_says("  two/both/: ");
    assert_says("  both/accuracy.csv: ");
    assert_says("  neither: ");
    make_run("a=b", 2, 0.5); /* there is such a folder: no name and path */
    assert_int_equal(vggcl("plot a=b"), 0);
    assert_says("A  a=b: best");
    assert_int_equal(vggcl("plot \"$(printf 'n%%0200d=both' 0)\" --out wide.svg"), 0);
    read_svg("wide.svg");
    assert_says("000...: best 92.10 % in epoch 8<");
    assert_int_equal(vggcl("plot both --title \"$(printf '\303\266%%.0s' $(seq 500))\" --out wide.svg"), 0);
    read_svg("wide.svg");
    assert_says("ööö...<");
}

/* Nothing in a name is more than its letters. */
static void hostile_names(void **state) {
    (void)state;
    static const char *const bad[][2] = {
        /* as typed in a shell; as in the picture */
        {"`touch pwned`", ">`touch pwned`: best"},
        {"$(touch pwned)", ">$(touch pwned): best"},
        {"'\\''; system \"touch pwned\"; #", ">'; system \"touch pwned\"; #: best"},
        {"'\\'' . system('\\''touch pwned'\\'') . '\\''", ">' . system('touch pwned') . ': best"},
        {"\"quoted\"", ">\"quoted\": best"},
        {"{/Bold x}_1^2@a~b%s\\n", ">{/Bold x}_1^2@a~b%s\\n: best"},
        {"two\nsystem \"touch pwned\"\n", ">two?system \"touch pwned\"?: best"},
        {"END\n1 2", ">END?1 2: best"},
        {"<b>&amp;", ">&lt;b>&amp;amp;: best"},
        {"\x1b[31m", ">?[31m: best"},
        {"\xff\xfe", ">??: best"},
        {"größer", ">größer: best"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(vggcl("plot '%s=both' --title '%s' --mark '%s=50' --out bad.svg --out bad.png --ascii",
                               bad[i][0], bad[i][0], bad[i][0]),
                         0);
        assert_says("A  ");
        assert_null(strchr(output, '\x1b'));
        read_svg("bad.svg");
        assert_says(bad[i][1]);
        assert_false(there_is("pwned"));
    }
    make_run("`touch pwned` $(x) 'y'", 2, 0.5);
    assert_int_equal(vggcl("plot \"\\`touch pwned\\` \\$(x) 'y'\" --out \"\\`touch pwned\\` 'z'.svg\""), 0);
    assert_true(there_is("`touch pwned` 'z'.svg"));
    assert_false(there_is("pwned"));
}

static void misuse(void **state) {
    (void)state;
    assert_fails(2, "plot needs a save folder or a CSV file", "plot");
    assert_fails(2, "--only takes one of accuracy, loss", "plot both --only speed");
    assert_fails(2, "ends in .svg or .png", "plot both --out chart.pdf");
    assert_fails(2, "ends in .svg or .png", "plot both --out chart");
    assert_fails(2, "--from takes a percentage", "plot both --from 101");
    assert_fails(2, "--mark takes a percentage", "plot both --mark seed=nan");
    assert_fails(2, "--mark takes a percentage", "plot both --mark seed=");
    assert_fails(2, "takes no '-x'", "plot -x");
    assert_fails(2, "can be given 16 times at most", "plot $(seq 17)");
    assert_fails(2, "takes no 'both'", "version both");
    assert_int_equal(vggcl("help plot"), 0);
    assert_says("usage: vggcl plot [NAME=]SAVE... [FLAGS]");
    assert_says("gnuplot-nox");
}

/* Numbers that no axis was made for. */
static void odd_numbers(void **state) {
    (void)state;
    static const char *const rows[] = {"1,0,1\n",           "1,5e-324,0\n2,1,0.5\n",
                                       "1,0,0\n2,0,0\n",    "1,-3,1\n9,nan,1\n",
                                       "0,inf,0.5\n3,2,\n", "5,1e9,0.3\n2000000000,1e-9,0.9\n"};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[128];
        snprintf(text, sizeof text, "epoch,train_loss,test_accuracy\n%s", rows[i]);
        make_csv("odd.csv", text);
        assert_int_equal(vggcl("plot odd.csv --ascii --out odd.svg --out odd.png --mark 100 --from 100"), 0);
        assert_int_equal(vggcl("plot odd.csv --ascii --out odd.svg"), 0);
        read_svg("odd.svg");
    }
}

static void broken_runs(void **state) {
    (void)state;
    assert_fails(1, "nowhere: cannot be opened", "plot both nowhere --out no.svg");
    assert_fails(1, "x: cannot be opened", "plot name=x");
    assert_int_equal(vggcl("version; mkdir empty"), 0);
    assert_fails(1, "empty/accuracy.csv", "plot empty");
    make_csv("none.csv", COLUMNS);
    assert_fails(1, "none.csv: has no rows", "plot none.csv");
    make_csv("broken.csv", COLUMNS "1,2,3\n");
    assert_fails(1, "broken.csv: line 2 has 3 fields, but line 1 names 9 columns", "plot broken.csv");
    assert_fails(1, "below/no.svg: cannot be written", "plot both --out below/no.svg");
    assert_false(there_is("no.svg"));
}

static void no_gnuplot(void **state) {
    (void)state;
    assert_fails(1, "apt-get install gnuplot-nox", "version; PATH=/nowhere %s plot both --out no.svg", VGGCL_PROGRAM);
    assert_false(there_is("no.svg") || temporary_is_left());
    /* One that fails, and one that dies. */
    assert_int_equal(vggcl("version; mkdir bin; printf '#!/bin/sh\necho first >&2; echo last words >&2; exit 3\n' "
                           ">bin/gnuplot; chmod +x bin/gnuplot"),
                     0);
    assert_fails(1, "gnuplot: ended with exit status 3: last words", "version; PATH=$PWD/bin:$PATH %s plot both",
                 VGGCL_PROGRAM);
    assert_int_equal(vggcl("version; printf '#!/bin/sh\nkill -9 $$\n' >bin/gnuplot"), 0);
    assert_fails(1, "gnuplot: killed by SIGKILL", "version; PATH=$PWD/bin:$PATH %s plot both --out no.svg",
                 VGGCL_PROGRAM);
    assert_false(there_is("no.svg") || temporary_is_left());
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(svg),
                                       cmocka_unit_test(png),
                                       cmocka_unit_test(terminal),
                                       cmocka_unit_test(smoothed_losses),
                                       cmocka_unit_test(narrow_terminal),
                                       cmocka_unit_test(other_columns),
                                       cmocka_unit_test(mapped_columns),
                                       cmocka_unit_test(names),
                                       cmocka_unit_test(hostile_names),
                                       cmocka_unit_test(odd_numbers),
                                       cmocka_unit_test(misuse),
                                       cmocka_unit_test(broken_runs),
                                       cmocka_unit_test(no_gnuplot)};
    return cmocka_run_group_tests(tests, make_runs, remove_folder);
}
