//go:build amd64 || arm64

package codeeval

import (
	"encoding/binary"
	"maps"
	"slices"

	"golang.org/x/sys/unix"
)

// The system calls that a program may make. Everything else answers EPERM: no
// network, no new process, no signal to anybody, no new file system, no
// tracing, no shared memory, no keyring, no io_uring.

// allowed are harmless on the descriptors and memory that a program has.
var allowed = append([]uint32{
	// files, as far as the root or Landlock lets them be opened
	unix.SYS_READ, unix.SYS_WRITE, unix.SYS_READV, unix.SYS_WRITEV,
	unix.SYS_PREAD64, unix.SYS_PWRITE64, unix.SYS_OPENAT, unix.SYS_CLOSE,
	unix.SYS_CLOSE_RANGE, unix.SYS_LSEEK, unix.SYS_FSTAT, unix.SYS_STATX,
	unix.SYS_FACCESSAT, unix.SYS_FACCESSAT2, unix.SYS_READLINKAT,
	unix.SYS_GETDENTS64, unix.SYS_GETCWD, unix.SYS_CHDIR, unix.SYS_FCHDIR,
	unix.SYS_MKDIRAT, unix.SYS_UNLINKAT, unix.SYS_RENAMEAT, unix.SYS_RENAMEAT2,
	unix.SYS_LINKAT, unix.SYS_SYMLINKAT, unix.SYS_FTRUNCATE,
	unix.SYS_FALLOCATE, unix.SYS_FSYNC, unix.SYS_FDATASYNC, unix.SYS_FLOCK,
	unix.SYS_UMASK,
	unix.SYS_STATFS, unix.SYS_FSTATFS, unix.SYS_SENDFILE, unix.SYS_COPY_FILE_RANGE,
	unix.SYS_DUP, unix.SYS_DUP3, unix.SYS_PIPE2, unix.SYS_PPOLL, unix.SYS_PSELECT6,
	unix.SYS_EPOLL_CREATE1, unix.SYS_EPOLL_CTL, unix.SYS_EPOLL_PWAIT, unix.SYS_EVENTFD2,
	// the socket pair that asyncio wakes itself with
	unix.SYS_RECVFROM, unix.SYS_SHUTDOWN, unix.SYS_GETSOCKNAME, unix.SYS_GETSOCKOPT,
	// memory
	unix.SYS_MMAP, unix.SYS_MUNMAP, unix.SYS_MPROTECT, unix.SYS_MREMAP,
	unix.SYS_MADVISE, unix.SYS_BRK,
	// signals to itself by the kernel: alarms, handlers
	unix.SYS_RT_SIGACTION, unix.SYS_RT_SIGPROCMASK, unix.SYS_RT_SIGRETURN,
	unix.SYS_RT_SIGPENDING, unix.SYS_RT_SIGTIMEDWAIT, unix.SYS_SIGALTSTACK,
	unix.SYS_GETITIMER, unix.SYS_SETITIMER, unix.SYS_RESTART_SYSCALL,
	// threads
	unix.SYS_FUTEX, unix.SYS_SET_ROBUST_LIST, unix.SYS_SET_TID_ADDRESS,
	unix.SYS_RSEQ, unix.SYS_SCHED_YIELD, unix.SYS_SCHED_GETAFFINITY,
	unix.SYS_GETCPU, unix.SYS_MEMBARRIER,
	// what a process may know of itself and of the time
	unix.SYS_GETPID, unix.SYS_GETTID, unix.SYS_GETPPID, unix.SYS_GETUID,
	unix.SYS_GETEUID, unix.SYS_GETGID, unix.SYS_GETEGID, unix.SYS_GETRESUID,
	unix.SYS_GETRESGID, unix.SYS_GETGROUPS, unix.SYS_GETPGID, unix.SYS_GETSID,
	unix.SYS_GETPRIORITY, unix.SYS_GETRUSAGE, unix.SYS_TIMES, unix.SYS_UNAME,
	unix.SYS_SYSINFO, unix.SYS_GETRANDOM, unix.SYS_NANOSLEEP,
	unix.SYS_CLOCK_NANOSLEEP, unix.SYS_CLOCK_GETTIME, unix.SYS_CLOCK_GETRES,
	unix.SYS_GETTIMEOFDAY,
	// the end
	unix.SYS_EXIT, unix.SYS_EXIT_GROUP, unix.SYS_WAIT4, unix.SYS_WAITID,
}, allowedHere...)

// onFiles are allowed only where all files that a program can name are its own
// or read-only mounts. Landlock has no say in them (of truncate since Linux 6.2
// only), and they need no more than to own a file.
var onFiles = append([]uint32{
	unix.SYS_FCHMOD, unix.SYS_FCHMODAT, unix.SYS_UTIMENSAT, unix.SYS_TRUNCATE,
}, onFilesHere...)

// absent answer ENOSYS, upon which the C library takes the older call.
var absent = []uint32{unix.SYS_CLONE3, 452 /* fchmodat2 */}

const (
	bpfLoad   = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
	bpfEqual  = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
	bpfAtLow  = unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K
	bpfAnyBit = unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K
	bpfReturn = unix.BPF_RET | unix.BPF_K

	offsetNumber = 0 // of struct seccomp_data
	offsetArch   = 4
	offsetArgs   = 16

	answerAllow = unix.SECCOMP_RET_ALLOW
	answerKill  = unix.SECCOMP_RET_KILL_PROCESS
	answerEPERM = unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)
	answerNoSys = unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)
)

// A block decides about one system call: it may load its arguments, and returns
// on every path.
type block []unix.SockFilter

func statement(code uint16, k uint32) unix.SockFilter { return unix.SockFilter{Code: code, K: k} }

