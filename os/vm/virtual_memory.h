#pragma once

#include "base/address.h"
#include "contract/kernel_interface.h"
#include "os/file/file_system.h"
#include "os/path/frame_allocator.h"
#include "os/path/kernel_objects.h"
#include "os/path/operation.h"
#include "os/reclaim/lru_batch.h"
#include "os/reclaim/page_users.h"
#include "os/reclaim/swap.h"
#include "os/task/process_memory.h"
#include "os/task/program.h"
#include "os/vm/address_space.h"
#include "os/vm/anon_vma.h"
#include "os/vm/huge_pages.h"
#include "os/vm/hugetlb_files.h"
#include "os/vm/hugetlb_pool.h"
#include "os/vm/numa_balancing_config.h"
#include "os/vm/page_gather.h"
#include "os/vm/page_table.h"
#include "os/vm/space_image.h"
#include "os/vm/thp_config.h"

#include <array>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace pagewalk::os {

struct VmConfig {
    std::uint64_t fault_around_bytes =
        64 * 1024;                          ///< pages mapped around a file fault. Source: Linux 6.1 default
    std::uint64_t stack_limit = 8ULL << 20; ///< RLIMIT_STACK. Source: Debian default
    ThpConfig thp;
    KhugepagedConfig khugepaged;
    HugetlbConfig hugetlb;
    NumaBalancingConfig numa_balancing;
};

class Khugepaged;
class NumaBalancing;

/// What an area of hugetlbfs has mapped.
struct HugetlbUse {
    std::uint64_t own = 0, shared = 0;            ///< bytes: mapped here alone, and elsewhere too
    std::array<std::uint64_t, max_nodes> nodes{}; ///< pages of its size
};

/// What a mapping is made of.
struct MapRequest {
    VirtAddr start{};
    std::uint64_t bytes = 0; ///< rounded up to pages
    std::uint32_t flags = 0; ///< of the area
    InodeId inode = no_inode;
    std::uint64_t page_offset = 0;
    std::shared_ptr<ReadaheadState> readahead = {}; ///< of the open file
    std::shared_ptr<HugetlbReservation> reservation = {};
};

/// Address spaces: areas, demand paging, copy on write, and what takes them apart again. Each call is one
/// kernel operation (or part of one): it changes the state at once and appends its steps.
class VirtualMemory final : public ProcessMemory, public PageUsers {
public:
    struct Parts {
        FrameAllocator& frames;
        KernelObjects& objects;
        FileSystem& files;
        LruBatches& lru;
        PageTables& tables;
        KernelCounters& counters;
        TaskRunner& runner;
        Swap& swap;
    };
    VirtualMemory(const Parts& parts, const VmConfig& config, std::size_t cpus);

    // ProcessMemory
    [[nodiscard]] std::shared_ptr<AddressSpace> create(Operation& op) override;
    void load_arguments(Operation& op, AddressSpace& space, std::span<const InitialMapping> image) override;
    void load(Operation& op, AddressSpace& space, std::span<const InitialMapping> image) override;
    [[nodiscard]] std::shared_ptr<AddressSpace> fork(Operation& op, AddressSpace& parent) override;
    void add_user(Operation& op, AddressSpace& space) override;
    void drop_user(Operation& op, AddressSpace& space) override;
    void destroy(Operation& op, AddressSpace& space) override;
    [[nodiscard]] MemoryUse use(AddressSpace& space) override;
    [[nodiscard]] std::uint64_t badness(const AddressSpace& space) const override;
    [[nodiscard]] std::size_t areas(const AddressSpace& space) const override { return space.areas.size(); }
    [[nodiscard]] std::uint64_t peak_resident(const AddressSpace& space) const override {
        return space.peak_pages;
    }
    [[nodiscard]] VirtAddr object_of(const AddressSpace& space) const override { return space.object; }
    void reap(Operation& op, AddressSpace& space) override;

    // PageUsers
    [[nodiscard]] PageReferences take_references(Operation& op, Pfn frame, YoungPages* around) override;
    void walk_young(Operation& op, NodeId node, bool swaps, YoungPages& pages) override;
    [[nodiscard]] bool unmap(Operation& op, Pfn frame) override;
    void flush_unmapped(Operation& op) override;
    [[nodiscard]] bool split(Operation& op, Pfn head) override;
    void evict_file_page(Operation& op, Pfn frame) override;

