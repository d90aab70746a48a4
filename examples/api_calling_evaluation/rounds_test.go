package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/llmrouter-go/llmrouter/internal/chaos"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/pipeline/rounds"
)

// roundSet has a candidate that is never right.
func roundSet(t *testing.T) *setting {
	t.Helper()
	return set(t, 160, chaos.Config{Answer: func(model, user string) string {
		if model == "x/first" {
			return "The answer is -1."
		}
		return chaos.Answer(model, user)
	}})
}

// TestRounds: after each round it is said what is known and what the next would
// bring, and in the end where the data set is.
func TestRounds(t *testing.T) {
	s := roundSet(t)
	report := filepath.Join(s.dir, "report.json")
	out, errs, err := s.run(t, nil, "--rounds", "--pilot", "120", "--min_gain", "0", "--report", report)
	if err != nil {
		t.Fatalf("%v\n%s", err, errs)
	}
	for _, text := range []string{
		"round 1: 120 queries, 80 of them for training\n", "a ridge router of 64 queries reaches ", "the next round: 120 queries for about ", "; it may gain ",
		"round 2: 240 queries, 160 of them for training\n", "no query is left", "rounds called: 2; 480 calls made for ", "; 0 queries are left\n", "480 rows: 0 calls made, 480 taken from the journal",
	} {
		if !strings.Contains(out, text) {
			t.Errorf("no %q in:\n%s", text, out)
		}
	}
	c, err := llmrouterdata.LoadConfig(filepath.Join(rounds.Folder(s.c), "config.yaml"), nil)
	if err == nil {
		err = dataset.Check(t.Context(), c, nil)
	}
	if err != nil {
		t.Error(err)
	}
	text, err := os.ReadFile(report)
	if err != nil {
		t.Fatal(err)
	}
	var got inRounds
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Rounds) != 2 || got.Called != 480 || got.Queries != 240 || len(got.Cells) != 2 || got.SpentUSD <= 0 {
		t.Errorf("%s", text)
	} else if got.Rounds[0].Curve == nil || got.Rounds[0].Gain == nil {
		t.Errorf("the first round has no curve: %s", text)
	}
}

// TestRoundsBudget: a budget ends the rounds, and the files are whole.
func TestRoundsBudget(t *testing.T) {
	s := roundSet(t)
	flags := []string{"--rounds", "--pilot", "120", "--min_gain", "0", "--budget"}
	out, errs, err := s.run(t, nil, append(flags, "1.2")...) // the pilot costs 0.84
	if err != nil {
		t.Fatalf("%v\n%s", err, errs)
	}
	if !strings.Contains(out, "the budget ended the rounds") || strings.Contains(out, "; 0 queries are left") {
		t.Errorf("it says:\n%s", out)
	}
	if err := dataset.Check(t.Context(), rounds.Collected(s.c), nil); err != nil {
		t.Error(err)
	}
	if _, _, err = s.run(t, nil, append(flags, "0.0000001", "--fresh")...); !errors.Is(err, chat.ErrBudget) {
		t.Errorf("a budget for nothing: %v", err)
	}
}

func TestRoundFlags(t *testing.T) {
	s := set(t, 4, chaos.Config{})
	for says, flags := range map[string][]string{
		"--pilot goes with --rounds":                     {"--pilot", "5"},
		"--min_gain goes with --rounds":                  {"--min_gain", "0.1"},
		"--drop_dominated goes with --rounds":            {"--drop_dominated"},
		"--test does not go with --rounds":               {"--rounds", "--test"},
		"--order does not go with --rounds":              {"--rounds", "--order", "by_query"},
		"--batch does not go with --rounds":              {"--rounds", "--batch"},
		"--batch_read does not go with --rounds":         {"--rounds", "--batch_read", s.dir},
		"--publish_incomplete does not go with --rounds": {"--rounds", "--publish_incomplete"},
		"--rounds does not go with --work":               {"--rounds", "--work", s.dir, "--status"},
		"--pilot is 0; it must be more than 0":           {"--rounds", "--pilot", "0"},
		"--min_gain is 1.5; it must be from 0 to 1":      {"--rounds", "--min_gain", "1.5"},
		"--min_gain is NaN; it must be from 0 to 1":      {"--rounds", "--min_gain", "NaN"},
	} {
		if _, errs, err := s.run(t, nil, flags...); err == nil || !strings.Contains(errs+err.Error(), says) {
			t.Errorf("%v: %v\n%s", flags, err, errs)
		}
	}
	s.nothingWritten(t)
}
