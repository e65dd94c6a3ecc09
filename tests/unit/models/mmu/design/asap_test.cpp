#include "models/mmu/design/asap.h"
#include "tests/unit/models/mmu/paging_rig.h"

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

using rig::cold_cycles;
using rig::PagingRig;

constexpr VirtAddr user{0x7f0000000000};

MmuConfig config(TranslationDesignKind kind, std::uint32_t levels = 2) {
    MmuConfig config;
    config.design.kind = kind;
    config.design.asap.levels = levels;
    return config;
}

/// When a load that misses everything has its translation.
std::uint64_t first_load(const MmuConfig& config, VirtAddr address, PageSize size) {
    PagingRig rig(config);
    rig.space.map(address, Pfn(0x80000), size);
    return rig.mmu.translate_load(address, Cycles(0)).ready.value();
}

TEST(AsapTest, FetchesTheLastLevelsWhileTheUpperAreRead) {
    const MmuConfig none = config(TranslationDesignKind::None);
    EXPECT_EQ(first_load(none, user, PageSize::Page4K), 7 + 1 + 4 * cold_cycles);
    // Two references wait for memory one after the other; two have come by then. The LLC's port takes one
    // request a cycle.
    EXPECT_EQ(first_load(config(TranslationDesignKind::Asap), user, PageSize::Page4K),
              7 + 1 + 1 + 2 * cold_cycles + 2 * rig::l1_cycles);
    EXPECT_EQ(first_load(config(TranslationDesignKind::Asap, 1), user, PageSize::Page4K),
              7 + 1 + 3 * cold_cycles + rig::l1_cycles);
}

TEST(AsapTest, HugePageHasNoLastLevel) {
    EXPECT_EQ(first_load(config(TranslationDesignKind::Asap), user, PageSize::Page2M),
              7 + 1 + 2 * cold_cycles + rig::l1_cycles);
    EXPECT_EQ(first_load(config(TranslationDesignKind::Asap, 1), user, PageSize::Page2M),
              7 + 1 + 3 * cold_cycles);
}

} // namespace
} // namespace pagewalk::models
