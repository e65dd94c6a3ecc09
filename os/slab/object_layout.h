#pragma once

#include "base/address.h"
#include "base/ids.h"
#include "os/slab/slab_flags.h"
#include "os/slab/slab_geometry.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pagewalk::os {

/// Bytes that debugging fills in. Source: kernel log of debugged caches, Documentation/mm/slub.rst.
namespace poison {
inline constexpr std::uint8_t in_use = 0x5a; ///< padding of a slab
inline constexpr std::uint8_t free = 0x6b;
inline constexpr std::uint8_t end = 0xa5; ///< last byte of a free object
inline constexpr std::uint8_t red_inactive = 0xbb;
inline constexpr std::uint8_t red_active = 0xcc;
} // namespace poison

enum class ObjectState : bool { Free, Active };

/// Who allocated an object, and the CPU that allocated or freed it last.
struct ObjectTrack {
    VirtAddr allocated_by{};
    CpuId cpu{};
};

/// A run of bytes beside or in an object whose content the kernel knows.
struct GuardArea {
    std::string_view name;    ///< as the kernel calls it: "Left Redzone", "Poison", ...
    std::int64_t start = 0;   ///< bytes from the object
    std::uint64_t length = 0; ///< bytes
    std::uint8_t value = 0;
    bool red_zone = false;
};

/// The areas that can be checked, in the order in which the kernel checks them.
[[nodiscard]] std::vector<GuardArea> guard_areas(const SlubGeometry& geometry, SlabFlags flags,
                                                 Constructor constructor, ObjectState state);

/// Bytes of one slab that a program wrote where it may not have meant to.
class ObjectDamage {
public:
    /// `offset` from the slab's first byte.
    void write(std::uint64_t offset, std::uint64_t bytes, std::uint8_t value);
    void forget(std::uint64_t offset, std::uint64_t bytes);

    struct Finding {
        std::uint64_t first = 0, last = 0; ///< offsets of the first and last byte that differ
        std::uint8_t value = 0;            ///< of the first
    };
    /// The bytes of a range that differ from `expected`.
    [[nodiscard]] std::optional<Finding> find(std::uint64_t offset, std::uint64_t bytes,
                                              std::uint8_t expected) const;
    [[nodiscard]] std::uint8_t at(std::uint64_t offset, std::uint8_t expected) const;

private:
    std::map<std::uint64_t, std::uint8_t> m_bytes;
};

} // namespace pagewalk::os
