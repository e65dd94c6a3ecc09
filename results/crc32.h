#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace pagewalk::results {

/// CRC-32 as zlib computes it, of bytes that follow those whose CRC-32 is `before` (0: none). Folded 64 bytes
/// at a time where the host multiplies without carries. Method: Gopal et al., "Fast CRC computation for
/// generic polynomials using PCLMULQDQ instruction", Intel 323102, 2009.
[[nodiscard]] std::uint32_t crc32_after(std::uint32_t before, std::span<const std::byte> bytes);

} // namespace pagewalk::results
