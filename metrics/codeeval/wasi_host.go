package codeeval

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"io"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/sys"
)

// What the guest's world consists of: arguments, an environment, two clocks,
// random numbers, and three descriptors, one to read and two to write. Every
// other WASI function answers an error. No state of a program is kept here, so
// none can be left for the next: descriptors cannot be closed.

// WASI's error numbers.
const (
	wasiOK         = 0
	wasiBadF       = 8
	wasiFault      = 21
	wasiInvalid    = 28
	wasiIO         = 29
	wasiNoSys      = 52
	wasiSeekPipe   = 70
	wasiNotCapable = 76
)

// streams are the descriptors 0, 1 and 2 of one call into the guest.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

type streamsKey struct{}

func withStreams(ctx context.Context, s *streams) context.Context {
	return context.WithValue(ctx, streamsKey{}, s)
}

var (
	guestArguments   = []string{"python", "-B", "-S", "-s", "-c"} // then the source
	guestEnvironment = []string{"PYTHONHASHSEED=0", "PYTHONUTF8=1", "LC_ALL=C.UTF-8"}
)

// wasiHost builds the host module for the functions that compiled imports.
func wasiHost(ctx context.Context, r wazero.Runtime, compiled wazero.CompiledModule, source string) error {
	started := time.Now()
	functions := map[string]api.GoModuleFunc{
		"args_sizes_get":    listSizes(append(guestArguments[:len(guestArguments):len(guestArguments)], source)),
		"args_get":          listGet(append(guestArguments[:len(guestArguments):len(guestArguments)], source)),
		"environ_sizes_get": listSizes(guestEnvironment),
		"environ_get":       listGet(guestEnvironment),
		"clock_res_get": func(_ context.Context, m api.Module, p []uint64) {
			p[0] = stored(m.Memory().WriteUint64Le(uint32(p[1]), 1000))
		},
		"clock_time_get": func(_ context.Context, m api.Module, p []uint64) {
			now := uint64(time.Since(started))
			if uint32(p[0]) == 0 {
				now = uint64(time.Now().UnixNano())
			}
			p[0] = stored(m.Memory().WriteUint64Le(uint32(p[2]), now))
		},
		"random_get": func(_ context.Context, m api.Module, p []uint64) {
			buf, ok := m.Memory().Read(uint32(p[0]), uint32(p[1]))
			if ok {
				rand.Read(buf)
			}
			p[0] = stored(ok)
		},
		"fd_read":       fdRead,
		"fd_write":      fdWrite,
		"fd_fdstat_get": fdStat,
		"fd_filestat_get": func(_ context.Context, m api.Module, p []uint64) {
			if uint32(p[0]) > 2 {
				p[0] = wasiBadF
				return
			}
			var stat [64]byte
			stat[16] = 2 // a character device
			p[0] = stored(m.Memory().Write(uint32(p[1]), stat[:]))
		},
		"fd_close":            onStream(wasiOK),
		"fd_fdstat_set_flags": onStream(wasiOK),
		"fd_seek":             onStream(wasiSeekPipe),
		"fd_tell":             onStream(wasiSeekPipe),
		pauseImport:           pause,
		// The module stays open: its memory is put back for the next job.
		"proc_exit": func(_ context.Context, _ api.Module, p []uint64) {
			panic(sys.NewExitError(uint32(p[0])))
		},
	}
	builders := map[string]wazero.HostModuleBuilder{}
	for _, imported := range compiled.ImportedFunctions() {
		module, name, _ := imported.Import()
		if builders[module] == nil {
			builders[module] = r.NewHostModuleBuilder(module)
		}
		function, known := functions[name]
		if !known {
			function = refusal(name)
		}
		builders[module].NewFunctionBuilder().
			WithGoModuleFunction(function, imported.ParamTypes(), imported.ResultTypes()).Export(name)
	}
	for _, b := range builders {
		if _, err := b.Instantiate(ctx); err != nil {
			return err
		}
	}
	return nil
}

// errStopped unwinds a guest whose context has ended.
var errStopped = errors.New("stopped")

// pause is what a guest calls every pauseSteps. Being here is a chance for Go's
// scheduler and collector, which have to wait for compiled code; and whoever
// ended the context gets the guest stopped.
func pause(ctx context.Context, _ api.Module, p []uint64) {
	if ctx.Err() != nil {
		panic(errStopped)
	}
	p[0] = wasiOK
}

