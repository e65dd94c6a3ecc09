#include "results/run_reader.h"

#include "base/error.h"
#include "base/option.h"
#include "results/file_builder.h"
#include "results/summary_keys.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>

namespace pagewalk::results {

namespace {

std::string dataset_text(hid_t dataset) {
    const Hdf5Object type(H5Dget_type(dataset), "cannot read a text");
    if (H5Tget_class(type) != H5T_STRING || H5Tis_variable_str(type) > 0)
        throw Hdf5Error("a text is stored in a way this version does not write");
    std::string text(H5Tget_size(type), '\0');
    check(H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, text.data()), "cannot read a text");
    if (has_attribute(dataset, "crc32") && read_count_attribute(dataset, "crc32") != crc32_of(text))
        throw Hdf5Error("a text is damaged: its checksum is another");
    return text.substr(0, text.find('\0'));
}

SummaryValue read_value(hid_t dataset, const std::string& name) {
    SummaryValue value{.name = name,
                       .unit = read_text_attribute(dataset, "unit"),
                       .description = read_text_attribute(dataset, "description")};
    const std::string what = "cannot read " + name;
    const Hdf5Object type(H5Dget_type(dataset), what);
    if (H5Tget_class(type) == H5T_STRING) {
        value.value = dataset_text(dataset);
    } else if (H5Tget_class(type) == H5T_FLOAT) {
        double number = 0;
        check(H5Dread(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, &number), what);
        value.value = number;
    } else {
        std::uint64_t number = 0;
        check(H5Dread(dataset, H5T_NATIVE_UINT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, &number), what);
        value.value = number;
    }
    return value;
}

std::uint64_t size_of(hid_t dataset) {
    const Hdf5Object space(H5Dget_space(dataset), "cannot read a dataset's size");
    return static_cast<std::uint64_t>(H5Sget_simple_extent_npoints(space));
}

std::string join(const std::vector<std::string>& names) {
    std::string text;
    for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
    return text.empty() ? "none" : text;
}

ColumnType integer_type(hid_t type) {
    const std::size_t bytes = H5Tget_size(type);
    if (bytes != 1 && bytes != 2 && bytes != 4 && bytes != 8)
        throw Hdf5Error("a column's type is not one this version writes");
    const unsigned log2 = bytes == 1 ? 0 : bytes == 2 ? 1 : bytes == 4 ? 2 : 3;
    return static_cast<ColumnType>(log2 + (H5Tget_sign(type) == H5T_SGN_2 ? 4 : 0));
}

EventColumn read_column(hid_t dataset, hid_t row, unsigned index) {
    EventColumn column;
    char* name = H5Tget_member_name(row, index);
    column.name = name;
    H5free_memory(name);
    column.offset = H5Tget_member_offset(row, index);
    column.unit = read_text_attribute(dataset, (column.name + "_unit").c_str());
    column.description = read_text_attribute(dataset, (column.name + "_description").c_str());
    const std::string what = "cannot read column " + column.name;
    const Hdf5Object type(H5Tget_member_type(row, index), what);
    if (H5Tget_class(type) == H5T_ENUM) {
        const Hdf5Object base(H5Tget_super(type), what);
        column.type = integer_type(base);
        const int members = H5Tget_nmembers(type);
        for (int i = 0; i < members; ++i) {
            char* member = H5Tget_member_name(type, static_cast<unsigned>(i));
            column.value_names.emplace_back(member);
            H5free_memory(member);
        }
    } else {
        column.type = integer_type(type);
    }
    return column;
}

} // namespace

std::string StoredEvents::cell(std::uint64_t row, std::size_t column) const {
    const EventColumn& shown = schema.columns[column];
    const std::size_t bytes = std::size_t{1} << (static_cast<unsigned>(shown.type) & 3);
    std::uint64_t value = 0;
    std::memcpy(&value, rows.data() + row * schema.row_bytes + shown.offset, bytes);
    if (value < shown.value_names.size()) return shown.value_names[value];
    if (shown.type < ColumnType::I8) return std::to_string(value);
    const unsigned unused = static_cast<unsigned>(64 - 8 * bytes);
    return std::to_string(static_cast<std::int64_t>(value << unused) >> unused);
}

bool is_results_file(const std::filesystem::path& path) {
    const QuietHdf5 quiet;
    try {
        const Hdf5Object file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), "cannot open it");
        const Hdf5Object root(H5Gopen2(file, "/", H5P_DEFAULT), "it has no root group");
        return read_text_attribute(root, "schema") == "pagewalk";
    } catch (const Hdf5Error&) {
        return false;
    }
}

