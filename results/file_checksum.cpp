#include "results/file_checksum.h"

#include "results/crc32.h"

#include <cerrno>
#include <fstream>
#include <span>
#include <system_error>
#include <vector>

namespace pagewalk::results {

std::uint32_t file_checksum(const std::filesystem::path& path) {
    constexpr std::size_t part = 1 << 20, most_parts = 256;
    std::ifstream file(path, std::ios::binary);
    if (!file) throw std::system_error(errno, std::generic_category(), path.string());
    std::vector<char> buffer(part);
    std::uint32_t sum = 0;
    for (std::size_t parts = 0; parts < most_parts && file; ++parts) {
        file.read(buffer.data(), part);
        sum =
            crc32_after(sum, std::as_bytes(std::span(buffer)).first(static_cast<std::size_t>(file.gcount())));
    }
    if (file.bad()) throw std::system_error(errno, std::generic_category(), path.string());
    return sum;
}

} // namespace pagewalk::results
