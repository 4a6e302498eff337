/* src/base/file.c: atomic writes, folders, paths; src/base/err.c: the error's text. */
#define _DEFAULT_SOURCE /* flock */
#include "base/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define FOLDER    "test_file_folder"
#define FILE_NAME FOLDER "/file"

static const char *const made_files[] = {
    FILE_NAME, FILE_NAME ".1", FILE_NAME ".2", FILE_NAME ".77-0.tmp", FOLDER "/elsewhere", FOLDER "/.vggcl-lock"};
static const char *const made_folders[] = {FOLDER "/a/b/c",  FOLDER "/a/b",  FOLDER "/a",
                                           FOLDER "/full/x", FOLDER "/full", FOLDER};

static int clean(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof made_files / sizeof *made_files; i++)
        unlink(made_files[i]);
    for (size_t i = 0; i < sizeof made_folders / sizeof *made_folders; i++)
        rmdir(made_folders[i]);
    return 0;
}

static int start(void **state) {
    clean(state);
    return mkdir(FOLDER, 0777);
}

static bool exists(const char *path) {
    return access(path, F_OK) == 0;
}

/* How many temporary files there are of FILE_NAME or anything else. */
static int temporaries(void) {
    int count = 0;
    DIR *entries = opendir(FOLDER);
    for (struct dirent *e; (e = readdir(entries));)
        count += strstr(e->d_name, ".tmp") != NULL;
    closedir(entries);
    return count;
}

static void make(const char *path, const char *text) {
    FILE *stream = fopen(path, "wb");
    fputs(text, stream);
    fclose(stream);
}

static void assert_fails(enum vggcl_err err, enum vggcl_err code, const char *text) {
    assert_int_equal(err, code);
    if (!strstr(vggcl_error(), text))
        fail_msg("'%s' does not say '%s'", vggcl_error(), text);
}

static void write_text(const char *text) {
    struct file_write file;
    assert_int_equal(file_write_begin(&file, &folder_current, FILE_NAME), VGGCL_OK);
    fputs(text, file.stream);
    assert_int_equal(file_write_commit(&file), VGGCL_OK);
}

static void assert_holds(const char *text) {
    char *bytes;
    size_t size;
    assert_int_equal(file_read(FILE_NAME, 1000000, &bytes, &size), VGGCL_OK);
    assert_int_equal(size, strlen(text));
    assert_string_equal(bytes, text);
    free(bytes);
}

/* ---------------------------------------------------------------------------------------------------- writing -- */

static void test_commit_replaces(void **state) {
    (void)state;
    struct file_write file;
    write_text("old");
    assert_int_equal(file_write_begin(&file, &folder_current, FILE_NAME), VGGCL_OK);
    fputs("new and longer", file.stream);
    fflush(file.stream);
    assert_int_equal(temporaries(), 1);
    assert_holds("old"); /* until the commit */
    assert_int_equal(file_write_commit(&file), VGGCL_OK);
    assert_holds("new and longer");
    assert_int_equal(temporaries(), 0);
    file_write_abandon(&file); /* nothing to do after a commit */
    assert_holds("new and longer");
}

static void test_abandon_keeps(void **state) {
    (void)state;
    struct file_write file;
    write_text("old");
    assert_int_equal(file_write_begin(&file, &folder_current, FILE_NAME), VGGCL_OK);
    fputs("new", file.stream);
    file_write_abandon(&file);
    file_write_abandon(&file);
    assert_holds("old");
    assert_int_equal(temporaries(), 0);
}

/* What a killed process left is removed, what another one is writing is not, and no link is followed. */
static void test_left_over_temporary(void **state) {
    (void)state;
    struct file_write file, other;
    make(FILE_NAME ".77-0.tmp", "what a killed process left behind");
    write_text("new");
    assert_holds("new");
    assert_int_equal(temporaries(), 0);

    assert_int_equal(file_write_begin(&other, &folder_current, FILE_NAME), VGGCL_OK);
    fputs("of another process", other.stream);
    write_text("newer");
    assert_int_equal(temporaries(), 1);
    assert_int_equal(file_write_commit(&other), VGGCL_OK);
    assert_holds("of another process");

    char planted[64];
    make(FOLDER "/elsewhere", "mine");
    snprintf(planted, sizeof planted, FILE_NAME ".%ld-0.tmp", (long)getpid());
    assert_int_equal(symlink("elsewhere", planted), 0);
    assert_int_equal(file_write_begin(&file, &folder_current, FILE_NAME), VGGCL_OK);
    fputs("newest", file.stream);
    assert_int_equal(file_write_commit(&file), VGGCL_OK);
    assert_int_equal(unlink(planted), 0);
    assert_holds("newest");
    char *bytes;
    size_t size;
    assert_int_equal(file_read(FOLDER "/elsewhere", 100, &bytes, &size), VGGCL_OK);
    assert_string_equal(bytes, "mine");
    free(bytes);
}

