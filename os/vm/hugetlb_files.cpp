#include "os/vm/hugetlb_files.h"

#include <iterator>

namespace pagewalk::os {

std::uint64_t HugetlbReservation::close(std::uint64_t first, std::uint64_t end) {
    std::uint64_t open = 0;
    for (std::uint64_t place = first; place < end; ++place)
        if (m_used.insert(place).second) ++open;
    return open;
}

InodeId HugetlbFiles::create(Operation& op, std::string_view name, HugetlbSize size) {
    const InodeId file = m_files.create_hugetlb(op, name);
    m_known[file].size = size;
    return file;
}

std::shared_ptr<HugetlbReservation> HugetlbFiles::reserve_private(Operation& op, InodeId file,
                                                                  std::uint64_t pages) {
    const HugetlbSize size = size_of(file);
    if (!m_pools.reserve(op, size, pages)) return nullptr;
    return std::make_shared<HugetlbReservation>(size);
}

bool HugetlbFiles::reserve_shared(Operation& op, InodeId file, std::uint64_t first, std::uint64_t pages) {
    File& known = m_known.at(file);
    std::uint64_t wanted = 0;
    for (std::uint64_t place = first; place < first + pages; ++place)
        wanted += known.promised.contains(place) || known.pages.contains(place) ? 0 : 1;
    if (!m_pools.reserve(op, known.size, wanted)) return false;
    for (std::uint64_t place = first; place < first + pages; ++place) {
        if (!known.pages.contains(place)) known.promised.insert(place);
    }
    return true;
}

void HugetlbFiles::close(Operation& op, HugetlbReservation& reservation, std::uint64_t first,
                         std::uint64_t end) {
    m_pools.unreserve(op, reservation.size(), reservation.close(first, end));
}

Pfn HugetlbFiles::find(InodeId file, std::uint64_t place) const {
    const File& known = m_known.at(file);
    const auto page = known.pages.find(place);
    return page == known.pages.end() ? no_pfn : page->second;
}

Pfn HugetlbFiles::find_or_add(Operation& op, InodeId file, std::uint64_t place) {
    if (const Pfn there = find(file, place); there != no_pfn) return there;
    File& known = m_known.at(file);
    const bool promised = known.promised.contains(place);
    const Pfn head = m_pools.take(
        op, known.size, promised ? HugetlbPools::Promise::Kept : HugetlbPools::Promise::None, place);
    if (head == no_pfn) return no_pfn;
    known.promised.erase(place);
    known.pages.emplace(place, head);
    return head;
}

void HugetlbFiles::remove(Operation& op, InodeId file, std::uint64_t first, std::uint64_t end) {
    File& known = m_known.at(file);
    const auto pages_end = known.pages.lower_bound(end);
    for (auto page = known.pages.lower_bound(first); page != pages_end; page = known.pages.erase(page))
        m_pools.put(op, page->second);
    const auto begin = known.promised.lower_bound(first), stop = known.promised.lower_bound(end);
    const auto open = static_cast<std::uint64_t>(std::distance(begin, stop));
    known.promised.erase(begin, stop);
    m_pools.unreserve(op, known.size, open);
}

void HugetlbFiles::forget(Operation& op, InodeId file) {
    remove(op, file, 0, ~0ULL);
    m_known.erase(file);
}

std::optional<HugetlbFiles::Promised> HugetlbFiles::take_kept(TaskId task) {
    const auto kept = m_promised.extract(task);
    if (kept.empty()) return std::nullopt;
    return kept.mapped();
}

} // namespace pagewalk::os
