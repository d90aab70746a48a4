package datasets

import (
	"net/url"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCatalog(t *testing.T) {
	rows := map[string]int{}
	for _, s := range Catalog() {
		if err := s.Validate(); err != nil {
			t.Error(err)
		}
		rows[s.Task] = s.Rows()
		if owner, name, ok := strings.Cut(s.Repo, "/"); !ok || owner == "" || name == "" {
			t.Errorf("%s: repository %q is not a full name", s.Task, s.Repo)
		}
		if u, err := url.Parse(s.Homepage); err != nil || u.Scheme != "https" || !strings.HasSuffix(u.Path, "/datasets/"+s.Repo) {
			t.Errorf("%s: homepage %q", s.Task, s.Homepage)
		}
		if len(s.Description) < 100 || s.Citation == "" || s.License == "" || len(s.Unverified) == 0 {
			t.Errorf("%s: description %d characters, citation %q, licence %q, unverified %q", s.Task, len(s.Description), s.Citation, s.License, s.Unverified)
		}
		for _, p := range s.Parts {
			revisions := map[string]bool{}
			for _, l := range p.Files {
				if _, err := path.Match(l.Pattern, ""); err != nil {
					t.Errorf("%s: %q: %v", s.Task, l.Pattern, err)
				}
				revisions[l.Revision] = true
			}
			if p.Config == "" || p.Split == "" || !revisions[Main] || !revisions[ConvertedParquet] {
				t.Errorf("%s: %+v", s.Task, p)
			}
		}
	}
	want := map[string]int{"natural_qa": 79168, "trivia_qa": 138384, "mmlu": 99842, "gpqa": 448, "mbpp": 374, "human_eval": 164,
		"gsm8k": 7473, "commonsense_qa": 9741, "math": 7500, "openbook_qa": 4957, "arc_challenge": 1119}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

func TestColumns(t *testing.T) {
	s, _ := Find(Catalog(), "mmlu")
	want := []Column{{"question", "string", false}, {"choices", "list of string", false}, {"answer", "integer", false}}
	if diff := cmp.Diff(want, s.Columns()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if (Spec{}).Columns() != nil {
		t.Error("columns without a decoder")
	}
}

func TestCatalogIsTheCallers(t *testing.T) {
	gated := slices.DeleteFunc(Catalog(), func(s Spec) bool { return !s.Gated })
	if len(gated) != 1 || gated[0].Task != "gpqa" {
		t.Errorf("%v", tasks(gated))
	}
	if _, ok := Find(Catalog(), "nothing"); ok {
		t.Error("found nothing")
	}
	// The catalogue is the caller's to change.
	a := Catalog()
	a[0].Parts[0].Rows = 1
	if Catalog()[0].Parts[0].Rows == 1 {
		t.Error("the catalogue is shared")
	}
}
