#pragma once

#include "app/sweep_file.h"
#include "app/sweep_plan.h"
#include "base/error.h"
#include "base/scratch_folder.h"

#include <filesystem>
#include <fstream>
#include <string>

namespace pagewalk::app {

/// Sweep files in a folder of their own, for tests.
class SweepFiles {
public:
    std::filesystem::path write(const std::string& text, const std::string& name = "sweep.cfg") const {
        std::ofstream(m_folder / name) << text;
        return m_folder / name;
    }
    SweepPlan plan(const std::string& text) const { return make_plan(SweepFile(write(text))); }
    /// What is wrong with it; "" where nothing is.
    std::string refusal(const std::string& text) const {
        try {
            static_cast<void>(plan(text));
            return "";
        } catch (const ConfigError& error) {
            return error.what();
        }
    }
    [[nodiscard]] const std::filesystem::path& folder() const { return m_folder.path(); }

private:
    ScratchFolder m_folder;
};

} // namespace pagewalk::app
