#include "os/path/cost_table.h"

#include "contract/kernel_layout.h"
#include "os/path/costs/dma_costs.h"
#include "os/path/costs/fault_costs.h"
#include "os/path/costs/file_costs.h"
#include "os/path/costs/huge_costs.h"
#include "os/path/costs/net_costs.h"
#include "os/path/costs/object_costs.h"
#include "os/path/costs/page_costs.h"
#include "os/path/costs/reclaim_costs.h"
#include "os/path/costs/space_costs.h"
#include "os/path/costs/task_costs.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

namespace pagewalk::os {
namespace {

constexpr std::uint32_t bytes_per_instruction = 4; // assumed mean of kernel code

using Records = EnumTable<KernelFunction, FunctionRecord>;

template <std::size_t... sizes>
consteval auto joined(const std::array<costs::CostRow, sizes>&... parts) {
    std::array<costs::CostRow, (sizes + ...)> rows{};
    auto end = rows.begin();
    ((end = std::ranges::copy(parts, end).out), ...);
    return rows;
}

constexpr std::array rows = joined(costs::page, costs::object, costs::fault, costs::space, costs::task,
                                   costs::file, costs::reclaim, costs::huge, costs::dma, costs::net);
constexpr Records records = []<std::size_t... i>(std::index_sequence<i...>) { return Records{rows[i]...}; }
(std::make_index_sequence<rows.size()>());

KernelFunction function_at(std::size_t place) { return static_cast<KernelFunction>(place); }

} // namespace

CostTable::CostTable() {
    for (std::size_t i = 0; i < kernel_function_count; ++i) m_costs[i] = record(function_at(i)).cost;
    finish();
}

const FunctionRecord& CostTable::record(KernelFunction function) { return records[function]; }

void CostTable::declare(OptionGroup cost) {
    constexpr OptionRange range{0, 65'535}; // loads and stores of a step are 16 bits wide
    for (std::size_t i = 0; i < kernel_function_count; ++i) {
        const FunctionRecord& record = records[function_at(i)];
        const OptionGroup group = cost.group(record.name);
        std::string source = "tests/data/kcost: " + std::string(record.formula);
        if (!record.note.empty()) source += " (" + std::string(record.note) + ")";
        const std::string mix = "share of " + std::string(record.mix) + ", tests/data/kcost";
        const std::string name(record.name);
        OptionGroup(group).number(
            "instructions", m_costs[i].instructions, range,
            {Unit::Instructions, "instructions of " + name + " without its callees", source});
        OptionGroup(group).number("loads", m_costs[i].loads, range,
                                  {Unit::Instructions, "loads among the instructions of " + name, mix});
        OptionGroup(group).number("stores", m_costs[i].stores, range,
                                  {Unit::Instructions, "stores among the instructions of " + name, mix});
    }
}

void CostTable::finish() {
    VirtAddr next = kernel_layout::text_base;
    for (std::size_t i = 0; i < kernel_function_count; ++i) {
        const FunctionCost& cost = m_costs[i];
        if (cost.loads + cost.stores > cost.instructions)
            throw ConfigError("os.cost." + std::string(record(function_at(i)).name) + ": " +
                              std::to_string(cost.loads) + " loads and " + std::to_string(cost.stores) +
                              " stores are more than its " + std::to_string(cost.instructions) +
                              " instructions");
        m_text[i] = next;
        const std::uint64_t bytes = std::uint64_t{cost.instructions} * bytes_per_instruction;
        next += (bytes + line_size) & ~(line_size - 1);
    }
}

} // namespace pagewalk::os
