/*
 * Lets criu read the resource limits of other users' tasks on a machine whose root lacks CAP_SYS_RESOURCE: prlimit64 is
 * then refused, but /proc/PID/limits shows the same numbers to everybody. Loaded into criu by the wrapper beside it.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* By number, as asm-generic/resource.h has them. */
static const char *const names[] = {
	"Max cpu time", "Max file size", "Max data size", "Max stack size", "Max core file size", "Max resident set",
	"Max processes", "Max open files", "Max locked memory", "Max address space", "Max file locks", "Max pending signals",
	"Max msgqueue size", "Max nice priority", "Max realtime priority", "Max realtime timeout",
};

static rlim_t number(const char *word)
{
	return strcmp(word, "unlimited") == 0 ? RLIM_INFINITY : strtoull(word, NULL, 10);
}

static long from_proc(int pid, unsigned int resource, struct rlimit *into)
{
	char path[32], line[128], soft[32], hard[32];
	long found = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/limits", pid);
	file = fopen(path, "re");
	if (!file)
		return -1;
	while (found && fgets(line, sizeof(line), file)) {
		size_t length = strlen(names[resource]);
		if (strncmp(line, names[resource], length) == 0 &&
		    sscanf(line + length, "%31s %31s", soft, hard) == 2) {
			into->rlim_cur = number(soft);
			into->rlim_max = number(hard);
			found = 0;
		}
	}
	fclose(file);
	return found;
}

long syscall(long number, ...)
{
	static long (*real)(long, ...);
	long a[6], result;
	va_list list;
	int i;

	va_start(list, number);
	for (i = 0; i < 6; i++)
		a[i] = va_arg(list, long);
	va_end(list);
	if (!real)
		real = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
	result = real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
	if (result == -1 && errno == EPERM && number == SYS_prlimit64 && !a[2] && a[3] &&
	    (unsigned long)a[1] < sizeof(names) / sizeof(*names))
		return from_proc((int)a[0], (unsigned int)a[1], (struct rlimit *)a[3]);
	return result;
}