    /// switch_mm: makes the operation's CPU use the space's tables, and flushes what its TLB has missed.
    void activate(Operation& op, AddressSpace& space);

    /// munmap: takes mmap_lock for writing, as do all calls below that change areas; those that only change
    /// pages take it for reading.
    void munmap(Operation& op, AddressSpace& space, VirtAddr start, std::uint64_t bytes);
    /// mmap at a known place, replacing what is there.
    void map(Operation& op, AddressSpace& space, const MapRequest& request);
    void protect(Operation& op, AddressSpace& space, VirtAddr start, std::uint64_t bytes,
                 std::uint32_t access);
    /// Moves, shrinks or grows a mapping as mremap did; `moved_to` is the address it returned.
    enum class OldMapping : bool { Goes, Stays }; ///< Stays, without its pages: MREMAP_DONTUNMAP
    void remap(Operation& op, AddressSpace& space, VirtAddr start, std::uint64_t old_bytes,
               std::uint64_t new_bytes, VirtAddr moved_to, OldMapping old = OldMapping::Goes);
    /// Moves the break to where brk returned.
    void set_break(Operation& op, AddressSpace& space, VirtAddr new_break);
    struct FilePages {
        std::uint64_t first = 0, end = PageCache::none; ///< page indices
    };
    enum class Copies : bool { Stay, Go }; ///< of private mappings, written to since
    /// unmap_mapping_range: takes pages of a file out of all mappings.
    void unmap_file(Operation& op, InodeId inode, const FilePages& pages, Copies copies);
    /// MADV_DONTNEED: drops the pages of a range.
    void discard(Operation& op, AddressSpace& space, VirtAddr start, std::uint64_t bytes);
    /// MADV_COLD: pages lose their accessed bits.
    void age(Operation& op, AddressSpace& space, VirtAddr start, std::uint64_t bytes);
    /// MADV_PAGEOUT: takes pages of a range that nobody else maps off their LRU lists, to be reclaimed.
    [[nodiscard]] std::vector<Pfn> isolate_for_pageout(Operation& op, AddressSpace& space, VirtAddr start,
                                                       std::uint64_t bytes);
    /// MADV_FREE: pages lose their dirty bits; memory pressure may take them.
    void mark_free(Operation& op, AddressSpace& space, VirtAddr start, std::uint64_t bytes);
    /// Sets and clears flags of the areas of a range, splitting and merging as madvise and mlock do.
    void advise(Operation& op, AddressSpace& space, VirtAddr start, VirtAddr end, std::uint32_t set,
                std::uint32_t clear);
    /// Counts a fault that is over, for the machine and the process, as handle_mm_fault does whoever calls
    /// it. Before the first program nothing is counted.
    void count_fault(Operation& op, FaultKind kind);
    enum class Populate : std::uint8_t {
        AsAllowed, ///< MAP_POPULATE, mlock: written to where that copies a page; holes are passed over
        Read,      ///< MADV_POPULATE_READ, _WRITE: until something does not allow it
        Write,
    };
    /// Faults a range in.
    void populate(Operation& op, AddressSpace& space, VirtAddr start, std::uint64_t bytes,
                  Populate how = Populate::AsAllowed);
    /// Puts a space that has nothing yet into a captured state. `brk_start` and `brk` stay.
    void restore(Operation& op, AddressSpace& space, const SpaceImage& image);

    enum class FaultStatus : std::uint8_t {
        Done,
        BadAddress,
        NoMemory,
        BusError, ///< SIGBUS: the pool of hugetlbfs has no page for it
        NoArea,   ///< for a touch that did happen: one is to be made
        Retry,    ///< `page` is being read: to be tried again, without the lock in between, once it is there
    };
    struct FaultResult {
        FaultStatus status = FaultStatus::Done;
        FaultKind kind = FaultKind::Spurious;
        FileSystem::Page page = {};
        bool unexplained = false; ///< no area allowed it: StrayAccess::Happened
    };
    /// handle_mm_fault and what leads to it, until the page is there. Never returns Retry or NoArea.
    [[nodiscard]] FaultResult fault(Operation& op, AddressSpace& space, VirtAddr address, FaultAccess access,
                                    StrayAccess stray);

