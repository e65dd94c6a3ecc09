#include "results/file_builder.h"

#include "base/error.h"
#include "base/printable.h"
#include "results/hdf5_object.h"
#include "results/output_driver.h"

#include <algorithm>
#include <array>
#include <limits>
#include <set>

namespace pagewalk::results {

namespace {

hid_t file_type_of(ColumnType type) {
    switch (type) {
    case ColumnType::U8:
        return H5T_STD_U8LE;
    case ColumnType::U16:
        return H5T_STD_U16LE;
    case ColumnType::U32:
        return H5T_STD_U32LE;
    case ColumnType::U64:
        return H5T_STD_U64LE;
    case ColumnType::I8:
        return H5T_STD_I8LE;
    case ColumnType::I16:
        return H5T_STD_I16LE;
    case ColumnType::I32:
        return H5T_STD_I32LE;
    case ColumnType::I64:
        return H5T_STD_I64LE;
    }
    broken_invariant("ColumnType has an HDF5 type", __FILE__, __LINE__);
}

Hdf5Object column_type(const EventColumn& column) {
    const std::string what = "cannot describe column " + column.name;
    if (column.value_names.empty()) return {H5Tcopy(file_type_of(column.type)), what};
    Hdf5Object type(H5Tenum_create(file_type_of(column.type)), what);
    for (std::size_t value = 0; value < column.value_names.size(); ++value) {
        const std::uint64_t number = value; // little-endian: its first bytes are the narrower integer
        check(H5Tenum_insert(type, column.value_names[value].c_str(), &number), what);
    }
    return type;
}

/// The layout of rows without padding.
Hdf5Object packed_row_type(const EventSchema& schema, std::size_t packed_bytes) {
    const std::string what = "cannot describe event table " + schema.name;
    Hdf5Object row(H5Tcreate(H5T_COMPOUND, packed_bytes), what);
    std::size_t offset = 0;
    for (const EventColumn& column : schema.columns) {
        const Hdf5Object type = column_type(column);
        check(H5Tinsert(row, column.name.c_str(), offset, type), what);
        offset += H5Tget_size(type);
    }
    return row;
}

std::string_view component_of(const Statistic& statistic) {
    return std::string_view(statistic.path).substr(0, statistic.path.find('/'));
}

using Components = std::set<std::string, std::less<>>;

/// The first names in paths of counters that are all the same in both.
Components unchanged_components(const StatRegistry& registry, const StatSnapshot& a, const StatSnapshot& b) {
    Components unchanged, changed;
    for (std::size_t i = 0; i < b.counters.size(); ++i) {
        const bool same = a.counters[i] == b.counters[i];
        (same ? unchanged : changed).emplace(component_of(registry.counters()[i]));
    }
    std::erase_if(unchanged, [&](const std::string& name) { return name.empty() || changed.contains(name); });
    return unchanged;
}

class FileBuilder {
public:
    explicit FileBuilder(const std::filesystem::path& path);

    void write_statistics(const char* root, const StatRegistry& registry, const StatSnapshot& values,
                          const Components& left_out = {});
    void write_totals(const RunState& state);
    void write_processes(const char* root, const ProcessStatistics& processes, const StatSnapshot& values);
    void write_programs(const char* root, const ProcessStatistics& programs, const StatSnapshot& values);
    void write_end(const std::string& path, const ProcessFacts& facts);
    void write_marker(const MarkerSnapshot& marker, const StatRegistry& registry);
    void write_histograms(const StatRegistry& registry, const StatSnapshot& values);
    void write_values(const std::string& group, const std::vector<SummaryValue>& values);
    void write_value(const std::string& path, const SummaryValue& value);
    void write_events(const RecordedEvents& table, const ChunkSpool& spool);
    void write_intervals(const RecordedIntervals& series, const ChunkSpool& spool);
    void write_text(const std::string& path, std::string_view text, const std::string& description,
                    std::size_t bytes = 0);
    Hdf5Object make_group(const std::string& path);
    void write_default_plot(const RunContent& content);
    void link_to(const std::string& path, const std::string& target);
    void share(const std::string& path, const std::string& same);
    void close();

private:
    void make_parents(const std::string& path);
    const Hdf5Object& parent_of(const std::string& path);
    Hdf5Object make_scalar(const std::string& path, hid_t type);
    template <class T>
    void write_scalar(const std::string& path, T value, const std::string& unit,
                      const std::string& description, const std::string& formula = {});
    Hdf5Object write_rows(const std::string& path, hid_t type, const RecordedRows& rows,
                          const ChunkSpool& spool);
    template <class T>
    void write_attribute(hid_t object, const char* name, const T& value) {
        m_attributes.write(object, name, value);
    }
    void describe_plot(const Hdf5Object& group, const char* signal, const char* axis,
                       const std::string& title);

