#include "models/cache/multi_socket_memory.h"
#include "models/cache/private_hierarchy.h"

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

class FixedMemory final : public MemoryPort {
public:
    Tick access(const LineRequest& request) override {
        ++accesses;
        return request.time + Tick(50'000);
    }
    int accesses = 0;
};

/// Two sockets with a CPU and a node each; LLC look-up 20 ns, snoop 30 ns; link 30 ns, 16 bytes a ns.
struct TwoSockets : testing::Test {
    static LlcConfig llc() {
        LlcConfig config;
        config.frequency = 1'000'000'000;
        config.cache.latency = Cycles(20);
        return config;
    }
    static SocketLinkConfig link() { return {.latency = Tick(30'000), .bandwidth = 16'000'000'000}; }

    FixedMemory near_memory, far_memory;
    SharedCache near{llc(), {.cpus = 2, .private_lines = 1024}, near_memory, 1, "near"};
    SharedCache far{llc(), {.cpus = 2, .private_lines = 1024}, far_memory, 1, "far"};
    MultiSocketMemory memory{{.map = NumaMap({{PhysAddr(0), PhysAddr(0x100000), NodeId{0}},
                                              {PhysAddr(0x100000), PhysAddr(0x200000), NodeId{1}}}),
                              .cluster_of_node = {ClusterId{0}, ClusterId{1}},
                              .cluster_of_cpu = {ClusterId{0}, ClusterId{1}},
                              .cluster_of_device = {ClusterId{1}},
                              .socket_of_cluster = {SocketId{0}, SocketId{1}}},
                             {&near, &far},
                             {.sockets = link()}};
    PrivateHierarchy core0{{}, CpuId{0}, Clock(1'000'000'000), memory, 1};
    PrivateHierarchy core1{{}, CpuId{1}, Clock(1'000'000'000), memory, 1};

    LineResponse ask(unsigned cpu, std::uint64_t address, AccessKind kind, std::uint64_t time) {
        return memory.request({PhysAddr(address), static_cast<CpuId>(cpu), kind, Tick(time)});
    }
};

TEST_F(TwoSockets, LocalLineNeverCrossesTheLink) {
    const LineResponse response = ask(0, 0x1000, AccessKind::Load, 1000);
    EXPECT_EQ(response.ready, Tick(1000 + 20'000 + 50'000));
    EXPECT_EQ(response.level, HitLevel::Memory);
    EXPECT_EQ(memory.link_stats(ClusterId{0}, ClusterId{1}).messages, 0U);
}

TEST_F(TwoSockets, RemoteLinePaysTheLinkBothWays) {
    const LineResponse response = ask(0, 0x100000, AccessKind::Load, 1000);
    // 16 bytes there, 80 bytes back.
    EXPECT_EQ(response.ready, Tick(1000 + 1000 + 30'000 + 20'000 + 50'000 + 5000 + 30'000));
    EXPECT_EQ(response.level, HitLevel::RemoteMemory);
    EXPECT_EQ(far_memory.accesses, 1);
    EXPECT_EQ(ask(0, 0x100000, AccessKind::Load, 900'000).level, HitLevel::RemoteCache);
}

/// Copies lines, one after the other: the least that a device with its own accesses to memory does.
class CopyEngine {
public:
    CopyEngine(DeviceId id, SharedMemory& memory) : m_id(id), m_memory(memory) {}

    /// Returns when the last line has been read.
    Tick copy(PhysAddr to, PhysAddr from, std::uint64_t bytes, Tick time) {
        for (std::uint64_t done = 0; done < bytes; done += line_size) {
            time = m_memory.request({from + done, m_id, AccessKind::Dma, time}).ready;
            m_memory.request({to + done, m_id, AccessKind::WriteBack, time});
        }
        return time;
    }

private:
    DeviceId m_id;
    SharedMemory& m_memory;
};

TEST_F(TwoSockets, DeviceCrossesTheLinkToTheOtherSocketsMemory) {
    CopyEngine at_home(DeviceId{0}, memory); // of socket 1
    // Each read but the first waits a cycle for the LLC's port, which the write before it takes.
    EXPECT_EQ(at_home.copy(PhysAddr(0x108000), PhysAddr(0x100000), 4 * line_size, Tick(1000)),
              Tick(1000 + 4 * (20'000 + 50'000) + 3 * 1'000));
    EXPECT_EQ(memory.link_stats(ClusterId{0}, ClusterId{1}).messages, 0U);
    EXPECT_EQ(far.stats().device_accesses, 8U);
    CopyEngine away(DeviceId{1}, memory); // nobody said where it is: of socket 0
    (void)away.copy(PhysAddr(0x8000), PhysAddr(0x100000), 4 * line_size, Tick(1'000'000));
    EXPECT_EQ(memory.link_stats(ClusterId{0}, ClusterId{1}).messages, 8U);
    EXPECT_EQ(far.stats().device_accesses, 12U);
    EXPECT_EQ(near.stats().device_accesses, 4U);
}

TEST_F(TwoSockets, DeviceGetsWhatACoreHasStoredAndDropsItsCopyOfWhatItOverwrites) {
    core0.store(PhysAddr(0x1000), Cycles(1000), VirtAddr(1));
    core0.store(PhysAddr(0x2000), Cycles(1000), VirtAddr(1));
    CopyEngine engine(DeviceId{1}, memory);
    // Look-up, then a snoop of the core that has the line.
    EXPECT_EQ(engine.copy(PhysAddr(0x2000), PhysAddr(0x1000), line_size, Tick(9'000'000)),
              Tick(9'000'000 + 20'000 + 30'000));
    EXPECT_EQ(core0.l1d_stats().snoop_downgrades, 1U);
    EXPECT_EQ(core0.l1d_stats().snoop_invalidations, 1U);
}

TEST_F(TwoSockets, SnoopOfTheOtherSocketsCorePaysTheLinksLatency) {
    core1.store(PhysAddr(0x1000), Cycles(1000), VirtAddr(1));
    const LineResponse response = ask(0, 0x1000, AccessKind::Load, 9'000'000);
    EXPECT_EQ(response.level, HitLevel::RemoteCache);
    EXPECT_EQ(response.ready, Tick(9'000'000 + 20'000 + 30'000 + 60'000 + 20'000));
}

TEST_F(TwoSockets, ModifiedRemoteLineGoesHomeOverTheLink) {
    memory.evict({PhysAddr(0x100000), CpuId{0}, AccessKind::WriteBack, Tick(1000)}, SnoopTarget::Dirty::Yes,
                 Retained::No);
    EXPECT_EQ(memory.link_stats(ClusterId{0}, ClusterId{1}).bytes, 80U);
    EXPECT_EQ(ask(1, 0x100000, AccessKind::Load, 900'000).level, HitLevel::Llc);
    EXPECT_EQ(far_memory.accesses, 0);
}

/// Two sockets of two clusters each; links of sockets 30 ns and 16 bytes a ns, of clusters 5 ns and 64.
struct TwoSocketsOfTwo : testing::Test {
    static constexpr std::uint64_t node_bytes = 0x100000;
    FixedMemory dram;
    std::vector<std::unique_ptr<SharedCache>> caches = make_caches();
    MultiSocketMemory memory = make();

    std::vector<std::unique_ptr<SharedCache>> make_caches() {
        std::vector<std::unique_ptr<SharedCache>> made;
        for (const char* name : {"llc0", "llc1", "llc2", "llc3"})
            made.push_back(std::make_unique<SharedCache>(
                TwoSockets::llc(), SharedCacheClients{.cpus = 4, .private_lines = 1024}, dram, 1, name));
        return made;
    }
    MultiSocketMemory make() {
        std::vector<NumaMap::Range> ranges;
        IndexedVec<ClusterId, SharedCache*> by_cluster;
        for (std::uint64_t i = 0; i < 4; ++i) {
            ranges.push_back(
                {PhysAddr(i * node_bytes), PhysAddr((i + 1) * node_bytes), static_cast<NodeId>(i)});
            by_cluster.push_back(caches[i].get());
        }
        const auto four = {ClusterId{0}, ClusterId{1}, ClusterId{2}, ClusterId{3}};
        return {{.map = NumaMap(ranges),
                 .cluster_of_node = four,
                 .cluster_of_cpu = four,
                 .socket_of_cluster = {SocketId{0}, SocketId{0}, SocketId{1}, SocketId{1}}},
                by_cluster,
                {.sockets = {.latency = Tick(30'000), .bandwidth = 16'000'000'000},
                 .clusters = {.latency = Tick(5'000), .bandwidth = 64'000'000'000}}};
    }
    /// When CPU `cpu` has a line of node `node` that it asked for at `time`.
    Tick load(unsigned cpu, std::uint64_t node, std::uint64_t line, std::uint64_t time) {
        return memory
            .request({PhysAddr(node * node_bytes + line * line_size), static_cast<CpuId>(cpu),
                      AccessKind::Load, Tick(time)})
            .ready;
    }
};

TEST_F(TwoSocketsOfTwo, ClustersOfASocketHaveTheirOwnLink) {
    // 16 bytes there and 80 back, at 64 bytes a ns.
    EXPECT_EQ(load(0, 1, 0, 1000), Tick(1000 + 250 + 5000 + 20'000 + 50'000 + 1250 + 5000));
    EXPECT_EQ(memory.link_stats(ClusterId{0}, ClusterId{1}).messages, 2U);
    EXPECT_EQ(memory.link_stats(ClusterId{2}, ClusterId{3}).messages, 0U);
    EXPECT_EQ(memory.link_stats(ClusterId{0}, ClusterId{2}).messages, 0U);
}

TEST_F(TwoSocketsOfTwo, AllClustersOfTwoSocketsShareTheirLink) {
    constexpr std::uint64_t remote = 1000 + 30'000 + 20'000 + 50'000 + 5000 + 30'000;
    EXPECT_EQ(load(0, 2, 0, 1000), Tick(1000 + remote));
    // From another cluster to another, at the same time: both messages wait for the wire.
    EXPECT_EQ(load(1, 3, 0, 1000), Tick(1000 + remote + 5000));
    for (const ClusterId low : {ClusterId{0}, ClusterId{1}})
        for (const ClusterId high : {ClusterId{2}, ClusterId{3}})
            EXPECT_EQ(memory.link_stats(low, high).messages, 4U);
}

TEST_F(TwoSocketsOfTwo, EachLinkIsDeclaredOnce) {
    StatRegistry stats;
    memory.declare(stats.group("sockets"), stats.group("clusters"));
    std::vector<std::string> found;
    for (const Statistic& counter : stats.counters())
        if (counter.name == "messages") found.push_back(counter.path);
    EXPECT_EQ(found, (std::vector<std::string>{"clusters/link0_1", "clusters/link2_3", "sockets/link0_1"}));
}

} // namespace
} // namespace pagewalk::models
