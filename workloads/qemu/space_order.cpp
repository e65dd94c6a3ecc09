#include "workloads/qemu/space_order.h"

#include "base/error.h"

#include <algorithm>

namespace pagewalk::workloads {

void SpaceOrder::join(std::size_t thread, const ThreadIdentity& identity, const Position* position) {
    const std::lock_guard lock(m_mutex);
    PAGEWALK_INVARIANT(thread == m_members.size());
    Process*& process = m_by_pid[identity.pid];
    if (process == nullptr || identity.tid == identity.pid) { // the first thread of a process
        process = m_processes.emplace_back(std::make_unique<Process>()).get();
        process->changed = identity.epoch & ~1ULL; // a fork's child goes on counting
    }
    auto& member = m_members.emplace_back(std::make_unique<Member>());
    member->process = process;
    member->position = position;
    member->reached = identity.epoch;
    process->members.push_back(member.get());
}

void SpaceOrder::reach(std::size_t thread, std::uint64_t epoch) {
    const std::lock_guard lock(m_mutex);
    std::uint64_t& reached = m_members[thread]->reached;
    reached = std::max(reached, epoch);
}

bool SpaceOrder::may_pass(std::size_t thread, std::uint64_t epoch) const {
    const std::lock_guard lock(m_mutex);
    return m_members[thread]->process->changed >= (epoch & ~1ULL);
}

bool SpaceOrder::may_change(std::size_t thread, std::uint64_t epoch) const {
    const std::lock_guard lock(m_mutex);
    const Member* const self = m_members[thread].get();
    return std::ranges::all_of(self->process->members, [&](const Member* other) {
        return other == self || other->reached >= epoch ||
               (other->position != nullptr && other->position->is_at_rest());
    });
}

void SpaceOrder::change_took_place(std::size_t thread, std::uint64_t epoch) {
    const std::lock_guard lock(m_mutex);
    Member& member = *m_members[thread];
    member.reached = std::max(member.reached, epoch + 1);
    member.process->changed = std::max(member.process->changed, epoch + 1);
}

void SpaceOrder::leave(std::size_t thread) {
    const std::lock_guard lock(m_mutex);
    Member* const member = m_members[thread].get();
    std::erase(member->process->members, member);
}

} // namespace pagewalk::workloads
