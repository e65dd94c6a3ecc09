#include "results/run_state.h"

#include "base/error.h"

namespace pagewalk::results {

std::string_view name_of(RunStatus status) {
    switch (status) {
    case RunStatus::Running:
        return "running";
    case RunStatus::Complete:
        return "complete";
    case RunStatus::InstructionLimit:
        return "instruction_limit";
    case RunStatus::RegionEnd:
        return "region_end";
    case RunStatus::ProgramDied:
        return "program_died";
    case RunStatus::Incomplete:
        return "incomplete";
    case RunStatus::Interrupted:
        return "interrupted";
    case RunStatus::Failed:
        return "failed";
    }
    broken_invariant("RunStatus has a name", __FILE__, __LINE__);
}

} // namespace pagewalk::results
