#include "cli/json.h"
#include "cli/progress.h"
#include "cli/several.h"
#include "options/options.h"
#include "ranks/ranks.h"

#include <stdio.h>
#include <stdlib.h>

static bool eval, as_json;

/* What a rank tells rank 0 of its devices. */
struct rank_plan {
    uint64_t sent, received;
    size_t count;
    struct device_plan {
        char name[256];
        uint64_t bytes;
        int images, micro_batches;
    } devices[VGGCL_DEVICES];
};

/* *all: the plans of all ranks, to be freed, also after a failure; NULL with one process. */
static enum vggcl_err gather(const struct vggcl_plan *plans, size_t count, struct rank_plan **all) {
    struct rank_plan own = {.sent = plans[0].sent, .received = plans[0].received, .count = count};
    *all = NULL;
    if (ranks_count() == 1)
        return VGGCL_OK;
    for (size_t i = 0; i < count; i++) {
        struct device_plan *d = &own.devices[i];
        *d = (struct device_plan){
            .bytes = plans[i].bytes, .images = plans[i].images, .micro_batches = plans[i].micro_batches};
        snprintf(d->name, sizeof d->name, "%s", plans[i].device.name);
    }
    void *gathered;
    enum vggcl_err err = ranks_collect(&own, sizeof own, &gathered);
    *all = gathered;
    return err;
}

static json_t *object(const struct vggcl_plan *p) {
    json_t *groups = json_array();
    char where[16], shape[24];
    vggcl_config_get(&p->config, "images", where, sizeof where);
    vggcl_config_get(&p->config, "shape", shape, sizeof shape);
    for (int i = 0; i < VGGCL_MEMORY_GROUPS; i++)
        json_add(&groups, JSON_MAKE({"name", json_make_text(p->groups[i].name)},
                                    {"bytes", json_integer((json_int_t)p->groups[i].bytes)}));
    return JSON_MAKE({"device", json_make_text(p->device.name)}, {"model", json_make_text(p->config.model)},
                     {"width", json_make_number(p->config.width)},
                     {"storage", json_make_text(config_stored_word(&p->config))}, {"shape", json_make_text(shape)},
                     {"classes", json_integer(p->config.classes)}, {"batch", json_integer(p->config.batch)},
                     {"images", json_integer(p->images)}, {"micro_batch", json_integer(p->config.micro_batch)},
                     {"micro_batches", json_integer(p->micro_batches)}, {"images_on", json_make_text(where)},
                     {"conv", json_make_text(p->conv)}, {"conv_bytes", json_integer((json_int_t)p->conv_bytes)},
                     {"groups", groups}, {"peak_bytes", json_integer((json_int_t)p->bytes)},
                     {"least_bytes", json_integer((json_int_t)p->least)}, {"wrong", json_make_text(p->wrong)});
}

static json_t *rank_devices(const struct rank_plan *p) {
    json_t *list = json_array();
    for (const struct device_plan *d = p->devices; d < p->devices + p->count; d++)
        json_add(&list, JSON_MAKE({"device", json_make_text(d->name)}, {"images", json_integer(d->images)},
                                  {"micro_batches", json_integer(d->micro_batches)},
                                  {"peak_bytes", json_integer((json_int_t)d->bytes)}));
    return list;
}

static json_t *ranks_json(const struct rank_plan *ranks) {
    json_t *list = json_array();
    for (int i = 0; i < ranks_count(); i++)
        json_add(&list, JSON_MAKE({"rank", json_integer(i)}, {"host", json_make_text(ranks_host(i))},
                                  {"sent_bytes_per_step", json_integer((json_int_t)ranks[i].sent)},
                                  {"received_bytes_per_step", json_integer((json_int_t)ranks[i].received)},
                                  {"devices", rank_devices(&ranks[i])}));
    return list;
}

/* Prints an object for one device, an array for several. ranks: NULL with one process. */
static void print_json(const struct vggcl_plan *plans, size_t count, const struct rank_plan *ranks) {
    json_t *list = json_array(), *json;
    for (size_t i = 0; i < count; i++)
        json_add(&list, object(&plans[i]));
    if (count > 1)
        json = JSON_MAKE({"devices", list});
    else {
        json = json_incref(json_array_get(list, 0));
        json_decref(list);
    }
    if (ranks)
        json_put(&json, "ranks", ranks_json(ranks));
    cli_print_json(json, CLI_JSON);
}

static void print_device(const struct vggcl_plan *p) {
    char where[16], shape[24];
    vggcl_config_get(&p->config, "images", where, sizeof where);
    vggcl_config_get(&p->config, "shape", shape, sizeof shape);
    printf("%s, width %g, batch %d of %s images, %d classes, activations as %s, on %s\n", p->config.model,
           p->config.width, p->config.batch, shape, p->config.classes, config_stored_word(&p->config), p->device.name);
    printf("%-40s %14s %10s\n", "", "bytes", "MiB");
    for (int i = 0; i < VGGCL_MEMORY_GROUPS; i++)
        printf("%-40s %14llu %10.1f\n", p->groups[i].name, (unsigned long long)p->groups[i].bytes,
               cli_mebibytes(p->groups[i].bytes));
    printf("%-40s %14llu %10.1f\n", "peak", (unsigned long long)p->bytes, cli_mebibytes(p->bytes));
    printf("%-40s %14llu %10.1f\n\n", "smallest --mem-limit", (unsigned long long)p->least, cli_mebibytes(p->least));
    printf("convolutions: %s, on up to %.1f MiB of transformed images at once\n", p->conv,
           cli_mebibytes(p->conv_bytes));
    if (*p->wrong)
        printf("not used: %s: wrong results on this device\n", p->wrong);
    if (p->micro_batches > 1)
        printf("%s goes in %d micro-batches of up to %d images%s\n",
               p->images == p->config.batch ? "a batch" : "its part", p->micro_batches, p->config.micro_batch,
               cli_batch_statistics(&p->config) && !eval ? "; batch normalisation takes each one's own statistics"
                                                         : "");
}

