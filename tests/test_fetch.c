/* vggcl_fetch() on small data sets with the names of CIFAR-10's and Fashion-MNIST's files: local files, every kind of
 * failed download, several sources, malicious archives. tests/test_cli_fetch.c tests the command. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/embedded.h"
#include "base/file.h"
#include "data/cifar10.h"
#include "fetch/fetch.h"
#include "fetch/sums.h"
#include "http.h"
#include "program.h"
#include "tar.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <md5.h>
#include <sha2.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define TOP           "cifar-10-batches-bin"
#define FETCH_ARCHIVE "cifar-10-binary.tar.gz"
enum { LARGEST = 1 << 22 }; /* twice what the set has */

static char sums[1024], dir[128], set[160], made[128], archive[128], notices[1024];
static int told;              /* how often there was progress */
static uint64_t stop_at;      /* bytes */
static bool unpacking_counts; /* for stop_at, not those of the download */
static bool stops;
static struct fetch_goal goal;
static struct vggcl_fetched fetched;

static void progressed(const struct vggcl_fetch_progress *p, void *payload) {
    (void)payload;
    told++;
    assert_true(p->total == 0 || p->bytes <= p->total);
    assert_true(p->bytes_per_second > 0 && p->eta >= 0);
    stops = stop_at && p->unpacking == unpacking_counts && p->bytes >= stop_at;
}

static void noticed(const char *text, void *payload) {
    (void)payload;
    strcat(notices, text);
}

static bool stopped(void *payload) {
    (void)payload;
    return stops;
}

static const struct vggcl_fetch_observer observer = {progressed, noticed, stopped, NULL};

/* From sources, which end with NULL. */
static enum vggcl_err take_any(const char *const *from, double timeout, bool force) {
    struct vggcl_fetch ask = {.dir = dir, .from = from, .timeout = timeout, .force = force};
    *notices = '\0';
    told = 0;
    stops = false;
    http_forget();
    return fetch_data(&ask, &goal, &observer, &fetched);
}

static enum vggcl_err take(const char *from, double timeout, bool force) {
    return take_any((const char *const[]){from, NULL}, timeout, force);
}

static void takes_at(const char *from, int line) {
    enum vggcl_err err = take(from, 10, false);
    if (err != VGGCL_OK || fetched.end != VGGCL_FETCH_DONE)
        fail_msg("line %d: %s: answers %d: %s", line, from, err, vggcl_error());
}
#define takes(from) takes_at((from), __LINE__)

/* That it fails, with an error of one line that names the source and has the text. */
static void fails_at(const char *from, double timeout, enum vggcl_err code, const char *text, int line) {
    enum vggcl_err err = take(from, timeout, false);
    if (err != code || !strstr(vggcl_error(), text) || !strstr(vggcl_error(), from) || strchr(vggcl_error(), '\n'))
        fail_msg("line %d: answers %d, not %d with '%s' and '%s' in: %s", line, err, code, from, text, vggcl_error());
}
#define fails(from, timeout, code, text) fails_at((from), (timeout), (code), (text), __LINE__)

static const char *in(const char *parent, const char *name) {
    static char paths[4][256];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", parent, name);
    return path;
}

/* That dir has nothing but these, of which "" is none. */
static void has_only(const char *one, const char *two) {
    DIR *list = opendir(dir);
    int count = 0;
    assert_non_null(list);
    for (struct dirent *entry; (entry = readdir(list));)
        if (*entry->d_name != '.') {
            if (strcmp(entry->d_name, one) != 0 && strcmp(entry->d_name, two) != 0)
                fail_msg("%s is there", entry->d_name);
            count++;
        }
    closedir(list);
    assert_int_equal(count, (*one != '\0') + (*two != '\0'));
}
#define PART          "cifar-10-binary.tar.gz.part"
#define has_part()    has_only(PART, "")
#define has_nothing() has_only("", "")

/* That the set is there, and nothing else. */
static void has_set(void) {
    has_only(TOP, "");
    for (int i = 0; i < CIFAR10_FILES; i++) {
        char sum[SUM_SIZE], expected[SUM_SIZE];
        assert_non_null(MD5File(in(set, cifar10_files[i]), sum));
        assert_non_null(MD5File(in(made, cifar10_files[i]), expected));
        assert_string_equal(sum, expected);
    }
    assert_string_equal(fetched.folder, set);
}

static off_t size_of(const char *path) {
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    return status.st_size;
}

static void write_file(const char *path, const char *text) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

/* The archive, with other names for all but the first `right` files of it; NULL where they are left out. */
static void make_archive(int right, const char *others) {
    tar_begin(archive, true);
    tar_add_other(TOP, S_IFDIR, NULL);
    for (int i = 0; i < CIFAR10_FILES; i++)
        if (i < right || others)
            tar_add(i < right ? in(TOP, cifar10_files[i]) : others, in(made, cifar10_files[i]), NULL);
    tar_add(TOP "/readme.html", NULL, "<html>");
    tar_end();
}

