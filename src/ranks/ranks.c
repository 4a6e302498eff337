#define _POSIX_C_SOURCE 200809L /* nanosleep */
#include "ranks/ranks.h"
#include "base/activity.h"
#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct launcher {
    const char *rank, *count;
};

/* Open MPI, MPICH and others with PMI, and Slurm's srun: the script of a batch job has SLURM_PROCID and SLURM_NTASKS,
 * but is one process. */
static const struct launcher launchers[] = {{"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"},
                                            {"PMI_RANK", "PMI_SIZE"},
                                            {"SLURM_PROCID", "SLURM_STEP_NUM_TASKS"}};

struct ranks_launch ranks_launched(void) {
    for (size_t i = 0; i < sizeof launchers / sizeof *launchers; i++) {
        const char *rank = getenv(launchers[i].rank), *count = getenv(launchers[i].count);
        if (rank && count && atoi(count) > 1)
            return (struct ranks_launch){atoi(rank), atoi(count)};
    }
    return (struct ranks_launch){0, 1};
}

/* Short at first, so that a message is seen soon; not short for long, because on a CPU the core that waits is one that
 * computes: with 50 microseconds throughout, VGG16 at batch 128 on a core each trained 13 % less. Measured. */
void ranks_pause(int *pauses) {
    enum { SHORTEST = 20000, LONGEST = 1000000, DOUBLED = 6 };
    long nanoseconds = *pauses < DOUBLED ? (long)SHORTEST << *pauses : LONGEST;
    ++*pauses;
    nanosleep(&(struct timespec){.tv_nsec = nanoseconds}, NULL);
}

#ifdef VGGCL_MPI
#include <mpi.h>

enum { ADDED = 0, TOLD = 20000, FAILED, NAME = MPI_MAX_PROCESSOR_NAME + 64, PIECE = 1 << 26, GRACE_SECONDS = 10 };

static struct world {
    int rank, count, local_rank, local_count;
    char (*names)[NAME];
    bool begun, failed;
} world = {.count = 1, .local_count = 1};

int ranks_rank(void) {
    return world.rank;
}
int ranks_count(void) {
    return world.count;
}
const char *ranks_name(int rank) {
    return world.names ? world.names[rank] : "rank 0";
}
const char *ranks_host(int rank) {
    const char *on = strstr(ranks_name(rank), " on ");
    return on ? on + strlen(" on ") : "";
}
void ranks_local(int *rank, int *count) {
    *rank = world.local_rank;
    *count = world.local_count;
}

static enum vggcl_err check(int code, const char *what) {
    char text[MPI_MAX_ERROR_STRING];
    int length;
    if (code == MPI_SUCCESS)
        return VGGCL_OK;
    world.failed = true;
    if (MPI_Error_string(code, text, &length) != MPI_SUCCESS)
        *text = '\0';
    return err_set(VGGCL_EIO, "%s: MPI reports %s", what, text);
}
#define CHECKED(call) check((call), ranks_name(world.rank))

/* The error that another rank has told, if there is one. */
static enum vggcl_err hear_failure(void) {
    enum { LONGEST = 4096 };
    MPI_Status status;
    int there = 0, length = 0;
    char text[LONGEST] = "";
    TRY(CHECKED(MPI_Iprobe(MPI_ANY_SOURCE, FAILED, MPI_COMM_WORLD, &there, &status)));
    if (!there)
        return VGGCL_OK;
    world.failed = true;
    TRY(CHECKED(MPI_Get_count(&status, MPI_CHAR, &length)));
    if (length >= 0 && length < LONGEST)
        TRY(CHECKED(MPI_Recv(text, length, MPI_CHAR, status.MPI_SOURCE, FAILED, MPI_COMM_WORLD, &status)));
    return err_set(VGGCL_EIO, "%s failed: %s", ranks_name(status.MPI_SOURCE), text);
}

void ranks_fail(const char *why) {
    if (world.count == 1 || world.failed)
        return;
    world.failed = true;
    for (int i = 0; i < world.count; i++) {
        MPI_Request request;
        if (i != world.rank && (world.rank == 0 || i == 0) &&
            MPI_Isend(why, (int)strlen(why) + 1, MPI_CHAR, i, FAILED, MPI_COMM_WORLD, &request) == MPI_SUCCESS)
            MPI_Request_free(&request);
    }
    /* Sends progress in calls of MPI only. */
    int pauses = 0;
    for (double start = clock_seconds(); clock_seconds() - start < 0.2; ranks_pause(&pauses)) {
        int there;
        MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, MPI_COMM_WORLD, &there, MPI_STATUS_IGNORE);
    }
}

