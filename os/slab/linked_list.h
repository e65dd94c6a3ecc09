#pragma once

#include <cstddef>

namespace pagewalk::os {

/// Doubly linked list through the items' own `list_prev` and `list_next`. Owns nothing.
template <class Item>
class LinkedList {
public:
    [[nodiscard]] bool empty() const { return m_head == nullptr; }
    [[nodiscard]] std::size_t size() const { return m_size; }
    [[nodiscard]] Item* front() const { return m_head; }
    [[nodiscard]] Item* back() const { return m_tail; }

    void push_front(Item& item) {
        item.list_prev = nullptr;
        item.list_next = m_head;
        (m_head != nullptr ? m_head->list_prev : m_tail) = &item;
        m_head = &item;
        ++m_size;
    }
    void push_back(Item& item) {
        item.list_next = nullptr;
        item.list_prev = m_tail;
        (m_tail != nullptr ? m_tail->list_next : m_head) = &item;
        m_tail = &item;
        ++m_size;
    }
    /// Contract: `item` is on this list.
    void remove(Item& item) {
        (item.list_prev != nullptr ? item.list_prev->list_next : m_head) = item.list_next;
        (item.list_next != nullptr ? item.list_next->list_prev : m_tail) = item.list_prev;
        item.list_prev = item.list_next = nullptr;
        --m_size;
    }
    /// Makes `item`, which is on this list, the first: what was before it goes to the end, order kept.
    void rotate_to_front(Item& item) {
        if (m_head == &item) return;
        m_tail->list_next = m_head;
        m_head->list_prev = m_tail;
        m_tail = item.list_prev;
        m_tail->list_next = nullptr;
        item.list_prev = nullptr;
        m_head = &item;
    }

private:
    Item* m_head = nullptr;
    Item* m_tail = nullptr;
    std::size_t m_size = 0;
};

} // namespace pagewalk::os
