/*
 * The entry point of every fuzz target: returns 0, and crashes or aborts when
 * an invariant is broken. See tests/fuzz/meson.build for how targets are run.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
