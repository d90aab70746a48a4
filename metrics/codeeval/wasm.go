package codeeval

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// The parts of a WebAssembly module's binary format that patchModule looks at.
const (
	wasmHeader = "\x00asm\x01\x00\x00\x00"

	wasmCustomSection   = 0
	wasmTypeSection     = 1
	wasmImportSection   = 2
	wasmFunctionSection = 3
	wasmGlobalSection   = 6
	wasmExportSection   = 7
	wasmCodeSection     = 10

	wasmImportsFunction = 0
	wasmImportsGlobal   = 3
	wasmExportsGlobal   = 3

	wasmI32 = 0x7F

	opLoop         = 0x03
	opIf           = 0x04
	opEnd          = 0x0B
	opCall         = 0x10
	opCallIndirect = 0x11
	opDrop         = 0x1A
	opGlobalGet    = 0x23
	opGlobalSet    = 0x24
	opI32Const     = 0x41
	opI32Eqz       = 0x45
	opI32Sub       = 0x6B

	blockOfNothing = 0x40

	// stackPointer is the name under which patchModule exports global 0, the
	// C stack pointer in every module that LLVM links.
	stackPointer = "__stack_pointer"

	// pauseImport is the host's function that a running guest calls again and
	// again: (import "wasi_snapshot_preview1" "sched_yield" (result i32)).
	pauseImport = "sched_yield"
)

var errWasm = errors.New("codeeval: not a WebAssembly module of the form expected")

// wasmSection is one section of a module.
type wasmSection struct {
	id   byte
	body []byte
}

// stripModule returns a module's sections but the custom ones, which hold
// debugging information only, and their bytes: what a module is known by,
// whether its debugging information was removed or not.
func stripModule(module []byte) (sections []wasmSection, stripped []byte, err error) {
	rest, ok := bytes.CutPrefix(module, []byte(wasmHeader))
	if !ok {
		return nil, nil, errWasm
	}
	stripped = append(make([]byte, 0, len(module)), wasmHeader...)
	for len(rest) > 0 {
		r := wasmReader{rest: rest[1:]}
		s := wasmSection{rest[0], r.bytes(r.number())}
		if r.failed {
			return nil, nil, errWasm
		}
		if s.id != wasmCustomSection {
			sections = append(sections, s)
			stripped = append(stripped, rest[:len(rest)-len(r.rest)]...)
		}
		rest = r.rest
	}
	return sections, stripped, nil
}

// patchModule returns the module of the sections with two changes.
//
// Global 0 is exported as stackPointer.
//
// The code counts its steps: in a new global, one at the head of every round of
// a loop and at the start of every function that calls others by reference.
// After each pauseSteps of them it calls pauseImport. So the host gets hold of
// a guest, whatever it does: no execution is long that makes no such step, as
// code without them can only nest calls, and the stack ends. This costs a few
// instructions of the processor a step, where wazero's own way to stop a guest
// leaves the compiled code and enters Go in every round of every loop.
func patchModule(sections []wasmSection) ([]byte, error) {
	p := patcher{}
	if err := p.look(sections); err != nil {
		return nil, err
	}
	patched := []byte(wasmHeader)
	for _, s := range sections {
		body, err := p.patch(s)
		if err != nil {
			return nil, err
		}
		patched = append(patched, s.id)
		patched = binary.AppendUvarint(patched, uint64(len(body)))
		patched = append(patched, body...)
	}
	return patched, nil
}

// patcher knows of a module what the change of its code needs.
type patcher struct {
	pause      uint32 // the index of pauseImport
	noResult   uint32 // the index of the type of functions without parameters and results
	functions  uint32 // how many there are, so the index of the one that is added
	globals    uint32 // likewise
	check      []byte // the code that counts a step
	exportable bool   // global 0 is the module's own and mutable
}

