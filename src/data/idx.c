/* idx.c - the IDX files of MNIST, Fashion-MNIST, EMNIST and sets in their form: http://yann.lecun.com/exdb/mnist
 *
 * A file begins with 32-bit numbers, high byte first: the magic number (0x0000, 0x08 for bytes, the number of
 * dimensions), then each dimension. Images follow row by row, one byte a pixel; labels as one byte each. Every file may
 * be compressed by gzip, with ".gz" at the end of its name; where both are there, the plain one is read.
 *
 * Files of images with four dimensions, "...-idx4-ubyte", are images x channels x height x width: the order in which
 * the program has them, too. A plain file is therefore mapped, not read, and may be larger than memory.
 *
 * EMNIST's images are stored transposed. Files with its names are transposed back, so that characters stand upright;
 * those that were renamed cannot be told from others and are taken as they are.
 *
 * There are as many classes as 1 + the highest label of both sets. Their names are the lines of names.txt, where the
 * folder has one. Otherwise the mapping file of EMNIST, whose lines are "LABEL CODE ...", gives the character with that
 * code; other classes are called by their label. EMNIST's letters have labels from 1 to 26: with the mapping file,
 * which begins at 1, they become 0 to 25; without it label 0 is a class that does not occur. */
#define _POSIX_C_SOURCE 200809L /* fileno */
#include "data/format.h"
#include "data/reader.h"
#include "base/file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { LABELS = 256, GREY = 3, COLOUR = 4, MOST_HEADER = 4 + 4 * COLOUR, LARGEST_TEXT = 1 << 16 };

enum part { TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS, PARTS };

/* How the files of a set are called: "PREFIXtrain-images-idx3-ubyte", "PREFIXTEST-labels-idx1-ubyte". */
struct layout {
    const char *prefix, *test;
    bool transposed;
};

#define EMNIST(split) {"emnist-" split "-", "test", true}
static const struct layout layouts[] = {{"", "t10k", false}, EMNIST("balanced"), EMNIST("byclass"), EMNIST("bymerge"),
                                        EMNIST("digits"),    EMNIST("letters"),  EMNIST("mnist")};
enum { LAYOUTS = sizeof layouts / sizeof *layouts };

/* The ends of the names, in the order in which they are looked for: plain files first. */
static const struct {
    const char *separator, *compressed;
} endings[] = {{"-", ""}, {".", ""}, {"-", ".gz"}, {".", ".gz"}};
enum { ENDINGS = sizeof endings / sizeof *endings };

struct idx_file {
    struct reader reader;
    enum part part;
    int dimensions;
    size_t count;                   /* images or labels */
    size_t channels, height, width; /* of each, as stored; 1 for labels */
};

struct idx {
    const struct layout *layout;
    const char *folder;
    struct idx_file files[PARTS];
    uint8_t *labels[PARTS];                     /* of TRAIN_LABELS and TEST_LABELS */
    size_t lowest, highest;                     /* labels of the classes; classes are numbered from `lowest` */
    char names[LABELS][CLASS_NAME_LONGEST + 1]; /* by label */
};

static bool is_labels(enum part part) {
    return part == TRAIN_LABELS || part == TEST_LABELS;
}

static const char *kind_of(enum part part) {
    return is_labels(part) ? "labels" : "images";
}

/* ------------------------------------------------------------------------------------------------ finding files -- */

static enum vggcl_err make_path(char path[VGGCL_PATH_MAX], const char *folder, const struct layout *layout,
                                enum part part, int dimensions, int ending) {
    char name[96];
    snprintf(name, sizeof name, "%s%s-%s%sidx%d-ubyte%s", layout->prefix, part < TEST_IMAGES ? "train" : layout->test,
             kind_of(part), endings[ending].separator, dimensions, endings[ending].compressed);
    return file_path(path, folder, name);
}

/* The number of dimensions of that file of the folder, 0 if it is missing; path is its path, or the first one looked
 * for. */
static int find_file(char path[VGGCL_PATH_MAX], const char *folder, const struct layout *layout, enum part part) {
    int least = is_labels(part) ? 1 : GREY, most = is_labels(part) ? 1 : COLOUR;
    for (int dimensions = least; dimensions <= most; dimensions++)
        for (int i = 0; i < ENDINGS; i++)
            if (make_path(path, folder, layout, part, dimensions, i) == VGGCL_OK && file_exists(path))
                return dimensions;
    *path = '\0';
    (void)make_path(path, folder, layout, part, least, 0);
    return 0;
}

