package shards

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/llmrouter-go/llmrouter/internal/journal"
	"github.com/llmrouter-go/llmrouter/internal/money"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
)

// pay journals calls of a shard.
func pay(t testing.TB, f *Folder, s Shard, costsUSD ...float64) {
	t.Helper()
	j, err := journal.Open(f.journal(s), nil)
	if err == nil {
		err = j.Scan(func(int64, *journal.Entry) error { return nil })
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, cost := range costsUSD {
		if _, err := j.Append(&journal.Entry{Call: "c", Candidate: "m", CostUSD: cost}); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}

// budgetOf returns a budget for shards of one query each.
func budgetOf(t testing.TB, shards int, limitUSD float64) *Budget {
	t.Helper()
	folder, err := Open(splitTexts(t, strings.Repeat("a\n", shards), "", 1))
	if err != nil {
		t.Fatal(err)
	}
	b, err := folder.OpenBudget(limitUSD)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// get draws on a budget and demands what is granted.
func get(t *testing.T, b *Budget, shard int, spent, reserved, need, want float64, wantMore bool) {
	t.Helper()
	free, more, err := b.grant(b.folder.shards[shard].Name, money.Of(spent), money.Of(reserved), money.Of(need))
	if err != nil || free != money.Of(want) || more != wantMore {
		t.Errorf("shard %d: %v USD granted, more %v, want %v, %v: %v", shard, free.Dollars(), more, want, wantMore, err)
	}
}

func TestBudget(t *testing.T) {
	b := budgetOf(t, 3, 3.2)
	claim, err := b.folder.Claim(b.folder.shards[0])
	if err != nil {
		t.Fatal(err)
	}
	get(t, b, 0, 0, 0, 0.01, 0.1, false) // a block
	get(t, b, 0, 0.05, 0.25, 2, 2, false)
	get(t, b, 1, 0, 0, 1, 0, true) // 2.3 are granted, 0.05 of them spent
	get(t, b, 1, 0, 0, 0.9, 0.9, false)
	get(t, b, 1, 0.9, 0, 0.1, 0, true)
	get(t, b, 0, 0.3, 0, 0, 0, false) // gives back
	get(t, b, 1, 0.9, 0, 2.1, 0, false)
	get(t, b, 1, 0.9, 0, 1.9, 1.9, false)

	// The process of shard 0 dies with 0.1 USD that it does not use, and that of
	// shard 1 too.
	get(t, b, 0, 0.3, 0, 0.1, 0.1, false)
	pay(t, b.folder, b.folder.shards[0], 0.2, 0.125)
	if err := claim.Release(); err != nil {
		t.Fatal(err)
	}
	get(t, b, 2, 0, 0, 2.876, 0, false)
	get(t, b, 2, 0, 0, 2.875, 2.875, false)
}

// What the shards have cost is taken up when a process begins: of those that are
// done, of those whose process was killed, not of those that are claimed.
func TestBudgetTakesUp(t *testing.T) {
	b := budgetOf(t, 4, 10)
	list := b.folder.shards
	pay(t, b.folder, list[0], 1, 7) // calls of other candidates too
	pay(t, b.folder, list[1], 2)
	pay(t, b.folder, list[2], 3)
	for i, status := range []string{done, running, running} {
		if err := b.folder.put(list[i], &State{Shard: list[i].Name, Status: status, Queries: list[i].SHA256, CostUSD: 1}); err != nil {
			t.Fatal(err)
		}
	}
	get(t, b, 2, 3, 1, 0, 0, false)
	claim, err := b.folder.Claim(list[2])
	if err != nil {
		t.Fatal(err)
	}
	defer claim.Release()
	if b, err = b.folder.OpenBudget(10); err != nil {
		t.Fatal(err)
	}
	var got parts
	if err := b.ledger.change(func(p parts) error { got = p; return nil }); err != nil {
		t.Fatal(err)
	}
	usd := money.Of(1)
	want := parts{list[0].Name: {usd, usd}, list[1].Name: {2 * usd, 2 * usd}, list[2].Name: {4 * usd, 3 * usd}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// An account that is closed changes nothing any more: the part may be another
// process's.
func TestClosedAccount(t *testing.T) {
	b := budgetOf(t, 1, 1)
	a := &account{of: b, shard: b.folder.shards[0]}
	a.budget = chat.NewFundedBudget(a)
	if free, _, err := a.Draw(0, 0, 0.5); free != 0.5 || err != nil {
		t.Fatal(free, err)
	}
	pay(t, b.folder, a.shard, 0.25)
	a.budget.Spend(0.375) // not all of it could be journaled
	if err := a.close(); err != nil {
		t.Fatal(err)
	}
	if free, more, err := a.Draw(0, 0, 0.5); free != 0 || more || err != nil {
		t.Error(free, more, err)
	}
	get(t, b, 0, 0.375, 0, 0.625, 0.625, false)
}

func TestDamagedLedger(t *testing.T) {
	b := budgetOf(t, 1, 1)
	name := filepath.Join(b.folder.dir, "budget.json")
	for _, text := range []string{"", "{", "[]", "null", `{"a": 1}`, `{"a": {"granted_pico_usd": 1, "spent_pico_usd": 2}}`, `{"a": {"spent_pico_usd": -1}}`} {
		write(t, name, text)
		if _, _, err := b.grant("a", 0, 0, 1); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", text, err)
		}
		if after, err := os.ReadFile(name); err != nil || string(after) != text {
			t.Errorf("%s was replaced by %s, %v", text, after, err)
		}
	}
}

// Shards that draw at the same time, in several folders as of several processes,
// never have more than the budget together.
func TestBudgetHammer(t *testing.T) {
	const limit, shards, unit = 100, 8, money.USD(1e9)
	first := budgetOf(t, shards, money.USD(limit*unit).Dollars())
	var mu sync.Mutex
	var spent money.USD
	var running sync.WaitGroup
	for i := range shards {
		running.Go(func() {
			folder, err := Open(first.folder.dir)
			if err != nil {
				t.Error(err)
				return
			}
			b, s := &Budget{folder, first.ledger, first.limit}, folder.shards[i]
			claim, err := folder.Claim(s)
			if err != nil {
				t.Error(err)
				return
			}
			defer claim.Release()
			mine := money.USD(0)
			for {
				free, more, err := b.grant(s.Name, mine, 0, unit)
				if err != nil {
					t.Error(err)
					return
				}
				if free < unit && !more {
					return
				}
				mine += free / unit * unit
				mu.Lock()
				if spent += free / unit * unit; spent > b.limit {
					t.Errorf("%v spent of %v", spent, b.limit)
				}
				mu.Unlock()
			}
		})
	}
	running.Wait()
	if spent != first.limit {
		t.Errorf("%v spent of %v", spent, first.limit)
	}
	if _, err := os.Stat(filepath.Join(first.folder.dir, "budget.json")); errors.Is(err, os.ErrNotExist) {
		t.Error("no ledger")
	}
}
