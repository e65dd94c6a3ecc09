#include "base/rng.h"
#include "models/core/lock_table.h"

#include <algorithm>
#include <array>
#include <map>
#include <vector>

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

using Kind = LockTable::Answer::Kind;

constexpr VirtAddr lock{0xffff888000001000};
constexpr VirtAddr other{0xffff888000001040};
constexpr CpuId first{0}, second{1}, third{2};

struct LockTableTest : testing::Test {
    LockTableTest() {
        for (const CpuId cpu : {first, second, third}) {
            horizons.connect(cpu);
            horizons.connect(cpu, wakers[index_of(cpu)]);
            horizons.set(cpu, no_time);
        }
    }
    /// The time at which `cpu`, which asks at `time`, has the lock; no_time while it has not.
    Tick take(CpuId cpu, std::uint64_t time, VirtAddr which = lock) {
        locks.request(cpu, which, Tick(time));
        return taken(cpu);
    }
    Tick taken(CpuId cpu) {
        const LockTable::Answer answer = locks.answer(cpu);
        return answer.kind == Kind::Granted ? answer.time : no_time;
    }

    struct Waker final : CpuWaker {
        void wake_at(Tick at) override { times.push_back(at); }
        std::vector<Tick> times;
    };
    std::array<Waker, 3> wakers;
    CpuHorizons horizons;
    LockTable locks{horizons};
};

TEST_F(LockTableTest, FreeLockIsTakenAtOnce) {
    EXPECT_EQ(take(first, 100), Tick(100));
    EXPECT_EQ(locks.stats().acquisitions, 1U);
    EXPECT_EQ(locks.stats().contended, 0U);
    EXPECT_EQ(locks.stats().wait_ticks, 0U);
}

TEST_F(LockTableTest, LockIsNotGrantedWhileAnotherMayAskForAnEarlierMoment) {
    horizons.set(second, Tick(99));
    locks.request(first, lock, Tick(100));
    const LockTable::Answer answer = locks.answer(first);
    EXPECT_EQ(answer.kind, Kind::TooEarly);
    EXPECT_EQ(answer.time, Tick(100));
    horizons.set(second, Tick(100));
    EXPECT_EQ(taken(first), Tick(100));
}

TEST_F(LockTableTest, EarlierRequestThatIsMadeLaterGoesFirst) {
    horizons.set(second, Tick(50));
    locks.request(first, lock, Tick(100));
    EXPECT_EQ(locks.answer(first).kind, Kind::TooEarly);
    EXPECT_EQ(take(second, 60), Tick(60));
    horizons.set(second, no_time);
    EXPECT_EQ(locks.answer(first).kind, Kind::Held);
    locks.release(second, lock, Tick(70));
    EXPECT_EQ(taken(first), Tick(100));
    EXPECT_EQ(locks.stats().contended, 0U);
}

TEST_F(LockTableTest, HeldLockIsTakenWhenItIsReleased) {
    ASSERT_EQ(take(first, 100), Tick(100));
    EXPECT_EQ(take(second, 150), no_time);
    locks.release(first, lock, Tick(200));
    EXPECT_EQ(wakers[1].times, std::vector{Tick(200)});
    EXPECT_EQ(taken(second), Tick(200));
    EXPECT_EQ(locks.stats().contended, 1U);
    EXPECT_EQ(locks.stats().wait_ticks, 50U);
}

TEST_F(LockTableTest, ReleasedLockIsFreeForWhoAsksLater) {
    for (const std::uint64_t asked : {199, 200, 201}) {
        LockTable table(horizons);
        table.request(first, lock, Tick(100));
        ASSERT_EQ(table.answer(first).kind, Kind::Granted);
        table.release(first, lock, Tick(200));
        table.request(second, lock, Tick(asked));
        EXPECT_EQ(table.answer(second).time, Tick(std::max<std::uint64_t>(asked, 200)));
        EXPECT_EQ(table.stats().contended, asked < 200 ? 1U : 0U);
    }
}

TEST_F(LockTableTest, WaitersAreServedInTheOrderOfTheirRequests) {
    ASSERT_EQ(take(first, 100), Tick(100));
    EXPECT_EQ(take(second, 180), no_time);
    EXPECT_EQ(take(third, 150), no_time);
    locks.release(first, lock, Tick(200));
    EXPECT_EQ(taken(second), no_time);
    EXPECT_EQ(taken(third), Tick(200));
    locks.release(third, lock, Tick(260));
    EXPECT_EQ(taken(second), Tick(260));
}

TEST_F(LockTableTest, OfEqualRequestsTheLowerCpuIsServedFirst) {
    ASSERT_EQ(take(first, 100), Tick(100));
    EXPECT_EQ(take(third, 150), no_time);
    EXPECT_EQ(take(second, 150), no_time);
    locks.release(first, lock, Tick(200));
    EXPECT_EQ(taken(third), no_time);
    EXPECT_EQ(taken(second), Tick(200));
}

TEST_F(LockTableTest, LocksAreIndependent) {
    ASSERT_EQ(take(first, 100), Tick(100));
    EXPECT_EQ(take(second, 150, other), Tick(150));
}

using LockTableDeathTest = LockTableTest;

TEST_F(LockTableDeathTest, HolderThatAsksAgainIsABrokenInvariant) {
    ASSERT_EQ(take(first, 100), Tick(100));
    EXPECT_DEATH(locks.request(first, lock, Tick(110)), "holder");
}