static int clean(void **state) {
    (void)state;
    char line[256];
    snprintf(line, sizeof line, "rm -rf %s", dir);
    goal = (struct fetch_goal){.set = &fetch_sets[0], .sums = sums, .largest = LARGEST};
    stop_at = 0;
    if (system(line) != 0 || mkdir(dir, 0777) != 0)
        return -1;
    make_archive(CIFAR10_FILES, NULL);
    return 0;
}

static int start(void **state) {
    char sum[SUM_SIZE];
    if (make_folder(state) != 0)
        return -1;
    snprintf(dir, sizeof dir, "%s/data", folder);
    snprintf(set, sizeof set, "%s/" TOP, dir);
    snprintf(made, sizeof made, "%s/made", folder);
    snprintf(archive, sizeof archive, "%s/archive", folder);
    if (vggcl_synth(made, 500, 100, 32, 1, NULL, NULL) != VGGCL_OK || clean(state) != 0)
        return -1;
    for (int i = 0; i < CIFAR10_FILES - 1; i++)
        sprintf(sums + strlen(sums), "%s  %s\n", MD5File(in(made, cifar10_files[i]), sum), cifar10_files[i]);
    sprintf(sums + strlen(sums), "%s  " FETCH_ARCHIVE "\n", MD5File(archive, sum));
    http_start(archive);
    return 0;
}

static int end(void **state) {
    http_stop();
    return remove_folder(state);
}

/* ------------------------------------------------------------------------------------------------------ the sums -- */

static void finds_sums(void **state) {
    (void)state;
    static const char lines[] = "00000000000000000000000000000001  one.bin\n00000000000000000000000000000002  two\n";
    char sum[SUM_SIZE] = "";
    assert_true(sums_find(lines, "one.bin", sum));
    assert_string_equal(sum, "00000000000000000000000000000001");
    assert_true(sums_find(lines, "two", sum));
    assert_string_equal(sum, "00000000000000000000000000000002");
    assert_false(sums_find(lines, "one", sum));
    assert_false(sums_find(lines, "bin", sum));
    assert_false(sums_find(lines, "", sum));
    assert_false(sums_find("", "one.bin", sum));
}

static void tells_sums_apart(void **state) {
    (void)state;
    static const char lines[] =
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  sha\n"
        "900150983cd24fb0d6963f7d28e17f72  md5\n"
        "a9993e364706816aba3e25717850c26c9cd0d89d  sha1\n900150983cd24fb0d6963f7d28e17f72 one\n";
    static const char abc[] = "abc"; /* the example of both standards */
    char sum[SUM_SIZE];
    assert_true(sums_find(lines, "sha", sum));
    assert_int_equal(strlen(sum), 64);
    assert_true(sums_find(lines, "md5", sum));
    assert_int_equal(strlen(sum), 32);
    assert_false(sums_find(lines, "sha1", sum)); /* 40 digits: of no known algorithm */
    assert_false(sums_find(lines, "one", sum));
    const char *path = in(folder, "abc");
    write_file(path, abc);
    assert_int_equal(sums_check(path, lines, "sha", "of", "fix"), VGGCL_OK);
    assert_int_equal(sums_check(path, lines, "md5", "of", "fix"), VGGCL_OK);
    assert_int_equal(sums_check(path, lines, "unknown", "of", "fix"), VGGCL_OK);
    write_file(path, "abd");
    assert_int_equal(sums_check(path, lines, "sha", "of", "fix"), VGGCL_EFORMAT);
    assert_non_null(
        strstr(vggcl_error(), "of: sha has the SHA-256 sum a52d159f262b2c6ddb724a61840befc36eb30c88877a403"));
    assert_non_null(strstr(vggcl_error(), ", not ba7816bf"));
    assert_int_equal(sums_check(path, lines, "md5", "of", "fix"), VGGCL_EFORMAT);
    assert_non_null(strstr(vggcl_error(), "of: md5 has the MD5 sum "));
}

static const char *sums_of(const char *name) {
    const struct embedded_file *file = embedded_sums;
    while (file->stem && strcmp(file->stem, name) != 0)
        file++;
    assert_non_null(file->stem);
    return file->text;
}

