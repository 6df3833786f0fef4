"""System calls: their numbers, and the two lists of those that a jail may make.

Numbers are from the kernel's `asm/unistd_64.h` (x86_64) and `asm-generic/unistd.h` (aarch64).
"""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


COMPUTE = _words("""
    read readv write writev close mmap munmap mprotect mremap madvise brk futex rt_sigaction
    rt_sigprocmask rt_sigreturn sigaltstack sched_yield nanosleep clock_nanosleep clock_gettime
    clock_getres gettimeofday getpid gettid getuid geteuid getgid getegid getcpu
    sched_getaffinity getrusage sysinfo poll ppoll rseq membarrier restart_syscall exit
    exit_group
    """)
"""What computing needs once everything is loaded: memory, clocks, locks, open descriptors. No file
can be opened, no process, thread or socket made, no signal sent."""

RUNTIME = _words("""
    access alarm arch_prctl brk capget capset chdir clock_getres clock_gettime clock_nanosleep
    close close_range dup dup2 dup3 epoll_create1 epoll_ctl epoll_pwait epoll_wait eventfd2
    execve exit exit_group faccessat faccessat2 fadvise64 fchdir fcntl fstat fstatfs futex
    get_mempolicy get_robust_list getcpu getcwd getdents64 getegid geteuid getgid getgroups
    getitimer getpgid getpgrp getpid getppid getrandom getresgid getresuid getrlimit getrusage
    gettid gettimeofday getuid ioctl kill landlock_add_rule landlock_create_ruleset
    landlock_restrict_self lseek lstat madvise membarrier mincore mmap mprotect mremap munmap
    nanosleep newfstatat open openat pause pidfd_open pipe pipe2 poll ppoll prctl pread64
    prlimit64 pselect6 read readlink readlinkat readv restart_syscall rseq rt_sigaction
    rt_sigpending rt_sigprocmask rt_sigreturn rt_sigtimedwait sched_getaffinity sched_getparam
    sched_getscheduler sched_yield seccomp select set_robust_list set_tid_address setgid
    setgroups setitimer setpgid setresgid setresuid setrlimit setsid setuid sigaltstack stat
    statfs statx sysinfo tgkill time times umask uname wait4 waitid write writev
    """)
"""What an interpreter needs to come up, supervise a child and read its packages: the outer list of
the docker and bubblewrap backends. No sockets, ptrace, io_uring, mount, bpf, keyctl, new
namespaces, no changes to files."""

_NUMBERS = """
access=21/- alarm=37/- arch_prctl=158/- brk=12/214 capget=125/90 capset=126/91 chdir=80/49
clock_getres=229/114 clock_gettime=228/113 clock_nanosleep=230/115 clone=56/220 clone3=435/435
close=3/57 close_range=436/436 dup=32/23 dup2=33/- dup3=292/24 epoll_create1=291/20
epoll_ctl=233/21 epoll_pwait=281/22 epoll_wait=232/- eventfd2=290/19 execve=59/221 exit=60/93
exit_group=231/94 faccessat=269/48 faccessat2=439/439 fadvise64=221/223 fchdir=81/50 fcntl=72/25
fstat=5/80 fstatfs=138/44 futex=202/98 get_mempolicy=239/236 get_robust_list=274/100
getcpu=309/168 getcwd=79/17 getdents64=217/61 getegid=108/177 geteuid=107/175 getgid=104/176
getgroups=115/158 getitimer=36/102 getpgid=121/155 getpgrp=111/- getpid=39/172 getppid=110/173
getrandom=318/278 getresgid=120/150 getresuid=118/148 getrlimit=97/163 getrusage=98/165
gettid=186/178 gettimeofday=96/169 getuid=102/174 ioctl=16/29 kill=62/129
landlock_add_rule=445/445 landlock_create_ruleset=444/444 landlock_restrict_self=446/446
lseek=8/62 lstat=6/- madvise=28/233 membarrier=324/283 mincore=27/232 mmap=9/222 mprotect=10/226
mremap=25/216 munmap=11/215 nanosleep=35/101 newfstatat=262/79 open=2/- openat=257/56 pause=34/-
pidfd_open=434/434 pipe=22/- pipe2=293/59 poll=7/- ppoll=271/73 prctl=157/167 pread64=17/67
prlimit64=302/261 pselect6=270/72 read=0/63 readlink=89/- readlinkat=267/78 readv=19/65
restart_syscall=219/128 rseq=334/293 rt_sigaction=13/134 rt_sigpending=127/136
rt_sigprocmask=14/135 rt_sigreturn=15/139 rt_sigtimedwait=128/137 sched_getaffinity=204/123
sched_getparam=143/121 sched_getscheduler=145/120 sched_yield=24/124 seccomp=317/277 select=23/-
set_robust_list=273/99 set_tid_address=218/96 setgid=106/144 setgroups=116/159 setitimer=38/103
setpgid=109/154 setresgid=119/149 setresuid=117/147 setrlimit=160/164 setsid=112/157
setuid=105/146 sigaltstack=131/132 stat=4/- statfs=137/43 statx=332/291 sysinfo=99/179
tgkill=234/131 time=201/- times=100/153 umask=95/166 uname=63/160 wait4=61/260 waitid=247/95
write=1/64 writev=20/66
"""
"""name=x86_64/aarch64; `-` where the call does not exist."""

ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
"""Machine to the kernel's audit code for it."""


def numbers(machine: str) -> dict[str, int]:
    """Return name to number on a machine; KeyError if its numbers are not known here."""
    column = list(ARCHITECTURES).index(machine) if machine in ARCHITECTURES else None
    if column is None:
        raise KeyError(f"system call numbers of {machine} are not known")
    table = {}
    for entry in _NUMBERS.split():
        name, _, both = entry.partition("=")
        number = both.split("/")[column]
        if number != "-":
            table[name] = int(number)
    return table
