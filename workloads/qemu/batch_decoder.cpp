#include "workloads/qemu/batch_decoder.h"

#include "base/error.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <sys/syscall.h>

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

bool never_returns(std::uint32_t number) { return number == SYS_exit || number == SYS_exit_group; }

[[noreturn]] void throw_damaged(const std::string& what) { throw RunError("event stream damaged: " + what); }

} // namespace

BatchDecoder::Progress BatchDecoder::decode(std::span<const std::uint64_t> words) {
    m_blocks.clear();
    if (m_ended) return {0, Outcome::End};
    const std::uint64_t* const end = words.data() + words.size();
    const std::uint64_t* word = words.data();
    const auto used = [&] { return static_cast<std::size_t>(word - words.data()); };
    while (word < end) {
        if (is_block(*word)) [[likely]] {
            if (m_blocks.size() == max_blocks_per_batch) {
                hold_back();
                return {used(), Outcome::BatchFull};
            }
            const BlockInfo* info = m_dictionary->find(block_id(*word));
            if (info == nullptr)
                throw_damaged("block " + std::to_string(block_id(*word)) + " is not in the dictionary");
            if (m_pending.info != nullptr) {
                deliver_pending(m_pending.info->may_precede(info->pc) ? Ending::Complete : Ending::Perhaps);
            }
            const std::uint64_t* const first = ++word;
            while (word < end && is_memory(*word)) ++word;
            // A MemoryReference is its word.
            m_pending = {info, reinterpret_cast<const MemoryReference*>(first),
                         static_cast<std::uint32_t>(word - first)};
        } else if (!is_memory(*word)) {
            const std::size_t payload = payload_words(*word);
            if (payload >= static_cast<std::size_t>(end - word))
                break; // a killed program's last, half-written event
            const EventKind kind = event_kind(*word);
            if (m_pending.info != nullptr) {
                const bool killed = kind == EventKind::ThreadEnd && !m_in_system_call;
                deliver_pending(killed ? Ending::Perhaps : Ending::Complete);
            }
            const std::span<const std::uint64_t> body(word + 1, payload);
            word += 1 + payload;
            const Outcome outcome = handle_event(kind, body);
            if (outcome != Outcome::NeedWords) return {used(), outcome};
        } else {
            throw_damaged("a memory access without a block");
        }
    }
    hold_back();
    return {used(), Outcome::NeedWords};
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
    if (m_pending.info == nullptr) return;
    std::vector<MemoryReference>& held = m_held[m_held_turn];
    if (m_pending.references == held.data()) return; // already
    m_held_turn ^= 1;
    std::vector<MemoryReference>& other = m_held[m_held_turn];
    other.assign(m_pending.references, m_pending.references + m_pending.reference_count);
    m_pending.references = other.data();
}

BatchDecoder::Outcome BatchDecoder::handle_event(EventKind kind, std::span<const std::uint64_t> payload) {
    switch (kind) {
    case EventKind::SyscallEnter: {
        if (payload.size() < enter_payload_words) throw_damaged("system call record too short");
        const std::size_t path_bytes = payload[8];
        if (path_bytes > (payload.size() - enter_payload_words) * 8) throw_damaged("path beyond its record");
        m_syscall = {};
        m_syscall.number = static_cast<std::uint32_t>(payload[0]);
        std::copy_n(payload.begin() + 1, 6, m_syscall.arguments.begin());
        m_syscall.enter_order = payload[7];
        m_syscall.path.assign(reinterpret_cast<const char*>(payload.data() + enter_payload_words),
                              path_bytes);
        m_in_system_call = true;
        return Outcome::NeedWords;
    }
    case EventKind::SyscallReturn:
        if (payload.size() != return_payload_words) throw_damaged("system call result of a wrong size");
        if (!m_in_system_call) throw_damaged("a system call returned that was not entered");
        m_syscall.result = as_program_sees(static_cast<std::int64_t>(payload[1]));
        m_syscall.exit_order = payload[2];
        m_in_system_call = false;
        return Outcome::SystemCall;
    case EventKind::ThreadEnd:
        m_ended = true;
        // A thread that others end inside a call of its own leaves that call unfinished.
        if (!m_in_system_call || !never_returns(m_syscall.number)) return Outcome::End;
        m_in_system_call = false;
        return Outcome::SystemCall;
    }
    throw_damaged("unknown event " + std::to_string(static_cast<unsigned>(kind)));
}

} // namespace pagewalk::workloads
