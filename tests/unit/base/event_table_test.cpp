#include "base/event_table.h"

#include <gtest/gtest.h>

using namespace pagewalk;

namespace {

struct Record {
    std::uint64_t value = 0;
};

struct CountingSink : EventSink {
    void append(const EventSchema&, std::span<const std::byte> rows) override {
        events += rows.size() / sizeof(Record);
    }
    std::size_t events = 0;
};

std::size_t kept(std::uint64_t every, std::size_t events) {
    CountingSink sink;
    EventLog<Record> log(EventSchema{"records", "", sizeof(Record), {}});
    log.connect(&sink, {every});
    for (std::size_t i = 0; i < events; ++i)
        if (log.wanted()) log.append({i});
    log.flush();
    return sink.events;
}

} // namespace

TEST(EventLog, KeepsNoneAllOrEveryNth) {
    EXPECT_EQ(kept(0, 100'000), 0U);
    EXPECT_EQ(kept(1, 100'000), 100'000U);
    EXPECT_EQ(kept(7, 100'000), 14'285U);
}

TEST(EventLog, ColumnTypesFollowTheField) {
    enum class Kind : std::uint16_t {};
    EXPECT_EQ(column_type_of<std::uint8_t>(), ColumnType::U8);
    EXPECT_EQ(column_type_of<std::int64_t>(), ColumnType::I64);
    EXPECT_EQ(column_type_of<Kind>(), ColumnType::U16);
}
