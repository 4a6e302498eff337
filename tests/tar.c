#define _XOPEN_SOURCE 700 /* fmemopen, S_IFREG */
#include "tar.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#ifdef VGGCL_ARCHIVE

#include <archive.h>
#include <archive_entry.h>

_Static_assert(AE_IFREG == S_IFREG && AE_IFLNK == S_IFLNK, "libarchive's types are those of the system");

static struct archive *archive;
static char block[1 << 16];

void tar_begin(const char *path, bool gzip) {
    archive = archive_write_new();
    assert_int_equal(archive_write_set_format_pax_restricted(archive), ARCHIVE_OK);
    assert_int_equal(gzip ? archive_write_add_filter_gzip(archive) : archive_write_add_filter_none(archive),
                     ARCHIVE_OK);
    if (gzip) /* the same bytes each time */
        assert_int_equal(archive_write_set_options(archive, "gzip:!timestamp"), ARCHIVE_OK);
    assert_int_equal(archive_write_open_filename(archive, path), ARCHIVE_OK);
}

static void add_header(const char *name, int type, const char *target, long long size) {
    struct archive_entry *entry = archive_entry_new();
    archive_entry_set_pathname(entry, name);
    archive_entry_set_size(entry, size);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_filetype(entry, type ? (unsigned)type : S_IFREG);
    if (type == S_IFLNK)
        archive_entry_set_symlink(entry, target);
    else if (type == 0)
        archive_entry_set_hardlink(entry, target);
    assert_int_equal(archive_write_header(archive, entry), ARCHIVE_OK);
    archive_entry_free(entry);
}

void tar_add(const char *name, const char *path, const char *text) {
    FILE *file = path ? fopen(path, "rb") : fmemopen((void *)(uintptr_t)text, strlen(text), "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    add_header(name, S_IFREG, NULL, ftell(file));
    rewind(file);
    for (size_t count; (count = fread(block, 1, sizeof block, file)) > 0;)
        assert_int_equal(archive_write_data(archive, block, count), count);
    fclose(file);
}

void tar_add_other(const char *name, int type, const char *target) {
    add_header(name, type, target, 0);
}

void tar_add_zeros(const char *name, long long count) {
    memset(block, 0, sizeof block);
    add_header(name, S_IFREG, NULL, count);
    for (; count > 0; count -= (long long)sizeof block)
        archive_write_data(archive, block, count < (long long)sizeof block ? (size_t)count : sizeof block);
}

void tar_end(void) {
    assert_int_equal(archive_write_free(archive), ARCHIVE_OK);
}

#else

void tar_begin(const char *path, bool gzip) {
    (void)gzip;
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    fclose(file);
}

void tar_add(const char *name, const char *path, const char *text) {
    (void)name, (void)path, (void)text;
}

void tar_add_other(const char *name, int type, const char *target) {
    (void)name, (void)type, (void)target;
}

void tar_add_zeros(const char *name, long long count) {
    (void)name, (void)count;
}

void tar_end(void) {}

#endif
