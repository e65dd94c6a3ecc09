#include "results/file_checksum.h"

#include <cerrno>
#include <fstream>
#include <system_error>
#include <vector>

#include <zlib.h>

namespace pagewalk::results {

std::uint32_t file_checksum(const std::filesystem::path& path) {
    constexpr std::size_t part = 1 << 20, most_parts = 256;
    std::ifstream file(path, std::ios::binary);
    if (!file) throw std::system_error(errno, std::generic_category(), path.string());
    std::vector<char> buffer(part);
    uLong sum = crc32(0, nullptr, 0);
    for (std::size_t parts = 0; parts < most_parts && file; ++parts) {
        file.read(buffer.data(), part);
        sum = crc32(sum, reinterpret_cast<const Bytef*>(buffer.data()), static_cast<uInt>(file.gcount()));
    }
    if (file.bad()) throw std::system_error(errno, std::generic_category(), path.string());
    return static_cast<std::uint32_t>(sum);
}

} // namespace pagewalk::results
