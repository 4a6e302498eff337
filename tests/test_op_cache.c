/* The cache of programs on disk: a second device builds nothing, and an invalid entry is built again. */
#define _POSIX_C_SOURCE 200809L
#include "common.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/stop.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ENTRY_LIMIT = 1 << 26 };

static char root[] = "test_cache_XXXXXX", folder[sizeof root + 16], *earlier; /* folder: programs in root */
static char kernels[VGGCL_PATH_MAX], kernel_file[VGGCL_PATH_MAX];

/* The names of a folder's files, one or more; the last in name. */
static int files_of(const char *path, char name[256]) {
    int count = 0;
    DIR *all = opendir(path);
    assert_non_null(all);
    for (struct dirent *each; (each = readdir(all));) {
        if (*each->d_name == '.' || strcmp(each->d_name, "kernels") == 0)
            continue;
        count++;
        snprintf(name, 256, "%s", each->d_name);
    }
    closedir(all);
    return count;
}

static int start(void **state) {
    earlier = getenv("VGGCL_CACHE_DIR");
    earlier = earlier ? strdup(earlier) : NULL;
    strcpy(root, "test_cache_XXXXXX");
    if (!mkdtemp(root) || open_device(state) != 0)
        return -1;
    snprintf(folder, sizeof folder, "%s/programs", root);
    CHECK(file_make_folder_own(folder));
    snprintf(kernels, sizeof kernels, "%s/kernels", folder);
    snprintf(kernel_file, sizeof kernel_file, "%s/kernels/storage.cl", folder);
    return setenv("VGGCL_CACHE_DIR", root, 1);
}

static void empty_folder(void) {
    char name[256], path[VGGCL_PATH_MAX];
    while (files_of(folder, name)) {
        snprintf(path, sizeof path, "%s/%s", folder, name);
        assert_int_equal(remove(path), 0);
    }
    remove(kernel_file);
    rmdir(kernels);
}

static int end(void **state) {
    empty_folder();
    rmdir(folder);
    rmdir(root);
    if (earlier)
        setenv("VGGCL_CACHE_DIR", earlier, 1);
    else
        unsetenv("VGGCL_CACHE_DIR");
    free(earlier);
    return close_device(state);
}

static int clean(void **state) {
    empty_folder();
    setenv("VGGCL_CACHE_DIR", root, 1);
    return release(state);
}

struct count {
    int built, cached;
};

/* Opens a device, copies with it, checks what that gives and closes the device again. */
static struct count open_and_run(const char *kernel_dir, float factor) {
    struct dev *before = device, *d;
    float x[3] = {-1, 2, 3}, y[3];
    CHECK(dev_open(NULL, kernel_dir, &d));
    device = d; /* so that the memory is its own */
    struct tensor in = upload(3, x), out = poisoned(3);
    enum vggcl_err err = dev_run(d, "storage/widen", "", RANGE(3), ARGS(A_MEM(in), A_INT(0), A_INT(3), A_MEM(out)));
    if (err == VGGCL_OK)
        err = dev_read(d, out, 0, 3, y);
    struct count count = {d->programs_built, d->programs_cached};
    int guards = release(NULL);
    device = before;
    dev_close(d);
    CHECK(err);
    assert_int_equal(guards, 0);
    for (int i = 0; i < 3; i++)
        assert_true(y[i] == factor * x[i]);
    return count;
}

static void expect(struct count got, int built, int cached) {
    assert_int_equal(got.built, built);
    assert_int_equal(got.cached, cached);
}

