#include "base/error.h"
#include "base/rng.h"
#include "os/page/page_allocator.h"
#include "tests/unit/os/page/machines.h"

#include <algorithm>
#include <set>

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

TEST(PageAllocator, GivesBackWhatItTook) {
    const auto allocator = boot_page_allocator(one_node(gib));
    const std::uint64_t before = free_frames(*allocator);
    std::vector<Pfn> frames;
    for (int i = 0; i < 1000; ++i) frames.push_back(*allocator->allocate({.mask = gfp::kernel}));
    EXPECT_EQ(std::set<Pfn>(frames.begin(), frames.end()).size(), 1000u);
    EXPECT_EQ(free_frames(*allocator), before - 1000);
    for (const Pfn frame : frames) EXPECT_TRUE(allocator->free(frame, 0, CpuId{0}).has_value());
    EXPECT_EQ(free_frames(*allocator), before);
}

TEST(PageAllocator, ReportsBadFrees) {
    const auto allocator = boot_page_allocator(one_node(gib));
    const auto reason = [&](Pfn frame, unsigned order) {
        return allocator->free(frame, order, CpuId{0}).error();
    };
    const Pfn single = *allocator->allocate({.mask = gfp::kernel});
    const Pfn block = *allocator->allocate({.mask = gfp::kernel, .order = 5});
    EXPECT_EQ(reason(block, 4), BadPage::WrongOrder);
    EXPECT_EQ(reason(block + 1, 0), BadPage::NotAllocated);
    EXPECT_EQ(reason(pfn_of(PhysAddr(20 * mib)), 0), BadPage::Reserved);
    EXPECT_EQ(reason(pfn_of(PhysAddr(0xa0000)), 0), BadPage::OutsideMemory);
    EXPECT_EQ(reason(Pfn(1ULL << 40), 0), BadPage::OutsideMemory);
    allocator->pages().at(single).mapcount = 1;
    EXPECT_EQ(reason(single, 0), BadPage::Mapped);
    allocator->pages().at(single).mapcount = 0;
    EXPECT_TRUE(allocator->free(single, 0, CpuId{0}).has_value());
    EXPECT_EQ(reason(single, 0), BadPage::AlreadyFree);
    EXPECT_TRUE(allocator->free(block, 5, CpuId{0}).has_value());
    EXPECT_FALSE(allocator->free(block, 5, CpuId{0}).has_value());
}

TEST(PageAllocator, RefusesImpossibleRequests) {
    const auto allocator = boot_page_allocator(one_node(gib));
    EXPECT_EQ(allocator->allocate({.mask = gfp::kernel, .order = max_order}).error(),
              AllocError::OrderTooLarge);
    EXPECT_EQ(allocator->allocate({.mask = gfp::dma | gfp::highmem}).error(), AllocError::BadMask);
}

TEST(PageAllocator, AskingFor33PagesWastes31) {
    const auto allocator = boot_page_allocator(one_node(gib));
    const std::uint64_t before = free_frames(*allocator);
    const Pfn frame =
        *allocator->allocate({.mask = gfp::kernel, .order = 6}); // the smallest order for 33 pages
    EXPECT_EQ(before - free_frames(*allocator), 33u + 31u);
    ASSERT_TRUE(allocator->free(frame, 6, CpuId{0}).has_value());
    ASSERT_TRUE(allocator->allocate_exact({.mask = gfp::kernel}, 33).has_value());
    EXPECT_EQ(before - free_frames(*allocator), 33u);
}

TEST(PageAllocator, ExactAllocationsAreFreedFrameByFrame) {
    const auto allocator = boot_page_allocator(one_node(gib));
    const std::uint64_t before = free_frames(*allocator);
    const Pfn first = *allocator->allocate_exact({.mask = gfp::kernel}, 5);
    ASSERT_TRUE(allocator->free_range(first, 5, CpuId{0}).has_value());
    EXPECT_EQ(free_frames(*allocator), before);
}

TEST(PageAllocator, BulkAllocationTakesOneListAndStopsAtTheWatermark) {
    const auto allocator = boot_page_allocator(one_node(gib));
    std::vector<Pfn> frames(300);
    AllocTrace trace;
    EXPECT_EQ(allocator->allocate_bulk({.mask = gfp::kernel}, frames, &trace), 300u);
    EXPECT_EQ(trace.pcp_lock_acquisitions, 1);
    EXPECT_EQ(std::set<Pfn>(frames.begin(), frames.end()).size(), 300u);
    std::vector<Pfn> too_many(free_frames(*allocator));
    EXPECT_EQ(allocator->allocate_bulk({.mask = gfp::kernel}, too_many), 1u); // falls back to a single frame
}