/* Messages to and from other ranks: requests[i] is one to rank i, requests[count + i] one from it, or
 * MPI_REQUEST_NULL. */
struct messages {
    MPI_Request *requests; /* [2 * count] */
    MPI_Status *statuses;
};

static enum vggcl_err messages_make(struct messages *m) {
    size_t count = 2 * (size_t)world.count;
    *m = (struct messages){calloc(count, sizeof *m->requests), calloc(count, sizeof *m->statuses)};
    if (!m->requests || !m->statuses)
        return err_no_memory("the messages", count * (sizeof *m->requests + sizeof *m->statuses));
    for (size_t i = 0; i < count; i++)
        m->requests[i] = MPI_REQUEST_NULL;
    return VGGCL_OK;
}

static void messages_free(struct messages *m) {
    free(m->requests);
    free(m->statuses);
}

static enum vggcl_err send_to(struct messages *m, int rank, const void *data, size_t bytes, int tag) {
    return CHECKED(MPI_Isend(data, (int)bytes, MPI_BYTE, rank, tag, MPI_COMM_WORLD, &m->requests[rank]));
}
static enum vggcl_err receive_from(struct messages *m, int rank, void *data, size_t bytes, int tag) {
    return CHECKED(MPI_Irecv(data, (int)bytes, MPI_BYTE, rank, tag, MPI_COMM_WORLD, &m->requests[world.count + rank]));
}

static enum vggcl_err are_done(struct messages *m, bool *done) {
    int all;
    TRY(CHECKED(MPI_Testall(2 * world.count, m->requests, &all, m->statuses)));
    *done = all;
    return all ? VGGCL_OK : hear_failure();
}

/* The first rank that a message has not arrived from, else that has not taken one. */
static int awaited(const struct messages *m) {
    for (int i = 2 * world.count; i-- > 0;)
        if (m->requests[i] != MPI_REQUEST_NULL)
            return i % world.count;
    return world.rank;
}

/* idle: the other rank may be long at work. */
static enum vggcl_err wait_for(struct messages *m, bool idle) {
    bool done;
    int rank = -1, pauses = 0;
    enum vggcl_err err = are_done(m, &done);
    while (err == VGGCL_OK && !done) {
        if (awaited(m) != rank) {
            if (rank >= 0)
                activity_end();
            rank = awaited(m);
            activity_begin_wait(ranks_name(rank), idle);
        }
        ranks_pause(&pauses);
        err = are_done(m, &done);
    }
    if (rank >= 0)
        activity_end();
    return err;
}

/* Copies from rank 0 to the ranks first .. end - 1. */
static enum vggcl_err copy_to(int first, int end, void *data, size_t bytes, bool idle) {
    enum vggcl_err err = VGGCL_OK;
    struct messages m;
    if (world.rank > 0 && (world.rank < first || world.rank >= end))
        return VGGCL_OK;
    TRY_GOTO(messages_make(&m), done);
    for (size_t at = 0; at < bytes && err == VGGCL_OK; at += PIECE) {
        char *piece = (char *)data + at;
        size_t size = bytes - at < PIECE ? bytes - at : PIECE;
        if (world.rank > 0)
            err = receive_from(&m, 0, piece, size, TOLD);
        for (int i = first; world.rank == 0 && i < end && err == VGGCL_OK; i++)
            err = send_to(&m, i, piece, size, TOLD);
        if (err == VGGCL_OK)
            err = wait_for(&m, idle);
    }
done:
    messages_free(&m);
    return err;
}

enum vggcl_err ranks_share(void *data, size_t bytes) {
    return world.count > 1 ? copy_to(1, world.count, data, bytes, true) : VGGCL_OK;
}

enum vggcl_err ranks_order(void *order, size_t bytes) {
    return world.count > 1 ? copy_to(1, world.count, order, bytes, false) : VGGCL_OK;
}

enum vggcl_err ranks_give(int to, void *data, size_t bytes) {
    return copy_to(to, to + 1, data, bytes, true);
}

enum vggcl_err ranks_gather(const void *mine, size_t bytes, void *all) {
    enum vggcl_err err = VGGCL_OK;
    struct messages m;
    memcpy((char *)all + (size_t)world.rank * bytes, mine, bytes);
    if (world.count == 1)
        return VGGCL_OK;
    TRY_GOTO(messages_make(&m), done);
    for (int i = 0; i < world.count && err == VGGCL_OK; i++) {
        if (i == world.rank)
            continue;
        err = receive_from(&m, i, (char *)all + (size_t)i * bytes, bytes, TOLD);
        if (err == VGGCL_OK)
            err = send_to(&m, i, (char *)all + (size_t)world.rank * bytes, bytes, TOLD);
    }
    if (err == VGGCL_OK)
        err = wait_for(&m, false);
done:
    messages_free(&m);
    return err;
}