RunReader::RunReader(std::filesystem::path path) : m_path(std::move(path)) {
    if (!std::filesystem::exists(m_path))
        throw InputError(m_path.string() +
                         " does not exist; a results file is what `pagewalk run -o` writes");
    guarded([this] {
        if (H5Fis_hdf5(m_path.c_str()) <= 0)
            throw InputError(m_path.string() + " is not an HDF5 file, or is damaged at its start");
        m_file = Hdf5Object(H5Fopen(m_path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT),
                            "it cannot be opened (cut short, or still being copied?)");
        const Hdf5Object root(H5Gopen2(m_file, "/", H5P_DEFAULT), "it has no root group");
        if (read_text_attribute(root, "schema") != "pagewalk")
            throw InputError(m_path.string() +
                             " is an HDF5 file, but not Pagewalk's results: its root has no attribute "
                             "schema = pagewalk");
        const std::uint64_t version = read_count_attribute(root, "schema_version");
        if (version != schema_version)
            throw InputError(m_path.string() + " has results schema version " + std::to_string(version) +
                             "; this Pagewalk reads version " + std::to_string(schema_version));
    });
}

const std::vector<std::string>& RunReader::datasets_below(const std::string& group) const {
    if (const auto listed = m_datasets.find(group); listed != m_datasets.end()) return listed->second;
    std::vector<std::string> paths;
    if (has_link(m_file, group.c_str())) {
        const std::string what = "cannot list " + group;
        const Hdf5Object below(H5Gopen2(m_file, group.c_str(), H5P_DEFAULT), what);
        const auto add = [](hid_t, const char* name, const H5O_info_t* info, void* found) -> herr_t {
            if (info->type == H5O_TYPE_DATASET)
                static_cast<std::vector<std::string>*>(found)->emplace_back(name);
            return 0;
        };
        check(H5Ovisit2(below, H5_INDEX_NAME, H5_ITER_INC, add, &paths, H5O_INFO_BASIC), what);
        std::ranges::sort(paths);
    }
    return m_datasets.emplace(group, std::move(paths)).first->second;
}

std::vector<SummaryValue> RunReader::values_below(const char* group) const {
    std::vector<SummaryValue> values;
    for (const std::string& name : datasets_below(group)) {
        const Hdf5Object dataset(H5Dopen2(m_file, (std::string(group) + "/" + name).c_str(), H5P_DEFAULT),
                                 "cannot read " + name);
        values.push_back(read_value(dataset, name));
    }
    return values;
}

std::string RunReader::meta(const std::string& name) const {
    return guarded([&]() -> std::string {
        const std::string path = "/meta/" + name;
        if (!has_link(m_file, path.c_str())) return {};
        const Hdf5Object dataset(H5Dopen2(m_file, path.c_str(), H5P_DEFAULT), "cannot read " + path);
        return dataset_text(dataset);
    });
}

std::vector<SummaryValue> RunReader::summary() const {
    return guarded([&] {
        std::vector<SummaryValue> values = values_below("/summary");
        const std::vector<SummaryValue> host = values_below("/meta/host");
        const auto number = [](const std::vector<SummaryValue>& from, std::string_view name) {
            const auto found = std::ranges::find(from, name, &SummaryValue::name);
            if (found == from.end()) return 0.0;
            if (const auto* count = std::get_if<std::uint64_t>(&found->value))
                return static_cast<double>(*count);
            const auto* real = std::get_if<double>(&found->value);
            return real == nullptr ? 0.0 : *real;
        };
        const double seconds = number(host, "host_seconds");
        values.push_back(summary_value("host_seconds", seconds));
        // The wall clock ran in the warm-up too.
        double instructions = total("cpu*", "user_instructions");
        if (instructions == 0) instructions = number(values, "instructions");
        values.push_back(summary_value("host_mips", seconds > 0 ? instructions / seconds / 1e6 : 0.0));
        values.push_back(summary_value("status", status()));
        const auto place = [](const SummaryValue& value) {
            const auto keys = summary_keys();
            return std::ranges::find(keys, value.name, &SummaryKey::name) - keys.begin();
        };
        std::ranges::stable_sort(values, {}, place);
        return values;
    });
}

std::vector<StoredStatistic> RunReader::stats(std::string_view glob) const {
    return stats_below("/stats", glob);
}

