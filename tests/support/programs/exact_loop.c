/* Runs a number of instructions known to the last one: 2 + 2 * iterations + 3. No C library. */
#ifndef ITERATIONS
#define ITERATIONS 1000000
#endif
#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)

__asm__(".globl _start\n"
        "_start:\n"
        "    xor %eax, %eax\n"
        "    mov $" TEXT(ITERATIONS) ", %ecx\n"
        "1:  dec %ecx\n"
        "    jnz 1b\n"
        "    mov $60, %eax\n"
        "    mov $7, %edi\n"
        "    syscall\n"
        ".section .note.GNU-stack,\"\",@progbits\n");
