#pragma once

#include "models/memory/command_limits.h"
#include "models/memory/dram_command.h"
#include "models/memory/dram_config.h"
#include "models/memory/dram_stats.h"
#include "models/memory/dram_timing.h"
#include "models/memory/learned_wait.h"
#include "models/memory/refresh_schedule.h"
#include "models/memory/request_pool.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace pagewalk::models {

/// One DRAM channel and its scheduler. All times are numbers of clock edges, on which commands are given.
///
/// Commands are chosen one by one, in the order of time, among the requests that have been handed to their
/// banks: the first that is ready, banks taking turns at equal times, and in a bank the oldest (FR-FCFS,
/// Rixner et al., ISCA 2000). A row is not closed while such a request wants it, unless it has served
/// `row_hit_cap` accesses. Reads are handed to their banks as these have room; writes in batches, before any
/// further read, from `write_high` queued down to `write_low`, or where no read is there and at least
/// `write_idle` are. DRAMsim3 (Controller::ScheduleTransaction, CommandQueue) does likewise. With strict
/// turns, reads that have been handed to their banks wait too while writes are drained, and writes when they
/// are not: the data bus turns round but twice for a batch.
///
/// Modelled: tRCD, tRP, tCL/tCWL, tRAS, tRC, tCCD_S/L, tRRD_S/L, tFAW, tRTP, tWR, tWTR_S/L, tRTRS, all-bank
/// refresh, which begins on time and closes whatever is open at once. The command bus is never the limit.
///
/// Requests come with time stamps that need not ascend. The channel lags behind the latest by as much as
/// requests have lately come late, so that it serves them in the order of their times; who asks is answered
/// before that, by a forecast (read()).
class DramChannel {
public:
    DramChannel(const DramConfig& config, const DramTiming& timing, DramStats& stats);

    /// Takes a read. Returns when its line's last transfer is expected: when the bank alone would serve it,
    /// or when its turn on the bus comes at the recent rate, whichever is later, with the mean error that
    /// such forecasts have lately had.
    std::uint64_t read(const DramPlace& place, std::uint64_t line, std::uint64_t arrival);
    /// Takes a write. Returns when it is expected to be in the write queue.
    std::uint64_t write(const DramPlace& place, std::uint64_t line, std::uint64_t arrival);
    /// Whether the line waits to be written.
    [[nodiscard]] bool holds_write(std::uint64_t line) const;
    /// Gives all commands that come before `until`, whoever may still ask for earlier ones.
    void serve(std::uint64_t until);

    /// Commands are appended to `commands` from now on.
    void record(std::vector<DramCommand>& commands) { m_record = &commands; }

private:
    static constexpr std::uint64_t never = std::numeric_limits<std::uint64_t>::max();
    static constexpr std::uint16_t pool_size = 4096;
    static constexpr std::uint16_t none = RequestPool::none;
    /// What comes later than this after a later request is served as if it came now.
    static constexpr std::uint64_t longest_lag = 8192;

    struct Bank {
        std::uint64_t row = 0;
        std::uint64_t activated = 0;
        std::uint64_t may_precharge = 0;
        std::uint64_t may_activate = 0;   ///< where it is closed
        std::uint64_t open_until = never; ///< when the page policy closes the row
        std::uint64_t period = 0;         ///< of refresh, that the row was opened in
        std::uint32_t accesses = 0;       ///< since the row was opened
        bool open = false;
        RowOutcome outcome = RowOutcome::Miss;                            ///< of the row's first access
        std::array<std::uint16_t, 2> first{none, none}, last{none, none}; ///< oldest and latest by direction
        std::array<std::uint16_t, 2> scheduled{};                         ///< how many of them may be served
        std::array<std::uint16_t, 2> unscheduled{none, none};             ///< the first that may not yet
        std::array<std::uint16_t, 2> queued{};                            ///< how many of these have arrived
        std::array<std::uint16_t, 2> hit{none, none}; ///< the oldest that the open row serves, since wish()

        [[nodiscard]] bool any_queued() const { return (queued[0] | queued[1]) != 0; }
    };
    /// What a bank may want to do next.
    enum Kind : std::uint8_t { ReadColumn, WriteColumn, OtherRow, OpenRow, kind_count };
    /// From when on each of eight banks wants to do what, which the limits that banks share may put off:
    /// after m_base, at most m_far; m_unwanted where nothing is wanted.
    struct Wishes {
        std::array<std::array<std::int32_t, 8>, kind_count> time{};
    };
    struct Next {
        std::uint64_t time = never;
        std::uint32_t bank = 0;
        Kind kind = ReadColumn;
    };

