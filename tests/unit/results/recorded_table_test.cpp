#include "results/recorded_table.h"
#include "tests/unit/results/sample_run.h"

#include <gtest/gtest.h>

namespace pagewalk::results {
namespace {

TEST(RecordedRows, KeepOnlyWhatFillsNoChunkInMemory) {
    ChunkSpool spool(std::filesystem::temp_directory_path() / "rows");
    RecordedRows rows({4, {{0, 4}}});
    const std::vector<std::byte> block(1000 * 4);
    for (int i = 0; i < 20; ++i) rows.append(block, spool);
    spool.drain();
    EXPECT_EQ(rows.size(), 20000);
    EXPECT_EQ(rows.whole_chunks().size(), 2);
    EXPECT_EQ(rows.tail().size(), (20000 - 2 * chunk_rows) * 4);
}

TEST(RecordedRows, TakeBlocksLargerThanAChunk) {
    ChunkSpool spool(std::filesystem::temp_directory_path() / "rows");
    RecordedRows rows({1, {{0, 1}}});
    rows.append(std::vector<std::byte>(5 * chunk_rows), spool);
    spool.drain();
    EXPECT_EQ(rows.whole_chunks().size(), 5);
    EXPECT_TRUE(rows.tail().empty());
}

TEST(RecordedEvents, DropThePaddingBetweenColumns) {
    const RecordedEvents events(sample_fault_schema(), {1});
    EXPECT_EQ(events.rows.layout().row_bytes, sizeof(SampleFault));
    EXPECT_EQ(events.rows.layout().packed_bytes(), 23);
}

} // namespace
} // namespace pagewalk::results
