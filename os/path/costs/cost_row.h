#pragma once

#include "base/enum_table.h"
#include "os/path/cost_table.h"

#include <array>

/// The measured costs of kernel functions, a part of the kernel a file.
namespace pagewalk::os::costs {

using CostRow = EnumTable<KernelFunction, FunctionRecord>::Row;

} // namespace pagewalk::os::costs
