#include "workloads/qemu/batch_decoder.h"

#include "base/error.h"
#include "contract/system_calls.h"
#include "workloads/qemu/blocking_calls.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <string>

namespace pagewalk::workloads {

namespace {

/// What QEMU returns inside for a call that it makes again after a signal, and for rt_sigreturn. Source:
/// QEMU 7.2, linux-user.
constexpr std::int64_t qemu_restart = -512;
constexpr std::int64_t qemu_sigreturn = -513;

std::int64_t as_program_sees(std::int64_t result) {
    if (result == qemu_restart) return -EINTR;
    if (result == qemu_sigreturn) return 0;
    return result;
}

/// What a processor with fast string operations stores at once, and the line that no access of theirs
/// crosses. Source: Intel Optimization Reference Manual, "REP string enhancement"; 32 bytes assumed for all.
constexpr std::uint64_t joined_bytes = 32;
constexpr std::uint64_t line_bytes = 64;

[[noreturn]] void throw_damaged(const std::string& what) { throw RunError("event stream damaged: " + what); }

} // namespace

BatchDecoder::BatchDecoder(BlockDictionary& dictionary, std::uint64_t epoch)
    : m_dictionary(&dictionary), m_epoch(epoch) {
    m_joined.reserve(2 * (max_blocks_per_batch + 1));
}

BatchDecoder::Progress BatchDecoder::decode(std::span<const std::uint64_t> words) {
    m_blocks.clear();
    if (m_ended) return {0, Outcome::End};
    release_joined();
    const std::uint64_t* const end = words.data() + words.size();
    const std::uint64_t* word = words.data();
    const auto used = [&] { return static_cast<std::size_t>(word - words.data()); };
    while (word < end) {
        if (is_block(*word)) [[likely]] {
            if (m_blocks.size() == max_blocks_per_batch) {
                hold_back();
                return {used(), Outcome::BatchFull};
            }
            const BlockInfo& info = info_of(*word);
            const std::uint64_t* const first = ++word;
            while (word < end && is_memory(*word)) ++word;
            // A MemoryReference is its word.
            const std::span references(reinterpret_cast<const MemoryReference*>(first),
                                       static_cast<std::size_t>(word - first));
            if (info.fast_string && join_iteration(info, references)) continue;
            if (m_pending.info != nullptr) {
                deliver_pending(m_pending.info->may_precede(info.pc) ? Ending::Complete : Ending::Perhaps);
            }
            m_pending = {&info, references.data(), static_cast<std::uint32_t>(references.size())};
        } else if (!is_memory(*word)) {
            const std::size_t payload = payload_words(*word);
            if (payload >= static_cast<std::size_t>(end - word))
                break; // a killed program's last, half-written event
            const EventKind kind = event_kind(*word);
            const std::span<const std::uint64_t> body(word + 1, payload);
            std::size_t step = 1 + payload;
            if (kind == EventKind::SpaceEpoch) {
                if (word + step == end) break; // what follows tells how the block before ended
                if (payload != 1) throw_damaged("space epoch of a wrong size");
                const Outcome outcome = handle_epoch(body[0], word[step], step);
                word += step;
                return {used(), outcome};
            }
            if (m_pending.info != nullptr) deliver_pending(ending_before(*word));
            // A change is delivered alone, so that it can be held back; an exit too, since nobody asks for
            // what comes after it, and would say so that the blocks before have taken place.
            const bool alone =
                (kind == EventKind::SyscallReturn && m_change != 0) || kind == EventKind::ThreadEnd;
            if (alone && !m_blocks.empty()) return {used(), Outcome::BatchFull};
            word += step;
            const Outcome outcome = handle_event(kind, body);
            if (outcome != Outcome::NeedWords) return {used(), outcome};
        } else {
            throw_damaged("a memory access without a block");
        }
    }
    hold_back();
    return {used(), Outcome::NeedWords};
}

const BlockInfo& BatchDecoder::info_of(std::uint64_t block_word) {
    const BlockInfo* const info = m_dictionary->find(block_id(block_word));
    if (info == nullptr)
        throw_damaged("block " + std::to_string(block_id(block_word)) + " is not in the dictionary");
    return *info;
}

/// How the pending block ended, told by what comes after it.
BatchDecoder::Ending BatchDecoder::ending_before(std::uint64_t word) {
    if (is_block(word))
        return m_pending.info->may_precede(info_of(word).pc) ? Ending::Complete : Ending::Perhaps;
    const bool killed = event_kind(word) == EventKind::ThreadEnd && !m_in_system_call;
    return killed ? Ending::Perhaps : Ending::Complete;
}

/// `words`: of the event; set to 0 where it is to be looked at again.
BatchDecoder::Outcome BatchDecoder::handle_epoch(std::uint64_t epoch, std::uint64_t next_word,
                                                 std::size_t& words) {
    if (m_in_system_call && !m_syscall.entered) {
        // The change to be waited for may be after this call in the order of calls.
        m_syscall.entered = true;
        words = 0;
        return Outcome::Entered;
    }
    if (m_pending.info != nullptr && m_epoch % 2 != 0 && epoch > m_epoch) {
        // The block began while a change was under way, and may have used its result: it comes after it.
        ++m_epoch;
        words = 0;
        hold_back();
        return Outcome::Epoch;
    }
    if (m_pending.info != nullptr) deliver_pending(ending_before(next_word));
    m_epoch = epoch;
    return Outcome::Epoch;
}

void BatchDecoder::release_joined() {
    const bool holds = m_pending.info != nullptr && is_joined(m_pending.references);
    if (!holds) return m_joined.clear();
    const std::array<MemoryReference, 2> kept{m_pending.references[0],
                                              m_pending.references[m_pending.reference_count - 1]};
    m_joined.assign(kept.begin(), kept.begin() + m_pending.reference_count);
    m_pending.references = m_joined.data();
}

/// Adds an iteration of a string operation to the one before it; false where it must be a block of its own.
bool BatchDecoder::join_iteration(const BlockInfo& info, std::span<const MemoryReference> iteration) {
    const std::size_t count = iteration.size();
    if (m_pending.info != &info || count != m_pending.reference_count || count == 0 || count > 2)
        return false;
    const bool joined = is_joined(m_pending.references);
    std::array<std::uint32_t, 2> bytes = m_joined_bytes;
    for (std::size_t i = 0; i < count; ++i) {
        const MemoryReference before = m_pending.references[i];
        if (!joined) bytes[i] = before.size();
        const std::uint64_t start = before.address().value();
        const std::uint64_t last = start + bytes[i] + iteration[i].size() - 1;
        const std::uint64_t span = iteration[i].is_store() ? joined_bytes : line_bytes;
        if (iteration[i].address().value() != start + bytes[i] || start / span != last / span) return false;
        if (iteration[i].is_store() != before.is_store() || last - start >= joined_bytes) return false;
        bytes[i] += iteration[i].size();
    }
    if (!joined) {
        m_joined.insert(m_joined.end(), m_pending.references, m_pending.references + count);
        m_pending.references = m_joined.data() + (m_joined.size() - count);
    }
    MemoryReference* const reference = m_joined.data() + (m_pending.references - m_joined.data());
    for (std::size_t i = 0; i < count; ++i) {
        const auto size_log2 = static_cast<unsigned>(std::bit_width(bytes[i]) - 1);
        reference[i] = MemoryReference(reference[i].address(), reference[i].instruction(), size_log2,
                                       reference[i].is_store());
    }
    m_joined_bytes = bytes;
    return true;
}

std::uint32_t BatchDecoder::executed(Ending ending) {
    const BlockInfo& info = *m_pending.info;
    if (info.id >= m_complete_references.size()) m_complete_references.resize(info.id + 1 + info.id / 2);
    std::uint16_t& known = m_complete_references[info.id];
    if (ending == Ending::Complete) {
        known = static_cast<std::uint16_t>(std::min(m_pending.reference_count + 1, 0xffffU));
        return info.instruction_count;
    }
    // A signal between blocks leaves the block whole, a fault does not: then accesses are missing.
    if (known != 0 && m_pending.reference_count + 1 >= known) return info.instruction_count;
    if (m_pending.reference_count == 0) return 0;
    return std::min<std::uint32_t>(m_pending.references[m_pending.reference_count - 1].instruction() + 1,
                                   info.instruction_count);
}

void BatchDecoder::deliver_pending(Ending ending) {
    const BlockInfo& info = *m_pending.info;
    const std::uint32_t count = executed(ending);
    if (count != 0) {
        m_blocks.push_back({info.block, m_pending.references, m_pending.reference_count, count});
        const bool continues = info.rep_continuation && m_last_pc == info.pc;
        m_instructions += count - static_cast<std::uint32_t>(continues);
        m_last_pc = info.last_pc;
    }
    m_pending.info = nullptr;
}

void BatchDecoder::hold_back() {
    if (m_pending.info == nullptr || is_joined(m_pending.references)) return;
    std::vector<MemoryReference>& held = m_held[m_held_turn];
    if (m_pending.references == held.data()) return; // already
    m_held_turn ^= 1;
    std::vector<MemoryReference>& other = m_held[m_held_turn];
    other.assign(m_pending.references, m_pending.references + m_pending.reference_count);
    m_pending.references = other.data();
}

void BatchDecoder::read_enter(std::span<const std::uint64_t> payload) {
    if (payload.size() < enter_payload_words) throw_damaged("system call record too short");
    const std::size_t path_bytes = payload[8];
    const std::span<const std::uint64_t> rest = payload.subspan(enter_payload_words);
    if (path_bytes > rest.size() * 8) throw_damaged("path beyond its record");
    const std::span<const std::uint64_t> segments = rest.subspan((path_bytes + 7) / 8);
    if (segments.size() % 2 != 0) throw_damaged("half a segment in a system call record");
    m_syscall.number = static_cast<std::uint32_t>(payload[0]);
    std::copy_n(payload.begin() + 1, 6, m_syscall.arguments.begin());
    m_syscall.result = 0;
    m_syscall.enter_order = payload[7];
    m_syscall.exit_order = 0;
    m_syscall.path.assign(reinterpret_cast<const char*>(rest.data()), path_bytes);
    m_syscall.segments.clear();
    for (std::size_t i = 0; i < segments.size(); i += 2)
        m_syscall.segments.push_back({VirtAddr(segments[i]), segments[i + 1]});
    m_syscall.descriptors = {-1, -1};
    m_syscall.entered = may_block(m_syscall);
    m_change = payload[9];
    m_in_system_call = true;
}

void BatchDecoder::read_return(std::span<const std::uint64_t> payload) {
    const bool has_descriptors = payload.size() == return_payload_words + 1;
    if (payload.size() != return_payload_words && !has_descriptors)
        throw_damaged("system call result of a wrong size");
    if (!m_in_system_call) throw_damaged("a system call returned that was not entered");
    m_syscall.result = as_program_sees(static_cast<std::int64_t>(payload[1]));
    m_syscall.exit_order = payload[2];
    if (has_descriptors)
        m_syscall.descriptors = {static_cast<std::int32_t>(payload[3]),
                                 static_cast<std::int32_t>(payload[3] >> 32)};
    m_in_system_call = false;
    if (m_change != 0) m_epoch = m_change + 1;
}

BatchDecoder::Outcome BatchDecoder::handle_event(EventKind kind, std::span<const std::uint64_t> payload) {
    switch (kind) {
    case EventKind::SyscallEnter:
        read_enter(payload);
        return m_syscall.entered ? Outcome::Entered : Outcome::NeedWords;
    case EventKind::SyscallReturn:
        read_return(payload);
        return Outcome::SystemCall;
    case EventKind::ThreadEnd:
        m_ended = true;
        // A thread that others end inside a call of its own leaves that call unfinished.
        if (!m_in_system_call || !never_returns(m_syscall.number)) return Outcome::End;
        m_in_system_call = false;
        return Outcome::SystemCall;
    case EventKind::SpaceEpoch:
        break; // handle_epoch()
    }
    throw_damaged("unknown event " + std::to_string(static_cast<unsigned>(kind)));
}

} // namespace pagewalk::workloads
