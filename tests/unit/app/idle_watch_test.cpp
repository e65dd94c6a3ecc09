#include "app/idle_watch.h"

#include <gtest/gtest.h>

namespace pagewalk::app {
namespace {

TEST(IdleWatch, GivesUpOnlyWhereNothingCanEndTheWait) {
    const models::Cpu::Progress for_ever{.state = models::Cpu::State::Idle, .wake = no_time};
    const models::Cpu::Progress asleep{.state = models::Cpu::State::Idle, .wake = Tick(5)};
    IdleWatch watch;
    for (std::uint64_t i = 0; i < IdleWatch::most_quanta; ++i) watch.look(for_ever);
    watch.look(asleep); // begins anew
    for (std::uint64_t i = 0; i < IdleWatch::most_quanta; ++i) watch.look(for_ever);
    EXPECT_THROW(watch.look(for_ever), RunError);
}

} // namespace
} // namespace pagewalk::app
