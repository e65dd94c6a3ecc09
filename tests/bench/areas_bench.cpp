#include "tests/unit/os/vm/vm_rig.h"

#include <cstdint>
#include <memory>

#include <benchmark/benchmark.h>

namespace pagewalk::os {
namespace {

using test::page;
using test::VmRig;

/// An address space of very many areas: every second page from page(0) on is one.
struct ManyAreas {
    VmRig rig;
    std::shared_ptr<AddressSpace> space = rig.new_space();
    std::uint64_t areas;

    explicit ManyAreas(std::uint64_t wanted) : areas(wanted) {
        for (std::uint64_t i = 0; i < areas; ++i) rig.map_anonymous(*space, page(2 * i), 1);
    }
    /// Scattered over the areas, none twice in a row.
    [[nodiscard]] VirtAddr hole(std::uint64_t turn) const { return page(2 * (turn * 7919 % areas) + 1); }
};

// An area between two others that has other rights: it stays one of its own.
void mmap_munmap(benchmark::State& state) {
    ManyAreas many(static_cast<std::uint64_t>(state.range(0)));
    std::uint64_t turn = 0;
    for (auto _ : state) {
        const VirtAddr at = many.hole(turn++);
        many.rig.map(*many.space, {.start = at, .bytes = page_size, .flags = vm::read});
        many.rig.at_once([&](Operation& op) { many.rig.vm.munmap(op, *many.space, at, page_size); });
    }
    state.SetItemsProcessed(2 * state.iterations());
}
BENCHMARK(mmap_munmap)->Arg(100)->Arg(100'000);

// The zero page is mapped where nothing was, and taken away.
void fault_discard(benchmark::State& state) {
    ManyAreas many(static_cast<std::uint64_t>(state.range(0)));
    std::uint64_t turn = 0;
    for (auto _ : state) {
        const VirtAddr at = page(2 * (turn++ * 7919 % many.areas));
        many.rig.at_once([&](Operation& op) {
            (void)many.rig.vm.fault(op, *many.space, at, FaultAccess::Read, StrayAccess::Kills);
            many.rig.vm.discard(op, *many.space, at, page_size);
        });
    }
    state.SetItemsProcessed(2 * state.iterations());
}
BENCHMARK(fault_discard)->Arg(100)->Arg(100'000);

} // namespace
} // namespace pagewalk::os
