#include "os/file/flusher.h"
#include "tests/unit/os/file/file_rig.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using test::cpu0;
using test::cpu1;
using test::FileRig;

constexpr Tick second{ticks_per_second};

struct FlusherThread : testing::Test {
    FileRig rig{FileCache::Cold};
    InodeId file = rig.at_once([&](Operation& op) { return rig.files.open(op, "/data"); });
    Writeback& writeback = rig.files.writeback();
    Flusher flusher{rig.runner, writeback};

    ~FlusherThread() override { rig.unwind(); }
    void SetUp() override {
        writeback.on_work([this](Operation& op) { flusher.wake(op); });
        rig.run(cpu1, [this](Operation& op) { flusher.run(op); });
        ASSERT_TRUE(flusher.asleep());
    }
    void make_dirty(std::uint64_t first, std::uint64_t pages) {
        rig.run(cpu0, [&](Operation& op) {
            for (std::uint64_t index = first; index < first + pages; ++index)
                rig.files.set_dirty(op, rig.files.get_page_for_write(op, file, index).frame);
            writeback.balance(op);
        });
    }
    /// Lets the thread run until it sleeps.
    void run_flusher() {
        while (rig.pick(cpu1) != nullptr) {
        }
    }
    [[nodiscard]] std::uint64_t written() const {
        std::uint64_t pages = 0;
        for (const BlockRequest& request : rig.disk.submitted) pages += request.bytes / page_size;
        return pages;
    }
};

TEST_F(FlusherThread, WritesPagesThatAreOld) {
    make_dirty(0, 10);
    const Tick begun = rig.now;
    for (int i = 0; i < 6; ++i) {
        run_flusher();
        EXPECT_EQ(written(), 0U) << i;
        rig.now = begun + Tick(5 * second.value() * static_cast<std::uint64_t>(i));
    }
    rig.now = begun + Tick(36 * second.value());
    run_flusher();
    EXPECT_EQ(written(), 10U);
    EXPECT_TRUE(flusher.asleep());
}

TEST_F(FlusherThread, WritesAtOnceWhereTooManyAreDirty) {
    writeback.configure({.dirty_bytes = 10000 * page_size, .dirty_background_bytes = 3000 * page_size});
    make_dirty(0, 3000);
    run_flusher();
    EXPECT_EQ(written(), 0U);
    make_dirty(3000, 40);
    run_flusher();
    EXPECT_EQ(written(), Flusher::chunk); // one turn takes them below the limit
    EXPECT_EQ(rig.counters.nr_dirty, 3040U - Flusher::chunk);
}

TEST_F(FlusherThread, GoesOnBehindWhatItHasWritten) {
    writeback.configure({.dirty_bytes = 10000 * page_size, .dirty_background_bytes = 100 * page_size});
    make_dirty(0, 5000);
    run_flusher();
    EXPECT_GE(written(), 4900U);
    for (std::size_t i = 1; i < rig.disk.submitted.size(); ++i)
        EXPECT_GT(rig.disk.submitted[i].sector, rig.disk.submitted[i - 1].sector);
}

TEST_F(FlusherThread, SleepsForGoodWhereNothingIsDirty) {
    rig.now = Tick(1000 * second.value());
    EXPECT_EQ(rig.pick(cpu1), nullptr);
}

} // namespace
} // namespace pagewalk::os
