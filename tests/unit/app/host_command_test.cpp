#include "app/host_command.h"

#include <vector>

#include <gtest/gtest.h>

namespace pagewalk::app {
namespace {

HostAnswer ask(const std::vector<std::string>& words) { return ask_host(words); }

TEST(AskHost, GivesStatusAndWhatWasSaid) {
    const HostAnswer answer = ask({"sh", "-c", "echo \"it's\"; echo so >&2; exit 3"});
    EXPECT_EQ(answer.status, 3);
    EXPECT_EQ(answer.text, "it's\nso");
}

TEST(AskHost, TellsWhatIsNotThereAndWhatDied) {
    EXPECT_EQ(ask({"/absent/program"}).status, 127);
    EXPECT_EQ(ask({"sh", "-c", "kill -9 $$"}).status, 128 + 9);
}

} // namespace
} // namespace pagewalk::app
