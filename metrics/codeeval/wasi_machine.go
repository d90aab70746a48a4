package codeeval

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
	"github.com/tetratelabs/wazero/experimental/table"
	"github.com/tetratelabs/wazero/sys"
)

// The layout of CPython 3.12.0 for wasm32, as far as we look into it.
const (
	offsetTypeCall     = 64 // PyTypeObject.tp_call, an index into the table
	offsetRefCount     = 0  // PyObject.ob_refcnt
	offsetByteArrayPtr = 16 // PyByteArrayObject.ob_bytes
)

// recursionMark is the number by which the interpreter's counters are found.
const recursionMark = 765432

// machine is the compiled module and the snapshot of the booted guest.
type machine struct {
	runtime  wazero.Runtime
	cache    wazero.CompilationCache
	compiled wazero.CompiledModule
	limit    uint64 // bytes of memory of an instance
	snapshot snapshot
	entry    guestEntry
	loaded   bool // the snapshot is an image's, not booted by this process

	mu     sync.RWMutex // held for reading while an instance is in use
	closed bool
}

// guestEntry is what the boot tells of where things lie.
type guestEntry struct {
	Job       uint32 `json:"job"`       // the function object
	Arguments uint32 `json:"arguments"` // the empty tuple
	Type      uint32 `json:"type"`      // the type of functions
	Stack     uint32 `json:"stack"`     // a bytearray

	call     uint32 // table index of the type's tp_call
	stackLow uint32 // lowest address of the stack
}

// bootMachine compiles the module, and boots the guest or takes up its image.
func bootMachine(ctx context.Context, o *WASIOptions, module []byte, kept images) (_ *machine, err error) {
	m := &machine{limit: uint64(o.MemoryLimit) / wasmPage * wasmPage}
	defer func() {
		// wazero panics where it has no compiler.
		if r := recover(); r != nil {
			err = fmt.Errorf("wazero: %v", r)
		}
		if err != nil {
			m.close()
		}
	}()
	config := wazero.NewRuntimeConfigCompiler().
		WithMemoryLimitPages(uint32(m.limit / wasmPage)).
		WithDebugInfoEnabled(false)
	if m.cache = compilationCache(o); m.cache != nil {
		config = config.WithCompilationCache(m.cache)
	}
	started := time.Now()
	m.runtime = wazero.NewRuntimeWithConfig(ctx, config)
	if m.compiled, err = m.runtime.CompileModule(ctx, module); err != nil {
		return nil, fmt.Errorf("compiling: %w", err)
	}
	compiled := time.Now()
	if err := wasiHost(ctx, m.runtime, m.compiled, wasiSource); err != nil {
		return nil, fmt.Errorf("linking: %w", err)
	}
	if err := m.start(ctx, o, kept); err != nil {
		return nil, fmt.Errorf("booting: %w", err)
	}
	o.Logger.Info("wasi sandbox ready", "compile", compiled.Sub(started), "boot", time.Since(compiled), "kept", m.loaded,
		"snapshot", m.snapshot.size())
	return m, nil
}

// start makes the snapshot, of the image that is kept or by booting, and keeps
// the image for the next start.
func (m *machine) start(ctx context.Context, o *WASIOptions, kept images) error {
	config, err := framed(map[string]any{
		"harness": harnessSource, "strict": strictSource, "imports": commonImports,
		"spare": guestSpare, "stack": guestStack + guestGuard, "mark": recursionMark,
	})
	if err != nil {
		return err
	}
	key := bootKey(config)
	var memory []byte
	m.entry, memory, err = kept.load(key, m.limit)
	if m.loaded = err == nil; !m.loaded {
		if !errors.Is(err, os.ErrNotExist) {
			o.Logger.Info("the kept interpreter is not used", "error", err)
		}
		if memory, err = m.boot(ctx, config); err != nil {
			return err
		}
		if err := kept.keep(key, m.entry, memory); err != nil {
			o.Logger.Info("the booted interpreter is not kept", "error", err)
		}
	}
	if o.copied {
		m.snapshot = &copiedSnapshot{memory}
		return nil
	}
	m.snapshot, err = newSnapshot(memory)
	return err
}