TEST_F(LockTableDeathTest, ReleaseByAnotherIsABrokenInvariant) {
    ASSERT_EQ(take(first, 100), Tick(100));
    EXPECT_DEATH(locks.release(second, lock, Tick(110)), "holder");
}

/// A CPU that works, takes a lock, holds it, and so on; run ahead of the others by quanta.
struct Player {
    struct Turn {
        std::uint64_t work, hold;
        VirtAddr lock;
    };
    std::vector<Turn> turns;
    std::size_t turn = 0;
    Tick now{}, resume{};
    bool asked = false;
};

struct Hold {
    VirtAddr lock;
    Tick asked, from, to;
    auto operator<=>(const Hold&) const = default;
};

/// Plays everybody's turns, advancing of several CPUs that are next the lowest or the highest first.
class Game {
public:
    Game(std::vector<Player> players, std::uint64_t quantum, bool highest_first)
        : m_players(std::move(players)), m_quantum(quantum), m_highest_first(highest_first) {
        for (std::size_t i = 0; i < m_players.size(); ++i) {
            const auto cpu = static_cast<CpuId>(i);
            m_wakers.emplace_back(&m_players[i]);
            m_horizons.connect(cpu);
        }
        for (std::size_t i = 0; i < m_players.size(); ++i)
            m_horizons.connect(static_cast<CpuId>(i), m_wakers[i]);
    }
    std::vector<Hold> play() {
        while (Player* player = next()) {
            const auto cpu = static_cast<CpuId>(player - m_players.data());
            m_horizons.set(cpu, player->resume = advance(*player, cpu, player->resume + Tick(m_quantum)));
        }
        std::ranges::sort(m_holds);
        return m_holds;
    }
    [[nodiscard]] const LockStats& stats() const { return m_locks.stats(); }

private:
    struct Waker final : CpuWaker {
        explicit Waker(Player* p) : player(p) {}
        void wake_at(Tick at) override { player->resume = std::min(player->resume, at); }
        Player* player;
    };
    Player* next() {
        Player* best = nullptr;
        for (Player& player : m_players)
            if (player.resume != no_time && (best == nullptr || player.resume < best->resume ||
                                             (m_highest_first && player.resume == best->resume)))
                best = &player;
        return best;
    }
    Tick advance(Player& player, CpuId cpu, Tick until) {
        while (player.asked || player.now < until) {
            if (player.turn == player.turns.size()) return no_time;
            const Player::Turn& turn = player.turns[player.turn];
            if (!player.asked) {
                player.now += Tick(turn.work);
                m_asked[cpu] = player.now;
                m_locks.request(cpu, turn.lock, player.now);
                player.asked = true;
            }
            const LockTable::Answer answer = m_locks.answer(cpu);
            if (answer.kind == Kind::TooEarly) return answer.time;
            if (answer.kind == Kind::Held) return no_time;
            player.now = answer.time + Tick(turn.hold);
            m_locks.release(cpu, turn.lock, player.now);
            m_holds.push_back({turn.lock, m_asked[cpu], answer.time, player.now});
            player.asked = false;
            ++player.turn;
        }
        return player.now;
    }

    std::vector<Player> m_players;
    std::uint64_t m_quantum;
    bool m_highest_first;
    std::vector<Waker> m_wakers;
    CpuHorizons m_horizons;
    LockTable m_locks{m_horizons};
    std::map<CpuId, Tick> m_asked;
    std::vector<Hold> m_holds;
};

std::vector<Player> random_players(Rng& rng) {
    std::vector<Player> players(2 + rng.below(6));
    const std::uint64_t locks = 1 + rng.below(4), work = 1 + rng.below(500), hold = 1 + rng.below(200);
    for (Player& player : players)
        for (unsigned i = 0; i < 40; ++i)
            player.turns.push_back(
                {1 + rng.below(work), rng.below(hold), lock + rng.below(locks) * line_size});
    return players;
}

TEST(LockTable, HoldersNeverOverlapAndNobodyWaitsForAFreeLockWhateverTheQuantum) {
    Rng rng(7, "locks");
    for (unsigned round = 0; round < 100; ++round) {
        const std::vector<Player> players = random_players(rng);
        Game reference(players, 1, false);
        const std::vector<Hold> holds = reference.play();
        ASSERT_EQ(holds.size(), players.size() * 40);
        std::vector<Hold> by_time = holds;
        std::ranges::sort(by_time, {}, [](const Hold& h) { return std::tuple(h.lock, h.from, h.to); });
        Tick free{};
        for (std::size_t i = 0; i < by_time.size(); ++i) {
            if (i == 0 || by_time[i].lock != by_time[i - 1].lock) free = Tick();
            ASSERT_EQ(by_time[i].from, std::max(by_time[i].asked, free));
            free = by_time[i].to;
        }
        for (const std::uint64_t quantum : {10, 100, 1'000, 100'000})
            for (const bool highest_first : {false, true}) {
                Game game(players, quantum, highest_first);
                ASSERT_EQ(game.play(), holds) << quantum << highest_first;
                ASSERT_EQ(game.stats().wait_ticks, reference.stats().wait_ticks);
            }
    }
}

} // namespace
} // namespace pagewalk::models
