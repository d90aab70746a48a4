//go:build amd64 || arm64

package codeeval

import (
	"encoding/binary"
	"testing"

	"golang.org/x/sys/unix"
)

// answerOf runs the filter as the kernel does.
func answerOf(t *testing.T, filter []byte, arch, number uint32, args ...uint64) uint32 {
	t.Helper()
	data := make([]byte, 64)
	binary.LittleEndian.PutUint32(data[0:], number)
	binary.LittleEndian.PutUint32(data[4:], arch)
	for i, a := range args {
		binary.LittleEndian.PutUint64(data[16+8*i:], a)
	}
	var a uint32
	for pc, steps := 0, 0; ; steps++ {
		if pc*8 >= len(filter) || steps > 1000 {
			t.Fatalf("system call %d: the filter runs away", number)
		}
		c := filter[pc*8:]
		code, jt, jf, k := binary.LittleEndian.Uint16(c), int(c[2]), int(c[3]), binary.LittleEndian.Uint32(c[4:])
		pc++
		branch := func(yes bool) {
			if yes {
				pc += jt
			} else {
				pc += jf
			}
		}
		switch code {
		case bpfLoad:
			a = binary.LittleEndian.Uint32(data[k:])
		case bpfEqual:
			branch(a == k)
		case bpfAtLow:
			branch(a >= k)
		case bpfAnyBit:
			branch(a&k != 0)
		case unix.BPF_JMP | unix.BPF_JA:
			pc += int(k)
		case bpfReturn:
			return k
		default:
			t.Fatalf("instruction %#x", code)
		}
	}
}

func TestSeccompFilter(t *testing.T) {
	for _, ownFiles := range []bool{false, true} {
		testSeccompFilter(t, ownFiles)
	}
}

func testSeccompFilter(t *testing.T, ownFiles bool) {
	filter := seccompFilter(ownFiles)
	if n := len(filter) / 8; n > unix.BPF_MAXINSNS {
		t.Errorf("%d instructions", n)
	}
	conditional := map[uint32]bool{
		unix.SYS_CLONE: true, unix.SYS_FCNTL: true, unix.SYS_IOCTL: true, unix.SYS_PRCTL: true,
		unix.SYS_PRLIMIT64: true, unix.SYS_SOCKETPAIR: true, unix.SYS_SENDTO: true,
	}
	want := map[uint32]uint32{}
	for _, n := range allowed {
		want[n] = answerAllow
	}
	for _, n := range onFiles {
		if ownFiles {
			want[n] = answerAllow
		}
	}
	for _, n := range absent {
		want[n] = answerNoSys
	}
	for n := range uint32(1000) {
		if conditional[n] {
			continue
		}
		expect, known := want[n]
		if !known {
			expect = answerEPERM
		}
		if got := answerOf(t, filter, auditArch, n); got != expect {
			t.Errorf("system call %d: %#x, want %#x", n, got, expect)
		}
		if got := answerOf(t, filter, auditArch, n|0x40000000); got != answerEPERM {
			t.Errorf("x32 system call %d: %#x", n, got)
		}
		if got := answerOf(t, filter, auditArch^1, n); got != answerKill {
			t.Errorf("system call %d of another architecture: %#x", n, got)
		}
	}
	for _, n := range []uint32{unix.SYS_SOCKET, unix.SYS_CONNECT, unix.SYS_BIND, unix.SYS_SENDMSG, unix.SYS_EXECVE,
		unix.SYS_EXECVEAT, unix.SYS_KILL, unix.SYS_TGKILL, unix.SYS_TKILL, unix.SYS_PTRACE, unix.SYS_MOUNT,
		unix.SYS_UNSHARE, unix.SYS_SETNS, unix.SYS_BPF, unix.SYS_IO_URING_SETUP, unix.SYS_MEMFD_CREATE,
		unix.SYS_PROCESS_VM_READV, unix.SYS_KEYCTL, unix.SYS_SETUID, unix.SYS_SHMGET, unix.SYS_PIDFD_OPEN,
		unix.SYS_USERFAULTFD, unix.SYS_PERF_EVENT_OPEN, unix.SYS_OPEN_BY_HANDLE_AT, unix.SYS_MLOCK,
		unix.SYS_RT_SIGQUEUEINFO, unix.SYS_TIMER_CREATE, unix.SYS_PERSONALITY, unix.SYS_SECCOMP} {
		if got := answerOf(t, filter, auditArch, n); got != answerEPERM {
			t.Errorf("system call %d: %#x", n, got)
		}
	}
	const thread = unix.CLONE_VM | unix.CLONE_FS | unix.CLONE_FILES | unix.CLONE_SIGHAND | unix.CLONE_THREAD
	for _, test := range []struct {
		number uint32
		args   []uint64
		allow  bool
	}{
		{unix.SYS_CLONE, []uint64{thread}, true},
		{unix.SYS_CLONE, []uint64{17}, false},
		{unix.SYS_CLONE, []uint64{thread | unix.CLONE_NEWUSER}, false},
		{unix.SYS_CLONE, []uint64{unix.CLONE_VM | unix.CLONE_VFORK | 17}, false},
		{unix.SYS_FCNTL, []uint64{3, unix.F_GETFL}, true},
		{unix.SYS_FCNTL, []uint64{3, unix.F_SETOWN}, false},
		{unix.SYS_FCNTL, []uint64{3, unix.F_SETSIG}, false},
		{unix.SYS_IOCTL, []uint64{3, unix.TCGETS}, true},
		{unix.SYS_IOCTL, []uint64{3, unix.TIOCSTI}, false},
		{unix.SYS_PRCTL, []uint64{unix.PR_SET_NAME}, true},
		{unix.SYS_PRCTL, []uint64{unix.PR_SET_SECCOMP}, false},
		{unix.SYS_PRCTL, []uint64{unix.PR_SET_PDEATHSIG}, false},
		{unix.SYS_PRLIMIT64, []uint64{0, 7, 0, 1}, true},
		{unix.SYS_PRLIMIT64, []uint64{0, 7, 1 << 32, 1}, false},
		{unix.SYS_PRLIMIT64, []uint64{0, 7, 1, 1}, false},
		{unix.SYS_SOCKETPAIR, []uint64{unix.AF_UNIX, 1}, true},
		{unix.SYS_SOCKETPAIR, []uint64{unix.AF_TIPC, 1}, false},
		{unix.SYS_SENDTO, []uint64{3, 1, 1, 0, 0, 0}, true},
		{unix.SYS_SENDTO, []uint64{3, 1, 1, 0, 1 << 40, 16}, false},
	} {
		if got := answerOf(t, filter, auditArch, test.number, test.args...); (got == answerAllow) != test.allow {
			t.Errorf("system call %d with %#x: %#x, want allowed %v", test.number, test.args, got, test.allow)
		}
	}
}
