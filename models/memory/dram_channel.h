#pragma once

#include "models/memory/activate_window.h"
#include "models/memory/address_mapping.h"
#include "models/memory/data_bus.h"
#include "models/memory/dram_config.h"
#include "models/memory/dram_timing.h"
#include "models/memory/refresh_schedule.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <limits>
#include <vector>

namespace pagewalk::models {

enum class RowOutcome : std::uint8_t {
    Hit,      ///< the row was open
    Miss,     ///< the bank was closed
    Conflict, ///< another row was open
};

/// One DRAM channel: banks, their ranks' activate and refresh limits, the data bus.
///
/// Each access is given its commands when it is asked for, by reservation. All times are numbers of clock
/// edges, on which commands are given. Modelled: tRCD, tRP, tCL/tCWL,
/// tRAS, tRC, tCCD_S/L, tRRD_S/L, tFAW, tRTP, tWR, tWTR_S/L, tRTRS, all-bank refresh. Approximations:
/// - First-ready, first-come: an access takes the first gap of the data bus in which its bank can serve it,
///   so a row hit that comes later may be served before an earlier row conflict, also in a row whose closing
///   is decided but lies ahead. What has its commands keeps them: no access is put off for one that comes
///   later.
/// - A bank remembers its last 16 row activations; a request that comes late (its CPU ran behind) is put
///   between them where it fits, after them where not.
/// - A row that is used again after a pause in which another could have been opened and closed is remembered
///   as opened anew, so that a late request finds the bank free in the pause. That the row must then be
///   opened again takes no turn among the rank's activates.
/// - The command bus is never the limit.
/// - A refresh begins on time and closes whatever is open at once.
class DramChannel {
public:
    DramChannel(const DramConfig& config, const DramTiming& timing);

    /// The commands that serve an access.
    struct Commands {
        std::uint64_t activated = 0; ///< when its row is opened, or was, or might have been once more
        std::uint64_t column = 0;    ///< when the read or write command is given
        std::uint64_t data_end = 0;  ///< the line's last transfer on the bus
        std::uint64_t period = 0;    ///< of refresh, that they lie in
        RowOutcome outcome = RowOutcome::Miss;
        bool activates = false;    ///< opens the row
        std::uint8_t position = 0; ///< the row's place among the bank's activations, 0 = latest
    };
    /// The commands that an access which is known of at `time` would be given; data not before `first_data`.
    [[nodiscard, gnu::always_inline]] Commands plan(const DramPlace& place, std::uint64_t time,
                                                    BusDirection direction, std::uint64_t first_data = 0);
    /// Reserves what plan() has answered. Contract: no other access was given commands in between. Returns
    /// how many refreshes have begun on the rank since its latest access.
    [[gnu::always_inline]] std::uint64_t give(const DramPlace& place, BusDirection direction,
                                              const Commands& commands);

    /// No read that has no commands yet puts data on the bus in [from, until).
    void keep_reads_out(std::uint64_t from, std::uint64_t until) { m_bus.keep_reads_out(from, until); }

private:
    /// One row being open in a bank.
    struct alignas(64) Activation {
        std::uint64_t row = 0;
        std::uint64_t activated = 0;
        std::uint64_t may_precharge = 0;
        std::uint64_t open_until = 0; ///< when the page policy closes it
        std::uint64_t period = 0;     ///< of refresh
        bool used = false;
    };
    static constexpr std::size_t remembered = 16; // a power of two
    /// A bank's last activations, the latest first.
    class Bank {
    public:
        [[nodiscard]] Activation& operator[](std::size_t i) { return m_ring[(m_latest - i) % remembered]; }
        /// Makes room at `position`; the oldest is forgotten.
        Activation& insert(std::size_t position) {
            ++m_latest;
            for (std::size_t i = 0; i < position; ++i) (*this)[i] = (*this)[i + 1];
            return (*this)[position];
        }

    private:
        std::array<Activation, remembered> m_ring{};
        std::size_t m_latest = 0;
    };
    struct Rank {
        ActivateWindow activates;
        RefreshSchedule refresh;
        std::uint64_t last_period = 0;
    };

    /// Before the bank's activation `position` - 1. False when it does not fit.
    bool plan_between(std::size_t position, const DramPlace& place, std::uint64_t time,
                      BusDirection direction, std::uint64_t first_column, Commands& commands);
    [[nodiscard, gnu::always_inline]] Commands plan_activate(const DramPlace& place, std::uint64_t earliest,
                                                             BusDirection direction,
                                                             std::uint64_t first_column, RowOutcome outcome);
    [[nodiscard]] Commands plan_around_refresh(const DramPlace& place, std::uint64_t earliest,
                                               BusDirection direction, std::uint64_t first_column,
                                               RowOutcome outcome);
    [[nodiscard]] std::uint64_t find_column(const DramPlace& place, std::uint64_t earliest,
                                            BusDirection direction) {
        const std::uint64_t delay = data_delay(direction);
        return m_bus.find(earliest + delay, direction, group_of(place)) - delay;
    }
    [[nodiscard]] std::uint64_t precharge_after(std::uint64_t column, BusDirection direction) const {
        return column + m_to_precharge[static_cast<std::size_t>(direction)];
    }
    [[nodiscard]] std::uint64_t data_delay(BusDirection direction) const {
        return m_data_delay[static_cast<std::size_t>(direction)];
    }
    [[nodiscard]] std::uint64_t data_end(std::uint64_t column, BusDirection direction) const {
        return column + data_delay(direction) + m_burst;
    }
    /// Counted through the ranks.
    [[nodiscard]] std::uint8_t group_of(const DramPlace& place) const {
        return static_cast<std::uint8_t>(place.bank >> m_bank_bits);
    }
    [[nodiscard, gnu::always_inline]] Commands hit(const Activation& open, std::size_t position,
                                                   std::uint64_t column, BusDirection direction) const {
        const bool paused = column >= open.may_precharge + m_other_row;
        return {.activated = paused ? column - m_open_again : open.activated,
                .column = column,
                .data_end = data_end(column, direction),
                .period = open.period,
                .outcome = RowOutcome::Hit,
                .position = static_cast<std::uint8_t>(position)};
    }
    void keep_open(Activation& activation, std::uint64_t column, BusDirection direction);