/* Every set has its sums: of the archive, and of all files except texts. */
static void knows_the_sets(void **state) {
    (void)state;
    char sum[SUM_SIZE];
    assert_int_equal(fetch_set_count, 4);
    for (size_t i = 0; i < fetch_set_count; i++) {
        const struct fetch_set *s = &fetch_sets[i], *found;
        const char *lines = sums_of(s->about.name);
        assert_ptr_equal(vggcl_fetch_set(i), &s->about);
        assert_int_equal(fetch_find_set(s->about.name, &found), VGGCL_OK);
        assert_ptr_equal(found, s);
        assert_true(!s->archive || sums_find(lines, s->archive, sum));
        for (int k = 0; s->files[k]; k++) {
            assert_true(k < FETCH_MOST_FILES);
            assert_int_equal(sums_find(lines, s->files[k], sum), !strstr(s->files[k], ".txt"));
        }
        for (int k = 0; s->about.mirrors[k]; k++) {
            const char *url = s->about.mirrors[k];
            assert_true(strncmp(url, "http", 4) == 0);
            assert_string_equal(strrchr(url, '/') + 1, s->archive ? s->archive : "");
        }
    }
    assert_null(vggcl_fetch_set(fetch_set_count));
    assert_true(sums_find(sums_of("cifar10"), FETCH_ARCHIVE, sum));
    assert_string_equal(sum, "c32a1d4ab5d03f1284b67883e8d87530");
    assert_true(sums_find(sums_of("mnist"), "train-labels-idx1-ubyte.gz", sum));
    assert_string_equal(sum, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c");
    const struct vggcl_fetch ask = {.name = "imagenet", .dir = dir};
    assert_int_equal(vggcl_fetch(&ask, NULL, &fetched), VGGCL_EUSAGE);
    assert_non_null(strstr(vggcl_error(), "takes one of cifar10, cifar100, mnist, fashion-mnist, not 'imagenet'"));
}

/* -------------------------------------------------------------------------------------------------- from a file -- */

static void takes_a_file(void **state) {
    (void)state;
    takes(archive);
    assert_true(told > 0);
    has_set();
}

static void leaves_what_is_there(void **state) {
    (void)state;
    takes(archive);
    assert_int_equal(take(http_url("missing"), 10, true), VGGCL_OK); /* is not even asked */
    assert_int_equal(fetched.end, VGGCL_FETCH_PRESENT);
    assert_int_equal(http_requests, 0);
    write_file(in(dir, TOP "/data_batch_3.bin"), "other");
    assert_int_equal(take(archive, 10, false), VGGCL_EFORMAT);
    assert_non_null(strstr(vggcl_error(), "data_batch_3.bin has the MD5 sum"));
    assert_non_null(strstr(vggcl_error(), "force moves the folder aside"));
    assert_int_equal(size_of(in(dir, TOP "/data_batch_3.bin")), 5);
    assert_int_equal(take(archive, 10, true), VGGCL_OK);
    assert_string_equal(fetched.moved_to, in(dir, TOP ".1"));
    assert_int_equal(size_of(in(dir, TOP ".1/data_batch_3.bin")), 5);
    has_only(TOP, TOP ".1");
    assert_int_equal(unlink(in(dir, TOP "/batches.meta.txt")), 0);
    assert_int_equal(take(archive, 10, false), VGGCL_EIO);
    assert_non_null(strstr(vggcl_error(), "batches.meta.txt cannot be read"));
    assert_non_null(strstr(vggcl_error(), strerror(ENOENT)));
}

static void refuses_what_is_no_archive(void **state) {
    (void)state;
    fails("/nonexistent/archive", 10, VGGCL_EIO, strerror(ENOENT));
    fails(made, 10, VGGCL_EIO, "is not a regular file");
    fails("ftp://127.0.0.1/archive", 10, VGGCL_EUSAGE, "http:// or https://");
    write_file(archive, "<html>Log in first.</html>");
    fails(archive, 10, VGGCL_EFORMAT, "cannot be unpacked");
    write_file(archive, "");
    fails(archive, 10, VGGCL_EFORMAT, "");
    make_archive(CIFAR10_FILES, NULL);
    assert_int_equal(truncate(archive, size_of(archive) / 2), 0);
    fails(archive, 10, VGGCL_EFORMAT, "cannot be unpacked");
    has_nothing();
}

static void tidies_up_after_one_that_was_killed(void **state) {
    (void)state;
    assert_int_equal(mkdir(in(dir, TOP ".tmp"), 0777), 0);
    write_file(in(dir, TOP ".tmp/data_batch_1.bin"), "half of i");
    takes(archive);
    has_set();
}

static void lets_another_one_end(void **state) {
    (void)state;
    struct folder other;
    assert_int_equal(folder_open(&other, dir), VGGCL_OK);
    assert_int_equal(folder_lock(&other, ""), VGGCL_OK);
    assert_int_equal(take(archive, 10, false), VGGCL_EIO);
    assert_non_null(strstr(vggcl_error(), "in use by process"));
    folder_close(&other);
    takes(archive);
}

static void stops_unpacking(void **state) {
    (void)state;
    stop_at = 100000;
    unpacking_counts = true;
    assert_int_equal(take(archive, 10, false), VGGCL_OK);
    assert_int_equal(fetched.end, VGGCL_FETCH_STOPPED);
    has_nothing();
}

/* A file that may not grow is what a full disk is. */
static enum vggcl_err take_on_full_disk(const char *const *from, rlim_t bytes) {
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &(struct rlimit){bytes, before.rlim_max}), 0);
    enum vggcl_err err = take_any(from, 10, false);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, handler);
    return err;
}

