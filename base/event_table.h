#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>
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

/// An event table as results hold it: /events/<name>, one compound row an event.
struct EventSchema {
    std::string name;
    std::string description;
    std::size_t row_bytes = 0;
    std::vector<EventColumn> columns;
};

/// Which events of a table are kept.
struct EventSampling {
    std::uint64_t every = 0; ///< 0 none, 1 all, N every Nth
};

/// Takes the rows of one table, in order. Contract: `rows` is a whole number of records.
class EventSink {
public:
    virtual ~EventSink() = default;
    virtual void append(const EventSchema& schema, std::span<const std::byte> rows) = 0;
};

/// Collects the events of one table and hands them to a sink in blocks. Record is a trivially copyable
/// struct.
template <class Record>
class EventLog {
    static_assert(std::is_trivially_copyable_v<Record>);

public:
    explicit EventLog(EventSchema schema) : m_schema(std::move(schema)) {}
    EventLog(const EventLog&) = delete;
    EventLog& operator=(const EventLog&) = delete;

    void connect(EventSink* sink, EventSampling sampling) {
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
    void flush() {
        if (m_sink != nullptr && !m_rows.empty()) m_sink->append(m_schema, std::as_bytes(std::span(m_rows)));
        m_rows.clear();
    }
    [[nodiscard]] const EventSchema& schema() const { return m_schema; }
    [[nodiscard]] std::uint64_t every() const { return m_every; }

private:
    static constexpr std::size_t block_rows = 8192;
    EventSchema m_schema;
    EventSink* m_sink = nullptr;
    std::uint64_t m_every = 0;
    std::uint64_t m_left = 0;
    std::vector<Record> m_rows;
};

} // namespace pagewalk
