/* tests/fuzz/fuzz.h — what every fuzz target defines, and libFuzzer or random_main.c calls. */
#ifndef PINION_TESTS_FUZZ_FUZZ_H
#define PINION_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