// boot runs the guest's start and returns its memory.
func (m *machine) boot(ctx context.Context, config []byte) ([]byte, error) {
	said := &bytes.Buffer{}
	ctx = withStreams(ctx, &streams{in: bytes.NewReader(config), err: said})
	plain := &copiedSnapshot{}
	mod, err := m.instantiate(ctx, plain.newMemory(m.limit))
	if err != nil {
		return nil, err
	}
	defer mod.Close(context.WithoutCancel(ctx))
	_, err = mod.ExportedFunction("_start").Call(ctx)
	if exit := (*sys.ExitError)(nil); !errors.As(err, &exit) || exit.ExitCode() != 0 {
		return nil, fmt.Errorf("the interpreter ended early (%v): %.300q", err, said)
	}
	m.entry = guestEntry{}
	if err := json.Unmarshal(said.Bytes(), &m.entry); err != nil {
		return nil, fmt.Errorf("%w: %.300q", err, said)
	}
	memory, ok := mod.Memory().Read(0, mod.Memory().Size())
	if !ok {
		return nil, errors.New("no memory")
	}
	memory = bytes.Clone(memory)
	return memory, m.entry.prepare(memory)
}

// locate reads where things lie that the boot did not tell.
func (e *guestEntry) locate(memory []byte) error {
	word := func(at uint32) (uint32, error) {
		if uint64(at)+4 > uint64(len(memory)) {
			return 0, errors.New("an address outside of the memory")
		}
		return binary.LittleEndian.Uint32(memory[at:]), nil
	}
	var err1, err2, err3 error
	e.call, err1 = word(e.Type + offsetTypeCall)
	_, err2 = word(e.Stack + offsetRefCount)
	e.stackLow, err3 = word(e.Stack + offsetByteArrayPtr)
	if err := errors.Join(err1, err2, err3); err != nil {
		return err
	}
	if uint64(e.stackLow)+guestStack+guestGuard > uint64(len(memory)) {
		return errors.New("the stack is not where it should be")
	}
	return nil
}

// prepare locates things, and makes the changes that the guest cannot make
// itself.
func (e *guestEntry) prepare(memory []byte) error {
	if err := e.locate(memory); err != nil {
		return err
	}
	references := binary.LittleEndian.Uint32(memory[e.Stack+offsetRefCount:])
	if references == 0 || references > 8 {
		return errors.New("the stack is not where it should be")
	}
	counters, err := recursionCounters(memory)
	if err != nil {
		return err
	}
	// Nobody in the guest knows the stack, and nothing frees it.
	binary.LittleEndian.PutUint32(memory[e.Stack+offsetRefCount:], 1<<30)
	binary.LittleEndian.PutUint32(memory[counters+4:], guestRecursion)
	return nil
}

// recursionCounters finds the recursion limit in PyThreadState, which holds, in
// this order: the frames that are left, the recursion limit, the C calls that
// are left, the head room.
func recursionCounters(memory []byte) (limit int, err error) {
	found := 0
	for at := 4; at+12 <= len(memory); at += 4 {
		if binary.LittleEndian.Uint32(memory[at:]) != recursionMark {
			continue
		}
		left := binary.LittleEndian.Uint32(memory[at-4:])
		calls := binary.LittleEndian.Uint32(memory[at+4:])
		room := binary.LittleEndian.Uint32(memory[at+8:])
		if left <= recursionMark && left > recursionMark-200 && calls > 300 && calls <= 500 && room == 0 {
			limit = at
			found++
		}
	}
	if found != 1 {
		return 0, fmt.Errorf("found %d recursion counters instead of one", found)
	}
	return limit, nil
}

