#include "models/memory/dram_channel.h"

#include <algorithm>
#include <bit>
#include <limits>

namespace pagewalk::models {
namespace {

constexpr std::size_t index_of(BusDirection direction) { return static_cast<std::size_t>(direction); }
constexpr std::size_t reads = index_of(BusDirection::Read), writes = index_of(BusDirection::Write);
constexpr std::size_t hash_of(std::uint64_t line) {
    return static_cast<std::size_t>((line * 0x9e3779b97f4a7c15ULL) >> 54);
}

} // namespace

DramChannel::DramChannel(const DramConfig& config, const DramTiming& t, DramStats& stats)
    : m_rcd(t.t_rcd.value()), m_rp(t.t_rp.value()), m_ras(t.t_ras.value()),
      m_ccd_l(std::max({t.t_ccd_l, t.t_ccd_s, t.burst}).value()),
      m_read_end((t.t_cl + t.burst).value()), m_to_precharge{t.t_rtp.value(),
                                                             (t.t_cwl + t.burst + t.t_wr).value()},
      m_page_policy(config.page_policy), m_page_timeout(t.clock.to_cycles(config.page_timeout).value()),
      m_row_hit_cap(config.row_hit_cap), m_bank_queue(config.bank_queue), m_write_high(config.write_high),
      m_write_low(config.write_low), m_write_idle(config.write_idle),
      m_strict_turns(config.write_turns == WriteTurns::Strict), m_capacity{config.read_queue,
                                                                           config.write_queue},
      m_bank_bits(static_cast<unsigned>(std::bit_width(config.organisation().banks - 1))),
      m_rank_shift(m_bank_bits +
                   static_cast<unsigned>(std::bit_width(config.organisation().bank_groups - 1))),
      m_burst_ticks(t.clock.to_ticks(t.burst).value()), m_stats(&stats),
      m_columns(t, config.ranks, config.organisation().bank_groups),
      m_activates(t, config.ranks, config.organisation().bank_groups), m_refreshed(config.ranks),
      m_banks(std::size_t{config.ranks} * config.organisation().bank_groups * config.organisation().banks),
      m_wishes((m_banks.size() + 7) / 8), m_banks_queued((m_banks.size() + 63) / 64),
      m_last_bank(static_cast<std::uint32_t>(m_banks.size() - 1)),
      m_turn_width(static_cast<unsigned>(std::bit_width(m_banks.size() - 1))),
      m_unwanted(std::numeric_limits<std::int32_t>::max() >> m_turn_width), m_far(m_unwanted - 1),
      m_reads(t.burst.value()), m_writes(t.burst.value()) {
    m_written.fill(none);
    for (Wishes& wishes : m_wishes)
        for (auto& times : wishes.time) times.fill(m_unwanted);
    m_refresh_cost = (t.t_rp + t.t_rfc + t.t_rcd).value();
    for (std::uint32_t rank = 0; rank < config.ranks; ++rank)
        m_refresh.emplace_back(t.t_refi, t.t_rp + t.t_rfc, Cycles(t.t_refi.value() * rank / config.ranks));
}

std::uint64_t DramChannel::read(const DramPlace& place, std::uint64_t line, std::uint64_t arrival) {
    constexpr std::size_t few = 4; // these do not fill the bus
    hear_of(arrival);
    const DramRequest mine{.place = place, .line = line, .arrival = std::max(arrival, m_now)};
    const std::uint64_t bank_alone = alone(mine);
    std::uint16_t number = none;
    const std::size_t before = add(mine, number);
    const std::uint64_t turn = take_turn(before);
    DramRequest& kept = m_pool[number];
    const std::size_t waiting = m_queued[reads] + m_scheduled - m_scheduled_writes + before;
    kept.load = LearnedWait::load(waiting);
    kept.forecast = std::max(
        m_reads.correct(waiting < few ? bank_alone : std::max(bank_alone, turn), kept.load), mine.arrival);
    return kept.forecast - (mine.arrival - arrival) + m_read_end;
}

std::uint64_t DramChannel::write(const DramPlace& place, std::uint64_t line, std::uint64_t arrival) {
    hear_of(arrival);
    const DramRequest mine{
        .place = place, .line = line, .arrival = std::max(arrival, m_now), .direction = BusDirection::Write};
    std::uint16_t number = none;
    const std::size_t waiting = m_queued[writes] + add(mine, number);
    DramRequest& kept = m_pool[number];
    std::uint16_t& same_hash = m_written[hash_of(line)];
    kept.same_hash = same_hash;
    same_hash = number;
    if (waiting < m_capacity[writes]) {
        kept.forecast = never;
        return arrival;
    }
    const std::size_t outside = waiting + 1 - m_capacity[writes];
    kept.load = LearnedWait::load(outside);
    kept.forecast = std::max(m_writes.correct(m_now + m_writes.time_for(outside), kept.load), mine.arrival);
    return kept.forecast - (mine.arrival - arrival);
}

bool DramChannel::holds_write(std::uint64_t line) const {
    std::uint16_t number = m_written[hash_of(line)];
    while (number != none && m_pool[number].line != line) number = m_pool[number].same_hash;
    return number != none;
}

inline void DramChannel::forget_written(std::uint16_t number) {
    std::uint16_t* link = &m_written[hash_of(m_pool[number].line)];
    while (*link != number) link = &m_pool[*link].same_hash;
    *link = m_pool[number].same_hash;
}

void DramChannel::append_to_record(DramCommand::Kind kind, std::uint64_t time, std::uint32_t bank) {
    m_record->push_back({kind, time, rank_of(bank), group_of(bank), bank, m_banks[bank].row});
}

void DramChannel::hear_of(std::uint64_t arrival) {
    constexpr std::uint32_t remembered = 1024;
    m_latest = std::max(m_latest, arrival);
    m_latest_lag = std::max(m_latest_lag, std::min(m_latest - arrival, longest_lag));
    m_lag = std::max(m_lag, m_latest_lag);
    if (++m_heard == remembered) {
        m_lag = m_latest_lag;
        m_latest_lag = 0;
        m_heard = 0;
    }
    serve(m_latest - std::min(m_latest, m_lag));
    while (m_pool.full()) serve(m_now + m_ccd_l);
}

/// Returns how many of its direction that have not been looked at yet have come before it.
inline std::size_t DramChannel::add(const DramRequest& request, std::uint16_t& number) {
    number = m_pool.take(request);
    const std::size_t direction = index_of(request.direction);
    Bank& bank = m_banks[request.place.bank];
    std::uint16_t& last = bank.last[direction];
    if (last == none || m_pool[last].arrival <= request.arrival) [[likely]] {
        (last == none ? bank.first[direction] : m_pool[last].next) = number;
        m_pool[number].next = none;
        last = number;
        if (bank.unscheduled[direction] == none) bank.unscheduled[direction] = number;
    } else {
        link_between(bank, direction, number);
    }
    return m_arrivals[direction].insert(number, m_pool);
}

/// Before a request of its bank that arrives later. That is not scheduled yet.
void DramChannel::link_between(Bank& bank, std::size_t direction, std::uint16_t number) {
    std::uint16_t* link = &bank.first[direction];
    while (m_pool[*link].arrival <= m_pool[number].arrival) link = &m_pool[*link].next;
    m_pool[number].next = *link;
    if (*link == bank.unscheduled[direction]) bank.unscheduled[direction] = number;
    *link = number;
}

/// The column command of a read that is not added yet, were its bank's reads all that there is.
std::uint64_t DramChannel::alone(const DramRequest& mine) {
    constexpr std::size_t most = 16; // what waits longer is left to what is learned
    const Bank& bank = m_banks[mine.place.bank];
    RefreshSchedule& refresh = m_refresh[mine.place.rank];
    struct Waiting {
        std::uint64_t arrival, row;
    };
    std::array<Waiting, most + 1> waiting;
    std::size_t first = 0, end = 0;
    for (std::uint16_t i = bank.first[reads]; i != none && m_pool[i].arrival <= mine.arrival && end < most;
         i = m_pool[i].next)
        waiting[end++] = {m_pool[i].arrival, m_pool[i].place.row};
    waiting[end] = {mine.arrival, mine.place.row};

    std::uint64_t row = bank.row, period = bank.period, open_until = bank.open_until;
    std::uint64_t column = bank.activated + m_rcd, precharge = bank.may_precharge;
    std::uint64_t may_activate = bank.may_activate;
    std::uint32_t accesses = bank.accesses;
    bool open = bank.open;
    for (;;) {
        const Waiting oldest = waiting[first];
        std::size_t hit = first;
        while (hit <= end && waiting[hit].row != row) ++hit;
        std::uint64_t closes = std::max({oldest.arrival, precharge, m_now});
        if (open && hit <= end) {
            const std::uint64_t time = std::max({waiting[hit].arrival, column, m_now});
            const bool still_open = time < open_until && refresh.period(time) == period;
            const bool goes_first =
                hit == first || (waiting[hit].arrival <= closes && accesses < m_row_hit_cap);
            if (still_open && (goes_first || time <= closes)) {
                if (hit == end) return time;
                column = time + m_ccd_l;
                precharge = std::max(precharge, time + m_to_precharge[reads]);
                ++accesses;
                for (; hit > first; --hit) waiting[hit] = waiting[hit - 1];
                ++first;
                continue;
            }
        }
        if (open && closes >= open_until) closes = open_until;
        const bool refreshed = open && refresh.period(closes) != period;
        may_activate = open && !refreshed ? closes + m_rp : may_activate;
        const std::uint64_t activated =
            refresh.undisturbed(std::max({oldest.arrival, may_activate, m_now}), m_rcd);
        period = refresh.period(activated);
        row = oldest.row;
        open = true;
        open_until = never;
        column = activated + m_rcd;
        precharge = activated + m_ras;
        accesses = 0;
    }
}

/// When the read at `position` among those not looked at yet is expected to have its column command, were all
/// served in the order of their arrival at the recent rate. Puts those behind it off.
std::uint64_t DramChannel::take_turn(std::size_t position) {
    constexpr std::uint32_t drift = 64; // so often all begin anew from what is served
    const ArrivalQueue& arrivals = m_arrivals[reads];
    const std::uint64_t interval = m_reads.time_for(1);
    const bool anew = ++m_turns_taken % drift == 0;
    std::size_t i = anew ? 0 : position;
    std::uint64_t before = i == 0 ? turn_of_next() : m_pool[arrivals.at(i - 1)].turn;
    for (; i < arrivals.size(); ++i) {
        DramRequest& request = m_pool[arrivals.at(i)];
        const std::uint64_t served = std::max(before + interval, request.arrival);
        const std::uint64_t turn = m_refresh[request.place.rank].undisturbed(served, 0);
        if (i > position && !anew && turn == request.turn) break;
        before = request.turn = turn;
    }
    return m_pool[arrivals.at(position)].turn;
}

/// When the last of the reads that wait in the queues is expected to have its column command.
std::uint64_t DramChannel::turn_of_next() {
    RefreshSchedule& refresh = m_refresh[0];
    const std::uint64_t begin = std::max(m_last_read, refresh.after_refresh(m_now) - 1);
    const std::uint64_t period = refresh.period(begin),
                        end = begin + m_reads.time_for(m_queued[reads] + m_scheduled - m_scheduled_writes);
    return end + (refresh.period(end) - period) * m_refresh_cost;
}

void DramChannel::serve(std::uint64_t until) {
    for (;;) {
        if (!m_next_known) find_next();
        const std::uint64_t admission = std::min(next_admission(reads), next_admission(writes));
        if (std::min(admission, m_next.time) >= until) break;
        if (admission <= m_next.time) {
            m_now = std::max(m_now, admission);
            admit(reads);
            admit(writes);
            start_batch();
        } else {
            m_now = m_next.time;
            m_next_known = false;
            keep_base_near();
            give(m_next);
        }
    }
    m_now = std::max(m_now, until);
}

/// When the first that waits outside the direction's queue finds room there, as far as is known.
inline std::uint64_t DramChannel::next_admission(std::size_t direction) const {
    const ArrivalQueue& arrivals = m_arrivals[direction];
    if (arrivals.empty() || m_queued[direction] >= m_capacity[direction]) return never;
    return m_pool[arrivals.front()].arrival;
}

inline void DramChannel::admit(std::size_t direction) {
    while (next_admission(direction) <= m_now) {
        const DramRequest& request = m_pool[m_arrivals[direction].front()];
        m_arrivals[direction].pop();
        ++m_queued[direction];
        ++m_banks[request.place.bank].queued[direction];
        m_banks_queued[request.place.bank / 64] |= 1ULL << request.place.bank % 64;
        if (direction == writes && request.forecast != never)
            m_writes.learn_error(request.forecast, m_now, request.load);
        if (schedule(request.place.bank)) wish(request.place.bank);
    }
}

/// Which direction's requests are handed to their banks.
inline std::size_t DramChannel::handed_out() const { return m_batch_left > 0 || m_writing ? writes : reads; }

/// Hands a bank what has its turn and finds room. False when that is nothing.
inline bool DramChannel::schedule(std::uint32_t index) {
    Bank& bank = m_banks[index];
    if (bank.queued[handed_out()] == 0) return false;
    return schedule_queued(bank, index);
}

[[gnu::noinline]] bool DramChannel::schedule_queued(Bank& bank, std::uint32_t index) {
    bool any = false;
    while (bank.scheduled[reads] + bank.scheduled[writes] < m_bank_queue) {
        const std::size_t direction = handed_out();
        if (bank.queued[direction] == 0) break;
        DramRequest& request = m_pool[bank.unscheduled[direction]];
        bank.unscheduled[direction] = request.next;
        request.age = ++m_sequence;
        --bank.queued[direction];
        --m_queued[direction];
        ++bank.scheduled[direction];
        ++m_scheduled;
        m_scheduled_writes += direction == writes ? 1 : 0;
        if (direction == writes && !m_writing && --m_batch_left == 0) m_schedule_all = true;
        any = true;
    }
    if (!bank.any_queued()) m_banks_queued[index / 64] &= ~(1ULL << index % 64);
    return any;
}

/// Begins to serve writes where it is time for that, and goes on with reads where that is done.
inline void DramChannel::start_batch() {
    if (m_strict_turns) [[unlikely]]
        return take_turns();
    const std::size_t count = m_queued[writes];
    if (m_batch_left == 0 && count > 0) {
        const bool idle = m_scheduled == 0 && m_queued[reads] == 0 && count >= m_write_idle;
        if (count >= m_write_high || idle) {
            ++m_stats->drains;
            m_batch_left = idle ? count : count - m_write_low;
            m_schedule_all = true;
        }
    }
    while (m_schedule_all) [[unlikely]] schedule_all();
}

/// The same with strict turns.
[[gnu::noinline]] void DramChannel::take_turns() {
    const std::size_t written = m_queued[writes] + m_scheduled_writes;
    const std::size_t read = m_queued[reads] + m_scheduled - m_scheduled_writes;
    const bool begins = written >= m_write_high || (read == 0 && written >= m_write_idle);
    const bool goes_on = written != 0 && (read == 0 || written >= m_write_low);
    const bool writing = m_writing ? goes_on : begins;
    if (writing == m_writing) return;
    m_writing = writing;
    m_next_known = false;
    m_stats->drains += writing ? 1 : 0;
    for (std::uint32_t bank = 0; bank < m_banks.size(); ++bank) {
        (void)schedule(bank);
        wish(bank);
    }
}

/// All banks by turns.
[[gnu::noinline]] void DramChannel::schedule_all() {
    m_schedule_all = false;
    const std::size_t words = m_banks_queued.size();
    const std::uint32_t begin = (m_turn + 1) & m_last_bank;
    const std::uint64_t from_begin = ~0ULL << begin % 64;
    // The word that it begins in is looked at twice: from there on, and at last what is before.
    for (std::size_t i = 0; i <= words; ++i) {
        const std::size_t word = (begin / 64 + i) & (words - 1);
        std::uint64_t left = m_banks_queued[word];
        if (i == 0) left &= from_begin;
        if (i == words) left &= ~from_begin;
        for (; left != 0; left &= left - 1) {
            const auto bank =
                static_cast<std::uint32_t>(word * 64) + static_cast<std::uint32_t>(std::countr_zero(left));
            if (schedule(bank)) wish(bank);
        }
    }
}

/// The oldest that may be served from the open row.
inline std::uint16_t DramChannel::find_hit(const Bank& bank, std::size_t direction) const {
    std::uint16_t hit = bank.first[direction];
    for (std::uint16_t left = served(bank, direction); left > 0; --left, hit = m_pool[hit].next)
        if (m_pool[hit].place.row == bank.row) return hit;
    return none;
}

/// The first to be looked at among what a bank may serve, which is something.
inline std::uint16_t DramChannel::oldest_of(const Bank& bank) const {
    if (served(bank, reads) == 0) return bank.first[writes];
    if (served(bank, writes) == 0) return bank.first[reads];
    return bank.first[m_pool[bank.first[writes]].age < m_pool[bank.first[reads]].age ? writes : reads];
}

/// Calls `want(kind, time)` for what the bank may want to do next and from when on.
template <class Want>
inline void DramChannel::for_each_wish(Bank& bank, Want&& want) {
    if (served(bank, reads) + served(bank, writes) == 0) return;
    if (!bank.open) return want(OpenRow, bank.may_activate);
    const auto want_hit = [&](Kind kind) {
        bank.hit[kind] = find_hit(bank, kind);
        if (bank.hit[kind] != none) want(kind, bank.activated + m_rcd);
    };
    want_hit(ReadColumn);
    want_hit(WriteColumn);
    if ((bank.hit[reads] == none && bank.hit[writes] == none) ||
        (bank.accesses >= m_row_hit_cap && m_pool[oldest_of(bank)].place.row != bank.row))
        want(OtherRow, bank.may_precharge);
}

/// Finds out what a bank wants to do next.
void DramChannel::wish(std::uint32_t index) {
    Bank& bank = m_banks[index];
    Wishes& wishes = m_wishes[index / 8];
    const std::uint32_t lane = index % 8;
    wishes.time[ReadColumn][lane] = wishes.time[WriteColumn][lane] = m_unwanted;
    wishes.time[OtherRow][lane] = wishes.time[OpenRow][lane] = m_unwanted;
    if (index == m_next.bank) m_next_known = false;
    for_each_wish(bank, [&](Kind kind, std::uint64_t time) {
        wishes.time[kind][lane] = near(time);
        if (m_next_known && std::max(time, limit(kind, index)) <= m_next.time) m_next_known = false;
    });
}

/// The first command that may be given; where several may, banks take turns. Eight banks are looked at
/// together.
void DramChannel::find_next() {
    constexpr EightTimes lane{0, 1, 2, 3, 4, 5, 6, 7};
    keep_base_near();
    m_next_known = true;
    if (m_scheduled == 0) {
        m_next.time = never;
        return;
    }
    const GroupTimes& reads_allowed = m_columns.not_before(BusDirection::Read);
    const GroupTimes& writes_allowed = m_columns.not_before(BusDirection::Write);
    const GroupTimes& activates_allowed = m_activates.not_before();
    const auto last_bank = static_cast<std::int32_t>(m_last_bank);
    const auto first_turn = static_cast<std::int32_t>(m_turn + 1);
    const EightTimes now = EightTimes{} + static_cast<std::int32_t>(m_now - m_base);
    const EightTimes group_of_lane = lane >> static_cast<std::int32_t>(m_bank_bits);
    EightTimes bank = lane - first_turn;
    // Time and turn in one number: the least is the next.
    EightTimes best = EightTimes{} + std::numeric_limits<std::int32_t>::max();
    std::uint32_t first_bank = 0;
    for (const Wishes& wishes : m_wishes) {
        const std::uint32_t group = group_of(first_bank);
        const auto allowed = [&](Kind kind, const GroupTimes& limits) {
            return later_of(load_eight(wishes.time[kind].data()),
                            spread(limits.eight_from(group), group_of_lane));
        };
        const EightTimes column =
            earlier_of(allowed(ReadColumn, reads_allowed), allowed(WriteColumn, writes_allowed));
        const EightTimes row =
            earlier_of(load_eight(wishes.time[OtherRow].data()), allowed(OpenRow, activates_allowed));
        const EightTimes time = later_of(earlier_of(column, row), now);
        best = earlier_of(best, time << static_cast<std::int32_t>(m_turn_width) | (bank & last_bank));
        bank += 8;
        first_bank += 8;
    }
    const std::int32_t first = earliest_of(best);
    const std::int32_t time = first >> m_turn_width;
    if (time == m_far) [[unlikely]]
        return find_next_far();
    m_next.bank = static_cast<std::uint32_t>((first + first_turn) & last_bank);
    m_next.time = never;
    if (time >= m_unwanted) return;
    m_next.time = m_base + static_cast<std::uint64_t>(time);
    m_next.kind = kind_of_next(time);
}

/// What the next command's bank, which it has been found for, is to do then. A closed bank wants but one
/// thing.
inline DramChannel::Kind DramChannel::kind_of_next(std::int32_t time) const {
    const Wishes& wishes = m_wishes[m_next.bank / 8];
    const auto wants = [&](Kind kind) { return wishes.time[kind][m_next.bank % 8] <= time; };
    if (wants(OpenRow)) return OpenRow;
    if (wants(ReadColumn) && limit(ReadColumn, m_next.bank) <= m_next.time) return ReadColumn;
    if (wants(WriteColumn) && limit(WriteColumn, m_next.bank) <= m_next.time) return WriteColumn;
    return OtherRow;
}

/// What is near is so from now on.
[[gnu::noinline]] void DramChannel::move_base() {
    m_base = m_now;
    m_columns.move_base(m_base);
    m_activates.move_base(m_base);
    for (std::uint32_t bank = 0; bank < m_banks.size(); ++bank) wish(bank);
}

/// find_next() for commands of any time.
[[gnu::noinline]] void DramChannel::find_next_far() {
    std::uint64_t first = never;
    for (std::uint32_t turn = 0; turn < m_banks.size(); ++turn) {
        const std::uint32_t index = (m_turn + 1 + turn) & m_last_bank;
        for_each_wish(m_banks[index], [&](Kind kind, std::uint64_t time) {
            time = std::max({time, limit(kind, index), m_now});
            if (time >= first) return;
            first = time;
            m_next = {time, index, kind};
        });
    }
}

inline void DramChannel::give(const Next& next) {
    m_turn = next.bank;
    if (next.kind == ReadColumn || next.kind == WriteColumn) return give_column(next);
    if (!close_if_due(next.bank, next.time)) {
        if (next.kind == OpenRow) {
            activate(next.bank, next.time);
        } else {
            close(next.bank, next.time);
            m_banks[next.bank].outcome = RowOutcome::Conflict;
        }
    }
    wish(next.bank);
}

/// True when refresh or the page policy has closed the row by `time`.
inline bool DramChannel::close_if_due(std::uint32_t index, std::uint64_t time) {
    Bank& bank = m_banks[index];
    if (!bank.open) return false;
    if (time >= bank.open_until) {
        close(index, bank.open_until);
        return true;
    }
    if (m_refresh[rank_of(index)].period(time) == bank.period) return false;
    bank.open = false;
    bank.outcome = RowOutcome::Miss;
    return true;
}

void DramChannel::close(std::uint32_t index, std::uint64_t time) {
    Bank& bank = m_banks[index];
    // A refresh that begins before has closed the row.
    if (m_refresh[rank_of(index)].period(time) == bank.period)
        write_down(DramCommand::Kind::Precharge, time, index);
    bank.open = false;
    bank.outcome = RowOutcome::Miss;
    bank.may_activate = time + m_rp;
}

void DramChannel::activate(std::uint32_t index, std::uint64_t time) {
    Bank& bank = m_banks[index];
    RefreshSchedule& refresh = m_refresh[rank_of(index)];
    if (const std::uint64_t later = refresh.undisturbed(time, m_rcd); later != time) {
        bank.may_activate = later;
        return;
    }
    bank.row = m_pool[oldest_of(bank)].place.row;
    bank.open = true;
    bank.activated = time;
    bank.may_precharge = time + m_ras;
    bank.open_until = never;
    bank.accesses = 0;
    bank.period = refresh.period(time);
    m_activates.given(time, group_of(index));
    write_down(DramCommand::Kind::Activate, time, index);
    std::uint64_t& refreshed = m_refreshed[rank_of(index)];
    m_stats->refreshes += bank.period - refreshed;
    refreshed = bank.period;
}

void DramChannel::give_column(const Next& next) {
    constexpr std::size_t many = 8; // reads that keep the bus busy
    const auto [time, index, kind] = next;
    if (close_if_due(index, time)) return wish(index);
    Bank& bank = m_banks[index];
    const std::uint16_t number = bank.hit[kind];
    const DramRequest& request = m_pool[number];
    const BusDirection direction = request.direction;
    m_columns.given(time, direction, group_of(index));
    write_down(direction == BusDirection::Read ? DramCommand::Kind::Read : DramCommand::Kind::Write, time,
               index);
    m_stats->bus_busy += m_burst_ticks;
    count(bank.outcome);
    bank.outcome = RowOutcome::Hit;
    ++bank.accesses;
    bank.may_precharge = std::max(bank.may_precharge, time + m_to_precharge[index_of(direction)]);
    if (direction == BusDirection::Read) {
        if (m_scheduled - m_scheduled_writes >= many && request.arrival <= m_last_read)
            m_reads.learn_interval(time - m_last_read);
        m_reads.learn_error(request.forecast, time, request.load);
        m_last_read = time;
    } else {
        if (!m_arrivals[writes].empty()) m_writes.learn_interval(time - m_last_write);
        m_last_write = time;
        forget_written(number);
    }
    remove(bank, number);
    use(index, time);
    (void)schedule(index);
    wish(index);
    start_batch();
}

/// The page policy's part of an access.
inline void DramChannel::use(std::uint32_t index, std::uint64_t time) {
    Bank& bank = m_banks[index];
    if (m_page_policy == PagePolicy::Timeout)
        bank.open_until = std::max(bank.may_precharge, time + m_page_timeout);
    else if (m_page_policy == PagePolicy::Closed && find_hit(bank, reads) == none &&
             find_hit(bank, writes) == none)
        close(index, bank.may_precharge);
}

inline void DramChannel::remove(Bank& bank, std::uint16_t number) {
    const std::size_t direction = index_of(m_pool[number].direction);
    std::uint16_t* link = &bank.first[direction];
    std::uint16_t before = none;
    while (*link != number) {
        before = *link;
        link = &m_pool[before].next;
    }
    *link = m_pool[number].next;
    if (bank.last[direction] == number) bank.last[direction] = before;
    --bank.scheduled[direction];
    --m_scheduled;
    m_scheduled_writes -= direction == writes ? 1 : 0;
    m_pool.release(number);
}

inline void DramChannel::count(RowOutcome outcome) {
    switch (outcome) {
    case RowOutcome::Hit:
        ++m_stats->row_hits;
        break;
    case RowOutcome::Miss:
        ++m_stats->row_misses;
        break;
    case RowOutcome::Conflict:
        ++m_stats->row_conflicts;
        break;
    }
}

} // namespace pagewalk::models
