#include "cli/cli.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

static bool as_json;

static void print_json(const struct vggcl_device *list, size_t count) {
    json_t *devices = json_array();
    for (size_t i = 0; i < count; i++) {
        const struct vggcl_device *d = &list[i];
        json_array_append_new(
            devices,
            json_pack("{s:i, s:o, s:b, s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:i, s:I, s:I, s:I, s:i}", "index", (int)i,
                      "selector", json_sprintf("%d:%d", d->platform, d->device), "default", d->is_default, "type",
                      cli_device_type(d->type), "name", d->name, "platform", d->platform_name, "vendor", d->vendor,
                      "driver", d->driver, "version", d->version, "compute_units", (int)d->compute_units, "clock_mhz",
                      (int)d->clock_mhz, "memory_bytes", (json_int_t)d->memory, "largest_allocation_bytes",
                      (json_int_t)d->largest_allocation, "local_memory_bytes", (json_int_t)d->local_memory,
                      "work_group_size", (int)d->work_group_size));
    }
    json_t *all = json_pack("{s:o}", "devices", devices);
    json_dumpf(all, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(all);
}

static void print_table(const struct vggcl_device *list, size_t count) {
    printf("  %-6s %-12s %6s %9s  %s\n", "device", "type", "units", "memory", "name (platform, driver)");
    for (size_t i = 0; i < count; i++) {
        const struct vggcl_device *d = &list[i];
        char selector[32];
        snprintf(selector, sizeof selector, "%d:%d", d->platform, d->device);
        printf("%c %-6s %-12s %6u %5.1f GiB  %s (%s, %s)\n", d->is_default ? '*' : ' ', selector,
               cli_device_type(d->type), d->compute_units, (double)d->memory / (1 << 30), d->name, d->platform_name,
               d->driver);
    }
    puts("\n* is what train and eval take where neither --device nor VGGCL_DEVICE says otherwise");
}

static int run(const struct vggcl_config *config) {
    (void)config;
    struct vggcl_device *list;
    size_t count, position;
    enum vggcl_err err = vggcl_devices(&list, &count);
    if (err == VGGCL_OK) {
        if (count == 0) /* for its error, which says how to get a device */
            err = vggcl_device_select(list, count, NULL, &position);
        else
            (as_json ? print_json : print_table)(list, count);
        free(list);
    }
    return err == VGGCL_OK ? EXIT_FINE : cli_failed(err);
}

const struct command command_devices = {
    .name = "devices",
    .summary = "lists the OpenCL devices",
    .description =
        "Lists every OpenCL device of every platform. A device is named to --device, or in VGGCL_DEVICE, by\n"
        "P:D as in the first column, its position in the list (from 0), gpu, cpu, accelerator, or a part of\n"
        "its name. train takes several devices, and P:D/N for the N parts of one (vggcl help train).\n",
    .flags = (const struct flag[]){{"json", NULL, "for scripts: {\"devices\": [{...}, ...]}", NULL, &as_json}, {0}},
    .run = run,
};
