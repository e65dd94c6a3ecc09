#pragma once

#include "contract/instruction_stream.h"
#include "workloads/trace/byte_source.h"
#include "workloads/trace/champsim_blocks.h"
#include "workloads/trace/trace_addresses.h"

#include <memory>
#include <vector>

namespace pagewalk::workloads {

/// The instruction stream of a ChampSim trace. Errors: RunError naming the file and the record when the data
/// is truncated or corrupt, ends inside a record, or holds what cannot be an instruction; every record before
/// that is delivered first.
class ChampSimStream final : public InstructionStream {
public:
    ChampSimStream(std::string name, std::unique_ptr<ByteSource> source, const TraceConfig& config = {});

    [[nodiscard]] StreamBatch fetch() override;

    /// Records delivered so far.
    [[nodiscard]] std::uint64_t records() const { return m_delivered; }
    [[nodiscard]] std::size_t static_blocks() const { return m_blocks.block_count(); }

private:
    void refill();
    void place_addresses(std::size_t first);

    std::string m_name;
    std::unique_ptr<ByteSource> m_source;
    TraceAddresses m_addresses;
    ChampSimBlocks m_blocks;
    std::vector<ChampSimRecord> m_records;
    std::size_t m_next = 0, m_filled = 0; ///< unread records are [m_next, m_filled)
    std::size_t m_partial_bytes = 0;      ///< of the record at m_filled
    bool m_source_ended = false;
    std::exception_ptr m_damage; ///< thrown once the records before it are delivered
    std::uint64_t m_delivered = 0;
    std::vector<BlockExecution> m_executions;
    std::vector<MemoryReference> m_references;
};

/// A ChampSim trace as a workload. Errors: InputError when an uncompressed file is not a whole number of
/// records or the first records cannot be instructions or have addresses that are refused.
[[nodiscard]] std::unique_ptr<Workload> make_champsim_workload(InputBytes input, const TraceConfig& config);

} // namespace pagewalk::workloads