/* The path of the only entry. */
static const char *entry(void) {
    static char path[VGGCL_PATH_MAX];
    char name[256];
    assert_int_equal(files_of(folder, name), 1);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void second_builds_nothing(void **state) {
    (void)state;
    struct stat first, second;
    expect(open_and_run(NULL, 1), 1, 0);
    assert_int_equal(stat(entry(), &first), 0);
    expect(open_and_run(NULL, 1), 0, 1);
    assert_int_equal(stat(entry(), &second), 0);
    assert_true(first.st_ino == second.st_ino); /* and writes nothing */
}

static bool always(void *payload) {
    (void)payload;
    return true;
}

/* A caller who wants to stop does not wait until programs are built or stored. */
static void stopped_before_an_item(void **state) {
    (void)state;
    struct dev *d;
    cl_kernel kernel;
    char name[256];
    CHECK(dev_open(NULL, NULL, &d));
    CHECK(program_kernel(d, "storage/widen", "", &kernel));
    stop_ask(always, NULL);
    assert_int_equal(program_kernel(d, "storage/widen", "", &kernel), VGGCL_OK); /* is there already */
    assert_int_equal(program_kernel(d, "flatten/forward", "", &kernel), VGGCL_ESTOPPED);
    dev_close(d);
    stop_ask(NULL, NULL);
    assert_int_equal(files_of(folder, name), 0);
}

/* Of the programs that were built on trial, the one that is used afterwards stays and is stored; no other one is. */
static void chosen_trial_is_kept(void **state) {
    (void)state;
    struct dev *d;
    cl_kernel kernel;
    CHECK(dev_open(NULL, NULL, &d));
    d->on_trial = true;
    d->trial_room = 2;
    CHECK(program_kernel(d, "storage/widen", "", &kernel));
    CHECK(program_kernel(d, "storage/widen", "-DTRIAL=1", &kernel));
    CHECK_FAILS(program_kernel(d, "storage/widen", "-DTRIAL=2", &kernel), VGGCL_EOPENCL, "storage.cl",
                "no more programs");
    CHECK(program_kernel(d, "storage/widen", "", &kernel)); /* is there already */
    d->on_trial = false;
    CHECK(program_kernel(d, "storage/widen", "", &kernel));
    assert_int_equal(d->programs_built, 2);
    dev_close(d);
    assert_non_null(entry());
    expect(open_and_run(NULL, 1), 0, 1);
}

static void replace(const char *path, const char *bytes, size_t size) {
    FILE *stream = fopen(path, "wb");
    assert_non_null(stream);
    assert_int_equal(fwrite(bytes, 1, size, stream), size);
    assert_int_equal(fclose(stream), 0);
}

/* Cut short anywhere, or with any one byte changed: in the header, the key or the binary. */
static void broken_entry(void **state) {
    (void)state;
    char *whole;
    size_t size;
    expect(open_and_run(NULL, 1), 1, 0);
    CHECK(file_read(entry(), ENTRY_LIMIT, &whole, &size));
    const size_t lengths[] = {0, 7, 31, 40, size / 2, size - 1};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        replace(entry(), whole, lengths[i]);
        expect(open_and_run(NULL, 1), 1, 0);
        expect(open_and_run(NULL, 1), 0, 1);
    }
    const size_t places[] = {0, 9, 17, 25, 40, size / 2, size - 1};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        whole[places[i]] ^= 1;
        replace(entry(), whole, size);
        whole[places[i]] ^= 1;
        expect(open_and_run(NULL, 1), 1, 0);
        expect(open_and_run(NULL, 1), 0, 1);
    }
    free(whole);
}

/* A whole and right entry, but under another program's name: as if their hashes were the same. */
static void entry_of_another_key(void **state) {
    (void)state;
    char *other, path[VGGCL_PATH_MAX];
    size_t size;
    assert_int_equal(mkdir(kernels, 0777), 0);
    const char *doubling = "kernel void widen(global const float *x, int first, int count, global float *y) {\n"
                           "    int i = get_global_id(0);\n"
                           "    if (i < count)\n"
                           "        y[i] = 2 * x[i];\n"
                           "}\n";
    replace(kernel_file, doubling, strlen(doubling));
    expect(open_and_run(kernels, 2), 1, 0);
    expect(open_and_run(kernels, 2), 0, 1); /* the folder's programs are kept too, by what is in them */
    CHECK(file_read(entry(), ENTRY_LIMIT, &other, &size));
    assert_int_equal(remove(entry()), 0);
    expect(open_and_run(NULL, 1), 1, 0);
    snprintf(path, sizeof path, "%s", entry());
    replace(path, other, size);
    free(other);
    expect(open_and_run(NULL, 1), 1, 0);
    expect(open_and_run(NULL, 1), 0, 1);
}

/* Entries that the driver cannot read, though their checksum is right. Mesa's rusticl ends the whole program at one
 * (its parser panics), so that only PoCL's is asked. */
static void refused_by_the_driver(void **state) {
    (void)state;
    if (!strstr(device->info.platform_name, "Portable"))
        skip();
    char *whole;
    size_t size, key_size;
    expect(open_and_run(NULL, 1), 1, 0);
    CHECK(file_read(entry(), ENTRY_LIMIT, &whole, &size));
    memcpy(&key_size, whole + 8, sizeof key_size);
    size_t first = 32 + key_size;
    memset(whole + first, 'x', size - first);
    uint64_t checksum = hash_bytes(HASH_START, whole + 32, size - 32);
    memcpy(whole + 24, &checksum, sizeof checksum);
    replace(entry(), whole, size);
    free(whole);
    expect(open_and_run(NULL, 1), 1, 0);
    expect(open_and_run(NULL, 1), 0, 1);
}

