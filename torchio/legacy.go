package torchio

import (
	"encoding/binary"
	"errors"
	"math/big"
)

// The constants at the head of a legacy file.
var legacyMagic = new(big.Int).SetBytes([]byte{0x19, 0x50, 0xa8, 0x6a, 0x20, 0xf9, 0x46, 0x9c, 0xfc, 0x6c})

const legacyProtocol = 1001

const whereLegacy = "legacy pickle"

// loadLegacy reads a file in the format before torch 1.6: five pickles (magic
// number, protocol, the writer's system, the value, the keys of the storages)
// and, for each key, the number of elements and the elements.
func (f *File) loadLegacy() error {
	src := &source{r: f.bytes(), where: whereLegacy, end: f.size, limit: -1}
	if f.opt.MaxPickleBytes < f.size {
		src.end, src.limit = f.opt.MaxPickleBytes, f.opt.MaxPickleBytes
	}
	u := f.unpickler(src)
	magic, err := u.run()
	if err != nil {
		return err
	}
	if m, ok := magic.(*big.Int); !ok || m.Cmp(legacyMagic) != 0 {
		return formatErr(whereLegacy, 0, "a pickle without torch's magic number")
	}
	protocol, err := u.run()
	if err != nil {
		return err
	}
	if protocol != any(int64(legacyProtocol)) {
		return formatErr(whereLegacy, src.offset(), "an unknown protocol number")
	}
	system, err := u.run()
	if err != nil {
		return err
	}
	d, ok := system.(*Dict)
	if !ok {
		return formatErr(whereLegacy, src.offset(), "no description of the system")
	}
	if little, ok := d.Get("little_endian"); ok && little != any(true) {
		return &UnsupportedError{Feature: "big-endian byte order"}
	}
	l := &legacyStorages{file: f, byKey: map[string]*legacyStorage{}}
	u.storage = l.resolve
	root, err := u.run()
	if err != nil {
		return err
	}
	u.storage = nil
	keys, err := u.run()
	if err != nil {
		return err
	}
	list, ok := keys.(*List)
	if !ok {
		return formatErr(whereLegacy, src.offset(), "no list of storages")
	}
	if err := l.place(list.Items, src.offset()); err != nil {
		return err
	}
	f.root = root
	return nil
}

// legacyStorages collects the storages that the pickle names; where they lie
// is known only after it.
type legacyStorages struct {
	file  *File
	byKey map[string]*legacyStorage
}

type legacyStorage struct {
	storage
	item   int64 // bytes of an element
	placed bool
}

// resolve takes a persistent id. view is nil, or (key, offset, elements) for
// a part of the storage.
func (l *legacyStorages) resolve(dtype DType, key string, numel int64, view any) (*storageRef, error) {
	item := int64(dtype.Size())
	// A storage may not be larger than the file, which also keeps the
	// products below within bounds.
	if numel > l.file.size/item {
		return nil, formatErr("storage "+clip(key), -1, "%d elements of %v in a file of %d bytes", numel, dtype, l.file.size)
	}
	st := l.byKey[key]
	if st == nil {
		st = &legacyStorage{storage: storage{file: l.file, key: key, size: numel * item}, item: item}
		l.byKey[key] = st
	}
	if st.size != numel*item || st.item != item {
		return nil, formatErr("storage "+clip(key), -1, "two different sizes")
	}
	ref := &storageRef{st: &st.storage, dtype: dtype, bytes: st.size}
	if view != nil {
		v, ok := view.(Tuple)
		if !ok || len(v) != 3 {
			return nil, errors.New("a part of a storage of the wrong form")
		}
		start, ok1 := v[1].(int64)
		n, ok2 := v[2].(int64)
		if !ok1 || !ok2 || start < 0 || n < 0 || start > numel || n > numel-start {
			return nil, formatErr("storage "+clip(key), -1, "a part that lies outside of it")
		}
		ref.start, ref.bytes = start*item, n*item
	}
	return ref, nil
}

// place finds the storages' data, which begin at byte at in the order of
// keys.
func (l *legacyStorages) place(keys []any, at int64) error {
	for _, k := range keys {
		key, _ := k.(string)
		st := l.byKey[key]
		if st == nil || st.placed {
			return formatErr("storage "+clip(key), at, "listed but not used, or a duplicate")
		}
		var head [8]byte
		if at > l.file.size-int64(len(head)) {
			return formatErr("storage "+clip(key), at, "cut short")
		}
		if err := readFull(l.file.bytes(), head[:], at); err != nil {
			return &FormatError{Where: "storage " + clip(key), Offset: at, Reason: "cannot be read", Err: err}
		}
		at += int64(len(head))
		n := int64(binary.LittleEndian.Uint64(head[:]))
		if n != st.size/st.item {
			return formatErr("storage "+clip(key), at, "%d elements, but the pickle says %d", n, st.size/st.item)
		}
		if st.size > l.file.size-at {
			return formatErr("storage "+clip(key), at, "cut short: %d of %d bytes", l.file.size-at, st.size)
		}
		st.data, st.placed = at, true
		at += st.size
	}
	for key, st := range l.byKey {
		if !st.placed {
			return formatErr("storage "+clip(key), -1, "the data are missing")
		}
	}
	return nil
}