    /// Takes a page off its LRU list to be moved. False when something else holds on to it, or when it is a
    /// file's and `mask` does not allow the file system's work.
    [[nodiscard]] bool isolate_page(Operation& op, Pfn frame, GfpMask mask);
    /// folio_mkclean: no shared mapping of the file's page may write to it without another fault.
    void write_protect_file(Operation& op, Pfn frame);
    /// Puts an isolated page back on its LRU list.
    void put_back_page(Operation& op, Pfn frame);
    /// migrate_pages of one page: `to` takes the place of the isolated page in page tables, page cache and
    /// LRU lists. The caller frees `from`. False when something else holds on to the page.
    [[nodiscard]] bool migrate_page(Operation& op, Pfn from, Pfn to);
    /// The same of a huge page that is mapped as a whole; `to` was made one. Takes it off its list itself and
    /// frees `from`. False, and nothing has changed, when it is not mapped so or something else holds on to
    /// it.
    [[nodiscard]] bool migrate_huge_page(Operation& op, Pfn from, Pfn to);
    /// lru_add_drain_all: pages on their way to the LRU lists get there.
    void drain_lru_batches(Operation& op);
    /// mbind_range: the memory of a range comes from where `policy` says, from the next page on; null: where
    /// the task's says. Contract: mmap_lock is held for writing.
    void set_policy(Operation& op, AddressSpace& space, VirtAddr start, VirtAddr end,
                    const std::shared_ptr<MemoryPolicy>& policy);

    /// hpage_collapse_scan_pmd: are the small pages of the 2 MiB from `start` on worth a huge one? `limits`:
    /// null where somebody asks for it, whatever is there.
    [[nodiscard]] bool worth_collapsing(Operation& op, AddressSpace& space, VirtAddr start,
                                        const CollapseLimits* limits);
    /// A page to collapse into; no_pfn where there is none.
    [[nodiscard]] Pfn new_collapsed_page(Operation& op);
    /// collapse_huge_page: `head` takes the place of the small pages. False, and the page is freed, where one
    /// of them cannot be replaced.
    bool collapse(Operation& op, AddressSpace& space, VirtAddr start, Pfn head);
    /// MADV_COLLAPSE.
    void collapse_range(Operation& op, AddressSpace& space, VirtAddr start, VirtAddr end);
    /// A new block becomes a huge page that nothing maps; discard_huge_page() frees one.
    void prepare_huge_page(Pfn head) { m_huge.make(head); }
    void discard_huge_page(Operation& op, Pfn head) { m_huge.discard(op, head); }
    /// May the 2 MiB around `address` be a huge page?
    [[nodiscard]] bool may_be_huge(const Vma& area, VirtAddr address) const;
    /// Is told of spaces that may have huge pages. Once, before the first program.
    void set_khugepaged(Khugepaged& daemon) { m_khugepaged = &daemon; }
    /// split_huge_page: its frames are small pages from now on. False where something other than mappings
    /// refers to it.
    bool split_huge_page(Operation& op, Pfn frame);
    /// The small one or the huge one, which processes share for memory that was read and never written.
    [[nodiscard]] bool is_zero_page(Pfn frame) const {
        return frame == m_frames.addresses().zero_page || frame == m_huge_zero_page;
    }

    [[nodiscard]] const ThpConfig& thp() const { return m_config.thp; }
    [[nodiscard]] const HugePages& huge_pages() const { return m_huge; }
    /// Is told of each page whose contents are copied to another frame, as that is decided: for tests.
    void on_copy(std::function<void(Pfn from, Pfn to)> told) { m_on_copy = std::move(told); }

    /// Fills the pools of hugetlbfs. Once, at boot. Throws ConfigError where memory has no room.
    void boot_hugetlb(Operation& op, ContiguousAllocator& contiguous) {
        m_hugetlb.boot(op, m_config.hugetlb, contiguous);
    }
    [[nodiscard]] HugetlbFiles& hugetlb_files() { return m_hugetlb_files; }
    [[nodiscard]] const HugetlbPools& hugetlb() const { return m_hugetlb; }
    [[nodiscard]] HugetlbUse hugetlb_use(AddressSpace& space, const Vma& area);
    /// Of the pages that the area is made of.
    [[nodiscard]] std::uint64_t page_bytes(const Vma& area) const;

