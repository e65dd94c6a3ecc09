#pragma once

#include "base/ids.h"

#include <cstdint>

namespace pagewalk {

/// A device that accesses memory by itself.
enum class DeviceId : std::uint16_t {};

/// Who asks the memory system for a line: a CPU, or a device that accesses memory by itself.
class RequesterId {
public:
    constexpr RequesterId() = default; ///< CPU 0
    // Implicit: what a CPU or a device asks for, it asks for as itself.
    constexpr RequesterId(CpuId cpu) : m_raw(static_cast<std::uint32_t>(cpu)) {}
    constexpr RequesterId(DeviceId device) : m_raw(device_bit | static_cast<std::uint32_t>(device)) {}

    [[nodiscard]] constexpr bool is_device() const { return (m_raw & device_bit) != 0; }
    /// Contract: no device.
    [[nodiscard]] constexpr CpuId cpu() const { return static_cast<CpuId>(m_raw); }
    /// Contract: a device.
    [[nodiscard]] constexpr DeviceId device() const { return static_cast<DeviceId>(m_raw & ~device_bit); }

    constexpr bool operator==(const RequesterId&) const = default;

private:
    static constexpr std::uint32_t device_bit = 1U << 31;
    std::uint32_t m_raw = 0;
};

} // namespace pagewalk
