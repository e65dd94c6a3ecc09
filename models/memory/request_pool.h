#pragma once

#include "models/memory/address_mapping.h"
#include "models/memory/dram_command.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace pagewalk::models {

/// An access that a channel knows of and has not served.
struct DramRequest {
    DramPlace place;
    std::uint64_t line = 0;
    std::uint64_t arrival = 0;  ///< clocks
    std::uint64_t age = 0;      ///< when it was first looked at by the scheduler
    std::uint64_t forecast = 0; ///< of its column command (a read's) or admission (a write's); clocks
    BusDirection direction = BusDirection::Read;
    std::uint64_t turn = 0;      ///< of a read, see DramChannel::take_turn()
    std::uint8_t load = 0;       ///< class of the forecast
    std::uint16_t next = 0;      ///< of the same bank and direction, in the order of arrival
    std::uint16_t same_hash = 0; ///< of a write: the next whose line has its hash
};

/// Requests by number.
class RequestPool {
public:
    static constexpr std::uint16_t none = 0xffff;

    /// Those that are free are linked.
    explicit RequestPool(std::uint16_t capacity) : m_requests(capacity) {
        for (std::uint16_t number = 0; number < capacity; ++number)
            m_requests[number].next = number + 1 < capacity ? static_cast<std::uint16_t>(number + 1) : none;
    }
    [[nodiscard]] bool full() const { return m_free == none; }
    [[nodiscard]] DramRequest& operator[](std::uint16_t number) { return m_requests[number]; }
    [[nodiscard]] const DramRequest& operator[](std::uint16_t number) const { return m_requests[number]; }
    /// Contract: not full.
    [[nodiscard]] std::uint16_t take(const DramRequest& request) {
        const std::uint16_t number = m_free;
        m_free = m_requests[number].next;
        m_requests[number] = request;
        return number;
    }
    void release(std::uint16_t number) {
        m_requests[number].next = m_free;
        m_free = number;
    }

private:
    std::vector<DramRequest> m_requests;
    std::uint16_t m_free = 0;
};

/// Requests that wait outside a controller's queue, in the order of their arrival.
class ArrivalQueue {
public:
    /// `capacity`: a power of two.
    explicit ArrivalQueue(std::size_t capacity) : m_ring(capacity) {}

    [[nodiscard]] bool empty() const { return m_size == 0; }
    [[nodiscard]] std::size_t size() const { return m_size; }
    [[nodiscard]] std::uint16_t front() const { return m_ring[m_first]; }
    void pop() {
        m_first = (m_first + 1) & (m_ring.size() - 1);
        --m_size;
    }
    /// Number 0 is the front.
    [[nodiscard]] std::uint16_t at(std::size_t i) const {
        return m_ring[(m_first + i) & (m_ring.size() - 1)];
    }
    /// Behind those that have not arrived later. Returns how many are before it. Contract: there is room.
    std::size_t insert(std::uint16_t number, const RequestPool& pool) {
        std::size_t position = m_size++;
        for (; position > 0; --position) {
            const std::uint16_t before = at(position - 1);
            if (pool[before].arrival <= pool[number].arrival) break;
            place(position) = before;
        }
        place(position) = number;
        return position;
    }

private:
    [[nodiscard]] std::uint16_t& place(std::size_t i) { return m_ring[(m_first + i) & (m_ring.size() - 1)]; }

    std::vector<std::uint16_t> m_ring;
    std::size_t m_first = 0;
    std::size_t m_size = 0;
};

} // namespace pagewalk::models
