#pragma once

#include "os/file/file_system.h"
#include "os/vm/hugetlb_pool.h"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>

namespace pagewalk::os {

/// What a private mapping was promised (struct resv_map of its areas): a page for each of its places, until
/// it has had it. Places are counted in pages of its size.
class HugetlbReservation {
public:
    explicit HugetlbReservation(HugetlbSize size) : m_size(size) {}

    [[nodiscard]] HugetlbSize size() const { return m_size; }
    [[nodiscard]] bool is_open(std::uint64_t place) const { return !m_used.contains(place); }
    void use(std::uint64_t place) { m_used.insert(place); }
    /// How many places of [first, end) are still open; none of them is afterwards.
    [[nodiscard]] std::uint64_t close(std::uint64_t first, std::uint64_t end);

private:
    HugetlbSize m_size;
    std::set<std::uint64_t> m_used;
};

/// The files of hugetlbfs: each mapping with MAP_HUGETLB has one that nobody else knows, as each of System
/// V's segments with SHM_HUGETLB and each memfd with MFD_HUGETLB. Source: Linux 6.1, hugetlbfs_reserv.rst.
class HugetlbFiles {
public:
    HugetlbFiles(FileSystem& files, HugetlbPools& pools) : m_files(files), m_pools(pools) {}

    /// A file without pages, and one user.
    [[nodiscard]] InodeId create(Operation& op, std::string_view name, HugetlbSize size);
    [[nodiscard]] HugetlbSize size_of(InodeId file) const { return m_known.at(file).size; }

    /// hugetlb_reserve_pages for a private mapping. Null where the pool has not enough.
    [[nodiscard]] std::shared_ptr<HugetlbReservation> reserve_private(Operation& op, InodeId file,
                                                                      std::uint64_t pages);
    /// The same for shared mappings, and segments: the file's places themselves are promised pages.
    [[nodiscard]] bool reserve_shared(Operation& op, InodeId file, std::uint64_t first, std::uint64_t pages);
    /// hugetlb_vm_op_close: [first, end) of a mapping goes.
    void close(Operation& op, HugetlbReservation& reservation, std::uint64_t first, std::uint64_t end);

    /// The file's page at a place; no_pfn where there is none.
    [[nodiscard]] Pfn find(InodeId file, std::uint64_t place) const;
    /// The same, made where there is none; the file has the page's first reference.
    [[nodiscard]] Pfn find_or_add(Operation& op, InodeId file, std::uint64_t place);
    /// remove_inode_hugepages: the file's pages of [first, end) are no longer its own.
    void remove(Operation& op, InodeId file, std::uint64_t first, std::uint64_t end);
    /// The file is gone.
    void forget(Operation& op, InodeId file);

    /// What mmap was promised before it knew where: of a program that waits to be told whether it may.
    struct Promised {
        InodeId file = no_inode;
        std::shared_ptr<HugetlbReservation> reservation; ///< of a private mapping with a promise
    };
    void keep(TaskId task, Promised promised) { m_promised.insert_or_assign(task, std::move(promised)); }
    [[nodiscard]] std::optional<Promised> take_kept(TaskId task);

private:
    struct File {
        HugetlbSize size = HugetlbSize::Page2M;
        std::map<std::uint64_t, Pfn> pages;
        std::set<std::uint64_t> promised; ///< places that were promised a page and have none yet
    };

    FileSystem& m_files;
    HugetlbPools& m_pools;
    std::unordered_map<InodeId, File> m_known;
    std::unordered_map<TaskId, Promised> m_promised;
};

} // namespace pagewalk::os
