#include "base/sanitizer_fiber.h"
#include "models/core/cpu_module.h"
#include "tests/unit/models/core/cpu_rig.h"

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

using namespace rig;

constexpr Tick quantum{1'000'000};

/// Goes on until every task has exited, and checks that no CPU strays from SystemC time.
class Watch final : public RunMonitor {
public:
    explicit Watch(ScriptedKernel& kernel) : m_kernel(kernel) {}
    bool after_quantum(Cpu& cpu, const Cpu::Progress&) override {
        ++quanta[index_of(cpu.id())];
        const Tick time(sc_core::sc_time_stamp().value());
        EXPECT_LT(cpu.now(), time + quantum + Tick(1'000'000));
        return m_kernel.live_tasks() != 0;
    }
    void failed(std::exception_ptr error) override { thrown = error; }

    std::array<std::uint64_t, 2> quanta{};
    std::exception_ptr thrown;

private:
    ScriptedKernel& m_kernel;
};

// SystemC elaborates once a process, so one simulation shows it all: a sleeping task is resumed when its time
// comes, both CPUs run a quantum at a time, and the simulation ends with the last task.
TEST(CpuModule, RunsItsCpuAQuantumAtATimeUntilTheMonitorStops) {
    CpuRig rig(2);
    auto& worker = rig.kernel.add_task(1, CpuId{0});
    worker.stream.add(std::vector(5'000, step(std::vector<MicroOp>(6, alu(1, 1)))), StreamStatus::End);
    auto& sleeper = rig.kernel.add_task(2, CpuId{1});
    sleeper.stream.add({}, StreamStatus::SystemCall, call(Call::Sleep, 20 * quantum.value()));
    sleeper.stream.add({step({alu()})}, StreamStatus::End);

    Watch watch(rig.kernel);
    CpuModule first("cpu0", *rig.cpus[0], rig.commons.horizons, quantum, watch);
    CpuModule second("cpu1", *rig.cpus[1], rig.commons.horizons, quantum, watch);
    sc_core::sc_start();
    announce_arrival(thread_stack());

    EXPECT_EQ(watch.thrown, nullptr);
    EXPECT_TRUE(worker.exited && sleeper.exited);
    // 30'000 cycles of 1 ns in quanta of 1'000.
    EXPECT_GE(watch.quanta[0], 25U);
    EXPECT_LE(watch.quanta[0], 40U);
    EXPECT_EQ(sc_core::sc_get_status(), sc_core::SC_STOPPED);
    EXPECT_GE(Tick(sc_core::sc_time_stamp().value()), quantum * 28);
}

} // namespace
} // namespace pagewalk::models