/* A folder that is open stays the same when it is renamed. */
static void test_renamed_folder(void **state) {
    (void)state;
    struct folder folder;
    struct file_write file;
    mkdir(FOLDER "/a", 0777);
    assert_int_equal(folder_open(&folder, FOLDER "/a"), VGGCL_OK);
    assert_int_equal(file_write_begin(&file, &folder, "file"), VGGCL_OK);
    assert_string_equal(file.path, FOLDER "/a/file");
    fputs("in a, wherever", file.stream);
    assert_int_equal(rename(FOLDER "/a", FOLDER "/full"), 0);
    assert_int_equal(file_write_commit(&file), VGGCL_OK);
    assert_int_equal(rename(FOLDER "/full/file", FILE_NAME), 0);
    assert_holds("in a, wherever");
    folder_close(&folder);
    folder_close(&folder);
    assert_fails(folder_open(&folder, FOLDER "/none"), VGGCL_EIO, "cannot be opened: No such");
    assert_fails(folder_open(&folder, FILE_NAME), VGGCL_EIO, FILE_NAME ": this folder cannot be opened: Not a dir");
}

static void test_lock(void **state) {
    (void)state;
    struct folder one, two;
    char holder[64];
    assert_int_equal(folder_open(&one, FOLDER), VGGCL_OK);
    assert_int_equal(folder_open(&two, FOLDER), VGGCL_OK);
    assert_int_equal(folder_lock(&one, ""), VGGCL_OK);
    snprintf(holder, sizeof holder, FOLDER ": in use by process %ld on ", (long)getpid());
    assert_fails(folder_lock(&two, "wait"), VGGCL_EIO, holder);
    assert_non_null(strstr(vggcl_error(), " UTC; wait"));
    folder_close(&one);
    assert_false(exists(FOLDER "/.vggcl-lock"));
    assert_int_equal(folder_lock(&two, "wait"), VGGCL_OK);
    /* A lock file that was removed locks nothing; a new one may hold any text. */
    assert_int_equal(unlink(FOLDER "/.vggcl-lock"), 0);
    make(FOLDER "/.vggcl-lock", "\033[31m");
    assert_int_equal(folder_open(&one, FOLDER), VGGCL_OK);
    int other = open(FOLDER "/.vggcl-lock", O_RDONLY);
    assert_int_equal(flock(other, LOCK_EX), 0);
    assert_fails(folder_lock(&one, "wait"), VGGCL_EIO, FOLDER ": in use by ?[31m; wait");
    close(other);
    assert_int_equal(folder_lock(&one, "wait"), VGGCL_OK);
    folder_close(&one);
    folder_close(&two);
    assert_int_equal(symlink("elsewhere", FOLDER "/.vggcl-lock"), 0);
    assert_int_equal(folder_open(&one, FOLDER), VGGCL_OK);
    assert_fails(folder_lock(&one, "wait"), VGGCL_EIO, "/.vggcl-lock: cannot be opened");
    assert_false(exists(FOLDER "/elsewhere"));
    folder_close(&one);
}

static struct rlimit before_limit;
static void (*before_handler)(int);

/* A file that gets more than 50 bytes fails. */
static void begin_limit(void) {
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before_limit), 0);
    before_handler = signal(SIGXFSZ, SIG_IGN);
    const struct rlimit small = {.rlim_cur = 50, .rlim_max = before_limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
}

static void end_limit(void) {
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before_limit), 0);
    signal(SIGXFSZ, before_handler);
}

/* A write beyond the limit on a file's size fails as one on a full disk does; found when it happens, by fwrite, or
 * when the buffer is flushed, by commit. */
static void write_beyond_limit(size_t size) {
    struct file_write file;
    char *bytes = calloc(size, 1);
    write_text("old");
    assert_int_equal(file_write_begin(&file, &folder_current, FILE_NAME), VGGCL_OK);

    begin_limit();
    fwrite(bytes, 1, size, file.stream);
    enum vggcl_err err = file_write_commit(&file);
    end_limit();
    free(bytes);

    assert_fails(err, VGGCL_EIO, FILE_NAME ": cannot be written");
    assert_int_equal(temporaries(), 0);
    assert_holds("old");
    file_write_abandon(&file);
}

