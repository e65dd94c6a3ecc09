#include "workloads/synthetic/layout.h"

namespace pagewalk::workloads::layout {

std::vector<InitialMapping> initial_mappings() {
    InitialMapping code;
    code.start = text;
    code.end = text + text_bytes;
    code.executable = true;
    InitialMapping brk;
    brk.start = heap;
    brk.end = heap + heap_bytes;
    brk.writable = brk.heap = true;
    InitialMapping stack;
    stack.start = stack_end - stack_bytes;
    stack.end = stack_end;
    stack.writable = stack.grows_down = true;
    return {code, brk, stack};
}

} // namespace pagewalk::workloads::layout
