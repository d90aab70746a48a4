package cli

import (
	"bufio"
	"errors"
	"os"
	"path/filepath"
	"strconv"
)

// File is a file that gets its name when it is complete.
type File struct {
	*bufio.Writer
	// Name is the name that it gets, Temporary where it is written.
	Name, Temporary string
	file            *os.File // nil when it was published or discarded
}

// Create starts a file. Its folder is made where it is missing.
func Create(name string) (*File, error) {
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		return nil, err
	}
	// Not os.CreateTemp, whose files no other user may read.
	f, err := os.Create(name + "." + strconv.Itoa(os.Getpid()) + ".tmp")
	if err != nil {
		return nil, err
	}
	return &File{bufio.NewWriterSize(f, 64<<10), name, f.Name(), f}, nil
}

// Publish gives the file its name.
func (f *File) Publish() error {
	err := errors.Join(f.Flush(), f.file.Sync(), f.file.Close())
	if err == nil {
		err = os.Rename(f.Temporary, f.Name)
	}
	if err != nil {
		err = errors.Join(err, os.Remove(f.Temporary))
	}
	f.file = nil
	return err
}

// Discard removes a file that has not got its name; nil and a published file
// are left alone.
func (f *File) Discard() {
	if f == nil || f.file == nil {
		return
	}
	_ = f.file.Close()
	_ = os.Remove(f.Temporary)
	f.file = nil
}

// WriteFile writes a file that appears when it is complete.
func WriteFile(name string, text []byte) error {
	f, err := Create(name)
	if err != nil {
		return err
	}
	defer f.Discard()
	if _, err := f.Write(text); err != nil {
		return err
	}
	return f.Publish()
}
