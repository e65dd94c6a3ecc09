#include "base/error.h"
#include "workloads/qemu/plugin/ring_writer.h"
#include "workloads/qemu/ring_reader.h"

#include <numeric>
#include <thread>

#include <gtest/gtest.h>

namespace pagewalk::workloads {
namespace {

/// The plugin's writer in this process, so that both ends can be driven.
class RingReaderTest : public testing::Test {
protected:
    Segment m_segment{min_ring_bytes};
    RingWriter m_writer{&m_segment.view().header()};
    RingControl& m_ring = *m_writer.claim(0);
    SpillStore m_store;
    RingReader m_reader{m_segment, m_store, m_segment.view().thread(0).ring};
    std::uint64_t m_next = 0;

    void write(std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) {
            if (m_ring.cursor >= m_ring.limit) m_writer.make_room(m_ring);
            *m_ring.cursor++ = m_next++;
        }
    }
};

TEST_F(RingReaderTest, ReadsWhatWasPublishedAcrossTheEndOfTheRing) {
    std::uint64_t expected = 0;
    for (int round = 0; round < 100; ++round) {
        write(10007);
        m_writer.publish(m_ring);
        const auto words = m_reader.words();
        ASSERT_EQ(words.size(), 10007);
        for (const std::uint64_t word : words) ASSERT_EQ(word, expected++);
        m_reader.take(words.size());
        m_reader.release();
    }
    EXPECT_TRUE(m_reader.words().empty());
}

TEST_F(RingReaderTest, KeepsTheLimitOfABlockWhenAPublicationWraps) {
    // As a system call does: publish between two blocks, wherever the limit stands.
    for (std::size_t written = 0; written < 3 * m_segment.ring_words(); written += 1000) {
        write(1000);
        m_writer.publish(m_ring);
        const auto words = m_reader.words();
        m_reader.take(words.size());
        m_reader.release();
        EXPECT_LE(m_ring.limit - m_ring.cursor, static_cast<std::ptrdiff_t>(publish_words));
    }
}

TEST_F(RingReaderTest, KeepsWhatWasTakenThroughASpill) {
    write(20000);
    m_writer.publish(m_ring);
    const auto held = m_reader.words().first(5000);
    m_reader.take(5000);
    m_reader.spill();
    // The whole ring is the producer's again: it overwrites what was there.
    write(m_segment.ring_words() / 2);
    m_writer.publish(m_ring);
    for (std::size_t i = 0; i < held.size(); ++i) ASSERT_EQ(held[i], i);
    m_reader.release();
    std::uint64_t expected = 5000;
    while (expected < 20000 + m_segment.ring_words() / 2) {
        const auto words = m_reader.words();
        ASSERT_FALSE(words.empty());
        for (const std::uint64_t word : words) ASSERT_EQ(word, expected++);
        m_reader.take(words.size());
        m_reader.release();
    }
    EXPECT_TRUE(m_reader.words().empty());
}

TEST_F(RingReaderTest, SpillsTwiceWhileWordsOfTheFirstSpillAreHeld) {
    write(1000);
    m_writer.publish(m_ring);
    m_reader.spill();
    const auto held = m_reader.words().first(10);
    m_reader.take(10);
    write(500);
    m_writer.publish(m_ring);
    m_reader.spill();
    EXPECT_EQ(held[9], 9);
    m_reader.release();
    std::vector<std::uint64_t> seen;
    while (!m_reader.words().empty()) {
        const auto words = m_reader.words();
        seen.insert(seen.end(), words.begin(), words.end());
        m_reader.take(words.size());
        m_reader.release();
    }
    std::vector<std::uint64_t> expected(1490);
    std::iota(expected.begin(), expected.end(), 10);
    EXPECT_EQ(seen, expected);
}

TEST_F(RingReaderTest, FindsWhatADeadProducerDidNotPublish) {
    write(100);
    EXPECT_TRUE(m_reader.words().empty());
    m_reader.close();
    EXPECT_EQ(m_reader.words().size(), 100);
    EXPECT_EQ(m_reader.words()[99], 99);
}

TEST_F(RingReaderTest, BlocksTheProducerUntilThereIsRoom) {
    const std::size_t total = 4 * m_segment.ring_words();
    std::thread producer([&] {
        write(total);
        m_writer.release(m_ring);
    });
    std::uint64_t expected = 0;
    while (expected < total) {
        m_reader.wait(std::chrono::milliseconds(5));
        const auto words = m_reader.words();
        EXPECT_LE(words.size(), m_segment.ring_words());
        for (const std::uint64_t word : words) ASSERT_EQ(word, expected++);
        m_reader.take(words.size());
        m_reader.release();
    }
    producer.join();
    EXPECT_TRUE(m_reader.is_left());
}

TEST(Segment, RefusesARingSizeThatCannotBe) {
    EXPECT_THROW(Segment(4096), InputError);
    EXPECT_THROW(Segment(3 << 20), InputError);
}

TEST_F(RingReaderTest, SeesWhatIsWrittenAndNotPublishedYet) {
    EXPECT_TRUE(m_reader.is_read_up());
    write(10);
    EXPECT_TRUE(m_reader.words().empty());
    EXPECT_FALSE(m_reader.is_read_up());
    m_writer.publish(m_ring);
    m_reader.take(10);
    EXPECT_FALSE(m_reader.is_read_up()); // it is in use
    m_reader.release();
    EXPECT_TRUE(m_reader.is_read_up());
}

TEST_F(RingReaderTest, ReadsOnWhenTheRingOfAnEndedThreadIsAnothers) {
    write(1000);
    m_writer.publish(m_ring);
    m_reader.take(400);
    m_writer.release(m_ring);
    EXPECT_TRUE(m_reader.is_left());
    EXPECT_FALSE(m_reader.detach()); // 400 words are in use where they are
    m_reader.release();
    ASSERT_TRUE(m_reader.detach());
    m_segment.free_ring(0);
    RingControl& other = *m_writer.claim(0);
    for (int i = 0; i < 1000; ++i) *other.cursor++ = 77;
    m_writer.publish(other);
    const auto words = m_reader.words();
    ASSERT_EQ(words.size(), 600);
    EXPECT_EQ(words.front(), 400);
    EXPECT_EQ(words.back(), 999);
    m_reader.take(600);
    m_reader.release();
    EXPECT_TRUE(m_reader.is_read_up());
}

TEST_F(RingReaderTest, ReusesRingsAndPlacesOfThreadsForEver) {
    m_writer.release(m_ring);
    ASSERT_TRUE(m_reader.detach());
    m_segment.free_ring(0);
    SegmentHeader& header = m_segment.view().header();
    header.threads_seen.store(1);
    for (std::uint64_t number = 1; number < 3 * thread_slots; ++number) {
        RingControl& ring = *m_writer.claim(number);
        const ThreadEntry& entry = m_segment.view().thread(number);
        ASSERT_EQ(entry.ready.load(), number + 1);
        ASSERT_EQ(entry.epoch, number);
        m_writer.release(ring);
        m_segment.free_ring(entry.ring);
        header.threads_seen.store(number + 1);
    }
    EXPECT_EQ(header.failure.load(), SegmentFailure::None);
}

} // namespace
} // namespace pagewalk::workloads
