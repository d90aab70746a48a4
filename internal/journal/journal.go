package journal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/llmrouter-go/llmrouter/internal/filelock"
	"github.com/llmrouter-go/llmrouter/internal/vfs"
)

// Suffix ends the name of a journal beside the file that is made from it.
const Suffix = ".journal"

// LockSuffix ends the name of the lock file beside a journal. The lock is not
// on the journal itself, which Windows would not let others read then.
const LockSuffix = ".lock"

const header = `{"journal": "llmrouter calls", "version": 1}` + "\n"

// ErrTooLarge says that an entry is longer than a line may be.
var ErrTooLarge = errors.New("the entry is too large")

// errNotJournal says that a file is something else, which is left alone.
var errNotJournal = errors.New("it is not a journal of this version, and is left as it is")

// LockedError says that another run holds the journal.
type LockedError struct {
	Journal string
	PID     int // of the holder; 0 where it is not known
}

func (e *LockedError) Error() string {
	holder := "another run"
	if e.PID > 0 {
		holder = fmt.Sprintf("the run with pid %d", e.PID)
	}
	return fmt.Sprintf("journal: %s is held by %s", e.Journal, holder)
}

// Options configures [Open] and [Peek]; nil and the zero value are good.
type Options struct {
	// Fresh moves an existing journal aside under a new name (".1", ".2" ...
	// behind it), since what it holds was paid for. Default: go on from it.
	// Peek does not look at it.
	Fresh bool
	// Warn is told of damaged lines and of a file system without locks; nil:
	// silent.
	Warn func(string)
	// FS holds the file; nil: vfs.OS.
	FS vfs.FS
}

// validate returns the options with every default in its place. No value of
// them is a fault.
func (o *Options) validate() Options {
	var options Options
	if o != nil {
		options = *o
	}
	if options.Warn == nil {
		options.Warn = func(string) {}
	}
	options.FS = vfs.Or(options.FS)
	return options
}

// Journal is an open journal. Scan must be the first call and have returned;
// then Append and Read may be called from several goroutines.
type Journal struct {
	name string
	fs   vfs.FS
	warn func(string)
	file vfs.File
	lock vfs.File // held until Close; nil after Peek

	mu sync.Mutex // guards what follows
	// end is where the next entry goes: behind the last whole line. Bytes
	// behind it are a torn line or what is left of a write that failed.
	end int64
	// recovered says that the header stands and nothing stands behind end.
	// Nothing is appended before.
	recovered bool
	line      bytes.Buffer // scratch of Append
	unsynced  int          // entries since the last sync
	synced    time.Time    // when that was
	scorers   []string     // named by notes
	parts     parts        // that notes tell of
}

// Open takes the lock of a journal and opens the file, or makes it and the
// folders above it. [Journal.Scan] must follow. The error is a *[LockedError]
// while another run holds it.
func Open(name string, o *Options) (_ *Journal, err error) {
	options := o.validate()
	j := &Journal{name: name, fs: options.FS, warn: options.Warn, synced: time.Now()}
	defer func() {
		if err != nil {
			_ = j.Close()
			if _, locked := errors.AsType[*LockedError](err); !locked {
				err = fmt.Errorf("journal: %w", err)
			}
		}
	}()
	if err := vfs.MkdirAll(j.fs, filepath.Dir(name)); err != nil {
		return nil, err
	}
	if err := j.takeLock(); err != nil {
		return nil, err
	}
	if options.Fresh {
		if err := j.moveAside(); err != nil {
			return nil, err
		}
	}
	if j.file, err = j.fs.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o666); err != nil {
		return nil, err
	}
	return j, nil
}

