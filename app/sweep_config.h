#pragma once

#include "base/option.h"
#include "base/time.h"

#include <cstdint>
#include <string>

namespace pagewalk::app {

/// [sweep]: how points follow from the axes, and how they are run.
struct SweepConfig {
    std::string filter;   ///< an expression over axes (sweep_filter.h); empty: all points
    std::string name;     ///< of a point, with {axis} in it; empty: every axis with its value
    std::string baseline; ///< "axis=value, ..."; empty: none
    std::uint32_t repeats = 1;
    Tick timeout{}; ///< host time of one point; 0: none

    void declare(OptionGroup group);
};

/// [axis.NAME]: what one axis goes through. One of option and files is given.
struct AxisConfig {
    std::string option; ///< whose values the axis has
    std::string values; ///< a list
    std::string range;  ///< instead of a list
    std::string files;  ///< config files, instead of an option
    std::string names;  ///< of the values, in points' names
    std::string zip;    ///< axes with the same word here go in step

    void declare(OptionGroup group);
};

/// [slurm]: what the executor of that name asks for.
struct SlurmConfig {
    std::string partition;
    std::string time;     ///< as sbatch takes it
    std::string memory;   ///< as sbatch takes it
    std::string launcher; ///< words before the program, such as a container's
    std::string options;  ///< further words for sbatch
    std::uint32_t cpus = 1;

    void declare(OptionGroup group);
};

} // namespace pagewalk::app
