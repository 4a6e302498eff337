/* mutate.h - mutations that keep a format's lengths and checksums right, so that libFuzzer gets behind them. A target
 * calls them from LLVMFuzzerCustomMutator(); they exist only in a build with libFuzzer. */
#ifndef VGGCL_TESTS_FUZZ_MUTATE_H
#define VGGCL_TESTS_FUZZ_MUTATE_H

#include <stddef.h>
#include <stdint.h>

/* Mutates an input of count bytes in place, up to most bytes, then calls fix, mostly; returns the new count. */
size_t mutate(uint8_t *bytes, size_t count, size_t most, unsigned seed,
              size_t (*fix)(uint8_t *bytes, size_t count, size_t most));

/* A safetensors file gets the length of its JSON header, and as many bytes of data as the header's last offset says. */
size_t mutate_safetensors(uint8_t *bytes, size_t count, size_t most);

/* A tar archive's headers get their checksums. */
size_t mutate_tar(uint8_t *bytes, size_t count, size_t most);

/* Defines the function that libFuzzer looks for. */
#define FUZZ_MUTATOR(fix)                                                                                              \
    size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t count, size_t most, unsigned seed);                          \
    size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t count, size_t most, unsigned seed) {                         \
        return mutate(bytes, count, most, seed, fix);                                                                  \
    }

#endif
