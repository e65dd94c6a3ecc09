#pragma once

#include "os/page/page_map.h"

#include <cstdint>
#include <vector>

namespace pagewalk::os {

/// A doubly linked list of frames; the links are frame numbers in the page descriptors, so that any frame can
/// leave in constant time. Contract: a frame is on at most one list.
class FrameList {
public:
    static constexpr std::uint32_t none = PageDescriptor::no_link;

    [[nodiscard]] bool empty() const { return m_first == none; }
    /// `none` when empty.
    [[nodiscard]] std::uint32_t first() const { return m_first; }
    [[nodiscard]] std::uint32_t last() const { return m_last; }

    void push_front(PageMap& pages, std::uint32_t frame) {
        PageDescriptor& page = pages.at(frame);
        page.prev = none;
        page.next = m_first;
        (m_first == none ? m_last : pages.at(m_first).prev) = frame;
        m_first = frame;
    }
    void push_back(PageMap& pages, std::uint32_t frame) {
        PageDescriptor& page = pages.at(frame);
        page.next = none;
        page.prev = m_last;
        (m_last == none ? m_first : pages.at(m_last).next) = frame;
        m_last = frame;
    }
    /// Contract: `place` is on the list.
    void insert_before(PageMap& pages, std::uint32_t place, std::uint32_t frame) {
        PageDescriptor& page = pages.at(frame);
        page.next = place;
        page.prev = pages.peek(place).prev;
        (page.prev == none ? m_first : pages.at(page.prev).next) = frame;
        pages.at(place).prev = frame;
    }
    void remove(PageMap& pages, std::uint32_t frame) {
        PageDescriptor& page = pages.at(frame);
        (page.prev == none ? m_first : pages.at(page.prev).next) = page.next;
        (page.next == none ? m_last : pages.at(page.next).prev) = page.prev;
        page.next = page.prev = none;
    }
    /// Makes `frame` the first element and keeps the circular order, as compaction's scanner leaves a list it
    /// has searched part of.
    void rotate_to_front(PageMap& pages, std::uint32_t frame) {
        if (m_first == frame) return;
        PageDescriptor& page = pages.at(frame);
        pages.at(m_last).next = m_first;
        pages.at(m_first).prev = m_last;
        m_last = page.prev;
        pages.at(m_last).next = none;
        page.prev = none;
        m_first = frame;
    }

    /// The frames, first to last.
    [[nodiscard]] std::vector<Pfn> frames(const PageMap& pages) const {
        std::vector<Pfn> result;
        for (std::uint32_t frame = m_first; frame != none; frame = pages.peek(frame).next)
            result.emplace_back(frame);
        return result;
    }

private:
    std::uint32_t m_first = none;
    std::uint32_t m_last = none;
};

} // namespace pagewalk::os
