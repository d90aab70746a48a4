package pipeline

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/llmrouter-go/llmrouter/internal/filelock"
)

// A journal is an append-only file of finished calls, one JSON object a line,
// behind a line that says what it is. It belongs to one run at a time.
//
// An entry is written by one write call before it counts, and brought to
// stable storage in batches. After a crash the last line may be torn: it is cut
// off. A later entry of the same call replaces an earlier one.
type journal struct {
	name string
	lock *os.File
	file journalFile

	mu      sync.Mutex
	line    bytes.Buffer // scratch
	end     int64        // where the next entry goes
	unsaved int          // entries since the last fsync
	saved   time.Time    // when that was
}

// journalFile is an *os.File.
type journalFile interface {
	io.ReaderAt
	io.WriterAt
	Truncate(size int64) error
	Sync() error
	Close() error
}

// callID identifies a call of a candidate within a journal.
type callID [16]byte

// entry is a finished call.
type entry struct {
	// Call is the request's fingerprint, and "-1", "-2" ... for the further
	// rows that ask the same.
	Call         string      `json:"call"`
	Candidate    string      `json:"candidate"`
	Task         string      `json:"task_name"`
	Error        *entryError `json:"error,omitempty"`
	Response     string      `json:"response"`
	TokenNum     int         `json:"token_num"`
	InputTokens  int         `json:"input_tokens"`
	OutputTokens int         `json:"output_tokens"`
	Estimated    bool        `json:"tokens_estimated,omitempty"`
	ResponseTime float64     `json:"response_time"`
	Key          string      `json:"key,omitempty"`
	Attempts     int         `json:"attempts"`
	CostUSD      float64     `json:"cost_usd"`
	FinishReason string      `json:"finish_reason,omitempty"`
}

// entryError is a call that failed for good.
type entryError struct {
	Kind    string `json:"kind"`
	Status  int    `json:"status,omitempty"`
	Code    string `json:"code,omitempty"`
	Message string `json:"message"`
	Detail  string `json:"detail,omitempty"`
}

func newCallID(candidate, call string) callID {
	sum := sha256.Sum256([]byte(candidate + "\x00" + call))
	return callID(sum[:16])
}

// lockSuffix ends the name of the lock file of a journal.
const lockSuffix = ".lock"

const journalHeader = `{"journal": "llmrouter calls", "version": 1}` + "\n"

const (
	// maxLine bounds a line that is read.
	maxLine = 64 << 20
	// maxEntry bounds an entry, so that its row can be read by whoever keeps to
	// llmrouterdata.DefaultMaxLine. The longest answer that chat.Options allow
	// by default is 8 MiB.
	maxEntry = 12 << 20
)

// errEntryTooLarge says that an entry is longer than maxEntry.
var errEntryTooLarge = errors.New("the entry is too large")

// JournalLockedError says that another run holds the journal.
type JournalLockedError struct {
	Journal string
	PID     int // of the holder; 0 where it is not known
}

func (e *JournalLockedError) Error() string {
	holder := "another run"
	if e.PID > 0 {
		holder = fmt.Sprintf("the run with pid %d", e.PID)
	}
	return fmt.Sprintf("pipeline: %s is held by %s", e.Journal, holder)
}

// openJournal takes the journal's lock and opens or makes the file; scan must
// follow. With fresh, an existing journal is first moved aside under a new
// name, since what it holds was paid for.
func openJournal(name string, fresh bool, warn func(string)) (_ *journal, err error) {
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		return nil, fmt.Errorf("pipeline: journal: %w", err)
	}
	j := &journal{name: name, saved: time.Now()}
	defer func() {
		if err != nil {
			_ = j.close()
		}
	}()
	if err := j.takeLock(warn); err != nil {
		return nil, err
	}
	if fresh {
		if err := moveAside(name); err != nil {
			return nil, fmt.Errorf("pipeline: journal: %w", err)
		}
	}
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, fmt.Errorf("pipeline: journal: %w", err)
	}
	j.file = f
	return j, nil
}

// peekJournal opens a journal to scan and leaves it as it is; a run may be writing it.
// Nil is returned where there is none.
func peekJournal(name string) (*journal, error) {
	f, err := os.Open(name)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("pipeline: journal: %w", err)
	}
	return &journal{name: name, file: f}, nil
}

// resume cuts a torn last line off, behind which entries are then appended, and
// writes the first line of a new journal.
func (j *journal) resume() error {
	if err := j.file.Truncate(j.end); err != nil {
		return fmt.Errorf("pipeline: journal %s: %w", j.name, err)
	}
	if j.end == 0 {
		if err := j.write([]byte(journalHeader)); err != nil {
			return fmt.Errorf("pipeline: journal %s: %w", j.name, err)
		}
	}
	return nil
}

