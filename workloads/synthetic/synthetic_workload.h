#pragma once

#include "base/rng.h"
#include "contract/instruction_stream.h"
#include "workloads/synthetic/common_config.h"
#include "workloads/synthetic/emitter.h"
#include "workloads/synthetic/program.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace pagewalk::workloads {

/// What a thread's work is told.
struct ThreadContext {
    Emitter& emit;
    Rng& rng;
    std::uint32_t thread = 0;
    std::uint32_t threads = 1;
};

/// One mapping that a program makes at its start.
struct Area {
    VirtAddr start{};
    std::uint64_t bytes = 0;
};

/// A generator's parts. Thread 0 maps the areas, touches them, starts the other threads and does its share of
/// the work; every thread then exits.
struct Recipe {
    std::string description;
    std::vector<Area> areas;
    /// What thread 0 does before it starts the others; may be empty.
    std::function<Program(ThreadContext)> prepare;
    /// The work of one thread, of at least one iteration: ends when the emitter is done() or at its natural
    /// end, and leaves the code where execution goes on.
    std::function<Program(ThreadContext)> work;
};

/// A synthetic program of one or more threads; each has its own generator, seeded by its number.
/// Thread i's clone returns 1000 + i.
[[nodiscard]] std::unique_ptr<Workload> make_synthetic_workload(const CommonConfig& config, Recipe recipe);

/// Lays areas of these sizes out one after the other, each starting at a huge page of its own with one
/// unmapped between them.
[[nodiscard]] std::vector<Area> lay_out(const std::vector<std::uint64_t>& bytes);

} // namespace pagewalk::workloads
