//go:build amd64 || arm64

package codeeval

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// hostKind is a machine as programs meet it, made of this one.
type hostKind struct {
	name string
	want string // part of the sandbox's name
	// process is what the process that opens the sandbox is to be.
	process syscall.SysProcAttr
	// prepare changes that process, before it opens the sandbox.
	prepare func() error
}

func hostKinds() []hostKind {
	one := []syscall.SysProcIDMap{{ContainerID: 0, HostID: 0, Size: 1}}
	two := append(one, syscall.SysProcIDMap{ContainerID: nobody, HostID: nobody, Size: 1})
	return []hostKind{
		{
			name: "a container's root whom a filter refuses namespaces", want: "landlock",
			prepare: refuseNamespaces,
		},
		{
			name: "a container's user whom a filter refuses namespaces", want: "landlock",
			prepare: func() error { return errors.Join(refuseNamespaces(), syscall.Setgid(nobody), syscall.Setuid(nobody)) },
		},
		{
			name: "a container's root without capabilities", want: "landlock",
			prepare: func() error { return errors.Join(refuseNamespaces(), dropCapabilities()) },
		},
		{
			name: "a user where there may be no user namespaces", want: "landlock",
			process: syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWUSER, UidMappings: two, GidMappings: two},
			prepare: func() error {
				err := os.WriteFile("/proc/sys/user/max_user_namespaces", []byte("0"), 0)
				return errors.Join(err, syscall.Setgid(nobody), syscall.Setuid(nobody))
			},
		},
		{
			name: "the root of a user namespace that has one user", want: "namespaces",
			process: syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWUSER, UidMappings: one, GidMappings: one},
			prepare: func() error { return nil },
		},
		{
			name: "root on a read-only file system with hardly a directory", want: "namespaces",
			process: syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNS},
			prepare: bareRoot,
		},
		{
			name: "a user on a read-only file system with hardly a directory", want: "native",
			process: syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNS},
			prepare: func() error { return errors.Join(bareRoot(), syscall.Setgid(nobody), syscall.Setuid(nobody)) },
		},
	}
}

