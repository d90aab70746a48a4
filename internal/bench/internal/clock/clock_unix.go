//go:build unix

// Package clock tells the processor time of this process.
package clock

import "golang.org/x/sys/unix"

// Processor is the processor time that this process has used, in seconds: on
// a busy machine a better measure than the clock, but it counts waiting in
// loops too.
func Processor() float64 {
	var r unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &r); err != nil {
		return 0
	}
	return float64(r.Utime.Nano()+r.Stime.Nano()) / 1e9
}
