#include "data/dataset.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum vggcl_err dataset_allocate(struct dataset *set, const struct data_spec *spec, size_t count) {
    *set = (struct dataset){
        .count = count, .pixels = calloc(count, data_image_bytes(spec)), .labels = calloc(count, sizeof *set->labels)};
    if (set->pixels && set->labels)
        return VGGCL_OK;
    dataset_free(set);
    return err_no_memory("images", count * (data_image_bytes(spec) + sizeof *set->labels));
}

enum vggcl_err dataset_refer(struct dataset *set, uint8_t *pixels, size_t count) {
    *set = (struct dataset){.count = count,
                            .pixels = pixels,
                            .records = calloc(count, sizeof *set->records),
                            .labels = calloc(count, sizeof *set->labels)};
    if (set->records && set->labels)
        return VGGCL_OK;
    free(set->records);
    free(set->labels);
    *set = (struct dataset){0};
    return err_no_memory("the list of images", count * (sizeof *set->records + sizeof *set->labels));
}

void dataset_free(struct dataset *set) {
    if (!set->records && !set->borrowed)
        free(set->pixels);
    free(set->records);
    if (!set->borrowed)
        free(set->labels);
    free(set->files);
    *set = (struct dataset){0};
}

void dataset_want(const struct dataset *set, size_t bytes, const uint32_t *numbers, size_t first, size_t count) {
    for (size_t i = 0; set->records && i < count; i++)
        mapping_want(dataset_pixels(set, bytes, numbers ? numbers[i] : first + i), bytes);
}

void dataset_gather(const struct dataset *set, size_t bytes, const uint32_t *numbers, size_t count, uint8_t *pixels,
                    uint16_t *labels) {
    dataset_want(set, bytes, numbers, 0, count);
    for (size_t i = 0; i < count; i++) {
        memcpy(pixels + i * bytes, dataset_pixels(set, bytes, numbers[i]), bytes);
        labels[i] = set->labels[numbers[i]];
    }
}

void data_free(struct data *data) {
    dataset_free(&data->train);
    dataset_free(&data->test);
    for (size_t i = 0; i < sizeof data->mapped / sizeof *data->mapped; i++)
        mapping_free(&data->mapped[i]);
    free(data->spec.class_names);
    free(data->notes);
    *data = (struct data){0};
}

char **names_copy(size_t count, char *const *names) {
    size_t bytes = count * sizeof *names;
    for (size_t i = 0; i < count; i++)
        bytes += strlen(names[i]) + 1;
    char **copy = malloc(bytes);
    if (!copy) {
        err_no_memory("names", bytes);
        return NULL;
    }
    char *text = (char *)(copy + count);
    for (size_t i = 0; i < count; i++) {
        copy[i] = strcpy(text, names[i]);
        text += strlen(text) + 1;
    }
    return copy;
}

char **names_numbered(size_t count) {
    enum { DIGITS = 24 };
    size_t bytes = count * (sizeof(char *) + DIGITS);
    char **names = malloc(bytes);
    if (!names) {
        err_no_memory("names", bytes);
        return NULL;
    }
    char *text = (char *)(names + count);
    for (size_t i = 0; i < count; i++, text += DIGITS)
        snprintf(names[i] = text, DIGITS, "%zu", i);
    return names;
}

enum vggcl_err class_names_split(char *text, const char *path, size_t count, char **names) {
    char *line = text;
    for (size_t i = 0; i < count; i++) {
        size_t length = strcspn(line, "\r\n");
        if (length == 0 || length > CLASS_NAME_LONGEST)
            return err_set(VGGCL_EFORMAT, "%s: byte %td: class name %zu of %zu has %zu bytes, not 1 to %d", path,
                           line - text, i + 1, count, length, CLASS_NAME_LONGEST);
        names[i] = line;
        line += length;
        size_t ends = strspn(line, "\r\n");
        *line = '\0';
        line += ends;
    }
    return VGGCL_OK;
}
