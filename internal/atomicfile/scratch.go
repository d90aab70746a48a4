package atomicfile

import (
	"errors"
	"fmt"
	"os"
)

// Scratch is a temporary file that never gets a name of its own.
type Scratch struct{ *os.File }

// CreateScratch opens an empty temporary file in a folder that exists.
func CreateScratch(dir string) (*Scratch, error) {
	f, err := os.CreateTemp(dir, "scratch-*"+TempSuffix)
	if err != nil {
		return nil, fmt.Errorf("atomicfile: %w", err)
	}
	return &Scratch{f}, nil
}

// Close closes the file and removes it.
func (s *Scratch) Close() error { return errors.Join(s.File.Close(), os.Remove(s.Name())) }