// look collects the indices, and demands the sections that are to be changed.
func (p *patcher) look(sections []wasmSection) error {
	seen := map[byte]bool{}
	found := struct{ pause, noResult bool }{}
	for _, s := range sections {
		if seen[s.id] {
			return fmt.Errorf("%w: section %d comes twice", errWasm, s.id)
		}
		seen[s.id] = true
		r := wasmReader{rest: s.body}
		count := r.number()
		switch s.id {
		case wasmTypeSection:
			p.noResult, found.noResult = findType(&r, count)
		case wasmImportSection:
			found.pause = p.lookAtImports(&r, count)
		case wasmFunctionSection:
			p.functions += count
		case wasmGlobalSection:
			p.exportable = p.globals == 0 && count > 0 && r.byte() == wasmI32 && r.byte() == 1
			p.globals += count
		}
		if r.failed {
			return errWasm
		}
	}
	for _, id := range []byte{wasmTypeSection, wasmImportSection, wasmFunctionSection, wasmGlobalSection, wasmExportSection, wasmCodeSection} {
		if !seen[id] {
			return fmt.Errorf("%w: no section %d", errWasm, id)
		}
	}
	if !found.pause || !found.noResult || !p.exportable {
		return fmt.Errorf("%w: no %s, no function without a result, or no stack pointer", errWasm, pauseImport)
	}
	p.check = counted(p.globals, p.functions)
	return nil
}

// lookAtImports counts the imports, which come before the module's own, and says
// whether pauseImport is among them. Imports of other kinds make r fail.
func (p *patcher) lookAtImports(r *wasmReader, count uint32) (found bool) {
	for i := uint32(0); i < count && !r.failed; i++ {
		r.bytes(r.number()) // the module
		name := r.bytes(r.number())
		switch r.byte() {
		case wasmImportsFunction:
			r.number()
			if string(name) == pauseImport && !found {
				p.pause, found = p.functions, true
			}
			p.functions++
		case wasmImportsGlobal:
			r.bytes(2)
			p.globals++
		default:
			r.fail()
		}
	}
	return found
}

// findType finds the type of functions without parameters and results among
// count types.
func findType(r *wasmReader, count uint32) (index uint32, found bool) {
	for i := range count {
		form, parameters := r.byte(), r.bytes(r.number())
		results := r.bytes(r.number())
		if r.failed {
			return 0, false
		}
		if form == 0x60 && len(parameters) == 0 && len(results) == 0 {
			return i, true
		}
	}
	return 0, false
}

// counted is the code of one step: it counts the global down, and calls the
// function when nothing is left.
func counted(global, function uint32) []byte {
	b := binary.AppendUvarint([]byte{opGlobalGet}, uint64(global))
	b = append(b, opI32Const, 1, opI32Sub, opGlobalSet)
	b = binary.AppendUvarint(b, uint64(global))
	b = append(b, opGlobalGet)
	b = binary.AppendUvarint(b, uint64(global))
	b = append(b, opI32Eqz, opIf, blockOfNothing, opCall)
	b = binary.AppendUvarint(b, uint64(function))
	return append(b, opEnd)
}

// refill is the function that counted calls: it lets the next steps begin, and
// then tells the host, which may never return.
func (p *patcher) refill() []byte {
	b := []byte{0, opI32Const} // no local variables
	b = appendSigned(b, pauseSteps)
	b = append(b, opGlobalSet)
	b = binary.AppendUvarint(b, uint64(p.globals))
	b = append(b, opCall)
	b = binary.AppendUvarint(b, uint64(p.pause))
	return append(b, opDrop, opEnd)
}

// patch returns the body of a section as it is to be.
func (p *patcher) patch(s wasmSection) ([]byte, error) {
	r := wasmReader{rest: s.body}
	count := r.number()
	one := binary.AppendUvarint(nil, uint64(count)+1)
	switch s.id {
	case wasmFunctionSection:
		return binary.AppendUvarint(append(one, r.rest...), uint64(p.noResult)), nil
	case wasmGlobalSection:
		b := append(append(one, r.rest...), wasmI32, 1, opI32Const)
		return append(appendSigned(b, pauseSteps), opEnd), nil
	case wasmExportSection:
		b := append(append(one, r.rest...), byte(len(stackPointer)))
		return append(append(b, stackPointer...), wasmExportsGlobal, 0), nil
	case wasmCodeSection:
		// A check is some 14 bytes long, and a loop rarely less than a hundred.
		b := append(make([]byte, 0, len(s.body)+len(s.body)/4), one...)
		var scratch []byte
		for i := range count {
			function, err := p.function(scratch[:0], r.bytes(r.number()))
			if err != nil || r.failed {
				return nil, fmt.Errorf("%w: function %d", errWasm, i)
			}
			scratch = function
			b = append(binary.AppendUvarint(b, uint64(len(function))), function...)
		}
		if len(r.rest) > 0 {
			return nil, errWasm
		}
		function := p.refill()
		return append(binary.AppendUvarint(b, uint64(len(function))), function...), nil
	default:
		return s.body, nil
	}
}

