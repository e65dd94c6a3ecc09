#include "workloads/qemu/spill_store.h"

#include <numeric>

#include <gtest/gtest.h>

namespace pagewalk::workloads {
namespace {

std::vector<std::uint64_t> numbers(std::size_t count, std::uint64_t first) {
    std::vector<std::uint64_t> words(count);
    std::iota(words.begin(), words.end(), first);
    return words;
}

TEST(SpillStore, KeepsWordsInMemoryUpToItsLimitAndThenInAFile) {
    SpillStore store(8000);
    const auto one = numbers(1000, 0), two = numbers(500, 5000), three = numbers(700, 9000);
    SpillStore::Piece first = store.put(one), second = store.put(two), third = store.put(three);
    EXPECT_EQ(store.bytes_in_memory(), 8000);
    EXPECT_EQ(store.bytes_in_file(), 1200 * 8);
    EXPECT_TRUE(third.words.empty());
    store.load(third);
    EXPECT_EQ(third.words, three);
    store.load(second);
    EXPECT_EQ(second.words, two);
    store.load(first);
    EXPECT_EQ(first.words, one);
    EXPECT_EQ(store.bytes_in_file(), 0);
    for (SpillStore::Piece* piece : {&first, &second, &third}) store.forget(*piece);
    EXPECT_EQ(store.bytes_in_memory(), 0);
}

TEST(SpillStore, ForgetsWhatWasNeverRead) {
    SpillStore store(0);
    SpillStore::Piece piece = store.put(numbers(10, 0));
    store.forget(piece);
    EXPECT_EQ(store.bytes_in_file() + store.bytes_in_memory(), 0);
}

} // namespace
} // namespace pagewalk::workloads
