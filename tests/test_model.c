/* The models' tables of layers for images of every size, and the recognition of each model by the names and shapes of
 * its tensors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "nets/model.h"
#include "train/checkpoint.h"

#include <stdio.h>
#include <string.h>

/* The weights of a table of layers, as a file would have them. */
struct tensors {
    char names[2 * MODEL_LAYERS][40];
    int ranks[2 * MODEL_LAYERS];
    size_t shapes[2 * MODEL_LAYERS][MODEL_RANK];
    size_t count;
};

static void add(struct tensors *t, const char *layer, int rank, size_t out, size_t in) {
    const size_t shape[MODEL_RANK] = {out, in, 3, 3};
    snprintf(t->names[t->count], sizeof t->names[0], "%s.weight", layer);
    memcpy(t->shapes[t->count], shape, sizeof shape);
    t->ranks[t->count++] = rank;
}

static int rank(const void *file, const char *name, size_t shape[MODEL_RANK]) {
    const struct tensors *t = file;
    for (size_t i = 0; i < t->count; i++) {
        if (strcmp(t->names[i], name) == 0) {
            memcpy(shape, t->shapes[i], sizeof t->shapes[i]);
            return t->ranks[i];
        }
    }
    return 0;
}

/* Returns the shape of what the network flattens. */
static struct shape make(struct tensors *t, const struct layer_spec *specs, size_t count,
                         const struct data_spec *data) {
    struct shape now = {data->height, data->width, data->channels}, last = now;
    t->count = 0;
    for (const struct layer_spec *s = specs; s < specs + count; s++) {
        if (s->type == &layer_flatten) {
            last = now;
            now = (struct shape){1, 1, shape_count(now)};
        }
        if (s->type == &layer_activation && s->bn)
            add(t, s->name, 1, now.c, 0);
        if (s->type == &layer_conv || s->type == &layer_linear) {
            add(t, s->name, s->type == &layer_conv ? 4 : 2, s->channels, now.c);
            now.c = s->channels;
        }
        if (s->pool)
            now = (struct shape){now.h / 2, now.w / 2, now.c};
    }
    return last;
}

static struct model_found found;
static bool found_in(const struct tensors *t) {
    return model_recognise(&(struct model_tensors){t, rank}, NULL, 0, &found);
}

static void recognises_each(void **state) {
    (void)state;
    static const double widths[] = {1, 0.25, 1.0 / 512, 1.5};
    static const struct data_spec sets[] = {{32, 32, 3, 10, NULL}, {64, 127, 1, 2, NULL}, {99, 13, 4, 65535, NULL}};
    struct layer_spec specs[MODEL_LAYERS];
    struct tensors t;
    size_t count;
    for (int m = 0; models[m]; m++)
        for (int i = 0; i < 4 * 3 * 2; i++) {
            const struct data_spec *data = &sets[i / 2 % 3];
            const struct model_options options = {widths[i / 6], i % 2, DROPOUT_CHANNEL, true, false, false};
            assert_string_equal(models[m]->name, model_names[m]);
            assert_int_equal(models[m]->build(models[m], &options, data, specs, &count), VGGCL_OK);
            struct shape last = make(&t, specs, count, data);
            assert_true(found_in(&t));
            assert_string_equal(found.model, models[m]->name);
            assert_true(found.width == options.width);
            assert_int_equal(found.bn, options.bn);
            assert_int_equal(found.data.classes, data->classes);
            assert_int_equal(found.data.channels, data->channels);
            assert_int_equal(found.pixels, last.h * last.w);
            assert_int_equal(found.pixels, models[m]->pixels(models[m], data->height, data->width));
        }
}