    OutputDriver m_driver;
    Hdf5Object m_file;
    Hdf5Object m_links;
    std::set<std::string> m_groups; ///< that exist
    std::string m_open_path;        ///< of the group that is kept open
    Hdf5Object m_open;
    Hdf5Object m_scalar;
    Hdf5Object m_compact;
    Hdf5Object m_untimed;
    Hdf5Object m_group;
    AttributeWriter m_attributes;
    ChunkCompressor m_compressor;
};

Hdf5Object untimed_dataset() {
    Hdf5Object list(H5Pcreate(H5P_DATASET_CREATE), "cannot make a property list");
    check(H5Pset_obj_track_times(list, false), "cannot switch object times off");
    return list;
}

FileBuilder::FileBuilder(const std::filesystem::path& path) {
    const Hdf5Object access(H5Pcreate(H5P_FILE_ACCESS), "cannot make a property list");
    // Readable by every HDF5 since 1.8; its groups are a third of the size of the older ones.
    check(H5Pset_libver_bounds(access, H5F_LIBVER_V18, H5F_LIBVER_V18), "cannot choose the file format");
    m_driver.use_for(access);
    const Hdf5Object create(H5Pcreate(H5P_FILE_CREATE), "cannot make a property list");
    check(H5Pset_obj_track_times(create, false), "cannot switch object times off");
    const hid_t made = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, create, access);
    m_driver.throw_failure();
    m_file = Hdf5Object(made, "cannot create it");
    m_links = Hdf5Object(H5Pcreate(H5P_LINK_CREATE), "cannot make a property list");
    check(H5Pset_char_encoding(m_links, H5T_CSET_UTF8), "cannot set up links");
    m_scalar = Hdf5Object(H5Screate(H5S_SCALAR), "cannot make a dataspace");
    m_compact = untimed_dataset();
    check(H5Pset_layout(m_compact, H5D_COMPACT), "cannot set up a dataset");
    m_untimed = untimed_dataset();
    m_group = Hdf5Object(H5Pcreate(H5P_GROUP_CREATE), "cannot make a property list");
    check(H5Pset_obj_track_times(m_group, false), "cannot switch object times off");
    // A histogram's attributes stay in its header: beyond these numbers they would go to a heap and an index.
    check(H5Pset_attr_phase_change(m_group, 32, 24), "cannot set up groups");
}

void FileBuilder::make_parents(const std::string& path) {
    const std::size_t end = path.rfind('/');
    if (end == 0 || end == std::string::npos) return;
    if (const std::string parent = path.substr(0, end); !m_groups.contains(parent)) make_group(parent);
}

Hdf5Object FileBuilder::make_group(const std::string& path) {
    const std::string what = "cannot write " + path;
    if (path == "/" || m_groups.contains(path)) return {H5Gopen2(m_file, path.c_str(), H5P_DEFAULT), what};
    // One by one: groups that HDF5 makes on the way would carry the time.
    make_parents(path);
    m_groups.insert(path);
    return {H5Gcreate2(m_file, path.c_str(), m_links, m_group, H5P_DEFAULT), what};
}

/// The group that `path` is in. It stays open, since what is written next is mostly in the same: looking the
/// way up for each takes as long as writing.
const Hdf5Object& FileBuilder::parent_of(const std::string& path) {
    std::string parent = path.substr(0, path.rfind('/'));
    if (parent != m_open_path) {
        m_open = make_group(parent);
        m_open_path = std::move(parent);
    }
    return m_open;
}

Hdf5Object FileBuilder::make_scalar(const std::string& path, hid_t type) {
    const char* const name = path.c_str() + path.rfind('/') + 1;
    return {H5Dcreate2(parent_of(path), name, type, m_scalar, m_links, m_compact, H5P_DEFAULT),
            "cannot write " + path};
}

template <class T>
void FileBuilder::write_scalar(const std::string& path, T value, const std::string& unit,
                               const std::string& description, const std::string& formula) {
    constexpr bool real = std::is_floating_point_v<T>;
    const Hdf5Object dataset = make_scalar(path, real ? H5T_IEEE_F64LE : H5T_STD_U64LE);
    check(H5Dwrite(dataset, real ? H5T_NATIVE_DOUBLE : H5T_NATIVE_UINT64, H5S_ALL, H5S_ALL, H5P_DEFAULT,
                   &value),
          "cannot write " + path);
    write_attribute(dataset, "unit", unit);
    write_attribute(dataset, "description", description);
    if (!formula.empty()) write_attribute(dataset, "formula", formula);
}

void FileBuilder::write_text(const std::string& path, std::string_view text, const std::string& description,
                             std::size_t bytes) {
    make_parents(path);
    std::string padded = printable(text); // readers decode it as UTF-8
    padded.resize(std::max({bytes, padded.size(), std::size_t{1}}));
    const Hdf5Object type = fixed_string_type(padded.size());
    // Compact datasets hold less than 64 KiB.
    const bool is_compact = padded.size() < 32768;
    const Hdf5Object& layout = is_compact ? m_compact : m_untimed;
    const Hdf5Object dataset(H5Dcreate2(m_file, path.c_str(), type, m_scalar, m_links, layout, H5P_DEFAULT),
                             "cannot write " + path);
    check(H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, padded.data()), "cannot write " + path);
    if (!is_compact) write_attribute(dataset, "crc32", crc32_of(padded));
    write_attribute(dataset, "unit", std::string("text"));
    write_attribute(dataset, "description", description);
}

