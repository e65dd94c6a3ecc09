#pragma once

#include "base/address.h"
#include "base/option.h"
#include "os/path/kernel_function.h"

#include <array>
#include <cstdint>
#include <string_view>

namespace pagewalk::os {

/// What one execution of a segment costs.
struct FunctionCost {
    std::uint32_t instructions = 0;
    std::uint32_t loads = 0;  ///< among the instructions
    std::uint32_t stores = 0; ///< among the instructions
};

/// A segment as measured: its default cost and where the numbers come from.
struct FunctionRecord {
    std::string_view name; ///< of the kernel's function, or of the part of it
    FunctionCost cost;
    /// Instructions as an expression over the measured functions' medians (name@p10 and the like for other
    /// columns), or "assumed" and a number.
    std::string_view formula;
    /// The measured function whose share of loads and stores is used.
    std::string_view mix;
    std::string_view note;
};

/// Costs of Linux 6.1.192 (Debian, x86-64, mitigations off). Source: instruction counts of that kernel in
/// QEMU (tests/data/kcost), see each record's formula. Loadable as options
/// os.cost.<name>.{instructions,loads,stores}; configs/os/linux-6.1-costs.cfg holds the defaults.
class CostTable {
public:
    CostTable();

    [[nodiscard]] const FunctionCost& operator[](KernelFunction function) const {
        return m_costs[static_cast<std::size_t>(function)];
    }
    /// Kernel text address of the segment: each has a range of its own, 4 bytes an instruction (assumed mean
    /// length).
    [[nodiscard]] VirtAddr text(KernelFunction function) const {
        return m_text[static_cast<std::size_t>(function)];
    }
    [[nodiscard]] static const FunctionRecord& record(KernelFunction function);

    /// Declares [os.cost.<name>] for every segment.
    void declare(OptionGroup cost);
    /// Lays the text out; call it after options have changed. Throws ConfigError where a segment loads and
    /// stores more often than it has instructions.
    void finish();

private:
    std::array<FunctionCost, kernel_function_count> m_costs;
    std::array<VirtAddr, kernel_function_count> m_text;
};

} // namespace pagewalk::os