    std::uint64_t m_rcd, m_rp, m_ras, m_rc, m_burst;
    std::uint64_t
        m_open_again;          ///< from a row's activate to a column command, so that tRAS is never the limit
    std::uint64_t m_other_row; ///< from a row's precharge to a column command: room for another row between
    std::array<std::uint64_t, 2> m_data_delay;   ///< column command to data, by direction
    std::array<std::uint64_t, 2> m_to_precharge; ///< column command to precharge, by direction
    PagePolicy m_page_policy;
    std::uint64_t m_page_timeout;
    unsigned m_bank_bits;
    DataBus m_bus;
    std::vector<Rank> m_ranks;
    std::vector<Bank> m_banks;
};

// Every access comes through these: they are inlined where it does, so that nothing is written down twice.

inline DramChannel::Commands DramChannel::plan(const DramPlace& place, std::uint64_t time,
                                               BusDirection direction, std::uint64_t first_data) {
    Rank& rank = m_ranks[place.rank];
    Bank& bank = m_banks[place.bank];
    const Activation& latest = bank[0];
    const std::uint64_t period = rank.refresh.period(time);
    const std::uint64_t first_column =
        std::max(time, first_data - std::min(first_data, data_delay(direction)));
    if (!latest.used || (period > latest.period && time > latest.activated))
        return plan_activate(place, time, direction, first_column, RowOutcome::Miss);

    if (time < latest.activated) {
        std::size_t begun = 1; // the last activation that is not after `time`
        while (begun < remembered - 1 && bank[begun].activated > time) ++begun;
        for (std::size_t position = begun; position > 0; --position) {
            Commands commands;
            if (plan_between(position, place, time, direction, first_column, commands)) return commands;
        }
    }
    if (latest.row == place.row && time < latest.open_until) {
        const std::uint64_t column =
            find_column(place, std::max(first_column, latest.activated + m_rcd), direction);
        if (rank.refresh.period(column) == latest.period) return hit(latest, 0, column, direction);
        return plan_around_refresh(place, rank.refresh.after_refresh(column), direction, first_column,
                                   RowOutcome::Miss);
    }
    // tRC holds too: a row may be precharged tRAS after its activate.
    const bool closed = time >= latest.open_until;
    const std::uint64_t precharge = closed ? latest.open_until : std::max(time, latest.may_precharge);
    const std::uint64_t earliest = std::max(time, precharge + m_rp);
    return plan_activate(place, earliest, direction, first_column,
                         closed ? RowOutcome::Miss : RowOutcome::Conflict);
}

inline DramChannel::Commands DramChannel::plan_activate(const DramPlace& place, std::uint64_t earliest,
                                                        BusDirection direction, std::uint64_t first_column,
                                                        RowOutcome outcome) {
    Rank& rank = m_ranks[place.rank];
    const std::uint64_t activated = rank.activates.find(earliest, group_of(place));
    const std::uint64_t column = find_column(place, std::max(first_column, activated + m_rcd), direction);
    if (!rank.refresh.surely_undisturbed(earliest, column)) [[unlikely]]
        return plan_around_refresh(place, earliest, direction, first_column, outcome);
    return {.activated = activated,
            .column = column,
            .data_end = data_end(column, direction),
            .period = rank.refresh.period(),
            .outcome = outcome,
            .activates = true};
}

inline std::uint64_t DramChannel::give(const DramPlace& place, BusDirection direction,
                                       const Commands& commands) {
    Rank& rank = m_ranks[place.rank];
    Bank& bank = m_banks[place.bank];
    if (commands.activates) rank.activates.insert(commands.activated, group_of(place));
    if (const Activation open = bank[commands.position];
        commands.activates || commands.activated != open.activated)
        bank.insert(commands.position) = {.row = place.row,
                                          .activated = commands.activated,
                                          .may_precharge = commands.activated + m_ras,
                                          .open_until = commands.activates ? 0 : open.open_until,
                                          .period = commands.period,
                                          .used = true};
    m_bus.insert(commands.column + data_delay(direction), direction, group_of(place));
    keep_open(bank[commands.position], commands.column, direction);
    if (commands.period <= rank.last_period) return 0;
    const std::uint64_t refreshes = commands.period - rank.last_period;
    rank.last_period = commands.period;
    return refreshes;
}

inline void DramChannel::keep_open(Activation& activation, std::uint64_t column, BusDirection direction) {
    activation.may_precharge = std::max(activation.may_precharge, precharge_after(column, direction));
    switch (m_page_policy) {
    case PagePolicy::Open:
        activation.open_until = std::numeric_limits<std::uint64_t>::max();
        break;
    case PagePolicy::Closed:
        activation.open_until = activation.may_precharge;
        break;
    case PagePolicy::Timeout:
        activation.open_until =
            std::max({activation.open_until, activation.may_precharge, column + m_page_timeout});
        break;
    }
}

} // namespace pagewalk::models
