#include "workloads/trace/lackey_trace.h"

#include "base/error.h"
#include "base/printable.h"
#include "workloads/trace/single_stream_workload.h"

#include <algorithm>
#include <bit>
#include <cstdio>
#include <cstring>

namespace pagewalk::workloads {

namespace {

constexpr std::size_t text_bytes = 64 * 1024;
constexpr std::size_t longest_line = 4096;
constexpr std::size_t instructions_ahead = 4096;
constexpr std::size_t blocks_per_batch = 256;

} // namespace

LackeyStream::LackeyStream(std::string name, std::unique_ptr<ByteSource> source, const TraceConfig& config)
    : m_name(std::move(name)), m_source(std::move(source)), m_addresses(config), m_text(text_bytes) {}

bool LackeyStream::next_line(std::string_view& line) {
    for (;;) {
        const char* const start = m_text.data() + m_text_next;
        const std::size_t left = m_text_end - m_text_next;
        const void* const newline = left == 0 ? nullptr : std::memchr(start, '\n', left);
        std::size_t length = left;
        if (newline != nullptr) length = static_cast<std::size_t>(static_cast<const char*>(newline) - start);
        if (newline != nullptr || (m_source_ended && left != 0) || left > longest_line) {
            line = std::string_view(start, std::min(length, longest_line));
            m_text_next += std::min(left, line.size() + 1);
            if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
            ++m_line_number;
            return true;
        }
        if (m_source_ended) return false;
        std::memmove(m_text.data(), start, left);
        m_text_next = 0;
        m_text_end = left;
        try {
            const std::size_t got = m_source->read(std::as_writable_bytes(std::span(m_text)).subspan(left));
            m_text_end += got;
            m_source_ended = got == 0;
        } catch (const RunError&) {
            // Half a line before the damage means nothing.
            m_text_end = 0;
            m_source_ended = true;
            m_damage = std::current_exception();
        }
    }
}

void LackeyStream::add_references(const LackeyLine& access, bool store) {
    LackeyInstruction& instruction = m_instructions.back();
    std::uint64_t address = access.address;
    for (std::uint32_t left = access.bytes; left != 0;) {
        // What is longer than a line is taken line by line.
        const std::uint32_t in_line = static_cast<std::uint32_t>(line_size - address % line_size);
        const std::uint32_t most = access.bytes > line_size ? std::min(left, in_line) : left;
        const std::uint32_t piece = std::bit_floor(most);
        m_read_references.emplace_back(VirtAddr(address), 0U, static_cast<unsigned>(std::countr_zero(piece)),
                                       store);
        std::uint8_t& count = store ? instruction.stores : instruction.loads;
        if (count != UINT8_MAX) ++count;
        ++instruction.reference_count;
        address += piece;
        left -= piece;
    }
}

void LackeyStream::damage(const std::string& line_text) {
    m_damage = std::make_exception_ptr(
        RunError(m_name + ": line " + std::to_string(m_line_number) + ": " + line_text));
    m_ended = true;
}

void LackeyStream::report_dropped() const {
    std::fprintf(
        stderr, "pagewalk: %s begins with %llu accesses of an instruction that it lacks; they are left out\n",
        m_name.c_str(), static_cast<unsigned long long>(m_dropped));
}

void LackeyStream::take_line(std::string_view line) {
    auto parsed = parse_lackey_line(line);
    if (!parsed) return damage("\"" + excerpt(line) + "\" is not lackey output; " + lackey_allowed);
    const std::uint64_t last = parsed->address + parsed->bytes - 1;
    if (!m_addresses.is_plain(parsed->address | last)) [[unlikely]] {
        const auto placed = m_addresses.place(parsed->address);
        if (!placed || !m_addresses.place(last))
            return damage(m_addresses.why_refused(placed ? last : parsed->address));
        parsed->address = *placed;
    }
    if (parsed->kind == LackeyLine::Kind::Instruction) {
        if (!m_has_begun && m_dropped != 0) report_dropped();
        m_has_begun = true;
        m_instructions.push_back({parsed->address, static_cast<std::uint8_t>(parsed->bytes), 0, 0,
                                  static_cast<std::uint32_t>(m_read_references.size()), 0});
        return;
    }
    if (!m_has_begun) {
        ++m_dropped;
        return;
    }
    if (parsed->kind != LackeyLine::Kind::Store) add_references(*parsed, false);
    if (parsed->kind != LackeyLine::Kind::Load) add_references(*parsed, true);
}

void LackeyStream::read_instructions() {
    // Keep what is unread, its references first in the list.
    const std::uint32_t dropped = m_next < m_instructions.size()
                                      ? m_instructions[m_next].first_reference
                                      : static_cast<std::uint32_t>(m_read_references.size());
    m_read_references.erase(m_read_references.begin(), m_read_references.begin() + dropped);
    m_instructions.erase(m_instructions.begin(),
                         m_instructions.begin() + static_cast<std::ptrdiff_t>(m_next));
    for (LackeyInstruction& instruction : m_instructions) instruction.first_reference -= dropped;
    m_next = 0;

    std::string_view line;
    while (m_instructions.size() < instructions_ahead && !m_ended) {
        if (!next_line(line)) {
            if (!m_has_begun && !m_damage)
                damage("the text ends without an instruction; " + std::string(lackey_allowed));
            m_ended = true;
        } else if (!is_valgrind_message(line) && !is_superblock_line(line)) {
            take_line(line);
        }
    }
}

StreamBatch LackeyStream::fetch() {
    m_executions.clear();
    m_references.clear();
    // The newest instruction's accesses may still follow, and a block's end depends on what comes next.
    constexpr std::size_t needed = LackeyBlocks::max_instructions + 2;
    if (m_instructions.size() - m_next < needed && !m_ended) read_instructions();

    while (m_executions.size() < blocks_per_batch && m_next < m_instructions.size()) {
        std::span<const LackeyInstruction> run = std::span(m_instructions).subspan(m_next);
        if (!m_ended) {
            if (run.size() < needed) break;
            run = run.first(run.size() - 1);
        }
        const StaticBlock& block = m_blocks.execute(run);
        const std::size_t first = m_references.size();
        for (unsigned i = 0; i < block.instruction_count; ++i) {
            const auto own =
                std::span(m_read_references).subspan(run[i].first_reference, run[i].reference_count);
            for (const MemoryReference r : own)
                m_references.emplace_back(r.address(), i, static_cast<unsigned>(std::countr_zero(r.size())),
                                          r.is_store());
        }
        // Pointers are set below: the vector may still move.
        m_executions.push_back({&block, nullptr, static_cast<std::uint32_t>(m_references.size() - first),
                                block.instruction_count});
        m_next += block.instruction_count;
    }
    const MemoryReference* references = m_references.data();
    for (BlockExecution& execution : m_executions) {
        execution.references = references;
        references += execution.reference_count;
    }
    if (m_executions.empty() && m_damage) std::rethrow_exception(m_damage);
    return {m_executions, m_executions.empty() ? StreamStatus::End : StreamStatus::More, nullptr};
}

bool looks_like_text(std::span<const std::byte> head) {
    return std::ranges::all_of(head, [](std::byte b) {
        const auto c = static_cast<unsigned char>(b);
        return c == '\n' || c == '\r' || c == '\t' || (c >= ' ' && c != 0x7f);
    });
}

bool looks_like_lackey(std::span<const std::byte> head) {
    if (!looks_like_text(head)) return false;
    std::string_view text(reinterpret_cast<const char*>(head.data()), head.size());
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
        if (!is_valgrind_message(line) && !is_superblock_line(line))
            return parse_lackey_line(line).has_value();
    }
    return true;
}

std::unique_ptr<Workload> make_lackey_workload(InputBytes input, const TraceConfig& config) {
    std::string description = "valgrind lackey trace " + input.name + " (" + name_of(input.compression) + ")";
    auto stream = std::make_unique<LackeyStream>(input.name, std::move(input.source), config);
    return std::make_unique<SingleStreamWorkload>(std::move(description), 0, std::move(stream));
}

} // namespace pagewalk::workloads
