#pragma once

#include "base/address.h"

namespace pagewalk {

/// Canonical addresses of x86-64 lie in two halves, told apart by the bits from 47 on (4-level paging);
/// systems give the upper one to the kernel. Source: Intel SDM vol. 1, 3.3.7.1.
[[nodiscard]] constexpr bool is_upper_half(VirtAddr address) { return (address.value() >> 47) != 0; }

} // namespace pagewalk
