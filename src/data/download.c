#define _POSIX_C_SOURCE 200809L
#include "data/download.h"
#include "base/clock.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STEADY = 1024 }; /* bytes that come in a timeout where a transfer is not taken to stall */

/* Why libcurl was told to end a transfer, if it was. */
enum reason { NONE, STOPPED, STALLED, TOO_LARGE, UNWRITABLE };

struct transfer {
    struct download *d;
    CURL *curl;
    FILE *file;
    double start, last; /* seconds of the clock: of the request, of when STEADY bytes more had come */
    uint64_t steady;    /* received then */
    enum reason reason;
    int error; /* errno of UNWRITABLE */
    char text[CURL_ERROR_SIZE];
};

static size_t unwritable(struct transfer *t) {
    t->error = errno;
    t->reason = UNWRITABLE;
    return 0;
}

/* libcurl's: takes bytes that came; what is not taken ends the transfer. */
static size_t take(char *bytes, size_t one, size_t count, void *user) {
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

/* libcurl's: called all the time, once a second where nothing comes; anything but 0 ends the transfer. */
static int watch(void *user, curl_off_t total, curl_off_t done, curl_off_t up_total, curl_off_t up) {
    struct transfer *t = user;
    const struct download *d = t->d;
    double now = clock_seconds(), seconds = now - t->start;
    (void)done, (void)up_total, (void)up;
    if (d->observer->stop(d->observer->user))
        t->reason = STOPPED;
    else if (now - t->last > d->timeout)
        t->reason = STALLED;
    else if (d->received > 0 && seconds > 0) {
        struct vggcl_fetch_progress p = {.bytes = d->resumed + d->received,
                                         .bytes_per_second = (double)d->received / seconds};
        if (d->received <= (uint64_t)total) {
            p.total = d->resumed + (uint64_t)total;
            p.eta = (double)(p.total - p.bytes) / p.bytes_per_second;
        }
        d->observer->progressed(d->observer->user, &p);
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
    curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L); /* does not wait for a name server that does not answer */
#endif
    /* So that a second address is tried where the first one does not answer. */
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)(1e3 * t->d->timeout));
    curl_easy_setopt(curl, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)t->d->largest);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, watch);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, t);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
}

/* Asks for what is missing. */
static CURLcode request(struct transfer *t) {
    t->start = t->last = clock_seconds();
    *t->text = '\0';
    curl_easy_setopt(t->curl, CURLOPT_RESUME_FROM_LARGE, (curl_off_t)t->d->resumed);
    return curl_easy_perform(t->curl);
}

/* The same where the server sends other bytes than those: it is asked for all of them then. */
static CURLcode request_all(struct transfer *t) {
    const struct vggcl_fetch_observer *o = t->d->observer;
    o->noticed(o->user, "the server sends whole files only: the download starts anew");
    if (ftruncate(fileno(t->file), 0) != 0) {
        unwritable(t);
        return CURLE_WRITE_ERROR;
    }
    t->d->resumed = 0;
    return request(t);
}

/* What the end of a transfer means; errors name what to do. */
static enum vggcl_err outcome(struct transfer *t, CURLcode code) {
    struct download *d = t->d;
    long status = 0;
    const char *again = d->resumed + d->received ? "what came is kept: run it again to go on from there"
                                                 : "is the network there, and https_proxy set if it has to be? "
                                                   "Run it again, or name another source with --from";
    curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status);
    if (t->reason == STOPPED) {
        d->stopped = true;
        return VGGCL_OK;
    }
    if (t->reason == STALLED)
        return err_set(VGGCL_EIO, "%s: less than 1 KiB came in %g s (--timeout); %s", d->url, d->timeout, again);
    if (t->reason == UNWRITABLE)
        return err_set(VGGCL_EIO, "%s: cannot be written: %s; make room and run it again: what came is kept", d->path,
                       strerror(t->error));
    if (t->reason == TOO_LARGE || code == CURLE_FILESIZE_EXCEEDED)
        return err_set(
            VGGCL_EFORMAT,
            "%s: has more than %llu bytes, which CIFAR-10's archive has not; name another source with --from", d->url,
            (unsigned long long)d->largest);
    /* 416: there is nothing behind what is there; libcurl does not always take that as an answer. */
    if (code == CURLE_OK || (code == CURLE_HTTP_RETURNED_ERROR && status == 416 && d->resumed))
        return VGGCL_OK;
    if (code == CURLE_HTTP_RETURNED_ERROR)
        return err_set(VGGCL_EIO, "%s: the server answers %ld; name another source with --from FILE or URL", d->url,
                       status);
    if (code == CURLE_PEER_FAILED_VERIFICATION)
        return err_set(VGGCL_EIO, "%s: %s; is ca-certificates installed, and the clock right?", d->url, t->text);
    return err_set(VGGCL_EIO, "%s: %s; %s", d->url, *t->text ? t->text : curl_easy_strerror(code), again);
}

static enum vggcl_err open_file(struct transfer *t) {
    struct stat status;
    t->file = fopen(t->d->path, "ab");
    if (!t->file || fstat(fileno(t->file), &status) != 0)
        return err_set(VGGCL_EIO, "%s: cannot be written: %s", t->d->path, strerror(errno));
    t->d->resumed = (uint64_t)status.st_size;
    return VGGCL_OK;
}

/* A file without a byte is none. */
static void close_file(struct transfer *t) {
    if (!t->file)
        return;
    if (fclose(t->file) != 0 && t->reason == NONE)
        unwritable(t);
    t->file = NULL;
    if (t->d->resumed + t->d->received == 0)
        unlink(t->d->path);
}

enum vggcl_err download_file(struct download *d) {
    enum vggcl_err err;
    struct transfer t = {.d = d};
    d->resumed = d->received = 0;
    d->stopped = false;
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
    close_file(&t); /* here already: the last bytes may find the disk full */
    err = outcome(&t, code);
done:
    close_file(&t);
    curl_easy_cleanup(t.curl);
    curl_global_cleanup();
    return err;
}
