#include "base/event_table.h"

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace pagewalk;

namespace {

enum class Kind : std::uint8_t { Minor, Major };
[[nodiscard]] std::string_view name_of(Kind kind) { return kind == Kind::Minor ? "minor" : "major"; }

struct Record {
    std::uint64_t value = 0;
    std::array<std::uint16_t, 2> levels{};
    Kind kind = Kind::Minor;
    std::array<std::uint8_t, 3> padding{};

    static EventSchema schema() {
        return {"records",
                "rows of a test",
                sizeof(Record),
                {event_column("value", &Record::value, "count", "a number"),
                 event_column("kind", &Record::kind, "", "a kind")},
                "rows",
                {3}};
    }
};
struct Other {
    std::uint32_t value = 0;
    static EventSchema schema() {
        return {"others", "", sizeof(Other), {event_column("value", &Other::value, "", "", {"zero"})}};
    }
};

struct CountingSink : EventSink {
    void append(const EventSchema&, std::span<const std::byte> rows) override {
        events += rows.size() / sizeof(Record);
    }
    std::size_t events = 0;
};

std::size_t kept(std::uint64_t every, std::size_t events) {
    CountingSink sink;
    EventLog<Record> log;
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
    enum class Wide : std::uint16_t {};
    EXPECT_EQ(column_type_of<std::uint8_t>(), ColumnType::U8);
    EXPECT_EQ(column_type_of<std::int64_t>(), ColumnType::I64);
    EXPECT_EQ(column_type_of<Wide>(), ColumnType::U16);
}

TEST(EventColumn, KnowsItsPlaceInTheRecordAndTheNamesOfAnEnumeration) {
    const EventSchema schema = Record::schema();
    EXPECT_EQ(schema.columns[0].offset, offsetof(Record, value));
    EXPECT_EQ(schema.columns[1].offset, offsetof(Record, kind));
    EXPECT_THAT(schema.columns[1].value_names, testing::ElementsAre("minor", "major"));
    EXPECT_THAT(Other::schema().columns[0].value_names, testing::ElementsAre("zero"));
}

TEST(EventColumn, NumbersTheElementsOfAnArray) {
    const auto columns = event_columns("level", &Record::levels, "1", "a level");
    ASSERT_EQ(columns.size(), 2U);
    EXPECT_EQ(columns[1].name, "level1");
    EXPECT_EQ(columns[1].type, ColumnType::U16);
    EXPECT_EQ(columns[1].offset, offsetof(Record, levels) + sizeof(std::uint16_t));
}

TEST(EventLogs, DeclareTheTablesOfAComponent) {
    using Logs = EventLogs<Record, Other>;
    EXPECT_EQ(Logs::schemas().size(), 2U);
    EXPECT_EQ(Logs::schemas()[0].sampling.every, 3U);
    Logs one, another;
    EventRegistry registry;
    one.declare(registry);
    another.declare(registry);
    ASSERT_EQ(registry.schemas().size(), 2U); // they share their tables
    EXPECT_EQ(registry.schemas()[1].name, "others");
}

TEST(EventRegistry, ConnectsEachTableWithItsSampling) {
    EventLogs<Record, Other> logs;
    EventRegistry registry;
    logs.declare(registry);
    CountingSink sink;
    registry.connect(sink,
                     [](std::string_view table) { return EventSampling{table == "records" ? 1U : 0U}; });
    EXPECT_TRUE(logs.of<Record>().wanted());
    EXPECT_FALSE(logs.of<Other>().wanted());
    logs.of<Record>().append({});
    EXPECT_EQ(sink.events, 0U);
    registry.flush();
    EXPECT_EQ(sink.events, 1U);
}

TEST(EventTable, NamesValuesThatAreKnownLate) {
    EventLog<Other> log;
    log.name_values("value", {"nought", "one"});
    EXPECT_THAT(log.schema().columns[0].value_names, testing::ElementsAre("nought", "one"));
}
