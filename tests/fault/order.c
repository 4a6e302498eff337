/* order.c - a library for LD_PRELOAD that writes a line to standard output for each call that makes, renames or flushes
 * a file or a folder, after it succeeded:
 *
 *     @ fsync PATH SIZE
 *     @ rename FROM TO SIZE
 *     @ mkdir PATH
 *
 * with absolute paths, and SIZE the bytes of the file then, or "folder". The program's own text is between these lines,
 * where it was printed: its standard output is flushed at the end of each line. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

__attribute__((constructor)) static void begin(void) {
    setvbuf(stdout, NULL, _IOLBF, 0);
}

/* The path of an open file or folder. */
static void path_of(int descriptor, char path[PATH_MAX]) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    path[length > 0 ? length : 0] = '\0';
}

/* The absolute path of a name in an open folder, or in the working directory. */
static void path_in(int folder, const char *name, char path[2 * PATH_MAX]) {
    char start[PATH_MAX] = "";
    if (*name != '/' && folder == AT_FDCWD && !getcwd(start, sizeof start))
        *start = '\0';
    if (*name != '/' && folder != AT_FDCWD)
        path_of(folder, start);
    snprintf(path, 2 * PATH_MAX, "%s%s%s", start, *start ? "/" : "", name);
}

static void size_text(int result, const struct stat *status, char text[32]) {
    if (result == 0 && S_ISDIR(status->st_mode))
        snprintf(text, 32, "folder");
    else
        snprintf(text, 32, "%lld", result == 0 ? (long long)status->st_size : -1);
}

int fsync(int descriptor) {
    char path[PATH_MAX], size[32];
    struct stat status;
    int result = (int)syscall(SYS_fsync, descriptor);
    if (result == 0) {
        path_of(descriptor, path);
        size_text(fstat(descriptor, &status), &status, size);
        dprintf(STDOUT_FILENO, "@ fsync %s %s\n", path, size);
    }
    return result;
}

int renameat(int from_folder, const char *from, int to_folder, const char *to) {
    char from_path[2 * PATH_MAX], to_path[2 * PATH_MAX], size[32];
    struct stat status;
    int result = (int)syscall(SYS_renameat2, from_folder, from, to_folder, to, 0);
    if (result == 0) {
        path_in(from_folder, from, from_path);
        path_in(to_folder, to, to_path);
        size_text(fstatat(to_folder, to, &status, 0), &status, size);
        dprintf(STDOUT_FILENO, "@ rename %s %s %s\n", from_path, to_path, size);
    }
    return result;
}

int rename(const char *from, const char *to) {
    return renameat(AT_FDCWD, from, AT_FDCWD, to);
}

int mkdir(const char *name, mode_t mode) {
    char path[2 * PATH_MAX];
    int result = (int)syscall(SYS_mkdirat, AT_FDCWD, name, mode);
    if (result == 0) {
        path_in(AT_FDCWD, name, path);
        dprintf(STDOUT_FILENO, "@ mkdir %s\n", path);
    }
    return result;
}
