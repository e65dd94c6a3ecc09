#pragma once

#include "contract/instruction_stream.h"
#include "workloads/trace/byte_source.h"
#include "workloads/trace/trace_addresses.h"

#include <filesystem>
#include <memory>

namespace pagewalk::workloads {

/// Opens a ChampSim or a valgrind lackey trace, plain or compressed with xz, gzip or zstd; which it is, its
/// content tells. Errors: InputError, naming what is allowed, for a file that cannot be read or is no such
/// trace; a Pagewalk recording (.pwt) is one of those. The stream throws RunError where the data proves
/// damaged later.
[[nodiscard]] std::unique_ptr<Workload> open_trace(const std::filesystem::path& path,
                                                   Decompress where = Decompress::Background,
                                                   const TraceConfig& config = {});

} // namespace pagewalk::workloads
