#pragma once

#include "os/path/operation.h"

namespace pagewalk::os {

class TaskRunner;

/// An operation that takes no simulated time, as boot and what a CPU does between two tasks: its effects take
/// place at once, and it may not wait.
class UntimedOperation {
public:
    UntimedOperation(TaskRunner& runner, const Moment& moment, TaskId task = {});
    /// Writes down what it did.
    ~UntimedOperation();
    UntimedOperation(const UntimedOperation&) = delete;
    UntimedOperation& operator=(const UntimedOperation&) = delete;

    [[nodiscard]] Operation& operator*() { return m_operation; }

private:
    TaskRunner& m_runner;
    KernelPath m_path;
    PathLog m_log;
    Operation m_operation;
};

} // namespace pagewalk::os
