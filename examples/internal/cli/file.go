package cli

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
)

// WriteFile writes a file that appears when it is complete. Its folder is made
// where it is missing.
func WriteFile(name string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		return err
	}
	// Not os.CreateTemp, whose files nobody else may read.
	temporary := name + "." + strconv.Itoa(os.Getpid()) + ".tmp"
	f, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o666)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(temporary, name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temporary))
	}
	return nil
}
