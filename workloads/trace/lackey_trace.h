#pragma once

#include "contract/instruction_stream.h"
#include "workloads/trace/byte_source.h"
#include "workloads/trace/lackey_blocks.h"
#include "workloads/trace/lackey_line.h"
#include "workloads/trace/trace_addresses.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace pagewalk::workloads {

/// The instruction stream of a valgrind lackey text. One that was cut out of a longer text may begin with
/// accesses of an instruction that it lacks: they are dropped, with a warning. Errors: RunError naming the
/// file, the line's number and its text when a line is none of the format's or the data is damaged; all
/// instructions before it are delivered first.
class LackeyStream final : public InstructionStream {
public:
    LackeyStream(std::string name, std::unique_ptr<ByteSource> source, const TraceConfig& config = {});

    [[nodiscard]] StreamBatch fetch() override;

private:
    void read_instructions();
    [[nodiscard]] bool next_line(std::string_view& line);
    void take_line(std::string_view line);
    void report_dropped() const;
    void damage(const std::string& line_text);
    void append_access(const LackeyLine& access);
    void add_references(const LackeyLine& access, bool store);

    std::string m_name;
    std::unique_ptr<ByteSource> m_source;
    TraceAddresses m_addresses;
    LackeyBlocks m_blocks;
    std::vector<char> m_text;
    std::size_t m_text_next = 0, m_text_end = 0;
    std::uint64_t m_line_number = 0;
    std::uint64_t m_dropped = 0; ///< accesses before the first instruction
    bool m_has_begun = false;    ///< an instruction was read
    bool m_source_ended = false;
    bool m_ended = false;
    std::exception_ptr m_damage; ///< thrown once what precedes it is delivered
    std::vector<LackeyInstruction> m_instructions;
    std::vector<MemoryReference>
        m_read_references; ///< of m_instructions; the index in a block is not yet known
    std::size_t m_next = 0;
    std::vector<MemoryReference> m_references;
    std::vector<BlockExecution> m_executions;
};

/// Whether data that starts so is lackey text: printable, and its first line that is not valgrind's is the
/// format's.
[[nodiscard]] bool looks_like_lackey(std::span<const std::byte> head);
/// Whether data is text of any kind.
[[nodiscard]] bool looks_like_text(std::span<const std::byte> head);

[[nodiscard]] std::unique_ptr<Workload> make_lackey_workload(InputBytes input, const TraceConfig& config);

} // namespace pagewalk::workloads