void FileBuilder::write_value(const std::string& path, const SummaryValue& value) {
    if (const auto* text = std::get_if<std::string>(&value.value))
        write_text(path, *text, value.description);
    else if (const auto* count = std::get_if<std::uint64_t>(&value.value))
        write_scalar(path, *count, value.unit, value.description);
    else
        write_scalar(path, std::get<double>(value.value), value.unit, value.description);
}

void FileBuilder::write_values(const std::string& group, const std::vector<SummaryValue>& values) {
    make_group(group);
    for (const SummaryValue& value : values) write_value(group + "/" + value.name, value);
}

void FileBuilder::write_statistics(const char* root, const StatRegistry& registry, const StatSnapshot& values,
                                   const Components& left_out) {
    make_group(root);
    const auto is_left_out = [&](const Statistic& counter) {
        return !left_out.empty() && left_out.contains(component_of(counter));
    };
    const auto place = [root](const auto& statistic) {
        return std::string(root) + "/" + (statistic.path.empty() ? "" : statistic.path + "/") +
               statistic.name;
    };
    for (std::size_t i = 0; i < values.counters.size(); ++i) {
        const Statistic& counter = registry.counters()[i];
        if (is_left_out(counter)) continue;
        write_scalar(place(counter), values.counters[i], counter.unit, counter.description);
    }
    if (values.counters.empty()) return;
    for (const RatioStatistic& ratio : registry.ratios()) {
        if (is_left_out(registry.counters()[ratio.numerator])) continue;
        const auto numerator = static_cast<double>(values.counters[ratio.numerator]);
        const auto denominator = static_cast<double>(values.counters[ratio.denominator]);
        // One bit pattern for "no value": what 0/0 yields differs between hosts.
        const double value = denominator == 0 ? std::numeric_limits<double>::quiet_NaN()
                                              : numerator * ratio.scale / denominator;
        write_scalar(place(ratio), value, ratio.unit, ratio.description, ratio.formula);
    }
}

/// What has not changed since power-on is the measured region's, under another name.
void FileBuilder::write_totals(const RunState& state) {
    const auto shared = unchanged_components(*state.registry, state.measured, *state.total);
    write_statistics("/stats_total", *state.registry, *state.total, shared);
    for (const std::string& component : shared) share("/stats_total/" + component, "/stats/" + component);
    const ProcessStatistics& processes = state.process_statistics;
    if (!processes.facts.empty() && processes.measured.counters == processes.total.counters)
        share("/stats_total/process", "/stats/process");
    else
        write_processes("/stats_total", processes, processes.total);
    write_programs("/stats_total", state.program_statistics, state.program_statistics.total);
}

void FileBuilder::write_processes(const char* root, const ProcessStatistics& processes,
                                  const StatSnapshot& values) {
    if (processes.facts.empty()) return;
    write_statistics(root, processes.registry, values);
    for (const ProcessFacts& process : processes.facts) {
        const std::string path = std::string(root) + "/process/" + std::to_string(process.number);
        write_scalar(path + "/pid", process.pid, "number", "as the simulated kernel numbers it");
        write_scalar(path + "/parent", process.parent, "number",
                     "the process that made it; 0: none of these");
        if (process.program)
            write_scalar(path + "/program", *process.program, "number", "the program that it is of");
        write_end(path, process);
    }
}

