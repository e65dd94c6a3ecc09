/* Known accesses to the page `buffer`: single ones, a 32-byte copy, a rep movsb of 40 bytes and a rep stosq of 5. Then
   openat of a file that is not there, mmap, and exit_group(3). No C library. */
static unsigned char buffer[4096] __attribute__((aligned(4096), used));

__asm__(".globl _start\n"
        "_start:\n"
        "    lea buffer(%rip), %rbx\n"
        "    movb $1, (%rbx)\n"           /* store 1 at 0 */
        "    movw $1, 16(%rbx)\n"         /* store 2 at 16 */
        "    mov 32(%rbx), %eax\n"        /* load 4 at 32 */
        "    addq $1, 64(%rbx)\n"         /* load 8, store 8 at 64 */
        "    vmovdqu 128(%rbx), %ymm0\n"  /* load 32 at 128 */
        "    vmovdqu %ymm0, 256(%rbx)\n"  /* store 32 at 256 */
        "    lea 512(%rbx), %rsi\n"
        "    lea 1024(%rbx), %rdi\n"
        "    mov $40, %ecx\n"
        "    rep movsb\n"
        "    mov $5, %ecx\n"
        "    rep stosq\n"
        "    mov $257, %eax\n"            /* openat(AT_FDCWD, path, O_RDONLY) */
        "    mov $-100, %rdi\n"
        "    lea path(%rip), %rsi\n"
        "    xor %edx, %edx\n"
        "    syscall\n"
        "    mov $9, %eax\n"              /* mmap(0, 8192, RW, PRIVATE|ANONYMOUS, -1, 0) */
        "    xor %edi, %edi\n"
        "    mov $8192, %esi\n"
        "    mov $3, %edx\n"
        "    mov $0x22, %r10d\n"
        "    mov $-1, %r8\n"
        "    xor %r9d, %r9d\n"
        "    syscall\n"
        "    mov $231, %eax\n"
        "    mov $3, %edi\n"
        "    syscall\n"
        ".section .rodata\n"
        "path: .asciz \"/no/such/file\"\n"
        ".section .note.GNU-stack,\"\",@progbits\n"
        ".text\n");
