#include "base/rng.h"
#include "tests/support/slab_exerciser.h"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

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

#ifndef PAGEWALK_LIBFUZZER
/// Without a fuzzing engine: slab_fuzz FILE... runs inputs, slab_fuzz -runs=N generates them.
int main(int argc, char** argv) {
    for (int i = 1; i < argc; ++i) {
        const std::string argument = argv[i];
        if (argument.starts_with("-runs=")) {
            pagewalk::Rng rng(1, "slab_fuzz");
            for (long run = std::strtol(argument.c_str() + 6, nullptr, 10); run > 0; --run) {
                std::vector<std::uint8_t> bytes(1 + rng.below(4096));
                for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(rng.next());
                LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
            }
            continue;
        }
        std::ifstream in(argument, std::ios::binary);
        const std::vector<char> bytes{std::istreambuf_iterator<char>(in), {}};
        LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    }
    return 0;
}
#endif