// takeLock holds a file of its own rather than the journal, which Windows
// would not let others read while it is locked.
func (j *journal) takeLock(warn func(string)) error {
	name := j.name + lockSuffix
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return fmt.Errorf("pipeline: journal: %w", err)
	}
	// The pid stands behind the first byte, which the lock may cover.
	switch err := filelock.TryLock(f); {
	case errors.Is(err, filelock.ErrLocked):
		text := make([]byte, 20)
		n, _ := f.ReadAt(text, 1)
		pid, _ := strconv.Atoi(strings.TrimSpace(string(text[:n])))
		f.Close()
		return &JournalLockedError{Journal: j.name, PID: pid}
	case err != nil && !errors.Is(err, errors.ErrUnsupported):
		f.Close()
		return fmt.Errorf("pipeline: locking the journal: %w", err)
	case err != nil:
		warn("the journal cannot be locked here: see to it that no other run uses it")
	}
	j.lock = f
	if err := errors.Join(f.Truncate(0), writeAt(f, "\n"+strconv.Itoa(os.Getpid())+"\n")); err != nil {
		return fmt.Errorf("pipeline: journal: %w", err)
	}
	return nil
}

func writeAt(f *os.File, text string) error {
	_, err := f.WriteAt([]byte(text), 0)
	return err
}

func moveAside(name string) error {
	if _, err := os.Lstat(name); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	for n := 1; ; n++ {
		aside := fmt.Sprintf("%s.%d", name, n)
		switch _, err := os.Lstat(aside); {
		case errors.Is(err, os.ErrNotExist):
			return os.Rename(name, aside)
		case err != nil:
			return err
		}
	}
}

// write puts whole lines at the end; on an error the file stays as it was.
func (j *journal) write(lines []byte) error {
	if _, err := j.file.WriteAt(lines, j.end); err != nil {
		return errors.Join(err, j.file.Truncate(j.end))
	}
	j.end += int64(len(lines))
	return nil
}

// An entry is with the operating system, which outlives the process, when
// append returns. It is brought to stable storage with syncEvery others, or with
// the next one after syncAfter.
const (
	syncEvery = 256
	syncAfter = time.Second
)

// append adds a finished call and returns its offset. errEntryTooLarge leaves
// the journal as it was.
func (j *journal) append(e *entry) (int64, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.line.Cap() > 1<<20 {
		j.line = bytes.Buffer{}
	}
	j.line.Reset()
	encoder := json.NewEncoder(&j.line)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(e); err != nil {
		return 0, fmt.Errorf("pipeline: journal: %w", err)
	}
	if j.line.Len() > maxEntry {
		return 0, fmt.Errorf("pipeline: journal: %w", errEntryTooLarge)
	}
	at := j.end
	if err := j.write(j.line.Bytes()); err != nil {
		return 0, fmt.Errorf("pipeline: journal: %w", err)
	}
	if j.unsaved++; j.unsaved >= syncEvery || time.Since(j.saved) >= syncAfter {
		if err := j.file.Sync(); err != nil {
			return 0, fmt.Errorf("pipeline: journal: %w", err)
		}
		j.unsaved, j.saved = 0, time.Now()
	}
	return at, nil
}

// read returns the entry at an offset.
func (j *journal) read(offset int64) (*entry, error) {
	line := make([]byte, 4096)
	for {
		n, err := j.file.ReadAt(line, offset)
		if i := bytes.IndexByte(line[:n], '\n'); i >= 0 {
			e := &entry{}
			if err := decodeEntry(string(line[:i+1]), e); err != nil {
				return nil, fmt.Errorf("pipeline: journal %s: entry at byte %d: %w", j.name, offset, err)
			}
			return e, nil
		}
		if err != nil || len(line) > maxLine {
			return nil, fmt.Errorf("pipeline: journal %s: entry at byte %d: %w", j.name, offset, errors.Join(err, io.ErrUnexpectedEOF))
		}
		line = make([]byte, 4*len(line))
	}
}

// close brings everything to stable storage and gives the lock back.
func (j *journal) close() error {
	var errs []error
	if j.file != nil {
		errs = append(errs, j.file.Sync(), j.file.Close())
	}
	if j.lock != nil {
		errs = append(errs, filelock.Unlock(j.lock), j.lock.Close())
	}
	return errors.Join(errs...)
}
