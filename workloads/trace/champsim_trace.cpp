#include "workloads/trace/champsim_trace.h"

#include "base/error.h"
#include "workloads/trace/single_stream_workload.h"

#include <algorithm>
#include <cstring>
#include <optional>

namespace pagewalk::workloads {

namespace {

constexpr std::size_t buffered_records = 4096;
constexpr std::size_t blocks_per_batch = 256;
constexpr std::size_t references_per_batch = 4096;

std::string place_of(const std::string& name, std::uint64_t record) {
    return name + ": record " + std::to_string(record) + " (byte " +
           std::to_string(record * champsim_record_bytes) + " of the uncompressed trace): ";
}

std::uint64_t or_of_addresses(const ChampSimRecord& record) {
    std::uint64_t bits = record.ip;
    for (const std::uint64_t address : record.destination_memory) bits |= address;
    for (const std::uint64_t address : record.source_memory) bits |= address;
    return bits;
}

/// Null, or the address that is refused.
std::optional<std::uint64_t> place_record(TraceAddresses& addresses, ChampSimRecord& record) {
    std::optional<std::uint64_t> refused;
    const auto place = [&](std::uint64_t& address) {
        if (const auto placed = addresses.place(address))
            address = *placed;
        else if (!refused)
            refused = address;
    };
    place(record.ip);
    std::ranges::for_each(record.destination_memory, place);
    std::ranges::for_each(record.source_memory, place);
    return refused;
}

} // namespace

ChampSimStream::ChampSimStream(std::string name, std::unique_ptr<ByteSource> source,
                               const TraceConfig& config)
    : m_name(std::move(name)), m_source(std::move(source)), m_addresses(config), m_records(buffered_records),
      m_executions(blocks_per_batch),
      m_references(references_per_batch + ChampSimBlocks::max_references + 1) {}

void ChampSimStream::refill() {
    const std::size_t unread = m_filled - m_next;
    std::size_t bytes = unread * champsim_record_bytes + m_partial_bytes;
    std::memmove(m_records.data(), m_records.data() + m_next, bytes);
    m_next = 0;
    const std::span<std::byte> room = std::as_writable_bytes(std::span(m_records));
    try {
        while (bytes < room.size()) {
            const std::size_t got = m_source->read(room.subspan(bytes));
            if (got == 0) {
                m_source_ended = true;
                break;
            }
            bytes += got;
        }
    } catch (const RunError&) {
        m_source_ended = true;
        m_damage = std::current_exception();
    }
    m_filled = bytes / champsim_record_bytes;
    m_partial_bytes = bytes % champsim_record_bytes;
    if (m_source_ended && !m_damage && m_partial_bytes != 0) {
        m_damage =
            std::make_exception_ptr(RunError(m_name + ": ends after " + std::to_string(m_partial_bytes) +
                                             " bytes of record " + std::to_string(m_delivered + m_filled) +
                                             "; a ChampSim trace is a whole number of 64-byte records"));
    }
    place_addresses(unread);
}

void ChampSimStream::place_addresses(std::size_t first) {
    for (std::size_t i = first; i < m_filled; ++i) {
        if (m_addresses.is_plain(or_of_addresses(m_records[i]))) [[likely]]
            continue;
        const auto refused = place_record(m_addresses, m_records[i]);
        if (!refused) continue;
        m_damage = std::make_exception_ptr(
            RunError(place_of(m_name, m_delivered + i) + m_addresses.why_refused(*refused)));
        m_source_ended = true;
        m_filled = i;
        m_partial_bytes = 0;
    }
}

StreamBatch ChampSimStream::fetch() {
    std::size_t blocks = 0;
    MemoryReference* references = m_references.data();
    const MemoryReference* const enough = references + references_per_batch;
    while (blocks < blocks_per_batch && references < enough) {
        if (m_filled - m_next <= ChampSimBlocks::max_instructions && !m_source_ended) refill();
        if (m_next == m_filled) break;
        const auto executed =
            m_blocks.execute(std::span(m_records).subspan(m_next, m_filled - m_next), references);
        if (executed.status == ChampSimBlocks::Status::Absurd) {
            if (!m_damage || m_next < m_filled) {
                m_damage = std::make_exception_ptr(RunError(place_of(m_name, m_delivered) +
                                                            why_absurd(m_records[m_next]) +
                                                            "; this is not a ChampSim instruction record"));
            }
            m_source_ended = true;
            m_filled = m_next;
            break;
        }
        const std::uint32_t count = executed.block->instruction_count;
        m_executions[blocks++] = {executed.block, references, executed.reference_count, count};
        references += executed.reference_count;
        m_next += count;
        m_delivered += count;
    }
    if (blocks == 0 && m_damage) std::rethrow_exception(m_damage);
    return {std::span(m_executions).first(blocks), blocks != 0 ? StreamStatus::More : StreamStatus::End,
            nullptr};
}

std::unique_ptr<Workload> make_champsim_workload(InputBytes input, const TraceConfig& config) {
    const std::span<const std::byte> head = input.source->head();
    std::uint64_t instructions = 0;
    if (input.compression == Compression::None && input.file_bytes != 0) {
        if (input.file_bytes % champsim_record_bytes != 0)
            throw InputError(
                input.name + ": is " + std::to_string(input.file_bytes) +
                " bytes, not a whole number of 64-byte records, so it is no ChampSim trace; allowed: "
                "ChampSim traces and valgrind --tool=lackey --trace-mem=yes text, plain or compressed "
                "with xz, gzip or zstd");
        instructions = input.file_bytes / champsim_record_bytes;
    }
    if (head.size() < champsim_record_bytes)
        throw InputError(input.name + ": holds " + std::to_string(head.size()) +
                         " bytes of data, less than one 64-byte ChampSim record");
    TraceAddresses addresses(config);
    for (std::size_t i = 0; i < head.size() / champsim_record_bytes; ++i) {
        ChampSimRecord record;
        std::memcpy(&record, head.data() + i * champsim_record_bytes, sizeof record);
        if (const char* why = why_absurd(record))
            throw InputError(place_of(input.name, i) + why + "; this is not a ChampSim trace");
        if (const auto refused = place_record(addresses, record))
            throw InputError(place_of(input.name, i) + addresses.why_refused(*refused));
    }
    std::string description = "ChampSim trace " + input.name + " (" + name_of(input.compression) + ")";
    auto stream = std::make_unique<ChampSimStream>(input.name, std::move(input.source), config);
    return std::make_unique<SingleStreamWorkload>(std::move(description), instructions, std::move(stream));
}

} // namespace pagewalk::workloads