/* As published: 8, 10, 13 and 16 convolutions and two linear layers, the last with an output for each class. */
static void layers_of_each(void **state) {
    (void)state;
    static const int convolutions[] = {8, 10, 13, 16};
    const struct data_spec data = {32, 32, 3, 100, NULL};
    const struct model_options options = {1, true, DROPOUT_NONE, false, false, false};
    struct layer_spec specs[MODEL_LAYERS];
    for (int m = 0; m < 4; m++) {
        int convs = 0, poolings = 0, linear = 0;
        size_t count;
        assert_int_equal(models[m]->build(models[m], &options, &data, specs, &count), VGGCL_OK);
        for (size_t i = 0; i < count; i++) {
            convs += specs[i].type == &layer_conv;
            poolings += specs[i].pool;
            linear += specs[i].type == &layer_linear;
        }
        assert_int_equal(convs, convolutions[m]);
        assert_int_equal(poolings, 5);
        assert_int_equal(linear, 2);
        assert_int_equal(specs[count - 1].channels, 100);
    }
    assert_null(models[4]);
    assert_null(model_names[4]);
}

static void other_tensors(void **state) {
    (void)state;
    const struct data_spec data = {32, 32, 3, 10, NULL};
    const struct model_options options = {1, false, DROPOUT_NONE, false, false, false};
    struct layer_spec specs[MODEL_LAYERS];
    struct tensors t;
    size_t count;
    t.count = 0;
    assert_false(found_in(&t));
    assert_int_equal(model_vgg11.build(&model_vgg11, &options, &data, specs, &count), VGGCL_OK);
    make(&t, specs, count, &data);
    t.count--; /* without fc2, fc1 is the last layer */
    assert_true(found_in(&t));
    assert_string_equal(found.model, "vgg11,L0");
    assert_int_equal(found.data.classes, 512);
    t.count--; /* fc1 */
    assert_false(found_in(&t));
    t.count += 2;
    t.ranks[0] = 2; /* conv1_1 */
    assert_false(found_in(&t));
    t.ranks[0] = 4;
    assert_true(found_in(&t));
    add(&t, "conv3_5", 4, 256, 256); /* more than are missing for vgg19 */
    assert_true(found_in(&t));       /* a tensor that nothing needs */
    add(&t, "conv1_2", 4, 64, 64);   /* one that vgg11 has not */
    assert_true(found_in(&t));
    assert_string_equal(found.model, "64,64,M,128,M,256,256,M,512,512,M,512,512,M");
    add(&t, "conv1_3", 4, 9000, 64); /* too many channels for a list */
    assert_false(found_in(&t));
}

/* What is left of images of each size, and the number of poolings. */
static void poolings_of_each_size(void **state) {
    (void)state;
    static const struct {
        size_t height, width, last_height, last_width;
        int poolings;
    } sizes[] = {{8, 8, 1, 1, 3},     {9, 9, 1, 1, 3},   {15, 15, 1, 1, 3},   {16, 16, 1, 1, 4},
                 {28, 28, 1, 1, 4},   {31, 31, 1, 1, 4}, {32, 32, 1, 1, 5},   {33, 33, 1, 1, 5},
                 {63, 63, 1, 1, 5},   {64, 64, 2, 2, 5}, {224, 224, 7, 7, 5}, {255, 255, 7, 7, 5},
                 {256, 256, 8, 8, 5}, {32, 64, 1, 2, 5}, {8, 256, 1, 32, 3},  {255, 17, 15, 1, 4}};
    const struct model_options options = {1.0 / 512, true, DROPOUT_NONE, false, false, false};
    struct layer_spec specs[MODEL_LAYERS];
    struct tensors t;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int m = 0; models[m]; m++) {
            const struct data_spec data = {sizes[i].height, sizes[i].width, 1, 2, NULL};
            int poolings = 0;
            size_t count;
            assert_int_equal(models[m]->build(models[m], &options, &data, specs, &count), VGGCL_OK);
            struct shape last = make(&t, specs, count, &data);
            for (size_t k = 0; k < count; k++)
                poolings += specs[k].pool;
            assert_int_equal(last.h, sizes[i].last_height);
            assert_int_equal(last.w, sizes[i].last_width);
            assert_int_equal(poolings, sizes[i].poolings);
            assert_true(found_in(&t));
            assert_int_equal(found.pixels, last.h * last.w);
            assert_int_equal(found.data.height, 0);
            assert_int_equal(found.data.width, 0);
        }
}