func (m *machine) instantiate(ctx context.Context, memory experimental.LinearMemory) (api.Module, error) {
	ctx = experimental.WithMemoryAllocator(ctx, experimental.MemoryAllocatorFunc(
		func(uint64, uint64) experimental.LinearMemory { return memory }))
	return m.runtime.InstantiateModule(ctx, m.compiled, wazero.NewModuleConfig().WithName("").WithStartFunctions())
}

// close frees everything, once no instance is in use.
func (m *machine) close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil
	}
	m.closed = true
	ctx := context.Background()
	var errs []error
	if m.runtime != nil {
		errs = append(errs, m.runtime.Close(ctx))
	}
	if m.cache != nil {
		errs = append(errs, m.cache.Close(ctx))
	}
	if m.snapshot != nil {
		m.snapshot.close()
	}
	return errors.Join(errs...)
}

// instance is a copy of the booted guest. One goroutine at a time uses it.
type instance struct {
	machine *machine
	memory  guestMemory
	module  api.Module
	stack   api.MutableGlobal
}

// newInstance makes a copy of the booted guest.
func (m *machine) newInstance(ctx context.Context) (*instance, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.closed {
		return nil, ErrClosed
	}
	in := &instance{machine: m, memory: m.snapshot.newMemory(m.limit)}
	var err error
	if in.module, err = m.instantiate(ctx, in.memory); err != nil {
		return nil, fmt.Errorf("new instance: %w", err)
	}
	pages := uint32(m.snapshot.size() / wasmPage)
	memory := in.module.Memory()
	if _, ok := memory.Grow(pages - memory.Size()/wasmPage); !ok {
		in.close()
		return nil, errors.New("new instance: not enough memory")
	}
	if err := in.memory.attach(); err != nil {
		in.close()
		return nil, fmt.Errorf("new instance: %w", err)
	}
	global, ok := in.module.ExportedGlobal(stackPointer).(api.MutableGlobal)
	if !ok {
		in.close()
		return nil, errors.New("new instance: no stack pointer")
	}
	in.stack = global
	return in, nil
}

// close frees the instance. A module that the end of a context closed has not
// always freed its memory.
func (in *instance) close() {
	in.module.Close(context.Background())
	in.memory.Free()
}

// reset puts the memory back as it was after the boot.
func (in *instance) reset() error { return in.memory.reset() }

// ending says how a call into the guest ended.
type ending struct {
	late    bool   // the context ended first
	trap    string // what the guest did that WebAssembly forbids
	overran bool   // the stack grew past its end
}

// call runs the guest's job function. fit says whether the instance can be
// used again after a reset.
func (in *instance) call(ctx context.Context, s *streams) (end ending, fit bool) {
	m := in.machine
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.closed {
		return ending{late: true}, false
	}
	e := m.entry
	in.stack.Set(uint64((e.stackLow + guestGuard + guestStack - 16) &^ 15))
	i32 := api.ValueTypeI32
	function := table.LookupFunction(in.module, 0, e.call, []api.ValueType{i32, i32, i32}, []api.ValueType{i32})
	_, err := function.Call(withStreams(ctx, s), uint64(e.Job), uint64(e.Arguments), 0)
	exit := (*sys.ExitError)(nil)
	exited := errors.As(err, &exit)
	stopped := errors.Is(err, errStopped)
	end.late = stopped || ctx.Err() != nil
	guard, ok := in.module.Memory().Read(e.stackLow, guestGuard)
	end.overran = !ok || slices.ContainsFunc(guard, func(b byte) bool { return b != 0 })
	if err != nil && !exited && !stopped {
		end.trap, _, _ = strings.Cut(err.Error(), "\n")
		end.trap = strings.TrimSuffix(end.trap, " (recovered by wazero)")
	}
	// A memory that has grown cannot shrink.
	return end, (exited || stopped) && !end.overran && int(in.module.Memory().Size()) == m.snapshot.size()
}
