//go:build unix

package torchio

import (
	"errors"
	"math"
	"os"

	"golang.org/x/sys/unix"
)

// mapFile maps the first size bytes of h for reading.
func mapFile(h *os.File, size int64) (mapped []byte, unmap func() error, err error) {
	if size > math.MaxInt {
		return nil, nil, errors.New("too large for the address space")
	}
	mapped, err = unix.Mmap(int(h.Fd()), 0, int(size), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, nil, err
	}
	return mapped, func() error { return unix.Munmap(mapped) }, nil
}