/* What a rank sends and receives stands on the line of its first device. */
static void print_rank(int rank, const struct rank_plan *p) {
    for (size_t i = 0; i < p->count; i++) {
        const struct device_plan *d = &p->devices[i];
        printf("%-28s %7d %9.1f", i ? "" : ranks_name(rank), d->images, cli_mebibytes(d->bytes));
        if (i)
            printf(" %9s %9s  ", "", "");
        else
            printf(" %9.2f %9.2f  ", cli_mebibytes(p->sent), cli_mebibytes(p->received));
        puts(d->name);
    }
}

static void print_ranks(const struct rank_plan *ranks) {
    printf("\n%-28s %7s %9s %9s %9s  %s\n", "", "images", "MiB", "sent", "received", "device");
    for (int i = 0; i < ranks_count(); i++)
        print_rank(i, &ranks[i]);
    puts("\nimages: of each batch; MiB: device memory at the peak; sent, received: MiB over the network in a training\n"
         "step, the sums of gradients and the statistics of batch normalisation.");
}

static void print_text(const struct vggcl_plan *plans, size_t count, const struct rank_plan *ranks) {
    for (size_t i = 0; i < count; i++) {
        printf("%s", i ? "\n" : "");
        if (ranks)
            printf("%s: ", ranks_name(0));
        if (count > 1)
            printf("device %zu of %zu, ", i + 1, count);
        if (ranks || count > 1)
            printf("%d images of a batch\n", plans[i].images);
        print_device(&plans[i]);
    }
    if (ranks)
        print_ranks(ranks);
}

/* Plans, and gathers all ranks' plans: *ranks. Free the plans and *ranks. */
static enum vggcl_err plan(const struct vggcl_config *config, struct vggcl_plan **plans, size_t *count,
                           struct rank_plan **ranks) {
    *ranks = NULL;
    TRY(vggcl_plan(config, eval, plans, count));
    return gather(*plans, *count, ranks);
}

static int plan_first(const struct vggcl_config *config) {
    struct vggcl_plan *plans;
    struct rank_plan *ranks;
    size_t count;
    enum vggcl_err err = plan(config, &plans, &count, &ranks);
    progress_hide();
    if (err == VGGCL_OK)
        (as_json ? print_json : print_text)(plans, count, ranks);
    vggcl_plans_free(plans);
    free(ranks);
    return err == VGGCL_OK ? EXIT_FINE : cli_failed(err);
}

static enum vggcl_err plan_other(const struct vggcl_config *config) {
    struct vggcl_plan *plans;
    struct rank_plan *ranks;
    size_t count;
    enum vggcl_err err = plan(config, &plans, &count, &ranks);
    vggcl_plans_free(plans);
    free(ranks);
    return err;
}

static int run(const struct vggcl_config *config) {
    return several_run(config, plan_first, plan_other);
}

const struct command command_plan = {
    .name = "plan",
    .summary = "says what a run would take of the device's memory",
    .description =
        "Prints the bytes that train (with --eval: eval) would take of the device's memory by what they are for,\n"
        "their sum, which is the peak, and the smallest --mem-limit that would do; it allocates nothing. The flags\n"
        "are train's, and each of several devices is planned by itself. Where all does not fit in --mem-limit, the\n"
        "images stay on the host, then convolutions work in smaller chunks, then by algorithms with less scratch "
        "memory (unless --conv names one),\n"
        "then the batch goes in equal micro-batches whose gradients add up: without batch normalisation the same step\n"
        "except for rounding; with it each micro-batch is normalised by its own statistics, which trains like a "
        "smaller\n"
        "batch. The data set is on the device too, or, with --images host or where it does not fit, on the host: the\n"
        "device then has two staging buffers for batches.\n"
        "Of several processes (mpirun), each is planned on its machine: its device memory for its share of the batch,\n"
        "and the bytes that it sends and receives in a training step.\n"
        "Not counted: what the driver takes for itself, and CLBlast's own memory in Winograd's products (--gemm\n"
        "clblast with --conv winograd2 or winograd4).\n\n"
        "  vggcl plan --batch 512\n"
        "  vggcl plan --batch 512 --mem-limit 1G\n"
        "  vggcl plan --batch 512 --storage half\n"
        "  vggcl plan --shape 64x64x3 --classes 100\n"
        "  vggcl plan --eval --data synthetic --json\n"
        "  mpirun -n 2 vggcl plan --batch 512\n",
    .options = VGGCL_FOR_PLAN | VGGCL_FOR_DEVICES,
    .flags = (const struct flag[]){{"eval", NULL, "of eval instead of train", NULL, &eval},
                                   {"json", NULL, "for scripts: one object, sizes in bytes", NULL, &as_json},
                                   {0}},
    .run = run,
};
