package codeeval

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
)

// writeFrame writes a message with its length before it, as 32 bits big endian.
func writeFrame(w io.Writer, body []byte) error {
	if len(body) > math.MaxInt32 { // many large tests
		return fmt.Errorf("message of %d bytes", len(body))
	}
	framed := binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(body)), uint32(len(body)))
	_, err := w.Write(append(framed, body...))
	return err
}

// readFrame reads what writeFrame writes.
func readFrame(r io.Reader) ([]byte, error) {
	var size [4]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(size[:])
	if n > maxFrame {
		return nil, fmt.Errorf("message of %d bytes", n)
	}
	body := make([]byte, n)
	_, err := io.ReadFull(r, body)
	return body, err
}
