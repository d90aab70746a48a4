package importing

import (
	"bufio"
	"errors"
	"fmt"
	"os"
)

// spool keeps texts in a temporary file, since the answers of a data set need not
// fit into memory.
type spool struct {
	file *os.File
	w    *bufio.Writer
	n    int64
}

// span is where a text is.
type span struct {
	at     int64
	length int
}

func newSpool(dir string) (*spool, error) {
	f, err := os.CreateTemp(dir, "answers-*.llmrouter-tmp")
	if err != nil {
		return nil, fmt.Errorf("importing: %w", err)
	}
	return &spool{file: f, w: bufio.NewWriterSize(f, 1<<16)}, nil
}

func (s *spool) put(text string) (span, error) {
	at := span{s.n, len(text)}
	n, err := s.w.WriteString(text)
	if s.n += int64(n); err != nil {
		return at, fmt.Errorf("importing: %w", err)
	}
	return at, nil
}

// get reads a text back. It does not go with put.
func (s *spool) get(at span) (string, error) {
	if err := s.w.Flush(); err != nil {
		return "", fmt.Errorf("importing: %w", err)
	}
	text := make([]byte, at.length)
	if _, err := s.file.ReadAt(text, at.at); err != nil {
		return "", fmt.Errorf("importing: %w", err)
	}
	return string(text), nil
}

func (s *spool) remove() error { return errors.Join(s.file.Close(), os.Remove(s.file.Name())) }
