#pragma once

#include "base/error.h"
#include "contract/instruction_stream.h"

#include <memory>
#include <string>
#include <utility>

namespace pagewalk::workloads {

/// A trace of one thread that knows no system calls: any address it touches is memory.
class SingleStreamWorkload final : public Workload {
public:
    /// `instructions` is 0 where the number is not known.
    SingleStreamWorkload(std::string description, std::uint64_t instructions,
                         std::unique_ptr<InstructionStream> stream)
        : m_description(std::move(description)), m_instructions(instructions), m_stream(std::move(stream)) {}

    [[nodiscard]] std::string description() const override { return m_description; }
    [[nodiscard]] std::uint64_t expected_instructions() const override { return m_instructions; }
    [[nodiscard]] std::vector<InitialMapping> initial_mappings() const override { return {}; }
    [[nodiscard]] InstructionStream& thread(ThreadIndex index) override {
        PAGEWALK_INVARIANT(index == ThreadIndex{0});
        return *m_stream;
    }
    [[nodiscard]] InstructionStream* child(ThreadIndex, std::int64_t) override { return nullptr; }
    [[nodiscard]] ThreadIndex index_of_child(ThreadIndex, std::int64_t) override { return ThreadIndex{0}; }
    [[nodiscard]] bool maps_on_touch() const override { return true; }

private:
    std::string m_description;
    std::uint64_t m_instructions;
    std::unique_ptr<InstructionStream> m_stream;
};

} // namespace pagewalk::workloads