// Listing all that is below takes longer than reading a few.
std::vector<std::string> RunReader::components(const char* group, std::string_view glob) const {
    std::vector<std::string> names;
    if (!has_link(m_file, group)) return names;
    const std::string what = std::string("cannot list ") + group;
    const Hdf5Object above(H5Gopen2(m_file, group, H5P_DEFAULT), what);
    const auto add = [](hid_t, const char* name, const H5L_info_t*, void* found) -> herr_t {
        static_cast<std::vector<std::string>*>(found)->emplace_back(name);
        return 0;
    };
    check(H5Literate(above, H5_INDEX_NAME, H5_ITER_INC, nullptr, add, &names), what);
    std::erase_if(names, [&](const std::string& name) {
        const Hdf5Object component(H5Oopen(above, name.c_str(), H5P_DEFAULT), what);
        return !matches_glob(name, glob) || H5Iget_type(component) != H5I_GROUP;
    });
    return names;
}

double RunReader::sum_of(const char* root, std::string_view components_glob, const char* name) const {
    return guarded([&] {
        double sum = 0;
        for (const std::string& component : components(root, components_glob)) {
            const std::string path = component + "/" + name;
            if (!has_link(m_file, (std::string(root) + "/" + path).c_str())) continue;
            const StoredStatistic stat = read_statistic(root, path);
            if (std::holds_alternative<std::uint64_t>(stat.value)) sum += stat.number();
        }
        return sum;
    });
}

double RunReader::measured(std::string_view components, const char* name) const {
    return sum_of("/stats", components, name);
}

double RunReader::total(std::string_view components, const char* name) const {
    return sum_of("/stats_total", components, name);
}

std::vector<StoredStatistic> RunReader::stats_of(std::string_view components_glob, const char* group) const {
    return guarded([&] {
        std::vector<StoredStatistic> stats;
        for (const std::string& component : components("/stats", components_glob)) {
            const std::string below = component + "/" + group;
            for (const std::string& name : datasets_below("/stats/" + below))
                stats.push_back(read_statistic("/stats", below + "/" + name));
        }
        return stats;
    });
}

StoredStatistic RunReader::read_statistic(const char* group, const std::string& path) const {
    const Hdf5Object dataset(H5Dopen2(m_file, (std::string(group) + "/" + path).c_str(), H5P_DEFAULT),
                             "cannot read " + path);
    SummaryValue read = read_value(dataset, path);
    StoredStatistic stat{path, std::uint64_t{0}, read.unit, read.description,
                         read_text_attribute(dataset, "formula")};
    if (const auto* real = std::get_if<double>(&read.value)) stat.value = *real;
    if (const auto* count = std::get_if<std::uint64_t>(&read.value)) stat.value = *count;
    return stat;
}

std::vector<StoredStatistic> RunReader::stats_below(const char* group, std::string_view glob) const {
    return guarded([&] {
        std::vector<StoredStatistic> stats;
        for (const std::string& path : datasets_below(group))
            if (matches_glob(path, glob)) stats.push_back(read_statistic(group, path));
        return stats;
    });
}

std::uint64_t StoredProcess::count(std::string_view name) const {
    const auto found = std::ranges::find(stats, name, &StoredStatistic::path);
    const auto* value = found == stats.end() ? nullptr : std::get_if<std::uint64_t>(&found->value);
    return value == nullptr ? 0 : *value;
}

std::vector<StoredProcess> RunReader::processes() const { return members("process"); }

std::vector<StoredProcess> RunReader::programs() const { return members("program"); }

/// What is at /stats/<group>/<number>.
std::vector<StoredProcess> RunReader::members(const std::string& group) const {
    std::map<std::uint64_t, StoredProcess> processes;
    const std::string root = "/stats/" + group;
    guarded([&] {
        for (const std::string& name : datasets_below(root)) {
            StoredStatistic stat = read_statistic(root.c_str(), name);
            stat.path = name.substr(name.find('/') + 1);
            processes[std::strtoull(name.c_str(), nullptr, 10)].stats.push_back(std::move(stat));
        }
    });
    std::vector<StoredProcess> found;
    for (auto& [number, process] : processes) {
        ProcessFacts& facts = process.facts;
        facts = {.number = number, .pid = process.count("pid"), .parent = process.count("parent")};
        const auto status = std::ranges::find(process.stats, "exit_status", &StoredStatistic::path);
        if (status != process.stats.end()) facts.exit_status = process.count("exit_status");
        const auto program = std::ranges::find(process.stats, "program", &StoredStatistic::path);
        if (program != process.stats.end()) facts.program = process.count("program");
        guarded([&] {
            const std::string path = root + "/" + std::to_string(number);
            const Hdf5Object object(H5Gopen2(m_file, path.c_str(), H5P_DEFAULT), "cannot read " + path);
            facts.command = read_text_attribute(object, "command");
            facts.died_of = read_text_attribute(object, "died_of");
            facts.killed_by = read_text_attribute(object, "killed_by");
        });
        found.push_back(std::move(process));
    }
    return found;
}

