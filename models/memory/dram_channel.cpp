#include "models/memory/dram_channel.h"

#include <algorithm>
#include <limits>

namespace pagewalk::models {

DramChannel::DramChannel(const DramConfig& config, const DramTiming& t)
    : m_cl(t.t_cl.value()), m_cwl(t.t_cwl.value()), m_rcd(t.t_rcd.value()), m_rp(t.t_rp.value()),
      m_ras(t.t_ras.value()), m_rc(t.t_rc.value()), m_ccd_l(t.t_ccd_l.value()),
      m_ccd_l_wr(t.t_ccd_l_wr.value()), m_wr(t.t_wr.value()), m_wtr(t.t_wtr_l.value()),
      m_rtp(t.t_rtp.value()), m_rtrs(t.t_rtrs.value()), m_burst(t.burst.value()),
      m_bus_use(std::max(t.burst, t.t_ccd_s).value()), m_page_policy(config.page_policy),
      m_page_timeout(config.page_timeout.value()), m_bank_groups(config.bank_groups), m_bus(Tick(m_bus_use)),
      m_groups(std::size_t{config.ranks} * config.bank_groups, BankGroupTimeline(Tick(m_ccd_l))),
      m_banks(std::size_t{config.ranks} * config.bank_groups * config.banks) {
    for (std::uint32_t rank = 0; rank < config.ranks; ++rank)
        m_ranks.push_back({ActivateWindow(t), RefreshSchedule(t.t_refi, t.t_rp + t.t_rfc,
                                                              Tick(t.t_refi.value() * rank / config.ranks))});
}

DramChannel::Served DramChannel::read(const DramPlace& place, std::uint64_t time) {
    return serve(place, time, Direction::Read, 0);
}

std::uint64_t DramChannel::find_column(const DramPlace& place, std::uint64_t earliest,
                                       Direction direction) const {
    const BankGroupTimeline& group = m_groups[place.rank * m_bank_groups + place.bank_group];
    const std::uint64_t spacing = direction == Direction::Read ? m_ccd_l : m_ccd_l_wr;
    const std::uint64_t delay = data_delay(direction);
    const std::uint64_t gap = place.rank == m_last_rank ? 0 : m_rtrs;
    for (std::uint64_t column = earliest;;) {
        column = group.find(Tick(column), Tick(spacing)).value();
        const std::uint64_t data =
            m_bus.find(Tick(column + delay - gap), Tick(m_bus_use + gap)).value() + gap;
        if (data == column + delay) return column;
        column = data - delay;
    }
}

std::uint64_t DramChannel::take_column(const DramPlace& place, std::uint64_t column, Direction direction,
                                       Activation& activation) {
    group_of(place).reserve(Tick(column), Tick(direction == Direction::Read ? m_ccd_l : m_ccd_l_wr));
    const std::uint64_t data = column + data_delay(direction);
    m_bus.reserve(Tick(data), Tick(m_bus_use));
    m_last_rank = place.rank;
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
    return data + m_burst;
}

DramChannel::Served DramChannel::serve(const DramPlace& place, std::uint64_t time, Direction direction,
                                       std::uint64_t first_data) {
    Rank& rank = m_ranks[place.rank];
    Activation& latest = m_banks[place.bank][0];
    const std::uint64_t period = rank.refresh.period(time);
    count_refreshes(rank, period);
    if (!latest.used || (period > latest.period && time > latest.activated))
        return activate(place, time, 0, direction, first_data, RowOutcome::Miss);

    const std::uint64_t first_column =
        std::max(time, first_data - std::min(first_data, data_delay(direction)));
    if (latest.row == place.row && time < latest.open_until) {
        const std::uint64_t column =
            find_column(place, std::max(first_column, latest.activated + m_rcd), direction);
        if (rank.refresh.period(column) == latest.period)
            return {take_column(place, column, direction, latest), RowOutcome::Hit};
        return activate(place, rank.refresh.after_refresh(column), 0, direction, first_data,
                        RowOutcome::Miss);
    }
    if (Served served;
        time < latest.activated && serve_among_earlier(place, time, direction, first_data, served))
        return served;

    const bool closed = time >= latest.open_until;
    const std::uint64_t precharge = closed ? latest.open_until : std::max(time, latest.may_precharge);
    const std::uint64_t earliest = std::max({time, precharge + m_rp, latest.activated + m_rc});
    return activate(place, earliest, 0, direction, first_data,
                    closed ? RowOutcome::Miss : RowOutcome::Conflict);
}

bool DramChannel::serve_among_earlier(const DramPlace& place, std::uint64_t time, Direction direction,
                                      std::uint64_t first_data, Served& served) {
    Rank& rank = m_ranks[place.rank];
    Bank& activations = m_banks[place.bank];
    const std::uint64_t first_column =
        std::max(time, first_data - std::min(first_data, data_delay(direction)));
    for (std::size_t i = remembered - 1; i >= 1; --i) {
        const Activation& next = activations[i - 1];
        if (!next.used || time >= next.activated) continue;
        Activation& open = activations[i];
        const std::uint64_t must_precharge = next.activated - m_rp;
        std::uint64_t earliest = time;
        if (open.used) {
            if (open.row == place.row && time < open.open_until) {
                const std::uint64_t column =
                    find_column(place, std::max(first_column, open.activated + m_rcd), direction);
                if (precharge_after(column, direction) <= must_precharge &&
                    rank.refresh.period(column) == open.period) {
                    served = {take_column(place, column, direction, open), RowOutcome::Hit};
                    return true;
                }
            }
            const bool closed = time >= open.open_until;
            const std::uint64_t precharge = closed ? open.open_until : std::max(time, open.may_precharge);
            earliest = std::max({time, precharge + m_rp, open.activated + m_rc});
        }
        // An activate comes no earlier than this: most spans are too short to ask further.
        if (earliest + m_rc > next.activated || earliest + m_ras > must_precharge) continue;
        const std::uint64_t activated =
            rank.activates.find(rank.refresh.after_refresh(earliest), place.bank_group);
        if (activated + m_rc > next.activated || rank.refresh.after_refresh(activated) != activated) continue;
        const std::uint64_t column = find_column(place, std::max(first_column, activated + m_rcd), direction);
        if (std::max(activated + m_ras, precharge_after(column, direction)) > must_precharge) continue;
        if (rank.refresh.period(column) != rank.refresh.period(activated)) continue;
        const RowOutcome outcome =
            open.used && time < open.open_until && open.period == rank.refresh.period(activated)
                ? RowOutcome::Conflict
                : RowOutcome::Miss;
        served = activate(place, earliest, i, direction, first_data, outcome);
        return true;
    }
    return false;
}

DramChannel::Served DramChannel::activate(const DramPlace& place, std::uint64_t earliest,
                                          std::size_t position, Direction direction, std::uint64_t first_data,
                                          RowOutcome outcome) {
    Rank& rank = m_ranks[place.rank];
    const std::uint64_t first_column = first_data - std::min(first_data, data_delay(direction));
    std::uint64_t activated = earliest;
    std::uint64_t column = 0;
    std::uint64_t period = 0;
    for (;;) {
        activated = rank.refresh.after_refresh(activated);
        activated = rank.activates.find(activated, place.bank_group);
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
    count_refreshes(rank, period);
    rank.activates.insert(activated, place.bank_group);
    Activation& mine = m_banks[place.bank].insert(position);
    mine = {.row = place.row,
            .activated = activated,
            .may_precharge = activated + m_ras,
            .open_until = 0,
            .period = period,
            .used = true};
    return {take_column(place, column, direction, mine), outcome};
}

std::uint64_t DramChannel::begin_writes(std::uint64_t time) const {
    return std::max(time + m_cwl, m_bus.last_end().value() + m_rtrs);
}

void DramChannel::end_writes(std::uint64_t first_data, std::uint64_t end) {
    m_bus.block(Tick(first_data - m_rtrs), Tick(end + m_wtr + m_cl));
}

} // namespace pagewalk::models
