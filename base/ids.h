#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <vector>

namespace pagewalk {

enum class NodeId : std::uint16_t {};
enum class CpuId : std::uint16_t {};
/// A task (thread) of the simulated system: the kernel's pid.
enum class TaskId : std::uint32_t {};

template <class Id>
[[nodiscard]] constexpr std::size_t index_of(Id id) {
    return static_cast<std::size_t>(id);
}

/// A vector that only its own id type can index.
template <class Id, class T>
class IndexedVec {
public:
    IndexedVec() = default;
    explicit IndexedVec(std::size_t n) : m_items(n) {}
    IndexedVec(std::size_t n, const T& value) : m_items(n, value) {}
    IndexedVec(std::initializer_list<T> items) : m_items(items) {}

    [[nodiscard]] T& operator[](Id id) { return m_items[index_of(id)]; }
    [[nodiscard]] const T& operator[](Id id) const { return m_items[index_of(id)]; }
    [[nodiscard]] std::size_t size() const { return m_items.size(); }
    [[nodiscard]] bool empty() const { return m_items.empty(); }
    [[nodiscard]] bool contains(Id id) const { return index_of(id) < m_items.size(); }
    void resize(std::size_t n) { m_items.resize(n); }
    Id push_back(T item) {
        m_items.push_back(std::move(item));
        return static_cast<Id>(m_items.size() - 1);
    }

    [[nodiscard]] auto begin() { return m_items.begin(); }
    [[nodiscard]] auto end() { return m_items.end(); }
    [[nodiscard]] auto begin() const { return m_items.begin(); }
    [[nodiscard]] auto end() const { return m_items.end(); }

private:
    std::vector<T> m_items;
};

} // namespace pagewalk
