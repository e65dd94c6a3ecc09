#include "os/task/untimed.h"

#include "os/task/task_runner.h"

namespace pagewalk::os {

UntimedOperation::UntimedOperation(TaskRunner& runner, const Moment& moment, TaskId task)
    : m_runner(runner), m_operation{.path = {m_path, runner.costs(), KernelTiming::Off},
                                    .log = m_log,
                                    .cpu = moment.cpu,
                                    .task = task,
                                    .now = moment.now,
                                    .runs = false} {}

UntimedOperation::~UntimedOperation() { m_runner.untimed_over(m_log); }

} // namespace pagewalk::os
