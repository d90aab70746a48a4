package batch

import "github.com/llmrouter-go/llmrouter/internal/journal"

// InJournal is the ledger in the journal of a run of step 3.
func InJournal(j *journal.Journal) Ledger { return inJournal{j} }

type inJournal struct{ *journal.Journal }

func (l inJournal) Parts() []Part {
	var list []Part
	for _, p := range l.Journal.Parts() {
		list = append(list, Part(p))
	}
	return list
}

func (l inJournal) Put(p Part) error { return l.PutPart(journal.Part(p)) }