// refusal answers the functions that the guest does not get.
func refusal(name string) api.GoModuleFunc {
	var errno uint64 = wasiNoSys
	switch {
	case len(name) > 3 && name[:3] == "fd_":
		errno = wasiBadF
	case len(name) > 5 && name[:5] == "path_":
		errno = wasiNotCapable
	}
	return func(_ context.Context, _ api.Module, p []uint64) {
		if len(p) > 0 {
			p[0] = errno
		}
	}
}

// onStream answers errno for the three descriptors.
func onStream(errno uint64) api.GoModuleFunc {
	return func(_ context.Context, _ api.Module, p []uint64) {
		if uint32(p[0]) > 2 {
			errno := uint64(wasiBadF)
			p[0] = errno
			return
		}
		p[0] = errno
	}
}

func stored(ok bool) uint64 {
	if !ok {
		return wasiFault
	}
	return wasiOK
}

func listSizes(list []string) api.GoModuleFunc {
	size := 0
	for _, s := range list {
		size += len(s) + 1
	}
	return func(_ context.Context, m api.Module, p []uint64) {
		ok := m.Memory().WriteUint32Le(uint32(p[0]), uint32(len(list))) &&
			m.Memory().WriteUint32Le(uint32(p[1]), uint32(size))
		p[0] = stored(ok)
	}
}

func listGet(list []string) api.GoModuleFunc {
	return func(_ context.Context, m api.Module, p []uint64) {
		pointers, at := uint32(p[0]), uint32(p[1])
		ok := true
		for i, s := range list {
			ok = ok && m.Memory().WriteUint32Le(pointers+4*uint32(i), at) &&
				m.Memory().WriteString(at, s+"\x00")
			at += uint32(len(s)) + 1
		}
		p[0] = stored(ok)
	}
}

func fdStat(_ context.Context, m api.Module, p []uint64) {
	fd := uint32(p[0])
	if fd > 2 {
		p[0] = wasiBadF
		return
	}
	var stat [24]byte
	stat[0] = 2      // a character device
	rights := 1 << 1 // to read
	if fd > 0 {
		rights = 1 << 6 // to write
	}
	binary.LittleEndian.PutUint64(stat[8:], uint64(rights))
	p[0] = stored(m.Memory().Write(uint32(p[1]), stat[:]))
}

// vectors calls use for each buffer of a scatter or gather list, until it says
// to stop.
func vectors(m api.Memory, list, count uint32, use func([]byte) (more bool)) (ok bool) {
	for i := range count {
		at, ok1 := m.ReadUint32Le(list + 8*i)
		size, ok2 := m.ReadUint32Le(list + 8*i + 4)
		if !ok1 || !ok2 {
			return false
		}
		buf, ok := m.Read(at, size)
		if !ok {
			return false
		}
		if !use(buf) {
			return true
		}
	}
	return true
}

func fdRead(ctx context.Context, m api.Module, p []uint64) {
	s, _ := ctx.Value(streamsKey{}).(*streams)
	if uint32(p[0]) != 0 || s == nil {
		p[0] = wasiBadF
		return
	}
	total, failed := 0, false
	ok := vectors(m.Memory(), uint32(p[1]), uint32(p[2]), func(buf []byte) bool {
		if len(buf) == 0 || s.in == nil {
			return true
		}
		n, err := s.in.Read(buf)
		total += n
		failed = err != nil && err != io.EOF && total == 0
		return n == len(buf) && err == nil
	})
	switch {
	case !ok:
		p[0] = wasiFault
	case failed:
		p[0] = wasiIO
	default:
		p[0] = stored(m.Memory().WriteUint32Le(uint32(p[3]), uint32(total)))
	}
}

func fdWrite(ctx context.Context, m api.Module, p []uint64) {
	s, _ := ctx.Value(streamsKey{}).(*streams)
	fd := uint32(p[0])
	if fd != 1 && fd != 2 || s == nil {
		p[0] = wasiBadF
		return
	}
	w := s.out
	if fd == 2 {
		w = s.err
	}
	total, failed := 0, false
	ok := vectors(m.Memory(), uint32(p[1]), uint32(p[2]), func(buf []byte) bool {
		if w != nil {
			if _, err := w.Write(buf); err != nil {
				failed = true
				return false
			}
		}
		total += len(buf)
		return true
	})
	switch {
	case !ok:
		p[0] = wasiFault
	case failed:
		p[0] = wasiIO
	default:
		p[0] = stored(m.Memory().WriteUint32Le(uint32(p[3]), uint32(total)))
	}
}
