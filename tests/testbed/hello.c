/*
 * The /init of guests that are booted for their kernel's sake: says what it finds
 * and resets the machine. With the word "hold" on the kernel's command line it
 * stays; with "log" it shows the kernel's messages first.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <unistd.h>

static void show_log(void)
{
	static char record[8192];
	int fd;

	(void)mknod("/kmsg", S_IFCHR | 0600, makedev(1, 11));
	fd = open("/kmsg", O_RDONLY | O_NONBLOCK);
	for (ssize_t n; fd >= 0 && (n = read(fd, record, sizeof(record))) > 0;)
		(void)!write(STDOUT_FILENO, record, (size_t)n);
}

int main(int argc, char **argv)
{
	struct utsname system;
	struct sysinfo info;

	if (uname(&system) == 0 && sysinfo(&info) == 0)
		printf("hello: Linux %s, %ld processors, %llu MiB\n", system.release,
		       sysconf(_SC_NPROCESSORS_ONLN),
		       (unsigned long long)info.totalram * info.mem_unit >> 20);
	(void)fflush(stdout);
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "log") == 0)
			show_log();
		if (strcmp(argv[i], "hold") == 0)
			(void)pause();
	}
	(void)reboot(RB_AUTOBOOT);
	return 1;
}
