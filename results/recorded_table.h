#pragma once

#include "base/event_table.h"
#include "results/chunk_spool.h"
#include "results/run_state.h"

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace pagewalk::results {

/// Rows of one layout: whole chunks in the spool, the rest in memory. Stays where it is made: the spool keeps
/// references to it.
class RecordedRows {
public:
    explicit RecordedRows(RowLayout layout);
    RecordedRows(const RecordedRows&) = delete;
    RecordedRows& operator=(const RecordedRows&) = delete;

    /// Throws std::system_error if an earlier chunk could not be written.
    void append(std::span<const std::byte> rows, ChunkSpool& spool);

    [[nodiscard]] const RowLayout& layout() const { return m_layout; }
    [[nodiscard]] std::uint64_t size() const { return m_size; }
    /// Contract: the spool is drained.
    [[nodiscard]] std::span<const SpooledChunk> whole_chunks() const { return m_chunks; }
    /// The rows after the last whole chunk.
    [[nodiscard]] std::span<const std::byte> tail() const { return m_tail; }

private:
    RowLayout m_layout;
    std::vector<SpooledChunk> m_chunks;
    std::vector<std::byte> m_tail;
    std::uint64_t m_size = 0;
};

/// /events/<name>
struct RecordedEvents {
    explicit RecordedEvents(EventSchema schema, EventSampling sampling);
    EventSchema schema;
    EventSampling sampling;
    RecordedRows rows;
};

/// /intervals/<name>: a dataset a column.
struct RecordedIntervals {
    explicit RecordedIntervals(IntervalSchema schema);
    IntervalSchema schema;
    std::vector<std::unique_ptr<RecordedRows>> columns;
};

} // namespace pagewalk::results
