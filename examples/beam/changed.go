package main

import (
	"bytes"
	"errors"
	"io"
	"os"

	"github.com/llmrouter-go/llmrouter/examples/internal/cli"
)

// publishChanged leaves a file of that name and the same content as it is, and
// reports whether there is a new one.
func publishChanged(f *cli.File) (bool, error) {
	defer f.Discard()
	if err := f.Flush(); err != nil {
		return false, err
	}
	same, err := sameContent(f.Temporary, f.Name)
	if err != nil || same {
		return false, err
	}
	return true, f.Publish()
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
