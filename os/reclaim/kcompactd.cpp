#include "os/reclaim/kcompactd.h"

namespace pagewalk::os {

bool Kcompactd::check(Tick now, bool idle) {
    if (now < m_next_check) return false;
    m_next_check = now + check_interval;
    m_fragmented = idle && m_compaction.proactive_wanted(m_node);
    return m_fragmented;
}

KernelThread::Rest Kcompactd::run(Operation& op, Woken) {
    if (m_state == State::Idle) {
        op.path.store(m_frames.addresses().kcompactd_wait(m_node));
        if (m_compaction.kcompactd_requested(m_node)) {
            op.path.call(KernelFunction::KcompactdWork);
            m_compaction.begin_kcompactd(m_node);
            m_state = State::Asked;
        } else if (m_fragmented) {
            op.path.call(KernelFunction::KcompactdWork);
            m_compaction.begin_proactive(m_node);
            m_state = State::Unasked;
        } else {
            return {Rest::Kind::Sleep, no_time};
        }
        m_fragmented = false;
    }
    const Compaction::Progress progress = m_compaction.step(m_node, op.cpu);
    if (progress == Compaction::Progress::More) return {Rest::Kind::Yield, no_time};
    const bool in_vain = progress == Compaction::Progress::DoneInVain;
    m_next_check = op.now + Tick(check_interval.value() << (in_vain ? defer_shift : 0));
    m_state = State::Idle;
    // Somebody may have asked for more while it worked.
    if (m_compaction.kcompactd_requested(m_node)) return {Rest::Kind::Yield, no_time};
    return {Rest::Kind::Sleep, no_time};
}

} // namespace pagewalk::os
