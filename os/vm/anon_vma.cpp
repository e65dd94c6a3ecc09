#include "os/vm/anon_vma.h"

namespace pagewalk::os {
namespace {

/// May two neighbours share an anon_vma, so that they can merge later? What mprotect can change does not
/// matter.
bool shares(const Vma& near, const Vma& left, const Vma& right) {
    return near.anon != no_anon_vma && near.chain.size() == 1 && left.end == right.start &&
           left.inode == right.inode && ((left.flags ^ right.flags) & ~vm::access) == 0 &&
           right.page_offset == left.page_offset + left.pages();
}

} // namespace

AnonVmaId AnonVmas::create(Operation& op) {
    AnonVmaId id{static_cast<std::uint32_t>(m_entries.size())};
    if (m_unused.empty()) {
        m_entries.emplace_back();
    } else {
        id = m_unused.back();
        m_unused.pop_back();
    }
    m_entries[static_cast<std::size_t>(id)] = {m_objects.allocate(op, ObjectKind::AnonVma), 0};
    return id;
}

void AnonVmas::link(Operation& op, Vma& area, AnonVmaId id) {
    area.chain.push_back({id, m_objects.allocate(op, ObjectKind::AnonVmaChain)});
    ++m_entries[static_cast<std::size_t>(id)].links;
    op.path.store(m_entries[static_cast<std::size_t>(id)].object);
}

void AnonVmas::prepare(Operation& op, VmaList& areas, std::size_t index) {
    Vma& area = areas[index];
    op.path.call(KernelFunction::AnonVmaPrepare);
    AnonVmaId id = no_anon_vma;
    if (index + 1 < areas.size() && shares(areas[index + 1], area, areas[index + 1]))
        id = areas[index + 1].anon;
    else if (index > 0 && shares(areas[index - 1], areas[index - 1], area))
        id = areas[index - 1].anon;
    if (id == no_anon_vma) id = create(op);
    link(op, area, id);
    area.anon = id;
}

void AnonVmas::clone(Operation& op, const Vma& from, Vma& to) {
    if (from.chain.empty()) return;
    op.path.call(KernelFunction::AnonVmaClone);
    for (const Vma::ChainLink& chain_link : from.chain) link(op, to, chain_link.anon);
    to.anon = from.anon;
}

void AnonVmas::fork(Operation& op, const Vma& parent, Vma& child) {
    if (parent.anon == no_anon_vma) return;
    op.path.call(KernelFunction::AnonVmaFork);
    clone(op, parent, child);
    const AnonVmaId own = create(op);
    link(op, child, own);
    child.anon = own;
}

void AnonVmas::unlink(Operation& op, Vma& area) {
    for (const Vma::ChainLink& chain_link : area.chain) {
        m_objects.free(op, ObjectKind::AnonVmaChain, chain_link.object);
        Entry& entry = m_entries[static_cast<std::size_t>(chain_link.anon)];
        if (--entry.links != 0) continue;
        m_objects.free(op, ObjectKind::AnonVma, entry.object);
        m_unused.push_back(chain_link.anon);
    }
    area.chain.clear();
    area.anon = no_anon_vma;
}

} // namespace pagewalk::os
