#pragma once

#include "base/enum_table.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace pagewalk::os {

/// Zones of both layouts, lowest first. A layout lacks some of them (x86-64 has no HighMem, i386 no DMA32),
/// but their order, which is what fallback and protection follow, is the same in both.
enum class ZoneType : std::uint8_t { Dma, Dma32, Normal, HighMem, Movable, Device };

inline constexpr std::size_t zone_type_count = enum_count<ZoneType>;

[[nodiscard]] constexpr std::size_t index_of(ZoneType type) { return static_cast<std::size_t>(type); }

/// As /proc/zoneinfo spells it.
[[nodiscard]] constexpr std::string_view name_of(ZoneType type) {
    constexpr EnumNames<ZoneType> names{
        {ZoneType::Dma, "DMA"},         {ZoneType::Dma32, "DMA32"},     {ZoneType::Normal, "Normal"},
        {ZoneType::HighMem, "HighMem"}, {ZoneType::Movable, "Movable"}, {ZoneType::Device, "Device"},
    };
    return names[type];
}

[[nodiscard]] constexpr std::optional<ZoneType> zone_type_named(std::string_view name) {
    for (std::size_t i = 0; i < zone_type_count; ++i)
        if (name_of(static_cast<ZoneType>(i)) == name) return static_cast<ZoneType>(i);
    return std::nullopt;
}

/// Which zones the kernel was built with.
enum class ZoneLayout : std::uint8_t {
    X86_64,      ///< DMA, DMA32, Normal, Movable, Device
    X86_64NoDma, ///< DMA32, Normal, Movable: CONFIG_ZONE_DMA off
    I386,        ///< DMA, Normal, HighMem, Movable
};

[[nodiscard]] constexpr bool has_zone(ZoneLayout layout, ZoneType type) {
    switch (layout) {
    case ZoneLayout::X86_64:
        return type != ZoneType::HighMem;
    case ZoneLayout::X86_64NoDma:
        return type == ZoneType::Dma32 || type == ZoneType::Normal || type == ZoneType::Movable;
    case ZoneLayout::I386:
        return type != ZoneType::Dma32 && type != ZoneType::Device;
    }
    return false;
}

} // namespace pagewalk::os
