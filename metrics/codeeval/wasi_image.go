package codeeval

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/llmrouter-go/llmrouter/internal/atomicfile"
)

// An image is the guest's memory after its boot, in a file: the next start
// takes it up instead of booting. The file is
//
//	imageMagic
//	the key: SHA-256 of all that the boot depends on
//	the length of the entry, 32 bits; the entry, in JSON
//	the size of the memory, 64 bits
//	the pages that are not zero: the number, 32 bits, and 4096 bytes each
//	imageEnd, 32 bits
//	SHA-256 of all before
//
// Numbers are little endian.
const (
	imageMagic = "llmrouter guest image 1\n"
	imageFile  = "cpython-3.12.0.image"
	imagePage  = 4096
	imageEnd   = 1<<32 - 1
)

// errImage says that a file is no image, or not of this guest.
var errImage = errors.New("codeeval: not an image of this guest")

// bootKey is the key of what boots with a configuration.
func bootKey(config []byte) [sha256.Size]byte {
	h := sha256.New()
	fmt.Fprintf(h, "%s %q %q %q %d\n", wasiModuleSHA256, guestArguments, guestEnvironment, wasiSource, guestRecursion)
	h.Write(config)
	return [sha256.Size]byte(h.Sum(nil))
}

// encodeImage makes the file of a memory.
func encodeImage(key [sha256.Size]byte, entry guestEntry, memory []byte) ([]byte, error) {
	where, err := json.Marshal(entry)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.WriteString(imageMagic)
	b.Write(key[:])
	b.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(where))))
	b.Write(where)
	b.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(memory))))
	var zero [imagePage]byte
	for at := 0; at < len(memory); at += imagePage {
		page := memory[at:min(at+imagePage, len(memory))]
		if string(page) == string(zero[:len(page)]) {
			continue
		}
		b.Write(binary.LittleEndian.AppendUint32(nil, uint32(at/imagePage)))
		b.Write(page)
	}
	b.Write(binary.LittleEndian.AppendUint32(nil, imageEnd))
	sum := sha256.Sum256(b.Bytes())
	b.Write(sum[:])
	return b.Bytes(), nil
}

// decodeImage returns the memory of an image's file, which may have limit bytes
// at most. The error is errImage.
func decodeImage(file []byte, key [sha256.Size]byte, limit uint64) (entry guestEntry, memory []byte, err error) {
	body := file[:max(0, len(file)-sha256.Size)]
	if sum := sha256.Sum256(body); string(file[len(body):]) != string(sum[:]) {
		return entry, nil, fmt.Errorf("%w: its bytes are damaged", errImage)
	}
	rest, ok := bytes.CutPrefix(body, append([]byte(imageMagic), key[:]...))
	if !ok {
		return entry, nil, fmt.Errorf("%w: it is of another version", errImage)
	}
	take := func(n uint64) []byte {
		if n > uint64(len(rest)) {
			ok, rest = false, nil
			return make([]byte, 8)
		}
		part := rest[:n]
		rest = rest[n:]
		return part
	}
	where := take(uint64(binary.LittleEndian.Uint32(take(4))))
	size := binary.LittleEndian.Uint64(take(8))
	if !ok || json.Unmarshal(where, &entry) != nil || size > limit || size%wasmPage != 0 {
		return entry, nil, errImage
	}
	memory = make([]byte, size)
	for {
		page := binary.LittleEndian.Uint32(take(4))
		if page == imageEnd && ok {
			break
		}
		at := uint64(page) * imagePage
		if content := take(imagePage); ok && at < size {
			copy(memory[at:], content)
		} else {
			return entry, nil, errImage
		}
	}
	if len(rest) > 0 {
		return entry, nil, errImage
	}
	return entry, memory, entry.locate(memory)
}

// images is the folder where images are kept: it and what lies in it are this
// user's alone. "" keeps none.
type images string

// openImages makes the folder below that of the compiled code, where it is to
// be had.
func openImages(o *WASIOptions) images {
	dir, err := cacheDir(o)
	if err == nil {
		dir = filepath.Join(dir, "images")
		err = os.MkdirAll(dir, 0o700)
	}
	if err == nil {
		err = ownerOnly(dir)
	}
	if err != nil {
		o.Logger.Info("the booted interpreter is not kept", "error", err)
		return ""
	}
	return images(dir)
}

// load returns the image of a key; an error where there is none that can be
// taken.
func (i images) load(key [sha256.Size]byte, limit uint64) (entry guestEntry, memory []byte, err error) {
	if i == "" {
		return entry, nil, os.ErrNotExist
	}
	name := filepath.Join(string(i), imageFile)
	if err := ownerOnly(name); err != nil {
		return entry, nil, err
	}
	f, err := os.Open(name)
	if err != nil {
		return entry, nil, err
	}
	defer f.Close()
	file, err := io.ReadAll(io.LimitReader(f, maxImage+1))
	if err != nil {
		return entry, nil, err
	}
	if len(file) > maxImage {
		return entry, nil, fmt.Errorf("%w: it is too large", errImage)
	}
	return decodeImage(file, key, limit)
}

// keep writes the image for the next start. It takes the place of that of
// another version.
func (i images) keep(key [sha256.Size]byte, entry guestEntry, memory []byte) error {
	if i == "" {
		return nil
	}
	file, err := encodeImage(key, entry, memory)
	if err != nil || len(file) > maxImage {
		return err
	}
	f, err := atomicfile.Create(filepath.Join(string(i), imageFile))
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Chmod(0o600); err != nil {
		return err
	}
	if _, err := f.Write(file); err != nil {
		return err
	}
	return f.Commit()
}

// drop takes away an image that did not hold.
func (i images) drop() {
	if i != "" {
		os.Remove(filepath.Join(string(i), imageFile))
	}
}
