#include "models/mmu/replacement/chirp.h"
#include "models/mmu/replacement/random.h"
#include "models/mmu/replacement/srrip.h"
#include "models/mmu/replacement/tlb_replacement.h"
#include "models/mmu/tlb.h"

#include <array>
#include <set>

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

constexpr VirtAddr user{0x7f0000000000};
constexpr std::array<std::int64_t, 4> oldest_first{1, 2, 3, 4};

TEST(TlbReplacement, LruIsTheTlbsOwn) {
    EXPECT_EQ(make_tlb_replacement(TlbReplacementKind::Lru, {64, 4}), nullptr);
}

TEST(SrripTlb, ReplacesWhatWasNotHitFirst) {
    SrripTlb policy({4, 4});
    for (std::size_t slot = 0; slot < 4; ++slot) policy.filled(slot);
    policy.hit(0);
    policy.hit(2);
    EXPECT_EQ(policy.victim(0, oldest_first), 1U);
    policy.filled(1); // long again; 3 has become distant
    EXPECT_EQ(policy.victim(0, oldest_first), 3U);
    policy.hit(1);
    policy.hit(3);
    // 0 and 2 have aged by one, 1 and 3 not at all.
    EXPECT_EQ(policy.victim(0, oldest_first), 0U);
}

TEST(RandomTlb, DrawsEveryWayAndRepeats) {
    RandomTlb one({4, 4}), other({4, 4});
    std::set<std::size_t> drawn;
    for (int i = 0; i < 200; ++i) {
        const std::size_t way = one.victim(0, oldest_first);
        EXPECT_EQ(way, other.victim(0, oldest_first));
        drawn.insert(way);
    }
    EXPECT_EQ(drawn, (std::set<std::size_t>{0, 1, 2, 3}));
}

TEST(ChirpTlb, BeginsAsLru) {
    ChirpTlb policy({4, 4});
    for (std::size_t slot = 0; slot < 4; ++slot) policy.filled(slot);
    constexpr std::array<std::int64_t, 4> used{4, 3, 1, 2};
    EXPECT_EQ(policy.victim(0, used), 2U);
}

/// A loop of four instructions that come back to their pages, and one that never does.
TEST(ChirpTlb, WhatAnInstructionNeverUsesAgainLeavesFirst) {
    Tlb lru({4, 4}), chirp({4, 4}, TlbReplacementKind::Chirp);
    std::uint64_t fresh = 1000;
    for (int round = 0; round < 2000; ++round) {
        const auto access = [&](std::uint64_t page, std::uint64_t pc) {
            for (Tlb* tlb : {&lru, &chirp}) {
                tlb->note_instruction(VirtAddr(0x400000 + pc * 4));
                const VirtAddr address = user + page * page_size;
                if (tlb->find({address, PageSize::Page4K, 1}) == nullptr) {
                    tlb->count_miss();
                    tlb->insert(address, 1, {.frame = page});
                }
            }
        };
        for (std::uint64_t page = 0; page < 3; ++page) access(page, page);
        for (int i = 0; i < 2; ++i) access(fresh++, 7);
    }
    EXPECT_EQ(lru.stats().hits, 0U) << "five pages come between two uses of each";
    EXPECT_GT(chirp.stats().hits, 1500U); // of 10,000
}

/// Whatever the policy, a TLB finds what a plain set of the pages it has not evicted holds.
TEST(TlbReplacement, EveryPolicyKeepsTheTlbWhole) {
    for (std::size_t kind = 0; kind < enum_count<TlbReplacementKind>; ++kind) {
        Tlb tlb({16, 4}, static_cast<TlbReplacementKind>(kind));
        std::set<std::uint64_t> held;
        for (std::uint64_t i = 0; i < 20'000; ++i) {
            const std::uint64_t page = i * 0x9e3779b97f4a7c15ULL >> 59;
            const PageTag tag(user + page * page_size, PageSize::Page4K, 1);
            tlb.note_instruction(VirtAddr(page * 16));
            ASSERT_EQ(tlb.find(tag) != nullptr, held.contains(page)) << kind << ' ' << i;
            if (i % 7 == 0) {
                ASSERT_EQ(tlb.take(tag).has_value(), held.erase(page) != 0);
                continue;
            }
            std::optional<TaggedTlbEntry> evicted;
            tlb.insert(tag, {.frame = page}, &evicted);
            if (evicted) {
                ASSERT_NE(evicted->entry.frame, page);
                ASSERT_EQ(held.erase(evicted->entry.frame), 1U);
            }
            held.insert(page);
            ASSERT_LE(held.size(), 16U);
        }
    }
}

} // namespace
} // namespace pagewalk::models