// function appends a function's body that counts its steps.
func (p *patcher) function(b, body []byte) ([]byte, error) {
	r := wasmReader{rest: body}
	for range r.number() { // local variables
		r.number()
		r.byte()
		if r.failed {
			return nil, errWasm
		}
	}
	start := len(body) - len(r.rest)
	b = append(b, body[:start]...)
	byReference := false
	loops := make([]int, 0, 32) // where each begins, behind its head
	for len(r.rest) > 0 {
		switch op := r.instruction(); {
		case r.failed:
			return nil, errWasm
		case op == opLoop:
			loops = append(loops, len(body)-len(r.rest))
		case op == opCallIndirect:
			byReference = true
		}
	}
	if byReference {
		b = append(b, p.check...)
	}
	for _, at := range loops {
		b = append(append(b, body[start:at]...), p.check...)
		start = at
	}
	return append(b, body[start:]...), nil
}

// wasmReader takes a module's bytes apart. Once something is not there, failed
// is set and everything that is read is zero.
type wasmReader struct {
	rest   []byte
	failed bool
}

func (r *wasmReader) fail() {
	r.rest, r.failed = nil, true
}

func (r *wasmReader) byte() byte {
	if len(r.rest) == 0 {
		r.fail()
		return 0
	}
	b := r.rest[0]
	r.rest = r.rest[1:]
	return b
}

func (r *wasmReader) bytes(n uint32) []byte {
	if uint64(n) > uint64(len(r.rest)) {
		r.fail()
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

// number reads an unsigned number of at most 32 bits.
func (r *wasmReader) number() uint32 {
	if len(r.rest) > 0 && r.rest[0] < 0x80 { // nearly all are small
		return uint32(r.byte())
	}
	v, n := binary.Uvarint(r.rest)
	if n <= 0 || n > 5 || v > 1<<32-1 {
		r.fail()
		return 0
	}
	r.rest = r.rest[n:]
	return uint32(v)
}

// signed passes over a signed number of at most 64 bits.
func (r *wasmReader) signed() {
	for range 10 {
		if r.byte() < 0x80 {
			return
		}
	}
	r.fail()
}

// instruction passes over an instruction with what belongs to it, and returns
// its code. Those of vectors and exceptions are not known.
func (r *wasmReader) instruction() byte {
	op := r.byte()
	switch {
	case op >= 0x45 && op <= 0xC4: // on numbers
	case op >= 0x20 && op <= 0x26, op == 0x0C, op == 0x0D, op == opCall, op == 0x3F, op == 0x40, op == 0xD2:
		r.number()
	case op >= 0x28 && op <= 0x3E, op == opCallIndirect: // in memory, or by reference
		r.number()
		r.number()
	case op >= 0x02 && op <= opIf, op == opI32Const, op == 0x42:
		r.signed()
	case op == 0x43:
		r.bytes(4)
	case op == 0x44:
		r.bytes(8)
	case op == 0x0E: // br_table
		for n := uint64(r.number()) + 1; n > 0 && !r.failed; n-- {
			r.number()
		}
	case op == 0x1C: // select with types
		r.bytes(r.number())
	case op == 0xD0:
		r.byte()
	case op == 0xFC:
		r.extended()
	case op <= 0x01, op == 0x05, op == opEnd, op == 0x0F, op == opDrop, op == 0x1B, op == 0xD1:
	default:
		r.fail()
	}
	return op
}

// extended passes over what follows the prefix of the saturating conversions
// and of the instructions on whole ranges.
func (r *wasmReader) extended() {
	switch op := r.number(); {
	case op <= 7:
	case op == 9, op == 11, op == 13, op >= 15 && op <= 17:
		r.number()
	case op == 8, op == 10, op == 12, op == 14:
		r.number()
		r.number()
	default:
		r.fail()
	}
}

// appendSigned appends a signed number as WebAssembly writes it.
func appendSigned(b []byte, v int32) []byte {
	for {
		low := byte(v & 0x7F)
		v >>= 7
		if v == 0 && low&0x40 == 0 || v == -1 && low&0x40 != 0 {
			return append(b, low)
		}
		b = append(b, low|0x80)
	}
}