static void sizes_that_are_refused(void **state) {
    (void)state;
    static const struct data_spec sets[] = {{7, 7, 1, 10, NULL},
                                            {32, 7, 3, 10, NULL},
                                            {257, 32, 3, 10, NULL},
                                            {257, 257, 3, 10, NULL},
                                            {0, 8, 3, 10, NULL}};
    const struct model_options options = {1, true, DROPOUT_NONE, false, false, false};
    struct layer_spec specs[MODEL_LAYERS];
    size_t count;
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        char size[64];
        snprintf(size, sizeof size, "8 to 256 pixels in height and width, not %zux%zu", sets[i].height, sets[i].width);
        assert_int_equal(model_vgg16.build(&model_vgg16, &options, &sets[i], specs, &count), VGGCL_EUSAGE);
        assert_ptr_equal(strstr(vggcl_error(), "vgg16: "), vggcl_error());
        assert_non_null(strstr(vggcl_error(), size));
    }
}

/* ------------------------------------------------------------------------------------------------------- lists -- */

static void read_list(const char *text, const struct data_spec *data, struct layer_spec specs[MODEL_LAYERS],
                      size_t *count, const struct model_options *options) {
    struct model m;
    if (model_find(text, &m) != VGGCL_OK || m.build(&m, options, data, specs, count) != VGGCL_OK)
        fail_msg("%s", vggcl_error());
    assert_string_equal(m.name, text);
}

/* A model's name and the list of its layers are the same network. */
static void lists_of_names(void **state) {
    (void)state;
    static const char *const lists[] = {"64,M,128,M,256,256,M,512,512,M,512,512,M",
                                        "64,64,M,128,128,M,256,256,M,512,512,M,512,512,M",
                                        "64,64,M,128,128,M,256,256,256,M,512,512,512,M,512,512,512,M",
                                        "64,64,M,128,128,M,256,256,256,256,M,512,512,512,512,M,512,512,512,512,M"};
    const struct data_spec data = {32, 32, 3, 10, NULL};
    const struct model_options options = {0.25, true, DROPOUT_CHANNEL, true, false, false};
    for (int m = 0; models[m]; m++) {
        struct layer_spec named[MODEL_LAYERS], listed[MODEL_LAYERS];
        size_t count, other;
        assert_int_equal(models[m]->build(models[m], &options, &data, named, &count), VGGCL_OK);
        read_list(lists[m], &data, listed, &other, &options);
        assert_int_equal(count, other);
        for (size_t i = 0; i < count; i++) {
            assert_string_equal(named[i].name, listed[i].name);
            assert_ptr_equal(named[i].type, listed[i].type);
            assert_int_equal(named[i].channels, listed[i].channels);
            assert_int_equal(named[i].pool, listed[i].pool);
            assert_int_equal(named[i].dropout, listed[i].dropout);
            assert_true(named[i].p == listed[i].p);
        }
    }
}

/* Dropout of a list's layers, and poolings; the last convolution needs none. */
static void layers_of_a_list(void **state) {
    (void)state;
    const struct data_spec data = {16, 8, 1, 3, NULL};
    const struct model_options options = {0.5, false, DROPOUT_CHANNEL, true, false, false};
    static const struct {
        const char *name;
        size_t channels;
        bool pool;
        float p;
    } expected[] = {{"conv1_1", 5, false, 0}, {"relu1_1", 0, false, 0.3f}, {"conv1_2", 6, false, 0},
                    {"relu1_2", 0, true, 0},  {"conv2_1", 1, false, 0},    {"relu2_1", 0, false, 0.4f},
                    {"conv2_2", 8, false, 0}, {"relu2_2", 0, false, 0.5f}, {"flatten", 0, false, 0}};
    struct layer_spec specs[MODEL_LAYERS];
    size_t count;
    read_list("10,12,M,1,16", &data, specs, &count, &options);
    assert_int_equal(count, 12);
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        assert_string_equal(specs[i].name, expected[i].name);
        assert_int_equal(specs[i].channels, expected[i].channels);
        assert_int_equal(specs[i].pool, expected[i].pool);
        assert_true(specs[i].p == expected[i].p);
    }
}

