/* phase.h - which long part of its work a call of the library is in, for vggcl_watch_phases(). */
#ifndef VGGCL_BASE_PHASE_H
#define VGGCL_BASE_PHASE_H

#include "vggcl.h"

/* This thread begins a phase of `count` items; 0 if that is not known. device: its name, or "". name must stay valid
 * until the next phase. */
void phase_begin(const char *device, const char *name, size_t count);

/* `done` items of the phase are done. format, printf-like: the item that begins. */
void phase_item(size_t done, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* As phase_item(); eta: seconds left, where they do not follow from the time of the items done. */
void phase_item_eta(size_t done, double eta, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Something else that takes long inside an item, such as building a program; phase_resume() ends it. format:
 * printf-like. */
void phase_interrupt(const char *format, ...) __attribute__((format(printf, 1, 2)));
void phase_resume(void);

#endif
