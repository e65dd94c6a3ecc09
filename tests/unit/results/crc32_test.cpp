#include "results/crc32.h"

#include <vector>

#include <gtest/gtest.h>
#include <zlib.h>

namespace pagewalk::results {
namespace {

std::vector<std::byte> some_bytes(std::size_t count) {
    std::vector<std::byte> bytes(count);
    std::uint32_t state = 1;
    for (std::byte& byte : bytes) {
        state = state * 1664525 + 1013904223;
        byte = static_cast<std::byte>(state >> 24);
    }
    return bytes;
}

TEST(Crc32, IsZlibsForEveryLengthAndAlignment) {
    const std::vector<std::byte> bytes = some_bytes(700);
    for (const std::size_t begin : {0U, 1U, 13U})
        for (std::size_t count = 0; count < 600; ++count) {
            const auto part = std::span(bytes).subspan(begin, count);
            const auto* const raw = reinterpret_cast<const Bytef*>(part.data());
            ASSERT_EQ(crc32_after(0, part), crc32_z(0, raw, count)) << begin << " " << count;
        }
}

TEST(Crc32, GoesOnAfterWhatCameBefore) {
    const std::vector<std::byte> bytes = some_bytes(1000);
    const std::span<const std::byte> all(bytes);
    for (const std::size_t first : {0U, 1U, 64U, 500U, 1000U})
        EXPECT_EQ(crc32_after(crc32_after(0, all.first(first)), all.subspan(first)), crc32_after(0, all));
}

TEST(Crc32, SeesOneBit) {
    std::vector<std::byte> bytes = some_bytes(4096);
    const std::uint32_t before = crc32_after(0, bytes);
    bytes[2000] ^= std::byte{1};
    EXPECT_NE(crc32_after(0, bytes), before);
}

} // namespace
} // namespace pagewalk::results
