#pragma once

#include "base/option.h"
#include "contract/instruction_stream.h"
#include "workloads/synthetic/alloc_churn.h"
#include "workloads/synthetic/block_io.h"
#include "workloads/synthetic/btree.h"
#include "workloads/synthetic/common_config.h"
#include "workloads/synthetic/file_reads.h"
#include "workloads/synthetic/gups.h"
#include "workloads/synthetic/kernel_objects.h"
#include "workloads/synthetic/kvstore.h"
#include "workloads/synthetic/net_receive.h"
#include "workloads/synthetic/net_send.h"
#include "workloads/synthetic/pointer_chase.h"
#include "workloads/synthetic/stream.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace pagewalk::workloads {

/// Of every generator; only the chosen one's own part is used.
struct SyntheticConfig {
    CommonConfig common;
    GupsConfig gups;
    StreamConfig stream;
    PointerChaseConfig pointer_chase;
    AllocChurnConfig alloc_churn;
    BlockIoConfig block_io;
    BtreeConfig btree;
    FileReadsConfig file_reads;
    KernelObjectsConfig kernel_objects;
    KvstoreConfig kvstore;
    NetReceiveConfig net_receive;
    NetSendConfig net_send;

    void declare(OptionGroup group);
};

/// Errors: InputError listing the names when there is no such generator; ConfigError for a value out of
/// range.
[[nodiscard]] std::unique_ptr<Workload> make_synthetic(std::string_view name, const SyntheticConfig& config);

[[nodiscard]] std::vector<std::string_view> synthetic_names();

} // namespace pagewalk::workloads
