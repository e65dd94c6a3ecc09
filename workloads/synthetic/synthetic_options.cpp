#include "workloads/synthetic/make_synthetic.h"

namespace pagewalk::workloads {

void SyntheticConfig::declare(OptionGroup group) {
    const char* const user = "user";
    group.number(
        "instructions", common.instructions, {},
        {Unit::Instructions, "instructions of all threads together (0: the generator's natural end)", user});
    group.number("threads", common.threads, {1, 1024}, {Unit::Count, "threads", user});
    group.choice("first_touch", common.first_touch,
                 {{FirstTouch::Off, "off"}, {FirstTouch::Pages, "pages"}, {FirstTouch::Lines, "lines"}},
                 {Unit::None,
                  "how memory is touched before the work: not at all, by one store per page, or every byte",
                  user});
    group.flag("huge_pages", common.huge_pages, {Unit::None, "madvise(MADV_HUGEPAGE) on every area", user});
    group.flag("hugetlb", common.hugetlb,
               {Unit::None, "mmap(MAP_HUGETLB) of every area: pages of 2 MiB of os.hugetlb", user});

    OptionGroup gups_group = group.group("gups");
    gups_group.number("table", gups.table_bytes, {8, 16ULL << 40}, {Unit::Bytes, "size of the table", user});
    gups_group.number("updates_per_word", gups.updates_per_word, {1, 1 << 20},
                      {Unit::Count, "updates per word at the natural end", "HPC Challenge RandomAccess: 4"});
    gups_group.flag(
        "atomic", gups.atomic,
        {Unit::None, "updates are locked: threads that share a small table contend for its lines", user});
    OptionGroup stream_group = group.group("stream");
    stream_group.number("array", stream.array_bytes, {128, 4ULL << 40},
                        {Unit::Bytes, "size of each of three arrays", "STREAM: 10 million doubles"});
    stream_group.number("repeats", stream.repeats, {1, 1 << 30},
                        {Unit::Count, "repeats at the natural end", "STREAM: NTIMES 10"});
    OptionGroup chase = group.group("pointer_chase");
    chase.number("footprint", pointer_chase.bytes, {8, 16ULL << 40}, {Unit::Bytes, "footprint", user});
    chase.number("stride", pointer_chase.stride, {8, 1ULL << 30},
                 {Unit::Bytes, "an element: 64 visits lines, 4096 pages", user});
    chase.number("cycles", pointer_chase.cycles, {1, 1 << 30},
                 {Unit::Count, "times around at the natural end", user});
    OptionGroup churn = group.group("alloc_churn");
    churn.number("slots", alloc_churn.slots, {1, 65536},
                 {Unit::Count, "blocks that may live at a time, each thread", "assumed"});
    churn.number("touched", alloc_churn.touched_percent, {0, 100},
                 {Unit::Percent, "of a block's pages touched", "assumed"});
    churn.number("operations", alloc_churn.operations, {1, 1ULL << 40},
                 {Unit::Count, "of each thread at the natural end", user});
    churn.number("brk_every", alloc_churn.brk_every, {0, 1 << 30},
                 {Unit::Count, "frees between two changes of the heap (0: never)", "assumed"});
    OptionGroup io = group.group("block_io");
    io.choice("pattern", block_io.pattern,
              {{IoPattern::Random, "random"}, {IoPattern::Sequential, "sequential"}},
              {Unit::None, "where on the block device the requests are", user});
    io.number("block_size", block_io.block_bytes, {4096, 1U << 20},
              {Unit::Bytes, "size of a request, a multiple of 4096", user});
    io.number("read", block_io.read_percent, {0, 100}, {Unit::Percent, "requests that read", user});
    io.number("queue_depth", block_io.queue_depth, {1, 4096},
              {Unit::Count, "requests under way, each thread", user});
    io.number("batch", block_io.batch, {1, 256},
              {Unit::Count, "requests a call, one behind the other on the device", user});
    io.number("span", block_io.span, {1ULL << 20, 1ULL << 50},
              {Unit::Bytes, "part of the device that requests go to, from its start", user});
    io.number("operations", block_io.operations, {1, 1ULL << 40},
              {Unit::Count, "requests of each thread at the natural end", user});
    OptionGroup net = group.group("net_receive");
    net.choice(
        "how", net_receive.how,
        {{NetReceive::Copy, "copy"}, {NetReceive::Remap, "remap"}, {NetReceive::Fixed, "fixed"}},
        {Unit::None,
         "how data come to the program: copied from the kernel's buffers, by remapping their pages, or in "
         "buffers shared for good",
         "Druschel and Peterson, SOSP 1993 (fbufs); Pai et al., OSDI 1999 (IO-Lite)"});
    net.number("message_size", net_receive.message_bytes, {1, 2U << 20},
               {Unit::Bytes, "size of a message", user});
    net.choice("reads", net_receive.reads, {{ReadsMessages::Off, "off"}, {ReadsMessages::On, "on"}},
               {Unit::None, "whether the program reads each message once", user});
    net.number("messages", net_receive.messages, {1, 1ULL << 40},
               {Unit::Count, "messages of each thread at the natural end", user});
    OptionGroup sends = group.group("net_send");
    sends.choice("how", net_send.how, {{NetSend::Copy, "copy"}, {NetSend::ZeroCopy, "zero_copy"}},
                 {Unit::None,
                  "whether messages are copied into the kernel's buffers, or sent from their pages",
                  "Linux 6.1: sendmsg, with MSG_ZEROCOPY"});
    sends.number("message_size", net_send.message_bytes, {1, 2U << 20},
                 {Unit::Bytes, "size of a message", user});
    sends.choice("writes", net_send.writes, {{WritesMessages::Off, "off"}, {WritesMessages::On, "on"}},
                 {Unit::None, "whether the program writes each message before it sends it", user});
    sends.number("messages", net_send.messages, {1, 1ULL << 40},
                 {Unit::Count, "messages of each thread at the natural end", user});
    OptionGroup tree = group.group("btree");
    tree.number("keys", btree.keys, {1, 1ULL << 36}, {Unit::Count, "keys", user});
    tree.number("lookups", btree.lookups, {1, 1ULL << 40},
                {Unit::Count, "look-ups of each thread at the natural end", user});
    OptionGroup reads = group.group("file_reads");
    reads.choice(
        "pattern", file_reads.pattern,
        {{ReadPattern::Scan, "scan"}, {ReadPattern::Zipf, "zipf"}, {ReadPattern::Mixed, "mixed"}},
        {Unit::None,
         "which block is read next: the following, one by popularity, or that with a scan now and then",
         user});
    reads.number("file", file_reads.file_bytes, {512, 1ULL << 44}, {Unit::Bytes, "size of the file", user});
    reads.number("block", file_reads.block_bytes, {512, 1U << 20}, {Unit::Bytes, "size of a read", user});
    reads.number("zipf", file_reads.zipf_percent, {0, 400},
                 {Unit::Percent, "exponent of the blocks' popularity (0: all alike)",
                  "Breslau et al., INFOCOM 1999: web requests 0.64 .. 0.83; assumed"});
    reads.number("scan_every", file_reads.scan_every, {1, 1U << 30},
                 {Unit::Count, "mixed: other reads between two scans", "assumed"});
    reads.number("scan_blocks", file_reads.scan_blocks, {1, 1U << 30},
                 {Unit::Count, "mixed: blocks of a scan, which goes on where the last has ended", "assumed"});
    reads.number("operations", file_reads.operations, {1, 1ULL << 40},
                 {Unit::Count, "reads of each thread at the natural end", user});
    OptionGroup objects = group.group("kernel_objects");
    objects.choice(
        "from", kernel_objects.from,
        {{ObjectsFrom::Kmalloc, "kmalloc"},
         {ObjectsFrom::Cache, "cache"},
         {ObjectsFrom::Vmalloc, "vmalloc"},
         {ObjectsFrom::Pages, "pages"}},
        {Unit::None, "which of the kernel's allocators is asked; cache makes one for each size", user});
    objects.choice(
        "pattern", kernel_objects.pattern,
        {{ObjectPattern::Churn, "churn"},
         {ObjectPattern::Pairs, "pairs"},
         {ObjectPattern::Fill, "fill"},
         {ObjectPattern::Remote, "remote"}},
        {Unit::None,
         "free or fill a slot drawn, free each object before the next, fill and empty all slots, or "
         "empty the slots that another thread filled",
         user});
    objects.text("sizes", kernel_objects.sizes,
                 {Unit::None, "object sizes with their weights: size:weight, ...",
                  "assumed: small ones are the most"});
    objects.number("slots", kernel_objects.slots, {1, 1U << 20},
                   {Unit::Count, "objects that may live at a time, each thread", user});
    objects.number("batch", kernel_objects.batch, {1, 4096},
                   {Unit::Count, "objects a call (fill and remote)", user});
    objects.number("touched", kernel_objects.touched_percent, {0, 100},
                   {Unit::Percent, "of an object's bytes written once it is made", "assumed"});
    objects.number("operations", kernel_objects.operations, {1, 1ULL << 40},
                   {Unit::Count, "objects made and freed, of each thread at the natural end", user});
    OptionGroup store = group.group("kvstore");
    store.number("entries", kvstore.entries, {1, 1ULL << 36}, {Unit::Count, "entries", user});
    store.number("value", kvstore.value_bytes, {64, 65536},
                 {Unit::Bytes, "size of a value, a multiple of 64", "YCSB: 1 KB"});
    store.number("put", kvstore.put_percent, {0, 100},
                 {Unit::Percent, "requests that write", "YCSB workload B: 5"});
    store.number("zipf", kvstore.zipf_percent, {0, 400},
                 {Unit::Count, "exponent of key popularity in hundredths", "YCSB: 0.99"});
    store.number("requests", kvstore.requests, {1, 1ULL << 40},
                 {Unit::Count, "requests of each thread at the natural end", user});
}

} // namespace pagewalk::workloads
