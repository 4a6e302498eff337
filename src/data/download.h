/* download.h - a file over HTTP or HTTPS, gone on with where it broke off. The only caller of libcurl. */
#ifndef VGGCL_DATA_DOWNLOAD_H
#define VGGCL_DATA_DOWNLOAD_H

#include "base/err.h"

struct download {
    const char *url, *path; /* of http or https; where it goes to, behind what an earlier download left there */
    double timeout;         /* seconds in which less than 1 KiB comes end it, also where none came yet */
    uint64_t largest;       /* bytes that the file may have */
    const struct vggcl_fetch_observer *observer; /* of which no function is NULL */
    /* What came of it: bytes that were there and that came, and whether the observer stopped it. */
    uint64_t resumed, received;
    bool stopped;
};

/* VGGCL_EIO, what came being kept, where the server cannot be reached, answers an error, breaks off or stalls, or path
 * cannot be written; VGGCL_EFORMAT where the file is too large. */
enum vggcl_err download_file(struct download *d);

#endif
