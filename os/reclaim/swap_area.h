#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace pagewalk::os {

/// A page-sized place of the swap area (swp_entry_t).
enum class SwapSlot : std::uint32_t {};

/// The slots of a swap area on a rotational device (struct swap_info_struct), given out in the kernel's
/// order: runs of 256 slots from the lowest that are free in one piece, where there are none slot after slot.
/// A slot is in use while page tables refer to it or the swap cache has its page. The first holds the header.
class SwapArea {
public:
    /// `pages` of it, the header included; 0: there is no area.
    explicit SwapArea(std::uint64_t pages);

    /// scan_swap_map_slots: a slot for a page that is about to be in the swap cache. None where all are in
    /// use.
    [[nodiscard]] std::optional<SwapSlot> take();
    /// swap_duplicate: one more page-table entry refers to it.
    void duplicate(SwapSlot slot);
    /// swap_free: one refers to it no more. Returns how many are left.
    unsigned drop(SwapSlot slot);
    /// swapcache_prepare. Contract: the slot is in use and its page is not in the cache.
    void enter_cache(SwapSlot slot) { at(slot).cached = true; }
    /// put_swap_page.
    void leave_cache(SwapSlot slot);

    [[nodiscard]] unsigned references(SwapSlot slot) const { return at(slot).references; }
    [[nodiscard]] bool in_use(SwapSlot slot) const { return at(slot).used(); }
    /// Slots, the header aside; those in use.
    [[nodiscard]] std::uint64_t total() const { return m_slots.empty() ? 0 : m_slots.size() - 1; }
    [[nodiscard]] std::uint64_t used() const { return m_used; }
    [[nodiscard]] std::uint64_t free() const { return total() - m_used; }
    /// One past the last.
    [[nodiscard]] std::uint64_t end() const { return m_slots.size(); }

    static constexpr std::uint32_t cluster = 256; ///< SWAPFILE_CLUSTER

private:
    struct Slot {
        std::uint16_t references = 0;
        bool cached = false;
        [[nodiscard]] bool used() const { return references != 0 || cached; }
    };
    [[nodiscard]] Slot& at(SwapSlot slot) { return m_slots[static_cast<std::size_t>(slot)]; }
    [[nodiscard]] const Slot& at(SwapSlot slot) const { return m_slots[static_cast<std::size_t>(slot)]; }
    void begin_cluster();
    void released(SwapSlot slot);

    std::vector<Slot> m_slots;
    std::uint64_t m_used = 0;
    std::uint32_t m_next = 1;         ///< where the next search begins
    std::uint32_t m_cluster_left = 0; ///< slots of the present run
    std::uint32_t m_lowest = 1;       ///< no slot below it is free
};

} // namespace pagewalk::os
