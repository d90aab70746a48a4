package page

import "fmt"

// Table is a table of a page.
type Table struct {
	Caption string
	// Closed tables show their caption alone until they are opened.
	Closed bool
	Head   []string
	Rows   [][]string // the first cell of a row is its name
	// Texts says how many columns hold text; the others hold numbers.
	Texts int
	// Left says what was left out; "" for nothing.
	Left string
}

// mostTableRows is how many rows a table shows. The JSON has all.
const mostTableRows = 2000

// Cap cuts a table that is too long and says so.
func (t *Table) Cap() *Table {
	if n := len(t.Rows); n > mostTableRows {
		t.Rows = t.Rows[:mostTableRows]
		t.Left = fmt.Sprintf("The first %s of %s rows; the JSON (--json) has all.", Whole(mostTableRows), Whole(n))
	}
	if t.Texts == 0 {
		t.Texts = 1
	}
	return t
}
