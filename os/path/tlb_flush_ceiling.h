#pragma once

#include <cstdint>

namespace pagewalk::os {

/// Pages that x86 flushes one by one; more are flushed all at once. Source: Documentation/x86/tlb.rst,
/// tlb_single_page_flush_ceiling.
inline constexpr std::uint64_t tlb_single_page_flush_ceiling = 33;

} // namespace pagewalk::os