static void finds_the_disk_full(void **state) {
    (void)state;
    assert_int_equal(take_on_full_disk((const char *const[]){archive, NULL}, 200000), VGGCL_EIO);
    assert_non_null(strstr(vggcl_error(), "data_batch_1.bin: cannot be written: "));
    has_nothing();
    assert_int_equal(take_on_full_disk((const char *const[]){http_url("right"), NULL}, 200000), VGGCL_EIO);
    assert_non_null(strstr(vggcl_error(), PART ": cannot be written"));
    assert_non_null(strstr(vggcl_error(), strerror(EFBIG)));
    has_part();
    takes(http_url("right"));
    assert_true(fetched.resumed > 0);
    has_set();
}

/* ----------------------------------------------------------------------------------------------------- downloads -- */

static void downloads(void **state) {
    (void)state;
    static const char *const ways[] = {"right", "whole", "unsized", "redirect"};
    goal.check_archive = true;
    for (int i = 0; i < 4; i++) {
        clean(NULL);
        goal.check_archive = true;
        takes(http_url(ways[i]));
        has_set();
        assert_int_equal(fetched.downloaded, size_of(archive));
        assert_string_equal(notices, "");
    }
}

/* What a server does that cuts, then what the next one makes of the rest; 0 where it has to send all. */
static void goes_on(void **state) {
    (void)state;
    static const struct {
        const char *how, *notice;
        bool resumes;
    } ways[] = {{"right", "", true},
                {"unsized", "", true},
                {"whole", "does not support range requests", false},
                {"shifted", "does not support range requests", false}};
    for (int i = 0; i < 4; i++) {
        clean(NULL);
        goal.check_archive = true;
        fails(http_url("cut"), 10, VGGCL_EIO, "run the command again to continue");
        has_part();
        int64_t half = size_of(in(dir, PART));
        assert_int_equal(half, size_of(archive) / 2);
        fails(http_url("cut"), 10, VGGCL_EIO, "run the command again to continue");
        assert_int_equal(http_range, half);
        int64_t more = size_of(in(dir, PART));
        assert_in_range(more, half + 1, size_of(archive) - 1);
        takes(http_url(ways[i].how));
        assert_int_equal(http_requests, ways[i].resumes ? 1 : 2);
        assert_int_equal(http_range, ways[i].resumes ? more : -1);
        assert_int_equal(fetched.resumed, ways[i].resumes ? more : 0);
        assert_int_equal(fetched.downloaded, size_of(archive) - (ways[i].resumes ? more : 0));
        assert_non_null(strstr(notices, ways[i].notice));
        has_set();
    }
}

/* The rest of another file: found by the archive's sum, where it has to have one, else by what unpacks. */
static void starts_anew(void **state) {
    (void)state;
    for (int checked = 0; checked < 2; checked++) {
        clean(NULL);
        goal.check_archive = checked;
        write_file(in(dir, PART), "the beginning of something else");
        takes(http_url("right"));
        assert_non_null(strstr(notices, "starts over"));
        assert_int_equal(http_requests, 2);
        assert_int_equal(fetched.resumed, 0);
        has_set();
    }
    clean(NULL);
    FILE *longer = fopen(in(dir, PART), "wb");
    assert_int_equal(ftruncate(fileno(longer), LARGEST + 1), 0);
    fclose(longer);
    takes(http_url("right"));
    has_set();
}

static void has_it_all_already(void **state) {
    (void)state;
    static const char *const ways[] = {"right", "bare416", "whole"};
    for (int i = 0; i < 3; i++) {
        char line[512];
        clean(NULL);
        snprintf(line, sizeof line, "cp %s %s", archive, in(dir, PART));
        assert_int_equal(system(line), 0);
        goal.check_archive = true;
        takes(http_url(ways[i]));
        has_set();
        assert_int_equal(http_range, size_of(archive));
        assert_int_equal(fetched.downloaded, 0);
        assert_string_equal(notices, "");
    }
}

static void ends_what_stalls(void **state) {
    (void)state;
    fails(http_url("silent"), 0.3, VGGCL_EIO, "in 0.3 s");
    has_nothing();
    fails(http_url("stall"), 0.3, VGGCL_EIO, "run the command again to continue");
    has_part();
    takes(http_url("right"));
    assert_true(fetched.resumed > 0);
    has_set();
}