static bool has_layout(const char *folder, const struct layout *layout) {
    char path[VGGCL_PATH_MAX];
    for (int part = 0; part < PARTS; part++)
        if (find_file(path, folder, layout, (enum part)part))
            return true;
    return false;
}

static bool recognise(const char *name) {
    for (int i = 0; i < LAYOUTS; i++)
        if (has_layout(name, &layouts[i]))
            return true;
    return false;
}

/* The one set that the folder holds; MNIST's names where it has none. */
static enum vggcl_err find_layout(const char *folder, const struct layout **found) {
    char all[256] = "";
    int count = 0;
    *found = &layouts[0];
    for (int i = 0; i < LAYOUTS; i++) {
        if (!has_layout(folder, &layouts[i]))
            continue;
        *found = &layouts[i];
        snprintf(all + strlen(all), sizeof all - strlen(all), "%s%strain-...", count++ ? ", " : "", layouts[i].prefix);
    }
    return count <= 1 ? VGGCL_OK
                      : err_set(VGGCL_EIO,
                                "%s: holds %d data sets (%s); keep the files of each in a folder of its own, or make "
                                "a folder of links to the files of one of them",
                                folder, count, all);
}

/* ------------------------------------------------------------------------------------------ headers and contents -- */

/* Offsets in errors are of the uncompressed data. */
static const char *unpacked(const struct idx_file *file) {
    return file->reader.gzip ? " of the uncompressed data" : "";
}

static size_t header_bytes(const struct idx_file *file) {
    return 4 + 4 * (size_t)file->dimensions;
}

static size_t item_bytes(const struct idx_file *file) {
    return file->channels * file->height * file->width;
}

static uint64_t content_bytes(const struct idx_file *file) {
    return (uint64_t)file->count * item_bytes(file);
}

/* The error for a file that has `size` uncompressed bytes, or at least that many. */
static enum vggcl_err wrong_size(const struct idx_file *file, uint64_t size) {
    uint64_t expected = header_bytes(file) + content_bytes(file);
    if (size > expected)
        return err_set(VGGCL_EFORMAT,
                       "%s: byte %llu%s: there are more bytes after the last of the %llu %s; download the file again",
                       file->reader.path, (unsigned long long)expected, unpacked(file), (unsigned long long)file->count,
                       kind_of(file->part));
    return err_set(VGGCL_EFORMAT,
                   "%s: ends at byte %llu%s, but its %llu %s of %zu bytes end at byte %llu; download the file again",
                   file->reader.path, (unsigned long long)size, unpacked(file), (unsigned long long)file->count,
                   kind_of(file->part), item_bytes(file), (unsigned long long)expected);
}