void FileBuilder::write_programs(const char* root, const ProcessStatistics& programs,
                                 const StatSnapshot& values) {
    if (programs.facts.empty()) return;
    write_statistics(root, programs.registry, values);
    for (const ProcessFacts& program : programs.facts)
        write_end(std::string(root) + "/program/" + std::to_string(program.number), program);
}

/// What was executed at `path`, and how it ended.
void FileBuilder::write_end(const std::string& path, const ProcessFacts& facts) {
    if (facts.exit_status)
        write_scalar(path + "/exit_status", *facts.exit_status, "number", "its own exit status");
    const Hdf5Object group = make_group(path);
    write_attribute(group, "command", facts.command);
    if (!facts.died_of.empty()) write_attribute(group, "died_of", facts.died_of);
    if (!facts.killed_by.empty()) write_attribute(group, "killed_by", facts.killed_by);
}

void FileBuilder::write_marker(const MarkerSnapshot& marker, const StatRegistry& registry) {
    const std::string path = "/markers/" + marker.name;
    write_scalar(path + "/task", marker.task, "number", "task that reached it");
    write_scalar(path + "/cpu", marker.cpu, "number", "CPU that it ran on");
    write_scalar(path + "/time", marker.time.value(), "ps", "simulated time at which the call began");
    write_scalar(path + "/instructions", marker.instructions, "instructions",
                 "program instructions from power-on");
    write_statistics((path + "/stats").c_str(), registry, marker.values);
    for (const ProcText& text : marker.proc)
        write_text(path + "/proc/" + text.name, text.text, "as the simulated /proc/" + text.name + " read");
}

void FileBuilder::describe_plot(const Hdf5Object& group, const char* signal, const char* axis,
                                const std::string& title) {
    write_attribute(group, "NX_class", std::string("NXdata"));
    write_attribute(group, "signal", std::string(signal));
    write_attribute(group, "axes", std::string(axis));
    write_attribute(group, "title", title);
}

void FileBuilder::write_histograms(const StatRegistry& registry, const StatSnapshot& values) {
    make_group("/histograms");
    for (std::size_t i = 0; i < values.histograms.size(); ++i) {
        const HistogramStatistic& declared = registry.histograms()[i];
        const Histogram& histogram = values.histograms[i];
        const std::string path =
            "/histograms/" + (declared.path.empty() ? "" : declared.path + "/") + declared.name;
        const Hdf5Object group = make_group(path);
        describe_plot(group, "counts", "lower_edge", declared.description);
        write_attribute(group, "unit", declared.unit);
        write_attribute(group, "description", declared.description);
        write_attribute(group, "count", histogram.count());
        write_attribute(group, "sum", histogram.sum());
        write_attribute(group, "max", histogram.max());
        write_attribute(group, "mean", histogram.mean());
        write_attribute(group, "p50", histogram.percentile(50));
        write_attribute(group, "p90", histogram.percentile(90));
        write_attribute(group, "p99", histogram.percentile(99));

        std::size_t used = Histogram::bucket_count;
        while (used > 0 && histogram.buckets()[used - 1] == 0) --used;
        std::vector<std::uint64_t> edges(used);
        for (std::size_t bucket = 0; bucket < used; ++bucket) edges[bucket] = Histogram::floor_of(bucket);

        const auto write = [&](const char* name, const std::uint64_t* data, const std::string& unit,
                               const std::string& description) {
            const std::string what = "cannot write " + path + "/" + name;
            const hsize_t size = used;
            const Hdf5Object space(H5Screate_simple(1, &size, nullptr), what);
            const Hdf5Object dataset(
                H5Dcreate2(group, name, H5T_STD_U64LE, space, H5P_DEFAULT, m_compact, H5P_DEFAULT), what);
            if (used != 0)
                check(H5Dwrite(dataset, H5T_NATIVE_UINT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, data), what);
            write_attribute(dataset, "unit", unit);
            write_attribute(dataset, "units", unit);
            write_attribute(dataset, "description", description);
            write_attribute(dataset, "long_name", description + " (" + unit + ")");
        };
        write("lower_edge", edges.data(), declared.unit, "smallest value of the bucket");
        write("counts", histogram.buckets().data(), "count", "values in the bucket");
    }
}

