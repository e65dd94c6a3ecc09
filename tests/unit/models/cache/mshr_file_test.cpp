#include "models/cache/mshr_file.h"

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

} // namespace
} // namespace pagewalk::models
