#include "base/rng.h"
#include "models/cache/mshr_file.h"

#include <algorithm>
#include <optional>
#include <vector>

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

TEST(MshrFile, MissWaitsForTheFirstRegisterToComeFree) {
    MshrFile mshrs(2);
    for (const std::uint64_t release : {300U, 200U}) {
        const MshrFile::Grant grant = mshrs.acquire(100);
        EXPECT_EQ(grant.start, 100U);
        mshrs.hold(grant, release);
    }
    EXPECT_FALSE(mshrs.has_free(199));
    EXPECT_FALSE(mshrs.try_acquire(199).has_value());
    EXPECT_TRUE(mshrs.has_free(200));
    const MshrFile::Grant third = mshrs.acquire(150);
    EXPECT_EQ(third.start, 200U);
    mshrs.hold(third, 400);
    EXPECT_EQ(mshrs.acquire(250).start, 300U);
}

TEST(MshrFile, LateMissIsNotHeldUpByRegistersTakenAfterIt) {
    MshrFile mshrs(1);
    const MshrFile::Grant grant = mshrs.acquire(1000);
    mshrs.hold(grant, 1200);
    EXPECT_EQ(mshrs.acquire(999).start, 999U);
}

/// The registers one by one.
class PlainMshrs {
public:
    explicit PlainMshrs(std::size_t count) : m_registers(count) {}
    MshrFile::Grant acquire(std::uint64_t time) {
        const std::size_t next = m_next;
        if (m_registers[next].release <= time) {
            m_next = (next + 1) % m_registers.size();
            return {next, time};
        }
        if (const auto found = free_at(time)) return {*found, time};
        const auto first = std::ranges::min_element(m_registers, {}, &Register::release);
        return {static_cast<std::size_t>(first - m_registers.begin()), first->release};
    }
    [[nodiscard]] std::optional<std::size_t> free_at(std::uint64_t time) const {
        for (std::size_t i = 0; i < m_registers.size(); ++i)
            if (m_registers[i].release <= time || m_registers[i].start > time) return i;
        return std::nullopt;
    }
    void hold(const MshrFile::Grant& grant, std::uint64_t release) {
        m_registers[grant.index] = {grant.start, release};
    }

private:
    struct Register {
        std::uint64_t start = 0;
        std::uint64_t release = 0;
    };
    std::vector<Register> m_registers;
    std::size_t m_next = 0;
};

TEST(MshrFile, HandsOutTheFirstFreeRegisterOrElseTheOneFreeFirst) {
    for (const std::size_t count : {1, 2, 3, 4, 5, 8, 10, 16, 48}) {
        MshrFile mshrs(count);
        PlainMshrs plain(count);
        Rng rng(count, "misses");
        std::uint64_t now = 1000;
        for (int i = 0; i < 20'000; ++i) {
            now += rng.below(20);
            // Misses come out of order; many releases coincide.
            const std::uint64_t time = now - rng.below(200);
            ASSERT_EQ(mshrs.has_free(time), plain.free_at(time).has_value());
            const MshrFile::Grant grant = mshrs.acquire(time);
            const MshrFile::Grant expected = plain.acquire(time);
            ASSERT_EQ(grant.index, expected.index);
            ASSERT_EQ(grant.start, expected.start);
            const std::uint64_t release = (grant.start + rng.below(12 * count)) / 16 * 16;
            mshrs.hold(grant, release);
            plain.hold(expected, release);
        }
    }
}

} // namespace
} // namespace pagewalk::models