Hdf5Object FileBuilder::write_rows(const std::string& path, hid_t type, const RecordedRows& rows,
                                   const ChunkSpool& spool) {
    const std::string what = "cannot write " + path;
    make_parents(path);
    const hsize_t size = rows.size();
    const hsize_t unlimited = H5S_UNLIMITED; // else a chunk could not be larger than the dataset
    const Hdf5Object space(H5Screate_simple(1, &size, &unlimited), what);
    const Hdf5Object create = untimed_dataset();
    const hsize_t chunk = chunk_rows;
    check(H5Pset_chunk(create, 1, &chunk), what);
    check(H5Pset_shuffle(create), what);
    check(H5Pset_deflate(create, 1), what);
    Hdf5Object dataset(H5Dcreate2(m_file, path.c_str(), type, space, m_links, create, H5P_DEFAULT), what);

    hsize_t first = 0;
    std::vector<std::byte> bytes;
    for (const SpooledChunk& place : rows.whole_chunks()) {
        spool.read(place, bytes);
        check(H5Dwrite_chunk(dataset, H5P_DEFAULT, 0, &first, bytes.size(), bytes.data()), what);
        m_driver.throw_failure(); // no need to write the rest
        first += chunk_rows;
    }
    if (!rows.tail().empty()) {
        const auto last = m_compressor.compress(rows.layout(), rows.tail());
        check(H5Dwrite_chunk(dataset, H5P_DEFAULT, 0, &first, last.size(), last.data()), what);
    }
    return dataset;
}

void FileBuilder::write_events(const RecordedEvents& table, const ChunkSpool& spool) {
    const EventSchema& schema = table.schema;
    const Hdf5Object type = packed_row_type(schema, table.rows.layout().packed_bytes());
    const Hdf5Object dataset = write_rows("/events/" + schema.name, type, table.rows, spool);
    write_attribute(dataset, "description", schema.description);
    write_attribute(dataset, "unit", std::string("see <column>_unit"));
    write_attribute(dataset, "every", table.sampling.every);
    for (const EventColumn& column : schema.columns) {
        write_attribute(dataset, (column.name + "_unit").c_str(), column.unit);
        write_attribute(dataset, (column.name + "_description").c_str(), column.description);
    }
}

void FileBuilder::write_intervals(const RecordedIntervals& series, const ChunkSpool& spool) {
    const std::string path = "/intervals/" + series.schema.name;
    const Hdf5Object group = make_group(path);
    const auto& columns = series.schema.columns;
    describe_plot(group, columns[columns.size() > 1 ? 1 : 0].name.c_str(), columns[0].name.c_str(),
                  series.schema.description);
    write_attribute(group, "description", series.schema.description);
    for (std::size_t i = 0; i < columns.size(); ++i) {
        const Hdf5Object dataset =
            write_rows(path + "/" + columns[i].name, H5T_STD_U64LE, *series.columns[i], spool);
        write_attribute(dataset, "unit", columns[i].unit);
        write_attribute(dataset, "units", columns[i].unit);
        write_attribute(dataset, "description", columns[i].description);
        write_attribute(dataset, "column", static_cast<std::uint64_t>(i));
    }
}

void FileBuilder::write_default_plot(const RunContent& content) {
    const Hdf5Object root = make_group("/");
    write_attribute(root, "schema", std::string("pagewalk"));
    write_attribute(root, "schema_version", schema_version);
    write_attribute(root, "NX_class", std::string("NXroot"));
    const auto show = [&](const char* group, const std::string& plot) {
        write_attribute(root, "default", std::string(group));
        const Hdf5Object entry = make_group(std::string("/") + group);
        write_attribute(entry, "NX_class", std::string("NXentry"));
        write_attribute(entry, "default", plot);
    };
    const StatRegistry* registry = content.state.registry;
    if (!content.intervals.empty())
        show("intervals", content.intervals.front().schema.name);
    else if (registry != nullptr && !content.state.measured.histograms.empty()) {
        const HistogramStatistic& first = registry->histograms().front();
        show("histograms", first.path.empty() ? first.name : first.path + "/" + first.name);
    }
}

void FileBuilder::link_to(const std::string& path, const std::string& target) {
    check(H5Lcreate_soft(target.c_str(), m_file, path.c_str(), m_links, H5P_DEFAULT), "cannot write " + path);
}

/// `path` is the group or dataset `same`.
void FileBuilder::share(const std::string& path, const std::string& same) {
    check(H5Lcreate_hard(m_file, same.c_str(), m_file, path.c_str(), m_links, H5P_DEFAULT),
          "cannot write " + path);
}

