#pragma once

#include "app/system_config.h"
#include "results/run_reader.h"

#include <filesystem>
#include <iosfwd>
#include <string>
#include <vector>

namespace pagewalk::app {

/// A run that is repeated from its own results: `pagewalk run --from FILE.h5`.
class RepeatedRun {
public:
    /// Throws InputError for a file that is none of ours, or whose run did not end.
    explicit RepeatedRun(const std::filesystem::path& file);

    /// Takes over its configuration, working directory and environment, and says on standard error what is
    /// not as it was: Pagewalk's revision, inputs. Throws InputError where the working directory is gone.
    void prepare(OptionSet& options) const;
    /// Says whether the results are the same, and if not, where they differ first. Returns the exit status: 1
    /// where not.
    [[nodiscard]] int compare(const std::filesystem::path& repeated, std::ostream& out) const;

private:
    std::filesystem::path m_path;
    results::RunReader m_before;
};

/// Where two runs go different ways first in simulated time, by the event tables among `paths` (what
/// results::differences gives); where no table tells, the first of `paths`. Empty: nowhere.
[[nodiscard]] std::string first_difference(const results::RunReader& before, const results::RunReader& after,
                                           const std::vector<std::string>& paths);

} // namespace pagewalk::app
