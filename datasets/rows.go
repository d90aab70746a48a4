package datasets

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/llmrouter-go/llmrouter/internal/pyjson"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
)

type record = llmrouterdata.StandardQueryData

var errNoAnswer = errors.New("no answer")

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

// letter is the label of option i: A, B, ... by code point.
func letter(i int) string {
	if i < len(alphabet) {
		return alphabet[i : i+1] // a string of a rune would be made anew
	}
	return string(rune('A' + i))
}

type naturalQARow struct {
	Question string   `column:"question"`
	Answers  []string `column:"golden_answers"`
}

func naturalQARecord(row naturalQARow, _ *Rand) (record, error) {
	if len(row.Answers) == 0 {
		return record{}, errNoAnswer
	}
	return record{Query: row.Question, GroundTruth: row.Answers[0]}, nil
}

type triviaQARow struct {
	Question string   `column:"question"`
	Aliases  []string `column:"answer.normalized_aliases"`
}

func triviaQARecord(row triviaQARow, _ *Rand) (record, error) {
	if len(row.Aliases) == 0 {
		return record{}, errNoAnswer
	}
	return record{Query: row.Question, GroundTruth: row.Aliases[0]}, nil
}

type mmluRow struct {
	Question string   `column:"question"`
	Choices  []string `column:"choices"`
	Answer   int      `column:"answer"`
}

func mmluRecord(row mmluRow, _ *Rand) (record, error) {
	if row.Answer < 0 || row.Answer >= len(row.Choices) {
		return record{}, fmt.Errorf("answer %d of %d choices", row.Answer, len(row.Choices))
	}
	return record{Query: row.Question, GroundTruth: letter(row.Answer), Choices: llmrouterdata.NewChoices(row.Choices)}, nil
}

type gpqaRow struct {
	Question string `column:"Question"`
	Correct  string `column:"Correct Answer"`
	Wrong1   string `column:"Incorrect Answer 1"`
	Wrong2   string `column:"Incorrect Answer 2"`
	Wrong3   string `column:"Incorrect Answer 3"`
}

// gpqaRecord puts the options in a random order: option i goes to place
// order[i], and the letter is that of the correct one, which is option 0.
func gpqaRecord(row gpqaRow, r *Rand) (record, error) {
	options := [4]string{row.Correct, row.Wrong1, row.Wrong2, row.Wrong3}
	order := [4]int{0, 1, 2, 3}
	r.r.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	var shuffled [4]string
	for i, place := range order {
		shuffled[place] = options[i]
	}
	return record{Query: row.Question, GroundTruth: letter(order[0]), Choices: llmrouterdata.NewChoices(shuffled[:])}, nil
}

type mbppRow struct {
	TaskID int      `column:"task_id"`
	Text   string   `column:"text"`
	Tests  []string `column:"test_list"`
	// Setup is what the tests need besides the solution, whose classes it may
	// use; empty in nearly every task.
	Setup string `column:"test_setup_code,optional"`
}

// mbppRecords makes the records of one reading, whose composed texts share
// memory.
func mbppRecords() func(*mbppRow, *Rand) (record, error) {
	var (
		shared sharedText
		ids    []string // room for the next records'
		buf    []byte
	)
	return func(row *mbppRow, _ *Rand) (record, error) {
		if len(row.Tests) == 0 {
			return record{}, errors.New("no tests")
		}
		// The set-up runs after the solution and before the tests, so it is the
		// first of them; the choices, which the prompt shows, are the tests alone.
		tests := row.Tests
		if strings.TrimSpace(row.Setup) != "" {
			tests = append([]string{row.Setup}, tests...)
		}
		var err error
		if buf, err = appendJSONArray(buf[:0], tests); err != nil {
			return record{}, err
		}
		rec := record{Query: row.Text, GroundTruth: shared.add(buf), Choices: llmrouterdata.NewChoices(row.Tests)}
		if len(ids) == 0 {
			ids = make([]string, 16)
		}
		buf = strconv.AppendInt(buf[:0], int64(row.TaskID), 10)
		ids[0] = shared.add(buf)
		rec.TaskID, ids = &ids[0], ids[1:]
		return rec, nil
	}
}

// appendJSONArray writes texts as pyjson.Append writes a list of them.
func appendJSONArray(b []byte, texts []string) ([]byte, error) {
	b = append(b, '[')
	for i, t := range texts {
		if i > 0 {
			b = append(b, ", "...)
		}
		var err error
		if b, err = pyjson.AppendString(b, t, true); err != nil {
			return b, err
		}
	}
	return append(b, ']'), nil
}

type humanEvalRow struct {
	TaskID string `column:"task_id"`
	Prompt string `column:"prompt"`
	Test   string `column:"test"`
}

func humanEvalRecord(row humanEvalRow, _ *Rand) (record, error) {
	return record{Query: row.Prompt, GroundTruth: row.Test, TaskID: &row.TaskID}, nil
}

type gsm8kRow struct {
	Question string `column:"question"`
	Answer   string `column:"answer"`
}

func gsm8kRecord(row gsm8kRow, _ *Rand) (record, error) {
	return record{Query: row.Question, GroundTruth: row.Answer}, nil
}

type mathRow struct {
	Problem  string `column:"problem"`
	Solution string `column:"solution"`
}

func mathRecord(row mathRow, _ *Rand) (record, error) {
	return record{Query: row.Problem, GroundTruth: row.Solution}, nil
}

// The three benchmarks with options and labels differ in the order of the two
// lists, which the records keep.
type commonsenseQARow struct {
	Question string   `column:"question"`
	Labels   []string `column:"choices.label"`
	Texts    []string `column:"choices.text"`
	Answer   string   `column:"answerKey"`
}

func commonsenseQARecord(row commonsenseQARow, _ *Rand) (record, error) {
	return optionsRecord(row.Question, row.Answer,
		llmrouterdata.ChoiceField{Key: "label", Values: row.Labels},
		llmrouterdata.ChoiceField{Key: "text", Values: row.Texts})
}

type openBookQARow struct {
	Question string   `column:"question_stem"`
	Texts    []string `column:"choices.text"`
	Labels   []string `column:"choices.label"`
	Answer   string   `column:"answerKey"`
}

func openBookQARecord(row openBookQARow, _ *Rand) (record, error) {
	return optionsRecord(row.Question, row.Answer,
		llmrouterdata.ChoiceField{Key: "text", Values: row.Texts},
		llmrouterdata.ChoiceField{Key: "label", Values: row.Labels})
}

type arcRow struct {
	Question string   `column:"question"`
	Texts    []string `column:"choices.text"`
	Labels   []string `column:"choices.label"`
	Answer   string   `column:"answerKey"`
}

func arcRecord(row arcRow, _ *Rand) (record, error) {
	return optionsRecord(row.Question, row.Answer,
		llmrouterdata.ChoiceField{Key: "text", Values: row.Texts},
		llmrouterdata.ChoiceField{Key: "label", Values: row.Labels})
}

// optionsRecord keeps the choices in the dataset's own keys and order. The
// answer need not be among the labels: the Python pipeline passes it on too.
func optionsRecord(question, answer string, a, b llmrouterdata.ChoiceField) (record, error) {
	if answer == "" {
		return record{}, errNoAnswer
	}
	if len(a.Values) != len(b.Values) || len(a.Values) == 0 {
		return record{}, fmt.Errorf("%d %ss and %d %ss", len(a.Values), a.Key, len(b.Values), b.Key)
	}
	return record{Query: question, GroundTruth: answer, Choices: llmrouterdata.ChoicesFromFields(a, b)}, nil
}
