#define _XOPEN_SOURCE 700 /* gethostname, realpath */
#include "files/records.h"
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char prefix[] = "events.out.tfevents.";
enum { HOST = 64 };

/* ----------------------------------------------------------------------------------------------------- records -- */

/* CRC-32C (Castagnoli), least significant bit first. */
static uint32_t crc32c(const uint8_t *bytes, size_t size) {
    uint32_t table[256], crc = UINT32_MAX;
    for (uint32_t i = 0; i < 256; i++) {
        table[i] = i;
        for (int bit = 0; bit < 8; bit++)
            table[i] = table[i] >> 1 ^ (table[i] & 1 ? UINT32_C(0x82f63b78) : 0);
    }
    for (size_t i = 0; i < size; i++)
        crc = crc >> 8 ^ table[(crc ^ bytes[i]) & 255];
    return ~crc;
}

uint32_t records_checksum(const void *bytes, size_t size) {
    uint32_t crc = crc32c(bytes, size);
    return (crc >> 15 | crc << 17) + UINT32_C(0xa282ead8);
}

/* Adds a number of `size` bytes, the least significant first. */
static void put(uint8_t *to, uint64_t number, size_t size) {
    for (size_t i = 0; i < size; i++)
        to[i] = (uint8_t)(number >> 8 * i);
}

enum vggcl_err records_add(struct log_file *file, const void *bytes, size_t size) {
    uint8_t head[12], tail[4];
    put(head, size, 8);
    put(head + 8, records_checksum(head, 8), 4);
    put(tail, records_checksum(bytes, size), 4);
    TRY(log_file_add(file, head, sizeof head));
    TRY(log_file_add(file, bytes, size));
    return log_file_add(file, tail, sizeof tail);
}

/* ----------------------------------------------------------------------------------------------------- folders -- */

/* The next entry that is a file of records, its time in *time; NULL after the last one. */
static const char *next_file(DIR *entries, int64_t *time) {
    for (struct dirent *entry; (entry = readdir(entries));) {
        const char *digits = entry->d_name + sizeof prefix - 1;
        if (strncmp(entry->d_name, prefix, sizeof prefix - 1) != 0)
            continue;
        *time = strtoll(digits, NULL, 10);
        return entry->d_name;
    }
    return NULL;
}

bool records_in(const char *folder, int64_t *latest) {
    DIR *entries = opendir(folder);
    bool any = false;
    *latest = 0;
    for (int64_t time; entries && next_file(entries, &time); any = true)
        if (time > *latest)
            *latest = time;
    if (entries)
        closedir(entries);
    return any;
}

enum vggcl_err records_create(struct log_file *file, const char *option, const char *folder) {
    char name[sizeof prefix + HOST + 64], host[HOST + 1] = "", path[VGGCL_PATH_MAX];
    int64_t latest, now = time(NULL);
    enum vggcl_err err = file_make_folder(folder);
    if (err != VGGCL_OK)
        return err_set(err, "%s %s", option, vggcl_error());
    if (records_in(folder, &latest) && latest >= now && latest < INT64_MAX)
        now = latest + 1;
    if (gethostname(host, HOST) != 0 || !*host || strchr(host, '/'))
        strcpy(host, "localhost");
    snprintf(name, sizeof name, "%s%010" PRId64 ".%s.%ld", prefix, now, host, (long)getpid());
    TRY(file_path(path, folder, name));
    return log_file_open(file, option, path, O_EXCL);
}

/* Creates the first of folder.1, folder.2, ... that does not exist. */
static enum vggcl_err make_aside(const char *folder, char aside[static VGGCL_PATH_MAX]) {
    int number = 0, length;
    do {
        length = snprintf(aside, VGGCL_PATH_MAX, "%s.%d", folder, ++number);
        if (length < 0 || length >= VGGCL_PATH_MAX)
            return err_set(VGGCL_EUSAGE, "%.64s...: the path is longer than %d bytes", folder, VGGCL_PATH_MAX);
    } while (file_exists(aside));
    return file_make_folder(aside);
}

enum vggcl_err records_move_aside(const char *option, const char *folder, char moved_to[static VGGCL_PATH_MAX]) {
    enum vggcl_err err;
    int64_t time;
    char from[VGGCL_PATH_MAX], to[VGGCL_PATH_MAX], *whole = realpath(folder, NULL);
    DIR *entries = whole ? opendir(whole) : NULL;
    if (!entries) {
        err = log_file_failed(option, folder, errno);
        free(whole);
        return err;
    }
    TRY_GOTO(make_aside(whole, moved_to), done);
    for (const char *name; (name = next_file(entries, &time));) {
        TRY_GOTO(file_path(from, whole, name), done);
        TRY_GOTO(file_path(to, moved_to, name), done);
        if (!file_rename(from, to)) {
            err = log_file_failed(option, folder, errno);
            goto done;
        }
    }
done:
    closedir(entries);
    free(whole);
    return err;
}