void FileBuilder::close() {
    m_open = Hdf5Object();
    m_file.close("cannot write it");
    m_driver.throw_failure();
}

} // namespace

void build_run_file(const std::filesystem::path& file, const RunContent& content) {
    const QuietHdf5 quiet;
    FileBuilder builder(file);
    const RunState& state = content.state;
    if (state.registry != nullptr) {
        builder.write_statistics("/stats", *state.registry, state.measured);
        builder.write_processes("/stats", state.process_statistics, state.process_statistics.measured);
        builder.write_programs("/stats", state.program_statistics, state.program_statistics.measured);
        if (state.total) builder.write_totals(state);
        builder.write_histograms(*state.registry, state.measured);
    } else {
        builder.make_group("/stats");
        builder.make_group("/histograms");
    }
    builder.write_values("/summary", state.summary);
    for (const SummaryValue& value : state.ending) builder.write_value("/summary/" + value.name, value);
    builder.make_group("/intervals");
    for (const RecordedIntervals& series : content.intervals) builder.write_intervals(series, content.spool);
    builder.make_group("/events");
    for (const RecordedEvents& table : content.events) builder.write_events(table, content.spool);
    builder.make_group("/proc");
    for (const ProcText& text : state.proc)
        builder.write_text("/proc/" + text.name, text.text, "as the simulated /proc/" + text.name + " read");
    if (state.registry != nullptr)
        for (const MarkerSnapshot& marker : state.markers) builder.write_marker(marker, *state.registry);
    builder.write_default_plot(content);

    const RunMeta& meta = content.meta;
    builder.write_text("/meta/version", meta.version, "version of Pagewalk");
    builder.write_text("/meta/git_revision", meta.git_revision,
                       "revision of Pagewalk's source, -changed where files differed");
    builder.write_text("/meta/config", meta.config, "every option with its value, as a config file");
    builder.write_value("/meta/seed", {"seed", meta.seed, "number", "seed of all random streams"});
    builder.write_text("/meta/workload", meta.workload, "what ran");
    builder.write_text("/meta/machine", meta.machine, "what it ran on");
    if (!meta.no_effect.empty())
        builder.write_text("/meta/no_effect", meta.no_effect, "options that were set and have no effect");
    builder.write_value("/meta/simulated_time",
                        {"simulated_time", state.simulated_time.value(), "ps", "simulated time reached"});
    builder.write_text("/meta/status", name_of(content.status), "how the run ended", status_bytes);
    builder.write_text("/meta/status_text", content.status_text, "the status in words", status_text_bytes);
    for (const SummaryValue& value : state.ending) builder.write_value("/meta/" + value.name, value);
    if (!state.processes.empty())
        builder.write_text("/meta/processes", state.processes, "the program's processes, a line each");
    builder.link_to("/meta/command_line", "/meta/host/command_line");

    builder.make_group("/meta/host");
    builder.write_text("/meta/host/name", content.host.name, "host the simulation ran on");
    builder.write_text("/meta/host/cpu_model", content.host.cpu_model, "the host's processor");
    builder.write_text("/meta/host/command_line", meta.command_line, "how Pagewalk was called");
    builder.write_text("/meta/host/start_time", content.start_time, "start of the run, UTC");
    builder.write_text("/meta/host/end_time", content.end_time, "when this file was written, UTC");
    const bool own_seconds =
        std::ranges::none_of(state.host, [](const auto& value) { return value.name == "host_seconds"; });
    if (own_seconds)
        builder.write_value("/meta/host/host_seconds", {"host_seconds", content.host_seconds, "s",
                                                        "wall-clock time since the start of the run"});
    for (const SummaryValue& value : state.host) builder.write_value("/meta/host/" + value.name, value);
    builder.close();
}

void overwrite_status(const std::filesystem::path& path, RunStatus status, const std::string& status_text) {
    const QuietHdf5 quiet;
    Hdf5Object file(H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT), "cannot open it");
    const auto overwrite = [&file](const char* name, std::string text) {
        const Hdf5Object dataset(H5Dopen2(file, name, H5P_DEFAULT), "cannot overwrite the status");
        const Hdf5Object type(H5Dget_type(dataset), "cannot overwrite the status");
        text.resize(H5Tget_size(type));
        check(H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, text.data()),
              "cannot overwrite the status");
    };
    overwrite("/meta/status", std::string(name_of(status)));
    overwrite("/meta/status_text", excerpt(status_text, status_text_bytes));
    file.close("cannot overwrite the status");
}

} // namespace pagewalk::results