/* sent: the numbers as they are sent, [count], and then the sums; the same as values unless these are rounded.
 * received: [ranks][own slice], in the same type. */
struct ranks_sum {
    float *values;
    size_t count, bytes; /* of a number that is sent */
    char *sent, *received;
    int tag;
    bool added; /* this rank's slice */
    struct messages messages;
};

static size_t slice_at(const struct ranks_sum *s, int rank) {
    return s->count * (size_t)rank / (size_t)world.count;
}
static size_t slice_of(const struct ranks_sum *s, int rank) {
    return slice_at(s, rank + 1) - slice_at(s, rank);
}

static bool is_rounded(const struct ranks_sum *s) {
    return s->sent != (char *)s->values;
}

static void round_values(struct ranks_sum *s, size_t from, size_t count) {
    uint16_t *to = (uint16_t *)s->sent;
    for (size_t i = from; is_rounded(s) && i < from + count; i++)
        to[i] = bf16_from_float(s->values[i]);
}
static void take_rounded(struct ranks_sum *s) {
    const uint16_t *from = (const uint16_t *)s->sent;
    for (size_t i = 0; is_rounded(s) && i < s->count; i++)
        s->values[i] = bf16_to_float(from[i]);
}

/* Every other rank gets its slice of this rank's values, and this one those of its own slice. */
static enum vggcl_err exchange_slices(struct ranks_sum *s) {
    size_t own = slice_of(s, world.rank) * s->bytes;
    round_values(s, 0, s->count);
    for (int i = 0; i < world.count; i++) {
        if (i == world.rank)
            continue;
        TRY(receive_from(&s->messages, i, s->received + (size_t)i * own, own, s->tag));
        TRY(send_to(&s->messages, i, s->sent + slice_at(s, i) * s->bytes, slice_of(s, i) * s->bytes, s->tag));
    }
    return VGGCL_OK;
}

/* sums = or += the numbers of this rank's slice that a rank has sent. */
static void add(const struct ranks_sum *s, const char *numbers, bool first, float *sums) {
    size_t own = slice_of(s, world.rank);
    for (size_t k = 0; k < own; k++) {
        float number = is_rounded(s) ? bf16_to_float(((const uint16_t *)numbers)[k]) : ((const float *)numbers)[k];
        sums[k] = first ? number : sums[k] + number;
    }
}

/* Adds in the order of the ranks, and sends the sums to every other rank, which sends its own. */
static enum vggcl_err exchange_sums(struct ranks_sum *s) {
    size_t at = slice_at(s, world.rank), own = slice_of(s, world.rank), bytes = own * s->bytes;
    memcpy(s->received + (size_t)world.rank * bytes, s->sent + at * s->bytes, bytes);
    for (int i = 0; i < world.count; i++)
        add(s, s->received + (size_t)i * bytes, i == 0, s->values + at);
    round_values(s, at, own);
    for (int i = 0; i < world.count; i++) {
        if (i == world.rank)
            continue;
        TRY(receive_from(&s->messages, i, s->sent + slice_at(s, i) * s->bytes, slice_of(s, i) * s->bytes, s->tag + 1));
        TRY(send_to(&s->messages, i, s->sent + at * s->bytes, bytes, s->tag + 1));
    }
    s->added = true;
    return VGGCL_OK;
}

enum vggcl_err ranks_sum_begin(float *values, size_t count, enum stored stored, int tag, struct ranks_sum **sum) {
    struct ranks_sum *s = *sum = calloc(1, sizeof *s);
    bool rounded = stored == STORED_BF16;
    if (!s)
        return err_no_memory("a sum", sizeof *s);
    *s = (struct ranks_sum){
        .values = values, .count = count, .tag = ADDED + 2 * tag, .bytes = rounded ? sizeof(uint16_t) : sizeof(float)};
    size_t received = (size_t)world.count * slice_of(s, world.rank) * s->bytes;
    s->received = malloc(received + 1);
    s->sent = rounded ? malloc(count * s->bytes + 1) : (char *)values;
    if (!s->received || !s->sent)
        return err_no_memory("the slices of a sum", received + count * s->bytes);
    TRY(messages_make(&s->messages));
    return exchange_slices(s);
}

enum vggcl_err ranks_sum_go_on(struct ranks_sum *s, bool *done) {
    TRY(are_done(&s->messages, done));
    if (*done && s->added)
        take_rounded(s);
    if (!*done || s->added)
        return VGGCL_OK;
    *done = false;
    return exchange_sums(s);
}

int ranks_sum_awaits(const struct ranks_sum *s) {
    return awaited(&s->messages);
}

