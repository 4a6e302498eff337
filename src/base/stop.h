/* stop.h - whether the caller of the library wants its work to end soon. Long work asks between its items: before a
 * program is built or written to the cache, a check or a measurement is run, a picture is decoded. */
#ifndef VGGCL_BASE_STOP_H
#define VGGCL_BASE_STOP_H

#include "base/err.h"

/* From now on stop_asked() in this thread returns asked(payload); NULL for always false, as at the start. asked() must
 * stay true once it was. */
void stop_ask(bool (*asked)(void *payload), void *payload);

bool stop_asked(void);

/* VGGCL_ESTOPPED if stop_asked(). */
enum vggcl_err stop_check(void);

#endif
