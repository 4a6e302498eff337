#include "cli/json.h"
#include "cli/progress.h"
#include "options/options.h"

#include <stdio.h>

static bool eval, as_json;

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

/* Prints an object for one device, an array for several. */
static void print_json(const struct vggcl_plan *plans, size_t count) {
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_add(&list, object(&plans[i]));
    if (count > 1)
        cli_print_json(JSON_MAKE({"devices", list}), CLI_JSON);
    else {
        cli_print_json(json_incref(json_array_get(list, 0)), CLI_JSON);
        json_decref(list);
    }
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

static void print_text(const struct vggcl_plan *plans, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (count > 1)
            printf("%sdevice %zu of %zu, %d images of a batch\n", i ? "\n" : "", i + 1, count, plans[i].images);
        print_device(&plans[i]);
    }
}

static int run(const struct vggcl_config *config) {
    struct vggcl_plan *plans;
    size_t count;
    enum vggcl_err err = vggcl_plan(config, eval, &plans, &count);
    progress_hide();
    if (err != VGGCL_OK)
        return cli_failed(err);
    (as_json ? print_json : print_text)(plans, count);
    vggcl_plans_free(plans);
    return EXIT_FINE;
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
        "Not counted: what the driver takes for itself, and CLBlast's own memory in Winograd's products (--gemm\n"
        "clblast with --conv winograd2 or winograd4).\n\n"
        "  vggcl plan --batch 512\n"
        "  vggcl plan --batch 512 --mem-limit 1G\n"
        "  vggcl plan --batch 512 --storage half\n"
        "  vggcl plan --shape 64x64x3 --classes 100\n"
        "  vggcl plan --eval --data synthetic --json\n",
    .options = VGGCL_FOR_PLAN | VGGCL_FOR_DEVICES,
    .flags = (const struct flag[]){{"eval", NULL, "of eval instead of train", NULL, &eval},
                                   {"json", NULL, "for scripts: one object, sizes in bytes", NULL, &as_json},
                                   {0}},
    .run = run,
};