/* By tensors alone as with the metadata's text, which also tells whether a pooling comes last. */
static void recognises_lists(void **state) {
    (void)state;
    static const struct {
        const char *text, *alone;
        double width;
    } cases[] = {{"24,24,M,40", "24,24,M,40,M", 1},
                 {"64,M,128,128,M", "64,M,128,128,M", 0.25},
                 {"8192", "8192,M", 1.0 / 512},
                 {"1,1,1,1,1,1,1,M,7,M", NULL, 2},
                 {"64,M,32,M,128,128,M,256,256,M,256,256,M", "64,M,32,M,128,128,M,256,256,M,256,256,M", 1}};
    const struct data_spec data = {32, 64, 3, 10, NULL};
    struct layer_spec specs[MODEL_LAYERS];
    struct tensors t;
    size_t count;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct model_options options = {cases[i].width, true, DROPOUT_CHANNEL, true, false, false};
        read_list(cases[i].text, &data, specs, &count, &options);
        struct shape last = make(&t, specs, count, &data);
        const struct model_tensors tensors = {&t, rank};
        assert_true(model_recognise(&tensors, cases[i].text, cases[i].width, &found));
        assert_string_equal(found.model, cases[i].text);
        assert_true(found.width == cases[i].width);
        assert_int_equal(found.pixels, last.h * last.w);
        assert_true(model_recognise(&tensors, "vgg16", 1, &found)); /* the tensors are right */
        assert_true(model_recognise(&tensors, "none", 0, &found));
        assert_string_equal(found.model, cases[i].alone ? cases[i].alone : cases[i].text);
        assert_true(found.width == cases[i].width);
    }
}

/* Other numbers of linear layers than two, or other outputs: by the metadata's text, and by tensors alone at width 1.
 */
static void recognises_linear_layers(void **state) {
    (void)state;
    static const struct {
        const char *text, *alone, *last;
        double width;
    } cases[] = {{"vgg16,L0", "vgg16,L0", "fc1", 1},
                 {"vgg11,L4096,L4096", "vgg11,L4096,L4096", "fc3", 1},
                 {"vgg19,L1,L2,L3", "vgg19,L1,L2,L3", "fc4", 1},
                 {"vgg13,L512,L512", "32,32,M,64,64,M,128,128,M,256,256,M,256,256,M,L256,L256", "fc3", 0.5},
                 {"64,M,128,128,M,L0", "64,M,128,128,M,L0", "fc1", 1},
                 {"7,M,9,L8192", "7,M,9,M,L8192", "fc2", 1}};
    const struct data_spec data = {32, 64, 3, 10, NULL};
    struct layer_spec specs[MODEL_LAYERS];
    struct tensors t;
    size_t count;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct model_options options = {cases[i].width, true, DROPOUT_CHANNEL, true, false, false};
        read_list(cases[i].text, &data, specs, &count, &options);
        assert_string_equal(specs[count - 1].name, cases[i].last);
        assert_int_equal(specs[count - 1].channels, 10);
        struct shape last = make(&t, specs, count, &data);
        const struct model_tensors tensors = {&t, rank};
        assert_true(model_recognise(&tensors, cases[i].text, cases[i].width, &found));
        assert_string_equal(found.model, cases[i].text);
        assert_true(found.width == cases[i].width);
        assert_int_equal(found.pixels, last.h * last.w);
        assert_true(model_recognise(&tensors, NULL, 0, &found));
        assert_string_equal(found.model, cases[i].alone);
        assert_true(found.width == 1 && found.data.classes == 10);
    }
}

