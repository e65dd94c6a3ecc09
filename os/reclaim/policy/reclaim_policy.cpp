#include "os/reclaim/policy/reclaim_policy.h"

#include "os/reclaim/policy/clock_policy.h"
#include "os/reclaim/policy/lfu_policy.h"
#include "os/reclaim/policy/lru_policy.h"
#include "os/reclaim/policy/s3fifo_policy.h"

namespace pagewalk::os {

std::unique_ptr<ReclaimPolicy> make_reclaim_policy(ReclaimPolicyKind kind, FrameAllocator& frames) {
    switch (kind) {
    case ReclaimPolicyKind::Lru:
    case ReclaimPolicyKind::Mglru:
        break;
    case ReclaimPolicyKind::Clock:
        return std::make_unique<ClockPolicy>();
    case ReclaimPolicyKind::Lfu:
        return std::make_unique<LfuPolicy>(frames);
    case ReclaimPolicyKind::S3Fifo:
        return std::make_unique<S3FifoPolicy>();
    }
    return std::make_unique<LruPolicy>();
}

} // namespace pagewalk::os
