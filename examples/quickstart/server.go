package main

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/llmrouter-go/llmrouter/llmrouterdata"
)

// persona is a pretend LLM: how often it is right at each task, and its
// manners.
type persona struct {
	candidate llmrouterdata.Candidate
	skill     map[string]float64 // by task; the share of right answers
	otherwise float64            // at tasks not listed
	delay     time.Duration
	wordy     bool
	// flaky is the share of questions whose first attempt fails, and broken
	// the share that fails at every attempt.
	flaky, broken float64
}

var personas = []persona{
	{
		candidate: llmrouterdata.Candidate{
			Name: "pocket-3b", Size: "3B", Model: "quickstart/pocket-3b", Service: "quickstart", InputPrice: 0.04, OutputPrice: 0.08,
			Feature: "Pocket-3B is a small general model that answers at once and briefly. It is good at everyday facts, weak at mathematics and code, and the cheapest of the four.",
		},
		skill:     map[string]float64{"natural_qa": 0.6, "trivia_qa": 0.6, "commonsense_qa": 0.65, "openbook_qa": 0.6},
		otherwise: 0.25,
	},
	{
		candidate: llmrouterdata.Candidate{
			Name: "mathsmith-8b", Size: "8B", Model: "quickstart/mathsmith-8b", Service: "quickstart", InputPrice: 0.2, OutputPrice: 0.2,
			Feature: "Mathsmith-8B was trained on word problems and proofs. It shows its steps, solves most school mathematics, and knows little about the world.",
		},
		skill:     map[string]float64{"gsm8k": 0.95, "math": 0.9, "mmlu": 0.5},
		otherwise: 0.3, wordy: true,
	},
	{
		candidate: llmrouterdata.Candidate{
			Name: "codewright-14b", Size: "14B", Model: "quickstart/codewright-14b", Service: "quickstart", InputPrice: 0.3, OutputPrice: 0.4,
			Feature: "Codewright-14B writes Python. It passes most unit tests and reasons soundly, and its service fails now and then.",
		},
		skill:     map[string]float64{"mbpp": 0.95, "human_eval": 0.9, "gsm8k": 0.6, "gpqa": 0.5},
		otherwise: 0.4, flaky: 0.2, broken: 0.04,
	},
	{
		candidate: llmrouterdata.Candidate{
			Name: "grand-120b", Size: "120B", Model: "quickstart/grand-120b", Service: "quickstart", InputPrice: 1.2, OutputPrice: 2.4,
			Feature: "Grand-120B is a large model with broad knowledge. It is right more often than the others on most subjects, slow, and expensive.",
		},
		otherwise: 0.85, delay: 25 * time.Millisecond, wordy: true,
	},
}

// candidates are the entries of the candidate file.
func candidates() []llmrouterdata.Candidate {
	var list []llmrouterdata.Candidate
	for _, p := range personas {
		list = append(list, p.candidate)
	}
	return list
}

// answerBook lists what is right and wrong. This file alone reads it.
//
//go:embed fixtures/answers.json
var answerBook []byte

// answer is what the server knows about a question. The pipeline never sees
// this book: all that the two share is HTTP.
type answer struct {
	Task    string `json:"task"`
	Query   string `json:"query"`
	Right   string `json:"right"`
	Wrong   string `json:"wrong"`
	Options bool   `json:"options"` // right and wrong are texts of options
}

type server struct {
	url  string
	http *http.Server
	book []answer

	mu       sync.Mutex
	attempts map[string]int
}