// TestHostKinds opens the default sandbox on hosts that refuse this or that.
func TestHostKinds(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("-short")
	}
	if os.Geteuid() != 0 {
		t.Skip("only root can make such hosts")
	}
	everybodys := newPythons("/usr/bin/python3") // which everybody may use
	if _, ok := everybodys.at(context.Background(), 0); !ok {
		t.Skip(everybodys.missing())
	}
	for _, kind := range hostKinds() {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command("/proc/self/exe", "-test.run", "^TestOnHostKind$", "-test.v")
			dir := t.TempDir()
			for name := dir; name != os.TempDir() && name != "/"; name = filepath.Dir(name) {
				if err := os.Chmod(name, 0o755); err != nil { // for users other than this one
					t.Fatal(err)
				}
			}
			cmd.Env = append(os.Environ(), "CODEEVAL_TEST_KIND="+kind.name, "TMPDIR="+dir)
			cmd.SysProcAttr = &kind.process
			out, err := cmd.CombinedOutput()
			switch {
			case errors.Is(err, syscall.EPERM) && len(out) == 0 || strings.Contains(string(out), "--- SKIP"):
				t.Skipf("cannot be made here: %v\n%s", err, out)
			case err != nil:
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

func TestOnHostKind(t *testing.T) {
	for _, kind := range hostKinds() {
		if kind.name != os.Getenv("CODEEVAL_TEST_KIND") {
			continue
		}
		if os.Getenv("CODEEVAL_TEST_PREPARED") == "" {
			// A filter and capabilities are a thread's; the program that the
			// thread becomes has them as a whole.
			runtime.LockOSThread()
			if err := kind.prepare(); err != nil {
				t.Skip(err)
			}
			t.Fatal(syscall.Exec("/proc/self/exe", os.Args, append(os.Environ(), "CODEEVAL_TEST_PREPARED=1")))
		}
		sb, err := OpenNative(context.Background(), &NativeOptions{Python: "/usr/bin/python3", Workers: 1, TimeLimit: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		defer sb.Close()
		if !strings.Contains(sb.Name(), kind.want) {
			t.Errorf("it is %s, want %s", sb.Name(), kind.want)
		}
		for _, a := range attacks(t) {
			switch a.name {
			case "loop", "fork", "standard-names", "environment-variables", "installed-packages", "threads-left-running":
				if v, err := sb.Run(context.Background(), a.program); err != nil || (v.Outcome == Passed) != (a.kind == "right") {
					t.Errorf("%s: %+v, %v", a.name, v, err)
				}
			}
		}
		return
	}
	t.Skip("a part of TestHostKinds")
}

// refuseNamespaces installs a filter such as containers have: no mounts, no
// namespaces.
func refuseNamespaces() error {
	const spaces = unix.CLONE_NEWNS | unix.CLONE_NEWCGROUP | unix.CLONE_NEWUTS |
		unix.CLONE_NEWIPC | unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNET
	code := block{statement(bpfLoad, offsetNumber)}
	for _, n := range []uint32{unix.SYS_MOUNT, unix.SYS_UMOUNT2, unix.SYS_PIVOT_ROOT, unix.SYS_UNSHARE, unix.SYS_SETNS, unix.SYS_MOUNT_SETATTR} {
		code = append(code, jump(bpfEqual, n, 0, 1), statement(bpfReturn, answerEPERM))
	}
	code = append(code, jump(bpfEqual, unix.SYS_CLONE3, 0, 1), statement(bpfReturn, answerNoSys),
		jump(bpfEqual, unix.SYS_CLONE, 1, 0), statement(bpfReturn, answerAllow),
		statement(bpfLoad, low(0)), jump(bpfAnyBit, spaces, 0, 1), statement(bpfReturn, answerEPERM),
		statement(bpfReturn, answerAllow))
	program := unix.SockFprog{Len: uint16(len(code)), Filter: &code[0]}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("no_new_privs: %w", err)
	}
	if _, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(&program))); errno != 0 {
		return fmt.Errorf("seccomp: %w", errno)
	}
	return nil
}

// dropCapabilities takes all capabilities from this thread.
func dropCapabilities() error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var none [2]unix.CapUserData
	for i := uintptr(0); i <= unix.CAP_LAST_CAP; i++ { // for the programs that it starts
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, i, 0, 0, 0); err != nil {
			return fmt.Errorf("capability %d: %w", i, err)
		}
	}
	if err := unix.Capset(&header, &none[0]); err != nil {
		return fmt.Errorf("capset: %w", err)
	}
	return nil
}

// bareRoot makes the root a read-only file system with nothing but what an
// interpreter needs: no place for temporary files, two devices.
func bareRoot() error {
	root, err := os.MkdirTemp("", "codeeval-root-*")
	if err != nil {
		return err
	}
	mount := func(source, target, kind string, flags uintptr) {
		if err != nil {
			return
		}
		target = filepath.Join(root, target)
		if info, statErr := os.Stat(source); source != "" && statErr == nil && !info.IsDir() {
			err = errors.Join(os.MkdirAll(filepath.Dir(target), 0o755), os.WriteFile(target, nil, 0o644))
		} else if kind == "" {
			err = os.MkdirAll(target, 0o755)
		}
		if err == nil {
			if err = unix.Mount(source, target, kind, flags, ""); err != nil {
				err = fmt.Errorf("mounting %s: %w", target, err)
			}
		}
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	mount("tmpfs", "/", "tmpfs", 0)
	for _, path := range []string{"/usr", "/dev/null", "/dev/urandom", "/proc"} {
		mount(path, path, "", unix.MS_BIND|unix.MS_REC)
	}
	for _, name := range []string{"/bin", "/lib", "/lib64"} {
		if target, linkErr := os.Readlink(name); linkErr == nil {
			err = errors.Join(err, os.Symlink(target, filepath.Join(root, name)))
		} else if _, statErr := os.Stat(name); statErr == nil {
			mount(name, name, "", unix.MS_BIND|unix.MS_REC)
		}
	}
	mount("", "/", "", unix.MS_REMOUNT|unix.MS_RDONLY)
	if err != nil {
		return err
	}
	if err := os.Chdir(root); err != nil {
		return err
	}
	return errors.Join(syscall.Chroot("."), os.Chdir("/"))
}
