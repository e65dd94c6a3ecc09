#pragma once

#include "contract/page_tables/page_table_format.h"

#include <cstdint>
#include <map>
#include <set>

#include <gtest/gtest.h>

namespace pagewalk::rig {

/// Memory for tables that a test limits, and that notices what is freed twice or never.
class CountedFrames final : public TableFrames {
public:
    [[nodiscard]] Pfn allocate(unsigned order) override {
        if (order > most_order || taken + (1ULL << order) > limit) return no_frame;
        const Pfn frame((m_next + (1ULL << order) - 1) >> order << order);
        m_next = frame.value() + (1ULL << order);
        blocks[frame] = order;
        taken += 1ULL << order;
        return frame;
    }
    void free(Pfn frame, unsigned order) override {
        const auto block = blocks.find(frame);
        ASSERT_NE(block, blocks.end()) << "not allocated";
        ASSERT_EQ(block->second, order);
        blocks.erase(block);
        taken -= 1ULL << order;
    }
    void load(PhysAddr where) override {
        expect_table(where);
        ++loads;
    }
    void store(PhysAddr where) override {
        expect_table(where);
        ++stores;
    }
    /// Does the address lie in a table?
    void expect_table(PhysAddr where) const {
        auto block = blocks.upper_bound(pfn_of(where));
        ASSERT_NE(block, blocks.begin()) << where.value();
        --block;
        ASSERT_LT(pfn_of(where).value(), block->first.value() + (1ULL << block->second)) << where.value();
    }

    std::map<Pfn, unsigned> blocks; ///< order by first frame
    std::uint64_t taken = 0;
    std::uint64_t limit = ~0ULL;
    unsigned most_order = max_order;
    std::uint64_t loads = 0, stores = 0;

private:
    std::uint64_t m_next = 0x1000;
};

/// A walker that forgets nothing, or everything.
class Memory final : public WalkMemory {
public:
    [[nodiscard]] bool recall(std::uint64_t key) override { return remembers && !keys.insert(key).second; }
    bool remembers = true;
    std::set<std::uint64_t> keys;
};

} // namespace pagewalk::rig
