#include "app/sweep_config.h"

namespace pagewalk::app {

void SweepConfig::declare(OptionGroup group) {
    group.number("repeats", repeats, {1, 10'000},
                 {Unit::Count, "runs of each point, with run.seed, run.seed + 1, ...", "user"});
    group.text("filter", filter,
               {Unit::None,
                "which points are run, such as entries * 4KiB < table and slab != slob (empty: all)",
                "user"});
    group.text("name", name,
               {Unit::None, "of a point, such as tlb{entries} (empty: axis=value of every axis)", "user"});
    group.text("baseline", baseline,
               {Unit::None,
                "axis=value, ...: points are compared with the one that has these values and is like them "
                "otherwise (empty: none)",
                "user"});
    group.number("timeout", timeout, {}, {Unit::Ticks, "host time that a point may take (0: any)", "user"});
}

void AxisConfig::declare(OptionGroup group) {
    group.text("option", option,
               {Unit::None, "option that the axis sets, such as mmu.l2_tlb.entries", "user"});
    group.text("values", values,
               {Unit::None, "its values, comma-separated; '...' and \"...\" keep commas", "user"});
    group.text(
        "range", range,
        {Unit::None, "its values instead: FIRST to LAST step STEP, or FIRST to LAST times FACTOR", "user"});
    group.text("files", files,
               {Unit::None,
                "config files, such as machines, comma-separated, instead of an option; the sweep file's own "
                "settings win over theirs",
                "user"});
    group.text("names", names, {Unit::None, "of the values, comma-separated (empty: the values)", "user"});
    group.text("zip", zip,
               {Unit::None, "axes with the same word here go in step instead of through all pairs", "user"});
}

void SlurmConfig::declare(OptionGroup group) {
    group.text("partition", partition, {Unit::None, "partition (empty: the cluster's default)", "user"});
    group.text("time", time,
               {Unit::None, "time limit of a point, as sbatch takes it (empty: the default)", "user"});
    group.text("memory", memory,
               {Unit::None, "memory of a point, as sbatch takes it (empty: the default)", "user"});
    group.number("cpus", cpus, {1, 1024},
                 {Unit::Count, "host CPUs of a point; a live program keeps two busy", "user"});
    group.text("launcher", launcher,
               {Unit::None, "words before the program, such as apptainer exec pagewalk.sif", "user"});
    group.text("options", options, {Unit::None, "further words for sbatch, such as --account=lab", "user"});
}

} // namespace pagewalk::app
