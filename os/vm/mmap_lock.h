#pragma once

#include "os/path/operation.h"
#include "os/vm/address_space.h"

namespace pagewalk::os {

/// mmap_lock held for reading (page faults, what leaves the areas as they are) or for writing, until the end
/// of the scope. Others get it when the path reaches that point.
class MmapLocked {
public:
    MmapLocked(Operation& op, AddressSpace& space, RwSemaphore::Access access)
        : m_op(op), m_space(space), m_access(access) {
        op.path.atomic(space.lock_line());
        space.mmap_lock.lock(op, access);
    }
    ~MmapLocked() {
        m_op.path.atomic(m_space.lock_line());
        m_space.mmap_lock.unlock(m_op, m_access);
    }
    MmapLocked(const MmapLocked&) = delete;
    MmapLocked& operator=(const MmapLocked&) = delete;

private:
    Operation& m_op;
    AddressSpace& m_space;
    RwSemaphore::Access m_access;
};

class MmapReadLocked : public MmapLocked {
public:
    MmapReadLocked(Operation& op, AddressSpace& space) : MmapLocked(op, space, RwSemaphore::Access::Read) {}
};
class MmapWriteLocked : public MmapLocked {
public:
    MmapWriteLocked(Operation& op, AddressSpace& space) : MmapLocked(op, space, RwSemaphore::Access::Write) {}
};

} // namespace pagewalk::os