func jump(code uint16, k uint32, jt, jf uint8) unix.SockFilter {
	return unix.SockFilter{Code: code, Jt: jt, Jf: jf, K: k}
}

func always(answer uint32) block { return block{statement(bpfReturn, answer)} }

// low and high are the offsets of the halves of argument i, little endian.
func low(i uint32) uint32  { return offsetArgs + 8*i }
func high(i uint32) uint32 { return offsetArgs + 8*i + 4 }

// oneOf allows the call when the low half of argument i is one of values.
func oneOf(i uint32, values ...uint32) block {
	return compared(i, answerAllow, answerEPERM, values)
}

// noneOf allows the call unless the low half of argument i is one of values.
func noneOf(i uint32, values ...uint32) block {
	return compared(i, answerEPERM, answerAllow, values)
}

func compared(i, equal, other uint32, values []uint32) block {
	b := block{statement(bpfLoad, low(i))}
	for _, v := range values {
		b = append(b, jump(bpfEqual, v, 0, 1), statement(bpfReturn, equal))
	}
	return append(b, statement(bpfReturn, other))
}

// zero allows the call when argument i is 0 in all 64 bits.
func zero(i uint32) block {
	return block{
		statement(bpfLoad, low(i)), jump(bpfEqual, 0, 1, 0), statement(bpfReturn, answerEPERM),
		statement(bpfLoad, high(i)), jump(bpfEqual, 0, 1, 0), statement(bpfReturn, answerEPERM),
		statement(bpfReturn, answerAllow),
	}
}

// threadsOnly allows clone to make threads, but neither processes nor
// namespaces.
func threadsOnly() block {
	const spaces = unix.CLONE_NEWNS | unix.CLONE_NEWCGROUP | unix.CLONE_NEWUTS |
		unix.CLONE_NEWIPC | unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNET
	return block{
		statement(bpfLoad, low(0)),
		jump(bpfAnyBit, unix.CLONE_THREAD, 1, 0), statement(bpfReturn, answerEPERM),
		jump(bpfAnyBit, spaces, 0, 1), statement(bpfReturn, answerEPERM),
		statement(bpfReturn, answerAllow),
	}
}

// decisions are what the filter says of each system call; of those not listed
// it says EPERM.
func decisions(ownFiles bool) map[uint32]block {
	d := map[uint32]block{
		unix.SYS_CLONE: threadsOnly(),
		// Not the commands that make the kernel send signals on one's behalf.
		unix.SYS_FCNTL: noneOf(1, unix.F_SETOWN, unix.F_SETOWN_EX, unix.F_SETSIG, unix.F_SETLEASE, unix.F_NOTIFY),
		unix.SYS_IOCTL: oneOf(1, unix.TCGETS, unix.TIOCGWINSZ, 0x541B, /* FIONREAD */
			0x5421 /* FIONBIO */, 0x5450 /* FIONCLEX */, 0x5451 /* FIOCLEX */),
		unix.SYS_PRCTL: oneOf(0, unix.PR_SET_NAME, unix.PR_GET_NAME, unix.PR_SET_VMA),
		// Reading one's limits, not setting anybody's.
		unix.SYS_PRLIMIT64:  zero(2),
		unix.SYS_SOCKETPAIR: oneOf(0, unix.AF_UNIX),
		// On a connected socket; an address could name somebody else's.
		unix.SYS_SENDTO: zero(4),
	}
	for _, n := range allowed {
		d[n] = always(answerAllow)
	}
	for _, n := range onFiles {
		if ownFiles {
			d[n] = always(answerAllow)
		}
	}
	for _, n := range absent {
		d[n] = always(answerNoSys)
	}
	return d
}

// span is a run of numbers, from first up to the next span's, with one answer.
type span struct {
	first uint32
	block block
}

// seccompFilter assembles the filter that every program runs under, as an array
// of struct sock_filter. It is a tree over the numbers: the kernel walks it for
// every number there is when a child installs it, which a list would make slow.
func seccompFilter(ownFiles bool) []byte {
	d := decisions(ownFiles)
	spans := []span{{0, always(answerEPERM)}}
	next := uint32(0)
	for _, n := range slices.Sorted(maps.Keys(d)) {
		if n > next {
			spans = append(spans, span{next, always(answerEPERM)})
		}
		spans = append(spans, span{n, d[n]})
		next = n + 1
	}
	// Here end also the x32 calls of amd64, which have a high bit.
	spans = append(spans, span{next, always(answerEPERM)})
	// Neighbours with one answer are one; so are two that start together.
	merged := spans[:1]
	for _, s := range spans[1:] {
		switch last := &merged[len(merged)-1]; {
		case s.first == last.first:
			*last = s
		case slices.Equal(s.block, last.block):
		default:
			merged = append(merged, s)
		}
	}
	code := append(block{
		statement(bpfLoad, offsetArch),
		jump(bpfEqual, auditArch, 1, 0),
		statement(bpfReturn, answerKill),
		statement(bpfLoad, offsetNumber),
	}, tree(merged)...)
	out := make([]byte, 0, 8*len(code))
	for _, c := range code {
		out = binary.LittleEndian.AppendUint16(out, c.Code)
		out = append(out, c.Jt, c.Jf)
		out = binary.LittleEndian.AppendUint32(out, c.K)
	}
	return out
}

// tree finds the span of the number that is loaded.
func tree(spans []span) block {
	if len(spans) == 1 {
		return spans[0].block
	}
	half := len(spans) / 2
	left, right := tree(spans[:half]), tree(spans[half:])
	// A conditional jump reaches 255 instructions, an unconditional one all.
	b := block{jump(bpfAtLow, spans[half].first, 0, 1), statement(unix.BPF_JMP|unix.BPF_JA, uint32(len(left)))}
	return append(append(b, left...), right...)
}
