// Package faultfs is a test kit: a file system on a real folder that fails on
// demand and can lose what was not synced.
//
// Files are also there under their real names, so that a reader by path works.
// What changes them must go through the [FS].
package faultfs

import (
	"errors"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"

	"github.com/llmrouter-go/llmrouter/internal/vfs"
)

// ErrPowerCut is the error of every operation from a power cut on.
var ErrPowerCut = errors.New("faultfs: the power was cut")

// Kind says what an operation does.
type Kind string

// The operations that may change something or make it durable. Open is for
// writing; Write is that of any method.
const (
	Open     Kind = "open"
	Mkdir    Kind = "mkdir"
	Write    Kind = "write"
	Truncate Kind = "truncate"
	Chmod    Kind = "chmod"
	Sync     Kind = "sync"
	Rename   Kind = "rename"
	Remove   Kind = "remove"
	SyncDir  Kind = "syncdir"
	Lock     Kind = "lock"
)

// Op is an operation.
type Op struct {
	N    int // from 1, in order
	Kind Kind
	Name string // of a rename, the new one
	Size int    // of a write
}

// ShortWrite is the error of a write that puts only its first N bytes.
type ShortWrite struct {
	N   int
	Err error
}

func (e *ShortWrite) Error() string { return e.Err.Error() }

// Unwrap returns Err.
func (e *ShortWrite) Unwrap() error { return e.Err }

// At makes the n-th operation fail; a write puts half of its bytes. With
// ErrPowerCut it is the last one.
func At(n int, err error) func(Op) error {
	return func(op Op) error {
		switch {
		case op.N != n:
			return nil
		case op.Kind == Write && !errors.Is(err, ErrPowerCut):
			return &ShortWrite{op.Size / 2, err}
		}
		return err
	}
}

// Full makes writes fail with ENOSPC once so many bytes were written to files
// that match a pattern of path.Match; a write puts what there is room for.
func Full(pattern string, room int) func(Op) error {
	return func(op Op) error {
		if match, _ := filepath.Match(pattern, filepath.Base(op.Name)); op.Kind != Write || !match {
			return nil
		}
		if op.Size > room {
			n := room
			room = 0
			return &ShortWrite{n, syscall.ENOSPC}
		}
		room -= op.Size
		return nil
	}
}

// FS is a [vfs.FS]. It may be used by several goroutines.
type FS struct {
	os    vfs.OS
	root  string
	fault func(Op) error

	mu   sync.Mutex // guards what follows
	n    int        // operations so far
	cut  bool
	open []*file
	// names are the files and folders as they are, durable those that stable
	// storage guarantees, and changes leads from durable to names.
	names, durable map[string]*node
	changes        []change
}

// node is a file or a folder.
type node struct {
	folder bool
	synced []byte  // the content at the last sync
	writes []write // since then, in order
}

// write puts data at off or, with nil data, truncates to off.
type write struct {
	off  int64
	data []byte
}

// change gives names in a folder new nodes, nil for none.
type change struct {
	folder string
	names  map[string]*node
}

// New returns the file system of a folder and what is below it, which is taken
// to be durable. Renames stay within a folder. Fault, unless nil, is asked
// before each operation, one at a time; its error is that of the operation,
// which then does nothing unless the error is a *[ShortWrite].
func New(folder string, fault func(Op) error) (*FS, error) {
	f := &FS{fault: fault, names: map[string]*node{}}
	f.root = f.folder(folder)
	err := filepath.WalkDir(f.root, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		n := &node{folder: e.IsDir()}
		if !n.folder {
			n.synced, err = os.ReadFile(name)
		}
		f.names[name] = n
		return err
	})
	f.durable = maps.Clone(f.names)
	return f, err
}

// Ops returns the number of operations so far.
func (f *FS) Ops() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.n
}

// Synced returns the content of a file at its last sync, also after a power
// cut, whether the file's name was synced or not.
func (f *FS) Synced(name string) []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n := f.names[f.key(name)]; n != nil {
		return slices.Clone(n.synced)
	}
	return nil
}

