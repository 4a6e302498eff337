/* http.h - a server of one file on 127.0.0.1, in a thread, which does wrong what it is asked to do wrong. */
#ifndef VGGCL_TESTS_HTTP_H
#define VGGCL_TESTS_HTTP_H

#include <stdint.h>

/* Serves the file at path, as it is when it is asked for, until http_stop(). The first part of a request's path is how:
 *
 *     right     as it should be, with ranges; 416 where one begins behind the end
 *     bare416   the same, but that 416 has no header that says how much there is
 *     whole     knows no ranges
 *     shifted   answers a range with another one, which begins at 0
 *     unsized   does not say how much it sends
 *     cut       says how much, closes the connection after half of that
 *     less      says half of what there is; the rest is sent too
 *     huge      says 2^40 bytes
 *     stall     sends half and then nothing more
 *     silent    does not even answer
 *     missing   404
 *     redirect  to right; outside: to file:///etc/passwd; circle: to itself
 */
void http_start(const char *path);
void http_stop(void);

/* "http://127.0.0.1:PORT/how/cifar-10-binary.tar.gz"; valid until four calls later. */
const char *http_url(const char *how);

/* Since the last call of http_forget(): how many requests there were, and where the last one's range began, -1 where it
 * had none. */
extern int http_requests;
extern int64_t http_range;
void http_forget(void);

#endif
