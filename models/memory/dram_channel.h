#pragma once

#include "models/interconnect/timeline.h"
#include "models/memory/activate_window.h"
#include "models/memory/address_mapping.h"
#include "models/memory/dram_config.h"
#include "models/memory/dram_timing.h"
#include "models/memory/refresh_schedule.h"

#include <array>
#include <cstdint>
#include <vector>

namespace pagewalk::models {

enum class RowOutcome : std::uint8_t {
    Hit,      ///< the row was open
    Miss,     ///< the bank was closed
    Conflict, ///< another row was open
};

/// One DRAM channel: banks, their ranks' activate and refresh limits, the data bus.
///
/// Each access is given its commands when it is asked for, by reservation. Modelled: tRCD, tRP, tCL/tCWL,
/// tRAS, tRC, tCCD_S/L, tRRD_S/L, tFAW, tRTP, tWR, tWTR, tRTRS, all-bank refresh. Approximations:
/// - First-ready, first-come: an access takes the first gap of the data bus in which its bank can serve it,
/// so a
///   row hit that comes later may be served before an earlier row conflict, also in a row whose closing is
///   decided but lies ahead. What has its commands keeps them: no access is put off for one that comes later.
/// - A bank remembers its last four row activations; a request that comes late (its CPU ran behind) is put
///   between them where it fits, after them where not.
/// - The command bus is never the limit, and commands are not aligned to clock edges.
/// - Writes are drained in batches that own the data bus; a batch begins after all reads that have their
///   commands. The turnaround after it is tWTR_L whatever the bank group.
class DramChannel {
public:
    DramChannel(const DramConfig& config, const DramTiming& timing);

    struct Served {
        std::uint64_t data_end = 0; ///< the line's last transfer on the bus
        RowOutcome outcome = RowOutcome::Miss;
    };
    /// A read that the controller knows of at `time`.
    Served read(const DramPlace& place, std::uint64_t time);

    struct Write {
        DramPlace place;
        std::uint64_t line = 0;
    };
    /// Writes `count` queued lines in one batch, not before `time`, calling `served(RowOutcome)` for each.
    template <class OnServed>
    void write_batch(const Write* writes, std::size_t count, std::uint64_t time, OnServed&& served) {
        const std::uint64_t first_data = begin_writes(time);
        std::uint64_t end = first_data;
        for (std::size_t i = 0; i < count; ++i) {
            const Served one = serve(writes[i].place, time, Direction::Write, first_data);
            if (one.data_end > end) end = one.data_end;
            served(one.outcome);
        }
        end_writes(first_data, end);
    }

    /// Refreshes begun on all ranks up to the latest access.
    [[nodiscard]] std::uint64_t refreshes() const { return m_refreshes; }

private:
    enum class Direction : std::uint8_t { Read, Write };

    /// One row being open in a bank.
    struct Activation {
        std::uint64_t row = 0;
        std::uint64_t activated = 0;
        std::uint64_t may_precharge = 0;
        std::uint64_t open_until = 0; ///< when the page policy closes it
        std::uint64_t period = 0;     ///< of refresh
        bool used = false;
    };
    static constexpr std::size_t remembered = 4;
    /// A bank's last activations in a ring; 0 is the latest.
    struct Bank {
        std::array<Activation, remembered> ring{};
        std::size_t first = 0;
        [[nodiscard]] Activation& operator[](std::size_t i) { return ring[(first + i) % remembered]; }
        /// Makes room at `position`; the oldest is forgotten.
        Activation& insert(std::size_t position) {
            first = (first + remembered - 1) % remembered;
            for (std::size_t i = 0; i < position; ++i) (*this)[i] = (*this)[i + 1];
            return (*this)[position];
        }
    };
    struct Rank {
        ActivateWindow activates;
        RefreshSchedule refresh;
        std::uint64_t last_period = 0;
    };
    using BankGroupTimeline = Timeline<16>;

    Served serve(const DramPlace& place, std::uint64_t time, Direction direction, std::uint64_t first_data);
    bool serve_among_earlier(const DramPlace& place, std::uint64_t time, Direction direction,
                             std::uint64_t first_data, Served& served);
    Served activate(const DramPlace& place, std::uint64_t earliest, std::size_t position, Direction direction,
                    std::uint64_t first_data, RowOutcome outcome);

    [[nodiscard]] std::uint64_t find_column(const DramPlace& place, std::uint64_t earliest,
                                            Direction direction) const;
    std::uint64_t take_column(const DramPlace& place, std::uint64_t column, Direction direction,
                              Activation& activation);
    [[nodiscard]] std::uint64_t precharge_after(std::uint64_t column, Direction direction) const {
        return direction == Direction::Read ? column + m_rtp : column + m_cwl + m_burst + m_wr;
    }
    [[nodiscard]] std::uint64_t data_delay(Direction direction) const {
        return direction == Direction::Read ? m_cl : m_cwl;
    }
    [[nodiscard]] BankGroupTimeline& group_of(const DramPlace& place) {
        return m_groups[place.rank * m_bank_groups + place.bank_group];
    }
    void count_refreshes(Rank& rank, std::uint64_t period) {
        if (period <= rank.last_period) return;
        m_refreshes += period - rank.last_period;
        rank.last_period = period;
    }
    [[nodiscard]] std::uint64_t begin_writes(std::uint64_t time) const;
    void end_writes(std::uint64_t first_data, std::uint64_t end);

    std::uint64_t m_cl, m_cwl, m_rcd, m_rp, m_ras, m_rc, m_ccd_l, m_ccd_l_wr, m_wr, m_wtr, m_rtp, m_rtrs;
    std::uint64_t m_burst;
    std::uint64_t m_bus_use; ///< a burst, or tCCD_S where that is longer
    PagePolicy m_page_policy;
    std::uint64_t m_page_timeout;
    std::uint32_t m_bank_groups;
    Timeline<64> m_bus;
    std::uint32_t m_last_rank = 0;
    std::uint64_t m_refreshes = 0;
    std::vector<BankGroupTimeline> m_groups;
    std::vector<Rank> m_ranks;
    std::vector<Bank> m_banks;
};

} // namespace pagewalk::models
