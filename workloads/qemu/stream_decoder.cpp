#include "workloads/qemu/stream_decoder.h"

#include <utility>

namespace pagewalk::workloads {

StreamDecoder::StreamDecoder(BlockDictionary& dictionary, SpaceOrder* order, std::size_t thread,
                             std::uint64_t epoch)
    : m_decoder(dictionary, epoch), m_order(order), m_thread(thread) {}

void StreamDecoder::resume() {
    const std::uint64_t change = std::exchange(m_change_in_use, 0);
    if (change != 0 && m_order != nullptr) m_order->change_took_place(m_thread, change);
}

bool StreamDecoder::is_held() {
    if (m_hold == Hold::Nothing) return false;
    if (m_order == nullptr) {
        m_change_due = m_hold == Hold::Change;
        m_hold = Hold::Nothing;
        return false;
    }
    if (m_hold == Hold::Epoch) {
        m_order->reach(m_thread, m_decoder.epoch());
        if (!m_order->may_pass(m_thread, m_decoder.epoch())) return true;
    } else {
        if (!m_order->may_change(m_thread, m_decoder.change())) return true;
        m_change_due = true;
    }
    m_hold = Hold::Nothing;
    return false;
}

StreamDecoder::Progress StreamDecoder::decode(std::span<const std::uint64_t> words) {
    if (std::exchange(m_change_due, false)) {
        m_change_in_use = m_decoder.change();
        return {0, StreamBatch{{}, StreamStatus::SystemCall, &m_decoder.syscall()}};
    }
    const BatchDecoder::Progress progress = m_decoder.decode(words);
    Progress result{progress.words, std::nullopt};
    const auto hand_out = [&](StreamStatus status) {
        const bool has_call = status == StreamStatus::SystemCall || status == StreamStatus::Entered;
        result.batch = StreamBatch{m_decoder.blocks(), status, has_call ? &m_decoder.syscall() : nullptr};
    };
    switch (progress.outcome) {
    case BatchDecoder::Outcome::Entered:
        hand_out(StreamStatus::Entered);
        return result;
    case BatchDecoder::Outcome::SystemCall:
        if (m_decoder.change() != 0)
            m_hold = Hold::Change;
        else
            hand_out(StreamStatus::SystemCall);
        return result;
    case BatchDecoder::Outcome::Epoch:
        m_hold = Hold::Epoch;
        break;
    case BatchDecoder::Outcome::NeedWords:
        result.stuck = progress.words == 0;
        break;
    case BatchDecoder::Outcome::BatchFull:
    case BatchDecoder::Outcome::End:
        break;
    }
    if (!m_decoder.blocks().empty()) hand_out(StreamStatus::More);
    return result;
}

void StreamDecoder::leave() {
    resume();
    if (m_order != nullptr) m_order->leave(m_thread);
}

} // namespace pagewalk::workloads
