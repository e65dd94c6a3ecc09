#pragma once

#include "contract/instruction_stream.h"
#include "os/path/operation.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace pagewalk::os {

struct AddressSpace;
class FileDescriptors;

/// What the OOM killer and a kill's report want to know of an address space, in pages.
struct MemoryUse {
    std::uint64_t total = 0; ///< mapped
    std::uint64_t anonymous = 0, file = 0, shmem = 0;
    std::uint64_t tables = 0;
};

/// The memory of processes, as those need it who make, fork and end them.
class ProcessMemory {
public:
    virtual ~ProcessMemory() = default;
    /// An empty address space with one user. Null when no memory is left.
    [[nodiscard]] virtual std::shared_ptr<AddressSpace> create(Operation& op) = 0;
    /// The first half of execve: puts the arguments on the new image's stack, before the old memory goes.
    virtual void load_arguments(Operation& op, AddressSpace& space,
                                std::span<const InitialMapping> image) = 0;
    /// The rest of what execve and the loader set up.
    virtual void load(Operation& op, AddressSpace& space, std::span<const InitialMapping> image) = 0;
    /// A copy for fork, with one user. Null when no memory is left.
    [[nodiscard]] virtual std::shared_ptr<AddressSpace> fork(Operation& op, AddressSpace& parent) = 0;
    /// Another task uses it.
    virtual void add_user(Operation& op, AddressSpace& space) = 0;
    /// A task no longer does; with the last one goes everything but the top-level table, which the CPU still
    /// uses.
    virtual void drop_user(Operation& op, AddressSpace& space) = 0;
    /// The rest, once no CPU runs on it. Nothing where it has users.
    virtual void destroy(Operation& op, AddressSpace& space) = 0;
    [[nodiscard]] virtual MemoryUse use(AddressSpace& space) = 0;
    /// oom_badness: pages that killing its processes would free.
    [[nodiscard]] virtual std::uint64_t badness(const AddressSpace& space) const = 0;
    /// Areas (VMAs) that it has.
    [[nodiscard]] virtual std::size_t areas(const AddressSpace& space) const = 0;
    /// Most pages that were resident at a time.
    [[nodiscard]] virtual std::uint64_t peak_resident(const AddressSpace& space) const = 0;
    /// Where its struct mm_struct lies.
    [[nodiscard]] virtual VirtAddr object_of(const AddressSpace& space) const = 0;
    /// The OOM reaper: drops private anonymous pages of a process that is about to die.
    virtual void reap(Operation& op, AddressSpace& space) = 0;
};

/// The open files of processes.
class ProcessFiles {
public:
    virtual ~ProcessFiles() = default;
    [[nodiscard]] virtual std::shared_ptr<FileDescriptors> create() = 0;
    /// A copy for fork.
    [[nodiscard]] virtual std::shared_ptr<FileDescriptors> copy(Operation& op, FileDescriptors& parent) = 0;
    /// execve: closes those with FD_CLOEXEC. Contract: no other task shares them.
    virtual void close_on_exec(Operation& op, FileDescriptors& files) = 0;
    /// Closes everything. Contract: no other task shares them.
    virtual void close_all(Operation& op, FileDescriptors& files) = 0;
};

} // namespace pagewalk::os