static void stops_downloading(void **state) {
    (void)state;
    stop_at = 100000;
    unpacking_counts = false;
    assert_int_equal(take(http_url("stall"), 10, false), VGGCL_OK);
    assert_int_equal(fetched.end, VGGCL_FETCH_STOPPED);
    has_part();
    stop_at = 0;
    takes(http_url("right"));
    assert_true(fetched.resumed >= 100000);
    has_set();
}

static void refuses_wrong_answers(void **state) {
    (void)state;
    fails(http_url("missing"), 10, VGGCL_EIO, "answers 404; name another source (from)");
    fails(http_url("outside"), 10, VGGCL_EIO, "");
    fails(http_url("circle"), 10, VGGCL_EIO, "name another source");
    assert_int_equal(http_requests, 6); /* and follows five redirects */
    fails(http_url("huge"), 10, VGGCL_EFORMAT, "more than 4194304 bytes");
    fails(http_url("less"), 10, VGGCL_EFORMAT, "cannot be unpacked");
    goal.check_archive = true;
    fails(http_url("less"), 10, VGGCL_EFORMAT, "has the MD5 sum");
    goal.check_archive = false;
    goal.largest = 1000000;
    fails(http_url("unsized"), 10, VGGCL_EFORMAT, "more than 1000000 bytes");
    has_nothing();
    char tls[64] = "https://";
    strcat(tls, strstr(http_url("right"), "127"));
    fails(tls, 10, VGGCL_EIO, "check the network connection");
    has_nothing();
    fails("http://127.0.0.1:1/archive", 10, VGGCL_EIO, "check the network connection");
    has_nothing();
}

/* ------------------------------------------------------------------------------------------------------ archives -- */

static void refuses_hostile_archives(void **state) {
    (void)state;
    static const struct {
        const char *name;
        int type; /* S_IFREG, ...; 0 for a hard link */
        const char *target, *text;
    } entries[] = {{"../escaped", S_IFREG, NULL, "'../escaped' is not directly in"},
                   {TOP "/../escaped", S_IFREG, NULL, "'" TOP "/../escaped' is not directly in"},
                   {TOP "/..", S_IFDIR, NULL, "is not directly in"},
                   {"/tmp/vggcl-escaped", S_IFREG, NULL, "'/tmp/vggcl-escaped' is not directly in"},
                   {"/" TOP "/test_batch.bin", S_IFREG, NULL, "is not directly in"},
                   {TOP "-2/test_batch.bin", S_IFREG, NULL, "is not directly in"},
                   {"test_batch.bin", S_IFREG, NULL, "'test_batch.bin' is not directly in"},
                   {TOP "/below/test_batch.bin", S_IFREG, NULL, "is not directly in"},
                   {TOP "/below", S_IFDIR, NULL, "is not directly in"},
                   {TOP "/test_batch.bin", S_IFDIR, NULL, "is not directly in"},
                   {TOP, S_IFLNK, "/tmp", "is a link"},
                   {TOP "/test_batch.bin", S_IFLNK, "/etc/passwd", "test_batch.bin' is a link"},
                   {TOP "/test_batch.bin", 0, "/etc/passwd", "test_batch.bin' is a link"},
                   {TOP "/test_batch.bin", S_IFIFO, NULL, "special file"},
                   {TOP "/test_batch.bin", S_IFCHR, NULL, "special file"},
                   {TOP "/data_batch_1.bin", S_IFREG, NULL, "occurs twice"},
                   {"evil\033[2J\nline", S_IFREG, NULL, "'evil?[2J?line' is not directly in"}};
    for (size_t i = 0; i < sizeof entries / sizeof *entries; i++) {
        tar_begin(archive, true);
        tar_add(TOP "/data_batch_1.bin", in(made, "data_batch_1.bin"), NULL);
        if (entries[i].type == S_IFREG)
            tar_add(entries[i].name, NULL, "escaped");
        else
            tar_add_other(entries[i].name, entries[i].type, entries[i].target);
        tar_end();
        fails(archive, 10, VGGCL_EFORMAT, entries[i].text);
        has_nothing();
        assert_false(file_exists(in(folder, "escaped")));
        fails(http_url("right"), 10, VGGCL_EFORMAT, entries[i].text);
        has_nothing();
    }
}

static void refuses_bombs(void **state) {
    (void)state;
    static const char *const names[] = {TOP "/data_batch_1.bin", TOP "/other"};
    for (int i = 0; i < 2; i++) {
        tar_begin(archive, true);
        tar_add_zeros(names[i], 4LL * LARGEST);
        tar_end();
        fails(archive, 10, VGGCL_EFORMAT, "is larger than all of CIFAR-10");
    }
    tar_begin(archive, true);
    for (int i = 0; i <= LARGEST / 512; i++)
        tar_add(TOP "/other", NULL, " ");
    tar_end();
    fails(archive, 10, VGGCL_EFORMAT, "is larger than all of CIFAR-10");
    has_nothing();
}

