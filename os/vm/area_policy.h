#pragma once

#include "os/path/operation.h"
#include "os/vm/vma.h"

#include <memory>
#include <utility>

namespace pagewalk::os {

/// While it lives, the operation's memory comes from where the area's own policy says, if it has one
/// (get_vma_policy), though another thread may change the area's meanwhile.
class AreaPolicy {
public:
    AreaPolicy(Operation& op, const Vma& area) : m_op(op), m_own(area.policy), m_tasks(op.policy) {
        if (m_own != nullptr) op.policy = m_own.get();
    }
    ~AreaPolicy() { m_op.policy = m_tasks; }
    AreaPolicy(const AreaPolicy&) = delete;
    AreaPolicy& operator=(const AreaPolicy&) = delete;

private:
    Operation& m_op;
    std::shared_ptr<MemoryPolicy> m_own;
    MemoryPolicy* m_tasks;
};

} // namespace pagewalk::os
