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
    const VirtAddr object = m_objects.allocate(op, ObjectKind::AnonVma);
    m_entries[static_cast<std::size_t>(id)] = {object, 0};
    return id;
}

void AnonVmas::link(Vma& area, AnonVmaId id, VirtAddr link_object) {
    area.chain.push_back({id, link_object});
    ++m_entries[static_cast<std::size_t>(id)].links;
}

void AnonVmas::prepare(Operation& op, VmaList& areas, std::size_t index) {
    Vma& area = areas[index];
    op.path.call(KernelFunction::AnonVmaPrepare);
    const VirtAddr link_object = m_objects.allocate(op, ObjectKind::AnonVmaChain);
    AnonVmaId id = no_anon_vma;
    if (index + 1 < areas.size() && shares(areas[index + 1], area, areas[index + 1]))
        id = areas[index + 1].anon;
    else if (index > 0 && shares(areas[index - 1], areas[index - 1], area))
        id = areas[index - 1].anon;
    if (id == no_anon_vma) id = create(op);
    if (area.anon != no_anon_vma) { // another fault was faster while this one waited for memory
        m_objects.free(op, ObjectKind::AnonVmaChain, link_object);
        drop_unlinked(op, id);
        return;
    }
    link(area, id, link_object);
    area.anon = id;
}

void AnonVmas::drop_unlinked(Operation& op, AnonVmaId id) {
    Entry& entry = m_entries[static_cast<std::size_t>(id)];
    if (entry.links != 0) return;
    m_objects.free(op, ObjectKind::AnonVma, entry.object);
    m_unused.push_back(id);
}

void AnonVmas::clone(Operation& op, const Vma& from, Vma& to) {
    if (from.chain.empty()) return;
    op.path.call(KernelFunction::AnonVmaClone);
    for (const Vma::ChainLink& chain_link : from.chain)
        link(to, chain_link.anon, m_objects.allocate(op, ObjectKind::AnonVmaChain));
    to.anon = from.anon;
}

void AnonVmas::fork(Operation& op, const Vma& parent, Vma& child) {
    if (parent.anon == no_anon_vma) return;
    op.path.call(KernelFunction::AnonVmaFork);
    clone(op, parent, child);
    const AnonVmaId own = create(op);
    link(child, own, m_objects.allocate(op, ObjectKind::AnonVmaChain));
    child.anon = own;
}

void AnonVmas::unlink(Operation& op, Vma& area) {
    op.path.call(KernelFunction::UnlinkAnonVma, static_cast<std::uint32_t>(area.chain.size()));
    // Links to anon_vmas that live on go first; newest first, as the list is kept.
    for (auto chain_link = area.chain.rbegin(); chain_link != area.chain.rend(); ++chain_link) {
        if (--m_entries[static_cast<std::size_t>(chain_link->anon)].links == 0) continue;
        m_objects.free(op, ObjectKind::AnonVmaChain, chain_link->object);
        chain_link->anon = no_anon_vma;
    }
    for (auto chain_link = area.chain.rbegin(); chain_link != area.chain.rend(); ++chain_link) {
        if (chain_link->anon == no_anon_vma) continue;
        m_objects.free(op, ObjectKind::AnonVma, m_entries[static_cast<std::size_t>(chain_link->anon)].object);
        m_objects.free(op, ObjectKind::AnonVmaChain, chain_link->object);
        m_unused.push_back(chain_link->anon);
    }
    area.chain.clear();
    area.anon = no_anon_vma;
}

} // namespace pagewalk::os
