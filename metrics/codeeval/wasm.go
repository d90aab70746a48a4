package codeeval

import (
	"bytes"
	"encoding/binary"
	"errors"
)

const (
	wasmHeader        = "\x00asm\x01\x00\x00\x00"
	wasmCustomSection = 0
	wasmExportSection = 7
	wasmExportGlobal  = 3

	// stackPointer is the name under which patchModule exports global 0, the
	// C stack pointer in every module that LLVM links.
	stackPointer = "__stack_pointer"
)

var errWasm = errors.New("codeeval: not a WebAssembly module of the form expected")

// patchModule returns a module's bytes without its custom sections, which hold
// debugging information only, and with global 0 exported as stackPointer.
// Nothing else is changed. stripped is the same without the export: what a
// module is known by, whether its debugging information was removed or not.
func patchModule(module []byte) (patched, stripped []byte, err error) {
	rest, ok := bytes.CutPrefix(module, []byte(wasmHeader))
	if !ok {
		return nil, nil, errWasm
	}
	patched = append(make([]byte, 0, len(module)), wasmHeader...)
	stripped = append(make([]byte, 0, len(module)), wasmHeader...)
	exported := false
	for len(rest) > 0 {
		id := rest[0]
		size, n := binary.Uvarint(rest[1:])
		if n <= 0 || n > 5 || size > uint64(len(rest)-1-n) {
			return nil, nil, errWasm
		}
		end := 1 + n + int(size)
		section, body := rest[:end], rest[1+n:end]
		rest = rest[end:]
		if id == wasmCustomSection {
			continue
		}
		stripped = append(stripped, section...)
		if id != wasmExportSection {
			patched = append(patched, section...)
			continue
		}
		count, n := binary.Uvarint(body)
		if n <= 0 || n > 5 || exported {
			return nil, nil, errWasm
		}
		exported = true
		export := binary.AppendUvarint(nil, count+1)
		export = append(export, body[n:]...)
		export = append(export, byte(len(stackPointer)))
		export = append(export, stackPointer...)
		export = append(export, wasmExportGlobal, 0)
		patched = append(patched, wasmExportSection)
		patched = binary.AppendUvarint(patched, uint64(len(export)))
		patched = append(patched, export...)
	}
	if !exported {
		return nil, nil, errWasm
	}
	return patched, stripped, nil
}
