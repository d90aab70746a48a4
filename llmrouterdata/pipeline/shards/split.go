package shards

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/llmrouter-go/llmrouter/internal/atomicfile"
	"github.com/llmrouter-go/llmrouter/internal/options"
	"github.com/llmrouter-go/llmrouter/internal/problems"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
)

// SplitOptions configures [Split]; nil is all defaults.
type SplitOptions struct {
	// Size is the queries of a shard, from 1; 0: [DefaultSize].
	Size int
	// Check is called with each query; its error, and that of a line which is no
	// query, is an error of Split. Nil: lines are taken as they are.
	Check func(llmrouterdata.StandardQueryData) error
}

func (o *SplitOptions) validate() (SplitOptions, error) {
	v, f := options.Begin(o, "shards: SplitOptions")
	options.Number(f, "Size", &v.Size, DefaultSize, 1, 0)
	return v, f.Err()
}

// Split cuts query_data_train and query_data_test of a configuration into shards
// and writes the list of them into the working folder dir, which is made where it
// is missing. A path with *, ? or [ stands for files that are shards already, in
// the order of their names; these stay where they are.
//
// What stands in the folder is used again where it is the same, so that journals
// go on. A shard whose queries are others than before keeps its journal, which
// knows calls by what they ask, and is not done any more.
func Split(ctx context.Context, c *llmrouterdata.Config, dir string, o *SplitOptions) ([]Shard, error) {
	v, err := o.validate()
	if err := errors.Join(err, c.Require("query_data_train", "query_data_test")); err != nil {
		return nil, err
	}
	k := &cutter{dir: dir, options: v}
	for _, from := range []struct{ split, name string }{{Train, c.DataPath.QueryDataTrain}, {Test, c.DataPath.QueryDataTest}} {
		k.split, k.n = from.split, 0
		if err := k.add(ctx, from.name); err != nil {
			return nil, fmt.Errorf("shards: %w", err)
		}
	}
	if err := k.wrong.Join(); err != nil {
		return nil, err
	}
	if len(k.shards) == 0 {
		return nil, fmt.Errorf("shards: %s and %s hold no query", c.DataPath.QueryDataTrain, c.DataPath.QueryDataTest)
	}
	return k.shards, k.list()
}

// cutter cuts query files.
type cutter struct {
	dir     string
	options SplitOptions
	split   string // that is being cut
	n       int    // shards of it so far
	shards  []Shard
	wrong   problems.List
}

// add takes up the queries of a path.
func (k *cutter) add(ctx context.Context, name string) error {
	if !strings.ContainsAny(name, "*?[") {
		return k.cut(ctx, name, k.options.Size, true)
	}
	names, err := filepath.Glob(name)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if len(names) == 0 {
		return fmt.Errorf("%s: there is no such file", name)
	}
	slices.Sort(names)
	for _, name := range names {
		absolute, err := filepath.Abs(name)
		if err == nil {
			err = k.cut(ctx, absolute, 0, false)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// list writes the list of shards.
func (k *cutter) list() error {
	var text bytes.Buffer
	lines := json.NewEncoder(&text)
	for _, s := range k.shards {
		if err := lines.Encode(s); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(k.dir, 0o777); err != nil {
		return fmt.Errorf("shards: %w", err)
	}
	return atomicfile.WriteFile(manifest(k.dir), text.Bytes())
}

// piece is a shard that is being read, and written unless it stays where it is.
type piece struct {
	shard Shard
	sum   hash.Hash
	file  *atomicfile.File // nil: it stays where it is
	text  *bufio.Writer    // to sum, and to file
}

// begin begins the next shard, of queries that stand from a line on.
func (k *cutter) begin(source string, line int, write bool) (*piece, error) {
	name := fmt.Sprintf("%s-%05d", k.split, k.n)
	k.n++
	p := &piece{sum: sha256.New(), shard: Shard{Name: name, Split: k.split, Queries: source, Source: source, FirstLine: line}}
	to := io.Writer(p.sum)
	if write {
		p.shard.Queries = path.Join("queries", name+".jsonl")
		var err error
		if p.file, err = atomicfile.CreateAll(filepath.Join(k.dir, "queries", name+".jsonl")); err != nil {
			return nil, err
		}
		to = io.MultiWriter(p.sum, p.file)
	}
	p.text = bufio.NewWriterSize(to, copyBuffer)
	return p, nil
}

// end completes a shard. A file that is the same already is left as it is.
func (k *cutter) end(p *piece) error {
	if err := p.text.Flush(); err != nil {
		return err
	}
	p.shard.SHA256 = hex.EncodeToString(p.sum.Sum(nil))
	k.shards = append(k.shards, p.shard)
	if p.file == nil {
		return nil
	}
	if before, err := sumOf(p.file.Target()); err == nil && before == p.shard.SHA256 {
		return p.file.Abort()
	}
	return p.file.Commit()
}

// sumOf returns the hash of a file.
func sumOf(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// cut makes shards of the lines of a file: of size queries each, or one of all
// where size is 0.
func (k *cutter) cut(ctx context.Context, name string, size int, write bool) (err error) {
	f, err := llmrouterdata.OpenFile(name)
	if err != nil {
		return err
	}
	defer f.Close()
	r := bufio.NewReaderSize(f, copyBuffer)
	var p *piece
	defer func() {
		if p != nil && p.file != nil {
			err = errors.Join(err, p.file.Abort()) // which does nothing behind end
		}
	}()
	for line := 1; ; line++ {
		if line%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if _, err := r.Peek(1); err == io.EOF {
			break
		} else if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if p == nil {
			if p, err = k.begin(name, line, write); err != nil {
				return err
			}
		}
		text, err := copyLine(p.text, r)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if len(bytes.TrimSpace(text)) > 0 {
			p.shard.Count++
			k.check(name, line, text)
		}
		if p.shard.Count == size && size > 0 {
			if err := k.end(p); err != nil {
				return err
			}
			p = nil
		}
	}
	if p == nil {
		return nil
	}
	return k.end(p)
}

// copyLine copies a line with its end and returns it; what is longer than a line
// may be is copied, but returned only in part.
func copyLine(to io.Writer, from *bufio.Reader) (line []byte, err error) {
	for {
		text, err := from.ReadSlice('\n')
		if _, err := to.Write(text); err != nil {
			return nil, err
		}
		if len(line) <= llmrouterdata.DefaultMaxLine {
			line = append(line, text...)
		}
		switch err {
		case nil, io.EOF:
			return line, nil
		case bufio.ErrBufferFull:
		default:
			return nil, err
		}
	}
}

// check notes what is wrong with a line.
func (k *cutter) check(name string, line int, text []byte) {
	if k.options.Check == nil {
		return
	}
	for query, err := range llmrouterdata.Records[llmrouterdata.StandardQueryData](bytes.NewReader(text), &llmrouterdata.ReadOptions{Name: name}) {
		if e, ok := errors.AsType[*llmrouterdata.LineError](err); ok {
			e.Line = line
		}
		if err == nil {
			if err = k.options.Check(query); err != nil {
				err = fmt.Errorf("shards: %s:%d: %w", name, line, err)
			}
		}
		k.wrong.Add(err)
	}
}
