package codeeval

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// smallMemory is a memory that has what an entry tells of, and pages of zeros.
func smallMemory() (guestEntry, []byte) {
	e := guestEntry{Job: 1, Arguments: 2, Type: 4096, Stack: 8192}
	memory := make([]byte, guestStack+guestGuard+2*wasmPage)
	binary.LittleEndian.PutUint32(memory[e.Type+offsetTypeCall:], 77)
	binary.LittleEndian.PutUint32(memory[e.Stack+offsetRefCount:], 1)
	binary.LittleEndian.PutUint32(memory[e.Stack+offsetByteArrayPtr:], wasmPage)
	memory[len(memory)-1] = 9
	return e, memory[:len(memory):len(memory)]
}

func TestImageRoundTrip(t *testing.T) {
	entry, memory := smallMemory()
	key := bootKey([]byte("configuration"))
	file, err := encodeImage(key, entry, memory)
	if err != nil || len(file) > 5*imagePage {
		t.Fatalf("%d bytes, %v", len(file), err)
	}
	got, read, err := decodeImage(file, key, uint64(len(memory)))
	if err != nil || !bytes.Equal(read, memory) {
		t.Fatalf("%v", err)
	}
	if want := (guestEntry{Job: 1, Arguments: 2, Type: 4096, Stack: 8192, call: 77, stackLow: wasmPage}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	refused := map[string][]byte{"nothing": nil, "half": file[:len(file)/2], "more": append(slices.Clone(file), 0)}
	for at := 0; at < len(file); at += 1 + len(file)/97 {
		damaged := slices.Clone(file)
		damaged[at] ^= 4
		refused["a bit is turned"] = damaged
		for what, bad := range refused {
			if _, _, err := decodeImage(bad, key, 1<<40); !errors.Is(err, errImage) {
				t.Errorf("%s, byte %d: %v", what, at, err)
			}
		}
	}
	if _, _, err := decodeImage(file, bootKey([]byte("another")), 1<<40); !errors.Is(err, errImage) {
		t.Errorf("another key: %v", err)
	}
	if _, _, err := decodeImage(file, key, uint64(len(memory)-1)); !errors.Is(err, errImage) {
		t.Errorf("a memory beyond the limit: %v", err)
	}
}

// FuzzDecodeImage: whatever is in a file whose hash is right, it is refused or
// is a memory within the limit.
func FuzzDecodeImage(f *testing.F) {
	var key [sha256.Size]byte
	f.Add([]byte("\x02\x00\x00\x00{}\x00\x00\x01\x00\x00\x00\x00\x00\xff\xff\xff\xff"))
	f.Add([]byte("\x02\x00\x00\x00{}\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00" + string(make([]byte, imagePage)) + "\xff\xff\xff\xff"))
	f.Add([]byte("\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, rest []byte) {
		file := append([]byte(imageMagic), key[:]...)
		file = append(file, rest...)
		sum := sha256.Sum256(file)
		const limit = 1 << 20
		if _, memory, err := decodeImage(append(file, sum[:]...), key, limit); len(memory) > limit || err == nil && memory == nil {
			t.Errorf("%d bytes, %v", len(memory), err)
		}
	})
}

// TestImagesAreTheOwnersAlone: an image is neither read nor written where others
// could have put it.
func TestImagesAreTheOwnersAlone(t *testing.T) {
	entry, memory := smallMemory()
	var key [sha256.Size]byte
	o, err := (&WASIOptions{CacheDir: t.TempDir()}).validate()
	if err != nil {
		t.Fatal(err)
	}
	kept := openImages(&o)
	if ownerOnly(t.TempDir()) != nil && kept == "" {
		t.Skip("whose a file is cannot be told here")
	}
	if _, _, err := kept.load(key, 1<<40); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("nothing kept: %v", err)
	}
	if err := kept.keep(key, entry, memory); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(string(kept), imageFile)
	load := func() error {
		_, _, err := kept.load(key, 1<<40)
		return err
	}
	if err := load(); err != nil {
		t.Fatal(err)
	}
	for _, mode := range []os.FileMode{0o620, 0o602, 0o640} {
		if err := os.Chmod(name, mode); err != nil {
			t.Fatal(err)
		}
		if load() == nil {
			t.Errorf("an image of mode %v was taken", mode)
		}
	}
	elsewhere := filepath.Join(t.TempDir(), "image")
	if err := errors.Join(os.Chmod(name, 0o600), os.Rename(name, elsewhere), os.Symlink(elsewhere, name)); err != nil {
		t.Fatal(err)
	}
	if load() == nil {
		t.Error("a link was taken")
	}
	if err := kept.keep(key, entry, memory); err != nil {
		t.Error(err)
	}
	if err := os.Chmod(string(kept), 0o770); err != nil {
		t.Fatal(err)
	}
	if dir := openImages(&o); dir != "" {
		t.Error("a folder that others may write to was taken")
	}
	kept.drop()
	if none := images(""); none.keep(key, entry, memory) != nil {
		t.Error("a folder that is not there")
	}
}

// TestOpenWASIWithImage: the second start takes the image up. One that is
// damaged, or whole but wrong, costs a boot and no more.
func TestOpenWASIWithImage(t *testing.T) {
	t.Parallel()
	wasiForTest(t) // compiled code is in the cache
	options := withOwnImages(t)
	open := func(wantLoaded bool) *machine {
		t.Helper()
		sb, err := OpenWASI(context.Background(), options)
		if err != nil {
			t.Fatal(err)
		}
		defer sb.Close()
		if sb.machine.loaded != wantLoaded {
			t.Errorf("taken up: %v, want %v", sb.machine.loaded, wantLoaded)
		}
		return sb.machine
	}
	open(false)
	kept := openImages(options)
	if kept == "" {
		t.Skip("no image is kept here")
	}
	m := open(true)
	name := filepath.Join(string(kept), imageFile)
	file, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	damaged := slices.Clone(file)
	damaged[len(damaged)/2]++
	if err := os.WriteFile(name, damaged, 0o600); err != nil {
		t.Fatal(err)
	}
	open(false)
	if again, err := os.ReadFile(name); err != nil || bytes.Equal(again, damaged) {
		t.Errorf("the damaged image is still there: %v", err)
	}
	// A memory of which a part is gone, with the right key and hash.
	key := [sha256.Size]byte(file[len(imageMagic):])
	entry, memory, err := kept.load(key, m.limit)
	if err != nil {
		t.Fatal(err)
	}
	clear(memory[4096 : len(memory)/2])
	binary.LittleEndian.PutUint32(memory[entry.Type+offsetTypeCall:], entry.call)
	binary.LittleEndian.PutUint32(memory[entry.Stack+offsetByteArrayPtr:], entry.stackLow)
	if err := kept.keep(key, entry, memory); err != nil {
		t.Fatal(err)
	}
	open(false)
	open(true)
}

// withOwnImages returns options with a folder of compiled code that has images
// of its own.
func withOwnImages(t *testing.T) *WASIOptions {
	options, err := testWASIOptions().validate()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := cacheDir(&options)
	if err != nil {
		t.Skip(err)
	}
	options.CacheDir = t.TempDir()
	compiled, err := filepath.Glob(filepath.Join(dir, "wazero-*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range compiled {
		if err := os.Symlink(folder, filepath.Join(options.CacheDir, filepath.Base(folder))); err != nil {
			t.Fatal(err)
		}
	}
	return &options
}
