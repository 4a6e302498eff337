#define _POSIX_C_SOURCE 200809L
#include "fetch/unpack.h"
#include "base/clock.h"
#include "base/feature.h"
#include "base/file.h"

#include <stdio.h>
#include <unistd.h>

void unpack_remove(const struct fetch_set *set, const char *folder) {
    char path[VGGCL_PATH_MAX];
    for (int i = 0; set->files[i]; i++)
        if (snprintf(path, sizeof path, "%s/%s", folder, set->files[i]) < (int)sizeof path)
            unlink(path);
    rmdir(folder);
}

#ifdef VGGCL_ARCHIVE

#include <archive.h>
#include <archive_entry.h>
#include <ctype.h>
#include <string.h>

enum { BLOCK = 1 << 16 };

struct archive_reader {
    struct unpack *u;
    struct archive *archive;
    FILE *file;        /* the archive; NULL if not open */
    uint64_t size;     /* of the archive, bytes */
    uint64_t unpacked; /* bytes of all entries so far: headers of 512 bytes, and the sizes that they state */
    double start;      /* clock_seconds() at the start */
    bool taken[FETCH_MOST_FILES];
};

/* How errors about archives of something else end. */
#define ELSEWHERE "this is not %s's archive; name another source (from)"

static const char *title_of(const struct archive_reader *r) {
    return r->u->set->about.title;
}

/* Sets the error for a refused entry, "the entry PATH WHY WHAT". Its path is untrusted, so bytes that could control a
 * terminal become '?'. */
static enum vggcl_err refuse(const struct archive_reader *r, const char *path, const char *why, const char *what) {
    char shown[80];
    size_t i = 0;
    for (; i < sizeof shown - 1 && path[i]; i++)
        shown[i] = isprint((unsigned char)path[i]) ? path[i] : '?';
    shown[i] = '\0';
    return err_set(VGGCL_EFORMAT, "%s: the entry '%s%s' %s%s; " ELSEWHERE, r->u->source, shown, path[i] ? "..." : "",
                   why, what, title_of(r));
}

static enum vggcl_err cannot_unpack(const struct archive_reader *r) {
    return err_set(VGGCL_EFORMAT, "%s: cannot be unpacked: %s; expected a tar archive, optionally compressed with gzip",
                   r->u->source, archive_error_string(r->archive));
}

/* Skips the components "." at the beginning of path; returns "" for "." and "./". */
static const char *skip_here(const char *path) {
    while (path[0] == '.' && (path[1] == '/' || path[1] == '\0'))
        path += path[1] == '/' ? 2 : 1;
    return path;
}

/* The file name of a path directly in the folder top; "" for top itself and for ".", NULL for any other path. */
static const char *name_of(const char *top, const char *path) {
    const size_t length = strlen(top);
    path = skip_here(path);
    if (*path == '\0')
        return path;
    if (strncmp(path, top, length) != 0 || (path[length] != '/' && path[length] != '\0'))
        return NULL;
    path = skip_here(path + length + (path[length] == '/'));
    return strchr(path, '/') || strcmp(path, "..") == 0 ? NULL : path;
}

/* Checks an entry. *file: its index in set->files, or -1 if it is skipped. */
static enum vggcl_err check_entry(struct archive_reader *r, struct archive_entry *entry, int *file) {
    const char *top = r->u->set->about.folder, *const *files = r->u->set->files;
    const char *path = archive_entry_pathname(entry), *name = path ? name_of(top, path) : NULL;
    int type = (int)archive_entry_filetype(entry);
    if (!name)
        return refuse(r, path ? path : "?", "is not directly in ", top);
    if (archive_entry_hardlink(entry) || (type != AE_IFREG && type != AE_IFDIR))
        return refuse(r, path, "is a link or a special file", "");
    r->unpacked += 512 + (uint64_t)archive_entry_size(entry);
    if (archive_entry_size(entry) < 0 || r->unpacked > r->u->largest)
        return refuse(r, path, "is larger than all of ", title_of(r));
    *file = -1;
    for (int i = 0; files[i]; i++)
        if (type == AE_IFREG && strcmp(name, files[i]) == 0)
            *file = i;
    if (*file >= 0 && r->taken[*file])
        return refuse(r, path, "occurs twice", "");
    return VGGCL_OK;
}

