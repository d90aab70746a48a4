package embedding

import (
	"io"
	"io/fs"
	"maps"
	"slices"
	"time"
)

// virtualFS is a folder of files that are made as they are read.
type virtualFS map[string]*virtualFile

// virtualFile is such a file: readAt fills b, which lies within the file.
type virtualFile struct {
	size   int64
	readAt func(b []byte, off int64)
}

func bytesFile(b []byte) *virtualFile {
	return &virtualFile{size: int64(len(b)), readAt: func(p []byte, off int64) { copy(p, b[off:]) }}
}

// Open implements fs.FS.
func (v virtualFS) Open(name string) (fs.File, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	if name == "." {
		return &openFolder{fsys: v}, nil
	}
	f, ok := v[name]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	info := fileInfo{name: name, size: f.size}
	return openFile{io.NewSectionReader(f, 0, f.size), info}, nil
}

// ReadAt implements io.ReaderAt.
func (f *virtualFile) ReadAt(b []byte, off int64) (int, error) {
	if off < 0 || off >= f.size {
		return 0, io.EOF
	}
	n := min(int64(len(b)), f.size-off)
	f.readAt(b[:n], off)
	if n < int64(len(b)) {
		return int(n), io.EOF
	}
	return int(n), nil
}

type openFile struct {
	*io.SectionReader
	info fileInfo
}

func (f openFile) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f openFile) Close() error               { return nil }

// openFolder is the folder itself, opened.
type openFolder struct {
	fsys virtualFS
	read int
}

func (d *openFolder) Stat() (fs.FileInfo, error) { return fileInfo{name: ".", dir: true}, nil }
func (d *openFolder) Close() error               { return nil }
func (d *openFolder) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: ".", Err: fs.ErrInvalid}
}

// ReadDir implements fs.ReadDirFile.
func (d *openFolder) ReadDir(n int) ([]fs.DirEntry, error) {
	names := slices.Sorted(maps.Keys(d.fsys))[d.read:]
	if n > 0 {
		if len(names) == 0 {
			return nil, io.EOF
		}
		names = names[:min(n, len(names))]
	}
	entries := make([]fs.DirEntry, len(names))
	for i, name := range names {
		entries[i] = fs.FileInfoToDirEntry(fileInfo{name: name, size: d.fsys[name].size})
	}
	d.read += len(names)
	return entries, nil
}

// fileInfo describes a file of a virtualFS.
type fileInfo struct {
	name string
	size int64
	dir  bool
}

func (i fileInfo) Name() string       { return i.name }
func (i fileInfo) Size() int64        { return i.size }
func (i fileInfo) ModTime() time.Time { return time.Time{} }
func (i fileInfo) IsDir() bool        { return i.dir }
func (i fileInfo) Sys() any           { return nil }
func (i fileInfo) Mode() fs.FileMode {
	if i.dir {
		return fs.ModeDir | 0o555
	}
	return 0o444
}
