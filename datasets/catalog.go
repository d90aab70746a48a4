package datasets

// Catalog returns the eleven benchmarks of the pipeline in the order of their
// records. The slice and the specs in it are the caller's to change.
//
// What is stated of the repositories comes from their public cards and
// documentation; Spec.Unverified says what could not be compared with the live
// hub.
func Catalog() []Spec {
	return []Spec{
		{
			Task: "natural_qa",
			Description: "Questions that people typed into a search engine and that a passage of Wikipedia answers, " +
				"in the open-domain form: the question alone, and a short answer. The rows come from a collection " +
				"that gathers such sets in one format.",
			Repo:      "RUC-NLPIR/FlashRAG_datasets",
			DrawOrder: 1,
			Parts: []Part{{Config: "nq", Split: "train", Rows: 79168, Files: []Location{
				{Revision: ConvertedParquet, Pattern: "nq/train/*.parquet"},
				{Revision: Main, Pattern: "nq/train.jsonl"},
			}}},
			Metric:   "f1_score",
			Decode:   decodeCopied(naturalQARecord),
			License:  "cc-by-sa-4.0",
			Citation: "Kwiatkowski et al., Natural Questions: A Benchmark for Question Answering Research, TACL 2019; Jin et al., FlashRAG: A Modular Toolkit for Efficient Retrieval-Augmented Generation Research, WWW Companion 2025, arXiv:2405.13576",
			Homepage: "https://huggingface.co/datasets/RUC-NLPIR/FlashRAG_datasets",
			Unverified: []string{
				"the number and names of the converted parquet files",
				"that the repository is not gated",
			},
		},
		{
			Task: "trivia_qa",
			Description: "Questions of quiz leagues and trivia sites with a short answer, of which all accepted spellings " +
				"are listed in a normalised form. The configuration is the one without the reading passages.",
			Repo:      "mandarjoshi/trivia_qa",
			DrawOrder: 2,
			Parts:     []Part{hubPart("rc.nocontext", "rc.nocontext", "train", 138384)},
			Metric:    "f1_score",
			Decode:    decodeCopied(triviaQARecord),
			License:   "unknown",
			Citation:  "Joshi, Choi, Weld, Zettlemoyer, TriviaQA: A Large Scale Distantly Supervised Challenge Dataset for Reading Comprehension, ACL 2017, arXiv:1705.03551",
			Homepage:  "https://huggingface.co/datasets/mandarjoshi/trivia_qa",
			Unverified: []string{
				"that the repository is not gated",
			},
		},
		{
			Task: "mmlu",
			Description: "Multiple-choice questions with four options. The auxiliary training split gathers questions of " +
				"earlier school and professional exams, many of them about a passage that the question quotes; the " +
				"57 subjects that the benchmark is known for are in its other splits.",
			Repo:      "cais/mmlu",
			DrawOrder: 3,
			Parts:     []Part{hubPart("all", "all", "auxiliary_train", 99842)},
			Metric:    "em_mc",
			Decode:    decodeCopied(mmluRecord),
			License:   "mit",
			Citation:  "Hendrycks, Burns, Basart, Zou, Mazeika, Song, Steinhardt, Measuring Massive Multitask Language Understanding, ICLR 2021",
			Homepage:  "https://huggingface.co/datasets/cais/mmlu",
			Unverified: []string{
				"that the repository is not gated",
			},
		},
		{
			Task: "gpqa",
			Description: "Questions of graduate level in biology, physics and chemistry, written by experts so that a web " +
				"search does not answer them, with one correct and three wrong options. The options are put in a " +
				"random order. Its authors ask not to publish the questions.",
			Repo:      "Idavidrein/gpqa",
			DrawOrder: 4,
			Parts: []Part{{Config: "gpqa_main", Split: "train", Rows: 448, Files: []Location{
				{Revision: Main, Pattern: "gpqa_main.csv"},
				{Revision: ConvertedParquet, Pattern: "gpqa_main/train/*.parquet"},
			}}},
			Metric:   "em_mc",
			Decode:   decodeCopied(gpqaRecord),
			License:  "cc-by-4.0",
			Citation: "Rein, Hou, Stickland, Petty, Pang, Dirani, Michael, Bowman, GPQA: A Graduate-Level Google-Proof Q&A Benchmark, 2023, arXiv:2311.12022",
			Homepage: "https://huggingface.co/datasets/Idavidrein/gpqa",
			Gated:    true,
			Unverified: []string{
				"that there is a converted parquet file",
			},
		},
		{
			Task: "mbpp",
			Description: "Short Python programming tasks in a sentence each, with three assert statements that a solution " +
				"must satisfy. The training split of the full configuration has 374 tasks; the file published with " +
				"the paper, mbpp.jsonl, has all 974.",
			Repo:      "google-research-datasets/mbpp",
			DrawOrder: 5,
			Parts: []Part{withFiles(hubPart("full", "full", "train", 374),
				Location{Pattern: "mbpp.jsonl", Rows: 974})},
			Metric:   "code_eval",
			Decode:   decodeEach(mbppRecords),
			License:  "cc-by-4.0",
			Citation: "Austin et al., Program Synthesis with Large Language Models, 2021, arXiv:2108.07732",
			Homepage: "https://huggingface.co/datasets/google-research-datasets/mbpp",
			Unverified: []string{
				"that the repository is not gated",
			},
		},
		{
			Task: "human_eval",
			Description: "Python functions to complete from their signature and docstring, each with a test function that " +
				"checks a solution. The one split is named test.",
			Repo:      "openai/openai_humaneval",
			DrawOrder: 6,
			Parts: []Part{withFiles(hubPart("openai_humaneval", "openai_humaneval", "test", 164),
				Location{Pattern: "HumanEval.jsonl.gz"}, Location{Pattern: "HumanEval.jsonl"})},
			Metric:   "code_eval",
			Decode:   decodeCopied(humanEvalRecord),
			License:  "mit",
			Citation: "Chen et al., Evaluating Large Language Models Trained on Code, 2021, arXiv:2107.03374",
			Homepage: "https://huggingface.co/datasets/openai/openai_humaneval",
			Unverified: []string{
				"that the repository is not gated",
			},
		},
		{
			Task: "gsm8k",
			Description: "Word problems of primary-school mathematics that take two to eight steps. The answer is a worked " +
				"solution whose last line gives the number after four hash signs.",
			Repo:      "openai/gsm8k",
			DrawOrder: 7,
			Parts:     []Part{hubPart("main", "main", "train", 7473)},
			Metric:    "GSM8K",
			Decode:    decodeCopied(gsm8kRecord),
			License:   "mit",
			Citation:  "Cobbe et al., Training Verifiers to Solve Math Word Problems, 2021, arXiv:2110.14168",
			Homepage:  "https://huggingface.co/datasets/openai/gsm8k",
			Unverified: []string{
				"that the repository is not gated",
				"the names of the parquet files",
			},
		},
		{
			Task: "commonsense_qa",
			Description: "Multiple-choice questions with five options that take everyday knowledge, made by asking people " +
				"to tell apart concepts which a knowledge graph relates to the same source.",
			Repo:      "tau/commonsense_qa",
			DrawOrder: 8,
			Parts:     []Part{hubPart("default", "data", "train", 9741)},
			Metric:    "em_mc",
			Decode:    decodeCopied(commonsenseQARecord),
			License:   "mit",
			Citation:  "Talmor, Herzig, Lourie, Berant, CommonsenseQA: A Question Answering Challenge Targeting Commonsense Knowledge, NAACL 2019, arXiv:1811.00937",
			Homepage:  "https://huggingface.co/datasets/tau/commonsense_qa",
			Unverified: []string{
				"that the repository is not gated",
				"the names of the parquet files",
			},
		},
		{
			Task: "math",
			Description: "Problems of mathematics competitions in seven subjects, each a configuration of its own, with a " +
				"worked solution in LaTeX whose final answer is boxed. Of each subject a seventh of the sample, " +
				"rounded down, plus one problem is drawn.",
			Repo:      "EleutherAI/hendrycks_math",
			DrawOrder: 11,
			Parts: []Part{
				hubPart("algebra", "algebra", "train", 1744),
				hubPart("counting_and_probability", "counting_and_probability", "train", 771),
				hubPart("geometry", "geometry", "train", 870),
				hubPart("intermediate_algebra", "intermediate_algebra", "train", 1295),
				hubPart("number_theory", "number_theory", "train", 869),
				hubPart("prealgebra", "prealgebra", "train", 1205),
				hubPart("precalculus", "precalculus", "train", 746),
			},
			Metric:   "MATH",
			Decode:   decodeCopied(mathRecord),
			License:  "mit",
			Citation: "Hendrycks, Burns, Kadavath, Arora, Basart, Tang, Song, Steinhardt, Measuring Mathematical Problem Solving With the MATH Dataset, NeurIPS 2021",
			Homepage: "https://huggingface.co/datasets/EleutherAI/hendrycks_math",
			Unverified: []string{
				"that the repository is not gated",
				"the names of the parquet files of geometry, number_theory, prealgebra and precalculus",
			},
		},
		{
			Task: "openbook_qa",
			Description: "Multiple-choice questions with four options about elementary science, which combine a fact of a " +
				"small open book with common knowledge.",
			Repo:      "allenai/openbookqa",
			DrawOrder: 10,
			Parts:     []Part{hubPart("main", "main", "train", 4957)},
			Metric:    "em_mc",
			Decode:    decodeCopied(openBookQARecord),
			License:   "unknown",
			Citation:  "Mihaylov, Clark, Khot, Sabharwal, Can a Suit of Armor Conduct Electricity? A New Dataset for Open Book Question Answering, EMNLP 2018",
			Homepage:  "https://huggingface.co/datasets/allenai/openbookqa",
			Unverified: []string{
				"that the repository is not gated",
			},
		},
		{
			Task: "arc_challenge",
			Description: "Science questions of school exams with three to five options, from the part that simple retrieval " +
				"and word co-occurrence answer wrongly. The options are labelled A to E, in some questions 1 to 4.",
			Repo:      "allenai/ai2_arc",
			DrawOrder: 9,
			Parts:     []Part{hubPart("ARC-Challenge", "ARC-Challenge", "train", 1119)},
			Metric:    "em_mc",
			Decode:    decodeCopied(arcRecord),
			License:   "cc-by-sa-4.0",
			Citation:  "Clark, Cowhey, Etzioni, Khot, Sabharwal, Schoenick, Tafjord, Think you have Solved Question Answering? Try ARC, the AI2 Reasoning Challenge, 2018, arXiv:1803.05457",
			Homepage:  "https://huggingface.co/datasets/allenai/ai2_arc",
			Unverified: []string{
				"that the repository is not gated",
				"the names of the parquet files",
			},
		},
	}
}

// hubPart is a part whose parquet files its authors store below dir, and that
// the hub converts too.
func hubPart(config, dir, split string, rows int) Part {
	return Part{Config: config, Split: split, Rows: rows, Files: []Location{
		{Revision: Main, Pattern: dir + "/" + split + "-*.parquet"},
		{Revision: ConvertedParquet, Pattern: config + "/" + split + "/*.parquet"},
	}}
}

func withFiles(p Part, more ...Location) Part {
	p.Files = append(p.Files, more...)
	return p
}