// PowerCut puts the folder in a state in which a power cut may leave it, and
// makes all further operations fail. What was not synced is lost, survives, or
// does so in part, as the seed says: each change of a name for itself, and each
// write in whole, up to some byte, or as zeros.
func (f *FS) PowerCut(seed uint64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cut = true
	for _, open := range f.open {
		_ = open.File.Close()
	}
	r := rand.New(rand.NewPCG(seed, 1))
	chance := float64(r.IntN(3)) / 2 // to survive: never, half, always
	left := maps.Clone(f.durable)
	for _, c := range f.changes {
		if r.Float64() < chance {
			maps.Copy(left, c.names)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(left)) {
		if name != f.root && left[filepath.Dir(name)] == nil { // a folder that is lost takes all in it along
			left[name] = nil
		}
	}
	for _, name := range slices.Backward(slices.Sorted(maps.Keys(f.names))) {
		if f.names[name] != nil && left[name] == nil {
			if err := os.Remove(name); err != nil {
				return err
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(left)) {
		n := left[name]
		var err error
		switch {
		case n == nil:
		case n.folder:
			err = os.MkdirAll(name, 0o777)
		default:
			err = os.WriteFile(name, n.after(r, chance), 0o666)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// after returns the content after a power cut.
func (n *node) after(r *rand.Rand, chance float64) []byte {
	content := slices.Clone(n.synced)
	for _, w := range n.writes {
		if r.Float64() >= chance {
			continue
		}
		if chance < 1 && w.data != nil {
			switch size := len(w.data); r.IntN(3) {
			case 0:
				w.data = w.data[:r.IntN(size+1)]
			case 1: // the new length is there, the bytes are not
				w.data = slices.Concat(content, make([]byte, size+int(w.off)))[w.off : int(w.off)+size]
			}
		}
		content = w.apply(content)
	}
	return content
}

func (w write) apply(content []byte) []byte {
	size := int(w.off) + len(w.data)
	if len(content) < size {
		content = append(content, make([]byte, size-len(content))...)
	}
	copy(content[w.off:], w.data)
	if w.data == nil {
		return content[:size]
	}
	return content
}

// folder is the one spelling of a folder's name, key that of any name.
func (f *FS) folder(name string) string {
	if resolved, err := filepath.EvalSymlinks(name); err == nil {
		name = resolved
	}
	if abs, err := filepath.Abs(name); err == nil {
		name = abs
	}
	return name
}

func (f *FS) key(name string) string {
	return filepath.Join(f.folder(filepath.Dir(name)), filepath.Base(name))
}

// do runs an operation unless it is to fail, one at a time. Of a short write,
// run gets the number of bytes.
func (f *FS) do(op Op, run func(size int) error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.cut {
		return ErrPowerCut
	}
	f.n++
	op.N = f.n
	if f.fault == nil {
		return run(op.Size)
	}
	err := f.fault(op)
	if short, ok := errors.AsType[*ShortWrite](err); ok && op.Kind == Write {
		return errors.Join(err, run(short.N))
	}
	if err != nil {
		f.cut = errors.Is(err, ErrPowerCut)
		return err
	}
	return run(op.Size)
}

// look runs what changes nothing.
func look[T any](f *FS, run func() (T, error)) (T, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.cut {
		var none T
		return none, ErrPowerCut
	}
	return run()
}

// set gives names of one folder new nodes and notes the change.
func (f *FS) set(folder string, names map[string]*node) {
	maps.Copy(f.names, names)
	f.changes = append(f.changes, change{folder, names})
}

// OpenFile implements [vfs.FS].
func (f *FS) OpenFile(name string, flag int, perm fs.FileMode) (vfs.File, error) {
	open := &file{fs: f}
	run := func(int) (err error) {
		if open.File, err = f.os.OpenFile(name, flag, perm); err != nil {
			return err
		}
		key := f.key(name)
		if f.names[key] == nil {
			f.set(filepath.Dir(key), map[string]*node{key: {}})
		}
		open.node = f.names[key]
		f.open = append(f.open, open)
		return nil
	}
	var err error
	if flag&(os.O_WRONLY|os.O_RDWR) != 0 {
		err = f.do(Op{Kind: Open, Name: name}, run)
	} else {
		_, err = look(f, func() (any, error) { return nil, run(0) })
	}
	if err != nil {
		return nil, err
	}
	return open, nil
}

// Mkdir implements [vfs.FS].
func (f *FS) Mkdir(name string, perm fs.FileMode) error {
	return f.do(Op{Kind: Mkdir, Name: name}, func(int) error {
		err := f.os.Mkdir(name, perm)
		if err == nil {
			f.set(f.folder(filepath.Dir(name)), map[string]*node{f.key(name): {folder: true}})
		}
		return err
	})
}

// Rename implements [vfs.FS].
func (f *FS) Rename(from, to string) error {
	return f.do(Op{Kind: Rename, Name: to}, func(int) error {
		err := f.os.Rename(from, to)
		if err == nil {
			f.set(f.folder(filepath.Dir(to)), map[string]*node{f.key(to): f.names[f.key(from)], f.key(from): nil})
		}
		return err
	})
}

// Remove implements [vfs.FS].
func (f *FS) Remove(name string) error {
	return f.do(Op{Kind: Remove, Name: name}, func(int) error {
		err := f.os.Remove(name)
		if err == nil {
			f.set(f.folder(filepath.Dir(name)), map[string]*node{f.key(name): nil})
		}
		return err
	})
}

// SyncDir implements [vfs.FS].
func (f *FS) SyncDir(name string) error {
	return f.do(Op{Kind: SyncDir, Name: name}, func(int) error {
		folder := f.folder(name)
		f.changes = slices.DeleteFunc(f.changes, func(c change) bool {
			if c.folder != folder {
				return false
			}
			maps.Copy(f.durable, c.names)
			return true
		})
		return nil
	})
}

// TryLock implements [vfs.FS].
func (f *FS) TryLock(locked vfs.File) error {
	return f.do(Op{Kind: Lock, Name: locked.Name()}, func(int) error { return f.os.TryLock(locked.(*file).File) })
}

// Unlock implements [vfs.FS].
func (f *FS) Unlock(locked vfs.File) error {
	_, err := look(f, func() (any, error) { return nil, f.os.Unlock(locked.(*file).File) })
	return err
}

// file is an open file; it is written at the place of Write or by WriteAt, not
// in both ways.
type file struct {
	vfs.File // the real one
	fs       *FS
	node     *node
	at       int64 // of the next Write
}

func (f *file) ReadAt(b []byte, off int64) (int, error) {
	return look(f.fs, func() (int, error) { return f.File.ReadAt(b, off) })
}

func (f *file) WriteAt(b []byte, off int64) (n int, err error) {
	err = f.fs.do(Op{Kind: Write, Name: f.Name(), Size: len(b)}, func(size int) (err error) {
		n, err = f.File.WriteAt(b[:size], off)
		f.node.writes = append(f.node.writes, write{off, slices.Clone(b[:n])})
		return err
	})
	return n, err
}

func (f *file) Write(b []byte) (int, error) {
	n, err := f.WriteAt(b, f.at)
	f.at += int64(n)
	return n, err
}

func (f *file) Truncate(size int64) error {
	return f.fs.do(Op{Kind: Truncate, Name: f.Name()}, func(int) error {
		err := f.File.Truncate(size)
		if err == nil {
			f.node.writes = append(f.node.writes, write{off: size})
		}
		return err
	})
}

// Sync syncs what a power cut leaves, not the real file, which is slow.
func (f *file) Sync() error {
	return f.fs.do(Op{Kind: Sync, Name: f.Name()}, func(int) error {
		for _, w := range f.node.writes {
			f.node.synced = w.apply(f.node.synced)
		}
		f.node.writes = nil
		return nil
	})
}

func (f *file) Chmod(mode fs.FileMode) error {
	return f.fs.do(Op{Kind: Chmod, Name: f.Name()}, func(int) error { return f.File.Chmod(mode) })
}

func (f *file) Close() error {
	_, err := look(f.fs, func() (any, error) {
		f.fs.open = slices.DeleteFunc(f.fs.open, func(open *file) bool { return open == f })
		return nil, f.File.Close()
	})
	return err
}
