"""Folded stacks, as flame graph tools read them: `outer;inner number` a line, numbers of what is spent in the inner itself."""

import collections

from ..command_line import InputError
from ..hardware import cpi_stack, counters
from . import kernel_events


def by_function(run):
    """ns in each kernel function by who called it, all tasks together. A task that sleeps in a function spends that time there."""
    calls = kernel_events.calls(run)
    if calls.empty:
        raise InputError(f"{run.path} has no calls of kernel functions: run it with --set events.functions=1, or fold by cause "
                         "(--by cause)")
    own = (calls.end - calls.time).to_dict()
    functions = calls.function.astype(str).to_dict()
    duration, stack, stacks = dict(own), [], collections.Counter()
    for row, is_entry in kernel_events.nested(calls):
        if is_entry:
            if stack:
                own[stack[-1]] -= duration[row]
            stack.append(row)
        else:
            stacks[";".join(["kernel", *(functions[open_row] for open_row in stack)])] += max(0, own[row])
            stack.pop()
    return {name: round(ps / 1000) for name, ps in stacks.items()}


def by_cause(run):
    """Cycles of all CPUs by mode and cause: the CPI stack."""
    instructions = counters(run, r"cpu\d+", "user_instructions").sum()
    stack = cpi_stack(run)
    return {f"{mode};{cause}": round(stack.loc[cause, mode] * instructions) for mode in stack.columns for cause in stack.index}


def write(run, path, by):
    """Returns how many stacks there are."""
    stacks = by_cause(run) if by == "cause" else by_function(run)
    stacks = {name: value for name, value in sorted(stacks.items()) if value}
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(f"{name} {value}\n" for name, value in stacks.items())
    return len(stacks)