    /// Is told of pages that were marked and touched. Once, before the first program.
    void set_numa_balancing(NumaBalancing& balancing) { m_numa = &balancing; }
    /// change_prot_numa: the next access to pages of a part of an area faults. Returns how many entries it
    /// has marked. Contract: mmap_lock is held for reading.
    std::uint64_t mark_for_numa(Operation& op, AddressSpace& space, const Vma& area, VirtAddr start,
                                VirtAddr end);

    [[nodiscard]] AnonVmas& anon_vmas() { return m_anon; }
    [[nodiscard]] PageTables& tables() { return m_tables; }
    [[nodiscard]] KernelObjects& objects() { return m_objects; }

private:
    /// Where a page is mapped.
    struct MappedAt {
        AddressSpace* space;
        VirtAddr page;
        PteSlot slot;
        const Vma* area;
    };
    struct FaultContext {
        AddressSpace& space;
        std::size_t area;
        VirtAddr page;
        FaultAccess access;
    };

    // areas; mmap_lock is held for writing
    void unmap(Operation& op, AddressSpace& space, VirtAddr start, std::uint64_t bytes);
    void change_flags(Operation& op, AddressSpace& space, VirtAddr start, VirtAddr end, std::uint32_t set,
                      std::uint32_t clear);
    void split(Operation& op, AddressSpace& space, std::size_t index, VirtAddr at);
    void insert_or_merge(Operation& op, AddressSpace& space, Vma area);
    struct AreaProperties {
        std::uint32_t flags = 0;
        std::shared_ptr<MemoryPolicy> policy;
    };
    std::size_t change_area(Operation& op, AddressSpace& space, std::size_t index, VirtAddr start,
                            VirtAddr end, const AreaProperties& properties);
    std::uint32_t move_entries(Operation& op, AddressSpace& space, VirtAddr from, VirtAddr to,
                               std::uint64_t bytes);
    void drop_files(Operation& op, AddressSpace& space, std::size_t first, std::size_t last);
    void remove_area(Operation& op, Vma& area);
    void grow_break(Operation& op, AddressSpace& space, VirtAddr from, VirtAddr to);
    void fit_tree(Operation& op, AddressSpace& space);
    void adopt_chain(Operation& op, Vma& into, const Vma& from);
    [[nodiscard]] std::size_t isolate(Operation& op, AddressSpace& space, VirtAddr start, VirtAddr end);

    void map_image(Operation& op, AddressSpace& space, const InitialMapping& mapping);
    void write_image(Operation& op, AddressSpace& space, const InitialMapping& mapping);
    void touch_strings(Operation& op, AddressSpace& space, const InitialMapping& mapping);
    void lock_pages(Operation& op, AddressSpace& space, VirtAddr start, VirtAddr end);
    void lock_page(Pfn frame);
    void unlock_page(Pfn frame);
    void restore_page(Operation& op, AddressSpace& space, const SpaceImage::Page& page);

    // pages
    void tear_down(Operation& op, AddressSpace& space);
    void zap(Operation& op, AddressSpace& space, const Vma& area, VirtAddr start, VirtAddr end,
             Copies copies = Copies::Go);
    enum class Dropped : std::uint8_t { NoPage, Mapping, LastMapping }; ///< NoPage: the zero page's
    Dropped drop_page(Operation& op, AddressSpace& space, PageTableEntry entry, const Vma& area);
    /// `stride`: bytes that an entry of the range maps.
    void flush(Operation& op, AddressSpace& space, VirtAddr start, VirtAddr end,
               std::uint64_t stride = page_size);
    void drop_swap_entry(Operation& op, AddressSpace& space, PteSlot slot);
    void put_page(Operation& op, Pfn frame);
    void copy_contents(Operation& op, Pfn to, Pfn from);
    void flush_all(Operation& op, AddressSpace& space);
    void finish_gather(Operation& op, AddressSpace& space, VirtAddr start, VirtAddr end, std::size_t zapped);
    [[nodiscard]] bool is_shared_in_swap(Pfn frame) const;
    [[nodiscard]] bool may_write(const Vma& area, PageTableEntry entry) const;
    [[nodiscard]] PageTableEntry protected_entry(const Vma& area, PteSlot slot) const;
    bool copy_areas(Operation& op, AddressSpace& parent, AddressSpace& child);
    [[nodiscard]] Vma copy_area(Operation& op, const Vma& area);
    bool copy_range(Operation& op, AddressSpace& from, AddressSpace& to, const Vma& area);
    void free_tables(Operation& op, AddressSpace& space, std::size_t first, std::size_t last, VirtAddr floor,
                     VirtAddr ceiling);

