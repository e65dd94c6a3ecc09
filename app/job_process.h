#pragma once

#include <functional>
#include <string>

namespace pagewalk::app {

/// Runs `work` in a child process and returns what it returned: a process can simulate one machine only.
/// Throws the InputError or RunError that `work` threw; RunError where the child died.
[[nodiscard]] std::string in_job_process(const std::function<std::string()>& work);

} // namespace pagewalk::app