static void no_folder(void **state) {
    (void)state;
    char path[VGGCL_PATH_MAX];
    const char *const hopeless[] = {"", "/proc/no/such/folder", "/dev/null/folder"};
    for (size_t i = 0; i < sizeof hopeless / sizeof *hopeless; i++) {
        setenv("VGGCL_CACHE_DIR", hopeless[i], 1);
        err_set(VGGCL_OK, "%s", "an earlier error");
        for (int run = 0; run < 2; run++)
            expect(open_and_run(NULL, 1), 1, 0);
        assert_string_equal(vggcl_error(), "an earlier error");
    }
    snprintf(path, sizeof path, "%s/kernels", folder); /* made where missing */
    setenv("VGGCL_CACHE_DIR", path, 1);
    expect(open_and_run(NULL, 1), 1, 0);
    expect(open_and_run(NULL, 1), 0, 1);
    char name[256];
    snprintf(path, sizeof path, "%s/kernels/programs", folder);
    assert_int_equal(files_of(path, name), 1);
    snprintf(path, sizeof path, "%s/kernels/programs/%s", folder, name);
    assert_int_equal(remove(path), 0);
    /* A folder where an entry should be: it can neither be read nor written. */
    assert_int_equal(mkdir(path, 0777), 0);
    char inside[VGGCL_PATH_MAX];
    CHECK(file_path(inside, path, "x"));
    replace(inside, "x", 1);
    expect(open_and_run(NULL, 1), 1, 0);
    expect(open_and_run(NULL, 1), 1, 0);
    assert_int_equal(remove(inside), 0);
    assert_int_equal(remove(path), 0);
    snprintf(path, sizeof path, "%s/kernels/programs", folder);
    assert_int_equal(remove(path), 0);
}

/* --------------------------------------------------------------------------------------------------- other users -- */

static unsigned mode_of(const char *path) {
    struct stat status;
    assert_int_equal(lstat(path, &status), 0);
    return status.st_mode & 07777;
}

/* With a file mode mask that forbids nothing, and in folders that are made for it. */
static void open_to_this_user_only(void **state) {
    (void)state;
    char above[64], top[80], programs[96], name[256], path[VGGCL_PATH_MAX];
    snprintf(above, sizeof above, "%s/above", root);
    snprintf(top, sizeof top, "%s/cache", above);
    snprintf(programs, sizeof programs, "%s/programs", top);
    setenv("VGGCL_CACHE_DIR", top, 1);
    mode_t mask = umask(0);
    struct count first = open_and_run(NULL, 1), second = open_and_run(NULL, 1);
    umask(mask);
    expect(first, 1, 0);
    expect(second, 0, 1);
    assert_int_equal(files_of(programs, name), 1);
    CHECK(file_path(path, programs, name));
    assert_int_equal(mode_of(path), 0600);
    assert_int_equal(mode_of(programs), 0700);
    assert_int_equal(mode_of(top), 0700);
    assert_int_equal(mode_of(above), 0700);
    assert_int_equal(remove(path) | remove(programs) | remove(top) | remove(above), 0);
}

static void assert_problem(const char *path, const char *why) {
    char found[2 * VGGCL_PATH_MAX], expected[2 * VGGCL_PATH_MAX];
    snprintf(expected, sizeof expected, "cache folder %s: %s, so it is not used; set VGGCL_CACHE_DIR to a folder of ",
             path, why);
    assert_true(vggcl_cache_problem(found, sizeof found));
    assert_memory_equal(found, expected, strlen(expected));
    assert_null(strchr(found, '\n'));
}

/* A valid entry of the cache is there, and the path, root or folder, is not safe: the entry is not used. */
static void not_used(const char *path, const char *why) {
    struct stat before, after;
    assert_int_equal(stat(entry(), &before), 0);
    assert_problem(path, why);
    expect(open_and_run(NULL, 1), 1, 0);
    assert_int_equal(stat(entry(), &after), 0);
    assert_true(before.st_ino == after.st_ino);
}

