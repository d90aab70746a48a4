package main

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
)

// wholeFile is a file that gets its name when it is complete.
type wholeFile struct {
	*bufio.Writer
	file *os.File
	name string
}

func createWhole(name string) (*wholeFile, error) {
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		return nil, err
	}
	// Not os.CreateTemp, whose files no other user may read.
	f, err := os.Create(name + "." + strconv.Itoa(os.Getpid()) + ".tmp")
	if err != nil {
		return nil, err
	}
	return &wholeFile{bufio.NewWriterSize(f, 256<<10), f, name}, nil
}

// publish gives the file its name.
func (w *wholeFile) publish() error {
	err := errors.Join(w.Flush(), w.file.Sync(), w.file.Close())
	if err == nil {
		err = os.Rename(w.file.Name(), w.name)
	}
	if err != nil {
		w.discard()
	}
	w.file = nil
	return err
}

// publishChanged leaves a file of that name and the same content as it is, and
// reports whether there is a new one.
func (w *wholeFile) publishChanged() (bool, error) {
	defer w.discard()
	if err := w.Flush(); err != nil {
		return false, err
	}
	same, err := sameContent(w.file.Name(), w.name)
	if err != nil {
		return false, err
	}
	if same {
		return false, nil
	}
	return true, w.publish()
}

// discard removes a file that has not got its name; nil and a published file
// are left alone.
func (w *wholeFile) discard() {
	if w == nil || w.file == nil {
		return
	}
	_ = w.file.Close()
	_ = os.Remove(w.file.Name())
	w.file = nil
}

// sameContent reports whether two files hold the same; the second one need not
// be there.
func sameContent(a, b string) (bool, error) {
	f, err := os.Open(a)
	if err != nil {
		return false, err
	}
	defer f.Close()
	g, err := os.Open(b)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer g.Close()
	fi, err := f.Stat()
	if err != nil {
		return false, err
	}
	gi, err := g.Stat()
	if err != nil || fi.Size() != gi.Size() {
		return false, err
	}
	x, y := make([]byte, 64<<10), make([]byte, 64<<10)
	for {
		n, err := io.ReadFull(f, x)
		m, errY := io.ReadFull(g, y)
		if !bytes.Equal(x[:n], y[:m]) {
			return false, nil
		}
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return errY == err, nil
		}
		if err != nil || errY != nil {
			return false, errors.Join(err, errY)
		}
	}
}
