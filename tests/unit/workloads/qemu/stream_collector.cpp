#include "tests/unit/workloads/qemu/stream_collector.h"

#include <algorithm>
#include <sys/syscall.h>

namespace pagewalk::workloads {

void CollectedStream::add(const StreamBatch& batch) {
    for (const BlockExecution& execution : batch.blocks) {
        const StaticBlock& block = *execution.block;
        const bool continues = block.rep_continuation && last_block != nullptr &&
                               (last_block->end() - last_block->lengths.back()) == block.pc;
        instructions += execution.instruction_count - (continues ? 1 : 0);
        ++blocks;
        mix(block.pc.value());
        mix(execution.instruction_count);
        for (std::uint32_t i = 0; i < execution.reference_count; ++i) {
            mix(execution.references[i].raw());
            if (references.size() < 100000) references.push_back(execution.references[i]);
        }
        last_block = &block;
        last_instruction_count = execution.instruction_count;
    }
    if (batch.status == StreamStatus::SystemCall) {
        mix(batch.syscall->number);
        mix(static_cast<std::uint64_t>(batch.syscall->result));
        mix(batch.syscall->enter_order);
        mix(batch.syscall->exit_order);
        for (const std::uint64_t argument : batch.syscall->arguments) mix(argument);
        for (const char c : batch.syscall->path) mix(static_cast<unsigned char>(c));
        calls.push_back(*batch.syscall);
    }
    ended = batch.status == StreamStatus::End;
}

void StreamCollector::read_to_the_end() {
    int quiet_waits = 0; // of a millisecond
    while (!m_open.empty() || !m_awaited.empty()) {
        bool news = false;
        for (std::size_t i = 0; i < m_open.size();) {
            const ThreadIndex index = m_open[i];
            const StreamBatch batch = m_workload.thread(index).fetch();
            CollectedStream& stream = m_streams[index];
            stream.add(batch);
            news |= batch.status != StreamStatus::NotYet;
            if (batch.status == StreamStatus::SystemCall) {
                const auto number = batch.syscall->number;
                const bool creates =
                    number == SYS_clone || number == SYS_clone3 || number == SYS_fork || number == SYS_vfork;
                if (creates && batch.syscall->result > 0) m_awaited.push_back({index, batch.syscall->result});
            }
            if (stream.ended) {
                m_open.erase(m_open.begin() + static_cast<std::ptrdiff_t>(i));
            } else {
                ++i;
            }
        }
        std::erase_if(m_awaited, [&](const Awaited& awaited) {
            if (m_workload.child(awaited.parent, awaited.child) == nullptr) return false;
            m_open.push_back(m_workload.index_of_child(awaited.parent, awaited.child));
            news = true;
            return true;
        });
        if (news) quiet_waits = 0;
        // A thread that an execve or a kill ends before its first block never comes.
        if (m_open.empty() && ++quiet_waits > 2000) return;
        if (!news) m_workload.wait_for_news(1000);
    }
}

std::uint64_t StreamCollector::instructions() const {
    std::uint64_t sum = 0;
    for (const auto& [index, stream] : m_streams) sum += stream.instructions;
    return sum;
}

std::vector<std::uint64_t> StreamCollector::orders() const {
    std::vector<std::uint64_t> orders;
    for (const auto& [index, stream] : m_streams) {
        for (const SyscallRecord& call : stream.calls) {
            if (call.enter_order != 0) orders.push_back(call.enter_order);
            if (call.exit_order != 0) orders.push_back(call.exit_order);
        }
    }
    std::ranges::sort(orders);
    return orders;
}

} // namespace pagewalk::workloads