static void refuses_other_sets(void **state) {
    (void)state;
    make_archive(4, NULL);
    fails(archive, 10, VGGCL_EFORMAT, "has no " TOP "/data_batch_5.bin");
    make_archive(6, NULL);
    fails(archive, 10, VGGCL_EFORMAT, "has no " TOP "/batches.meta.txt");
    make_archive(6, TOP "/other.txt");
    fails(archive, 10, VGGCL_EFORMAT, "has no " TOP "/batches.meta.txt");
    tar_begin(archive, false);
    for (int i = 0; i < CIFAR10_FILES; i++)
        tar_add(in(TOP, cifar10_files[i]), in(made, cifar10_files[i == 2 ? 3 : i]), NULL);
    tar_end();
    fails(archive, 10, VGGCL_EFORMAT, "data_batch_3.bin has the MD5 sum");
    has_nothing();
}

static void takes_other_packings(void **state) {
    (void)state;
    tar_begin(archive, false);
    tar_add_other(".", S_IFDIR, NULL);
    for (int i = CIFAR10_FILES - 1; i >= 0; i--)
        tar_add(in("./" TOP "/.", cifar10_files[i]), in(made, cifar10_files[i]), NULL);
    tar_add(TOP "/MD5SUMS", NULL, sums);
    tar_end();
    takes(archive);
    has_set();
}

/* ----------------------------------------------------------------------------------------------- several sources -- */

static void tries_all_sources(void **state) {
    (void)state;
    char missing[96], cut[96], right[96];
    strcpy(missing, http_url("missing"));
    strcpy(cut, http_url("cut"));
    strcpy(right, http_url("right"));
    assert_int_equal(take_any((const char *const[]){missing, "/nonexistent", cut, right, NULL}, 10, false), VGGCL_OK);
    assert_int_equal(http_requests, 3);
    assert_int_equal(http_range, size_of(archive) / 2); /* the last one sends the rest of the one before */
    assert_int_equal(fetched.downloaded, size_of(archive));
    assert_string_equal(fetched.from, right);
    assert_non_null(strstr(notices, "answers 404; name another source (from), a file or a URL; trying /nonexistent"));
    assert_non_null(strstr(notices, strerror(ENOENT)));
    has_set();
    clean(NULL);
    make_archive(4, NULL);
    assert_int_equal(take_any((const char *const[]){archive, missing, NULL}, 10, false), VGGCL_EIO);
    assert_non_null(strstr(vggcl_error(), "answers 404"));
    assert_non_null(strstr(notices, "has no " TOP "/data_batch_5.bin"));
    has_nothing();
    assert_int_equal(take_any((const char *const[]){right, "ftp://127.0.0.1/archive", NULL}, 10, false), VGGCL_EUSAGE);
    assert_int_equal(http_requests, 0);
}

/* A full disk is not the source's fault. */
static void tries_no_other_source_for_a_full_disk(void **state) {
    (void)state;
    const char *right = http_url("right");
    assert_int_equal(take_on_full_disk((const char *const[]){right, right, NULL}, 200000), VGGCL_EIO);
    assert_int_equal(http_requests, 1);
    assert_string_equal(notices, "");
}

/* ----------------------------------------------------------------------------------------------- sets of single files
 * --
 */

#define FASHION "fashion-mnist"
static char file_sums[1024], originals[128];
static int64_t all_bytes; /* of the files */

/* Files of other contents under the names of Fashion-MNIST's, and their sums. */
static int start_files(void **state) {
    char sum[SUM_SIZE];
    if (clean(state) != 0 || fetch_find_set(FASHION, &goal.set) != VGGCL_OK)
        return -1;
    goal.sums = file_sums;
    snprintf(originals, sizeof originals, "%s/originals", folder);
    if (mkdir(originals, 0777) != 0 && errno != EEXIST)
        return -1;
    *file_sums = '\0';
    all_bytes = 0;
    for (int i = 0; goal.set->files[i]; i++) {
        FILE *file = fopen(in(originals, goal.set->files[i]), "wb");
        for (int k = 0; k < 300000 + 1000 * i; k++)
            fputc((int)((unsigned)k * 2654435761u >> 24) + i, file);
        fclose(file);
        all_bytes += size_of(in(originals, goal.set->files[i]));
        sprintf(file_sums + strlen(file_sums), "%s  %s\n", SHA256File(in(originals, goal.set->files[i]), sum),
                goal.set->files[i]);
    }
    http_serve(originals);
    return 0;
}

static int end_files(void **state) {
    (void)state;
    http_serve(archive);
    return 0;
}

