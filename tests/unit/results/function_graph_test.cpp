#include "results/function_graph.h"

#include <gtest/gtest.h>

namespace pagewalk::results {
namespace {

constexpr std::uint64_t us = 1'000'000; // ps
constexpr const char* header = "# tracer: function_graph\n#\n"
                               "# CPU  DURATION                  FUNCTION CALLS\n"
                               "# |     |   |                     |   |   |   |\n";

std::string body(std::vector<TracedCall> calls) {
    const std::string text = function_graph_text(calls);
    EXPECT_TRUE(text.starts_with(header));
    return text.substr(std::string(header).size());
}

TEST(FunctionGraph, NestsCallsAndPutsACallWithoutCallsOnOneLine) {
    EXPECT_EQ(body({{.time = 0, .duration = 20 * us, .depth = 0, .function = "mm_alloc"},
                    {.time = us, .duration = 1'382'000, .depth = 1, .function = "kmem_cache_alloc"},
                    {.time = 5 * us, .duration = 8 * us, .depth = 1, .function = "mm_init"},
                    {.time = 6 * us, .duration = 2 * us, .depth = 2, .function = "pgd_alloc"},
                    {.time = 30 * us, .duration = 3 * us, .depth = 0, .function = "wake_up_new_task"}}),
              " 0)               |  mm_alloc() {\n"
              " 0)   1.382 us    |    kmem_cache_alloc();\n"
              " 0)               |    mm_init() {\n"
              " 0)   2.000 us    |      pgd_alloc();\n"
              " 0)   8.000 us    |    }\n"
              " 0) + 20.000 us   |  }\n"
              " 0)   3.000 us    |  wake_up_new_task();\n");
}

TEST(FunctionGraph, MarksLongCallsAndKeepsSevenDigits) {
    EXPECT_EQ(body({{.time = 0, .duration = 10 * us, .function = "a"},
                    {.time = 10'000'000 * us, .duration = 10'000'001, .function = "b"},
                    {.time = 20'000'000 * us, .duration = 123'456'789, .function = "c"},
                    {.time = 30'000'000 * us, .duration = 1234 * us, .function = "d"},
                    {.time = 40'000'000 * us, .duration = 12'345 * us, .function = "e"},
                    {.time = 50'000'000 * us, .duration = 123'456 * us + 789'000, .function = "f"},
                    {.time = 60'000'000 * us, .duration = 1'234'567 * us, .function = "g"}}),
              " 0)   10.000 us   |  a();\n"
              " 0) + 10.000 us   |  b();\n"
              " 0) ! 123.456 us  |  c();\n"
              " 0) # 1234.000 us |  d();\n"
              " 0) * 12345.00 us |  e();\n"
              " 0) @ 123456.7 us |  f();\n"
              " 0) $ 1234567 us  |  g();\n");
}

TEST(FunctionGraph, InterleavesCpusInTimeAndShowsTaskSwitches) {
    EXPECT_EQ(
        body({{.time = 0, .duration = 6 * us, .task = 2, .cpu = 0, .depth = 0, .function = "kernel_clone"},
              {.time = 4 * us, .duration = us, .task = 2, .cpu = 0, .depth = 1, .function = "dup_mm"},
              {.time = 9 * us, .duration = us, .task = 7, .cpu = 0, .depth = 0, .function = "do_exit"},
              {.time = 2 * us, .duration = us, .task = 3, .cpu = 12, .depth = 0, .function = "vm_mmap"}}),
        "  0)               |  kernel_clone() {\n"
        " 12)   1.000 us    |  vm_mmap();\n"
        "  0)   1.000 us    |    dup_mm();\n"
        "  0)   6.000 us    |  }\n"
        " ------------------------------------------\n"
        "  0)     task-2     =>     task-7    \n"
        " ------------------------------------------\n\n"
        "  0)   1.000 us    |  do_exit();\n");
}

} // namespace
} // namespace pagewalk::results
