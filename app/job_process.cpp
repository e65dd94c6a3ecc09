#include "app/job_process.h"

#include "app/child_process.h"
#include "base/error.h"

#include <cstring>
#include <sys/wait.h>

namespace pagewalk::app {

std::string in_job_process(const std::function<std::string()>& work) {
    const auto end = in_child([&](std::string& said) {
        said = work();
        return 0;
    });
    if (!end) throw RunError("cannot start a process for the simulation");
    if (WIFSIGNALED(end->status))
        throw RunError("the simulation died of SIG" + std::string(sigabbrev_np(WTERMSIG(end->status))));
    return end->said;
}

} // namespace pagewalk::app
