package metrics

import "testing"

func TestTriviaQAStrict(t *testing.T) {
	runScores(t, "TriviaQAStrict", TriviaQAStrict, []scoreCase{
		// The table of the comment.
		{"It was Spider-Man.", "spider man", 1}, {"The U.S. did.", "u s", 1}, {"A cartoon", "art", 0},

		{"Peter O'Toole played him.", "peter o toole", 1}, {"Schindler’s List", "schindler s list", 1}, {"Jean–Luc", "jean luc", 1}, {"It is called housemaid's knee.", "housemaid s knee", 1},
		{"A Knight's Tale", "knight s tale", 1}, {"the_beatles", "Beatles", 1}, {"«Paris»", "paris", 1}, {"Paris，法国", "paris", 1}, {"ＮＡＳＡ", "nasa", 0}, {"Beyoncé", "beyoncé", 1}, {"ΟΔΟΣ", "οδος", 1},
		{"It was a spider, man.", "spider man", 1}, {"spiderman", "spider man", 0}, {"man spider", "spider man", 0}, {"the Paris", "Paris the", 1}, {"", "paris", 0}, {"paris", "", 0}, {"the", "the", 0}, {"!", "?", 0},
		{"Lyon", `["paris", "lyon"]`, 1}, {"Lyon", "['paris', 'lyon']", 1}, {"Lyon", "('paris', 'lyon')", 1}, {"Lyon", `["paris"]`, 0}, {"Lyon", "[]", 0}, {"1", "[1]", 1}, {"Lyon", `["", "lyon"]`, 1}, {"(hello) world", "(hello) world", 1},
		{"bad \xff text", "bad", 1},
	})
	for truth, reason := range map[string]string{"": "the ground truth holds no word", "[]": "the ground truth holds no word", "The": "the ground truth holds no word", "paris": ""} {
		result, err := Builtin().Score(t.Context(), "trivia_qa_strict", Input{Task: "trivia_qa", Prediction: "x", Truth: truth})
		if err != nil || result.Reason != reason {
			t.Errorf("%q: %+v, %v", truth, result, err)
		}
	}
}
