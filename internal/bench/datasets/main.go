//go:build linux

// Command datasets measures the reading of parquet files against DuckDB: a full
// scan of the columns that a benchmark's records need, into structs and into
// records, 500 random rows, and the memory it takes. Both use one thread and
// take turns on the same files in one run.
//
// The 500 rows are read from anywhere, and from a twentieth of the pages. The
// latter, and the scan that it is compared with, read a second file of the same
// rows in row groups of 1,000: that is how Hugging Face's library cuts the
// files that it writes, and how each column has pages enough to speak of a
// twentieth of them.
//
// It needs node, and DuckDB's package:
//
//	.ci/install-peers node
//	go -C internal/bench run ./datasets
//
// With -peers it measures scans into structs against polars, by the clock and
// on two threads each, and against another build of itself where -other names
// one:
//
//	go -C internal/bench run ./datasets -peers -tasks mbpp,trivia_qa,arc_challenge
package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/llmrouter-go/llmrouter/datasets"
	"github.com/llmrouter-go/llmrouter/internal/hfrows"
)

func main() {
	var c config
	flag.StringVar(&c.node, "npm", "../../.peers/node", "folder with the node_modules of DuckDB")
	flag.IntVar(&c.rows, "rows", 100_000, "rows of each file")
	flag.IntVar(&c.group, "group", 20_000, "rows of a row group")
	flag.IntVar(&c.nearGroup, "neargroup", 1000, "rows of a row group of the file that near rows are read from")
	flag.IntVar(&c.rounds, "rounds", 5, "times that each measurement is taken; of times the shortest counts, of speeds the middle")
	tasks := flag.String("tasks", strings.Join(hfrows.Tasks(), ","), "benchmarks, separated by commas")
	scan := flag.String("scan", "", "scan one file for its peak memory; used by the program itself")
	serveFile := flag.String("serve", "", "scan one file for each line on standard input; used by the program itself")
	peers := flag.Bool("peers", false, "measure scans into structs against polars by the clock")
	flag.IntVar(&c.threads, "threads", 2, "threads of each reader, with -peers; one without it")
	flag.StringVar(&c.python, "python", "../../.peers/data/bin/python", "the Python that has polars, for -peers")
	flag.StringVar(&c.other, "other", "", "another build of this program to take turns too, for -peers")
	flag.Parse()
	c.tasks = strings.Split(*tasks, ",")
	if !*peers && *serveFile == "" {
		c.threads = 1
	}
	runtime.GOMAXPROCS(c.threads)
	ctx := context.Background()
	var err error
	switch {
	case *scan != "":
		err = scanOnce(*scan, c.tasks[0])
	case *serveFile != "":
		err = serve(ctx, *serveFile, c.tasks[0])
	case *peers:
		err = comparePeers(ctx, os.Stdout, c)
	default:
		err = run(ctx, os.Stdout, c)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

type config struct {
	node                   string
	rows, group, nearGroup int
	rounds, threads        int
	tasks                  []string
	python, other          string
}

func run(ctx context.Context, out io.Writer, c config) error {
	dir, err := os.MkdirTemp("", "bench-datasets")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	duck, err := startDuckDB(ctx, c.node)
	if err != nil {
		return err
	}
	defer duck.close()
	fmt.Fprintf(out, "%d rows, row groups of %d (near rows: of %d), snappy; one thread each; %d rounds; the shortest processor seconds (by the clock), the middle (and range) of the speeds\n\n", c.rows, c.group, c.nearGroup, c.rounds)
	fmt.Fprintln(out, "| benchmark | MB | DuckDB | structs | times DuckDB's speed | records | times DuckDB's speed | 500 rows anywhere, of a scan | 500 near rows, of a scan | in pages | peak MB | DuckDB's |")
	fmt.Fprintln(out, "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|")
	for _, task := range c.tasks {
		name, nearName := filepath.Join(dir, task+".parquet"), filepath.Join(dir, task+"-near.parquet")
		if err := errors.Join(writeFile(name, task, c.rows, c.group), writeFile(nearName, task, c.rows, c.nearGroup)); err != nil {
			return err
		}
		if err := measure(ctx, out, duck, name, nearName, task, c); err != nil {
			return fmt.Errorf("%s: %w", task, err)
		}
		if err := errors.Join(os.Remove(name), os.Remove(nearName)); err != nil {
			return err
		}
	}
	return nil
}

func writeFile(name, task string, rows, group int) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	if err := hfrows.Write(f, task, rows, group); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

func open(ctx context.Context, name, task string) (*datasets.Table, error) {
	spec, ok := datasets.Find(datasets.Catalog(), task)
	if !ok {
		return nil, fmt.Errorf("unknown benchmark %q", task)
	}
	spec.Parts = []datasets.Part{{Files: []datasets.Location{{Pattern: filepath.Base(name)}}}}
	return datasets.Open(ctx, datasets.FromDir(filepath.Dir(name)), spec)
}

func measure(ctx context.Context, out io.Writer, duck duckDB, name, nearName, task string, c config) error {
	t, err := open(ctx, name, task)
	if err != nil {
		return err
	}
	defer t.Close()
	nearTable, err := open(ctx, nearName, task)
	if err != nil {
		return err
	}
	defer nearTable.Close()
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	columns := []string{}
	for _, col := range t.Spec().Columns() {
		parts := strings.Split(col.Name, ".")
		for i, p := range parts {
			parts[i] = `"` + p + `"`
		}
		columns = append(columns, strings.Join(parts, ".")+" AS c"+strconv.Itoa(len(columns)))
	}
	sql := fmt.Sprintf("CREATE OR REPLACE TEMP TABLE rows AS SELECT %s FROM read_parquet('%s')", strings.Join(columns, ", "), name)

	rng := rand.New(rand.NewPCG(5, 6))
	spread := rng.Perm(c.rows)[:500]
	// Rows within a twentieth of the file, in its middle, from the start of a
	// row group on.
	width := c.rows / 20
	first := (c.rows - width) / 2 / c.nearGroup * c.nearGroup
	near := rng.Perm(width)[:500]
	for i := range near {
		near[i] += first
	}
	times := map[string][]span{}
	duckPeak := 0.0
	for range c.rounds {
		r, err := duck.run(sql)
		if err != nil {
			return err
		}
		times["duckdb"] = append(times["duckdb"], span{r.Seconds, r.CPU})
		duckPeak = r.Peak
		for _, m := range []struct {
			name string
			f    func() error
		}{
			{"rows", func() error { return scanRows[task](ctx, t, c.rows) }},
			{"records", func() error { return scanAll(ctx, t, c.rows) }},
			{"spread", func() error { return readRows(ctx, t, spread) }},
			{"near scan", func() error { return scanAll(ctx, nearTable, c.rows) }},
			{"near", func() error { return readRows(ctx, nearTable, near) }},
		} {
			s, err := timed(m.f)
			if err != nil {
				return err
			}
			times[m.name] = append(times[m.name], s)
		}
	}
	peak, err := peakOfScan(ctx, name, task)
	if err != nil {
		return err
	}
	touched, pages, err := pagesTouched(nearName, t.Spec().Columns(), near)
	if err != nil {
		return err
	}
	best := func(name string) span {
		return slices.MinFunc(times[name], func(a, b span) int { return cmp.Compare(a.cpu, b.cpu) })
	}
	// Speeds are compared round by round, since the machine's own changes
	// between rounds: the middle, the least and the largest.
	ratio := func(of string) string {
		var all []float64
		for i, d := range times["duckdb"] {
			all = append(all, d.cpu/times[of][i].cpu)
		}
		slices.Sort(all)
		return fmt.Sprintf("%.2f (%.2f-%.2f)", (all[len(all)/2]+all[(len(all)-1)/2])/2, all[0], all[len(all)-1])
	}
	d, rows, records := best("duckdb"), best("rows"), best("records")
	fmt.Fprintf(out, "| %s | %.1f | %.3f (%.3f) | %.3f (%.3f) | %s | %.3f | %s | 1/%.1f | 1/%.1f | %d of %d (%.1f%%) | %.0f | %.0f |\n",
		task, float64(info.Size())/1e6, d.cpu, d.wall, rows.cpu, rows.wall, ratio("rows"), records.cpu, ratio("records"),
		records.cpu/best("spread").cpu, best("near scan").cpu/best("near").cpu,
		touched, pages, 100*float64(touched)/float64(pages), peak/1e6, duckPeak/1e6)
	return nil
}

// span is a time by the clock and of the processor, in seconds. The machine may
// be shared, so that the second is the one to compare.
type span struct{ wall, cpu float64 }

func timed(f func() error) (span, error) {
	runtime.GC()
	before, err := cpuTime()
	if err != nil {
		return span{}, err
	}
	start := time.Now()
	if err := f(); err != nil {
		return span{}, err
	}
	wall := time.Since(start).Seconds()
	after, err := cpuTime()
	return span{wall, after - before}, err
}

// cpuTime returns the processor time that all threads of the process used.
func cpuTime() (float64, error) {
	var u unix.Rusage
	err := unix.Getrusage(unix.RUSAGE_SELF, &u)
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9, err
}

func readRows(ctx context.Context, t *datasets.Table, indices []int) error {
	recs, err := t.Records(ctx, indices, nil)
	if err == nil && len(recs) != len(indices) {
		err = fmt.Errorf("%d records", len(recs))
	}
	return err
}

func scanAll(ctx context.Context, t *datasets.Table, want int) error {
	n := 0
	for _, err := range t.All(ctx, nil) {
		if err != nil {
			return err
		}
		n++
	}
	if n != want {
		return fmt.Errorf("%d rows, want %d", n, want)
	}
	return nil
}

// scanOnce scans a file and prints the process's peak memory.
func scanOnce(name, task string) error {
	t, err := open(context.Background(), name, task)
	if err != nil {
		return err
	}
	defer t.Close()
	if err := scanAll(context.Background(), t, t.Len()); err != nil {
		return err
	}
	peak, err := peakMemory()
	fmt.Println(int64(peak))
	return err
}

// peakOfScan scans the file in a process of its own.
func peakOfScan(ctx context.Context, name, task string) (float64, error) {
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	out, err := exec.CommandContext(ctx, self, "-scan", name, "-tasks", task).Output()
	if err != nil {
		return 0, err
	}
	return strconv.ParseFloat(string(bytes.TrimSpace(out)), 64)
}

//go:embed duckdb.mjs
var duckScript string

// duckDB is a DuckDB in a process of its own.
type duckDB struct{ *process }

func startDuckDB(ctx context.Context, dir string) (duckDB, error) {
	cmd := exec.CommandContext(ctx, "node", "--input-type=module", "--eval", duckScript)
	cmd.Dir = dir
	p, err := start("DuckDB", cmd)
	return duckDB{p}, err
}

func (d duckDB) run(sql string) (scanResult, error) {
	request, err := json.Marshal(map[string]string{"sql": sql})
	if err != nil {
		return scanResult{}, err
	}
	return d.ask(string(request))
}

// process answers each line with the measure of what it was asked for.
type process struct {
	name string
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Scanner
}

// scanResult is one scan: seconds by the clock and of the processor, the
// process's peak memory so far, and the rows read where the process tells.
type scanResult struct {
	Seconds, CPU, Peak float64
	Rows               int
}

func start(name string, cmd *exec.Cmd) (*process, error) {
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return &process{name, cmd, in, bufio.NewScanner(out)}, nil
}

func (p *process) ask(line string) (scanResult, error) {
	if _, err := io.WriteString(p.in, line+"\n"); err != nil {
		return scanResult{}, err
	}
	if !p.out.Scan() {
		return scanResult{}, fmt.Errorf("%s gave no answer: %v", p.name, p.out.Err())
	}
	var r scanResult
	return r, json.Unmarshal(p.out.Bytes(), &r)
}

func (p *process) close() {
	p.in.Close()
	_ = p.cmd.Wait()
}
