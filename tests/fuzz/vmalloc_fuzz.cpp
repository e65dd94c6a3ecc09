#include "tests/support/vmalloc_exerciser.h"

#include <cstdio>
#include <cstdlib>
#include <string>

/// Entry point of libFuzzer and AFL: the first byte chooses when purges run, the rest are operations.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    using pagewalk::os::VmallocConfig;
    pagewalk::os::VmallocExerciser exerciser(static_cast<VmallocConfig::Drain>(data[0] & 1));
    const std::string problem = exerciser.run({data + 1, size - 1});
    if (!problem.empty()) {
        std::fprintf(stderr, "vmalloc_fuzz: %s\n", problem.c_str());
        std::abort();
    }
    return 0;
}
