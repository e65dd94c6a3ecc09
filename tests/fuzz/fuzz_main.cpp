#include "base/rng.h"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes read(const std::filesystem::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

/// A change that keeps most of the input: a bit, a byte, a piece left out, doubled or taken from another.
void mutate(Bytes& bytes, const Bytes& other, pagewalk::Rng& rng) {
    const auto place = [&](const Bytes& in) { return rng.below(in.size() + 1); };
    const auto piece = [&](const Bytes& in, std::uint64_t from) {
        return std::min<std::uint64_t>(1 + rng.below(rng.below(8) == 0 ? 4096 : 32), in.size() - from);
    };
    const auto at = [&bytes](std::uint64_t offset) { return bytes.begin() + static_cast<long>(offset); };
    const std::uint64_t where = place(bytes);
    switch (rng.below(6)) {
    case 0:
        if (where < bytes.size()) bytes[where] ^= static_cast<std::uint8_t>(1U << rng.below(8));
        break;
    case 1:
        if (where < bytes.size()) bytes[where] = static_cast<std::uint8_t>(rng.next());
        break;
    case 2:
        bytes.erase(at(where), at(where + piece(bytes, where)));
        break;
    case 3: {
        const Bytes copy(at(where), at(where + piece(bytes, where)));
        bytes.insert(at(place(bytes)), copy.begin(), copy.end());
        break;
    }
    case 4: {
        const std::uint64_t from = place(other);
        const auto begin = other.begin() + static_cast<long>(from);
        bytes.insert(at(where), begin, begin + static_cast<long>(piece(other, from)));
        break;
    }
    default: // what counts and sizes break at
        if (where < bytes.size()) bytes[where] = rng.below(2) == 0 ? 0xff : 0x80;
    }
}

} // namespace

/// Runs a fuzz target without a fuzzing engine. FILE and FOLDER... are its inputs; -runs=N makes N more: of
/// random bytes, or of those inputs changed a little. -seed=N (1). The input under way is kept in the file
/// that -keep=FILE names, for when it crashes.
int main(int argc, char** argv) {
    std::vector<Bytes> corpus;
    std::uint64_t runs = 0, seed = 1;
    std::string keep;
    for (int i = 1; i < argc; ++i) {
        const std::string argument = argv[i];
        if (argument.starts_with("-runs=")) {
            runs = std::strtoull(argument.c_str() + 6, nullptr, 10);
        } else if (argument.starts_with("-seed=")) {
            seed = std::strtoull(argument.c_str() + 6, nullptr, 10);
        } else if (argument.starts_with("-keep=")) {
            keep = argument.substr(6);
        } else if (std::filesystem::is_directory(argument)) {
            for (const auto& entry : std::filesystem::recursive_directory_iterator(argument))
                if (entry.is_regular_file()) corpus.push_back(read(entry.path()));
        } else {
            corpus.push_back(read(argument));
        }
    }
    for (const Bytes& input : corpus) LLVMFuzzerTestOneInput(input.data(), input.size());
    pagewalk::Rng rng(seed, "fuzz");
    for (; runs != 0; --runs) {
        Bytes bytes;
        if (corpus.empty()) {
            bytes.resize(1 + rng.below(4096));
            for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(rng.next());
        } else {
            bytes = corpus[rng.below(corpus.size())];
            for (std::uint64_t changes = 1 + rng.below(6); changes != 0; --changes)
                mutate(bytes, corpus[rng.below(corpus.size())], rng);
        }
        if (!keep.empty())
            std::ofstream(keep, std::ios::binary)
                .write(reinterpret_cast<const char*>(bytes.data()), static_cast<long>(bytes.size()));
        LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
    }
    std::printf("%zu inputs of the corpus\n", corpus.size());
    return 0;
}
