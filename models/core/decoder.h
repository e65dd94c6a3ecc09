#pragma once

#include "contract/instruction_stream.h"

namespace pagewalk::models {

/// Turns the x86-64 machine code of a block into micro-ops: classes, latencies, register dependences, memory
/// slots, branch kind and target. Latencies: Fog, "Instruction tables" (2022), Ice Lake; uops.info. An
/// undecodable instruction becomes one Nop, so that the stream's own instruction count holds.
void decode(StaticBlock& block);

} // namespace pagewalk::models
