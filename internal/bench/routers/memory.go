package main

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"time"
)

// status is a field of /proc/self/status in MB: "VmHWM" is the highest resident
// memory so far, "RssAnon" what is resident now without pages of mapped files.
func status(field string) (float64, error) {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, field+":"); ok {
			var kilobytes float64
			if _, err := fmt.Sscan(value, &kilobytes); err != nil {
				return 0, err
			}
			return kilobytes * 1024 / 1e6, nil
		}
	}
	return 0, fmt.Errorf("/proc/self/status has no %s", field)
}

// ownMemory looks at the memory that is no page of a mapped file, ten times a
// second, until the function that it returns is called, which gives the most that
// was seen.
func ownMemory() (stop func() float64) {
	var group sync.WaitGroup
	done := make(chan struct{})
	most := 0.0
	group.Go(func() {
		ticker := time.NewTicker(100 * time.Millisecond)
		defer ticker.Stop()
		for {
			if now, err := status("RssAnon"); err == nil {
				most = max(most, now)
			}
			select {
			case <-done:
				return
			case <-ticker.C:
			}
		}
	})
	return func() float64 {
		close(done)
		group.Wait()
		return most
	}
}
