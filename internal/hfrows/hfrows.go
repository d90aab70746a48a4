// Package hfrows holds the rows of the eleven benchmarks in the schemas of
// their parquet files on the hub, for writing files to test and measure with.
// Columns are optional, as the hub's writers make them, and those of few
// different values are encoded with dictionaries.
package hfrows

// NaturalQA is a row of the nq configuration of FlashRAG.
type NaturalQA struct {
	ID      string   `parquet:"id,optional"`
	Query   string   `parquet:"question,optional"`
	Answers []string `parquet:"golden_answers,list"`
}

// TriviaQA is a row of TriviaQA.
type TriviaQA struct {
	Question string        `parquet:"question,optional"`
	ID       string        `parquet:"question_id,optional"`
	Source   string        `parquet:"question_source,optional,dict"`
	Pages    TriviaPages   `parquet:"entity_pages"`
	Results  TriviaResults `parquet:"search_results"`
	Answer   TriviaAnswer  `parquet:"answer"`
}

// TriviaPages holds the passages of a TriviaQA row.
type TriviaPages struct {
	DocSource   []string `parquet:"doc_source,list"`
	Filename    []string `parquet:"filename,list"`
	Title       []string `parquet:"title,list"`
	WikiContext []string `parquet:"wiki_context,list"`
}

// TriviaResults holds the search results of a TriviaQA row.
type TriviaResults struct {
	Description   []string `parquet:"description,list"`
	Filename      []string `parquet:"filename,list"`
	Rank          []int32  `parquet:"rank,list"`
	Title         []string `parquet:"title,list"`
	URL           []string `parquet:"url,list"`
	SearchContext []string `parquet:"search_context,list"`
}

// TriviaAnswer is the answer of a TriviaQA row.
type TriviaAnswer struct {
	Aliases           []string `parquet:"aliases,list"`
	NormalizedAliases []string `parquet:"normalized_aliases,list"`
	MatchedEntity     string   `parquet:"matched_wiki_entity_name,optional"`
	NormalizedEntity  string   `parquet:"normalized_matched_wiki_entity_name,optional"`
	NormalizedValue   string   `parquet:"normalized_value,optional"`
	Type              string   `parquet:"type,optional,dict"`
	Value             string   `parquet:"value,optional"`
}

// MMLU is a row of MMLU.
type MMLU struct {
	Question string   `parquet:"question,optional"`
	Subject  string   `parquet:"subject,optional,dict"`
	Choices  []string `parquet:"choices,list"`
	Answer   *int64   `parquet:"answer,optional,dict"` // a pointer, since a plain 0 would be written as null
}

// GPQA is a row of GPQA, with the columns that count of the many that it has.
type GPQA struct {
	Question    string `parquet:"Question,optional"`
	Correct     string `parquet:"Correct Answer,optional"`
	Incorrect1  string `parquet:"Incorrect Answer 1,optional"`
	Incorrect2  string `parquet:"Incorrect Answer 2,optional"`
	Incorrect3  string `parquet:"Incorrect Answer 3,optional"`
	Explanation string `parquet:"Explanation,optional"`
	Subdomain   string `parquet:"Subdomain,optional,dict"`
	RecordID    string `parquet:"Record ID,optional"`
	Domain      string `parquet:"High-level domain,optional,dict"`
}

// MBPP is a row of MBPP in its full configuration.
type MBPP struct {
	TaskID         int32    `parquet:"task_id,optional"`
	Text           string   `parquet:"text,optional"`
	Code           string   `parquet:"code,optional"`
	TestList       []string `parquet:"test_list,list"`
	TestSetupCode  string   `parquet:"test_setup_code,optional"`
	ChallengeTests []string `parquet:"challenge_test_list,list"`
}

// HumanEval is a row of HumanEval.
type HumanEval struct {
	TaskID     string `parquet:"task_id,optional"`
	Prompt     string `parquet:"prompt,optional"`
	Solution   string `parquet:"canonical_solution,optional"`
	Test       string `parquet:"test,optional"`
	EntryPoint string `parquet:"entry_point,optional,dict"`
}

// GSM8K is a row of GSM8K.
type GSM8K struct {
	Question string `parquet:"question,optional"`
	Answer   string `parquet:"answer,optional"`
}

// CommonsenseQA is a row of CommonsenseQA.
type CommonsenseQA struct {
	ID        string     `parquet:"id,optional"`
	Question  string     `parquet:"question,optional"`
	Concept   string     `parquet:"question_concept,optional,dict"`
	Choices   LabelFirst `parquet:"choices"`
	AnswerKey string     `parquet:"answerKey,optional,dict"`
}

// Options are the choices of ARC and OpenBookQA.
type Options struct {
	Text  []string `parquet:"text,list"`
	Label []string `parquet:"label,list" parquet-element:",dict"`
}

// OpenBookQA is a row of OpenBookQA.
type OpenBookQA struct {
	ID        string  `parquet:"id,optional"`
	Stem      string  `parquet:"question_stem,optional"`
	Choices   Options `parquet:"choices"`
	AnswerKey string  `parquet:"answerKey,optional,dict"`
}

// ARC is a row of ARC.
type ARC struct {
	ID        string  `parquet:"id,optional"`
	Question  string  `parquet:"question,optional"`
	Choices   Options `parquet:"choices"`
	AnswerKey string  `parquet:"answerKey,optional,dict"`
}

// MATH is a row of MATH.
type MATH struct {
	Problem  string `parquet:"problem,optional"`
	Level    string `parquet:"level,optional,dict"`
	Type     string `parquet:"type,optional,dict"`
	Solution string `parquet:"solution,optional"`
}

// LabelFirst is Options with the labels before the texts, as CommonsenseQA has
// them.
type LabelFirst struct {
	Label []string `parquet:"label,list" parquet-element:",dict"`
	Text  []string `parquet:"text,list"`
}
