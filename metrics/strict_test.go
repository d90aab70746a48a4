package metrics

import "testing"

func TestGSM8KStrict(t *testing.T) {
	runScores(t, "GSM8KStrict", GSM8KStrict, []scoreCase{
		// The table of the comment, column by column.
		{"5 , and we are done", "5", 1},
		{"18, as 3 x 6 = 18.", "18", 1},
		{"It costs $3.50.", "3.5", 1},
		{"It costs $3.50.", "350", 0},
		{"10-5", "5", 1},
		{"1,234.00", "1234", 1},
		{"1e5", "5", 0},

		{"", "", 0},
		{"no number", "5", 0},
		{"5", "no number", 0},
		{"so 7\n#### 1,000 eggs, not 3", "work <<1+1=2>>\n#### 1000", 1},
		{"1\n####\n", "1", 1},
		{`so \boxed{18}. That took 3 steps.`, "18", 1},
		{`\boxed{\$18.00}`, "18", 1},
		{`\boxed{none} but 4`, "4", 1},
		{"-5", "-5", 1},
		{"−5", "-5", 1},
		{"-$5", "-5", 1},
		{"$-5", "-5", 1},
		{"(-5)", "-5", 1},
		{"x-5", "-5", 0},
		{"f(x)-5", "-5", 0},
		{"0", "-0.00", 1},
		{"00018", "18", 1},
		{".5", "0.5", 1},
		{"1/2", "0.5", 1},
		{"1/2", "2", 0},
		{"2/4", "1/2", 1},
		{"1/0 or 3", "3", 1},
		{"1/0", "0", 0},
		{"4 on 1/2/2024", "4", 1},
		{"4 by 1.2.3", "4", 1},
		{"4 with H2O and x2", "4", 1},
		{"It takes 5km.", "5", 1},
		{"5 = 2x4", "2", 1},
		{"1e5", "100,000", 1},
		{"1.5E-3", "0.0015", 1},
		{"1e999999999999", "1", 0},
		{"1e999999999999", "10e999999999998", 1},
		{"1, 2, 3", "3", 1},
		{"12,34", "34", 1},
		{"1,2345", "2345", 1},
		{"1234,567", "567", 1},
		{"100%", "100", 1},
		{"100000000000000000000000001", "100000000000000000000000000", 0},
		{"100000000000000000000000001.0", "100000000000000000000000001", 1},
	})
}

func TestMATHStrict(t *testing.T) {
	runScores(t, "MATHStrict", MATHStrict, []scoreCase{
		// The table of the comment.
		{`\boxed5`, "5", 1},
		{`\fbox{5}`, "5", 1},
		{`\boxed {5}`, "5", 1},
		{`\boxed 1, or rather \boxed{2}`, "2", 1},
		{`\boxed{0.50}`, "0.5", 1},
		{`\boxed{2/4}`, "0.5", 1},
		{`\boxed{1,000}`, "1000", 1},
		{`\boxed{2\frac12}`, "5/2", 1},
		{`\boxed{\frac{x/2}{3}}`, `\dfrac{x/2}3`, 0},
		{`\boxed{\frac{x/2}{3}}`, `\dfrac{x/2}{3}`, 1},
		{`\boxed{}`, "", 0},
		{`\boxed{}`, `\boxed{}`, 0},

		{"", "5", 0},
		{"5", "5", 0},
		{`\boxed{5`, "5", 0},
		{`\boxed{4} and then \boxed{5`, "4", 1},
		{`\boxed{x=\boxed{5}}`, "5", 1},
		{`\boxed{5}`, `so \boxed{5}`, 1},
		{`\\boxed{5}`, "5", 1},
		{`\boxedtext{5}`, "5", 0},
		{`$\boxed{$5$}$`, "5", 1},
		{`\boxed{5.}`, "5", 1},
		{`\boxed{{5}}`, "5", 1},
		{`\boxed{{5}+{6}}`, "5}+{6", 0},
		{`\boxed{\{1,2\}}`, `\{1, 2\}`, 1},
		{`\boxed{\left\{1\right.}`, `\{1.`, 1},
		{`\boxed{x / 2}`, "x/2", 1},
		{`\boxed{\frac}`, `\frac`, 1},
		{`\boxed{\sqrt3}`, `\sqrt{3}`, 1},
		{`\boxed{-\frac{1}{2}}`, "-0.5", 1},
		{`\boxed{\frac{-1}{2}}`, `-\frac12`, 1},
		{`\boxed{\cfrac{1}{2}}`, "0.5", 1},
		{`\boxed{-2\frac{1}{2}}`, "-2.5", 1},
		{`\boxed{1{,}000}`, "1000", 1},
		{`\boxed{1\,000}`, "1000", 1},
		{`\boxed{1.5/3}`, "0.5", 1},
		{`\boxed{1/0}`, "2/0", 0},
		{`\boxed{50\%}`, "50", 1},
		{`\boxed{90^\circ}`, "90", 1},
		{`\boxed{5\text{ cm}}`, "5", 1},
		{`\boxed{5}`, "6", 0},
		{`\boxed{x}`, "y", 0},
		{`\boxed 5$ and $6`, "5", 1},
		{"\\boxed 5\nand more", "5", 1},
	})
}

