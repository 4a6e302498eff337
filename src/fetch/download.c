#define _POSIX_C_SOURCE 200809L
#include "fetch/download.h"
#include "base/clock.h"
#include "base/feature.h"
#include "base/file.h"

#ifdef VGGCL_CURL

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STEADY = 1024 }; /* a transfer that receives fewer bytes within a timeout has stalled */

/* Why a callback aborted the transfer. */
enum reason { NONE, STOPPED, STALLED, TOO_LARGE, UNWRITABLE };

struct transfer {
    struct download *d;
    CURL *curl;
    FILE *file;
    double start, last; /* clock_seconds(): at the request; when the last STEADY bytes were complete */
    uint64_t steady;    /* bytes received at `last` */
    enum reason reason;
    int error; /* errno of UNWRITABLE */
    char text[CURL_ERROR_SIZE];
};

static size_t unwritable(struct transfer *t) {
    t->error = errno;
    t->reason = UNWRITABLE;
    t->d->unwritable = true;
    return 0;
}

/* CURLOPT_WRITEFUNCTION; returning less than count aborts the transfer. */
static size_t write_received(char *bytes, size_t one, size_t count, void *user) {
    struct transfer *t = user;
    (void)one;
    if (t->d->resumed + t->d->received + count > t->d->largest) {
        t->reason = TOO_LARGE;
        return 0;
    }
    if (fwrite(bytes, 1, count, t->file) != count)
        return unwritable(t);
    t->d->received += count;
    if (t->d->received - t->steady >= STEADY) {
        t->steady = t->d->received;
        t->last = clock_seconds();
    }
    return count;
}

/* CURLOPT_XFERINFOFUNCTION; called at least once a second. A result other than 0 aborts the transfer. */
static int watch(void *user, curl_off_t total, curl_off_t done, curl_off_t up_total, curl_off_t up) {
    struct transfer *t = user;
    const struct download *d = t->d;
    double now = clock_seconds(), seconds = now - t->start;
    (void)done, (void)up_total, (void)up;
    if (d->observer->stop(d->observer->payload))
        t->reason = STOPPED;
    else if (now - t->last > d->timeout)
        t->reason = STALLED;
    else if (d->received > 0 && seconds > 0) {
        struct vggcl_fetch_progress p = {
            .file = d->name, .bytes = d->resumed + d->received, .bytes_per_second = (double)d->received / seconds};
        if (d->received <= (uint64_t)total) {
            p.total = d->resumed + (uint64_t)total;
            p.eta = (double)(p.total - p.bytes) / p.bytes_per_second;
        }
        d->observer->progressed(&p, d->observer->payload);
    }
    return t->reason != NONE;
}

static void set_up(struct transfer *t) {
    CURL *curl = t->curl;
    bool secure = strncasecmp(t->d->url, "https:", 6) == 0;
    curl_easy_setopt(curl, CURLOPT_URL, t->d->url);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "vggcl/" VGGCL_VERSION);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, t->text);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(curl, CURLOPT_MAXREDIRS, 5L);
#if LIBCURL_VERSION_NUM >= 0x075500
    curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, secure ? "https" : "http,https");
#else
    curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS, secure ? CURLPROTO_HTTPS : CURLPROTO_HTTP | CURLPROTO_HTTPS);
#endif
#if LIBCURL_VERSION_NUM >= 0x075700
    curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L); /* do not wait for a name server that does not respond */
#endif
    /* Lets libcurl try the host's next address if one does not respond. */
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)(1e3 * t->d->timeout));
    curl_easy_setopt(curl, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)t->d->largest);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, write_received);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, watch);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, t);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
}

/* Requests the bytes that are not at path yet. */
static CURLcode request(struct transfer *t) {
    t->start = t->last = clock_seconds();
    *t->text = '\0';
    curl_easy_setopt(t->curl, CURLOPT_RESUME_FROM_LARGE, (curl_off_t)t->d->resumed);
    return curl_easy_perform(t->curl);
}

