#include "app/list_events.h"
#include "app/system_config.h"
#include "base/error.h"

#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pagewalk::app {
namespace {

using testing::HasSubstr;
using testing::Not;

const std::vector<EventSchema> sample{
    {"faults",
     "page faults",
     8,
     {{"kind", ColumnType::U8, 0, "", "what it took", {"minor", "major"}}},
     "faults",
     {7}},
    {"walks", "page walks", 8, {{"latency", ColumnType::U32, 0, "cycles", "until the end", {}}}}};

TEST(ListEvents, DescribesTablesColumnsAndValues) {
    std::ostringstream out;
    print_events(out, sample, "*");
    EXPECT_EQ(out.str(), "faults: page faults\n    kind  what it took: minor, major\n"
                         "walks: page walks\n    latency [cycles]  until the end\n");
}

TEST(ListEvents, SelectsByGlobAndRefusesWhatIsNot) {
    std::ostringstream out;
    print_events(out, sample, "w*");
    EXPECT_THAT(out.str(), HasSubstr("walks"));
    EXPECT_THAT(out.str(), Not(HasSubstr("faults")));
    EXPECT_THROW(print_events(out, sample, "nothing"), InputError);
}

TEST(ListEvents, WritesThePageOfTheDocumentation) {
    std::ostringstream out;
    print_event_tables(out, sample);
    EXPECT_THAT(out.str(), HasSubstr("## faults\n\npage faults; `events.faults` is 7 by default.\n"));
    EXPECT_THAT(out.str(), HasSubstr("| kind |  | what it took: minor, major |"));
}

TEST(ListEvents, NamesATableForEachOption) {
    const SystemConfig config;
    for (const EventSchema& schema : event_schemas()) {
        const Option* option = config.options.find("events." + schema.name);
        ASSERT_NE(option, nullptr) << schema.name;
        EXPECT_EQ(option->default_text, std::to_string(schema.sampling.every)) << schema.name;
    }
}

} // namespace
} // namespace pagewalk::app
