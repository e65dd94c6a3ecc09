#include "base/rng.h"
#include "tests/support/vmalloc_exerciser.h"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

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

#ifndef PAGEWALK_LIBFUZZER
/// Without a fuzzing engine: vmalloc_fuzz FILE... runs inputs, vmalloc_fuzz -runs=N generates them.
int main(int argc, char** argv) {
    for (int i = 1; i < argc; ++i) {
        const std::string argument = argv[i];
        if (argument.starts_with("-runs=")) {
            pagewalk::Rng rng(1, "vmalloc_fuzz");
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
