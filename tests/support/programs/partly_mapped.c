/* Reads and writes through a buffer whose second page is not mapped: Linux moves what the first one holds. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void tell(const char* call, ssize_t result) {
    printf("%s %zd %s\n", call, result, result < 0 ? strerrorname_np(errno) : "");
}

int main(void) {
    const size_t page = 4096;
    char* const pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(pages + page, page);
    const int zeroes = open("/dev/zero", O_RDONLY);
    const int file = open("partly_mapped.data", O_RDWR | O_CREAT | O_TRUNC, 0600);
    tell("read", read(zeroes, pages, 2 * page));
    tell("write", write(file, pages + 96, 2 * page));
    tell("pread", pread(file, pages + 1000, 2 * page, 10));
    tell("pwrite", pwrite(file, pages, page + 1, 0));
    tell("read of nothing mapped", read(zeroes, pages + page, page));
    tell("position", lseek(file, 0, SEEK_CUR));
    unlink("partly_mapped.data");
    return 0;
}
