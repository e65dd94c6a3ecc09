#include "results/recorded_table.h"

#include "base/error.h"

#include <algorithm>

namespace pagewalk::results {

namespace {

RowLayout layout_of(const EventSchema& schema) {
    RowLayout layout{.row_bytes = schema.row_bytes};
    for (const EventColumn& column : schema.columns)
        layout.fields.push_back({column.offset, std::size_t{1} << (static_cast<unsigned>(column.type) & 3)});
    return layout;
}

} // namespace

RecordedRows::RecordedRows(RowLayout layout) : m_layout(std::move(layout)) {
    PAGEWALK_INVARIANT(m_layout.row_bytes != 0 && !m_layout.fields.empty());
    for (const FieldPlace& field : m_layout.fields)
        PAGEWALK_INVARIANT(field.offset + field.bytes <= m_layout.row_bytes);
}

void RecordedRows::append(std::span<const std::byte> rows, ChunkSpool& spool) {
    PAGEWALK_INVARIANT(rows.size() % m_layout.row_bytes == 0);
    m_size += rows.size() / m_layout.row_bytes;
    const std::size_t chunk_bytes = chunk_rows * m_layout.row_bytes;
    while (!rows.empty()) {
        if (m_tail.capacity() < chunk_bytes) m_tail.reserve(chunk_bytes);
        const auto taken = rows.first(std::min(rows.size(), chunk_bytes - m_tail.size()));
        m_tail.insert(m_tail.end(), taken.begin(), taken.end());
        rows = rows.subspan(taken.size());
        if (m_tail.size() == chunk_bytes) spool.submit(m_layout, m_tail, m_chunks);
    }
}

RecordedEvents::RecordedEvents(EventSchema schema_, EventSampling sampling_)
    : schema(std::move(schema_)), sampling(sampling_), rows(layout_of(schema)) {}

RecordedIntervals::RecordedIntervals(IntervalSchema schema_) : schema(std::move(schema_)) {
    constexpr std::size_t bytes = sizeof(std::uint64_t);
    for (std::size_t i = 0; i < schema.columns.size(); ++i)
        columns.push_back(std::make_unique<RecordedRows>(RowLayout{bytes, {{0, bytes}}}));
}

} // namespace pagewalk::results
