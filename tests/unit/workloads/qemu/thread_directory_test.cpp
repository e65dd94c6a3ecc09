#include "workloads/qemu/thread_directory.h"

#include <gtest/gtest.h>

namespace pagewalk::workloads {
namespace {

TEST(ThreadDirectory, FindsAThreadOfTheSameProcessAndAForkedOne) {
    ThreadDirectory directory;
    directory.add({100, 100, 1});
    directory.add({101, 100, 1});
    directory.add({102, 102, 100});
    EXPECT_EQ(directory.find(0, 101), 1);
    EXPECT_EQ(directory.find(0, 102), 2);
    EXPECT_EQ(directory.find(0, 102), 2);
    EXPECT_EQ(directory.find(0, 103), std::nullopt);
    EXPECT_EQ(directory.find(0, 100), std::nullopt);
    EXPECT_EQ(directory.find(9, 101), std::nullopt);
}

TEST(ThreadDirectory, GivesAnIdThatComesAgainToTheNextCreation) {
    ThreadDirectory directory;
    directory.add({100, 100, 1});
    directory.add({101, 100, 1});
    directory.add({101, 100, 1});
    directory.note_creation(0, 101);
    EXPECT_EQ(directory.find(0, 101), 1);
    EXPECT_EQ(directory.find(0, 101), 1);
    directory.note_creation(0, 101);
    EXPECT_EQ(directory.find(0, 101), 2);
}

TEST(ThreadDirectory, DoesNotTakeAThreadOfAnotherProcessForAChild) {
    ThreadDirectory directory;
    directory.add({100, 100, 1});
    directory.add({200, 200, 100});
    directory.add({201, 200, 100});
    EXPECT_EQ(directory.find(0, 201), std::nullopt);
    EXPECT_EQ(directory.find(1, 201), 2);
}

} // namespace
} // namespace pagewalk::workloads
