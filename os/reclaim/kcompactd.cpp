#include "os/reclaim/kcompactd.h"

namespace pagewalk::os {

void Kcompactd::wait_for_work(Operation& op) {
    for (;;) {
        op.path.store(m_frames.addresses().kcompactd_wait(m_node));
        if (m_compaction.kcompactd_requested(m_node)) {
            op.path.call(KernelFunction::KcompactdWork);
            m_compaction.begin_kcompactd(m_node);
            return;
        }
        if (op.now >= m_next_check) {
            m_next_check = op.now + check_interval;
            if (m_kswapd.asleep() && m_compaction.proactive_wanted(m_node)) {
                op.path.call(KernelFunction::KcompactdWork);
                m_compaction.begin_proactive(m_node);
                return;
            }
        }
        sleep(op, m_next_check);
    }
}

void Kcompactd::work(Operation& op) {
    for (;;) {
        Compaction::Progress progress;
        {
            const FrameAllocator::Scope scope(m_frames, op);
            progress = m_compaction.step(m_node, op.cpu);
        }
        if (progress != Compaction::Progress::More) {
            const bool in_vain = progress == Compaction::Progress::DoneInVain;
            m_next_check = op.now + Tick(check_interval.value() << (in_vain ? defer_shift : 0));
            return;
        }
        op.host->end_round(op);
    }
}

void Kcompactd::run(Operation& op) {
    for (;;) {
        wait_for_work(op);
        work(op);
        op.host->end_round(op);
    }
}

} // namespace pagewalk::os