    // entries of huge pages
    [[nodiscard]] Pfn zap_huge(Operation& op, AddressSpace& space, const Vma& area, VirtAddr start,
                               PteSlot slot);
    void split_mapping(Operation& op, AddressSpace& space, PteSlot slot, VirtAddr address);
    void split_huge_at(Operation& op, AddressSpace& space, VirtAddr at);
    void split_ends(Operation& op, AddressSpace& space, VirtAddr start, VirtAddr end);
    void split_parts(Operation& op, AddressSpace& space, VirtAddr start, VirtAddr end);
    [[nodiscard]] bool copy_huge(Operation& op, AddressSpace& to, VirtAddr start, PteSlot slot);

    [[nodiscard]] bool is_marked_for_numa(Operation& op, const AddressSpace& space, const Vma& area,
                                          PteSlot slot) const;
    [[nodiscard]] FaultResult numa_fault(Operation& op, const FaultContext& fault, PteSlot slot);

    // hugetlbfs
    template <class Visit>
    void for_each_hugetlb(AddressSpace& space, const Vma& area, VirtAddr start, VirtAddr end,
                          const Visit& visit);
    [[nodiscard]] FaultResult hugetlb_fault(Operation& op, const FaultContext& fault);
    [[nodiscard]] FaultResult hugetlb_no_page(Operation& op, const FaultContext& fault, PteSlot slot);
    [[nodiscard]] FaultResult hugetlb_write_protected(Operation& op, const FaultContext& fault, PteSlot slot);
    [[nodiscard]] PageTableEntry hugetlb_entry(const Vma& area, Pfn head, PageTableEntry old) const;
    [[nodiscard]] Pfn hugetlb_page(Operation& op, const FaultContext& fault);
    void clear_hugetlb_page(Operation& op, Pfn head, HugetlbSize size);
    void unmap_from_others(Operation& op, const AddressSpace& owner, InodeId file, std::uint64_t place);
    void zap_hugetlb(Operation& op, AddressSpace& space, const Vma& area, VirtAddr start, VirtAddr end);
    [[nodiscard]] bool copy_hugetlb(Operation& op, AddressSpace& from, AddressSpace& to, const Vma& area);
    std::uint64_t protect_hugetlb(Operation& op, AddressSpace& space, const Vma& area, VirtAddr start,
                                  VirtAddr end);
    void move_hugetlb(Operation& op, AddressSpace& space, const Vma& area, VirtAddr to, std::uint64_t bytes);

    [[nodiscard]] bool collapsible(Pfn frame) const;
    [[nodiscard]] bool all_collapsible(AddressSpace& space, VirtAddr start);
    void collapse_page(Operation& op, AddressSpace& space, const Vma& area, PteSlot slot, Pfn target);

    // rmap
    void find_in_area(Operation& op, AddressSpace& space, const Vma& area, Pfn frame,
                      const FrameMapping& mapping);
    [[nodiscard]] bool find_mappings(Operation& op, Pfn frame, const FrameMapping& mapping);
    [[nodiscard]] bool unmap_one(Operation& op, Pfn frame, const MappedAt& at);
    [[nodiscard]] std::uint32_t references_of_owner(Pfn frame) const;
    void look_around(Operation& op, const MappedAt& at, YoungPages& pages);
    bool take_young(Operation& op, PteSlot slot, YoungPages& pages);
    void walk_area(Operation& op, AddressSpace& space, const Vma& area, YoungPages& pages);