/* Reports the progress; false if the observer asks to stop. */
static bool report_progress(struct archive_reader *r) {
    const struct vggcl_fetch_observer *o = r->u->observer;
    double seconds = clock_seconds() - r->start;
    struct vggcl_fetch_progress p = {.unpacking = true,
                                     .file = r->u->set->archive,
                                     .bytes = (uint64_t)archive_filter_bytes(r->archive, -1),
                                     .total = r->size};
    if (p.bytes > 0 && seconds > 0) {
        p.bytes_per_second = (double)p.bytes / seconds;
        p.eta = ((double)p.total - (double)p.bytes) / p.bytes_per_second;
        o->progressed(&p, o->payload);
    }
    r->u->stopped = o->stop(o->payload);
    return !r->u->stopped;
}

static enum vggcl_err write_file(struct archive_reader *r, struct archive_entry *entry, const char *name) {
    char path[VGGCL_PATH_MAX], block[BLOCK];
    struct file_write file;
    la_ssize_t count = 0;
    la_int64_t left = archive_entry_size(entry);
    TRY(file_path(path, r->u->folder, name));
    TRY(file_write_begin(&file, &folder_current, path));
    while (!ferror(file.stream) && report_progress(r) &&
           (count = archive_read_data(r->archive, block, sizeof block)) > 0 && (left -= count) >= 0)
        file_write_bytes(&file, block, (size_t)count);
    if (count >= 0 && left >= 0 && !r->u->stopped)
        return file_write_commit(&file);
    file_write_abandon(&file);
    if (r->u->stopped)
        return VGGCL_OK;
    return count < 0 ? cannot_unpack(r) : refuse(r, name, "has more bytes than its header says", "");
}

static enum vggcl_err read_entries(struct archive_reader *r) {
    struct archive_entry *entry;
    int status, file = -1;
    while (!r->u->stopped && (status = archive_read_next_header(r->archive, &entry)) != ARCHIVE_EOF) {
        if (status != ARCHIVE_OK && status != ARCHIVE_WARN)
            return cannot_unpack(r);
        TRY(check_entry(r, entry, &file));
        if (file < 0)
            continue;
        r->taken[file] = true;
        TRY(write_file(r, entry, r->u->set->files[file]));
    }
    const struct fetch_set *set = r->u->set;
    for (int i = 0; set->files[i] && !r->u->stopped; i++)
        if (!r->taken[i])
            return err_set(VGGCL_EFORMAT, "%s: has no %s/%s; " ELSEWHERE, r->u->source, set->about.folder,
                           set->files[i], title_of(r));
    return VGGCL_OK;
}

static enum vggcl_err open_archive(struct archive_reader *r) {
    r->archive = archive_read_new();
    if (!r->archive)
        return err_no_memory("an archive", 0);
    archive_read_support_filter_gzip(r->archive);
    archive_read_support_format_tar(r->archive);
    enum vggcl_err err = file_open(r->u->archive, &r->file, &r->size);
    if (err != VGGCL_OK)
        return err_set(err, "%s; name the archive", vggcl_error());
    return archive_read_open_fd(r->archive, fileno(r->file), BLOCK) == ARCHIVE_OK ? VGGCL_OK : cannot_unpack(r);
}

enum vggcl_err unpack_start(const char *archive) {
    (void)archive;
    return VGGCL_OK;
}

enum vggcl_err unpack_archive(struct unpack *u) {
    enum vggcl_err err;
    struct archive_reader r = {.u = u, .start = clock_seconds()};
    u->stopped = false;
    TRY_GOTO(open_archive(&r), done);
    TRY_GOTO(file_make_folder(u->folder), done);
    TRY_GOTO(read_entries(&r), done);
done:
    archive_read_free(r.archive);
    if (r.file)
        fclose(r.file);
    return err;
}

#else

enum vggcl_err unpack_start(const char *archive) {
    return feature_lacks(FEATURE_ARCHIVE, archive, ", or unpack the archive with tar");
}

enum vggcl_err unpack_archive(struct unpack *u) {
    return unpack_start(u->source);
}

#endif
