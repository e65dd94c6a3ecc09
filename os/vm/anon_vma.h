#pragma once

#include "os/path/kernel_objects.h"
#include "os/vm/vma_list.h"

#include <cstdint>
#include <vector>

namespace pagewalk::os {

/// The kernel objects that tie anonymous pages to the areas that may map them.
class AnonVmas {
public:
    explicit AnonVmas(KernelObjects& objects) : m_objects(objects) {}

    /// Gives `area` an anon_vma: that of a compatible neighbour, else a new one.
    void prepare(Operation& op, VmaList& areas, std::size_t index);
    /// anon_vma_clone: `to` gets the links of `from`.
    void clone(Operation& op, const Vma& from, Vma& to);
    /// anon_vma_fork: the links of the parent's area and an anon_vma of the child's own.
    void fork(Operation& op, const Vma& parent, Vma& child);
    void unlink(Operation& op, Vma& area);

private:
    void link(Vma& area, AnonVmaId id, VirtAddr link_object);
    [[nodiscard]] AnonVmaId create(Operation& op);
    void drop_unlinked(Operation& op, AnonVmaId id);

    struct Entry {
        VirtAddr object{};
        std::uint32_t links = 0;
    };
    KernelObjects& m_objects;
    std::vector<Entry> m_entries;
    std::vector<AnonVmaId> m_unused;
};

} // namespace pagewalk::os