    // faults; mmap_lock is held for reading
    [[nodiscard]] FaultResult fault_once(Operation& op, AddressSpace& space, VirtAddr address,
                                         FaultAccess access, StrayAccess stray);
    [[nodiscard]] std::size_t area_for(Operation& op, AddressSpace& space, VirtAddr address);
    [[nodiscard]] std::size_t add_stray_area(Operation& op, AddressSpace& space, VirtAddr address,
                                             StrayAccess stray);
    [[nodiscard]] FaultResult handle(Operation& op, const FaultContext& fault);
    [[nodiscard]] FaultResult anonymous(Operation& op, const FaultContext& fault);
    [[nodiscard]] FaultResult file_read(Operation& op, const FaultContext& fault);
    [[nodiscard]] FaultResult file_copy(Operation& op, const FaultContext& fault);
    [[nodiscard]] FaultResult shared_write(Operation& op, const FaultContext& fault);
    [[nodiscard]] FaultResult swapped_out(Operation& op, const FaultContext& fault, PteSlot slot);
    void map_swapped_in(Operation& op, const FaultContext& fault, PteSlot slot, Pfn frame);
    [[nodiscard]] FaultResult write_protected(Operation& op, const FaultContext& fault, PteSlot slot);
    [[nodiscard]] FaultResult copy_page(Operation& op, const FaultContext& fault, PteSlot slot);
    [[nodiscard]] FileSystem::Page page_of_file(Operation& op, const FaultContext& fault);
    [[nodiscard]] bool has_waited(const FileSystem::Page& page) const;
    void count_attempt(const Operation& op); ///< of a fault that is to be tried again
    void touch(Operation& op, PteSlot slot, FaultAccess access);
    [[nodiscard]] std::uint64_t shared_entry_flags(const Vma& area) const;
    void make_dirty(Operation& op, const Vma& area, Pfn frame);
    [[nodiscard]] bool map_around(Operation& op, const FaultContext& fault);
    [[nodiscard]] Pfn new_anonymous_page(Operation& op, const FaultContext& fault, AllocationPurpose purpose,
                                         GfpMask mask);
    void install_anonymous(Operation& op, const FaultContext& fault, PteSlot slot, Pfn frame, bool dirty);
    void install_file(Operation& op, const FaultContext& fault, PteSlot slot, Pfn frame, std::uint64_t flags);
    using HugeResult = std::optional<FaultResult>; ///< none: small pages are to be used
    void enter_khugepaged(Operation& op, AddressSpace& space, const Vma& area);
    [[nodiscard]] HugeResult huge_fault(Operation& op, const FaultContext& fault);
    [[nodiscard]] HugeResult present_huge(Operation& op, const FaultContext& fault, PteSlot slot);
    [[nodiscard]] HugeResult write_protected_huge(Operation& op, const FaultContext& fault, PteSlot slot);
    [[nodiscard]] HugeResult huge_anonymous(Operation& op, const FaultContext& fault, PteSlot slot);
    [[nodiscard]] HugeResult map_huge_zero(Operation& op, const FaultContext& fault, PteSlot slot);
    [[nodiscard]] Pfn new_huge_page(Operation& op, const Vma& area, VirtAddr start);
    [[nodiscard]] Pfn huge_zero_page(Operation& op);
    void clear_huge_page(Operation& op, Pfn head, VirtAddr touched);
    void install_huge(Operation& op, const FaultContext& fault, PteSlot slot, Pfn head, Pfn table);
    [[nodiscard]] std::uint64_t entry_flags(const Vma& area) const;
    [[nodiscard]] bool overtaken(Operation& op, PteSlot slot, PageTableEntry expected, Pfn frame);
    /// Of a level-1 table, or of the level-2 table where the entry is a huge page's.
    void lock_table(Operation& op, PteSlot slot);
    void unlock_table(Operation& op, PteSlot slot);

    FrameAllocator& m_frames;
    KernelObjects& m_objects;
    FileSystem& m_files;
    LruBatches& m_lru;
    PageTables& m_tables;
    KernelCounters& m_counters;
    TaskRunner& m_runner;
    Swap& m_swap;
    VmConfig m_config;
    AnonVmas m_anon;
    HugePages m_huge;
    HugetlbPools m_hugetlb;
    HugetlbFiles m_hugetlb_files;
    Pfn m_huge_zero_page = no_pfn;
    Khugepaged* m_khugepaged = nullptr; ///< null: none runs
    NumaBalancing* m_numa = nullptr;    ///< likewise
    PageGather m_gather;
    std::vector<Pfn> m_freed_tables;
    std::vector<AddressSpace*> m_spaces; ///< that exist, oldest first
    std::vector<MappedAt> m_found;
    std::function<void(Pfn, Pfn)> m_on_copy;
    std::vector<AddressSpace*> m_unmapped_in; ///< whose TLBs still know what unmap() has taken out
    std::size_t m_cpus;
    IndexedVec<CpuId, AddressSpace*> m_loaded; ///< whose tables each CPU uses
    std::vector<std::uint16_t> m_free_pcids;
    std::uint16_t m_next_pcid = 1; ///< 0 is the kernel's own
};

} // namespace pagewalk::os
