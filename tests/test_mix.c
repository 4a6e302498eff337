/* How a step's images are mixed: mixup, CutMix, or one of both. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "train/mix.h"

enum { STEPS = 2000, HEIGHT = 32, WIDTH = 20 };

static const struct image_set set = {.height = HEIGHT, .width = WIDTH};

static struct mix draw(double mixup, double cutmix, int64_t step) {
    struct vggcl_config config = {.mixup = mixup, .cutmix = cutmix, .seed = 3};
    return mix_draw(&config, &set, step, 48, 16);
}

static void off(void **state) {
    (void)state;
    struct mix m = draw(0, 0, 5);
    assert_true(m.share == 1 && m.bottom == m.top);
}

static void mixup(void **state) {
    (void)state;
    double sum = 0;
    for (int i = 0; i < STEPS; i++) {
        struct mix m = draw(1, 0, i), again = draw(1, 0, i);
        assert_true(m.top == 0 && m.left == 0 && m.bottom == HEIGHT && m.right == WIDTH);
        assert_true(m.inside == m.share && m.share >= 0 && m.share <= 1);
        assert_true(m.ends == 48 + 63); /* the first image of the batch has the last one as its partner */
        assert_true(again.share == m.share);
        sum += m.share;
    }
    assert_float_equal((float)(sum / STEPS), 0.5f, 0.03f); /* the standard deviation is .0065 */
    assert_true(draw(1, 0, 0).share != draw(1, 0, 1).share);
}

/* Boxes are inside the image; the label's share is what they leave. */
static void cutmix(void **state) {
    (void)state;
    double sum = 0;
    int large = 0;
    for (int i = 0; i < STEPS; i++) {
        struct mix m = draw(0, 1, i);
        assert_true(0 <= m.top && m.top <= m.bottom && m.bottom <= HEIGHT);
        assert_true(0 <= m.left && m.left <= m.right && m.right <= WIDTH);
        int area = (m.bottom - m.top) * (m.right - m.left);
        assert_true(m.inside == 0);
        assert_true(m.share == 1 - area / (double)(HEIGHT * WIDTH));
        sum += m.share;
        large += area > HEIGHT * WIDTH / 2;
    }
    assert_true(sum / STEPS > 0.6 && sum / STEPS < 0.8); /* more than 1/2: boxes are cut off at the image's edges */
    assert_in_range(large, STEPS / 20, STEPS / 3);
}

/* Which of the two is independent of the shares: those of the single options come again. */
static void one_of_both(void **state) {
    (void)state;
    int cut = 0;
    for (int i = 0; i < STEPS; i++) {
        struct mix m = draw(0.4, 2, i), alone = m.inside == 0 ? draw(0, 2, i) : draw(0.4, 0, i);
        cut += m.inside == 0;
        assert_true(m.top == alone.top && m.right == alone.right && m.share == alone.share);
    }
    assert_in_range(cut, STEPS / 2 - 120, STEPS / 2 + 120); /* the standard deviation is 22 */
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(off), cmocka_unit_test(mixup), cmocka_unit_test(cutmix),
                                       cmocka_unit_test(one_of_both)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