static void test_full_disk_keeps(void **state) {
    (void)state;
    write_beyond_limit(100);
    write_beyond_limit(1000000);
}

/* As on a disk that fails once: a later write succeeds, and the reason is still known. */
static void test_failed_once(void **state) {
    (void)state;
    static const char bytes[100000];
    struct file_write file;
    write_text("old");
    assert_int_equal(file_write_begin(&file, &folder_current, FILE_NAME), VGGCL_OK);
    begin_limit();
    file_write_bytes(&file, bytes, sizeof bytes);
    end_limit();
    file_write_bytes(&file, bytes, sizeof bytes);
    assert_fails(file_write_commit(&file), VGGCL_EIO, FILE_NAME ": cannot be written: File too large; what was there");
    assert_holds("old");
}

static void test_commit_onto_folder(void **state) {
    (void)state;
    struct file_write file;
    mkdir(FOLDER "/full", 0777);
    mkdir(FOLDER "/full/x", 0777);
    assert_int_equal(file_write_begin(&file, &folder_current, FOLDER "/full"), VGGCL_OK);
    assert_fails(file_write_commit(&file), VGGCL_EIO, FOLDER "/full: cannot be written");
    assert_int_equal(temporaries(), 0);
    assert_true(exists(FOLDER "/full/x"));
}

static void test_begin_fails(void **state) {
    (void)state;
    struct file_write file;
    assert_fails(file_write_begin(&file, &folder_current, FOLDER "/none/file"), VGGCL_EIO,
                 FOLDER "/none/file: cannot be written: No");
    file_write_abandon(&file);

    char path[VGGCL_PATH_MAX + 1];
    memset(path, 'x', sizeof path);
    path[VGGCL_PATH_MAX] = '\0';
    assert_fails(file_write_begin(&file, &folder_current, path), VGGCL_EUSAGE, "the path is longer");
    file_write_abandon(&file);
}

/* ---------------------------------------------------------------------------------------------------- reading -- */

static void test_read_limit(void **state) {
    (void)state;
    char *bytes;
    size_t size;
    write_text("12345");
    assert_int_equal(file_read(FILE_NAME, 5, &bytes, &size), VGGCL_OK);
    assert_int_equal(size, 5);
    assert_memory_equal(bytes, "12345", 6); /* with the NUL behind it */
    free(bytes);
    assert_fails(file_read(FILE_NAME, 4, &bytes, &size), VGGCL_EFORMAT, FILE_NAME ": has 5 bytes, more than the 4");
    assert_null(bytes);

    write_text("");
    assert_int_equal(file_read(FILE_NAME, 0, &bytes, &size), VGGCL_OK);
    assert_int_equal(size, 0);
    assert_string_equal(bytes, "");
    free(bytes);
}

static void test_read_fails(void **state) {
    (void)state;
    char *bytes;
    size_t size;
    assert_fails(file_read(FOLDER "/none", 100, &bytes, &size), VGGCL_EIO, FOLDER "/none: cannot be opened: No such");
    assert_null(bytes);
    assert_fails(file_read(FOLDER, 100, &bytes, &size), VGGCL_EIO, FOLDER ": is not a regular file");
    assert_null(bytes);
    assert_fails(file_read("/dev/zero", 100, &bytes, &size), VGGCL_EIO, "/dev/zero: is not a regular file");
    assert_int_equal(mkfifo(FILE_NAME, 0666), 0);
    alarm(10); /* to open a FIFO waits for a writer */
    assert_fails(file_read(FILE_NAME, 100, &bytes, &size), VGGCL_EIO, FILE_NAME ": is not a regular file");
    alarm(0);
    assert_null(bytes);
}

static void test_open(void **state) {
    (void)state;
    FILE *stream;
    uint64_t size;
    write_text("12345");
    assert_int_equal(file_open(FILE_NAME, &stream, &size), VGGCL_OK);
    assert_int_equal(size, 5);
    assert_int_equal(getc(stream), '1');
    assert_int_equal(fcntl(fileno(stream), F_GETFD), FD_CLOEXEC);
    fclose(stream);
    assert_fails(file_open(FOLDER, &stream, &size), VGGCL_EIO, FOLDER ": is not a regular file");
    assert_null(stream);
}

