/* fetch.c - vggcl_fetch(): looks at what is there, downloads, unpacks and checks beside it, and renames into place. */
#define _DEFAULT_SOURCE /* flock */
#include "data/fetch.h"
#include "base/clock.h"
#include "base/embedded.h"
#include "base/file.h"
#include "data/data.h"
#include "data/download.h"
#include "data/sums.h"
#include "data/unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/file.h>
#include <unistd.h>

struct job {
    const struct vggcl_fetch *ask;
    const struct fetch_goal *goal;
    struct vggcl_fetch_observer observer;
    struct vggcl_fetched *fetched;
    const char *dir, *from;
    char part[VGGCL_PATH_MAX];      /* what is downloaded of an archive */
    char temporary[VGGCL_PATH_MAX]; /* the folder that is unpacked to */
    int lock;                       /* of dir; below 0 for none */
    bool stopped;
};

static void no_progress(void *user, const struct vggcl_fetch_progress *progress) {
    (void)user, (void)progress;
}

static void no_notice(void *user, const char *text) {
    (void)user, (void)text;
}

static bool no_stop(void *user) {
    (void)user;
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

/* One at a time puts something into dir. Where a file system has no locks, nothing is locked. */
static enum vggcl_err lock_folder(struct job *j) {
    TRY(file_make_folder(j->dir));
    j->lock = open(j->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (j->lock < 0 || (flock(j->lock, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK))
        return err_set(VGGCL_EIO, "%s: %s", j->dir,
                       j->lock < 0 ? strerror(errno) : "another vggcl fetch is at work there; wait for its end");
    return VGGCL_OK;
}

static enum vggcl_err prepare(struct job *j) {
    if (is_url(j->from) && strncasecmp(j->from, "https://", 8) != 0 && strncasecmp(j->from, "http://", 7) != 0)
        return err_set(VGGCL_EUSAGE, "--from %s: takes http:// or https://; name a file by its path alone", j->from);
    TRY(file_path(j->fetched->folder, j->dir, UNPACK_TOP));
    TRY(file_path(j->temporary, j->dir, UNPACK_TOP ".tmp"));
    TRY(file_path(j->part, j->dir, FETCH_ARCHIVE ".part"));
    TRY(lock_folder(j));
    unpack_remove(j->temporary); /* of one that was killed */
    return VGGCL_OK;
}

/* Those in folder, which are of a folder or an archive; fix as in sums_check(). */
static enum vggcl_err check_files(const struct job *j, const char *folder, const char *of, const char *fix) {
    char path[VGGCL_PATH_MAX];
    for (int i = 0; i < CIFAR_FILES; i++) {
        TRY(file_path(path, folder, cifar_files[i]));
        TRY(sums_check(path, j->goal->sums, cifar_files[i], of, fix));
    }
    return VGGCL_OK;
}

/* Leaves temporary whole and checked, where nobody stops it. */
static enum vggcl_err unpack_checked(struct job *j, const char *archive) {
    struct unpack u = {.archive = archive,
                       .source = j->from,
                       .folder = j->temporary,
                       .largest = j->goal->largest,
                       .observer = &j->observer};
    if (j->goal->check_archive)
        TRY(sums_check(archive, j->goal->sums, FETCH_ARCHIVE, j->from, "it came broken: run it again"));
    TRY(unpack_archive(&u));
    j->stopped = u.stopped;
    return u.stopped ? VGGCL_OK : check_files(j, j->temporary, j->from, "name another archive with --from");
}

static enum vggcl_err download_archive(struct job *j) {
    struct download d = {.url = j->from,
                         .path = j->part,
                         .timeout = j->ask->timeout > 0 ? j->ask->timeout : 20,
                         .largest = j->goal->largest,
                         .observer = &j->observer};
    enum vggcl_err err = download_file(&d);
    j->stopped = d.stopped;
    j->fetched->resumed = d.resumed;
    j->fetched->downloaded += d.received;
    return err == VGGCL_OK && !j->stopped ? unpack_checked(j, j->part) : err;
}

/* A download that turns out to be something else is removed; one that went on from an earlier one, which may have been
 * of another archive, is then done again, all of it. */
static enum vggcl_err fetch_url(struct job *j) {
    enum vggcl_err err = download_archive(j);
    if (err == VGGCL_EFORMAT && j->fetched->resumed) {
        j->observer.noticed(j->observer.user, "what an earlier download left is not the beginning of this archive: the "
                                              "download starts anew");
        unlink(j->part);
        unpack_remove(j->temporary);
        err = download_archive(j);
    }
    if (err == VGGCL_EFORMAT)
        unlink(j->part);
    return err;
}

/* To disk, what a folder lists too; file systems that cannot do that are left to their own ways. */
static void sync_folder(const char *path) {
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return;
    fsync(folder);
    close(folder);
}

static enum vggcl_err put_into_place(struct job *j) {
    const char *folder = j->fetched->folder;
    sync_folder(j->temporary);
    if (file_exists(folder))
        TRY(file_move_aside(folder, j->fetched->moved_to));
    if (rename(j->temporary, folder) != 0)
        return err_set(VGGCL_EIO, "%s: cannot be renamed to %s: %s", j->temporary, folder, strerror(errno));
    sync_folder(j->dir);
    if (is_url(j->from))
        unlink(j->part);
    return VGGCL_OK;
}

enum vggcl_err fetch_set(const struct vggcl_fetch *ask, const struct fetch_goal *goal,
                         const struct vggcl_fetch_observer *observer, struct vggcl_fetched *fetched) {
    enum vggcl_err err;
    double start = clock_seconds();
    struct job j = {.ask = ask,
                    .goal = goal,
                    .observer = complete(observer),
                    .fetched = fetched,
                    .dir = ask->dir ? ask->dir : "data",
                    .from = ask->from ? ask->from : VGGCL_CIFAR10_URL,
                    .lock = -1};
    *fetched = (struct vggcl_fetched){.end = VGGCL_FETCH_DONE};
    TRY_GOTO(prepare(&j), done);
    if (file_exists(fetched->folder)) {
        err = check_files(&j, fetched->folder, fetched->folder,
                          "--force moves the folder aside and fetches CIFAR-10 anew");
        if (err == VGGCL_OK)
            fetched->end = VGGCL_FETCH_PRESENT;
        if (err == VGGCL_OK || !ask->force)
            goto done;
    }
    TRY_GOTO(is_url(j.from) ? fetch_url(&j) : unpack_checked(&j, j.from), done);
    if (j.stopped)
        fetched->end = VGGCL_FETCH_STOPPED;
    else
        TRY_GOTO(put_into_place(&j), done);
done:
    if (j.lock >= 0) {
        unpack_remove(j.temporary);
        close(j.lock);
    }
    fetched->seconds = clock_seconds() - start;
    return err;
}

enum vggcl_err vggcl_fetch(const struct vggcl_fetch *ask, const struct vggcl_fetch_observer *observer,
                           struct vggcl_fetched *fetched) {
    const struct fetch_goal cifar = {
        .sums = embedded_sums[0].text, .check_archive = !ask->from, .largest = UINT64_C(1) << 28};
    return fetch_set(ask, &cifar, observer, fetched);
}
