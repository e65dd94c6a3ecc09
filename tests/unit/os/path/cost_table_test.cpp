#include "base/config_file.h"
#include "contract/kernel_layout.h"
#include "os/path/cost_table.h"

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

const std::string measurements = std::string(PAGEWALK_SOURCE_DIR) + "/tests/data/kcost/";

std::vector<std::vector<std::string>> rows_of(const std::string& name) {
    std::ifstream file(measurements + name);
    std::vector<std::vector<std::string>> rows;
    std::string line;
    std::getline(file, line);
    while (std::getline(file, line)) {
        std::stringstream text(line);
        rows.emplace_back();
        for (std::string field; std::getline(text, field, ',');) rows.back().push_back(field);
    }
    return rows;
}

/// Measured counts by "function" (median), "function@column" and, from the call trees, "phase/n:function"
/// (mean of clean calls) with ".self" for its own part; shares of loads and stores by function.
struct Measured {
    std::map<std::string, double> counts;
    std::map<std::string, std::pair<double, double>> mix;

    Measured() {
        for (const auto& fields : rows_of("kernel_costs_6.1.csv")) {
            const auto number = [&](std::size_t i) { return std::stod(fields.at(i)); };
            counts[fields[0]] = number(5);
            counts[fields[0] + "@min"] = number(3);
            counts[fields[0] + "@p10"] = number(4);
            counts[fields[0] + "@p90"] = number(6);
            counts[fields[0] + "@p99"] = number(7);
            counts[fields[0] + "@max"] = number(8);
            mix[fields[0]] = {number(9) / number(2), number(10) / number(2)};
        }
        for (const char* const file : {"faults_6.1.csv", "slopes_6.1.csv", "dma_6.1.csv", "net_6.1.csv"})
            for (const auto& fields : rows_of(file)) {
                const double instructions = counts[fields[0]] = std::stod(fields.at(1));
                if (!fields.at(2).empty())
                    mix[fields[0]] = {std::stod(fields[2]) / instructions,
                                      std::stod(fields[3]) / instructions};
            }
        for (const auto& fields : rows_of("call_tree_6.1.csv")) {
            const double instructions = counts[fields[0]] = std::stod(fields.at(2));
            counts[fields[0] + ".self"] = std::stod(fields.at(3));
            mix[fields[0]] = {std::stod(fields.at(4)) / instructions, std::stod(fields.at(5)) / instructions};
        }
    }
};

/// Evaluates a record's formula: names, numbers, + - * / and brackets, all separated by spaces.
class Formula {
public:
    Formula(std::string_view text, const Measured& measured)
        : m_text(std::string(text)), m_measured(measured) {
        next();
    }
    double sum() {
        double value = product();
        while (m_word == "+" || m_word == "-") {
            const bool add = m_word == "+";
            next();
            const double right = product();
            value += add ? right : -right;
        }
        return value;
    }

private:
    double product() {
        double value = factor();
        while (m_word == "*" || m_word == "/") {
            const bool times = m_word == "*";
            next();
            const double right = factor();
            value = times ? value * right : value / right;
        }
        return value;
    }
    double factor() {
        if (m_word == "(") {
            next();
            const double value = sum();
            next();
            return value;
        }
        const std::string word = m_word;
        next();
        if (const auto known = m_measured.counts.find(word); known != m_measured.counts.end())
            return known->second;
        EXPECT_EQ(word.find_first_not_of("0123456789."), std::string::npos) << word << " is not measured";
        return std::atof(word.c_str());
    }
    void next() {
        m_word.clear();
        while (m_text >> m_word && m_word == "assumed") {
        }
        if (!m_text) m_word.clear();
    }

    std::stringstream m_text;
    std::string m_word;
    const Measured& m_measured;
};

TEST(CostTable, FollowsFromTheMeasurementByEveryFormula) {
    const Measured measured;
    ASSERT_GT(measured.counts.size(), 100U);
    for (std::size_t i = 0; i < kernel_function_count; ++i) {
        const FunctionRecord& record = CostTable::record(static_cast<KernelFunction>(i));
        const double value = Formula(record.formula, measured).sum();
        EXPECT_EQ(record.cost.instructions, static_cast<std::uint32_t>(value + 1e-9))
            << record.name << ": " << record.formula;
        const auto mix = measured.mix.find(std::string(record.mix));
        ASSERT_NE(mix, measured.mix.end()) << record.name;
        const double instructions = record.cost.instructions;
        EXPECT_NEAR(record.cost.loads, instructions * mix->second.first, 0.51) << record.name;
        EXPECT_NEAR(record.cost.stores, instructions * mix->second.second, 0.51) << record.name;
    }
}

TEST(CostTable, AssumesNoMoreSegmentsThanItDid) {
    // bio_poll cannot be measured there: the machine's virtio disk has no queue to poll. Nor can qi_wait:
    // the emulator's IOMMU answers at once; nor skb_gro_receive: raw packets are not merged.
    constexpr std::size_t known = 55;
    std::size_t assumed = 0;
    for (std::size_t i = 0; i < kernel_function_count; ++i)
        assumed += CostTable::record(static_cast<KernelFunction>(i)).formula.starts_with("assumed") ? 1 : 0;
    std::cout << assumed << " of " << kernel_function_count << " segments have an assumed cost\n";
    EXPECT_LE(assumed, known) << "measure the new one, or say why it cannot be";
}

TEST(CostTable, GivesEverySegmentItsOwnText) {
    const CostTable costs;
    VirtAddr end = kernel_layout::text_base;
    for (std::size_t i = 0; i < kernel_function_count; ++i) {
        const auto function = static_cast<KernelFunction>(i);
        EXPECT_GE(costs.text(function), end);
        EXPECT_EQ(costs.text(function).value() % line_size, 0U);
        end = costs.text(function) + 4ULL * costs[function].instructions;
    }
}

TEST(CostTable, LoadsFromTheShippedFileWhatIsCompiledIn) {
    CostTable loaded;
    OptionSet options;
    loaded.declare(options.group("os").group("cost"));
    load_config_file(std::string(PAGEWALK_SOURCE_DIR) + "/configs/os/linux-6.1-costs.cfg", options);
    const CostTable defaults;
    std::size_t from_file = 0;
    for (const Option& option : options.all()) {
        EXPECT_EQ(option.get(), option.default_text) << option.key;
        from_file += option.where != "default" ? 1 : 0;
    }
    EXPECT_EQ(from_file, 3 * kernel_function_count);
}

TEST(CostTable, RefusesMoreAccessesThanInstructions) {
    CostTable costs;
    OptionSet options;
    costs.declare(options.group("cost"));
    options.set("cost.clear_page.loads", "100", "test");
    EXPECT_THROW(costs.finish(), ConfigError);
}

} // namespace
} // namespace pagewalk::os
