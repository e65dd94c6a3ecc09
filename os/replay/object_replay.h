#pragma once

#include "os/replay/slab_image.h"
#include "os/slab/kmem_cache.h"

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace pagewalk::os {

struct ObjectReplayOptions {
    /// Called after the allocator has been put into the first snapshot's state; tests break a rule here.
    std::function<void(SlabAllocator&)> prepare;
    bool first_difference = false; ///< describe the first object that differs
};

/// What a replay of an object allocator found.
struct ObjectReplayReport {
    std::string capture;
    AllocatorKind allocator = AllocatorKind::Slub;
    std::size_t cpus = 1;
    std::uint64_t events = 0;
    std::uint64_t objects = 0, matched = 0;                 ///< of all caches
    std::uint64_t kmalloc_objects = 0, kmalloc_matched = 0; ///< of the kmalloc caches among them
    std::uint64_t caches = 0, caches_identical = 0;         ///< SLOB: its page lists
    std::vector<std::pair<std::string, std::uint64_t>> checks;
    std::vector<std::string> final_differences;
    std::string first_difference;

    [[nodiscard]] bool exact() const { return matched == objects && caches_identical == caches; }
    /// `matched N of M objects (P %), final state K of L caches identical`. N and M are kmalloc's: other
    /// caches may have bulk operations, which have no tracepoints (maple_node), and are told in text().
    [[nodiscard]] std::string summary() const;
    /// Everything, the summary last.
    [[nodiscard]] std::string text() const;
};

/// Starts the object allocator that the capture's kernel has from its first snapshot, replays the kernel's
/// kmem tracepoints, predicts every object's address, and compares every cache's arrays, lists and freelists
/// with the second snapshot. A slab's random start is read off its first object. `path` is a capture's folder
/// or its .tar.xz. Errors: InputError for a capture that is damaged, incomplete or inconsistent.
[[nodiscard]] ObjectReplayReport replay_objects(const std::string& path,
                                                const ObjectReplayOptions& options = {});

} // namespace pagewalk::os