/* That dir has the set and nothing else, and that has its files and names.txt. */
static void has_files(void) {
    char line[1024];
    has_only(FASHION, "");
    assert_string_equal(fetched.folder, in(dir, FASHION));
    snprintf(line, sizeof line, "diff -r -x names.txt %s %s && ls %s | wc -l | grep -qx 5", originals, in(dir, FASHION),
             in(dir, FASHION));
    assert_int_equal(system(line), 0);
    FILE *file = fopen(in(dir, FASHION "/names.txt"), "rb");
    assert_non_null(file);
    size_t length = fread(line, 1, sizeof line - 1, file);
    line[length] = '\0';
    fclose(file);
    assert_string_equal(line, "T-shirt/top\nTrouser\nPullover\nDress\nCoat\nSandal\nShirt\nSneaker\nBag\nAnkle boot\n");
}

static void copies_files(void **state) {
    (void)state;
    takes(originals);
    has_files();
    assert_int_equal(fetched.downloaded, 0);
    assert_int_equal(unlink(in(dir, FASHION "/names.txt")), 0);
    assert_int_equal(take("/nonexistent", 10, false), VGGCL_OK); /* is there; gets its names again */
    assert_int_equal(fetched.end, VGGCL_FETCH_PRESENT);
    has_files();
    write_file(in(dir, FASHION "/t10k-labels-idx1-ubyte.gz"), "other");
    assert_int_equal(take(originals, 10, false), VGGCL_EFORMAT);
    assert_non_null(strstr(vggcl_error(), "t10k-labels-idx1-ubyte.gz has the SHA-256 sum"));
    assert_non_null(strstr(vggcl_error(), "force moves the folder aside and fetches Fashion-MNIST again"));
    assert_int_equal(take(originals, 10, true), VGGCL_OK);
    assert_string_equal(fetched.moved_to, in(dir, FASHION ".1"));
}

static void downloads_files(void **state) {
    (void)state;
    takes(http_folder("right"));
    has_files();
    assert_int_equal(http_requests, 4);
    assert_int_equal(fetched.downloaded, all_bytes);
    assert_true(told > 0);
    start_files(state);
    char without_slash[96];
    strcpy(without_slash, http_folder("right"));
    without_slash[strlen(without_slash) - 1] = '\0';
    takes(without_slash);
    has_files();
}

/* Complete files stay, and the next call goes on in the middle of the one that broke off. */
static void goes_on_with_files(void **state) {
    (void)state;
    const char *first = "train-images-idx3-ubyte.gz", *second = "train-labels-idx1-ubyte.gz";
    fails(http_folder("cut"), 10, VGGCL_EIO, "run the command again to continue");
    has_only(FASHION ".part", "");
    int64_t half = size_of(in(originals, first)) / 2;
    assert_int_equal(size_of(in(dir, FASHION ".part/train-images-idx3-ubyte.gz.part")), half);
    assert_int_equal(rename(in(originals, second), in(folder, "kept")), 0);
    fails(http_folder("right"), 10, VGGCL_EIO, "answers 404");
    assert_int_equal(http_requests, 2);
    assert_int_equal(size_of(in(dir, FASHION ".part/train-images-idx3-ubyte.gz")), 2 * half);
    assert_int_equal(rename(in(folder, "kept"), in(originals, second)), 0);
    takes(http_folder("right"));
    assert_int_equal(http_requests, 3);
    has_files();
    start_files(state);
    fails(http_folder("missing"), 10, VGGCL_EIO, "answers 404; name another source");
    has_nothing();
    fails(http_folder("silent"), 0.3, VGGCL_EIO, "in 0.3 s");
    has_nothing();
}

static void refuses_other_files(void **state) {
    (void)state;
    const char *third = "t10k-images-idx3-ubyte.gz";
    write_file(in(originals, third), "other");
    fails(http_folder("right"), 10, VGGCL_EFORMAT, "t10k-images-idx3-ubyte.gz has the SHA-256 sum ");
    has_only(FASHION ".part", ""); /* with what was right */
    assert_true(file_exists(in(dir, FASHION ".part/train-labels-idx1-ubyte.gz")));
    assert_false(file_exists(in(dir, FASHION ".part/t10k-images-idx3-ubyte.gz")));
    assert_false(file_exists(in(dir, FASHION ".part/t10k-images-idx3-ubyte.gz.part")));
    write_file(in(dir, FASHION ".part/train-labels-idx1-ubyte.gz"), "changed meanwhile");
    start_files(NULL);
    fails("/nonexistent", 10, VGGCL_EIO, strerror(ENOENT));
    takes(originals);
    has_files();
}

