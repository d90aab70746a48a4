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

// TestGSM8KStrictStatements has replies with more numbers than the one that is
// the answer, 12 unless the truth says otherwise.
func TestGSM8KStrictStatements(t *testing.T) {
	for _, reply := range []string{
		// The last statement in answer form.
		"The answer is 12. Check: 12 - 7 = 5.", "The answer is 12 eggs, as 5 + 7 = 12.", "Answer: 12\n\nThis took 3 steps.", "**Answer:** 12 (in 3 steps)",
		"The final answer is $12$. (rounded from 12.2)", "The answer is 5. No, wait. The answer is 12. I used 3 rules.", "So the result is 5 + 7 = 12, not 13.",
		"Therefore, the answer is \\(12\\). 3 of them are red.", "The answer is: \\[ 12 \\]\nin 3 steps", "The answer is\n\n12\n\nafter 3 steps.", "Final answer: **12**\n\nNote: 3 are red.",
		"Answer = 12 in 2024.", "答案是 12。共 3 步。", "答案：12（3 步）", "Antwort: 12. Das waren 3 Schritte.", "La respuesta es 12. En 3 pasos.", "Ответ: 12. Шагов 3.", "la réponse est 12 (3 étapes)",
		"The answer is therefore 12, since 3 x 4 = 12.", "the answer to this problem is 12.\n\nTotal time: 3 s", "The answer is approximately 12 (12.2 before rounding)",
		"#### 12\n\nThat is for 3 people.", "so \\boxed{12}. That took 3 steps.", "The answer is 5, or so. \\boxed{12} in 3 steps", "\\boxed{5}? No: the answer is 12, by 3 steps", "#### 5\nCorrection: the answer is 12, for 3 people",
		"#### **12**", "#### $12", "####12 eggs in 3 boxes", "#### Answer: 12", "### Final answer\n12", "#### Final Answer\n\n**12**",
		// Headings and steps.
		"#### Step 1\n5\n#### Step 2: 3 more\n5 + 7 = 12", "#### 1. Count the eggs\nThere are 5.\n#### 2. Add 7\n5 + 7 = 12.", "#### 1) Count\n12", "##### Part 3\n12", "12 in all.\n\n#### Thanks for question 3",
		// No statement.
		"She has 5 + 7 = 12 eggs.", "12", "That makes 12 (7 red and 5 blue).", "That makes **12** eggs in 3 boxes.", "It is 12 dollars.\n\nCheck: 12 - 5 = 7.", "It is 12.\n\nCheck:\n12 - 5 = 7\n5 + 7 = 12, as 1 = 1",
		"It is 12. Verification: 12 - 5 = 7. So 7 + 5 = 12, 1 time.", "She needs 12 boxes, rounded up from 11.5.", "About 12, rounded to the nearest 1", "It is 12, rounded to 2 decimal places.", "It was 12 as of 2024.",
		"We get 12. Note that 3 of them are red.", "She has 12 left. Let me know if you have 2 more questions!", "12 in all.\n\nI hope these 3 steps help.", "**Total:** 12", "**Step 4:** 5 + 7 = 12", "12 (see step 3)", "There are 12 [3].",
		// Units and notations.
		"12 square feet (ft^2)", "12 m^2", "12m²", "12 ft2", "$12\\text{ cm}^2$", "12\\,\\mathrm{m}^{2}", "12 m<sup>2</sup>", "12.[1]", "12[1]", "12 [1]", "12.0", "12.00 dollars", "$12.00", "USD 12", "12 USD", "12 €", "₹12", "12%", "12:00", "at 12:00 pm",
		"1.2 × 10^1", "1.2e1", "1.2 * 10**1", "1.2 x 10^{1}", "1.2 \\times 10^1 m", "0.12 · 10²", "１２", "１２．０", "١٢", "१२", "12/1", "24/2", "\\frac{24}{2}", "\\dfrac{24}2", "11\\frac{1}{1}", "10 4/2",
	} {
		if GSM8KStrict(reply, "work <<5+7=12>>\n#### 12") != 1 {
			n, ok := finalNumber(reply)
			t.Errorf("%q gives %+v, %v", reply, n, ok)
		}
	}
	runScores(t, "GSM8KStrict", GSM8KStrict, []scoreCase{
		{"12,500", "12500", 1}, {"12 500", "12500", 1}, {"12\u00a0500", "12500", 1}, {"12'500.50", "12500.5", 1}, {"12’500", "12500", 1}, {"12{,}500", "12500", 1}, {"12,\\!500", "12500", 1}, {"12_500", "12500", 1},
		{"₹1,00,000", "100000", 1}, {"12,34,567.5", "1234567.5", 1}, {"1,00", "100", 0}, {"1,00,00", "10000", 0}, {"1 2", "12", 0}, {"5 100-dollar bills", "100", 1},
		{"3½ cups", "3.5", 1}, {"½", "0.5", 1}, {"3 1/2", "3.5", 1}, {"3\\frac12", "3.5", 1}, {"-3\\frac{1}{2}", "-3.5", 1}, {"⅔", "2/3", 1}, {"5:30", "5.5", 1}, {"3:4", "4", 1}, {"2^10", "1024", 1}, {"10^3", "1000", 1},
		{"5 × 10^-3", "0.005", 1}, {"5 × 10⁻³", "0.005", 1}, {"3 × 10", "10", 1}, {"3 × 100", "100", 1}, {"The answer is -$5.", "-5", 1}, {"The answer is - 5.", "5", 1}, {"The answer is −5.", "-5", 1}, {"#### -5", "-5", 1}, {"####-$5", "-5", 1},
		{"The answer is 10 - 15 = -5.", "-5", 1}, {"x_1 = 5", "5", 1}, {"x_1", "1", 0}, {"10^{9}^9^9", "1", 0}, {"The answer is 2^99999.", "0", 0}, {"The answer is 2^99999.", "2", 0}, {"#### 0", "-0.00", 1},
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
		{`\boxed{\frac{x/2}{3}}`, `\dfrac{x/2}3`, 1},
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

// TestMATHStrictForms has answers that are equal, and answers that are not.
func TestMATHStrictForms(t *testing.T) {
	for _, group := range [][]string{
		// Numbers.
		{"5", "5.0", "+5", "5.", "{5}", `\frac{10}{2}`, "10/2", `\sqrt{25}`, "5^1", "2+3", "(5)", `\left(5\right)`, "x=5", "x = 5.00", `\displaystyle 5`, `5\quad`, `5\ `, `\mathbf{5}`, `\text{5}`, `|{-5}|`, `\boxed{5}`, `1 \cdot 5`, `\frac{5!}{24}`, `\binom{5}{1}`, "5!/4!"},
		{"1000", "1,000", "1{,}000", `1,\!000`, `1\,000`, "1 000", "10^3", "10^{3}", `10 \times 100`},
		{`\frac{1}{2}`, `\frac12`, `\dfrac12`, "1/2", "0.5", ".5", "0.50", `\frac{2}{4}`, `\frac{0.5}{1}`, `2^{-1}`, `\tfrac{3}{6}`, `\left( \frac{1}{2} \right)`, `1 \div 2`},
		{`-\frac{25}{4}`, "-25/4", `\frac{-25}{4}`, `\frac{25}{-4}`, `-6\frac{1}{4}`, "-6.25", `-\left(\frac{25}{4}\right)`, `−\frac{25}{4}`},
		{"50", `50\%`, "50%", `50^\circ`, `50^{\circ}`, "50°", `\$50`, "$50$", `50\text{ cm}`, `50\,\text{cm}`, `50\ \mathrm{cm}`, `50\mbox{ cm}^2`, `50\text{cm}^{2}`, "50 square units", "50 dollars", `50 \text{ miles per hour}`, `50\text{ km/h}`, `50 \text{ degrees}`, `\text{50 boxes}`, `50 units^2`},
		// Roots, pi, i.
		{`3\sqrt{2}`, `\sqrt{18}`, `3 \cdot \sqrt{2}`, `3\sqrt2`, `\sqrt 2 \cdot 3`, `\frac{6}{\sqrt{2}}`, `\sqrt{2}\sqrt{9}`, `3 * \sqrt{2}`, `3√2`, `3 \cdot 2^{1/2}`, `3\sqrt[2]{2}`},
		{`\frac{\sqrt{3}}{3}`, `\frac{1}{\sqrt{3}}`, `\sqrt{\frac{1}{3}}`, `\sqrt{1/3}`, `3^{-1/2}`},
		{`1+\sqrt{2}`, `\sqrt{2}+1`, `\frac{1}{\sqrt{2}-1}`},
		{`2\sqrt[3]{2}`, `\sqrt[3]{16}`, `2^{4/3}`}, {`-2`, `\sqrt[3]{-8}`},
		{`\frac{25\pi}{2}`, `\frac{25}{2}\pi`, `12.5\pi`, `\pi \cdot \frac{25}{2}`, `25π/2`, `\frac{50\pi}{4}`},
		{"3+2i", `2i+3`, `3+2\,i`, `3 + 2 \cdot i`, `(3+2i)`}, {"-1", "i^2"}, {`i\sqrt{2}`, `\sqrt{2}i`, `\sqrt{-2}`}, {"-i", `\frac{1}{i}`},
		// Expressions.
		{"x^2+2x+1", "1+2x+x^2", "(x+1)^2", "(x+1)(x+1)", "x^{2}+2x+1", "x^2 + 2 x + 1", "f(x) = x^2+2x+1", "y = x^2+2x+1", `x\cdot x+2x+1`, "x²+2x+1"},
		{"29b(5b+1)", "145b^2+29b", "(5b+1)29b"}, {"xy", "yx", `x\cdot y`}, {`\frac{x}{2}`, "x/2", `\frac{1}{2}x`, "0.5x"}, {`\frac{x+1}{x-1}`, `\frac{1+x}{-1+x}`, `\frac{2x+2}{2x-2}`},
		{`\sin 2x`, `\sin(2x)`, `\sin{2x}`, "sin(2x)", `\sin(x \cdot 2)`}, {`\sin^2 x`, `(\sin x)^2`, `\sin x \cdot \sin x`}, {`\log_2 3`, `\log_{2}{3}`}, {"e^{x}", "e^x"}, {`2 \sin b \cos a`, `2\cos a\sin b`}, {"2^{x+1}", "2^{1+x}"},
		// Tuples, intervals, sets, lists.
		{"(1,2)", "(1, 2)", `\left(1,2\right)`, `\bigl(1, 2\bigr)`, `(1.0, \frac{4}{2})`, "(x,y) = (1,2)", "1 < x < 2", `x \in (1,2)`},
		{`[-3,-\frac{4}{3})`, `\left[-3,-\frac{4}{3}\right)`, `-3 \le x < -\frac43`, `x \in [-3,-4/3)`, `-\frac43 > x \ge -3`},
		{`(-\infty,5)\cup (5,\infty)`, `(5,\infty) \cup (-\infty,5)`, `x \in (-\infty,5)\cup(5,\infty)`, `x < 5 \text{ or } x > 5`, `(-∞,5)∪(5,+∞)`}, {`[2,\infty)`, `x \ge 2`, `x\geq2`, `2 \le x`},
		{"2,4", "4, 2", "2, 4", `2\text{ and }4`, `2 \text{ or } 4`, `\{2,4\}`, `\left\{4, 2\right\}`, "x=2, x=4", `x = 2 \text{ or } x = 4`, "x=2,4", "2 and 4", "2; 4", `3 \pm 1`}, {`\{1,2,3\}`, "1, 2, and 3"},
		{`1 + \sqrt{2}, 1 - \sqrt{2}`, `1 \pm \sqrt{2}`, `x = 1\pm\sqrt2`},
		{`\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}`, `\begin{bmatrix}1&2\\3&4\end{bmatrix}`, `\left(\begin{array}{cc} 1 & 2 \\ 3 & 4 \end{array}\right)`, `\begin{pmatrix} 1.0 & \frac{4}{2} \\ 3 & 4 \\ \end{pmatrix}`},
		// Equations and texts.
		{"2x + z - 5 = 0", "z + 2x = 5", "4x+2z=10", "5 = 2x+z", "-2x-z+5=0"}, {"y=-2x+1", "y = 1-2x"}, {"Evelyn", `\text{Evelyn}`, `\mathrm{Evelyn}`, `\textbf{Evelyn}`, `\mbox{Evelyn}`, "evelyn", `\text{ Evelyn}`}, {"A", `\text{A}`, `\text{(A)}`, "(A)", `\textbf{(A)}`},
		{`\text{June 20}`, "June 20"}, {"101_2", "101_{2}"}, {"x_1", "x_{1}"}, {`\theta`, `{\theta}`}, {`0.\overline{3}`, `\frac{1}{3}`, "1/3"}, {`0.1\overline{6}`, `\frac16`}, {`1.\overline{27}`, `\frac{14}{11}`}, {"y=-2x+1", "2x+y=1", "1-2x=y"}, {"12", `12\text{ m}`, `12\,\mathrm{m}`, `12\text{ m/s}`, `12\text{ m}^2`},
	} {
		for _, a := range group {
			for _, b := range group {
				if MATHStrict(`\boxed{`+a+"}", b) != 1 && MATHStrict(`\boxed{`+a+"}", `\boxed{`+b+"}") != 1 {
					t.Errorf("%q is not %q", a, b)
				}
			}
		}
	}
	different := []string{
		"5", "-5", "50", "0.5", "0.05", `5^\circ C`, "5x", "x", "y", "x^2", "x+1", "x-1", "-x", "2s", "2m", "14k", "101_2", "101_3", "101", `\sqrt{5}`, "2.236", `\pi`, "3.14", "3.1416", `\frac{22}{7}`, "i", "e", "2.718", `\frac{x/3}{2}x`,
		"(1,2)", "(2,1)", "[1,2]", "[1,2)", "(1,2]", "1,2", "1,3", "1", "2", "12", "(1,2,3)", "(3,2,1)", "1,2,3", `\{1,2,4\}`, `x<1`, `x>1`, `x\le1`, `x\ge1`, `x \ne 1`, `(-\infty,1)\cup(2,\infty)`, `(-\infty,1]\cup(2,\infty)`,
		`\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}`, `\begin{pmatrix} 1 & 3 \\ 2 & 4 \end{pmatrix}`, `\begin{pmatrix} 1 \\ 2 \end{pmatrix}`, `\begin{pmatrix} 1 & 2 \end{pmatrix}`, `\begin{vmatrix} 1 & 2 \\ 3 & 4 \end{vmatrix}`,
		"-2", `-2 \text{ or } -12`, "-12", `\text{Sunday}`, `\text{Monday}`, `\text{neither}`, `\text{odd}`, `\text{(B)}`, `\text{(C)}`, "a", "B b", `10\text{ a.m.}`, `10\text{ p.m.}`, "10", `\text{June 20}`, `\text{June 2}`, `\text{May 20}`,
		"y=2x+3", "y=2x-3", "y=-2x+3", "x^2+y^2=1", "x^2+y^2=2", "0.56=56", "0.57=56", `\sin x`, `\cos x`, `\sin 2x`, `\sin^2 x`, `\tan \frac{x}{2}`, `\log 2`, `\ln 2`, `\log_3 2`, "2^x", "x^{2x}", "2^{10}", "1024x", `\sqrt[3]{2}`, `\sqrt{2}`, `\sqrt[3]{4}`, `\sqrt{x}`, `\sqrt{x^2}`, "|x|", "x!", "n!", `\frac{1}{x}`, `\frac{1}{x+1}`,
		`\frac{x}{x+1}`, `1+\sqrt2`, `1-\sqrt2`, `1\pm\sqrt2`, "3+2i", "3-2i", "2+3i", `\frac{1}{0}`, `\frac{2}{0}`, `\infty`, `-\infty`, `\overline{AB}`, `\angle A`, "ABC", `\theta`, `2\theta`, "x_1", "x_2", "33_4", "33", `0.\overline{3}`, "0.3", `10{,}000`, `5\mathrm{i}`, "x=5y",
	}
	for i, a := range different {
		for k, b := range different {
			if i != k && MATHStrict(`\boxed{`+a+"}", b) == 1 {
				f, _ := formOf(a)
				t.Errorf("%q passes for %q (%+v)", a, b, f)
			}
		}
	}
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
		{"(D), see (E)", "D", any, 1},
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

// TestMultipleChoiceStrictStatements has replies that settle on C of four
// options, on another one where it is named, or on none ("-").
func TestMultipleChoiceStrictStatements(t *testing.T) {
	for reply, want := range map[string]string{
		// Statements.
		"Answer seems to be C.": "C", "I choose option C.": "C", "I will go with C": "C", "Select C": "C", "Final: C": "C", "My final choice - C": "C", "Answer — C": "C", "→ C": "C", "-> C": "C", "=> (C)": "C",
		"The rest is right: C": "C", "It is C.": "C", "It's C.": "C", "The letter is C": "C", "The answer is “C”.": "C", "The answer is «C».": "C", "The answer is __C__.": "C", "<b>C</b>": "C", "<C>": "C", "（C）": "C", "Ｃ": "C",
		"The answer is probably C": "C", "This corresponds to option C": "C", "So option C": "C", "So, C.": "C", "Hence C": "C", "Therefore: C": "C", "答案是C": "C", "答案：C。": "C", "正确答案为（C）。": "C", "故选C。": "C", "选 C": "C",
		"Antwort: C": "C", "Die Antwort ist C.": "C", "La respuesta es C.": "C", "La réponse est C.": "C", "Ответ: C": "C", "I'd pick C.": "C", "I would select (C) here.": "C", "Final answer (C)": "C", "My answer: C!": "C", "Correct: C": "C", "Correct answer → C": "C",
		"Answer: C.": "C", "**Answer: C**": "C", "Answer:\n\n**C**": "C", "The correct option is:\n(C)": "C", "It must be C.": "C", "That must be (C).": "C", "Best choice: C, as it fits.": "C", "\\boxed{\\text{C}}": "C", "$\\boxed{(C)}$ since (A) fails": "C",
		"<answer>C</answer>": "C", "`C`": "C", "\"C\"": "C", "C.": "C", "(c)": "C", "**C**": "C", "[C]": "C", "- C": "C", "C ✓": "C", "The answer is [C].": "C", "The answer is {C}.": "C", "answer=C": "C", "Choice: C": "C", "Option: C": "C",
		// The last one.
		"The answer is A. Wait, no. The answer is C.": "C", "I choose A? No, I choose C.": "C", "First I thought it is A. It is C.": "C", "The answer is (A), no, the answer is (C).": "C",
		// Remarks.
		"The answer is C. A is right only in a vacuum.": "C", "Option C is the best answer; A is right only for metals.": "C", "The answer is (C). B is the best known distractor.": "C", "(C), because (A) is wrong.": "C", "(C) because (A) is wrong": "C", "(C) since (A) and (B) fail.": "C",
		"C, because A is wrong.": "C", "C - since A is too small": "C", "The answer is C; B is wrong because it melts.": "C", "The answer is C. B is correct if it rains.": "C", "The answer is C, while A is true for metals.": "C", "C is correct. A is not correct.": "C", "(C) is correct, (A) isn't.": "C",
		"The answer is C. B would be right in 1990.": "C", "It is C. (A) is wrong, (B) is wrong, (D) is wrong.": "C", "(A) is wrong. (B) is wrong. (D) is wrong. (C) is left.": "C", "The answer is not A but C. So C.": "C", "I do not choose A. I choose C.": "C", "(C). (A) is impossible.": "C",
		"The answer is (C), not (A) or (B).": "C", "The answer is C and not A.": "C", "The answer is C, and A is wrong.": "C", "(A) and (B) fit the first, so (C).": "C", "Between (A) and (C), I choose (C).": "C", "I choose between A and B. The answer is C.": "C",
		"(A) Vitamin C is correct": "A", "(D) Hepatitis B is correct": "D", "D. Hepatitis B is the right one": "D", "A. wrong\nB. wrong\nC. right\nD. wrong": "C", "A: no\nB: no\nC: yes\nD: no": "C", "A ✗": "-",
		"A) False\nB) False\nC) True\nD) False": "C", "C) Paris": "C", "C: Paris is right": "C",
		// Nothing is settled on.
		"(E) (D) (C) (B) (A)": "-", "(D) (C) (B) (A)": "-", "A, B, C, D": "-", "A B C D": "-", "(A)/(B)/(C)/(D)": "-", "(A), (B), (C) or (D)": "-", "**A** **B** **C**": "-", "[A] [B] [C] [D]": "-", "The answer is A or C.": "-", "The answer is (A) and (C).": "-", "Both (A) and (C)": "-", "A and C": "-",
		"The answer is A/C": "-", "The answer is not C": "-", "I would not choose C": "-", "C is wrong": "-", "(C) is wrong.": "-", "C is right only if x": "-", "I think so.": "-", "The answer is a cat.": "-", "It is a dog.": "-", "So a cat": "-", "Vitamin C is correct": "-", "Plan B is best": "-", "It can't be (C).": "-",
		"": "-", "Let me think about options A to D.": "-", "A is better than C.": "-", "So I think": "-", "It is Dr. C. Smith": "-",
	} {
		for _, truth := range []string{"A", "B", "C", "D"} {
			wants := score(truth == want)
			if got := MultipleChoiceStrict(reply, truth, 4); got != wants {
				t.Errorf("%q gives %v for %s, want %v", reply, got, truth, wants)
			}
		}
	}
}

func TestMultipleChoiceTextStrict(t *testing.T) {
	station := []string{"bus depot", "train station", "beach", "bridge", "station"}
	years := []string{"1914", "1918", "1939", "1945"}
	letters := []string{"w", "x", "y", "z"}
	for _, c := range []struct {
		reply   string
		choices []string
		want    string // "-": none
	}{
		{"train station", station, "B"}, {"Train station.", station, "B"}, {"The train station", station, "B"}, {"**train station**", station, "B"}, {"\\boxed{\\text{train station}}", station, "B"}, {"beach", station, "C"},
		{"I would say train station.", station, "B"}, {"One might think of a bus depot. But a train station is better.", station, "B"}, {"He might go to a train station, not a bus depot.", station, "B"}, {"A train station rather than a beach.", station, "B"},
		{"The answer is train station. A bus depot has no trains.", station, "B"}, {"Answer: the bridge, as a beach is far.", station, "D"}, {"It is a train station or a bus depot.", station, "-"}, {"A bus depot.\n\nA train station.", station, "B"},
		{"(C) train station", station, "C"}, {"The answer is (C), a train station", station, "C"}, {"train stations", station, "-"}, {"", station, "-"}, {"instead of the bridge", station, "-"}, {"B", station, "B"},
		{"1918", years, "B"}, {"It ended in 1918.", years, "B"}, {"It lasted from 1914 to 1918.", years, "-"}, {"The answer is 1918, four years after 1914.", years, "B"},
		{"x", letters, "B"}, {"f(x) is a word", letters, "-"}, {"The answer is x.", letters, "B"}, {"(B) x", letters, "B"},
		{"same", []string{"same", "same"}, "-"}, {"no text", []string{"", " "}, "-"}, {"The answer is I choose", nil, "-"},
	} {
		for i := range max(len(c.choices), 2) {
			truth := letter(i)
			wants := score(truth == c.want)
			if got := MultipleChoiceTextStrict(c.reply, truth, c.choices); got != wants {
				t.Errorf("%q of %q gives %v for %s, want %v", c.reply, c.choices, got, truth, wants)
			}
		}
	}
	// Labels may be numbers.
	for i, truth := range []string{"1", "2", "3"} {
		if got, want := MultipleChoiceTextStrict("I say the second one.", truth, []string{"first one", "second one", "third one"}), score(i == 1); got != want {
			t.Errorf("%s: %v, want %v", truth, got, want)
		}
	}
}

func letter(i int) string { return string(rune('A' + i)) }

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
		{`\boxed{\sqrt{18}}`, `3\sqrt{2}`, 0}, {`\boxed{f(x) = 1 + x^2}`, "x^2+1", 0}, {`\boxed{2 \le x < 5}`, "[2,5)", 0}, {`\boxed{4 \text{ and } 2}`, "2,4", 0}, {`\boxed{-2 \text{ or } -12}`, "-2", 1},
	})
	runScores(t, "MATHStrict", MATHStrict, []scoreCase{
		{`\boxed{\sqrt{18}}`, `3\sqrt{2}`, 1}, {`\boxed{f(x) = 1 + x^2}`, "x^2+1", 1}, {`\boxed{2 \le x < 5}`, "[2,5)", 1}, {`\boxed{4 \text{ and } 2}`, "2,4", 1}, {`\boxed{-2 \text{ or } -12}`, "-2", 0},
	})
	runScores(t, "MultipleChoice", MultipleChoice, []scoreCase{
		{"B", "B", 0}, {"The answer is B.", "B", 0}, {"(B), as f(x) = 0", "B", 0}, {"The answer is (B), not (C).", "B", 0},
		{"B. Paris", "B", 0}, {"(3)", "3", 0}, {"The answer is 3.", "3", 0}, {"(A) and (B) fit, so (C).", "C", 1},
		{"(D), see (E)", "D", 0}, {"anything", "", 1},
	})
}

// FuzzEqualAnswers looks for panics, and for answers that do not equal themselves
// or whose equality depends on the order.
func FuzzEqualAnswers(f *testing.F) {
	for _, s := range [][2]string{
		{`\frac{1}{2}`, "0.5"}, {`3\sqrt{2}`, `\sqrt{18}`}, {"x^2+2x+1", "(x+1)^2"}, {`-3 \le x < 5`, "[-3,5)"}, {`\{1,2\}`, `2 \text{ and } 1`}, {`\begin{pmatrix} 1 & 2 \end{pmatrix}`, "(1,2)"},
		{"2x+z=5", "z=5-2x"}, {`12\text{ cm}^2`, "12"}, {`1 \pm i`, "1-i,1+i"}, {`\sin^2 x`, `\log_2 3`}, {`\frac{1}{1+\sqrt2}`, `x^{-1/3}`}, {"5!", `\binom52`}, {`\text{June 20}`, "33_4"}, {`^{\circ}`, `\left.\right)`}, {"½", "１\xff"},
	} {
		f.Add(s[0], s[1])
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		if got, back := equalAnswers(a, b), equalAnswers(b, a); got != back {
			t.Errorf("%q and %q: %v, turned round %v", a, b, got, back)
		}
		for _, s := range []string{a, b} {
			if !isEmptyAnswer(s) && !equalAnswers(s, s) {
				t.Errorf("%q does not equal itself", s)
			}
		}
	})
}
