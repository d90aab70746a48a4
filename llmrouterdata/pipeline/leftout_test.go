package pipeline

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
)

// TestCandidatesLeftOut holds that a candidate that is not called is named.
func TestCandidatesLeftOut(t *testing.T) {
	var log bytes.Buffer
	c := testSet(t, 2, 1, "a", "b_think")
	if _, err := evaluate(t, c, Options{Client: &fakeClient{}, Logger: slog.New(slog.NewTextHandler(&log, nil))}); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(log.String(), "its name ends in _think"); n != 1 || !strings.Contains(log.String(), "candidate=b_think") {
		t.Errorf("%d warnings: %s", n, log.String())
	}
}
