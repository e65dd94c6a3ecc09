"""Text as /sys/kernel/tracing/trace has it, which Documentation/trace/postprocess of Linux reads."""

from . import kernel_events

HEADER = """# tracer: nop
#
# entries-in-buffer/entries-written: {count}/{count}   #P:{cpus}
#
#                                _-----=> irqs-off/BH-disabled
#                               / _----=> need-resched
#                              | / _---=> hardirq/softirq
#                              || / _--=> preempt-depth
#                              ||| / _-=> migrate-disable
#                              |||| /     delay
#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION
#              | |         |   |||||     |         |
"""


def write(run, path):
    """Events of all tables that have tracepoints; function calls are `pagewalk show --function-graph`'s. Returns how many."""
    sources = kernel_events.events(run)
    names = kernel_events.task_names(run)
    order = kernel_events.merged(sources) if sources else []
    columns = [[column.tolist() for column in made.values] for made in sources]
    times, cpus, tasks = ([getattr(made, what).tolist() for made in sources] for what in ("time", "cpu", "task"))
    with open(path, "w", encoding="utf-8") as file:
        file.write(HEADER.format(count=len(order), cpus=run.config["machine.cpus"]))
        for source, row in order:
            tracepoint, task = sources[source].tracepoint, tasks[source][row]
            seconds, microseconds = divmod(times[source][row] // 1_000_000, 1_000_000)
            text = tracepoint.line(*(column[row] for column in columns[source]))
            file.write(f"{kernel_events.name_of(names, task):>16}-{task:<7} [{cpus[source][row]:03}] ..... "
                       f"{seconds:5}.{microseconds:06}: {tracepoint.name}: {text}\n")
    return len(order)
