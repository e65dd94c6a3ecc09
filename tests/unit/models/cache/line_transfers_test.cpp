#include "models/cache/line_transfers.h"

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

TEST(LineTransfers, LineOnItsWayArrivesFirst) {
    LineTransfers transfers;
    transfers.add(7, Tick(100), Tick(150));
    EXPECT_EQ(transfers.arrival(7, Tick(99)), Tick(99)); // asked before
    EXPECT_EQ(transfers.arrival(7, Tick(100)), Tick(150));
    EXPECT_EQ(transfers.arrival(7, Tick(149)), Tick(150));
    EXPECT_EQ(transfers.arrival(7, Tick(150)), Tick(150));
    EXPECT_EQ(transfers.arrival(7, Tick(151)), Tick(151));
}

TEST(LineTransfers, WhoWaitsIsWaitedFor) {
    LineTransfers transfers;
    transfers.add(7, Tick(100), Tick(150));
    transfers.add(7, Tick(110), Tick(200));
    EXPECT_EQ(transfers.arrival(7, Tick(105)), Tick(200));
    EXPECT_EQ(transfers.arrival(7, Tick(199)), Tick(200));
}

TEST(LineTransfers, LaggardDoesNotMoveWhatComesLater) {
    LineTransfers transfers;
    transfers.add(7, Tick(100), Tick(150));
    transfers.add(7, Tick(20), Tick(70));
    EXPECT_EQ(transfers.arrival(7, Tick(120)), Tick(150));
    EXPECT_EQ(transfers.arrival(7, Tick(30)), Tick(30));
}

TEST(LineTransfers, OtherLinesAreNotOnTheirWay) {
    LineTransfers transfers;
    transfers.add(7, Tick(100), Tick(150));
    EXPECT_EQ(transfers.arrival(8, Tick(120)), Tick(120));
    EXPECT_EQ(transfers.arrival(7 + 256, Tick(120)), Tick(120)); // of its class
    transfers.add(7 + 256, Tick(130), Tick(180));
    EXPECT_EQ(transfers.arrival(7, Tick(140)), Tick(140)); // forgotten
}

} // namespace
} // namespace pagewalk::models