    void hear_of(std::uint64_t arrival);
    std::size_t add(const DramRequest& request, std::uint16_t& number);
    void link_between(Bank& bank, std::size_t direction, std::uint16_t number);
    [[nodiscard]] std::uint64_t alone(const DramRequest& mine);
    std::uint64_t take_turn(std::size_t position);
    [[nodiscard]] std::uint64_t turn_of_next();
    [[nodiscard]] std::uint64_t next_admission(std::size_t direction) const;
    void admit(std::size_t direction);
    [[nodiscard]] std::size_t handed_out() const;
    [[nodiscard]] bool schedule(std::uint32_t index);
    [[nodiscard]] bool schedule_queued(Bank& bank, std::uint32_t index);
    void start_batch();
    void take_turns();
    void schedule_all();
    void wish(std::uint32_t bank);
    template <class Want>
    void for_each_wish(Bank& bank, Want&& want);
    /// How many of those that a bank has been handed may be served now.
    [[nodiscard]] std::uint16_t served(const Bank& bank, std::size_t direction) const {
        const bool waits = m_strict_turns && (direction != 0) != m_writing;
        return waits ? 0 : bank.scheduled[direction];
    }
    [[nodiscard]] std::uint16_t find_hit(const Bank& bank, std::size_t direction) const;
    [[nodiscard]] std::uint16_t oldest_of(const Bank& bank) const;
    /// No bank of the group may be given such a command earlier.
    [[nodiscard]] std::uint64_t limit(Kind kind, std::uint32_t bank) const {
        const std::uint32_t group = group_of(bank);
        if (kind == OpenRow) return m_activates.not_before(group);
        if (kind == OtherRow) return 0;
        return m_columns.not_before(kind == ReadColumn ? BusDirection::Read : BusDirection::Write, group);
    }
    void find_next();
    [[nodiscard]] Kind kind_of_next(std::int32_t time) const;
    void find_next_far();
    void keep_base_near() {
        if (m_now - m_base > static_cast<std::uint64_t>(m_far) / 2) [[unlikely]]
            move_base();
    }
    void move_base();
    [[nodiscard]] std::int32_t near(std::uint64_t time) const {
        return static_cast<std::int32_t>(
            std::min(time - std::min(time, m_base), static_cast<std::uint64_t>(m_far)));
    }
    void give(const Next& next);
    void give_column(const Next& next);
    void activate(std::uint32_t index, std::uint64_t time);
    [[nodiscard]] bool close_if_due(std::uint32_t index, std::uint64_t time);
    void close(std::uint32_t index, std::uint64_t time);
    void use(std::uint32_t index, std::uint64_t time);
    void remove(Bank& bank, std::uint16_t number);
    void forget_written(std::uint16_t number);
    void count(RowOutcome outcome);
    void write_down(DramCommand::Kind kind, std::uint64_t time, std::uint32_t bank) {
        if (m_record != nullptr) [[unlikely]]
            append_to_record(kind, time, bank);
    }
    void append_to_record(DramCommand::Kind kind, std::uint64_t time, std::uint32_t bank);
    [[nodiscard]] std::uint32_t group_of(std::uint32_t bank) const { return bank >> m_bank_bits; }
    [[nodiscard]] std::uint32_t rank_of(std::uint32_t bank) const { return bank >> m_rank_shift; }

    std::uint64_t m_rcd, m_rp, m_ras, m_ccd_l, m_read_end;
    std::uint64_t m_refresh_cost = 0;            ///< to the reads that wait meanwhile
    std::array<std::uint64_t, 2> m_to_precharge; ///< column command to precharge, by direction
    PagePolicy m_page_policy;
    std::uint64_t m_page_timeout;
    std::uint32_t m_row_hit_cap;
    std::uint32_t m_bank_queue;
    std::size_t m_write_high, m_write_low, m_write_idle;
    bool m_strict_turns;
    std::array<std::size_t, 2> m_capacity; ///< of the queues, by direction
    unsigned m_bank_bits, m_rank_shift;
    std::uint64_t m_burst_ticks;
    DramStats* m_stats;
    std::vector<DramCommand>* m_record = nullptr;

    ColumnLimits m_columns;
    ActivateLimits m_activates;
    std::vector<RefreshSchedule> m_refresh; ///< by rank
    std::vector<std::uint64_t> m_refreshed; ///< the period of its last activate, by rank
    std::vector<Bank> m_banks;
    std::vector<Wishes> m_wishes;              ///< by bank / 8
    std::vector<std::uint64_t> m_banks_queued; ///< a bit for each bank that has something queued
    std::uint32_t m_last_bank;
    unsigned m_turn_width;    ///< of a bank's number
    std::int32_t m_unwanted;  ///< with a turn behind it, still a number of 31 bits
    std::int32_t m_far;       ///< what is later is compared in full
    std::uint64_t m_base = 0; ///< of what is compared together
    RequestPool m_pool{pool_size};
    std::array<ArrivalQueue, 2> m_arrivals{ArrivalQueue(pool_size), ArrivalQueue(pool_size)};
    std::array<std::size_t, 2> m_queued{};               ///< in the queues, by direction
    std::size_t m_scheduled = 0, m_scheduled_writes = 0; ///< handed to banks
    std::uint64_t m_sequence = 0;                        ///< of requests handed to banks
    std::size_t m_batch_left = 0; ///< writes that go to their banks before any read does
    bool m_writing = false;       ///< with strict turns: writes have theirs
    bool m_schedule_all = false;
    std::array<std::uint16_t, 1024> m_written; ///< the first of the writes that wait, by their lines' hash
    std::uint64_t m_now = 0;
    std::uint32_t m_turn = 0; ///< bank of the latest command
    Next m_next;              ///< command
    bool m_next_known = false;
    std::uint64_t m_latest = 0; ///< arrival
    std::uint64_t m_lag = 0, m_latest_lag = 0;
    std::uint32_t m_heard = 0, m_turns_taken = 0;
    std::uint64_t m_last_read = 0, m_last_write = 0; ///< column commands
    LearnedWait m_reads, m_writes;
};

} // namespace pagewalk::models
