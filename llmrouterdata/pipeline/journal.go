package pipeline

import (
	"bufio"
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
	file *os.File

	mu      sync.Mutex
	end     int64 // where the next entry goes
	unsaved int   // entries since the last fsync
	index   map[callID]place
}

// callID identifies a call of a candidate within a journal.
type callID [16]byte

// place is where an entry stands.
type place struct {
	offset int64
	failed bool
}

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

func (e *entry) id() callID { return newCallID(e.Candidate, e.Call) }

func newCallID(candidate, call string) callID {
	sum := sha256.Sum256([]byte(candidate + "\x00" + call))
	return callID(sum[:16])
}

const journalHeader = `{"journal": "llmrouter calls", "version": 1}` + "\n"

// maxEntry bounds a line of the journal: an answer of 8 MiB, escaped.
const maxEntry = 64 << 20

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

// openJournal takes the journal's lock, makes the file or cuts off its torn
// end, and reads what it holds. With fresh, an existing journal is first moved
// aside under a new name, since what it holds was paid for.
func openJournal(name string, fresh bool, warn func(string)) (_ *journal, err error) {
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		return nil, fmt.Errorf("pipeline: journal: %w", err)
	}
	j := &journal{name: name, index: map[callID]place{}}
	defer func() {
		if err != nil {
			_ = j.close()
		}
	}()
	if err := j.takeLock(); err != nil {
		return nil, err
	}
	if fresh {
		if err := moveAside(name); err != nil {
			return nil, fmt.Errorf("pipeline: journal: %w", err)
		}
	}
	if j.file, err = os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o666); err != nil {
		return nil, fmt.Errorf("pipeline: journal: %w", err)
	}
	if err := j.load(j.file, warn); err != nil {
		return nil, fmt.Errorf("pipeline: journal %s: %w", name, err)
	}
	if err := j.file.Truncate(j.end); err != nil {
		return nil, fmt.Errorf("pipeline: journal %s: %w", name, err)
	}
	if j.end == 0 {
		if err := j.write([]byte(journalHeader)); err != nil {
			return nil, fmt.Errorf("pipeline: journal %s: %w", name, err)
		}
	}
	return j, nil
}

// peek reads what a journal holds and leaves it as it is; a run may be writing
// it. No journal is an empty one.
func (j *journal) peek() error {
	f, err := os.Open(j.name)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("pipeline: journal: %w", err)
	}
	defer f.Close()
	if err := j.load(f, func(string) {}); err != nil {
		return fmt.Errorf("pipeline: journal %s: %w", j.name, err)
	}
	return nil
}

// takeLock holds a file of its own rather than the journal, which Windows
// would not let others read while it is locked.
func (j *journal) takeLock() error {
	name := j.name + ".lock"
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
		if _, err := os.Lstat(aside); errors.Is(err, os.ErrNotExist) {
			return os.Rename(name, aside)
		}
	}
}

// load indexes the entries up to the last whole line. Lines that are damaged
// are passed over with a warning: their calls are made again.
func (j *journal) load(f io.ReaderAt, warn func(string)) error {
	r := bufio.NewReaderSize(io.NewSectionReader(f, 0, 1<<62), 1<<20)
	var line []byte
	for number := 1; ; number++ {
		var err error
		if line, err = readLine(r, line[:0]); err == io.EOF {
			break // what is left is no whole line
		} else if err != nil {
			return err
		}
		start := j.end
		j.end += int64(len(line))
		if number == 1 {
			if string(line) != journalHeader {
				return fmt.Errorf("it is not a journal of this version")
			}
			continue
		}
		var head struct {
			Call      string          `json:"call"`
			Candidate string          `json:"candidate"`
			Error     json.RawMessage `json:"error"`
		}
		if err := json.Unmarshal(line, &head); err != nil || head.Call == "" {
			warn(fmt.Sprintf("%s:%d: damaged entry; the call is made again", j.name, number))
			continue
		}
		j.index[newCallID(head.Candidate, head.Call)] = place{start, head.Error != nil}
	}
	return nil
}

// readLine appends the next line with its line end to buf; io.EOF where there
// is none.
func readLine(r *bufio.Reader, buf []byte) ([]byte, error) {
	for {
		part, err := r.ReadSlice('\n')
		if len(buf)+len(part) > maxEntry {
			return buf, fmt.Errorf("a line of more than %d bytes", maxEntry)
		}
		buf = append(buf, part...)
		if err != bufio.ErrBufferFull {
			return buf, err
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

// syncEvery is how many entries are brought to stable storage at once. They are
// with the operating system before that, which outlives the process.
const syncEvery = 256

// append adds a finished call and returns its place.
func (j *journal) append(e *entry) (place, error) {
	line, err := json.Marshal(e)
	if err != nil {
		return place{}, fmt.Errorf("pipeline: journal: %w", err)
	}
	if len(line) >= maxEntry {
		return place{}, fmt.Errorf("pipeline: journal: an entry of %d bytes", len(line))
	}
	line = append(line, '\n')
	j.mu.Lock()
	defer j.mu.Unlock()
	at := place{j.end, e.Error != nil}
	if err := j.write(line); err != nil {
		return place{}, fmt.Errorf("pipeline: journal: %w", err)
	}
	if j.unsaved++; j.unsaved >= syncEvery {
		j.unsaved = 0
		if err := j.file.Sync(); err != nil {
			return place{}, fmt.Errorf("pipeline: journal: %w", err)
		}
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
			if err := json.Unmarshal(line[:i], e); err != nil {
				return nil, fmt.Errorf("pipeline: journal %s: entry at byte %d: %w", j.name, offset, err)
			}
			return e, nil
		}
		if err != nil || len(line) > maxEntry {
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
