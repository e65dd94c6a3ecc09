#include "os/path/memory_cgroup.h"
#include "os/path/operation.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

constexpr Pfn frame{1000};

/// Gives back what it is told to, and notes what it was asked.
class Pressure : public CgroupPressure {
public:
    explicit Pressure(MemoryCgroups& groups) : m_groups(groups) {}

    std::uint64_t reclaim(Operation&, MemoryCgroup&, std::uint64_t) override {
        asked.push_back("reclaim");
        if (reclaimable.empty()) return 0;
        m_groups.uncharge(reclaimable.back(), 0);
        reclaimable.pop_back();
        return 1;
    }
    OomOutcome out_of_memory(Operation&, MemoryCgroup& group) override {
        asked.push_back("kill");
        if (victims_pages.empty()) return no_victim;
        for (const Pfn page : victims_pages) m_groups.uncharge(page, 0);
        victims_pages.clear();
        ++group.oom_kills;
        return OomOutcome::Killed;
    }

    std::vector<Pfn> reclaimable, victims_pages;
    OomOutcome no_victim = OomOutcome::NoVictim;
    std::vector<std::string> asked;

private:
    MemoryCgroups& m_groups;
};

class MemoryCgroupTest : public testing::Test {
protected:
    MemoryCgroupTest() {
        m_groups.on_pressure(m_pressure);
        m_op.cgroup = &m_group;
    }
    bool charge(Pfn page, unsigned order = 0, GfpMask mask = gfp::highuser_movable) {
        return m_groups.charge(m_op, page, order, mask);
    }

    MemoryCgroups m_groups;
    Pressure m_pressure{m_groups};
    MemoryCgroup& m_group = m_groups.add({.max = 4});
    KernelPath m_path;
    PathLog m_log;
    CostTable m_costs;
    Operation m_op{.path = {m_path, m_costs, KernelTiming::Off}, .log = m_log, .runs = false};
};

TEST_F(MemoryCgroupTest, ChargesUpToTheLimitAndRemembersThePeak) {
    EXPECT_TRUE(charge(frame));
    EXPECT_TRUE(charge(frame + 1));
    EXPECT_TRUE(charge(frame + 2, 1));
    EXPECT_EQ(m_group.usage, 4U);
    m_groups.uncharge(frame + 2, 1);
    m_groups.uncharge(frame, 0);
    EXPECT_EQ(m_group.usage, 1U);
    EXPECT_EQ(m_group.peak, 4U);
    EXPECT_EQ(m_group.limit_hits, 0U);
    EXPECT_TRUE(m_pressure.asked.empty());
}

TEST_F(MemoryCgroupTest, ReclaimsBeforeAnybodyIsKilled) {
    for (std::uint64_t i = 0; i < 4; ++i) EXPECT_TRUE(charge(frame + i));
    m_pressure.reclaimable = {frame};
    EXPECT_TRUE(charge(frame + 4));
    EXPECT_EQ(m_pressure.asked, std::vector<std::string>{"reclaim"});
    EXPECT_EQ(m_group.usage, 4U);
    EXPECT_EQ(m_group.limit_hits, 1U);
    m_pressure.victims_pages = {frame + 1, frame + 2};
    m_pressure.asked.clear();
    EXPECT_TRUE(charge(frame + 5));
    EXPECT_EQ(m_pressure.asked.size(), 18U); // reclaim is tried 17 times in vain
    EXPECT_EQ(m_pressure.asked.front(), "reclaim");
    EXPECT_EQ(m_pressure.asked.back(), "kill");
    EXPECT_EQ(m_group.usage, 3U);
    EXPECT_EQ(m_group.oom_kills, 1U);
}

TEST_F(MemoryCgroupTest, NothingIsChargedWhereThereIsNoRoom) {
    EXPECT_TRUE(charge(frame, 2));
    EXPECT_FALSE(charge(frame + 4));
    EXPECT_EQ(m_group.usage, 4U);
    m_groups.uncharge(frame + 4, 0);
    EXPECT_EQ(m_group.usage, 4U);
}

TEST_F(MemoryCgroupTest, WhatMayNotReclaimFailsAndKillsNobody) {
    EXPECT_TRUE(charge(frame, 2));
    m_pressure.victims_pages = {frame};
    EXPECT_FALSE(charge(frame + 4, 0, gfp::highuser_movable.without(gfp::direct_reclaim)));
    EXPECT_FALSE(charge(frame + 4, 0, gfp::highuser_movable | gfp::retry_mayfail));
    EXPECT_EQ(m_group.oom_kills, 0U);
    EXPECT_EQ(m_pressure.asked.size(), 17U); // the latter may reclaim
    EXPECT_EQ(m_group.limit_hits, 18U);
}

TEST_F(MemoryCgroupTest, WhatMayReclaimButNotInsistFailsAfterTheFirstTry) {
    EXPECT_TRUE(charge(frame, 2));
    EXPECT_FALSE(charge(frame + 4, 0, gfp::highuser_movable | gfp::noretry));
    EXPECT_EQ(m_pressure.asked, std::vector<std::string>{"reclaim"});
}

TEST_F(MemoryCgroupTest, WhatMustNotFailIsChargedBeyondTheLimit) {
    EXPECT_TRUE(charge(frame, 2));
    EXPECT_TRUE(charge(frame + 4, 0, gfp::atomic));
    EXPECT_EQ(m_group.usage, 5U);
}

TEST_F(MemoryCgroupTest, WhoIsKilledComesToItsEndUncharged) {
    EXPECT_TRUE(charge(frame, 2));
    m_pressure.no_victim = OomOutcome::RequesterKilled;
    EXPECT_TRUE(charge(frame + 4));
    EXPECT_EQ(m_group.peak, 4U);
    m_groups.uncharge(frame + 4, 0);
    EXPECT_EQ(m_group.usage, 4U);
}

TEST_F(MemoryCgroupTest, APageStaysChargedWhereItIsMovedTo) {
    EXPECT_TRUE(charge(frame));
    m_groups.move(frame, frame + 500);
    m_groups.uncharge(frame, 0);
    EXPECT_EQ(m_group.usage, 1U);
    m_groups.uncharge(frame + 500, 0);
    EXPECT_EQ(m_group.usage, 0U);
}

TEST_F(MemoryCgroupTest, SwapHasALimitOfItsOwn) {
    MemoryCgroup& group = m_groups.add({.swap = 1});
    EXPECT_TRUE(m_groups.may_swap(0));
    EXPECT_TRUE(m_groups.may_swap(group.number));
    m_groups.charge_swap(group.number);
    EXPECT_FALSE(m_groups.may_swap(group.number));
    EXPECT_TRUE(m_groups.may_swap(m_group.number));
    m_groups.uncharge_swap(group.number);
    EXPECT_TRUE(m_groups.may_swap(group.number));
    EXPECT_EQ(group.swap_usage, 0U);
}

TEST_F(MemoryCgroupTest, GroupsAreChargedApart) {
    MemoryCgroup& other = m_groups.add({.max = 4});
    EXPECT_TRUE(charge(frame));
    m_op.cgroup = &other;
    EXPECT_TRUE(charge(frame + 1));
    m_groups.uncharge(frame, 0);
    EXPECT_EQ(m_group.usage, 0U);
    EXPECT_EQ(other.usage, 1U);
}

} // namespace
} // namespace pagewalk::os
