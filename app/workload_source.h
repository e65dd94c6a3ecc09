#pragma once

#include "app/system_config.h"
#include "contract/instruction_stream.h"
#include "workloads/qemu/seen_machine.h"

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace pagewalk::app {

/// The workload that a configuration names; `program` (the words after --) and `trace` (--trace) come before
/// it. A program runs in `scratch` if that is not empty, else in workload.directory, and sees `machine`.
/// Throws InputError.
[[nodiscard]] std::unique_ptr<Workload>
open_workload(const SystemConfig& config, std::span<const std::string> program, const std::string& trace,
              const std::string& scratch = {}, std::optional<workloads::SeenMachine> machine = {});

} // namespace pagewalk::app
