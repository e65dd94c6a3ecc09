#include "os/syscall/call_table.h"
#include "os/syscall/handlers.h"

#include <sys/syscall.h>

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

TEST(SystemCallTable, HasAHandlerAtTheNumberOfEachModelledCall) {
    EXPECT_EQ(handler_of(SYS_read), sys_read);
    EXPECT_EQ(handler_of(SYS_munmap), sys_munmap);
    EXPECT_EQ(handler_of(SYS_openat), sys_openat);
    EXPECT_EQ(handler_of(SYS_readv), sys_read);
    EXPECT_EQ(handler_of(SYS_exit_group), sys_exit_group);
    EXPECT_EQ(handler_of(SYS_clone3), sys_clone3);
}

TEST(SystemCallTable, HasNoHandlerForWhatIsNotModelled) {
    EXPECT_EQ(handler_of(SYS_getpid), nullptr);
    EXPECT_EQ(handler_of(335), nullptr); // no call of the kernel's
    EXPECT_EQ(handler_of(0xffffffff), nullptr);
}

} // namespace
} // namespace pagewalk::os
