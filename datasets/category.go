package datasets

import "slices"

// categories are the groups of tasks by which the Python project reports.
var categories = []struct {
	name  string
	tasks []string
}{
	{"math", []string{"gsm8k", "math", "agentverse-mgsm"}},
	{"code", []string{"mbpp", "human_eval"}},
	{"commonsense", []string{"commonsense_qa", "openbook_qa", "arc_challenge", "commongen", "agentverse-logicgrid"}},
	{"world knowledge", []string{"natural_qa", "trivia_qa"}},
	{"popular", []string{"mmlu", "gpqa"}},
}

// Category returns the group of tasks to which a task belongs in the reports of the
// Python project, for example "math"; "other" for a task of none.
func Category(task string) string {
	for _, c := range categories {
		if slices.Contains(c.tasks, task) {
			return c.name
		}
	}
	return "other"
}
