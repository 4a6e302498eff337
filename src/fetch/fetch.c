/* fetch.c - vggcl_fetch(): checks an existing data set; otherwise downloads it, unpacks it if it is an archive, checks
 * every file and renames the temporary folder that has them. Sources are tried in order until one has everything. */
#define _POSIX_C_SOURCE 200809L
#include "fetch/fetch.h"
#include "base/clock.h"
#include "base/embedded.h"
#include "base/file.h"
#include "fetch/download.h"
#include "fetch/sums.h"
#include "fetch/unpack.h"

#include <errno.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

struct job {
    const struct vggcl_fetch *ask;
    const struct fetch_goal *goal;
    const struct fetch_set *set; /* goal->set */
    struct vggcl_fetch_observer observer;
    struct vggcl_fetched *fetched;
    const char *dir;
    const char *from;               /* the source that is being tried */
    const char *file;               /* the file that is being downloaded: the archive, or one of set->files */
    char url[VGGCL_PATH_MAX];       /* where it is: from, or the file in it; a URL or a path */
    char part[VGGCL_PATH_MAX];      /* where it is downloaded to */
    char temporary[VGGCL_PATH_MAX]; /* becomes the data set's folder */
    struct folder folder;           /* dir, locked */
    bool stopped, unwritable;       /* unwritable: another source does not help */
};

static void no_progress(const struct vggcl_fetch_progress *progress, void *payload) {
    (void)progress, (void)payload;
}

static void no_notice(const char *text, void *payload) {
    (void)text, (void)payload;
}

static bool no_stop(void *payload) {
    (void)payload;
    return false;
}

static struct vggcl_fetch_observer complete(const struct vggcl_fetch_observer *given) {
    struct vggcl_fetch_observer o = given ? *given : (struct vggcl_fetch_observer){0};
    o.progressed = o.progressed ? o.progressed : no_progress;
    o.noticed = o.noticed ? o.noticed : no_notice;
    o.stop = o.stop ? o.stop : no_stop;
    return o;
}

static bool is_url(const char *from) {
    return strstr(from, "://") != NULL;
}

static enum vggcl_err check_sources(const char *const *from) {
    for (; *from; from++)
        if (is_url(*from) && strncasecmp(*from, "https://", 8) != 0 && strncasecmp(*from, "http://", 7) != 0)
            return err_set(VGGCL_EUSAGE, "from %s: takes http:// or https://; name a file by its path alone", *from);
    return VGGCL_OK;
}

/* Locks dir, so that only one fetch at a time writes to it. */
static enum vggcl_err lock_folder(struct job *j) {
    TRY(file_make_folder(j->dir));
    TRY(folder_open(&j->folder, j->dir));
    return folder_lock(&j->folder, "wait until it ends");
}

/* out = dir/name + end. */
static enum vggcl_err path_in_dir(const struct job *j, const char *name, const char *end, char out[VGGCL_PATH_MAX]) {
    char whole[256];
    snprintf(whole, sizeof whole, "%s%s", name, end);
    return file_path(out, j->dir, whole);
}

/* An archive is unpacked to a folder that begins empty; single files are kept in theirs for the next call. */
static enum vggcl_err prepare(struct job *j) {
    const char *name = j->set->about.folder;
    TRY(path_in_dir(j, name, "", j->fetched->folder));
    TRY(path_in_dir(j, name, j->set->archive ? ".tmp" : ".part", j->temporary));
    TRY(lock_folder(j));
    if (j->set->archive)
        unpack_remove(j->set, j->temporary); /* left by a fetch that was killed */
    return VGGCL_OK;
}

/* Checks the sums of the files in folder. of and fix: as in sums_check(). */
static enum vggcl_err check_files(const struct job *j, const char *folder, const char *of, const char *fix) {
    char path[VGGCL_PATH_MAX];
    for (const char *const *file = j->set->files; *file; file++) {
        TRY(file_path(path, folder, *file));
        TRY(sums_check(path, j->goal->sums, *file, of, fix));
    }
    return VGGCL_OK;
}

/* Writes names.txt, if the set has names of classes and the folder none. */
static enum vggcl_err write_names(const struct job *j, const char *folder) {
    char path[VGGCL_PATH_MAX];
    TRY(file_path(path, folder, "names.txt"));
    return !j->set->class_names || file_exists(path) ? VGGCL_OK
                                                     : file_write_text(&folder_current, path, j->set->class_names);
}

