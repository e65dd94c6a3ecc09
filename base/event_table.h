#pragma once

#include "base/enum_table.h"
#include "base/error.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace pagewalk {

enum class ColumnType : std::uint8_t { U8, U16, U32, U64, I8, I16, I32, I64 };

template <class T>
constexpr ColumnType column_type_of() {
    using Raw =
        typename std::conditional_t<std::is_enum_v<T>, std::underlying_type<T>, std::type_identity<T>>::type;
    static_assert(std::is_integral_v<Raw>);
    constexpr unsigned log2 = sizeof(Raw) == 1 ? 0 : sizeof(Raw) == 2 ? 1 : sizeof(Raw) == 4 ? 2 : 3;
    return static_cast<ColumnType>(log2 + (std::is_signed_v<Raw> ? 4 : 0));
}

/// One field of an event record.
struct EventColumn {
    std::string name;
    ColumnType type = ColumnType::U64;
    std::size_t offset = 0; ///< bytes in the record
    std::string unit;
    std::string description;
    std::vector<std::string> value_names; ///< for enumerations: the name of 0, 1, ...
};

/// The column that holds `field` of a record. The values of an enumeration are named by its name_of(); those
/// of a number that stands for something by `value_names`.
template <class Record, class Field>
EventColumn event_column(std::string name, Field Record::*field, std::string unit, std::string description,
                         std::vector<std::string> value_names = {}) {
    const Record record{};
    const auto offset =
        reinterpret_cast<const std::byte*>(&(record.*field)) - reinterpret_cast<const std::byte*>(&record);
    if constexpr (std::is_enum_v<Field>) value_names = enumerator_names<Field>();
    return {std::move(name), column_type_of<Field>(), static_cast<std::size_t>(offset),
            std::move(unit), std::move(description),  std::move(value_names)};
}

/// The columns that hold an array of a record: `name`0, `name`1, ...
template <class Record, class Field, std::size_t N>
std::vector<EventColumn> event_columns(const std::string& name, std::array<Field, N> Record::*field,
                                       const std::string& unit, const std::string& description,
                                       const std::vector<std::string>& value_names = {}) {
    const Record record{};
    const auto offset =
        reinterpret_cast<const std::byte*>(&(record.*field)) - reinterpret_cast<const std::byte*>(&record);
    std::vector<EventColumn> columns;
    for (std::size_t i = 0; i < N; ++i)
        columns.push_back({name + std::to_string(i), column_type_of<Field>(),
                           static_cast<std::size_t>(offset) + i * sizeof(Field), unit, description,
                           value_names});
    return columns;
}

/// Which events of a table are kept.
struct EventSampling {
    std::uint64_t every = 0; ///< 0 none, 1 all, N every Nth
};

/// An event table as results hold it: /events/<name>, one compound row an event. A record type declares its
/// table once:
///     static EventSchema schema();
/// The option events.<name>, the table in the results and its documentation follow.
struct EventSchema {
    std::string name;
    std::string description;
    std::size_t row_bytes = 0;
    std::vector<EventColumn> columns;
    std::string kept{};        ///< what one in N is kept of, in the plural: "page faults"
    EventSampling sampling{1}; ///< unless the user says otherwise
};

/// Takes the rows of one table, in order. Contract: `rows` is a whole number of records.
class EventSink {
public:
    virtual ~EventSink() = default;
    virtual void append(const EventSchema& schema, std::span<const std::byte> rows) = 0;
};

/// A component's rows of one table, on their way to a sink: what does not depend on the record.
class EventTable {
public:
    explicit EventTable(EventSchema schema) : m_schema(std::move(schema)) {}
    EventTable(const EventTable&) = delete;
    EventTable& operator=(const EventTable&) = delete;
    virtual ~EventTable() = default;

    virtual void connect(EventSink* sink, EventSampling sampling) = 0;
    virtual void flush() = 0;
    /// Names the values of a column that are only known when the component is built.
    void name_values(std::string_view column, std::vector<std::string> names) {
        const auto found = std::ranges::find(m_schema.columns, column, &EventColumn::name);
        PAGEWALK_INVARIANT(found != m_schema.columns.end());
        found->value_names = std::move(names);
    }
    [[nodiscard]] const EventSchema& schema() const { return m_schema; }
    [[nodiscard]] std::uint64_t every() const { return m_every; }

protected:
    EventSchema m_schema;
    EventSink* m_sink = nullptr;
    std::uint64_t m_every = 0;
    std::uint64_t m_left = 0;
};

/// Collects the events of one table and hands them to a sink in blocks. Record is a trivially copyable
/// struct.
template <class Record>
class EventLog final : public EventTable {
    static_assert(std::is_trivially_copyable_v<Record>);

public:
    EventLog() : EventTable(Record::schema()) {}

    void connect(EventSink* sink, EventSampling sampling) override {
        m_sink = sink;
        m_every = sink == nullptr ? 0 : sampling.every;
        m_left = m_every;
        m_rows.reserve(m_every == 0 ? 0 : block_rows);
    }
    /// Is the next event to be kept? Counts it. Lets callers skip building records that nobody wants.
    [[nodiscard]] bool wanted() {
        if (m_every == 0 || --m_left != 0) return false;
        m_left = m_every;
        return true;
    }
    void append(const Record& record) {
        m_rows.push_back(record);
        if (m_rows.size() == block_rows) flush();
    }
    void flush() override {
        if (m_sink != nullptr && !m_rows.empty()) m_sink->append(m_schema, std::as_bytes(std::span(m_rows)));
        m_rows.clear();
    }

private:
    static constexpr std::size_t block_rows = 8192;
    std::vector<Record> m_rows;
};

/// The tables of a machine. Components may share one (each CPU writes its page walks), and must outlive it.
class EventRegistry {
public:
    void add(EventTable& table) { m_tables.push_back(&table); }
    /// Each table once.
    [[nodiscard]] std::vector<EventSchema> schemas() const {
        std::vector<EventSchema> schemas;
        for (const EventTable* table : m_tables)
            if (std::ranges::find(schemas, table->schema().name, &EventSchema::name) == schemas.end())
                schemas.push_back(table->schema());
        return schemas;
    }
    /// `sampling` tells from a table's name which of its events go to `sink`.
    template <class Sampling>
    void connect(EventSink& sink, const Sampling& sampling) {
        for (EventTable* table : m_tables) table->connect(&sink, sampling(table->schema().name));
    }
    void flush() {
        for (EventTable* table : m_tables) table->flush();
    }

private:
    std::vector<EventTable*> m_tables;
};

/// The tables of one component: a log for each type of record.
template <class... Records>
class EventLogs {
public:
    [[nodiscard]] static std::vector<EventSchema> schemas() { return {Records::schema()...}; }
    template <class Record>
    [[nodiscard]] EventLog<Record>& of() {
        return std::get<EventLog<Record>>(m_logs);
    }
    template <class Record>
    [[nodiscard]] const EventLog<Record>& of() const {
        return std::get<EventLog<Record>>(m_logs);
    }
    void declare(EventRegistry& registry) { (registry.add(of<Records>()), ...); }

private:
    std::tuple<EventLog<Records>...> m_logs;
};

} // namespace pagewalk
