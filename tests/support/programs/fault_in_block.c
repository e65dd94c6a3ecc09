/* Dies of SIGSEGV in the middle of a block: after its third instruction of six. No C library. */
static long word __attribute__((used));

__asm__(".globl _start\n"
        "_start:\n"
        "    jmp 1f\n"
        "1:  mov $1, %eax\n"
        "    mov $0, %ecx\n"
        "    mov %eax, word(%rip)\n"
        "    mov (%rcx), %edx\n"
        "    mov $60, %eax\n"
        "    syscall\n"
        ".section .note.GNU-stack,\"\",@progbits\n"
        ".text\n");