/* As checkpoints of a width that the number of hidden channels does not tell exactly. */
static void recognises_odd_widths(void **state) {
    (void)state;
    const struct data_spec data = {32, 32, 3, 10, NULL};
    struct layer_spec specs[MODEL_LAYERS];
    struct tensors t;
    size_t count;
    for (double width = 1.0 / 512; width < 1.1; width += 0.00073) {
        const struct model_options options = {width, true, DROPOUT_CHANNEL, true, false, false};
        assert_int_equal(model_vgg16.build(&model_vgg16, &options, &data, specs, &count), VGGCL_OK);
        make(&t, specs, count, &data);
        const struct model_tensors tensors = {&t, rank};
        assert_true(model_recognise(&tensors, "vgg16", width, &found));
        assert_string_equal(found.model, "vgg16");
        assert_true(found.width == width);
        assert_true(width > 1 || found_in(&t)); /* as a list where no width gives the named model's channels */
    }
}

static void lists_that_are_refused(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"64,x,M", "model 64,x,M: element 2, 'x', is neither a number of channels from 1 to 8192 nor M"},
        {"64,M,", "element 3, '', is neither"},
        {"64,,M", "element 2, '', is neither"},
        {"64, M", "element 2, ' M', is neither"},
        {"64,m", "element 2, 'm', is neither"},
        {"0,M", "element 1, '0', is neither"},
        {"-3,M", "element 1, '-3', is neither"},
        {"64,8193", "element 2, '8193', is neither"},
        {"64,99999999999999999999999", "element 2, '99999999999999999999999', is neither"},
        {"64.5,M", "element 1, '64.5', is neither"},
        {"M,64", "element 1, 'M', is a pooling that does not follow a convolution"},
        {"64,M,M", "element 3, 'M', is a pooling that does not follow a convolution"},
        {"", "model: takes one of vgg11, vgg13, vgg16, vgg19, or a list of numbers of channels and M, such as "},
        {"M", "model: takes one of vgg11"},
        {"vgg16,64", "model vgg16,64: behind a model's name only linear layers can stand"},
        {"vgg16,L4096,M", "element 3, 'M', follows a linear layer"},
        {"L4096", "model: takes one of vgg11"},
        {"64,L", "element 2, 'L', is not a linear layer"},
        {"64,L8193", "element 2, 'L8193', is not a linear layer"},
        {"64,L10,L0", "element 3, 'L0', is not a linear layer"},
        {"64,L0,L10", "element 3, 'L10', is not a linear layer"},
        {"64,L1,L2,L3,L4", "element 5, 'L4', is one linear layer more than the 3"},
        {"64,L1,M", "element 3, 'M', follows a linear layer"},
        {"VGG16", "not 'VGG16'"}};
    struct model m;
    char many[4 * 65 + 1];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(model_find(cases[i][0], &m), VGGCL_EUSAGE);
        if (!strstr(vggcl_error(), cases[i][1]))
            fail_msg("%s: %s", cases[i][0], vggcl_error());
    }
    for (int i = 0; i < 65; i++)
        strcpy(many + 2 * i, "1,");
    many[2 * 65 - 1] = '\0';
    assert_int_equal(model_find(many, &m), VGGCL_EUSAGE);
    assert_non_null(strstr(vggcl_error(), "element 65, '1', is one convolution more than the 64"));
    many[2 * 64 - 1] = '\0';
    assert_int_equal(model_find(many, &m), VGGCL_OK);

    const struct data_spec data = {16, 32, 3, 10, NULL};
    const struct model_options options = {1, true, DROPOUT_NONE, false, false, false};
    struct layer_spec specs[MODEL_LAYERS];
    size_t count;
    assert_int_equal(m.build(&m, &options, &data, specs, &count), VGGCL_OK);
    assert_int_equal(count, MODEL_LAYERS - 4);
    assert_int_equal(model_find("8,M,8,M,8,M,8,M,8,M", &m), VGGCL_OK);
    assert_int_equal(m.build(&m, &options, &data, specs, &count), VGGCL_EUSAGE);
    assert_non_null(strstr(vggcl_error(), "element 10, 'M', does not fit: images of 16x32 pixels have become "
                                          "1x2 there; remove it"));
}