/* What file_read_own() takes: nobody else can have put it there or changed it. */
static void test_read_own(void **state) {
    (void)state;
    struct file_write file;
    struct stat status;
    char *bytes;
    size_t size;
    mode_t mask = umask(0);
    enum vggcl_err err = file_write_begin_own(&file, FILE_NAME);
    umask(mask);
    assert_int_equal(err, VGGCL_OK);
    fputs("mine", file.stream);
    assert_int_equal(file_write_commit(&file), VGGCL_OK);
    assert_int_equal(stat(FILE_NAME, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    assert_int_equal(file_read_own(FILE_NAME, 100, &bytes, &size), VGGCL_OK);
    assert_string_equal(bytes, "mine");
    free(bytes);
    for (mode_t mode = 0602; mode < 0630; mode += 016) { /* others, the group */
        assert_int_equal(chmod(FILE_NAME, mode), 0);
        assert_fails(file_read_own(FILE_NAME, 100, &bytes, &size), VGGCL_EIO, FILE_NAME ": can be written by others");
        assert_null(bytes);
    }
    assert_int_equal(chmod(FILE_NAME, 0644), 0);
    assert_int_equal(symlink("file", FOLDER "/elsewhere"), 0);
    assert_fails(file_read_own(FOLDER "/elsewhere", 100, &bytes, &size), VGGCL_EIO, "elsewhere: cannot be opened: ");
    if (geteuid() == 0 && chown(FILE_NAME, 54321, (gid_t)-1) == 0)
        assert_fails(file_read_own(FILE_NAME, 100, &bytes, &size), VGGCL_EIO, FILE_NAME ": belongs to another user");
}

/* -------------------------------------------------------------------------------------------------- the paths -- */

static void test_make_folder(void **state) {
    (void)state;
    assert_int_equal(file_make_folder(FOLDER "//a/b/c/"), VGGCL_OK);
    assert_true(exists(FOLDER "/a/b/c"));
    assert_int_equal(file_make_folder(FOLDER "/a/b/c"), VGGCL_OK);
    assert_int_equal(file_make_folder("./" FOLDER "/a/../a"), VGGCL_OK);
    assert_int_equal(file_make_folder("/"), VGGCL_OK);

    write_text("a file");
    assert_fails(file_make_folder(FILE_NAME), VGGCL_EIO, FILE_NAME ": is not a folder");
    assert_fails(file_make_folder(FILE_NAME "/below"), VGGCL_EIO, FILE_NAME "/below: cannot make this folder: Not a");
    assert_holds("a file");

    char path[VGGCL_PATH_MAX + 1];
    memset(path, 'x', sizeof path);
    path[VGGCL_PATH_MAX] = '\0';
    assert_fails(file_make_folder(path), VGGCL_EUSAGE, "4096");
    assert_fails(file_make_folder(""), VGGCL_EUSAGE, "1 to 4095 bytes");

    struct stat status;
    mode_t mask = umask(0);
    assert_int_equal(file_make_folder_own(FOLDER "/full/x"), VGGCL_OK);
    umask(mask);
    assert_int_equal(stat(FOLDER "/full", &status), 0);
    assert_int_equal(status.st_mode & 07777, 0700);
}

static void test_move_aside(void **state) {
    (void)state;
    char moved_to[VGGCL_PATH_MAX];
    write_text("first");
    assert_int_equal(file_move_aside(FILE_NAME, moved_to), VGGCL_OK);
    assert_string_equal(moved_to, FILE_NAME ".1");
    assert_false(file_exists(FILE_NAME));
    assert_int_equal(symlink("nowhere", FILE_NAME), 0);
    assert_true(file_exists(FILE_NAME));
    assert_int_equal(file_move_aside(FILE_NAME, moved_to), VGGCL_OK);
    assert_string_equal(moved_to, FILE_NAME ".2");
    assert_fails(file_move_aside(FILE_NAME, moved_to), VGGCL_EIO, "cannot be renamed to " FILE_NAME ".3: No such");
    assert_int_equal(mkdir(FOLDER "/a", 0777), 0);
    assert_int_equal(file_move_aside(FOLDER "/a//", moved_to), VGGCL_OK);
    assert_string_equal(moved_to, FOLDER "/a.1");
    assert_int_equal(rmdir(moved_to), 0);
}

static void test_path(void **state) {
    (void)state;
    char out[VGGCL_PATH_MAX], folder[VGGCL_PATH_MAX];
    assert_int_equal(file_path(out, "save", "last.safetensors"), VGGCL_OK);
    assert_string_equal(out, "save/last.safetensors");
    memset(folder, 'x', sizeof folder);
    folder[VGGCL_PATH_MAX - 3] = '\0';
    assert_int_equal(file_path(out, folder, "y"), VGGCL_OK);
    assert_int_equal(strlen(out), VGGCL_PATH_MAX - 1);
    assert_fails(file_path(out, folder, "yz"), VGGCL_EUSAGE, "/yz: the path is longer");
}

/* ------------------------------------------------------------------------------------------------- the errors -- */

static enum vggcl_err pass_on(enum vggcl_err code, bool *reached) {
    TRY(code);
    *reached = true;
    return VGGCL_OK;
}

static enum vggcl_err jump(enum vggcl_err code, bool *reached) {
    enum vggcl_err err = VGGCL_OK;
    TRY_GOTO(code, done);
    *reached = true;
done:
    return err;
}

static void test_try(void **state) {
    (void)state;
    bool reached = false;
    assert_int_equal(pass_on(VGGCL_EFORMAT, &reached), VGGCL_EFORMAT);
    assert_int_equal(jump(VGGCL_EDEVICE, &reached), VGGCL_EDEVICE);
    assert_false(reached);
    assert_int_equal(pass_on(VGGCL_OK, &reached), VGGCL_OK);
    assert_true(reached);
    reached = false;
    assert_int_equal(jump(VGGCL_OK, &reached), VGGCL_OK);
    assert_true(reached);
}

static void test_error_text(void **state) {
    (void)state;
    assert_fails(err_set(VGGCL_EIO, "%s: byte %d", "file", 7), VGGCL_EIO, "file: byte 7");
    assert_fails(err_set(VGGCL_EFORMAT, "in net.c: %s", vggcl_error()), VGGCL_EFORMAT, "in net.c: file: byte 7");
    assert_string_equal(vggcl_error(), "in net.c: file: byte 7");

    enum { LONG = 1000000 }; /* a kernel's build log */
    char *log = malloc(LONG + 1);
    memset(log, 'x', LONG);
    log[LONG] = '\0';
    assert_int_equal(err_set(VGGCL_EOPENCL, "%s", log), VGGCL_EOPENCL);
    assert_string_equal(vggcl_error(), log);
    free(log);

    assert_fails(err_no_memory("the weights", 12345), VGGCL_ENOMEM, "out of memory: 12345 bytes for the weights");
    assert_string_equal(vggcl_version(), VGGCL_VERSION);
}

static void *copy_error(void *out) {
    return strcpy(out, vggcl_error());
}

static void test_error_of_each_thread(void **state) {
    (void)state;
    char theirs[100] = "unset";
    pthread_t thread;
    err_set(VGGCL_EIO, "ours");
    assert_int_equal(pthread_create(&thread, NULL, copy_error, theirs), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_string_equal(theirs, "");
    assert_string_equal(vggcl_error(), "ours");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_commit_replaces, start, clean),
        cmocka_unit_test_setup_teardown(test_abandon_keeps, start, clean),
        cmocka_unit_test_setup_teardown(test_left_over_temporary, start, clean),
        cmocka_unit_test_setup_teardown(test_renamed_folder, start, clean),
        cmocka_unit_test_setup_teardown(test_lock, start, clean),
        cmocka_unit_test_setup_teardown(test_full_disk_keeps, start, clean),
        cmocka_unit_test_setup_teardown(test_failed_once, start, clean),
        cmocka_unit_test_setup_teardown(test_commit_onto_folder, start, clean),
        cmocka_unit_test_setup_teardown(test_begin_fails, start, clean),
        cmocka_unit_test_setup_teardown(test_read_limit, start, clean),
        cmocka_unit_test_setup_teardown(test_read_fails, start, clean),
        cmocka_unit_test_setup_teardown(test_open, start, clean),
        cmocka_unit_test_setup_teardown(test_read_own, start, clean),
        cmocka_unit_test_setup_teardown(test_make_folder, start, clean),
        cmocka_unit_test_setup_teardown(test_move_aside, start, clean),
        cmocka_unit_test_setup_teardown(test_path, start, clean),
        cmocka_unit_test(test_try),
        cmocka_unit_test(test_error_text),
        cmocka_unit_test(test_error_of_each_thread),
    };
    return cmocka_run_group_tests_name("file", tests, NULL, NULL);
}
