package codeeval

import (
	"bytes"
	"errors"
	"testing"
)

// wasm joins sections of a module.
func wasm(sections ...string) []byte {
	b := []byte(wasmHeader)
	for _, s := range sections {
		b = append(b, s...)
	}
	return b
}

func TestPatchModule(t *testing.T) {
	const (
		custom   = "\x00\x05\x04name"
		memory   = "\x05\x03\x01\x00\x01"
		exported = "\x07\x05\x01\x01m\x02\x00"
		patched  = "\x07\x17\x02\x01m\x02\x00\x0f__stack_pointer\x03\x00"
	)
	got, stripped, err := patchModule(wasm(custom, memory, exported, custom))
	if err != nil {
		t.Fatal(err)
	}
	if want := wasm(memory, patched); !bytes.Equal(got, want) {
		t.Errorf("patched %q, want %q", got, want)
	}
	if want := wasm(memory, exported); !bytes.Equal(stripped, want) {
		t.Errorf("stripped %q, want %q", stripped, want)
	}
	// What has been stripped before is known as the same module.
	if _, again, err := patchModule(stripped); err != nil || !bytes.Equal(again, stripped) {
		t.Errorf("stripped twice: %q, %v", again, err)
	}
	for _, bad := range [][]byte{nil, []byte("\x00asm"), wasm(), wasm(memory), wasm(exported, exported), wasm("\x07"),
		wasm("\x07\x05\x01"), wasm("\x07\x00"), wasm("\x07\xff\xff\xff\xff\xff\x01"), wasm("\x05\x80\x80\x80\x80\x80\x80\x01")} {
		if p, _, err := patchModule(bad); !errors.Is(err, errWasm) {
			t.Errorf("%q: %q, %v", bad, p, err)
		}
		if err := CheckWASIModule(bad); !errors.Is(err, ErrWASIModule) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if err := CheckWASIModule(wasm(exported)); !errors.Is(err, ErrWASIModule) {
		t.Errorf("another module: %v", err)
	}
}

func FuzzPatchModule(f *testing.F) {
	f.Add(wasm("\x00\x05\x04name", "\x07\x05\x01\x01m\x02\x00"))
	f.Add(wasm("\x07\x01\x00"))
	f.Add([]byte(wasmHeader))
	f.Fuzz(func(t *testing.T, module []byte) {
		patched, stripped, err := patchModule(module)
		if err != nil {
			return
		}
		if len(stripped) > len(module) || len(patched) > len(module)+len(stackPointer)+16 {
			t.Errorf("%d bytes became %d and %d", len(module), len(patched), len(stripped))
		}
		if _, again, err := patchModule(stripped); err != nil || !bytes.Equal(again, stripped) {
			t.Errorf("stripped twice: %v", err)
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