/* ----------------------------------------------------------------------------------------------------- downloads -- */

/* What is done with a file when it is complete; VGGCL_EFORMAT if it is not the right one. */
typedef enum vggcl_err use_function(struct job *j, const char *path);

static enum vggcl_err download(struct job *j, use_function *use, uint64_t *resumed) {
    struct download d = {.url = j->url,
                         .name = j->file,
                         .path = j->part,
                         .timeout = j->ask->timeout > 0 ? j->ask->timeout : 20,
                         .largest = j->goal->largest,
                         .observer = &j->observer};
    enum vggcl_err err = download_file(&d);
    j->stopped = d.stopped;
    j->unwritable = d.unwritable;
    *resumed = d.resumed;
    j->fetched->downloaded += d.received;
    return err == VGGCL_OK && !j->stopped ? use(j, j->part) : err;
}

/* Removes a download that is not the expected file. If it was resumed, the earlier part may have been of another file,
 * so the whole file is then downloaded again. */
static enum vggcl_err fetch_url(struct job *j, use_function *use) {
    uint64_t resumed;
    enum vggcl_err err = download(j, use, &resumed);
    if (err == VGGCL_EFORMAT && resumed) {
        j->observer.noticed("the file left by an earlier download is not the beginning of this one; the download "
                            "starts over",
                            j->observer.payload);
        unlink(j->part);
        err = download(j, use, &resumed);
    }
    if (err == VGGCL_EFORMAT)
        unlink(j->part);
    j->fetched->resumed += resumed;
    return err;
}

/* Unpacks the archive to j->temporary and checks the files, unless the observer stops it. */
static enum vggcl_err unpack_checked(struct job *j, const char *archive) {
    struct unpack u = {.set = j->set,
                       .archive = archive,
                       .source = j->from,
                       .folder = j->temporary,
                       .largest = j->goal->largest,
                       .observer = &j->observer};
    unpack_remove(j->set, j->temporary); /* of another source */
    if (j->goal->check_archive)
        TRY(sums_check(archive, j->goal->sums, j->set->archive, j->from,
                       "the download is corrupt; run the command again"));
    TRY(unpack_archive(&u));
    j->stopped = u.stopped;
    return u.stopped ? VGGCL_OK : check_files(j, j->temporary, j->from, "name another archive (from)");
}

static enum vggcl_err take_archive(struct job *j) {
    TRY(unpack_start(j->from));
    j->file = j->set->archive;
    snprintf(j->url, sizeof j->url, "%s", j->from);
    TRY(path_in_dir(j, j->file, ".part", j->part));
    return is_url(j->from) ? fetch_url(j, unpack_checked) : unpack_checked(j, j->from);
}

static enum vggcl_err move(const char *from, const char *to) {
    return file_rename(from, to) ? VGGCL_OK
                                 : err_set(VGGCL_EIO, "%s: cannot be renamed to %s: %s", from, to, strerror(errno));
}

/* Puts a file that has the right sum into j->temporary. */
static enum vggcl_err keep_file(struct job *j, const char *path) {
    char kept[VGGCL_PATH_MAX];
    TRY(file_path(kept, j->temporary, j->file));
    TRY(sums_check(path, j->goal->sums, j->file, j->from, "name another source (from)"));
    if (path != j->part)
        return file_copy(path, &folder_current, kept);
    return move(path, kept);
}

/* Whether an earlier call or another source gave the file, with the right sum. */
static bool has_file(struct job *j) {
    char kept[VGGCL_PATH_MAX];
    char *before = err_keep();
    bool has = file_path(kept, j->temporary, j->file) == VGGCL_OK && file_exists(kept) &&
               sums_check(kept, j->goal->sums, j->file, j->from, "") == VGGCL_OK;
    err_put_back(before);
    return has;
}

/* Takes one file from the folder or URL that is j->from. */
static enum vggcl_err take_file(struct job *j) {
    char name[256];
    size_t length = strlen(j->from);
    if (has_file(j))
        return VGGCL_OK;
    snprintf(name, sizeof name, "%s.part", j->file);
    TRY(file_path(j->part, j->temporary, name));
    if (snprintf(j->url, sizeof j->url, "%s%s%s", j->from, length && j->from[length - 1] == '/' ? "" : "/", j->file) >=
        (int)sizeof j->url)
        return err_set(VGGCL_EUSAGE, "from %.64s...: is longer than %d bytes", j->from, VGGCL_PATH_MAX);
    return is_url(j->from) ? fetch_url(j, keep_file) : keep_file(j, j->url);
}