/* Requests the whole file, if the server does not support range requests. */
static CURLcode request_all(struct transfer *t) {
    const struct vggcl_fetch_observer *o = t->d->observer;
    o->noticed("the server does not support range requests; the download starts over", o->payload);
    if (ftruncate(fileno(t->file), 0) != 0) {
        unwritable(t);
        return CURLE_WRITE_ERROR;
    }
    t->d->resumed = 0;
    return request(t);
}

/* Converts the result of a transfer to an error, which says what to do. */
static enum vggcl_err outcome(struct transfer *t, CURLcode code) {
    struct download *d = t->d;
    long status = 0;
    const char *again = d->resumed + d->received ? "the received part is kept; run the command again to continue"
                                                 : "check the network connection, and https_proxy if you need a proxy. "
                                                   "Run it again, or name another source (from)";
    curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status);
    if (t->reason == STOPPED) {
        d->stopped = true;
        return VGGCL_OK;
    }
    if (t->reason == STALLED)
        return err_set(VGGCL_EIO, "%s: less than 1 KiB came in %g s (timeout); %s", d->url, d->timeout, again);
    if (t->reason == UNWRITABLE)
        return err_set(
            VGGCL_EIO,
            "%s: cannot be written: %s; free some disk space and run the command again; the received part is kept",
            d->path, strerror(t->error));
    if (t->reason == TOO_LARGE || code == CURLE_FILESIZE_EXCEEDED)
        return err_set(VGGCL_EFORMAT,
                       "%s: has more than %llu bytes, more than the data set; name another source (from)", d->url,
                       (unsigned long long)d->largest);
    /* 416 (range not satisfiable): the file is already complete. Not all versions of libcurl accept it as success. */
    if (code == CURLE_OK || (code == CURLE_HTTP_RETURNED_ERROR && status == 416 && d->resumed))
        return VGGCL_OK;
    if (code == CURLE_HTTP_RETURNED_ERROR)
        return err_set(VGGCL_EIO, "%s: the server answers %ld; name another source (from), a file or a URL", d->url,
                       status);
    if (code == CURLE_PEER_FAILED_VERIFICATION)
        return err_set(VGGCL_EIO, "%s: %s; check that ca-certificates is installed and that the clock is right", d->url,
                       t->text);
    return err_set(VGGCL_EIO, "%s: %s; %s", d->url, *t->text ? t->text : curl_easy_strerror(code), again);
}

static enum vggcl_err open_file(struct transfer *t) {
    struct stat status;
    t->file = fopen(t->d->path, "ab");
    if (!t->file || fstat(fileno(t->file), &status) != 0) {
        t->d->unwritable = true;
        return err_set(VGGCL_EIO, "%s: cannot be written: %s", t->d->path, strerror(errno));
    }
    t->d->resumed = (uint64_t)status.st_size;
    return VGGCL_OK;
}

/* Flushes the file to disk, or removes an empty one. */
static void close_file(struct transfer *t) {
    if (!t->file)
        return;
    bool failed = !file_sync(t->file);
    if ((fclose(t->file) != 0 || failed) && t->reason == NONE)
        unwritable(t);
    t->file = NULL;
    if (t->d->resumed + t->d->received == 0)
        unlink(t->d->path);
}

enum vggcl_err download_file(struct download *d) {
    enum vggcl_err err;
    struct transfer t = {.d = d};
    d->resumed = d->received = 0;
    d->stopped = d->unwritable = false;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    TRY_GOTO(open_file(&t), done);
    t.curl = curl_easy_init();
    if (!t.curl) {
        err = err_no_memory("a download", 0);
        goto done;
    }
    set_up(&t);
    CURLcode code = request(&t);
    if (code == CURLE_RANGE_ERROR && d->resumed)
        code = request_all(&t);
    close_file(&t); /* before outcome(), because flushing the last bytes can fail, e.g. if the disk is full */
    err = outcome(&t, code);
done:
    close_file(&t);
    curl_easy_cleanup(t.curl);
    curl_global_cleanup();
    return err;
}

#else

enum vggcl_err download_file(struct download *d) {
    d->resumed = d->received = 0;
    d->stopped = d->unwritable = false;
    return feature_lacks(FEATURE_CURL, d->url, ", or name a file or folder on this machine (from)");
}

#endif
