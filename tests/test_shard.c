/* Shards: each image is in one, and in file order the ranks' shares of a step are an ordinary batch. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "train/shard.h"

enum { MOST = 256 };

/* images, batch, ranks */
static const size_t cases[][3] = {{192, 32, 2}, {203, 32, 3}, {100, 7, 5}, {4, 32, 4}, {64, 64, 1}, {33, 4, 4}};
enum { CASES = sizeof cases / sizeof *cases };

static void each_image_in_one(void **state) {
    (void)state;
    for (size_t c = 0; c < CASES; c++) {
        struct shard s = {cases[c][0], cases[c][1], 0, (int)cases[c][2]};
        int seen[MOST] = {0};
        size_t least = MOST, most = 0;
        for (; s.rank < s.ranks; s.rank++) {
            size_t size = shard_size(&s);
            least = size < least ? size : least;
            most = size > most ? size : most;
            for (size_t i = 0; i < size; i++) {
                assert_in_range(shard_image(&s, i), 0, s.images - 1);
                seen[shard_image(&s, i)]++;
            }
        }
        for (size_t i = 0; i < s.images; i++)
            assert_int_equal(seen[i], 1);
        assert_true(least > 0 && most - least <= (s.images + s.batch - 1) / s.batch);
    }
}

static void file_order(void **state) {
    (void)state;
    for (size_t c = 0; c < CASES; c++) {
        struct shard s = {cases[c][0], cases[c][1], 0, (int)cases[c][2]};
        for (size_t start = 0, image = 0; start < s.images; start += s.batch) {
            size_t n = s.images - start < s.batch ? s.images - start : s.batch;
            for (s.rank = 0; s.rank < s.ranks; s.rank++) {
                assert_int_equal(start + shard_first(&s, n), image);
                for (size_t i = 0; i < shard_share(&s, n); i++, image++)
                    assert_int_equal(shard_image(&s, start / s.batch * shard_share(&s, s.batch) + i), image);
            }
        }
    }
}

/* Of images in their order, and of some that are elsewhere among the pixels. */
static void take(void **state) {
    (void)state;
    uint8_t pixels[MOST];
    uint16_t labels[MOST];
    uint32_t records[MOST];
    for (uint32_t i = 0; i < MOST; i++) {
        pixels[i] = (uint8_t)(i * 7);
        labels[i] = (uint16_t)(i * 3);
        records[i] = MOST - 1 - i;
    }
    const struct shard s = {203, 32, 1, 3};
    for (int mapped = 0; mapped < 2; mapped++) {
        const struct dataset set = {
            .count = s.images, .pixels = pixels, .labels = labels, .records = mapped ? records : NULL};
        struct dataset part;
        assert_int_equal(shard_take(&s, &set, &part), VGGCL_OK);
        assert_int_equal(part.count, shard_size(&s));
        for (size_t i = 0; i < part.count; i++) {
            size_t image = shard_image(&s, i);
            assert_int_equal(*dataset_pixels(&part, 1, i), *dataset_pixels(&set, 1, image));
            assert_int_equal(part.labels[i], labels[image]);
        }
        dataset_free(&part);
    }
}

/* One process has the whole set, with the run's own seed. */
static void alone(void **state) {
    (void)state;
    const struct vggcl_config config = {.shards = true, .batch = 32, .seed = 5};
    const struct shard s = shard_of(&config, 70, 0);
    assert_int_equal(shard_size(&s), 70);
    assert_int_equal(shard_image(&s, 69), 69);
    assert_int_equal(shard_seed(&config), 5);
    assert_int_equal(shard_check(&config, 1), VGGCL_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_image_in_one), cmocka_unit_test(file_order),
                                       cmocka_unit_test(take), cmocka_unit_test(alone)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