static enum vggcl_err take_files(struct job *j) {
    TRY(file_make_folder(j->temporary));
    for (const char *const *file = j->set->files; *file && !j->stopped; file++) {
        j->file = *file;
        TRY(take_file(j));
    }
    return j->stopped ? VGGCL_OK : write_names(j, j->temporary);
}

/* Tries one source after the other. */
static enum vggcl_err take_from(struct job *j, const char *const *sources) {
    for (;; sources++) {
        char text[1024];
        j->from = *sources;
        snprintf(j->fetched->from, sizeof j->fetched->from, "%s", j->from);
        enum vggcl_err err = j->set->archive ? take_archive(j) : take_files(j);
        if (err == VGGCL_OK || j->unwritable || !sources[1])
            return err;
        snprintf(text, sizeof text, "%s; trying %s", vggcl_error(), sources[1]);
        j->observer.noticed(text, j->observer.payload);
    }
}

/* ----------------------------------------------------------------------------------------------------- all of it -- */

static enum vggcl_err put_into_place(struct job *j) {
    const char *folder = j->fetched->folder;
    if (file_exists(folder))
        TRY(file_move_aside(folder, j->fetched->moved_to));
    TRY(move(j->temporary, folder));
    if (j->set->archive && is_url(j->from))
        unlink(j->part);
    return VGGCL_OK;
}

/* Whether the data set is there already; else an error, if something else is and ask->force is not set. */
static enum vggcl_err find_present(struct job *j, bool *present) {
    char fix[128];
    const char *folder = j->fetched->folder;
    *present = false;
    if (!file_exists(folder))
        return VGGCL_OK;
    snprintf(fix, sizeof fix, "force moves the folder aside and fetches %s again", j->set->about.title);
    enum vggcl_err err = check_files(j, folder, folder, fix);
    *present = err == VGGCL_OK;
    return *present ? write_names(j, folder) : j->ask->force ? VGGCL_OK : err;
}

enum vggcl_err fetch_data(const struct vggcl_fetch *ask, const struct fetch_goal *goal,
                          const struct vggcl_fetch_observer *observer, struct vggcl_fetched *fetched) {
    enum vggcl_err err;
    bool present;
    double start = clock_seconds();
    const char *const *sources = ask->from ? ask->from : goal->set->about.mirrors;
    struct job j = {.ask = ask,
                    .goal = goal,
                    .set = goal->set,
                    .observer = complete(observer),
                    .fetched = fetched,
                    .dir = ask->dir ? ask->dir : "data",
                    .folder = FOLDER_CLOSED};
    *fetched = (struct vggcl_fetched){.end = VGGCL_FETCH_DONE, .set = &goal->set->about};
    TRY_GOTO(check_sources(sources), done);
    TRY_GOTO(prepare(&j), done);
    TRY_GOTO(find_present(&j, &present), done);
    if (present) {
        fetched->end = VGGCL_FETCH_PRESENT;
        goto done;
    }
    TRY_GOTO(take_from(&j, sources), done);
    if (j.stopped)
        fetched->end = VGGCL_FETCH_STOPPED;
    else
        TRY_GOTO(put_into_place(&j), done);
done:
    if (j.folder.lock >= 0 && j.set->archive)
        unpack_remove(j.set, j.temporary);
    else if (j.folder.lock >= 0)
        rmdir(j.temporary); /* if it is empty */
    folder_close(&j.folder);
    fetched->seconds = clock_seconds() - start;
    return err;
}

/* The lines of data/sums/NAME.txt. */
static const char *sums_of(const char *name) {
    const struct embedded_file *file = embedded_sums;
    while (file->stem && strcmp(file->stem, name) != 0)
        file++;
    return file->stem ? file->text : "";
}

enum vggcl_err vggcl_fetch(const struct vggcl_fetch *ask, const struct vggcl_fetch_observer *observer,
                           struct vggcl_fetched *fetched) {
    struct fetch_goal goal = {.check_archive = !ask->from, .largest = UINT64_C(1) << 28};
    TRY(fetch_find_set(ask->name, &goal.set));
    goal.sums = sums_of(goal.set->about.name);
    return fetch_data(ask, &goal, observer, fetched);
}
