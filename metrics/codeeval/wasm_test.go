package codeeval

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// wasm joins sections of a module.
func wasm(sections ...string) []byte {
	b := []byte(wasmHeader)
	for _, s := range sections {
		b = append(b, s...)
	}
	return b
}

// section is a section with the size of its body.
func section(id byte, body string) string {
	return string(binary.AppendUvarint([]byte{id}, uint64(len(body)))) + body
}

// The sections of a small module.
var (
	customSection   = section(wasmCustomSection, "\x04name")
	typeSection     = section(wasmTypeSection, "\x03\x60\x00\x01\x7f\x60\x00\x00\x60\x01\x7f\x01\x7f") // () i32; () (); (i32) i32
	yieldSection    = section(wasmImportSection, "\x01\x03env\x0bsched_yield\x00\x00")
	functionSection = section(wasmFunctionSection, "\x02\x02\x02")
	tableSection    = section(4, "\x01\x70\x00\x02")
	memorySection   = section(5, "\x01\x00\x01")
	globalSection   = section(wasmGlobalSection, "\x01\x7f\x01\x41\x00\x0b")
	exportSection   = section(wasmExportSection, "\x02\x05count\x00\x01\x03sum\x00\x02")
	elementSection  = section(9, "\x01\x00\x41\x00\x0b\x02\x01\x02")
	// count(n) counts n down to 0 in a loop. sum(n) is n < 2 ? n : sum(n-1) +
	// sum(n-2), both called by reference.
	countCode   = "\x00\x03\x40\x20\x00\x41\x01\x6b\x22\x00\x0d\x00\x0b\x20\x00\x0b"
	sumCode     = "\x00\x20\x00\x41\x02\x48\x04\x7f\x20\x00\x05\x20\x00\x41\x01\x6b\x41\x01\x11\x02\x00\x20\x00\x41\x02\x6b\x41\x01\x11\x02\x00\x6a\x0b\x0b"
	codeSection = section(wasmCodeSection, "\x02"+string(rune(len(countCode)))+countCode+string(rune(len(sumCode)))+sumCode)
)

func smallModule() []byte {
	return wasm(customSection, typeSection, yieldSection, functionSection, tableSection, memorySection,
		globalSection, exportSection, customSection, elementSection, codeSection)
}

