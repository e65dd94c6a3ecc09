#pragma once

#include "base/address.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace pagewalk::os {

enum class SlabFault : std::uint8_t {
    DoubleFree,
    WrongCache,      ///< freed to a cache it is not from
    NotSlab,         ///< the address is in no slab
    InvalidPointer,  ///< inside a slab, but not at an object
    RedZoneDamage,   ///< bytes next to an object were written
    PoisonDamage,    ///< a free object was written
    ObjectsRemain,   ///< a cache with live objects was destroyed
    CreateFailed,    ///< unknown flags, a size that cannot be had
    PanicOnCreate,   ///< the same for a cache that must exist: the kernel stops
    RequestTooLarge, ///< kmalloc beyond kmalloc_max_size
    OutOfMemory,
};
[[nodiscard]] std::string_view name_of(SlabFault fault);

/// Would the configured kernel have noticed? The simulator always does, and leaves its state as it was.
enum class Noticed : std::uint8_t { ByKernel, BySimulatorOnly };

/// A misuse, in the words the kernel's log would have.
struct SlabReport {
    SlabFault fault{};
    Noticed noticed = Noticed::ByKernel;
    std::string cache; ///< empty where there is none
    VirtAddr object{};
    std::string text; ///< lines end with '\n'
};

/// Collects reports; keeps the first ones, counts all.
class SlabReports {
public:
    static constexpr std::size_t capacity = 1000;

    void add(SlabReport report);
    [[nodiscard]] const std::vector<SlabReport>& kept() const { return m_kept; }
    [[nodiscard]] std::uint64_t count() const { return m_count; }
    /// Hands over what is kept and forgets it.
    [[nodiscard]] std::vector<SlabReport> take();
    /// Called for every report, also those that are not kept.
    void listen(std::function<void(const SlabReport&)> listener) { m_listener = std::move(listener); }

private:
    std::vector<SlabReport> m_kept;
    std::uint64_t m_count = 0;
    std::function<void(const SlabReport&)> m_listener;
};

/// 0x%016x, as %px prints a pointer.
[[nodiscard]] std::string pointer_text(VirtAddr address);

} // namespace pagewalk::os