func TestMultipleChoiceStrict(t *testing.T) {
	const any = 0
	tests := []struct {
		prediction, truth string
		options           int
		want              float64
	}{
		// The table of the comment.
		{"B", "B", 4, 1},
		{"The answer is B.", "B", 4, 1},
		{"(B), as f(x) = 0", "B", any, 1},
		{"The answer is (B), not (C).", "B", 4, 1},
		{"B. Paris", "B", 4, 1},
		{"(3)", "3", 4, 1},
		{"The answer is 3.", "3", 4, 1},
		{"(A) and (B) fit, so (C).", "C", 4, 1},
		{"(D), see (E)", "D", 4, 1},
		{"(D), see (E)", "D", any, 0},
		{"anything", "", 4, 0},

		{"", "B", 4, 0},
		{"b", "B", 4, 1},
		{"**B**", "B", 4, 1},
		{"The capital is **B) Paris**, not the rest", "B", 4, 1},
		{"B)", "(B)", 4, 1},
		{"B: because", "b", 4, 1},
		{"I think Paris.\nB", "B", 4, 1},
		{"A. London\nB. Paris", "B", 4, 0}, // the options, not an answer
		{"A. London\nB. Paris\nAnswer: B", "B", 4, 1},
		{"Answer: **b**", "B", 4, 1},
		{"Final answer:\n\nB", "B", 4, 1},
		{"The correct option is B", "B", 4, 1},
		{"The correct answer is option B: Paris", "B", 4, 1},
		{"Option B is correct, as (A) is too small.", "B", 4, 1},
		{"(B) is the right one. (A) is not.", "B", 4, 1},
		{"Option C is wrong. The choice: B", "B", 4, 1},
		{"Option C was my first thought", "C", 4, 0},
		{"the answer is a dog", "A", 4, 0},
		{"the answer is a", "A", 4, 1},
		{"the answer is a) dog", "A", 4, 1},
		{"The answer is A because", "A", 4, 1},
		{"The answer is not B", "B", 4, 0},
		{"The answer is A's opposite", "A", 4, 0},
		{"The answer is Bé", "B", 4, 0},
		{`So $\boxed{B}$`, "B", 4, 1},
		{`So $\boxed{\text{(B)}}$`, "B", 4, 1},
		{`The answer is \textbf{B}`, "B", 4, 1},
		{"The answer is A. No, wait: the answer is B.", "B", 4, 1},
		{"Z", "B", 4, 0},
		{"E", "E", 4, 1}, // the truth shows that there are more
		{"[B]", "B", 4, 1},
		{"cat(s) (B)", "B", any, 1},
		{"cats(s)", "S", any, 0},
		{"The answer is 3.5", "3", 4, 0},
		{"The answer is 3, as 5 > 4", "3", 4, 1},
		{"It is 3%", "3", 4, 0},
		{"3", "C", 4, 0},
		{"C", "3", 4, 0},
		{"10", "10", any, 1},
		{"7", "3", 4, 0},
		{"word", "word", any, 0},
	}
	for _, tt := range tests {
		if got := MultipleChoiceStrict(tt.prediction, tt.truth, tt.options); got != tt.want {
			t.Errorf("MultipleChoiceStrict(%q, %q, %d) = %v, want %v", tt.prediction, tt.truth, tt.options, got, tt.want)
		}
	}
}

// The tables of the comments state what the lenient ones give, too.
func TestStrictTablesOfQuirks(t *testing.T) {
	runScores(t, "GSM8K", GSM8K, []scoreCase{
		{"5 , and we are done", "5", 0}, {"18, as 3 x 6 = 18.", "18", 1}, {"It costs $3.50.", "3.5", 0},
		{"It costs $3.50.", "350", 1}, {"10-5", "5", 0}, {"1,234.00", "1234", 0}, {"1e5", "5", 1},
	})
	runScores(t, "MATH", MATH, []scoreCase{
		{`\boxed5`, "5", 0}, {`\fbox{5}`, "5", 0}, {`\boxed {5}`, "5", 0}, {`\boxed 1, or rather \boxed{2}`, "2", 0},
		{`\boxed{0.50}`, "0.5", 0}, {`\boxed{2/4}`, "0.5", 0}, {`\boxed{1,000}`, "1000", 0}, {`\boxed{2\frac12}`, "5/2", 0},
		{`\boxed{\frac{x/2}{3}}`, `\dfrac{x/2}{3}`, 0}, {`\boxed{}`, "", 1},
	})
	runScores(t, "MultipleChoice", MultipleChoice, []scoreCase{
		{"B", "B", 0}, {"The answer is B.", "B", 0}, {"(B), as f(x) = 0", "B", 0}, {"The answer is (B), not (C).", "B", 0},
		{"B. Paris", "B", 0}, {"(3)", "3", 0}, {"The answer is 3.", "3", 0}, {"(A) and (B) fit, so (C).", "C", 1},
		{"(D), see (E)", "D", 0}, {"anything", "", 1},
	})
}