// TestStripModule: custom sections go, and nothing else.
func TestStripModule(t *testing.T) {
	sections, stripped, err := stripModule(smallModule())
	if err != nil {
		t.Fatal(err)
	}
	want := wasm(typeSection, yieldSection, functionSection, tableSection, memorySection, globalSection, exportSection, elementSection, codeSection)
	if len(sections) != 9 || !bytes.Equal(stripped, want) {
		t.Errorf("%d sections, stripped %q, want %q", len(sections), stripped, want)
	}
	// What has been stripped before is known as the same module.
	if _, again, err := stripModule(stripped); err != nil || !bytes.Equal(again, stripped) {
		t.Errorf("stripped twice: %q, %v", again, err)
	}
	for _, bad := range [][]byte{nil, []byte("\x00asm"), wasm("\x07"), wasm("\x07\x05\x01"), wasm("\x05\x80\x80\x80\x80\x80\x80\x01")} {
		if _, _, err := stripModule(bad); !errors.Is(err, errWasm) {
			t.Errorf("%q: %v", bad, err)
		}
		if err := CheckWASIModule(bad); !errors.Is(err, ErrWASIModule) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if err := CheckWASIModule(smallModule()); !errors.Is(err, ErrWASIModule) {
		t.Errorf("another module: %v", err)
	}
}

// patchedSmall is a module patched, in a runtime with a host function that
// counts its calls and may end the guest.
func patchedSmall(t *testing.T, module []byte, pause func()) api.Module {
	t.Helper()
	sections, _, err := stripModule(module)
	if err != nil {
		t.Fatal(err)
	}
	patched, err := patchModule(sections)
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	r := wazero.NewRuntime(ctx)
	t.Cleanup(func() { r.Close(ctx) })
	_, err = r.NewHostModuleBuilder("env").NewFunctionBuilder().
		WithFunc(func() uint32 { pause(); return 7 }).Export(pauseImport).Instantiate(ctx)
	if err != nil {
		t.Fatal(err)
	}
	m, err := r.Instantiate(ctx, patched)
	if err != nil {
		t.Fatalf("%v\n%q", err, patched)
	}
	return m
}

// TestPatchModule: patched code computes what it did, and lets the host in once
// every pauseSteps rounds of a loop and calls by reference; what never ends on
// its own is ended then.
func TestPatchModule(t *testing.T) {
	ctx := context.Background()
	pauses := 0
	m := patchedSmall(t, smallModule(), func() { pauses++ })
	if g, ok := m.ExportedGlobal(stackPointer).(api.MutableGlobal); !ok || g.Get() != 0 {
		t.Errorf("stack pointer %v", g)
	}
	for _, c := range []struct {
		name            string
		n, want, pauses uint64
	}{
		{"count", 1000, 0, 0},
		{"count", 10 * pauseSteps, 0, 10},
		{"sum", 10, 55, 0},
		{"sum", 26, 121393, 392835 / pauseSteps}, // of a tree of 392835 calls
	} {
		pauses = 0
		got, err := m.ExportedFunction(c.name).Call(ctx, c.n)
		if err != nil || got[0] != c.want || uint64(pauses) < c.pauses || uint64(pauses) > c.pauses+1 {
			t.Errorf("%s(%d): %v, %v, %d pauses, want %d and %d", c.name, c.n, got, err, pauses, c.want, c.pauses)
		}
	}
	for _, name := range []string{"count", "sum"} {
		endless := errors.New("enough")
		m := patchedSmall(t, smallModule(), func() { panic(endless) })
		for range 3 { // the same instance again
			if _, err := m.ExportedFunction(name).Call(ctx, 1<<31-1); !errors.Is(err, endless) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func TestPatchModuleRefuses(t *testing.T) {
	valid := []string{typeSection, yieldSection, functionSection, tableSection, memorySection, globalSection, exportSection, elementSection, codeSection}
	without := func(i int, instead ...string) []byte {
		return wasm(slices.Concat(valid[:i], instead, valid[i+1:])...)
	}
	for what, module := range map[string][]byte{
		"nothing":               wasm(),
		"no types":              without(0),
		"no imports":            without(1),
		"no functions":          without(2),
		"no globals":            without(5),
		"no exports":            without(6),
		"no code":               without(8),
		"no function to pause":  without(1, section(wasmImportSection, "\x01\x03env\x09anything1\x00\x00")),
		"no type of a function": without(0, section(wasmTypeSection, "\x01\x60\x00\x01\x7f")),
		"a constant global":     without(5, section(wasmGlobalSection, "\x01\x7f\x00\x41\x00\x0b")),
		"a 64-bit global":       without(5, section(wasmGlobalSection, "\x01\x7e\x01\x42\x00\x0b")),
		"two export sections":   without(6, exportSection, exportSection),
		"an imported memory":    without(1, section(wasmImportSection, "\x01\x01e\x01m\x02\x00\x01")),
		"code cut short":        without(8, section(wasmCodeSection, "\x02\x02\x00\x0b")),
		"code that is too long": without(8, section(wasmCodeSection, "\x01\x02\x00\x0b\x0b")),
		"unknown instructions":  without(8, section(wasmCodeSection, "\x01\x04\x00\xfd\x00\x0b")),
		"an instruction cut":    without(8, section(wasmCodeSection, "\x01\x03\x00\x41\x80")),
		"too many types":        without(0, section(wasmTypeSection, "\xff\xff\xff\xff\x0f")),
	} {
		sections, _, err := stripModule(module)
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if p, err := patchModule(sections); !errors.Is(err, errWasm) {
			t.Errorf("%s: %q, %v", what, p, err)
		}
	}
}

func FuzzPatchModule(f *testing.F) {
	f.Add(smallModule())
	f.Add(wasm("\x07\x01\x00"))
	f.Add([]byte(wasmHeader))
	f.Fuzz(func(t *testing.T, module []byte) {
		sections, stripped, err := stripModule(module)
		if err != nil {
			return
		}
		if len(stripped) > len(module) {
			t.Errorf("%d bytes became %d", len(module), len(stripped))
		}
		if _, again, err := stripModule(stripped); err != nil || !bytes.Equal(again, stripped) {
			t.Errorf("stripped twice: %v", err)
		}
		patched, err := patchModule(sections)
		if err != nil {
			return
		}
		// Each byte may be the head of a loop, and a check has some 30 at most.
		if len(patched) > 32*len(module)+1000 {
			t.Errorf("%d bytes became %d", len(module), len(patched))
		}
		if _, _, err := stripModule(patched); err != nil {
			t.Errorf("patched: %v", err)
		}
	})
}

// TestBootRefusesOtherMemory: a memory that is not laid out as CPython 3.12.0's
// is refused rather than changed.
func TestBootRefusesOtherMemory(t *testing.T) {
	for _, e := range []guestEntry{{}, {Type: 1 << 31}, {Type: 100, Stack: 1 << 30}, {Type: 100, Stack: 200}} {
		memory := make([]byte, 1<<16)
		if err := e.prepare(memory); err == nil {
			t.Errorf("%+v was accepted", e)
		}
		if !bytes.Equal(memory, make([]byte, 1<<16)) {
			t.Errorf("%+v: the memory was changed", e)
		}
	}
}
