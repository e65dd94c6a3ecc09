#pragma once

#include "contract/driver_calls.h"
#include "contract/instruction_stream.h"
#include "workloads/synthetic/common_config.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace pagewalk::workloads {

/// Which of the kernel's allocators is asked.
enum class ObjectsFrom : std::uint8_t { Kmalloc, Cache, Vmalloc, Pages };

enum class ObjectPattern : std::uint8_t {
    Churn,  ///< a slot is drawn: its object is freed, or a new one made
    Pairs,  ///< each object is freed before the next is made
    Fill,   ///< all slots are filled, then emptied, in the same order
    Remote, ///< as fill, but each thread empties the slots that the one before it filled
};

/// Kernel memory asked for through the driver of contract/driver_calls.h.
struct KernelObjectsConfig {
    ObjectsFrom from = ObjectsFrom::Kmalloc;
    ObjectPattern pattern = ObjectPattern::Churn;
    /// size:weight, ...: assumed, small objects are the most.
    std::string sizes = "32:20,64:25,96:15,192:20,512:10,1KiB:5,2KiB:3,4KiB:2";
    std::uint32_t slots = 4096;          ///< objects that may live at a time, for each thread; 1 .. 1 Mi
    std::uint32_t batch = 1;             ///< objects a call, where the pattern allows; 1 .. 4096
    std::uint32_t touched_percent = 100; ///< of an object's bytes, that the driver writes; 0 .. 100
    std::uint64_t operations = 100'000;  ///< objects made and freed, for each thread at the natural end
};

struct ObjectShare {
    std::uint64_t bytes = 0;
    std::uint32_t weight = 0;
};
/// Reads "64:3, 4KiB:1". Errors: ConfigError saying what cannot be read.
[[nodiscard]] std::vector<ObjectShare> parse_object_sizes(std::string_view text);

/// A loop of driver calls. The remote pattern's calls are ordered, so that an object is freed after it was
/// made; it runs to its natural end. Errors: ConfigError.
[[nodiscard]] std::unique_ptr<Workload> make_kernel_objects(const CommonConfig& common,
                                                            const KernelObjectsConfig& config);

} // namespace pagewalk::workloads
