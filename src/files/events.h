/* events.h - TensorBoard's event files (files/records.h), whose messages are packed by libprotobuf-c. */
#ifndef VGGCL_FILES_EVENTS_H
#define VGGCL_FILES_EVENTS_H

#include "base/log_file.h"

enum event_kind {
    EVENT_SCALAR,
    EVENT_HISTOGRAM,
    EVENT_IMAGE,
    EVENT_TEXT,    /* Markdown */
    EVENT_CHARTS,  /* charts of two scalars each, in the tab Custom Scalars; events_add() sets the tag */
    EVENT_HPARAMS, /* the run's hyperparameters, at its start; likewise */
    EVENT_END      /* the run has ended; likewise */
};

/* A chart of two scalars. */
struct event_chart {
    const char *title, *tags[2];
};

struct event_hparam {
    const char *name;
    enum { HPARAM_NUMBER, HPARAM_FLAG, HPARAM_TEXT } kind;
    double number; /* of a flag: 0 or 1 */
    char *text;    /* UTF-8 */
};

struct event {
    enum event_kind kind;
    int64_t step;
    const char *tag; /* "loss/train", ASCII: TensorBoard shows tags with the same text before the slash together */
    union {
        double scalar;
        struct {
            const float *values; /* finite */
            size_t count;        /* 1 or more */
        } histogram;
        struct {
            size_t height, width, channels, size;
            const uint8_t *png; /* [size] */
        } image;
        const char *text;
        struct {
            const struct event_chart *list;
            size_t count;
        } charts;
        struct {
            const struct event_hparam *list;
            size_t count;
        } hparams;
    };
};

/* VGGCL_EUSAGE, naming the package, if the build lacks libprotobuf-c. */
enum vggcl_err events_available(void);

/* Creates a new event file in folder, and adds its first events. TensorBoard then forgets the events of the folder's
 * earlier files that have step `first` or a later one. option: for messages. VGGCL_EIO. */
enum vggcl_err events_begin(struct log_file *file, const char *option, const char *folder, int64_t first);

/* The same without forgetting any events. */
enum vggcl_err events_continue(struct log_file *file, const char *option, const char *folder);

/* Adds an event to the file, to be written by log_file_flush(); nothing if the file is closed. */
enum vggcl_err events_add(struct log_file *file, const struct event *event);

#endif