static uint32_t number_at(const uint8_t *bytes) {
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static enum vggcl_err check_magic(const struct idx_file *file, const uint8_t *header) {
    uint32_t magic = number_at(header), expected = 0x800 + (uint32_t)file->dimensions;
    if (magic == expected)
        return VGGCL_OK;
    return err_set(VGGCL_EFORMAT, "%s: byte 0%s: the magic number is 0x%08x, not 0x%08x, as of %s in bytes%s",
                   file->reader.path, unpacked(file), (unsigned)magic, (unsigned)expected, kind_of(file->part),
                   magic >> 16 == 0x1f8b ? "; it is compressed by gzip: add .gz to its name"
                                         : "; download the file again");
}

static enum vggcl_err check_channels(struct idx_file *file, const uint8_t *number) {
    file->channels = number_at(number);
    return file->channels == 1 || file->channels == 3
               ? VGGCL_OK
               : err_set(VGGCL_EFORMAT,
                         "%s: byte 8%s: images of %zu channels; vggcl takes 1 and 3, stored as images x channels x "
                         "height x width",
                         file->reader.path, unpacked(file), file->channels);
}

/* Images and labels, then the channels of images if there are four dimensions, and the sides of images. */
static enum vggcl_err check_dimensions(struct idx_file *file, const uint8_t *header) {
    size_t *sides[] = {&file->height, &file->width};
    int before = file->dimensions == COLOUR ? 12 : 8;
    file->count = number_at(header + 4);
    if (!file->count)
        return err_set(VGGCL_EFORMAT, "%s: byte 4%s: has 0 %s", file->reader.path, unpacked(file), kind_of(file->part));
    file->channels = file->height = file->width = 1;
    if (is_labels(file->part))
        return VGGCL_OK;
    if (file->dimensions == COLOUR)
        TRY(check_channels(file, header + 8));
    for (int i = 0; i < 2; i++) {
        *sides[i] = number_at(header + before + 4 * i);
        if (*sides[i] < DATA_LEAST_SIDE || *sides[i] > DATA_MOST_SIDE)
            return err_set(VGGCL_EFORMAT, "%s: byte %d%s: images of %s %zu; vggcl takes %d to %d pixels",
                           file->reader.path, before + 4 * i, unpacked(file), i ? "width" : "height", *sides[i],
                           DATA_LEAST_SIDE, DATA_MOST_SIDE);
    }
    return VGGCL_OK;
}

static enum vggcl_err read_header(struct idx_file *file) {
    uint8_t header[MOST_HEADER];
    size_t bytes = header_bytes(file), got;
    TRY(reader_read(&file->reader, header, bytes, &got));
    if (got >= 4)
        TRY(check_magic(file, header));
    if (got < bytes)
        return err_set(VGGCL_EFORMAT, "%s: ends at byte %zu%s, in its header of %zu bytes; download the file again",
                       file->reader.path, got, unpacked(file), bytes);
    TRY(check_dimensions(file, header));
    uint64_t expected = bytes + content_bytes(file), most = reader_capacity(&file->reader);
    if (expected > most || (expected < most && !file->reader.gzip))
        return wrong_size(file, most);
    return expected <= SIZE_MAX / 2 ? VGGCL_OK
                                    : err_set(VGGCL_ENOMEM, "%s: has %llu bytes, more than a 32-bit program can hold",
                                              file->reader.path, (unsigned long long)expected);
}

static enum vggcl_err open_file(struct idx *set, enum part part) {
    char path[VGGCL_PATH_MAX];
    struct idx_file *file = &set->files[part];
    file->part = part;
    file->dimensions = find_file(path, set->folder, set->layout, part);
    if (!file->dimensions)
        return err_set(VGGCL_EIO,
                       "%s: is missing, and so are its other names (with .gz; with a dot in place of the second dash); "
                       "`vggcl fetch mnist` and `vggcl fetch "
                       "fashion-mnist` get all files of these sets",
                       path);
    TRY(reader_open(&file->reader, path));
    return read_header(file);
}

/* Reads everything after the header, and checks that nothing follows. */
static enum vggcl_err read_contents(struct idx_file *file, uint8_t *to) {
    size_t bytes = (size_t)content_bytes(file), got, more = 0;
    uint8_t byte;
    TRY(reader_read(&file->reader, to, bytes, &got));
    if (got == bytes)
        TRY(reader_read(&file->reader, &byte, 1, &more));
    return got < bytes || more ? wrong_size(file, file->reader.position) : VGGCL_OK;
}

static enum vggcl_err check_counts(const struct idx *set) {
    for (int part = 0; part < PARTS; part += 2) {
        const struct idx_file *images = &set->files[part], *labels = &set->files[part + 1];
        if (images->count != labels->count)
            return err_set(VGGCL_EFORMAT,
                           "%s: byte 4%s: has %llu labels, but %s has %llu images; download both files again",
                           labels->reader.path, unpacked(labels), (unsigned long long)labels->count,
                           images->reader.path, (unsigned long long)images->count);
    }
    const struct idx_file *train = &set->files[TRAIN_IMAGES], *test = &set->files[TEST_IMAGES];
    if (train->height != test->height || train->width != test->width || train->channels != test->channels)
        return err_set(VGGCL_EFORMAT,
                       "%s: byte 8%s: has images of %zux%zux%zu, but %s of %zux%zux%zu; all must be of one size",
                       test->reader.path, unpacked(test), test->height, test->width, test->channels, train->reader.path,
                       train->height, train->width, train->channels);
    return VGGCL_OK;
}

static enum vggcl_err read_labels(struct idx *set) {
    for (int part = TRAIN_LABELS; part < PARTS; part += 2) {
        struct idx_file *file = &set->files[part];
        set->labels[part] = malloc(file->count);
        if (!set->labels[part])
            return err_no_memory("labels", file->count);
        TRY(read_contents(file, set->labels[part]));
        for (size_t i = 0; i < file->count; i++)
            if (set->labels[part][i] > set->highest)
                set->highest = set->labels[part][i];
    }
    return VGGCL_OK;
}

/* ------------------------------------------------------------------------------------------------------ classes -- */

static size_t count_lines(const char *text) {
    size_t count = 0;
    while (*(text += strspn(text, "\r\n"))) {
        text += strcspn(text, "\r\n");
        count++;
    }
    return count;
}

/* names.txt has a name for each class. */
static enum vggcl_err take_names(struct idx *set, const char *path, char *text) {
    char *names[LABELS];
    size_t count = set->highest + 1, lines = count_lines(text);
    if (lines != count)
        return err_set(VGGCL_EFORMAT,
                       "%s: has %zu names of classes, but labels go from 0 to %zu; it must have %zu lines", path, lines,
                       set->highest, count);
    TRY(class_names_split(text, path, count, names));
    for (size_t i = 0; i < count; i++)
        strcpy(set->names[i], names[i]);
    return VGGCL_OK;
}

/* A line of a mapping: a label, and the code of a character. */
static bool parse_mapping(const char *line, size_t length, unsigned long *label, unsigned long *code) {
    char *end, *end_of_line = (char *)line + length;
    *label = strtoul(line, &end, 10);
    if (end == line || end >= end_of_line)
        return false;
    const char *second = end;
    *code = strtoul(second, &end, 10);
    return end > second && end <= end_of_line && *label < LABELS;
}

static enum vggcl_err take_mapping(struct idx *set, const char *path, char *text) {
    unsigned long label, code;
    set->lowest = LABELS;
    for (char *line = text; *(line += strspn(line, "\r\n"));) {
        size_t length = strcspn(line, "\r\n");
        if (!parse_mapping(line, length, &label, &code))
            return err_set(VGGCL_EFORMAT, "%s: byte %td: expected a label, 0 to 255, and the code of a character", path,
                           line - text);
        if (code > ' ' && code < 127)
            snprintf(set->names[label], sizeof set->names[label], "%c", (char)code);
        if (label < set->lowest)
            set->lowest = label;
        line += length;
    }
    return set->lowest < LABELS ? VGGCL_OK : err_set(VGGCL_EFORMAT, "%s: is empty", path);
}

/* Reads the file of that name by `take`, if the folder has it. */
static enum vggcl_err take_text(struct idx *set, const char *name,
                                enum vggcl_err (*take)(struct idx *set, const char *path, char *text), bool *taken) {
    char path[VGGCL_PATH_MAX], *text;
    size_t size;
    TRY(file_path(path, set->folder, name));
    *taken = file_exists(path);
    if (!*taken)
        return VGGCL_OK;
    TRY(file_read(path, LARGEST_TEXT, &text, &size));
    enum vggcl_err err = take(set, path, text);
    free(text);
    return err;
}

static enum vggcl_err check_lowest(const struct idx *set) {
    for (int part = TRAIN_LABELS; part < PARTS; part += 2)
        for (size_t i = 0; i < set->files[part].count; i++)
            if (set->labels[part][i] < set->lowest)
                return err_set(VGGCL_EFORMAT, "%s: byte %zu%s: label %u, but the mapping file begins with label %zu",
                               set->files[part].reader.path, header_bytes(&set->files[part]) + i,
                               unpacked(&set->files[part]), set->labels[part][i], set->lowest);
    if (set->highest == set->lowest)
        return err_set(VGGCL_EFORMAT, "%s: all labels are %zu; at least two classes are needed",
                       set->files[TRAIN_LABELS].reader.path, set->lowest);
    return VGGCL_OK;
}

static enum vggcl_err name_classes(struct idx *set) {
    bool taken;
    char mapping[64];
    snprintf(mapping, sizeof mapping, "%smapping.txt", set->layout->prefix);
    for (int i = 0; i < LABELS; i++)
        snprintf(set->names[i], sizeof set->names[i], "%d", i);
    TRY(take_text(set, "names.txt", take_names, &taken));
    if (!taken)
        TRY(take_text(set, mapping, take_mapping, &taken));
    return check_lowest(set);
}

static enum vggcl_err copy_names(struct idx *set, struct data_spec *spec) {
    char *names[LABELS];
    for (size_t i = 0; i < spec->classes; i++)
        names[i] = set->names[set->lowest + i];
    spec->class_names = names_copy(spec->classes, names);
    return spec->class_names ? VGGCL_OK : VGGCL_ENOMEM;
}

/* ------------------------------------------------------------------------------------------------------ the set -- */

static void close_set(struct idx *set) {
    for (int part = 0; part < PARTS; part++) {
        reader_close(&set->files[part].reader);
        free(set->labels[part]);
    }
    free(set);
}

/* Reads everything but the images. After an error *opened is NULL. */
static enum vggcl_err open_set(const char *folder, struct idx **opened) {
    enum vggcl_err err;
    struct idx *set = *opened = calloc(1, sizeof *set);
    if (!set)
        return err_no_memory("a data set", sizeof *set);
    set->folder = folder;
    TRY_GOTO(find_layout(folder, &set->layout), failed);
    for (int part = 0; part < PARTS; part++)
        TRY_GOTO(open_file(set, (enum part)part), failed);
    TRY_GOTO(check_counts(set), failed);
    TRY_GOTO(read_labels(set), failed);
    TRY_GOTO(name_classes(set), failed);
    return VGGCL_OK;
failed:
    close_set(set);
    *opened = NULL;
    return err;
}

static struct data_spec spec_of(const struct idx *set) {
    const struct idx_file *images = &set->files[TRAIN_IMAGES];
    bool transposed = set->layout->transposed;
    return (struct data_spec){.height = transposed ? images->width : images->height,
                              .width = transposed ? images->height : images->width,
                              .channels = images->channels,
                              .classes = set->highest - set->lowest + 1};
}

static enum vggcl_err count(const struct data_source *source, struct data_size *size) {
    struct idx *set;
    TRY(open_set(source->name, &set));
    *size = (struct data_size){
        .spec = spec_of(set), .train = set->files[TRAIN_IMAGES].count, .test = set->files[TEST_IMAGES].count};
    close_set(set);
    return VGGCL_OK;
}

/* Swaps rows and columns of an image of height x width pixels. */
static void transpose(uint8_t *image, size_t height, size_t width) {
    uint8_t stored[DATA_MOST_SIDE * DATA_MOST_SIDE];
    memcpy(stored, image, height * width);
    for (size_t y = 0; y < height; y++)
        for (size_t x = 0; x < width; x++)
            image[x * height + y] = stored[y * width + x];
}

/* Maps the images of a plain file instead of reading them. If the file is truncated later, reading them raises SIGBUS.
 */
static enum vggcl_err map_images(const struct idx_file *file, struct mapping *mapped, struct dataset *to) {
    size_t header = header_bytes(file);
    if (!mapping_open(mapped, fileno(file->reader.plain), header + (size_t)content_bytes(file), false))
        return err_set(VGGCL_EIO, "%s: cannot be mapped: %s", file->reader.path, strerror(errno));
    mapping_seal(mapped);
    TRY(dataset_refer(to, mapped->bytes + header, file->count));
    for (size_t i = 0; i < to->count; i++)
        to->records[i] = (uint32_t)i;
    return VGGCL_OK;
}

static enum vggcl_err read_images(struct idx_file *file, bool transposed, const struct data_spec *spec,
                                  struct dataset *to) {
    TRY(dataset_allocate(to, spec, file->count));
    TRY(read_contents(file, to->pixels));
    for (size_t i = 0; transposed && i < to->count * file->channels; i++)
        transpose(to->pixels + i * file->height * file->width, file->height, file->width);
    return VGGCL_OK;
}

/* Takes the images of a part, and their labels. */
static enum vggcl_err take_part(struct idx *set, enum part part, const struct data_spec *spec, struct mapping *mapped,
                                struct dataset *to) {
    struct idx_file *file = &set->files[part];
    bool transposed = set->layout->transposed;
    TRY(file->reader.plain && !transposed ? map_images(file, mapped, to) : read_images(file, transposed, spec, to));
    for (size_t i = 0; i < to->count; i++)
        to->labels[i] = (uint16_t)(set->labels[part + 1][i] - set->lowest);
    return VGGCL_OK;
}

static enum vggcl_err read(const struct data_source *source, struct data *data) {
    enum vggcl_err err;
    struct idx *set;
    TRY(open_set(source->name, &set));
    data->spec = spec_of(set);
    TRY_GOTO(copy_names(set, &data->spec), done);
    TRY_GOTO(take_part(set, TRAIN_IMAGES, &data->spec, &data->mapped[0], &data->train), done);
    TRY_GOTO(take_part(set, TEST_IMAGES, &data->spec, &data->mapped[1], &data->test), done);
done:
    close_set(set);
    return err;
}

const struct data_format format_idx = {.name = "idx",
                                       .title = "IDX",
                                       .files = "IDX files (as MNIST's)",
                                       .varies = true,
                                       .recognise = recognise,
                                       .count = count,
                                       .read = read};
