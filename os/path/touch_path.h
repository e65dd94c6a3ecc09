#pragma once

#include "contract/kernel_path.h"
#include "os/page/touch_steps.h"
#include "os/path/operation.h"

#include <cstddef>

namespace pagewalk::os {

/// Turns what the bare allocators noted into steps of an operation's path.
class TouchPathWriter {
public:
    /// Flushes of kernel translations go to `cpus` CPUs from the first on. 0: of an allocator that has none.
    explicit TouchPathWriter(std::size_t cpus = 0);

    void append(Operation& op, const TouchSteps& touched) const;

private:
    void flush(Operation& op, const TouchStep& step) const;

    CpuMask m_cpus;
};

} // namespace pagewalk::os