static void mixes_sources_of_files(void **state) {
    (void)state;
    char missing[96], cut[96], right[96];
    strcpy(missing, http_folder("missing"));
    strcpy(cut, http_folder("cut"));
    strcpy(right, http_folder("right"));
    assert_int_equal(take_any((const char *const[]){missing, cut, right, NULL}, 10, false), VGGCL_OK);
    assert_int_equal(http_requests, 6);
    assert_int_equal(fetched.downloaded, all_bytes);
    assert_non_null(strstr(notices, "; trying http://127.0.0.1:"));
    has_files();
}

static void stops_in_a_file(void **state) {
    (void)state;
    stop_at = 100000;
    unpacking_counts = false;
    assert_int_equal(take(http_folder("stall"), 10, false), VGGCL_OK);
    assert_int_equal(fetched.end, VGGCL_FETCH_STOPPED);
    has_only(FASHION ".part", "");
    stop_at = 0;
    takes(http_folder("right"));
    assert_true(fetched.resumed >= 100000);
    has_files();
}

/* ------------------------------------------------------------------------------------------- optional libraries -- */

static bool has(const char *library) {
    const struct vggcl_feature *f;
    for (size_t i = 0; (f = vggcl_feature(i)); i++)
        if (strcmp(f->library, library) == 0)
            return f->built_in;
    return false;
}

static void left_out(void **state) {
    (void)state;
    print_message("this build lacks libcurl or libarchive; skipped\n");
    skip();
}

/* Before anything is downloaded. */
static void says_that_libarchive_is_missing(void **state) {
    (void)state;
    const char *text = "this vggcl was built without libarchive, which unpacks data sets: install libarchive-dev and "
                       "build it again, or unpack the archive with tar";
    if (has("libarchive"))
        skip();
    fails(archive, 10, VGGCL_EUSAGE, text);
    fails(http_url("right"), 10, VGGCL_EUSAGE, text);
    assert_int_equal(http_requests, 0);
    has_nothing();
}

/* The other source that the text names works. */
static void says_that_libcurl_is_missing(void **state) {
    (void)state;
    const char *url = http_folder("right");
    if (has("libcurl"))
        skip();
    fails(url, 10, VGGCL_EUSAGE,
          "this vggcl was built without libcurl, which downloads data sets: install libcurl4-openssl-dev and build it "
          "again, or name a file or folder on this machine (from)");
    has_nothing();
    assert_int_equal(take_any((const char *const[]){url, originals, NULL}, 10, false), VGGCL_OK);
    assert_non_null(strstr(notices, "built without libcurl"));
    has_files();
}

/* A test of archives, of downloads, or of both; left out in a build without the libraries. */
#define ARCHIVE_TEST(function)  {#function, has("libarchive") ? function : left_out, clean, NULL, NULL}
#define FILES_TEST(function)    {#function, function, start_files, end_files, NULL}
#define DOWNLOAD_TEST(function) {#function, has("libcurl") ? function : left_out, start_files, end_files, NULL}
#define BOTH_TEST(function)     {#function, has("libcurl") && has("libarchive") ? function : left_out, clean, NULL, NULL}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_sums),
        cmocka_unit_test(tells_sums_apart),
        cmocka_unit_test(knows_the_sets),
        ARCHIVE_TEST(takes_a_file),
        ARCHIVE_TEST(leaves_what_is_there),
        ARCHIVE_TEST(refuses_what_is_no_archive),
        ARCHIVE_TEST(tidies_up_after_one_that_was_killed),
        ARCHIVE_TEST(lets_another_one_end),
        ARCHIVE_TEST(stops_unpacking),
        BOTH_TEST(finds_the_disk_full),
        BOTH_TEST(downloads),
        BOTH_TEST(goes_on),
        BOTH_TEST(starts_anew),
        BOTH_TEST(has_it_all_already),
        BOTH_TEST(ends_what_stalls),
        BOTH_TEST(stops_downloading),
        BOTH_TEST(refuses_wrong_answers),
        BOTH_TEST(refuses_hostile_archives),
        ARCHIVE_TEST(refuses_bombs),
        ARCHIVE_TEST(refuses_other_sets),
        ARCHIVE_TEST(takes_other_packings),
        BOTH_TEST(tries_all_sources),
        BOTH_TEST(tries_no_other_source_for_a_full_disk),
        FILES_TEST(copies_files),
        DOWNLOAD_TEST(downloads_files),
        DOWNLOAD_TEST(goes_on_with_files),
        DOWNLOAD_TEST(refuses_other_files),
        DOWNLOAD_TEST(mixes_sources_of_files),
        DOWNLOAD_TEST(stops_in_a_file),
        cmocka_unit_test_setup(says_that_libarchive_is_missing, clean),
        FILES_TEST(says_that_libcurl_is_missing),
    };
    return cmocka_run_group_tests_name("fetch", tests, start, end);
}
