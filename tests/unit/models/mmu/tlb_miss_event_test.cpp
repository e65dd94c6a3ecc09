#include "models/mmu/tlb_miss_event.h"

#include <set>

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

std::size_t bytes_of(ColumnType type) { return std::size_t{1} << (static_cast<unsigned>(type) & 3); }

const EventColumn& column(const EventSchema& schema, const std::string& name) {
    for (const EventColumn& c : schema.columns)
        if (c.name == name) return c;
    throw std::out_of_range(name);
}

TEST(TlbMissEvent, ColumnsLieInTheRecordAndDoNotOverlap) {
    const EventSchema schema = TlbMissEvent::schema();
    EXPECT_EQ(schema.row_bytes, sizeof(TlbMissEvent));
    std::set<std::size_t> used;
    for (const EventColumn& c : schema.columns)
        for (std::size_t byte = c.offset; byte < c.offset + bytes_of(c.type); ++byte) {
            EXPECT_LT(byte, schema.row_bytes) << c.name;
            EXPECT_TRUE(used.insert(byte).second) << c.name << " overlaps at byte " << byte;
        }
}

TEST(TlbMissEvent, EveryColumnIsNamedOnceAndDescribed) {
    std::set<std::string> names;
    for (const EventColumn& c : TlbMissEvent::schema().columns) {
        EXPECT_TRUE(names.insert(c.name).second) << c.name;
        EXPECT_FALSE(c.unit.empty()) << c.name;
        EXPECT_FALSE(c.description.empty()) << c.name;
    }
}

TEST(TlbMissEvent, SchemaReadsARecordsFieldsBack) {
    TlbMissEvent event;
    event.latency = 0x12345678;
    event.hit = {0, 1, 2, 4, TlbMissEvent::not_made};
    event.kernel = 1;
    const auto* bytes = reinterpret_cast<const unsigned char*>(&event);
    const EventSchema schema = TlbMissEvent::schema();
    EXPECT_EQ(bytes[column(schema, "hit3").offset], 4);
    const EventColumn& last = column(schema, "hit4");
    EXPECT_EQ(last.value_names.at(bytes[last.offset]), "not_made");
    EXPECT_EQ(bytes[column(schema, "kernel").offset], 1);
    EXPECT_EQ(bytes[column(schema, "latency").offset], 0x78);
    EXPECT_EQ(column(schema, "hit0").value_names[4], "memory");
}

} // namespace
} // namespace pagewalk::models
