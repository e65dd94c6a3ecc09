#pragma once

#include "tests/support/simple_pages.h"
#include "tests/support/waiting_tasks.h"

#include <optional>
#include <span>

namespace pagewalk::os {

/// Pages for which a task waits, where its request allows that. A request that does not gets them at once, or
/// nothing at all while memory is scarce.
class WaitingPages final : public PageSource {
public:
    WaitingPages(WaitingTasks& tasks, std::size_t cpus, std::size_t nodes = 1)
        : pages(cpus, nodes), m_tasks(tasks) {}

    std::optional<Pfn> allocate(const PageRequest& request) override {
        if (!request.gfp.any(gfp::direct_reclaim)) {
            if (scarce) return std::nullopt;
        } else {
            m_tasks.wait();
        }
        PageRequest here = request;
        here.cpu = m_tasks.current_cpu(request.cpu);
        return pages.allocate(here);
    }
    void free(Pfn frame, unsigned order, CpuId cpu) override { pages.free(frame, order, cpu); }
    CpuId current_cpu(CpuId cpu) const override { return m_tasks.current_cpu(cpu); }
    std::size_t cpu_count() const override { return pages.cpu_count(); }
    std::size_t node_count() const override { return pages.node_count(); }
    NodeId node_of(CpuId cpu) const override { return pages.node_of(cpu); }
    NodeId node_of(Pfn frame) const override { return pages.node_of(frame); }
    std::span<const NodeId> fallback_order(NodeId node) const override { return pages.fallback_order(node); }

    SimplePages pages;
    bool scarce = true;

private:
    WaitingTasks& m_tasks;
};

} // namespace pagewalk::os
