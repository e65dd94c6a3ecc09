#include "workloads/trace/trace_addresses.h"

#include <array>
#include <cstdio>

namespace pagewalk::workloads {

namespace {

constexpr unsigned gib_shift = 30;

} // namespace

void TraceConfig::declare(OptionGroup group) {
    group.choice(
        "kernel_addresses", kernel_addresses,
        {{KernelAddresses::Refuse, "refuse"}, {KernelAddresses::UserPages, "user_pages"}},
        {Unit::None,
         "what addresses beyond x86-64's user half (the kernel's, another architecture's) in a ChampSim or "
         "lackey trace mean: an error, or pages of the user's, moved to where programs have none",
         "user"});
}

std::optional<std::uint64_t> TraceAddresses::place(std::uint64_t address) {
    const bool moves = m_config.kernel_addresses == KernelAddresses::UserPages;
    if (address < user_end) {
        const bool meets_moved = moves && address >= moved_begin && address < moved_end;
        return meets_moved ? std::nullopt : std::optional(address);
    }
    if (!moves) return std::nullopt;
    const auto [at, fresh] =
        m_moved.emplace(address >> gib_shift, (moved_begin >> gib_shift) + m_moved.size());
    if (at->second >= moved_end >> gib_shift) return std::nullopt;
    return at->second << gib_shift | (address & ((1ULL << gib_shift) - 1));
}

std::string TraceAddresses::why_refused(std::uint64_t address) const {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "0x%llx", static_cast<unsigned long long>(address));
    const std::string begin = "address " + std::string(text.data());
    if (m_config.kernel_addresses == KernelAddresses::Refuse)
        return begin + " is none of a user program on x86-64, which lie below 0x800000000000 "
                       "(trace.kernel_addresses = user_pages moves such pages there)";
    if (address < user_end)
        return begin + " lies where trace.kernel_addresses = user_pages moves other pages, 0x100000000000 to "
                       "0x200000000000";
    return begin + " is in more GiB beyond the user half than trace.kernel_addresses = user_pages can move";
}

} // namespace pagewalk::workloads