// Peek opens a journal to be scanned and read, and leaves it as it is; a run
// may be writing it. Nil is returned where there is none.
func Peek(name string, o *Options) (*Journal, error) {
	options := o.validate()
	f, err := options.FS.OpenFile(name, os.O_RDONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	return &Journal{name: name, fs: options.FS, warn: options.Warn, file: f}, nil
}

func (j *Journal) takeLock() error {
	f, err := j.fs.OpenFile(j.name+LockSuffix, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return err
	}
	// The pid stands behind the first byte, which the lock may cover.
	switch err := j.fs.TryLock(f); {
	case errors.Is(err, filelock.ErrLocked):
		text := make([]byte, 20)
		n, _ := f.ReadAt(text, 1)
		pid, _ := strconv.Atoi(strings.TrimSpace(string(text[:n])))
		f.Close()
		return &LockedError{Journal: j.name, PID: pid}
	case err != nil && !errors.Is(err, errors.ErrUnsupported):
		f.Close()
		return fmt.Errorf("locking it: %w", err)
	case err != nil:
		j.warn("the journal cannot be locked here: see to it that no other run uses it")
	}
	j.lock = f
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err = f.WriteAt([]byte("\n"+strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

// moveAside gives an existing journal the next free name.
func (j *Journal) moveAside() error {
	if _, err := os.Lstat(j.name); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for n := 1; ; n++ {
		aside := fmt.Sprintf("%s.%d", j.name, n)
		switch _, err := os.Lstat(aside); {
		case errors.Is(err, fs.ErrNotExist):
			if err := j.fs.Rename(j.name, aside); err != nil {
				return err
			}
			// Else a power cut could leave the new journal in its place and
			// lose its new name.
			return j.fs.SyncDir(filepath.Dir(j.name))
		case err != nil:
			return err
		}
	}
}

// recover makes a scanned journal ready for Append: it cuts a torn line off and
// writes the header of a new journal.
func (j *Journal) recover() error {
	if err := j.file.Truncate(j.end); err != nil {
		return err
	}
	if j.end == 0 {
		if err := j.write([]byte(header)); err != nil {
			return err
		}
	}
	if err := j.file.Sync(); err != nil {
		return err
	}
	j.recovered = true
	return j.fs.SyncDir(filepath.Dir(j.name))
}

// write puts whole lines at the end; on an error the file stays as it was.
func (j *Journal) write(lines []byte) error {
	if _, err := j.file.WriteAt(lines, j.end); err != nil {
		return errors.Join(err, j.file.Truncate(j.end))
	}
	j.end += int64(len(lines))
	return nil
}

// Append adds a finished call and returns its offset. ErrTooLarge leaves the
// journal as it was.
func (j *Journal) Append(e *Entry) (offset int64, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.append(e)
}

// ReadScorers returns what has scored answers of a journal, as
// [Journal.Scorers] does; none where there is no journal. It leaves the file as
// it is.
func ReadScorers(name string) ([]string, error) {
	j, err := Peek(name, nil)
	if err != nil || j == nil {
		return nil, err
	}
	defer j.Close() // it was only read
	if err := j.Scan(func(int64, *Entry) error { return nil }); err != nil {
		return nil, err
	}
	return j.Scorers(), nil
}

// AddScorer notes that answers were scored by what is named so, unless the
// journal says it already.
func (j *Journal) AddScorer(name string) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if name == "" || slices.Contains(j.scorers, name) {
		return nil
	}
	if _, err := j.append(note{ScoredBy: name}); err != nil {
		return err
	}
	j.scorers = append(j.scorers, name)
	return nil
}

// Scorers returns what has scored answers of the journal, in the order of the
// notes; nil where nothing was noted.
func (j *Journal) Scorers() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.scorers)
}

// append writes a line and returns its offset. The caller holds the mutex.
func (j *Journal) append(v any) (offset int64, err error) {
	if !j.recovered {
		return 0, errors.New("journal: Append before Scan")
	}
	if j.line.Cap() > keepLine {
		j.line = bytes.Buffer{}
	}
	j.line.Reset()
	encoder := json.NewEncoder(&j.line)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return 0, fmt.Errorf("journal: %w", err)
	}
	if j.line.Len() > maxEntry {
		return 0, fmt.Errorf("journal: %w", ErrTooLarge)
	}
	offset = j.end
	if err := j.write(j.line.Bytes()); err != nil {
		return 0, fmt.Errorf("journal: %w", err)
	}
	if j.unsynced++; j.unsynced >= syncEvery || time.Since(j.synced) >= syncAfter {
		if err := j.sync(); err != nil {
			return 0, err
		}
	}
	return offset, nil
}

// Sync brings the entries appended so far to stable storage.
func (j *Journal) Sync() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.sync()
}

func (j *Journal) sync() error {
	if err := j.file.Sync(); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	j.unsynced, j.synced = 0, time.Now()
	return nil
}

// Read returns the entry at an offset.
func (j *Journal) Read(offset int64) (*Entry, error) {
	line := make([]byte, 4096)
	for {
		n, err := j.file.ReadAt(line, offset)
		if i := bytes.IndexByte(line[:n], '\n'); i >= 0 {
			e := &Entry{}
			if err := decode(string(line[:i+1]), e); err != nil {
				return nil, fmt.Errorf("journal: %s: entry at byte %d: %w", j.name, offset, err)
			}
			return e, nil
		}
		if err != nil || len(line) > maxLine {
			return nil, fmt.Errorf("journal: %s: entry at byte %d: %w", j.name, offset, errors.Join(err, io.ErrUnexpectedEOF))
		}
		line = make([]byte, 4*len(line))
	}
}

// Close makes all entries durable and gives the lock back.
func (j *Journal) Close() error {
	var errs []error
	if j.file != nil {
		if j.lock != nil {
			errs = append(errs, j.file.Sync())
		}
		errs = append(errs, j.file.Close())
	}
	if j.lock != nil {
		errs = append(errs, j.fs.Unlock(j.lock), j.lock.Close())
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	return nil
}
