#include "cli/json.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>

static bool as_json, verbose;

/* The data that the command prints. */
struct listing {
    struct vggcl_device *devices;
    struct vggcl_platform *platforms;
    size_t count, platform_count;
};

static json_t *text_or_null(const char *text) {
    return json_make_text(*text ? text : NULL);
}

static json_t *platform_json(const struct vggcl_platform *p) {
    return JSON_MAKE({"index", p->platform < 0 ? json_null() : json_integer(p->platform)},
                     {"name", text_or_null(p->name)}, {"version", text_or_null(p->version)},
                     {"devices", json_integer((json_int_t)p->devices)}, {"file", text_or_null(p->file)},
                     {"library", text_or_null(p->library)}, {"problem", text_or_null(p->problem)},
                     {"advice", text_or_null(p->advice)});
}

static void print_json(const struct listing *l) {
    json_t *devices = json_array(), *platforms = json_array();
    for (size_t i = 0; i < l->count; i++)
        json_add(&devices, cli_device_json(&l->devices[i], i, verbose));
    for (size_t i = 0; i < l->platform_count; i++)
        json_add(&platforms, platform_json(&l->platforms[i]));
    cli_print_json(JSON_MAKE({"devices", devices}, {"platforms", platforms}), JSON_INDENT(2));
}

static void print_table(const struct vggcl_device *list, size_t count) {
    printf("  %-6s %-12s %6s %9s  %s\n", "device", "type", "units", "memory", "name (platform, driver)");
    for (size_t i = 0; i < count; i++) {
        const struct vggcl_device *d = &list[i];
        char selector[32], units[16] = "-",
                           memory[32] = "-"; /* where a number is 0, which a driver gives as "unknown" */
        if (d->compute_units)
            snprintf(units, sizeof units, "%u", d->compute_units);
        if (d->memory)
            snprintf(memory, sizeof memory, "%.1f GiB", (double)d->memory / (1 << 30));
        snprintf(selector, sizeof selector, "%d:%d", d->platform, d->device);
        printf("%c %-6s %-12s %6s %9s  %s (%s, %s)\n", d->is_default ? '*' : ' ', selector, cli_device_type(d->type),
               units, memory, d->name, d->platform_name, d->driver);
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
    printf("  units         %u", d->compute_units);
    if (d->clock_mhz) /* 0: the driver does not say */
        printf(" at %u MHz", d->clock_mhz);
    printf("; work-groups of up to %zu\n", d->work_group_size);
    printf("  memory        %.1f GiB, %.1f GiB at once; local %.0f KiB; sub-buffers at multiples of %zu bytes\n",
           (double)d->memory / (1 << 30), (double)d->largest_allocation / (1 << 30), (double)d->local_memory / 1024,
           d->alignment);
    printf("  vectors       of %u floats preferred, %u native; arithmetic on 16-bit floats: %s\n",
           d->preferred_vector_width, d->native_vector_width, d->half ? "yes" : "no");
    printf("  profile       %s%s\n", from[profile], name);
}

static void print_problems(struct vggcl_platform *list, size_t count) {
    const char *title = "\nWithout devices:\n";
    for (size_t i = 0; i < count; i++) {
        struct vggcl_platform *p = &list[i];
        if (!*p->problem)
            continue;
        text_make_printable(p->problem, "");
        text_make_printable(p->version, "");
        text_make_printable(p->advice, "");
        printf("%s  %s\n", title, p->problem);
        if (*p->version)
            printf("      version: %s\n", p->version);
        if (*p->advice)
            printf("      %s\n", p->advice);
        title = "";
    }
}

/* A device that cannot be used is listed, and is an error. */
static void complain(const struct listing *l) {
    for (size_t i = 0; i < l->count; i++) {
        const struct vggcl_device *d = &l->devices[i];
        if (*d->problem)
            cli_complain("device %d:%d cannot be used: %s", d->platform, d->device, d->problem);
    }
}

static void print_text(const struct listing *l) {
    if (l->count)
        print_table(l->devices, l->count);
    for (size_t i = 0; i < l->count && verbose; i++)
        print_details(&l->devices[i]);
    print_problems(l->platforms, l->platform_count);
}

static int run(const struct vggcl_config *config) {
    (void)config;
    struct listing l = {0};
    size_t position;
    enum vggcl_err err = vggcl_devices(&l.devices, &l.count);
    if (err == VGGCL_OK)
        err = vggcl_platforms(&l.platforms, &l.platform_count);
    if (err == VGGCL_OK)
        (as_json ? print_json : print_text)(&l);
    complain(&l);
    if (err == VGGCL_OK && l.count == 0) /* sets the error that says why there is no device */
        err = vggcl_device_select(NULL, 0, NULL, &position);
    vggcl_devices_free(l.devices);
    vggcl_platforms_free(l.platforms);
    return err == VGGCL_OK ? EXIT_FINE : cli_failed(err);
}

const struct command command_devices = {
    .name = "devices",
    .summary = "lists the OpenCL devices",
    .description =
        "Lists every OpenCL device of every platform. A device is named to --device, or in VGGCL_DEVICE, by\n"
        "P:D as in the first column, its position in the list (from 0), gpu, cpu, accelerator, or a part of\n"
        "its name. train takes several devices, and P:D/N for the N parts of one (vggcl help train).\n\n"
        "Then lists the platforms and drivers without devices, why that is and what to do about it. Exit\n"
        "status 1 where there is no device, or one that does not say its properties.\n",
    .options = VGGCL_FOR_DEVICES,
    .flags =
        (const struct flag[]){
            {"verbose", NULL, "what each has: memory, vector widths, OpenCL C, profile, ...", NULL, &verbose},
            {"json", NULL, "for scripts: {\"devices\": [{...}, ...], \"platforms\": [{...}, ...]}", NULL, &as_json},
            {0}},
    .run = run,
};
