#include "models/memory/numa_memory.h"

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

class FixedMemory final : public MemoryPort {
public:
    explicit FixedMemory(std::uint64_t latency) : m_latency(latency) {}
    Tick access(const LineRequest& request) override { return request.time + Tick(m_latency); }

private:
    std::uint64_t m_latency;
};

TEST(NumaMemory, SendsEachLineToItsNodesController) {
    FixedMemory first(100), second(200);
    NumaMemory memory(NumaMap({{PhysAddr(0), PhysAddr(0x10000), NodeId{0}},
                               {PhysAddr(0x10000), PhysAddr(0x20000), NodeId{1}}}),
                      {&first, &second});
    EXPECT_EQ(memory.access({PhysAddr(0xffc0), CpuId{0}, AccessKind::Load, Tick(1)}), Tick(101));
    EXPECT_EQ(memory.access({PhysAddr(0x10000), CpuId{0}, AccessKind::Load, Tick(1)}), Tick(201));
}

} // namespace
} // namespace pagewalk::models
