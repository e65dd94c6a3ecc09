#include "os/syscall/argument_memory.h"

#include "contract/system_calls.h"
#include "os/syscall/user_memory.h"

#include <algorithm>

namespace pagewalk::os {
namespace {

using Use = UserBuffer::Use;
using Length = UserBuffer::Length;

constexpr std::uint64_t unknown_name_bytes = 32; // assumed; the source has a call's first name at most

struct OldRequest {
    std::uint64_t request;
    RequestSize size;
};
// Source: include/uapi/asm-generic/ioctls.h of Linux 6.1; sizes of struct termios, winsize, pid_t, int
constexpr std::array old_requests = std::to_array<OldRequest>({
    {0x5401, {0, 36}}, // TCGETS
    {0x5402, {36, 0}}, // TCSETS
    {0x5403, {36, 0}}, // TCSETSW
    {0x5404, {36, 0}}, // TCSETSF
    {0x540f, {0, 4}},  // TIOCGPGRP
    {0x5410, {4, 0}},  // TIOCSPGRP
    {0x5413, {0, 8}},  // TIOCGWINSZ
    {0x5414, {8, 0}},  // TIOCSWINSZ
    {0x541b, {0, 4}},  // FIONREAD
    {0x5421, {4, 0}},  // FIONBIO
});

/// Bytes of a buffer, one way.
std::uint64_t length_of(const CallContext& call, const UserBuffer& buffer, UserCopy way) {
    switch (buffer.length) {
    case Length::Fixed:
        return buffer.unit;
    case Length::Counted:
        return call.argument(buffer.by) * buffer.unit;
    case Length::Result:
        return std::min(call.result(), call.argument(buffer.by)) * buffer.unit;
    case Length::Bits:
        return (call.argument(buffer.by) + 63) / 64 * 8;
    case Length::Request: {
        const RequestSize size = request_size(call.argument(buffer.by));
        return way == UserCopy::ToUser ? size.out : size.in;
    }
    case Length::String:
    case Length::Vector:
    case Length::Message:
    case Length::Messages:
        return 0; // file names and data, which are copied elsewhere
    }
    return 0;
}

bool goes(Use use, UserCopy way) {
    if (use == Use::InOut) return true;
    return way == UserCopy::ToUser ? use == Use::Out || use == Use::Descriptors : use == Use::In;
}

void copy_structures(CallContext& call, const SystemCall& row, UserCopy way) {
    for (const UserBuffer& buffer : row.buffers) {
        const VirtAddr address = call.address(buffer.argument);
        if (!goes(buffer.use, way) || address == VirtAddr{}) continue;
        // Counts and lengths are the program's: more than it could mean is none.
        constexpr std::uint64_t most = 1ULL << 30;
        const std::uint64_t bytes = std::min(length_of(call, buffer, way), most);
        UserRange user(address, bytes);
        copy_user_on_stack(call, user, bytes, way);
    }
}

} // namespace

// Source of the packing: include/uapi/asm-generic/ioctl.h of Linux 6.1
RequestSize request_size(std::uint64_t request) {
    const auto* const old = std::ranges::find(old_requests, request, &OldRequest::request);
    if (old != old_requests.end()) return old->size;
    const auto bytes = static_cast<std::uint16_t>(request >> 16 & 0x3fff);
    const bool in = (request >> 30 & 1) != 0;
    const bool out = (request >> 31 & 1) != 0;
    return {in ? bytes : std::uint16_t{0}, out ? bytes : std::uint16_t{0}};
}

void ArgumentMemory::copy_in() {
    const SystemCall* const row = find_system_call(m_call.record.number);
    if (row == nullptr) return;
    for (const UserBuffer& buffer : row->buffers) {
        if (buffer.use != Use::In || buffer.length != Length::String) continue;
        copy_name(m_call.address(buffer.argument));
    }
    copy_structures(m_call, *row, UserCopy::FromUser);
}

void ArgumentMemory::copy_out() {
    const SystemCall* const row = find_system_call(m_call.record.number);
    if (row != nullptr) copy_structures(m_call, *row, UserCopy::ToUser);
}

void ArgumentMemory::copy_name(VirtAddr from) {
    const bool known = m_name_count == 0 && !m_call.record.path.empty();
    if (from == VirtAddr{} && !known) return; // a call that does without
    const VirtAddr name = m_call.kernel.memory.objects().allocate(m_call.op, ObjectKind::PathName);
    m_names[m_name_count++] = name;
    m_call.op.path.call(KernelFunction::StrncpyFromUser);
    const std::uint64_t bytes = known ? m_call.record.path.size() + 1 : unknown_name_bytes;
    UserRange user(from, bytes);
    if (from != VirtAddr{}) copy_user(m_call, user, name, bytes, UserCopy::FromUser);
}

void ArgumentMemory::finish() {
    while (m_name_count != 0)
        m_call.kernel.memory.objects().free(m_call.op, ObjectKind::PathName, m_names[--m_name_count]);
}

} // namespace pagewalk::os
