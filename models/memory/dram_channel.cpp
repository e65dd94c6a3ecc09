#include "models/memory/dram_channel.h"

#include <algorithm>
#include <bit>

namespace pagewalk::models {

DramChannel::DramChannel(const DramConfig& config, const DramTiming& t)
    : m_rcd(t.t_rcd.value()), m_rp(t.t_rp.value()), m_ras(t.t_ras.value()), m_rc(t.t_rc.value()),
      m_burst(t.burst.value()), m_open_again(std::max(m_rcd, m_ras - std::min(m_ras, t.t_rtp.value()))),
      m_other_row(m_rp + m_rc + m_open_again), m_data_delay{t.t_cl.value(), t.t_cwl.value()},
      m_to_precharge{t.t_rtp.value(), (t.t_cwl + t.burst + t.t_wr).value()},
      m_page_policy(config.page_policy), m_page_timeout(t.clock.to_cycles(config.page_timeout).value()),
      m_bank_bits(static_cast<unsigned>(std::bit_width(config.banks - 1))),
      m_bus(t, config.ranks, config.bank_groups),
      m_banks(std::size_t{config.ranks} * config.bank_groups * config.banks) {
    for (std::uint32_t rank = 0; rank < config.ranks; ++rank)
        m_ranks.push_back(
            {ActivateWindow(t, config.bank_groups),
             RefreshSchedule(t.t_refi, t.t_rp + t.t_rfc, Cycles(t.t_refi.value() * rank / config.ranks))});
}

bool DramChannel::plan_between(std::size_t position, const DramPlace& place, std::uint64_t time,
                               BusDirection direction, std::uint64_t first_column, Commands& commands) {
    Rank& rank = m_ranks[place.rank];
    Bank& activations = m_banks[place.bank];
    const Activation& next = activations[position - 1];
    const Activation& open = activations[position];
    const std::uint64_t must_precharge = next.activated - m_rp;
    std::uint64_t earliest = time;
    if (open.used) {
        if (open.row == place.row && time < open.open_until) {
            const std::uint64_t column =
                find_column(place, std::max(first_column, open.activated + m_rcd), direction);
            if (precharge_after(column, direction) <= must_precharge &&
                rank.refresh.period(column) == open.period) {
                commands = hit(open, position, column, direction);
                return true;
            }
        }
        const bool closed = time >= open.open_until;
        const std::uint64_t precharge = closed ? open.open_until : std::max(time, open.may_precharge);
        earliest = std::max(time, precharge + m_rp);
    }
    if (earliest + m_rc > next.activated) return false;
    const std::uint64_t activated =
        rank.activates.find(rank.refresh.after_refresh(earliest), group_of(place));
    if (activated + m_rc > next.activated || rank.refresh.after_refresh(activated) != activated) return false;
    const std::uint64_t column = find_column(place, std::max(first_column, activated + m_rcd), direction);
    if (std::max(activated + m_ras, precharge_after(column, direction)) > must_precharge) return false;
    const std::uint64_t period = rank.refresh.period(activated);
    if (rank.refresh.period(column) != period) return false;
    commands = {.activated = activated,
                .column = column,
                .data_end = data_end(column, direction),
                .period = period,
                .outcome = open.used && time < open.open_until && open.period == period ? RowOutcome::Conflict
                                                                                        : RowOutcome::Miss,
                .activates = true,
                .position = static_cast<std::uint8_t>(position)};
    return true;
}

DramChannel::Commands DramChannel::plan_around_refresh(const DramPlace& place, std::uint64_t earliest,
                                                       BusDirection direction, std::uint64_t first_column,
                                                       RowOutcome outcome) {
    Rank& rank = m_ranks[place.rank];
    std::uint64_t activated = earliest, column = 0, period = 0;
    for (;;) {
        activated = rank.refresh.after_refresh(activated);
        activated = rank.activates.find(activated, group_of(place));
        if (const std::uint64_t later = rank.refresh.after_refresh(activated); later != activated) {
            activated = later;
            continue;
        }
        period = rank.refresh.period(activated);
        column = find_column(place, std::max(first_column, activated + m_rcd), direction);
        if (rank.refresh.period(column) == period) break;
        activated = rank.refresh.after_refresh(column);
        if (activated == column) activated = column - m_rcd;
        if (rank.refresh.period(activated) == period) activated = column;
    }
    return {.activated = activated,
            .column = column,
            .data_end = data_end(column, direction),
            .period = period,
            .outcome = outcome,
            .activates = true};
}

} // namespace pagewalk::models
