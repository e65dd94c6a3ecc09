#include "base/rng.h"

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

/// Runs a fuzz target without a fuzzing engine: FILE... are its inputs, -runs=N generates N random ones.
int main(int argc, char** argv) {
    for (int i = 1; i < argc; ++i) {
        const std::string argument = argv[i];
        if (argument.starts_with("-runs=")) {
            pagewalk::Rng rng(1, "fuzz");
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
