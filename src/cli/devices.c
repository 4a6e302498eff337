#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>

static bool as_json, verbose;

static void add_details(json_t *json, const struct vggcl_device *d) {
    static const char *const from[] = {[VGGCL_PROFILE_STORED] = "stored", [VGGCL_PROFILE_SHIPPED] = "shipped"};
    char name[VGGCL_PATH_MAX];
    enum vggcl_profile profile = vggcl_device_profile(d, name);
    json_object_set_new(json, "c_version", cli_text_json(d->c_version));
    json_object_set_new(json, "preferred_vector_width_float", json_integer(d->preferred_vector_width));
    json_object_set_new(json, "native_vector_width_float", json_integer(d->native_vector_width));
    json_object_set_new(json, "half", json_boolean(d->half));
    json_object_set_new(json, "sub_buffer_alignment_bytes", json_integer((json_int_t)d->alignment));
    json_object_set_new(json, "profile",
                        profile ? json_pack("{s:s, s:o}", "from", from[profile], "name", cli_text_json(name))
                                : json_null());
}

json_t *cli_device_json(const struct vggcl_device *d, size_t index, bool details) {
    json_t *json =
        json_pack("{s:i, s:o, s:b, s:s, s:o, s:o, s:o, s:o, s:o, s:i, s:i, s:I, s:I, s:I, s:i}", "index", (int)index,
                  "selector", json_sprintf("%d:%d", d->platform, d->device), "default", d->is_default, "type",
                  cli_device_type(d->type), "name", cli_text_json(d->name), "platform", cli_text_json(d->platform_name),
                  "vendor", cli_text_json(d->vendor), "driver", cli_text_json(d->driver), "version",
                  cli_text_json(d->version), "compute_units", (int)d->compute_units, "clock_mhz", (int)d->clock_mhz,
                  "memory_bytes", (json_int_t)d->memory, "largest_allocation_bytes", (json_int_t)d->largest_allocation,
                  "local_memory_bytes", (json_int_t)d->local_memory, "work_group_size", (int)d->work_group_size);
    if (details)
        add_details(json, d);
    return json;
}

static void print_json(const struct vggcl_device *list, size_t count) {
    json_t *devices = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(devices, cli_device_json(&list[i], i, verbose));
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

static void print_details(const struct vggcl_device *d) {
    static const char *const from[] = {"none: vggcl tune makes one", "stored, ", "ships with vggcl, "};
    char name[VGGCL_PATH_MAX];
    enum vggcl_profile profile = vggcl_device_profile(d, name);
    printf("\n%d:%d %s\n", d->platform, d->device, d->name);
    printf("  platform      %s, by %s\n", d->platform_name, d->vendor);
    printf("  driver        %s; %s; %s\n", d->driver, d->version, d->c_version);
    printf("  units         %u at %u MHz; work-groups of up to %zu\n", d->compute_units, d->clock_mhz,
           d->work_group_size);
    printf("  memory        %.1f GiB, %.1f GiB at once; local %.0f KiB; sub-buffers at multiples of %zu bytes\n",
           (double)d->memory / (1 << 30), (double)d->largest_allocation / (1 << 30), (double)d->local_memory / 1024,
           d->alignment);
    printf("  vectors       of %u floats preferred, %u native; arithmetic on 16-bit floats: %s\n",
           d->preferred_vector_width, d->native_vector_width, d->half ? "yes" : "no");
    printf("  profile       %s%s\n", from[profile], name);
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
        for (size_t i = 0; i < count && verbose && !as_json; i++)
            print_details(&list[i]);
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
    .flags = (const struct flag[]){{"verbose", NULL, "what each has: memory, vector widths, OpenCL C, profile, ...",
                                    NULL, &verbose},
                                   {"json", NULL, "for scripts: {\"devices\": [{...}, ...]}", NULL, &as_json},
                                   {0}},
    .run = run,
};
