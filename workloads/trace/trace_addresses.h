#pragma once

#include "base/address.h"
#include "base/option.h"

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>

namespace pagewalk::workloads {

/// What addresses of a trace mean that no user program on x86-64 has: kernel addresses, those of other
/// architectures and of five-level paging.
enum class KernelAddresses : std::uint8_t {
    Refuse,    ///< the trace is damaged or not of a user program
    UserPages, ///< they are pages of the user's, moved to where user programs have none
};

struct TraceConfig {
    KernelAddresses kernel_addresses = KernelAddresses::Refuse;

    void declare(OptionGroup group);
};

/// Gives every address of a trace its place in the user half of x86-64. Addresses beyond that half are moved
/// by whole GiB, in the order in which they are met, to one from 16 TiB on that is free: programs lie below
/// and above (Documentation/x86/x86_64/mm.rst), and a trace that has addresses there is refused.
class TraceAddresses {
public:
    static constexpr std::uint64_t user_end = 1ULL << 47; ///< with four levels of page tables
    static constexpr std::uint64_t moved_begin = 1ULL << 44;
    static constexpr std::uint64_t moved_end = moved_begin + (1ULL << 44);

    explicit TraceAddresses(const TraceConfig& config)
        : m_config(config),
          m_plain_end(config.kernel_addresses == KernelAddresses::Refuse ? user_end : moved_begin) {}

    /// Are these addresses, given as their bitwise or, all such that place() leaves them as they are? Cheap;
    /// false for some that it leaves too.
    [[nodiscard]] bool is_plain(std::uint64_t addresses) const { return addresses < m_plain_end; }
    /// Null where the address is refused; why_refused() says why.
    [[nodiscard]] std::optional<std::uint64_t> place(std::uint64_t address);
    [[nodiscard]] std::string why_refused(std::uint64_t address) const;

private:
    TraceConfig m_config;
    std::uint64_t m_plain_end;                                ///< a power of two
    std::unordered_map<std::uint64_t, std::uint64_t> m_moved; ///< GiB to GiB
};

} // namespace pagewalk::workloads
