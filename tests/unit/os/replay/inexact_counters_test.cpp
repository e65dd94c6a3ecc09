#include "base/error.h"
#include "os/replay/inexact_counters.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

TEST(InexactCounters, AreThoseOfTheCommandsPattern) {
    const InexactCounters list = InexactCounters::parse("# comment\n"
                                                        "* : nr_free_pages : batches\n"
                                                        "/bin/p4 * : pgalloc_* numa_hit : kworkers\n",
                                                        "list");
    EXPECT_TRUE(list.contains("/bin/p1 split", "nr_free_pages"));
    EXPECT_FALSE(list.contains("/bin/p1 split", "pgalloc_dma32"));
    EXPECT_TRUE(list.contains("/bin/p4 seq /mnt/x", "pgalloc_dma32"));
    EXPECT_FALSE(list.contains("/bin/p4 seq /mnt/x", "pgfault"));
    EXPECT_THROW((void)InexactCounters::parse("* : nr_free_pages\n", "list"), InputError);
}

TEST(InexactCounters, ComeWithPagewalk) {
    const InexactCounters list = InexactCounters::load();
    EXPECT_TRUE(list.contains("/bin/p5 ws", "pgfault"));
    EXPECT_FALSE(list.contains("/bin/p1 split 64 8", "pgfault"));
}

} // namespace
} // namespace pagewalk::os
