/* Copies on the queue for uploads: kernels that wait for their fence see them, and may be waited for. */
#include "common.h"

#include "cl/upload.h"

#include <string.h>

enum { WORDS = 1 << 16, ROUNDS = 20 };

/* As batches are staged: an upload into one of two tensors while commands that use the other are enqueued. */
static void kernels_wait(void **state) {
    (void)state;
    struct pinned from[2];
    struct fence written[2] = {{0}}, used[2] = {{0}};
    struct tensor to[2] = {poisoned(WORDS), poisoned(WORDS)};
    static uint32_t got[ROUNDS][WORDS];
    for (int i = 0; i < 2; i++)
        CHECK(pinned_allocate(device, 4 * WORDS, &from[i]));
    assert_int_equal(((uint32_t *)from[0].host)[WORDS - 1], 0);
    for (int round = 0; round < ROUNDS; round++) {
        int i = round % 2;
        uint32_t *host = from[i].host;
        CHECK(fence_wait(&used[i]));
        CHECK(fence_wait(&written[i]));
        for (uint32_t k = 0; k < WORDS; k++)
            host[k] = k * 2654435761u + (uint32_t)round;
        CHECK(upload_enqueue(device, to[i], WORDS / 2, host, NULL));
        CHECK(upload_enqueue(device, to[i], WORDS, host, &written[i]));
        CHECK(upload_await(device, &written[i]));
        CHECK(dev_read_later(device, to[i], 0, WORDS, got[round], NULL));
        CHECK(upload_mark(device, &used[i]));
        if (round % 3 == 0) /* a later mark replaces an earlier one */
            CHECK(upload_mark(device, &used[i]));
    }
    for (int i = 0; i < 2; i++) {
        CHECK(fence_wait(&used[i]));
        CHECK(fence_wait(&written[i]));
        assert_null(used[i].event);
        pinned_free(device, &from[i]);
        assert_null(from[i].host);
    }
    CHECK(dev_finish(device));
    for (uint32_t round = 0; round < ROUNDS; round++)
        for (uint32_t k = 0; k < WORDS; k++)
            if (got[round][k] != k * 2654435761u + round)
                fail_msg("round %u, word %u", round, k);
}

int main(void) {
    const struct CMUnitTest tests[] = {DEVICE_TEST(kernels_wait)};
    return cmocka_run_group_tests(tests, open_device, close_device);
}