// startServer serves POST /v1/chat/completions on a free port of this machine.
func startServer() (*server, error) {
	s := &server{attempts: map[string]int{}}
	if err := json.Unmarshal(answerBook, &s.book); err != nil {
		return nil, fmt.Errorf("answers.json: %w", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/chat/completions", s.complete)
	s.url = "http://" + listener.Addr().String() + "/v1"
	s.http = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = s.http.Serve(listener) }() // it ends with close
	return s, nil
}

func (s *server) close() { _ = s.http.Close() }

func (s *server) complete(w http.ResponseWriter, r *http.Request) {
	var request struct {
		Model    string `json:"model"`
		Messages []struct {
			Role    string `json:"role"`
			Content string `json:"content"`
		} `json:"messages"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&request); err != nil {
		fail(w, http.StatusBadRequest, "invalid_request", "the request is not understood")
		return
	}
	var who *persona
	for i := range personas {
		if personas[i].candidate.Model == request.Model {
			who = &personas[i]
		}
	}
	if who == nil {
		fail(w, http.StatusNotFound, "model_not_found", "there is no such model")
		return
	}
	prompt, words := "", 0
	for _, m := range request.Messages {
		words += len(strings.Fields(m.Content))
		if m.Role == "user" {
			prompt = m.Content
		}
	}
	if s.fails(who, prompt) {
		fail(w, http.StatusInternalServerError, "overloaded", "try again later")
		return
	}
	time.Sleep(who.delay)
	content := s.reply(who, prompt)
	in, out := words*4/3+4, len(strings.Fields(content))*4/3+1
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{
		"id": "quickstart", "object": "chat.completion", "created": 0, "model": request.Model,
		"choices": []any{map[string]any{
			"index": 0, "finish_reason": "stop", "message": map[string]any{"role": "assistant", "content": content},
		}},
		"usage": map[string]any{"prompt_tokens": in, "completion_tokens": out, "total_tokens": in + out},
	})
}

func fail(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"error": map[string]any{"message": message, "type": code, "code": code}})
}

// chance is a number in [0, 1) that depends on its arguments alone.
func chance(parts ...string) float64 {
	h := fnv.New64a()
	for _, p := range parts {
		h.Write([]byte(p))
		h.Write([]byte{0})
	}
	// FNV's low bits are better mixed than its high ones.
	x := h.Sum64()
	x ^= x >> 32
	x *= 0x9e3779b97f4a7c15
	return float64(x>>11) / (1 << 53)
}

// fails decides whether an attempt fails; a repeated question is told by its
// count.
func (s *server) fails(who *persona, prompt string) bool {
	key := who.candidate.Model + "\x00" + prompt
	s.mu.Lock()
	s.attempts[key]++
	n := s.attempts[key]
	s.mu.Unlock()
	return chance("broken", key) < who.broken || n == 1 && chance("flaky", key) < who.flaky
}

// reply answers a prompt from the book, rightly or wrongly.
func (s *server) reply(who *persona, prompt string) string {
	known := s.find(prompt)
	if known == nil {
		return "I do not know."
	}
	skill, listed := who.skill[known.Task]
	if !listed {
		skill = who.otherwise
	}
	text := known.Wrong
	if chance("skill", who.candidate.Model, known.Query) < skill {
		text = known.Right
	}
	if known.Options {
		label := findOption(prompt, text)
		if label == "" {
			return "None of the options fits."
		}
		if who.wordy {
			return fmt.Sprintf("Going through the options one by one, what fits best is: %s. The answer is (%s)", text, label)
		}
		return fmt.Sprintf("(%s)", label)
	}
	if who.wordy && !strings.Contains(text, "```") {
		return "Let me think about this step by step. " + text
	}
	return text
}

// find returns the entry whose query stands in the prompt, the longest where
// several do.
func (s *server) find(prompt string) *answer {
	var best *answer
	for i := range s.book {
		a := &s.book[i]
		if strings.Contains(prompt, strings.TrimSpace(a.Query)) && (best == nil || len(a.Query) > len(best.Query)) {
			best = a
		}
	}
	return best
}

// option matches "A. text" and "(A) text".
var option = regexp.MustCompile(`(?m)^\(?([A-Z0-9]+)[.)] (.*)$`)

func findOption(prompt, text string) string {
	for _, m := range option.FindAllStringSubmatch(prompt, -1) {
		if m[2] == text {
			return m[1]
		}
	}
	return ""
}