TEST(PageAllocator, ListsOfFramesAreFreedInOrderAndBadOnesCounted) {
    const auto allocator = boot_page_allocator(one_node(gib));
    std::vector<Pfn> frames(10);
    ASSERT_EQ(allocator->allocate_bulk({.mask = gfp::highuser_movable}, frames), 10u);
    std::vector<Pfn> with_bad = frames;
    with_bad.push_back(frames[0]);
    EXPECT_EQ(allocator->free_list(with_bad, CpuId{0}), 1u);
    EXPECT_EQ(*allocator->allocate({.mask = gfp::highuser_movable}), frames.back());
}

TEST(PageAllocator, ZonesAreTriedFromTheRequestsHighestDown) {
    MemoryMap map = one_node(3 * gib);
    map.usable.push_back({PhysAddr(4 * gib), PhysAddr(5 * gib)});
    const auto allocator = boot_page_allocator(map);
    const auto zone = [&](GfpMask mask) {
        return allocator->zone_of(*allocator->allocate({.mask = mask}))->type;
    };
    EXPECT_EQ(zone(gfp::kernel), ZoneType::Normal);
    EXPECT_EQ(zone(gfp::kernel | gfp::dma32), ZoneType::Dma32);
    EXPECT_EQ(zone(gfp::kernel | gfp::dma), ZoneType::Dma);
    // Normal empties down to its low mark, then DMA32 takes over, but DMA is protected.
    ZoneType last = ZoneType::Normal;
    for (int i = 0; i < 300'000; ++i) last = zone(gfp::kernel);
    EXPECT_EQ(last, ZoneType::Dma32);
    EXPECT_LE(allocator->find_zone(NodeId{0}, ZoneType::Normal)->free_pages,
              static_cast<std::int64_t>(
                  allocator->find_zone(NodeId{0}, ZoneType::Normal)->watermark(Watermark::Low)));
}

TEST(PageAllocator, NodeMasksAndThisnodeAreObeyed) {
    const auto allocator = boot_page_allocator(two_nodes(gib));
    NodeMask only_1;
    only_1.insert(NodeId{1});
    const auto node = [&](const AllocRequest& request) {
        return allocator->zone_of(*allocator->allocate(request))->node;
    };
    EXPECT_EQ(node({.mask = gfp::kernel}), NodeId{0});
    EXPECT_EQ(node({.mask = gfp::kernel, .preferred = NodeId{1}}), NodeId{1});
    EXPECT_EQ(node({.mask = gfp::kernel, .nodes = &only_1}), NodeId{1});
    EXPECT_EQ(node({.mask = gfp::user, .cpuset = &only_1}), NodeId{1});
    std::expected<Pfn, AllocError> frame = Pfn(0);
    while ((frame = allocator->allocate({.mask = (gfp::kernel | gfp::thisnode | gfp::noretry), .order = 9})))
        EXPECT_EQ(allocator->zone_of(*frame)->node, NodeId{0});
    EXPECT_EQ(frame.error(), AllocError::NoMemory);
    EXPECT_EQ(node({.mask = gfp::kernel, .order = 9}), NodeId{1});
}

TEST(PageAllocator, TheTraceTellsAHitFromARefill) {
    const auto allocator = boot_page_allocator(one_node(gib));
    AllocTrace refill;
    (void)allocator->allocate({.mask = gfp::kernel}, &refill);
    EXPECT_EQ(refill.path, AllocPath::PcpRefill);
    EXPECT_EQ(refill.zone_lock_acquisitions, 1);
    EXPECT_GT(refill.blocks_refilled, 1u);
    EXPECT_GT(refill.split_levels, 0);
    TouchSteps touched;
    touched.record(true);
    AllocTrace hit(touched);
    EXPECT_TRUE(allocator->allocate({.mask = gfp::kernel}, &hit).has_value());
    EXPECT_EQ(hit.path, AllocPath::PcpHit);
    EXPECT_EQ(hit.zone_lock_acquisitions, 0);
    EXPECT_TRUE(touched.steps().empty()); // nothing under the zone's lock
    AllocTrace direct;
    (void)allocator->allocate({.mask = gfp::kernel, .order = 6}, &direct);
    EXPECT_EQ(direct.path, AllocPath::Buddy);
    EXPECT_EQ(direct.zone_lock_acquisitions, 1);
}

TEST(PageAllocator, ARefillNotesItsListsAndTheDescriptorOfEachBlock) {
    const auto allocator = boot_page_allocator(one_node(gib));
    Zone* zone = allocator->zones().back().get();
    for (const auto& each : allocator->zones()) {
        each->address = VirtAddr(0xffff888000100000 + each->index * 0x1000);
        if (each->populated()) zone = each.get();
    }
    TouchSteps touched;
    touched.record(true);
    AllocTrace trace(touched);
    const Pfn frame = *allocator->allocate({.mask = gfp::highuser_movable}, &trace);
    ASSERT_EQ(trace.path, AllocPath::PcpRefill);
    VirtAddr last_list{};
    std::set<VirtAddr> lists, pages;
    for (const TouchStep& step : touched.steps()) {
        if (step.kind != TouchStep::Kind::Store) continue;
        if (step.address >= zone->address && step.address < zone->address + 0x1000) {
            EXPECT_NE(step.address, last_list); // runs of one list are one store
            last_list = step.address;
            lists.insert(step.address);
        } else {
            pages.insert(step.address);
        }
    }
    EXPECT_TRUE(pages.contains(kernel_layout::struct_page(frame)));
    EXPECT_GE(pages.size(), trace.blocks_refilled);
    EXPECT_TRUE(lists.contains(zone->free_list(0, Migratetype::Movable)));
}

TEST(PageAllocator, MoreNodesThanItKnowsAreTheUsersMistake) {
    AllocatorLayout layout;
    layout.distances.assign(65, std::vector<unsigned>(65, 10));
    EXPECT_THROW(PageAllocator{layout}, ConfigError);
}

/// Random requests of every kind: after each step every managed frame is free or held by exactly one holder.
class PageAllocatorProperty : public testing::TestWithParam<std::uint64_t> {};

TEST_P(PageAllocatorProperty, NeverLosesNorDoublyAllocatesAFrame) {
    MemoryMap map = two_nodes(96 * mib);
    map.movablecore_bytes = 32 * mib;
    map.transparent_hugepages = false;
    const auto allocator = boot_page_allocator(map);
    const std::uint64_t managed = managed_frames(*allocator);
    struct Held {
        Pfn frame;
        unsigned order;
    };
    std::vector<Held> held;
    std::vector<bool> in_use(allocator->pages().end().value(), false);
    std::uint64_t held_frames = 0;
    std::uint64_t state = GetParam() * 0x9e3779b97f4a7c15ULL + 1;
    const auto random = [&state](std::uint64_t below) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        return state % below;
    };
    constexpr std::array masks{gfp::kernel,
                               gfp::highuser_movable,
                               gfp::atomic,
                               gfp::kernel | gfp::dma,
                               gfp::kernel | gfp::dma32,
                               gfp::kernel | gfp::reclaimable,
                               gfp::transhuge,
                               gfp::kernel | gfp::memalloc,
                               gfp::user | gfp::thisnode | gfp::noretry};
    for (int step = 0; step < 4000; ++step) {
        const auto cpu = static_cast<CpuId>(random(2));
        const std::uint64_t what = random(100);
        const auto hold = [&](Pfn frame, unsigned order) {
            for (std::uint64_t i = 0; i < 1ULL << order; ++i) {
                ASSERT_FALSE(in_use[(frame + i).value()]) << "handed out twice: " << (frame + i).value();
                in_use[(frame + i).value()] = true;
            }
            held.push_back({frame, order});
            held_frames += 1ULL << order;
        };
        if (what < 55) {
            const auto order = static_cast<unsigned>(random(4) == 0 ? random(max_order) : random(4));
            const auto frame = allocator->allocate({.mask = masks[random(masks.size())],
                                                    .order = order,
                                                    .cpu = cpu,
                                                    .preferred = static_cast<NodeId>(random(2))});
            if (frame) hold(*frame, order);
        } else if (what < 60) {
            std::vector<Pfn> frames(1 + random(80));
            frames.resize(allocator->allocate_bulk({.mask = gfp::kernel, .cpu = cpu}, frames));
            for (const Pfn frame : frames) hold(frame, 0);
        } else if (what < 97) {
            for (int i = 0; i < 2 && !held.empty(); ++i) {
                const std::size_t pick = random(held.size());
                const Held block = held[pick];
                held[pick] = held.back();
                held.pop_back();
                ASSERT_TRUE(allocator->free(block.frame, block.order, cpu).has_value());
                for (std::uint64_t k = 0; k < 1ULL << block.order; ++k)
                    in_use[(block.frame + k).value()] = false;
                held_frames -= 1ULL << block.order;
                ASSERT_FALSE(allocator->free(block.frame, block.order, cpu).has_value())
                    << "a double free was accepted";
            }
        } else {
            allocator->drain_all(cpu);
        }
        ASSERT_EQ(free_frames(*allocator) + held_frames, managed) << "step " << step;
        if (step % 200 == 0) {
            ASSERT_EQ(listed_frames(*allocator) + held_frames, managed) << "step " << step;
        }
    }
    for (const Held& block : held)
        ASSERT_TRUE(allocator->free(block.frame, block.order, CpuId{0}).has_value());
    allocator->drain_all(CpuId{0});
    EXPECT_EQ(listed_frames(*allocator), managed);
}

INSTANTIATE_TEST_SUITE_P(Seeds, PageAllocatorProperty, testing::Range<std::uint64_t>(1, 13));

} // namespace
} // namespace pagewalk::os
