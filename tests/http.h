/* http.h - an HTTP server of one file, or of the files of a folder, on 127.0.0.1, in a thread, with faults that the URL
 * selects. */
#ifndef VGGCL_TESTS_HTTP_H
#define VGGCL_TESTS_HTTP_H

#include <stdint.h>

/* Serves the file at path, read anew for each request, until http_stop(); where path is a folder, the file in it that
 * the last component of the URL's path names, or 404. The first component of the URL's path selects
 * the behaviour:
 *
 *     right     correct, with range requests; 416 if a range begins past the end
 *     bare416   the same, but its 416 has no Content-Range header with the size
 *     whole     does not support range requests
 *     shifted   answers a range request with another range, which begins at 0
 *     unsized   sends no Content-Length
 *     cut       sends the correct Content-Length, but closes the connection after half of the bytes
 *     less      sends half the correct Content-Length, but all bytes
 *     huge      sends a Content-Length of 2^40 bytes
 *     stall     sends half of the bytes, then nothing, and keeps the connection open
 *     silent    sends nothing at all
 *     missing   404
 *     redirect  redirects to right; outside: to file:///etc/passwd; circle: to itself
 */
void http_start(const char *path);
void http_serve(const char *path); /* another path from now on */
void http_stop(void);

/* "http://127.0.0.1:PORT/how/cifar-10-binary.tar.gz"; valid until the fourth call after this one. */
const char *http_url(const char *how);

/* "http://127.0.0.1:PORT/how/", for a folder; valid as long. */
const char *http_folder(const char *how);

/* Number of requests since the last http_forget(); the first byte of the last request's range, -1 if it had none. */
extern int http_requests;
extern int64_t http_range;
void http_forget(void);

#endif