void ranks_sum_free(struct ranks_sum *s) {
    if (!s)
        return;
    messages_free(&s->messages);
    if (is_rounded(s))
        free(s->sent);
    free(s->received);
    free(s);
}

static enum vggcl_err name_ranks(void) {
    char host[MPI_MAX_PROCESSOR_NAME + 1] = "", name[NAME];
    int length = 0;
    MPI_Comm local;
    TRY(CHECKED(MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, world.rank, MPI_INFO_NULL, &local)));
    TRY(CHECKED(MPI_Comm_rank(local, &world.local_rank)));
    TRY(CHECKED(MPI_Comm_size(local, &world.local_count)));
    TRY(CHECKED(MPI_Comm_free(&local)));
    TRY(CHECKED(MPI_Get_processor_name(host, &length)));
    snprintf(name, sizeof name, "rank %d of %d on %s", world.rank, world.count, host);
    void *names;
    enum vggcl_err err = ranks_collect(name, sizeof name, &names);
    world.names = names;
    return err;
}

enum vggcl_err ranks_begin(void) {
    struct ranks_launch launched = ranks_launched();
    int thread;
    if (launched.count == 1 || world.begun)
        return VGGCL_OK;
    activity_begin_wait("the launcher, mpirun or srun,", false);
    int code = MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &thread);
    activity_end();
    TRY(CHECKED(code));
    world.begun = true;
    TRY(CHECKED(MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN)));
    TRY(CHECKED(MPI_Comm_rank(MPI_COMM_WORLD, &world.rank)));
    TRY(CHECKED(MPI_Comm_size(MPI_COMM_WORLD, &world.count)));
    if (world.count != launched.count)
        return err_set(
            VGGCL_EUSAGE,
            "this is process %d of %d by the launcher, but MPI sees %d: start it by the mpirun of the MPI library that "
            "it was built with, or tell srun which kind of MPI that is (pmix or pmi2)",
            launched.rank, launched.count, world.count);
    return name_ranks();
}

void ranks_end(int failed) {
    if (!world.begun)
        return;
    world.begun = false;
    if (failed && world.count > 1) {
        int pauses = 0;
        for (double start = clock_seconds(); clock_seconds() - start < (world.rank > 0 ? GRACE_SECONDS : 0.3);)
            ranks_pause(&pauses);
        MPI_Abort(MPI_COMM_WORLD, failed);
    }
    MPI_Finalize();
    free(world.names);
    world = (struct world){.count = 1, .local_count = 1};
}
#else
#include "base/feature.h"

enum vggcl_err ranks_begin(void) {
    if (ranks_launched().count == 1)
        return VGGCL_OK;
    return feature_lacks(FEATURE_MPI, "several processes", "; or start it without mpirun");
}

void ranks_end(int failed) {
    (void)failed;
}
int ranks_rank(void) {
    return 0;
}
int ranks_count(void) {
    return 1;
}
const char *ranks_name(int rank) {
    (void)rank;
    return "rank 0";
}
const char *ranks_host(int rank) {
    (void)rank;
    return "";
}
void ranks_local(int *rank, int *count) {
    *rank = 0;
    *count = 1;
}
void ranks_fail(const char *why) {
    (void)why;
}
enum vggcl_err ranks_share(void *data, size_t bytes) {
    (void)data, (void)bytes;
    return VGGCL_OK;
}
enum vggcl_err ranks_order(void *order, size_t bytes) {
    (void)order, (void)bytes;
    return VGGCL_OK;
}
enum vggcl_err ranks_give(int to, void *data, size_t bytes) {
    (void)to, (void)data, (void)bytes;
    return VGGCL_OK;
}
enum vggcl_err ranks_gather(const void *mine, size_t bytes, void *all) {
    memcpy(all, mine, bytes);
    return VGGCL_OK;
}
enum vggcl_err ranks_sum_begin(float *values, size_t count, enum stored stored, int tag, struct ranks_sum **sum) {
    (void)values, (void)count, (void)stored, (void)tag;
    *sum = NULL;
    return VGGCL_OK;
}
enum vggcl_err ranks_sum_go_on(struct ranks_sum *sum, bool *done) {
    (void)sum;
    *done = true;
    return VGGCL_OK;
}
int ranks_sum_awaits(const struct ranks_sum *sum) {
    (void)sum;
    return 0;
}
void ranks_sum_free(struct ranks_sum *sum) {
    (void)sum;
}
#endif

enum vggcl_err ranks_collect(const void *mine, size_t bytes, void **all) {
    size_t ranks = (size_t)ranks_count();
    *all = calloc(ranks, bytes);
    return *all ? ranks_gather(mine, bytes, *all) : err_no_memory("what the ranks tell", ranks * bytes);
}
