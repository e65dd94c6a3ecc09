#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace pagewalk {

inline constexpr unsigned page_shift = 12;
inline constexpr std::uint64_t page_size = 1ULL << page_shift;
inline constexpr unsigned line_shift = 6;
inline constexpr std::uint64_t line_size = 1ULL << line_shift;

/// A byte address in one address space. Addresses of different spaces neither convert nor compare.
template <class Space>
class Address {
public:
    constexpr Address() = default;
    explicit constexpr Address(std::uint64_t value) : m_value(value) {}

    [[nodiscard]] constexpr std::uint64_t value() const { return m_value; }
    [[nodiscard]] constexpr std::uint64_t page_offset() const { return m_value & (page_size - 1); }
    [[nodiscard]] constexpr Address line() const { return Address(m_value & ~(line_size - 1)); }
    [[nodiscard]] constexpr Address page() const { return Address(m_value & ~(page_size - 1)); }

    constexpr auto operator<=>(const Address&) const = default;
    constexpr Address& operator+=(std::uint64_t bytes) {
        m_value += bytes;
        return *this;
    }
    constexpr Address& operator-=(std::uint64_t bytes) {
        m_value -= bytes;
        return *this;
    }
    friend constexpr Address operator+(Address a, std::uint64_t bytes) { return Address(a.m_value + bytes); }
    friend constexpr Address operator-(Address a, std::uint64_t bytes) { return Address(a.m_value - bytes); }
    /// Distance in bytes.
    friend constexpr std::uint64_t operator-(Address a, Address b) { return a.m_value - b.m_value; }

private:
    std::uint64_t m_value = 0;
};

/// The number of a page in one address space: address / 4 KiB.
template <class Space>
class PageNumber {
public:
    constexpr PageNumber() = default;
    explicit constexpr PageNumber(std::uint64_t value) : m_value(value) {}

    [[nodiscard]] constexpr std::uint64_t value() const { return m_value; }

    constexpr auto operator<=>(const PageNumber&) const = default;
    constexpr PageNumber& operator+=(std::uint64_t pages) {
        m_value += pages;
        return *this;
    }
    constexpr PageNumber& operator++() {
        ++m_value;
        return *this;
    }
    friend constexpr PageNumber operator+(PageNumber p, std::uint64_t pages) {
        return PageNumber(p.m_value + pages);
    }
    friend constexpr PageNumber operator-(PageNumber p, std::uint64_t pages) {
        return PageNumber(p.m_value - pages);
    }
    /// Distance in pages.
    friend constexpr std::uint64_t operator-(PageNumber a, PageNumber b) { return a.m_value - b.m_value; }

private:
    std::uint64_t m_value = 0;
};

struct VirtualSpace {};
struct PhysicalSpace {};

using VirtAddr = Address<VirtualSpace>;
using PhysAddr = Address<PhysicalSpace>;
/// Virtual page number.
using Vpn = PageNumber<VirtualSpace>;
/// Page frame number.
using Pfn = PageNumber<PhysicalSpace>;

[[nodiscard]] constexpr Vpn vpn_of(VirtAddr address) { return Vpn(address.value() >> page_shift); }
[[nodiscard]] constexpr Pfn pfn_of(PhysAddr address) { return Pfn(address.value() >> page_shift); }
[[nodiscard]] constexpr VirtAddr address_of(Vpn page) { return VirtAddr(page.value() << page_shift); }
[[nodiscard]] constexpr PhysAddr address_of(Pfn frame) { return PhysAddr(frame.value() << page_shift); }

inline constexpr Pfn no_pfn{~0ULL};

} // namespace pagewalk

template <class Space>
struct std::hash<pagewalk::Address<Space>> {
    std::size_t operator()(pagewalk::Address<Space> a) const noexcept {
        return std::hash<std::uint64_t>{}(a.value());
    }
};
template <class Space>
struct std::hash<pagewalk::PageNumber<Space>> {
    std::size_t operator()(pagewalk::PageNumber<Space> p) const noexcept {
        return std::hash<std::uint64_t>{}(p.value());
    }
};
