#pragma once

#include "base/option.h"
#include "models/interconnect/socket_link.h"
#include "models/memory/dram_config.h"

#include <cstdint>

namespace pagewalk::models {

/// A CXL memory expander (type 3): memory of its own behind a link of a socket, a NUMA node without CPUs.
struct CxlConfig {
    std::uint64_t memory = 0; ///< bytes; 0: there is none
    std::uint32_t socket = 0; ///< the one that it is plugged into
    SocketLinkConfig link;
    DramConfig dram;

    CxlConfig();
    void declare(OptionGroup group);
    /// Throws ConfigError.
    void validate(const OptionSet& options, std::uint32_t sockets, std::uint32_t nodes) const;
};

} // namespace pagewalk::models
