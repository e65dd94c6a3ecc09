#include "results/chunk_spool.h"

#include <cstring>

#include <gtest/gtest.h>
#include <zlib.h>

namespace pagewalk::results {
namespace {

std::vector<std::byte> inflated(std::span<const std::byte> bytes, std::size_t size) {
    std::vector<std::byte> plain(size);
    uLongf length = size;
    const int done = ::uncompress(reinterpret_cast<Bytef*>(plain.data()), &length,
                                  reinterpret_cast<const Bytef*>(bytes.data()), bytes.size());
    EXPECT_EQ(done, Z_OK);
    EXPECT_EQ(length, size);
    return plain;
}

/// Rows of a random, a constant and a counting field with padding between them.
std::vector<std::byte> mixed_rows(std::size_t count) {
    std::vector<std::byte> rows(count * 16);
    std::uint64_t random = 1;
    for (std::size_t i = 0; i < count; ++i) {
        random = random * 6364136223846793005ULL + 1442695040888963407ULL;
        const auto high = static_cast<std::uint32_t>(random >> 32);
        const auto index = static_cast<std::uint32_t>(i);
        std::memcpy(&rows[i * 16], &high, 4);
        std::memcpy(&rows[i * 16 + 8], &index, 4);
    }
    return rows;
}

const RowLayout mixed_layout{16, {{0, 4}, {4, 2}, {8, 4}}};

TEST(ChunkCompressor, GivesShuffledPackedBytesThatInflate) {
    const std::vector<std::byte> rows = mixed_rows(chunk_rows);
    ChunkCompressor compressor;
    for (int again = 0; again < 2; ++again) {
        const std::vector<std::byte> planes =
            inflated(compressor.compress(mixed_layout, rows), 10 * chunk_rows);
        for (std::size_t i = 0; i < chunk_rows; ++i) {
            for (std::size_t k = 0; k < 4; ++k) {
                ASSERT_EQ(planes[k * chunk_rows + i], rows[i * 16 + k]);
                ASSERT_EQ(planes[(6 + k) * chunk_rows + i], rows[i * 16 + 8 + k]);
            }
            ASSERT_EQ(planes[4 * chunk_rows + i], std::byte{0});
        }
    }
}

TEST(ChunkCompressor, SameRowsGiveSameBytesWhateverCameBefore) {
    const std::vector<std::byte> rows = mixed_rows(chunk_rows);
    ChunkCompressor fresh;
    const auto expected = fresh.compress(mixed_layout, rows);
    ChunkCompressor used;
    (void)used.compress({16, {{0, 4}}}, rows); // ends on random bytes
    (void)used.compress(mixed_layout, std::span(rows).first(160));
    const auto bytes = used.compress(mixed_layout, rows);
    EXPECT_TRUE(std::ranges::equal(bytes, expected));
}

TEST(ChunkCompressor, PadsAShortChunkWithZeros) {
    const std::vector<std::byte> rows = mixed_rows(3);
    ChunkCompressor compressor;
    (void)compressor.compress(mixed_layout, mixed_rows(chunk_rows));
    const auto planes = inflated(compressor.compress(mixed_layout, rows), 10 * chunk_rows);
    EXPECT_EQ(planes[2], rows[2 * 16]);
    for (std::size_t i = 3; i < chunk_rows; ++i) ASSERT_EQ(planes[i], std::byte{0});
}

TEST(ChunkSpool, GivesChunksBackInTheOrderTheyCame) {
    ChunkSpool spool(std::filesystem::temp_directory_path() / "spool");
    const RowLayout layout{1, {{0, 1}}};
    std::vector<SpooledChunk> index;
    std::vector<std::byte> rows;
    for (int value = 0; value < 50; ++value) {
        rows.assign(chunk_rows, static_cast<std::byte>(value));
        spool.submit(layout, rows, index);
        ASSERT_TRUE(rows.empty());
    }
    spool.drain();
    ASSERT_EQ(index.size(), 50);
    for (std::size_t value = 0; value < 50; ++value) {
        std::vector<std::byte> bytes;
        spool.read(index[value], bytes);
        EXPECT_EQ(inflated(bytes, chunk_rows)[chunk_rows / 2], static_cast<std::byte>(value));
    }
}

} // namespace
} // namespace pagewalk::results
