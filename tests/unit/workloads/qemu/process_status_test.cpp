#include "workloads/qemu/process_status.h"

#include <gtest/gtest.h>

namespace pagewalk::workloads {
namespace {

constexpr const char* hosts =
    "Name:\tqemu-x86_64\nPid:\t77\nVmSize:\t 9999999 kB\nThreads:\t2\nSigQ:\t0/31\n";

TEST(ProcessStatus, HasTheSimulatedKernelsLinesInThePlaceOfTheHosts) {
    EXPECT_EQ(joined_status(hosts, "VmSize:\t    2468 kB\nThreads:\t1\nMore:\t1\n", ""),
              "Name:\tqemu-x86_64\nPid:\t77\nVmSize:\t    2468 kB\nThreads:\t1\nSigQ:\t0/31\n");
}

TEST(ProcessStatus, NamesTheProgram) {
    EXPECT_EQ(joined_status(hosts, "", "a-rather-long-name").substr(0, 22), "Name:\ta-rather-long-n\n");
}

TEST(ProcessStatus, IsTheHostsWhereNothingElseIsKnown) { EXPECT_EQ(joined_status(hosts, "", ""), hosts); }

} // namespace
} // namespace pagewalk::workloads
