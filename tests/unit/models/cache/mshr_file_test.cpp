#include "base/rng.h"
#include "models/cache/mshr_file.h"

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

TEST(MshrFile, MissWaitsForTheFirstRegisterToComeFree) {
    MshrFile mshrs(2);
    EXPECT_EQ(mshrs.take(mshrs.first_free(100), 300), 300U);
    EXPECT_EQ(mshrs.take(mshrs.first_free(100), 200), 200U);
    EXPECT_FALSE(mshrs.has_free(199));
    EXPECT_TRUE(mshrs.has_free(200));
    EXPECT_EQ(mshrs.first_free(150), 200U);
    EXPECT_EQ(mshrs.take(200, 400), 400U);
    EXPECT_EQ(mshrs.first_free(250), 300U);
}

TEST(MshrFile, LateMissThatIsOverBeforeTheNextBeginsWaitsForNothing) {
    MshrFile mshrs(1);
    EXPECT_EQ(mshrs.take(mshrs.first_free(1000), 1200), 1200U);
    EXPECT_EQ(mshrs.first_free(800), 800U);
    EXPECT_EQ(mshrs.take(800, 1000), 1000U);
    EXPECT_EQ(mshrs.first_free(900), 1200U);
}

TEST(MshrFile, LateMissThatMeetsTheNextOneComesAfterIt) {
    MshrFile mshrs(1);
    EXPECT_EQ(mshrs.take(mshrs.first_free(1000), 1200), 1200U);
    EXPECT_EQ(mshrs.first_free(900), 900U);
    EXPECT_EQ(mshrs.take(900, 1001), 1301U);
}

TEST(MshrFile, MissesKnownInDescendingOrderTakeTurns) {
    MshrFile mshrs(1);
    for (const std::uint64_t known : {1000U, 900U, 800U, 700U})
        (void)mshrs.take(mshrs.first_free(known), mshrs.first_free(known) + 200);
    // One after the other from 1000 on, or before it.
    EXPECT_EQ(mshrs.first_free(1199), 1600U);
}

/// All that ever was under way, counted one by one.
class PlainMshrs {
public:
    explicit PlainMshrs(std::size_t count) : m_count(count) {}
    [[nodiscard]] std::size_t under_way(std::uint64_t time) const {
        return static_cast<std::size_t>(std::ranges::count_if(
            m_uses, [&](const Use& use) { return use.start <= time && time < use.release; }));
    }
    [[nodiscard]] bool has_room(std::uint64_t from, std::uint64_t until) const {
        return under_way(from) < m_count && std::ranges::none_of(m_uses, [&](const Use& use) {
                   return use.start > from && use.start < until && under_way(use.start) >= m_count;
               });
    }
    /// Room begins at `time` or where something ends.
    [[nodiscard]] std::uint64_t first_room(std::uint64_t time, std::uint64_t duration) const {
        std::vector<std::uint64_t> moments{time};
        for (const Use& use : m_uses)
            if (use.release > time) moments.push_back(use.release);
        std::ranges::sort(moments);
        return *std::ranges::find_if(moments, [&](std::uint64_t m) { return has_room(m, m + duration); });
    }
    void take(std::uint64_t start, std::uint64_t release) {
        m_uses.push_back({start, release});
        if (m_uses.size() > 4 * m_count + 64) m_uses.erase(m_uses.begin());
    }

private:
    struct Use {
        std::uint64_t start = 0;
        std::uint64_t release = 0;
    };
    std::size_t m_count;
    std::vector<Use> m_uses;
};

TEST(MshrFile, NeverHoldsMoreThanItHasAndNeverWaitsWhileThereIsRoom) {
    for (const std::size_t count : {1, 2, 3, 4, 5, 8, 10, 16, 48}) {
        MshrFile mshrs(count);
        PlainMshrs plain(count);
        Rng rng(count, "misses");
        std::uint64_t now = 10'000;
        for (int i = 0; i < 3000; ++i) {
            now += rng.below(20);
            // Misses come out of order; many releases coincide with starts and with each other.
            const std::uint64_t time = (now - rng.below(200)) / 8 * 8;
            const std::uint64_t start = mshrs.first_free(time);
            ASSERT_EQ(start, plain.first_room(time, 1));
            ASSERT_EQ(mshrs.has_free(time), start == time);
            const std::uint64_t duration = 8 + rng.below(count) * 8;
            const std::uint64_t arrived = mshrs.take(start, start + duration);
            ASSERT_EQ(arrived, plain.first_room(start, duration) + duration);
            ASSERT_TRUE(plain.has_room(arrived - duration, arrived));
            plain.take(arrived - duration, arrived);
        }
    }
}

TEST(MshrFile, EqualWorkIsOverAtTheSameTimeInAnyOrderOfArrival) {
    constexpr std::uint64_t duration = 100;
    for (const std::size_t count : {1, 4, 16}) {
        std::vector<std::uint64_t> known;
        for (std::uint64_t i = 0; i < 3 * count; ++i) known.push_back(1000 + i);
        Rng rng(count, "order");
        std::uint64_t over = 0;
        for (std::size_t i = known.size(); i > 0; --i) {
            std::swap(known[i - 1], known[rng.below(i)]);
        }
        MshrFile mshrs(count);
        for (const std::uint64_t time : known) {
            const std::uint64_t start = mshrs.first_free(time);
            over = std::max(over, mshrs.take(start, start + duration));
        }
        EXPECT_GE(over, 1000 + 3 * duration);
        EXPECT_LE(over, 1000 + 3 * duration + 3 * count + duration);
    }
}

TEST(MshrFile, MissThatTakesNoTimeTakesNoRegister) {
    MshrFile mshrs(1);
    EXPECT_EQ(mshrs.take(mshrs.first_free(1000), 1000), 1000U);
    EXPECT_EQ(mshrs.first_free(900), 900U);
    EXPECT_EQ(mshrs.take(900, 1100), 1100U);
}

} // namespace
} // namespace pagewalk::models
