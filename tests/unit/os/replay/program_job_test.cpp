#include "base/error.h"
#include "base/scratch_folder.h"
#include "os/replay/program_job.h"

#include <fstream>

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

void write(const std::filesystem::path& path, const std::string& text) {
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
}

TEST(ProgramJobs, AreFoundByWhatWasRecorded) {
    const ScratchFolder folder;
    write(folder / "p1/split/config",
          "ev kmem/mm_page_alloc\nset /proc/sys/vm/swappiness 0\nrun /bin/p1 split 64 8\n");
    write(folder / "p1/split/steps", "");
    write(folder / "p1/other/config", "run /bin/p1\n");
    write(folder / "a-p1/order/config", "file /mnt/big 300\nrun /bin/p1 order 64 fwd\n");
    write(folder / "a-p1/order/walks", "");
    const CaptureFiles files(folder.path().string());
    const std::vector<ProgramJob> jobs = find_program_jobs(files);
    ASSERT_EQ(jobs.size(), 2U); // one without a recording is none
    EXPECT_EQ(jobs[0].name, "order");
    EXPECT_EQ(jobs[0].recorded, ProgramJob::Recorded::Walks);
    EXPECT_EQ(jobs[0].files, std::vector<std::string>{"/mnt/big 300"});
    EXPECT_EQ(jobs[1].name, "split");
    EXPECT_EQ(jobs[1].folder, "p1/split/");
    EXPECT_EQ(jobs[1].group, "p1/");
    EXPECT_EQ(jobs[1].command, (std::vector<std::string>{"/bin/p1", "split", "64", "8"}));
    EXPECT_EQ(jobs[1].settings, std::vector<std::string>{"/proc/sys/vm/swappiness 0"});
}

TEST(ProgramJobs, FindTheFilesThatOthersOfTheirGroupMade) {
    const ScratchFolder folder;
    write(folder / "p4/prepare/config", "file /mnt/r 32\n");
    write(folder / "p4/seq/config", "run /bin/p4 seq /mnt/r\n");
    write(folder / "p4/seq/steps", "");
    write(folder / "p5/map/config", "run /bin/p5 map /mnt/r\n");
    write(folder / "p5/map/steps", "");
    const std::vector<ProgramJob> jobs = find_program_jobs(CaptureFiles(folder.path().string()));
    ASSERT_EQ(jobs.size(), 2U);
    EXPECT_EQ(jobs[0].files, std::vector<std::string>{"/mnt/r 32"});
    EXPECT_TRUE(jobs[1].files.empty());
}

TEST(ProgramJobs, NeedAProgram) {
    const ScratchFolder folder;
    write(folder / "config", "ev x\n");
    write(folder / "steps", "");
    EXPECT_THROW((void)find_program_jobs(CaptureFiles(folder.path().string())), InputError);
}

TEST(ProgramMachine, IsReadFromItsCommandLine) {
    const ProgramMachine machine = program_machine(
        "-m 1G -smp 4 -object memory-backend-ram,id=m0,size=256M -object memory-backend-ram,size=768M,id=m1 "
        "-numa node,nodeid=0 -numa node,nodeid=1 -numa dist,src=0,dst=1,val=21 | group p7 | append: "
        "console=ttyS0 "
        "transparent_hugepage=never \n",
        "capture.txt");
    EXPECT_EQ(machine.memory, 1ULL << 30);
    EXPECT_EQ(machine.cpus, 4U);
    EXPECT_EQ(machine.node_memory, (std::vector<std::uint64_t>{256ULL << 20, 768ULL << 20}));
    EXPECT_NE(machine.command_line.find("transparent_hugepage=never"), std::string::npos);
    EXPECT_THROW((void)program_machine("-smp 1", "capture.txt"), InputError);
    EXPECT_THROW((void)program_machine("-m lots", "capture.txt"), InputError);
    EXPECT_THROW((void)program_machine("-m 1G -smp 0", "capture.txt"), InputError);
    EXPECT_THROW((void)program_machine("-m 1G -object memory-backend-ram,id=m0", "capture.txt"), InputError);
    EXPECT_TRUE(program_machine("-m 1G", "capture.txt").node_memory.empty());
}

} // namespace
} // namespace pagewalk::os
