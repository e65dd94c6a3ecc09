#pragma once

#include "base/ids.h"
#include "models/core/ooo_core.h"

#include <cstdint>
#include <memory>
#include <unordered_map>

namespace pagewalk::models {

/// Where each live task is in its stream; shared by the CPUs, since tasks migrate.
class StreamCursors {
public:
    [[nodiscard]] StreamCursor& of(TaskId task) {
        auto& slot = m_cursors[static_cast<std::uint32_t>(task)];
        if (!slot) slot = std::make_unique<StreamCursor>();
        return *slot;
    }
    void forget(TaskId task) { m_cursors.erase(static_cast<std::uint32_t>(task)); }

private:
    std::unordered_map<std::uint32_t, std::unique_ptr<StreamCursor>> m_cursors;
};

} // namespace pagewalk::models
