#include "base/sanitizer_fiber.h"
#include "models/core/cpu_module.h"
#include "tests/unit/models/core/cpu_rig.h"

#include <stdexcept>

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

using namespace rig;

/// Throws when its third quantum is over.
class Thrower final : public RunMonitor {
public:
    bool after_quantum(Cpu&, const Cpu::Progress&) override {
        if (++m_quanta == 3) throw std::runtime_error("the third quantum");
        return true;
    }
    void failed(std::exception_ptr error) override { thrown = error; }

    std::exception_ptr thrown;

private:
    unsigned m_quanta = 0;
};

// SystemC elaborates once a process. Under AddressSanitizer this fails unless it is told of the thread's
// stack.
TEST(CpuModuleFailure, ExceptionOfACpusWorkEndsTheSimulationAndReachesTheMonitor) {
    CpuRig rig;
    rig.kernel.add_task(1).stream.add(std::vector(5'000, step(std::vector<MicroOp>(6, alu(1, 1)))));
    Thrower monitor;
    CpuModule module("cpu0", *rig.cpus[0], rig.commons.horizons, Tick(1'000'000), monitor);
    sc_core::sc_start();
    announce_arrival(thread_stack());
    EXPECT_EQ(sc_core::sc_get_status(), sc_core::SC_STOPPED);
    ASSERT_NE(monitor.thrown, nullptr);
    EXPECT_THROW(std::rethrow_exception(monitor.thrown), std::runtime_error);
}

} // namespace
} // namespace pagewalk::models
