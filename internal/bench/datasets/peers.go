//go:build linux

package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/llmrouter-go/llmrouter/datasets"
)

//go:embed scan_polars.py
var polarsScript string

// A reader is a process that scans a file each time it is asked, so that
// several can take turns on one machine.
type reader struct {
	*process
	runs []scanResult
}

func startReader(ctx context.Context, name string, env []string, program string, args ...string) (*reader, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append(os.Environ(), env...)
	p, err := start(name, cmd)
	if err != nil {
		return nil, err
	}
	return &reader{process: p}, nil
}

func (r *reader) scan(rows int) error {
	got, err := r.ask("scan")
	if err == nil && got.Rows != rows {
		err = fmt.Errorf("%s read %d rows of %d", r.name, got.Rows, rows)
	}
	r.runs = append(r.runs, got)
	return err
}

// best is the shortest time of the rounds in milliseconds.
func (r *reader) best(of func(scanResult) float64) float64 {
	return 1000 * of(slices.MinFunc(r.runs, func(a, b scanResult) int { return cmp.Compare(of(a), of(b)) }))
}

func wall(r scanResult) float64 { return r.Seconds }
func used(r scanResult) float64 { return r.CPU }

// serve answers each line of standard input with a scan of the file into
// structs.
func serve(ctx context.Context, name, task string) error {
	t, err := open(ctx, name, task)
	if err != nil {
		return err
	}
	defer t.Close()
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		before, err := cpuTime()
		if err != nil {
			return err
		}
		start := time.Now()
		if err := scanRows[task](ctx, t, t.Len()); err != nil {
			return err
		}
		r := scanResult{Seconds: time.Since(start).Seconds(), Rows: t.Len()}
		after, err := cpuTime()
		if err != nil {
			return err
		}
		r.CPU = after - before
		if r.Peak, err = peakMemory(); err != nil {
			return err
		}
		line, err := json.Marshal(r)
		if err != nil {
			return err
		}
		fmt.Println(string(line))
	}
	return nil
}

// comparePeers scans files by turns with this build, with another one where it
// is named, and with polars.
func comparePeers(ctx context.Context, out io.Writer, c config) error {
	dir, err := os.MkdirTemp("", "bench-datasets")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	self, err := os.Executable()
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%d rows, row groups of %d, snappy; %d threads each; %d rounds by turns; milliseconds by the clock (of the processors), the shortest; peak MB after one scan\n\n", c.rows, c.group, c.threads, c.rounds)
	for i, task := range c.tasks {
		name := filepath.Join(dir, task+".parquet")
		if err := writeFile(name, task, c.rows, c.group); err != nil {
			return err
		}
		readers, err := startReaders(ctx, self, name, task, c)
		for range c.rounds {
			for _, r := range readers {
				if err == nil {
					err = r.scan(c.rows)
				}
			}
		}
		for _, r := range readers {
			r.close()
		}
		if err != nil {
			return fmt.Errorf("%s: %w", task, err)
		}
		if i == 0 {
			printHead(out, readers)
		}
		printPeers(out, task, readers)
		if err := os.Remove(name); err != nil {
			return err
		}
	}
	return nil
}

// startReaders starts this build, the other one, and polars.
func startReaders(ctx context.Context, self, name, task string, c config) ([]*reader, error) {
	spec, ok := datasets.Find(datasets.Catalog(), task)
	if !ok {
		return nil, fmt.Errorf("unknown benchmark %q", task)
	}
	script := []string{"-c", polarsScript, name}
	for _, col := range spec.Columns() {
		script = append(script, col.Name)
	}
	threads := strconv.Itoa(c.threads)
	ours := []string{"-serve", name, "-tasks", task, "-threads", threads}
	var readers []*reader
	for _, start := range []func() (*reader, error){
		func() (*reader, error) { return startReader(ctx, "structs", nil, self, ours...) },
		func() (*reader, error) {
			if c.other == "" {
				return nil, nil
			}
			return startReader(ctx, "the other build", nil, c.other, ours...)
		},
		func() (*reader, error) {
			return startReader(ctx, "polars", []string{"POLARS_MAX_THREADS=" + threads}, c.python, script...)
		},
	} {
		r, err := start()
		if err != nil {
			return readers, err
		}
		if r != nil {
			readers = append(readers, r)
		}
	}
	return readers, nil
}

func printHead(out io.Writer, readers []*reader) {
	head, rule := "| benchmark |", "|---|"
	for i, r := range readers {
		head += " " + r.name + " | peak MB |"
		rule += "---:|---:|"
		if i > 0 {
			head += " times its speed | times its memory |"
			rule += "---:|---:|"
		}
	}
	fmt.Fprintln(out, head+"\n"+rule)
}

func printPeers(out io.Writer, task string, readers []*reader) {
	line := "| " + task + " |"
	ours := readers[0]
	for i, r := range readers {
		line += fmt.Sprintf(" %.1f (%.1f) | %.0f |", r.best(wall), r.best(used), r.runs[0].Peak/1e6)
		if i > 0 {
			line += fmt.Sprintf(" %.2f | %.2f |", r.best(wall)/ours.best(wall), ours.runs[0].Peak/r.runs[0].Peak)
		}
	}
	fmt.Fprintln(out, line)
}

// peakMemory returns the process's peak memory in bytes.
func peakMemory() (float64, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	for line := range bytes.Lines(status) {
		if kb, ok := strings.CutPrefix(string(line), "VmHWM:"); ok {
			n, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(kb), "kB")), 64)
			return n * 1024, err
		}
	}
	return 0, fmt.Errorf("the system does not state the peak memory")
}