/* t as a file that was read. */
static struct safetensors file_of(struct tensors *t, struct record records[2 * MODEL_LAYERS]) {
    for (size_t i = 0; i < t->count; i++) {
        records[i] = (struct record){.name = t->names[i], .rank = t->ranks[i]};
        memcpy(records[i].shape, t->shapes[i], sizeof t->shapes[i]);
    }
    return (struct safetensors){.records = records, .count = t->count};
}

/* A file's network takes images of other sizes if as many pixels are left of them. */
static void data_of_other_sizes(void **state) {
    (void)state;
    static const struct {
        size_t height, width;   /* of the images that the network was made for, */
        size_t others[2];       /* and of others */
        const char *refused[3]; /* what the error says; none if they are accepted */
    } cases[] = {
        {32, 32, {32, 32}, {NULL}},
        {28, 28, {63, 40}, {NULL}},
        {64, 95, {95, 70}, {NULL}},
        {64, 64, {32, 128}, {NULL}},
        {64, 64, {32, 48}, {"reduces to 4 pixels (64x64 to 95x95 if square), ", "have 32x48 pixels, ", " to 1: "}},
        {28, 28, {64, 64}, {"reduces to 1 pixel (8x8 to 63x63 if square), ", "have 64x64 pixels, ", " to 4: "}},
        {256, 256, {224, 224}, {"to 64 pixels (256x256 if square), ", "have 224x224 pixels, ", " to 49: "}},
        {32, 96, {96, 96}, {"reduces to 3 pixels, but", "have 96x96 pixels, ", " to 9: "}},
    };
    const struct model_options options = {0.25, true, DROPOUT_NONE, false, false, false};
    struct layer_spec specs[MODEL_LAYERS];
    struct record records[2 * MODEL_LAYERS];
    struct tensors t;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct data_spec made_for = {cases[i].height, cases[i].width, 3, 10, NULL};
        const struct data data = {.spec = {cases[i].others[0], cases[i].others[1], 3, 10, NULL},
                                  .description = "photographs"};
        bool taken = !cases[i].refused[0];
        size_t count;
        assert_int_equal(model_vgg13.build(&model_vgg13, &options, &made_for, specs, &count), VGGCL_OK);
        make(&t, specs, count, &made_for);
        struct safetensors file = file_of(&t, records);
        assert_int_equal(checkpoint_takes_data(&file, "some.safetensors", &data, false),
                         taken ? VGGCL_OK : VGGCL_EUSAGE);
        for (int k = 0; !taken && k < 3; k++)
            if (!strstr(vggcl_error(), cases[i].refused[k]))
                fail_msg("\"%s\" is not in: %s", cases[i].refused[k], vggcl_error());
        if (!taken)
            assert_non_null(strstr(vggcl_error(), "photographs"));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recognises_each),        cmocka_unit_test(layers_of_each),
        cmocka_unit_test(poolings_of_each_size),  cmocka_unit_test(other_tensors),
        cmocka_unit_test(sizes_that_are_refused), cmocka_unit_test(data_of_other_sizes),
        cmocka_unit_test(lists_of_names),         cmocka_unit_test(layers_of_a_list),
        cmocka_unit_test(recognises_lists),       cmocka_unit_test(recognises_odd_widths),
        cmocka_unit_test(lists_that_are_refused), cmocka_unit_test(recognises_linear_layers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
