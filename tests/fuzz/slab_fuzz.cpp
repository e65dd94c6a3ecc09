#include "tests/support/slab_exerciser.h"

#include <cstdio>
#include <cstdlib>
#include <string>

/// Entry point of libFuzzer and AFL: the first byte chooses the allocator, the rest are operations.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    using pagewalk::os::SlabExerciser;
    SlabExerciser exerciser(static_cast<SlabExerciser::Kind>(data[0] % 4));
    const std::string problem = exerciser.run({data + 1, size - 1});
    if (!problem.empty()) {
        std::fprintf(stderr, "slab_fuzz: %s\n", problem.c_str());
        std::abort();
    }
    return 0;
}
