#pragma once

#include <cstdint>
#include <filesystem>

namespace pagewalk::results {

/// CRC-32 (zlib's) of a file's bytes, of its first 256 MiB where it is longer: enough to notice another
/// version of an input, not to prove that nobody forged it. Throws std::system_error where it cannot be read.
[[nodiscard]] std::uint32_t file_checksum(const std::filesystem::path& path);

} // namespace pagewalk::results