std::vector<StoredHistogram> RunReader::histograms(std::string_view glob) const {
    return guarded([&] {
        std::vector<StoredHistogram> histograms;
        for (const std::string& path : datasets_below("/histograms")) {
            if (!path.ends_with("/counts")) continue;
            const std::string name = path.substr(0, path.size() - std::strlen("/counts"));
            if (!matches_glob(name, glob)) continue;
            const Hdf5Object group(H5Gopen2(m_file, ("/histograms/" + name).c_str(), H5P_DEFAULT),
                                   "cannot read histogram " + name);
            StoredHistogram& histogram = histograms.emplace_back();
            histogram.path = name;
            histogram.unit = read_text_attribute(group, "unit");
            histogram.description = read_text_attribute(group, "description");
            histogram.count = read_count_attribute(group, "count");
            histogram.sum = read_count_attribute(group, "sum");
            histogram.max = read_count_attribute(group, "max");
            histogram.p50 = read_count_attribute(group, "p50");
            histogram.p90 = read_count_attribute(group, "p90");
            histogram.p99 = read_count_attribute(group, "p99");
            const auto read = [&](const char* of, std::vector<std::uint64_t>& values) {
                const std::string what = "cannot read " + name + "/" + of;
                const Hdf5Object dataset(H5Dopen2(group, of, H5P_DEFAULT), what);
                values.resize(size_of(dataset));
                if (!values.empty())
                    check(H5Dread(dataset, H5T_NATIVE_UINT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()),
                          what);
            };
            read("lower_edge", histogram.lower_edges);
            read("counts", histogram.counts);
        }
        return histograms;
    });
}

std::vector<std::string> RunReader::proc_names() const {
    return guarded([&] { return datasets_below("/proc"); });
}

std::string RunReader::proc(const std::string& name) const {
    return guarded([&] {
        const std::vector<std::string> names = datasets_below("/proc");
        if (std::ranges::find(names, name) == names.end())
            throw InputError(m_path.string() + " has no /proc text " + name + "; it has: " + join(names));
        const Hdf5Object dataset(H5Dopen2(m_file, ("/proc/" + name).c_str(), H5P_DEFAULT),
                                 "cannot read /proc/" + name);
        return dataset_text(dataset);
    });
}

std::vector<std::string> RunReader::event_names() const {
    return guarded([&] { return datasets_below("/events"); });
}

StoredEvents RunReader::events(const std::string& name, std::uint64_t most_rows) const {
    return guarded([&] {
        const std::vector<std::string> names = datasets_below("/events");
        if (std::ranges::find(names, name) == names.end())
            throw InputError(m_path.string() + " has no event table " + name + "; it has: " + join(names));
        const std::string what = "cannot read event table " + name;
        const Hdf5Object dataset(H5Dopen2(m_file, ("/events/" + name).c_str(), H5P_DEFAULT), what);
        const Hdf5Object type(H5Dget_type(dataset), what);
        if (H5Tget_class(type) != H5T_COMPOUND) throw Hdf5Error(what + ": it is not a table");
        StoredEvents events;
        events.schema.name = name;
        events.schema.description = read_text_attribute(dataset, "description");
        events.schema.row_bytes = H5Tget_size(type);
        const int members = H5Tget_nmembers(type);
        for (int i = 0; i < members; ++i)
            events.schema.columns.push_back(read_column(dataset, type, static_cast<unsigned>(i)));
        events.every = read_count_attribute(dataset, "every");
        events.total = size_of(dataset);
        events.read = std::min(events.total, most_rows);
        events.rows.resize(events.read * events.schema.row_bytes);
        if (events.read == 0) return events;
        const hsize_t start = 0;
        const hsize_t count = events.read;
        const Hdf5Object in_file(H5Dget_space(dataset), what);
        check(H5Sselect_hyperslab(in_file, H5S_SELECT_SET, &start, nullptr, &count, nullptr), what);
        const Hdf5Object in_memory(H5Screate_simple(1, &count, nullptr), what);
        check(H5Dread(dataset, type, in_memory, in_file, H5P_DEFAULT, events.rows.data()), what);
        return events;
    });
}

} // namespace pagewalk::results
