/* download.h - download of a file over HTTP or HTTPS; resumes an interrupted download. The only caller of libcurl,
 * which the build may lack. */
#ifndef VGGCL_FETCH_DOWNLOAD_H
#define VGGCL_FETCH_DOWNLOAD_H

#include "base/err.h"

struct download {
    const char *url;  /* http or https */
    const char *name; /* of the file, for the progress */
    const char *path; /* the target; existing bytes are the beginning of the file, and are not requested again */
    double timeout;   /* seconds; the download ends if less than 1 KiB arrives in that time */
    uint64_t largest; /* maximum size of the file in bytes */
    const struct vggcl_fetch_observer *observer; /* no function is NULL */
    /* The result: bytes that were at path before, bytes received, and whether the observer stopped the download. */
    uint64_t resumed, received;
    bool stopped, unwritable; /* unwritable: after an error, that path is to blame, not the server */
};

/* VGGCL_EUSAGE in a build without libcurl. VGGCL_EIO if the server cannot be reached, answers with an error, closes the
 * connection early or stalls, or if path cannot be written; the bytes received stay at path. VGGCL_EFORMAT if the file
 * is too large. */
enum vggcl_err download_file(struct download *d);

#endif