static void folder_that_others_can_write_to(void **state) {
    (void)state;
    char found[VGGCL_PATH_MAX];
    const char *const paths[] = {root, folder};
    expect(open_and_run(NULL, 1), 1, 0);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(chmod(paths[i], 0720), 0);
        not_used(paths[i], "can be written by others (chmod go-w mends that)");
        assert_int_equal(chmod(paths[i], 01777), 0);
        not_used(paths[i], "is for everybody");
        assert_int_equal(chmod(paths[i], 0755), 0);
        assert_false(vggcl_cache_problem(found, sizeof found));
        assert_string_equal(found, "");
        expect(open_and_run(NULL, 1), 0, 1);
    }
}

/* Only root can give files away. */
enum { SOMEBODY = 54321 };
static void skip_unless_root(void) {
    if (geteuid() != 0) {
        print_message("needs root, to make files of another user: skipped\n");
        skip();
    }
}

static void folder_of_another_user(void **state) {
    (void)state;
    skip_unless_root();
    const char *const paths[] = {root, folder};
    expect(open_and_run(NULL, 1), 1, 0);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(chown(paths[i], SOMEBODY, (gid_t)-1), 0);
        not_used(paths[i], "belongs to another user");
        assert_int_equal(chown(paths[i], 0, (gid_t)-1), 0);
        expect(open_and_run(NULL, 1), 0, 1);
    }
}

/* A valid entry is not used, but replaced by one of this user. */
static void is_replaced(void) {
    expect(open_and_run(NULL, 1), 1, 0);
    assert_int_equal(mode_of(entry()), 0600);
    expect(open_and_run(NULL, 1), 0, 1);
}

static void entry_that_others_can_write_to(void **state) {
    (void)state;
    expect(open_and_run(NULL, 1), 1, 0);
    assert_int_equal(chmod(entry(), 0660), 0);
    is_replaced();
    assert_int_equal(chmod(entry(), 0644), 0); /* of earlier versions */
    expect(open_and_run(NULL, 1), 0, 1);
}

static void entry_of_another_user(void **state) {
    (void)state;
    skip_unless_root();
    expect(open_and_run(NULL, 1), 1, 0);
    assert_int_equal(chown(entry(), SOMEBODY, (gid_t)-1), 0);
    is_replaced();
}

static void entry_that_is_a_link(void **state) {
    (void)state;
    char elsewhere[VGGCL_PATH_MAX], path[VGGCL_PATH_MAX];
    struct stat before, after;
    expect(open_and_run(NULL, 1), 1, 0);
    snprintf(path, sizeof path, "%s", entry());
    snprintf(elsewhere, sizeof elsewhere, "%s/elsewhere", root);
    assert_int_equal(rename(path, elsewhere), 0);
    assert_int_equal(symlink("../elsewhere", path), 0);
    assert_int_equal(stat(path, &before), 0);
    is_replaced();
    assert_int_equal(stat(elsewhere, &after), 0);
    assert_true(before.st_mtim.tv_nsec == after.st_mtim.tv_nsec && before.st_size == after.st_size);
    assert_int_equal(remove(elsewhere), 0);
}

/* Root may write anywhere, so that only others see this. */
static void read_only_folder(void **state) {
    (void)state;
    assert_int_equal(chmod(folder, 0555), 0);
    bool writable = access(folder, W_OK) == 0;
    struct count first = open_and_run(NULL, 1), second = open_and_run(NULL, 1);
    assert_int_equal(chmod(folder, 0700), 0);
    expect(first, 1, 0);
    expect(second, !writable, writable);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(second_builds_nothing, clean),
        cmocka_unit_test_teardown(stopped_before_an_item, clean),
        cmocka_unit_test_teardown(chosen_trial_is_kept, clean),
        cmocka_unit_test_teardown(broken_entry, clean),
        cmocka_unit_test_teardown(entry_of_another_key, clean),
        cmocka_unit_test_teardown(refused_by_the_driver, clean),
        cmocka_unit_test_teardown(no_folder, clean),
        cmocka_unit_test_teardown(open_to_this_user_only, clean),
        cmocka_unit_test_teardown(folder_that_others_can_write_to, clean),
        cmocka_unit_test_teardown(folder_of_another_user, clean),
        cmocka_unit_test_teardown(entry_that_others_can_write_to, clean),
        cmocka_unit_test_teardown(entry_of_another_user, clean),
        cmocka_unit_test_teardown(entry_that_is_a_link, clean),
        cmocka_unit_test_teardown(read_only_folder, clean),
    };
    return cmocka_run_group_tests(tests, start, end);
}
