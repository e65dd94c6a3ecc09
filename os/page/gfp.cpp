#include "os/page/gfp.h"

#include <array>
#include <bit>
#include <cstdio>
#include <string_view>

namespace pagewalk::os {
namespace {

struct NamedMask {
    GfpMask mask;
    std::string_view name;
};

// Order matters: a mask is printed by the first names that fit.
constexpr std::array named_masks{
    NamedMask{gfp::transhuge, "GFP_TRANSHUGE"},
    NamedMask{gfp::transhuge_light, "GFP_TRANSHUGE_LIGHT"},
    NamedMask{gfp::highuser_movable, "GFP_HIGHUSER_MOVABLE"},
    NamedMask{gfp::highuser, "GFP_HIGHUSER"},
    NamedMask{gfp::user, "GFP_USER"},
    NamedMask{gfp::kernel_account, "GFP_KERNEL_ACCOUNT"},
    NamedMask{gfp::kernel, "GFP_KERNEL"},
    NamedMask{gfp::nofs, "GFP_NOFS"},
    NamedMask{gfp::atomic, "GFP_ATOMIC"},
    NamedMask{gfp::noio, "GFP_NOIO"},
    NamedMask{gfp::nowait, "GFP_NOWAIT"},
    NamedMask{gfp::dma, "GFP_DMA"},
    NamedMask{gfp::highmem, "__GFP_HIGHMEM"},
    NamedMask{gfp::dma32, "GFP_DMA32"},
    NamedMask{gfp::high, "__GFP_HIGH"},
    NamedMask{gfp::atomic_bit, "__GFP_ATOMIC"},
    NamedMask{gfp::io, "__GFP_IO"},
    NamedMask{gfp::fs, "__GFP_FS"},
    NamedMask{gfp::nowarn, "__GFP_NOWARN"},
    NamedMask{gfp::retry_mayfail, "__GFP_RETRY_MAYFAIL"},
    NamedMask{gfp::nofail, "__GFP_NOFAIL"},
    NamedMask{gfp::noretry, "__GFP_NORETRY"},
    NamedMask{gfp::comp, "__GFP_COMP"},
    NamedMask{gfp::zero, "__GFP_ZERO"},
    NamedMask{gfp::nomemalloc, "__GFP_NOMEMALLOC"},
    NamedMask{gfp::memalloc, "__GFP_MEMALLOC"},
    NamedMask{gfp::hardwall, "__GFP_HARDWALL"},
    NamedMask{gfp::thisnode, "__GFP_THISNODE"},
    NamedMask{gfp::reclaimable, "__GFP_RECLAIMABLE"},
    NamedMask{gfp::movable, "__GFP_MOVABLE"},
    NamedMask{gfp::account, "__GFP_ACCOUNT"},
    NamedMask{gfp::write, "__GFP_WRITE"},
    NamedMask{gfp::reclaim, "__GFP_RECLAIM"},
    NamedMask{gfp::direct_reclaim, "__GFP_DIRECT_RECLAIM"},
    NamedMask{gfp::kswapd_reclaim, "__GFP_KSWAPD_RECLAIM"},
    NamedMask{gfp::zerotags, "__GFP_ZEROTAGS"},
};

std::string hexadecimal(std::uint32_t value) {
    std::array<char, 16> text{};
    const int length = std::snprintf(text.data(), text.size(), "0x%x", value);
    return {text.data(), static_cast<std::size_t>(length)};
}

} // namespace

std::expected<void, std::string> check(GfpMask mask) {
    if (const GfpMask unknown = mask.without(gfp::known_bits); unknown.bits() != 0)
        return std::unexpected("unknown bits " + hexadecimal(unknown.bits()));
    if (std::popcount((mask & (gfp::dma_zone | gfp::highmem | gfp::dma32_zone)).bits()) > 1)
        return std::unexpected("at most one of GFP_DMA, __GFP_HIGHMEM and GFP_DMA32 may be set in " +
                               to_string(mask));
    if (mask.all(gfp::movable | gfp::reclaimable))
        return std::unexpected("__GFP_MOVABLE and __GFP_RECLAIMABLE exclude each other in " +
                               to_string(mask));
    return {};
}

std::string to_string(GfpMask mask) {
    if (mask.bits() == 0) return "none";
    std::string text;
    GfpMask left = mask;
    const auto append = [&text](std::string_view part) {
        if (!text.empty()) text += '|';
        text += part;
    };
    for (const NamedMask& named : named_masks) {
        if (!left.all(named.mask)) continue;
        left = left.without(named.mask);
        append(named.name);
    }
    if (left.bits() != 0) append(hexadecimal(left.bits()));
    return text;
}

} // namespace pagewalk::os
