#pragma once

#include "contract/kernel_path.h"
#include "os/path/kernel_addresses.h"
#include "os/path/operation.h"
#include "os/vmalloc/vmalloc_trace.h"

#include <cstddef>

namespace pagewalk::os {

/// Turns what vmalloc noted into steps of an operation's path. What it asked of the page and object
/// allocators has written its own.
class VmallocPathWriter {
public:
    /// A flush of kernel translations goes to all `cpus`.
    VmallocPathWriter(const KernelAddresses& addresses, std::size_t cpus);

    void write(Operation& op, const VmallocTrace& trace) const;

private:
    [[nodiscard]] VirtAddr lock_address(const VmallocStep& step) const;
    void flush(Operation& op, const VmallocStep& step) const;

    const KernelAddresses& m_addresses;
    CpuMask m_cpus;
};

} // namespace pagewalk::os
