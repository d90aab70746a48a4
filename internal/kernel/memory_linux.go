package kernel

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// adviseHuge asks for huge pages. It is advice: that it cannot be followed is
// no error.
func adviseHuge(x []float32) {
	b := unsafe.Slice((*byte)(unsafe.Pointer(&x[0])), 4*len(x))
	page := uintptr(os.Getpagesize())
	skip := -uintptr(unsafe.Pointer(&b[0])) % page
	b = b[skip:]
	b = b[:uintptr(len(b))/page*page]
	if len(b) > 0 {
		_ = unix.Madvise(b, unix.MADV_HUGEPAGE)
	}
}
