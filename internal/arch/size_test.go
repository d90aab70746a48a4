package arch

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// A function is complex from, or long from, one more than these.
const (
	complexOver = 20
	longOver    = 60 // lines, from its first word to its last brace
)

// sizes are figures of all functions of the repository's modules, which may
// only fall.
type sizes struct {
	Complex int `json:"complex"`          // functions of a cyclomatic complexity above 20
	Highest int `json:"most_complex"`     // the highest complexity
	Long    int `json:"long"`             // functions of more than 60 lines
	Longest int `json:"lines_of_longest"` // lines of the longest function

	large []string // those that are complex or long, for messages
}

func (s *sizes) add(fset *token.FileSet, function ast.Node) {
	c := complexity(function)
	lines := fset.Position(function.End()).Line - fset.Position(function.Pos()).Line + 1
	if c > complexOver {
		s.Complex++
	}
	if lines > longOver {
		s.Long++
	}
	if c > complexOver || lines > longOver {
		s.large = append(s.large, fmt.Sprintf("%s: complexity %d, %d lines", fset.Position(function.Pos()), c, lines))
	}
	s.Highest, s.Longest = max(s.Highest, c), max(s.Longest, lines)
}

// complexity counts the ways through a function as gocyclo does: one, and one
// more for each condition, loop, case, && and ||. Literals of functions inside
// it are part of it.
func complexity(function ast.Node) int {
	n := 1
	ast.Inspect(function, func(node ast.Node) bool {
		switch node := node.(type) {
		case *ast.IfStmt, *ast.ForStmt, *ast.RangeStmt:
			n++
		case *ast.CaseClause:
			if node.List != nil { // not the default case
				n++
			}
		case *ast.CommClause:
			if node.Comm != nil {
				n++
			}
		case *ast.BinaryExpr:
			if node.Op == token.LAND || node.Op == token.LOR {
				n++
			}
		}
		return true
	})
	return n
}

// measure counts the functions of a file: those declared, and literals that
// stand outside of any.
func (s *sizes) measure(fset *token.FileSet, file *ast.File) {
	ast.Inspect(file, func(node ast.Node) bool {
		switch node.(type) {
		case *ast.FuncDecl, *ast.FuncLit:
			s.add(fset, node)
			return false
		}
		return true
	})
}

// measureAll measures what is written by hand, without the sources that serve
// as data of tests.
func measureAll(t *testing.T) map[string]sizes {
	t.Helper()
	var code, tests sizes
	fset := token.NewFileSet()
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "node_modules" || d.Name() == "testdata"):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(path, ".go"):
			return nil
		}
		file, err := parser.ParseFile(fset, path, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		switch {
		case ast.IsGenerated(file):
		case strings.HasSuffix(path, "_test.go"):
			tests.measure(fset, file)
		default:
			code.measure(fset, file)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return map[string]sizes{"code": code, "tests": tests}
}

// TestFunctionsOnlyShrink holds the figures of testdata/sizes.json: a higher one
// is refused, and a lower one has to be written down, so that what was gained is
// kept.
func TestFunctionsOnlyShrink(t *testing.T) {
	const name = "testdata/sizes.json"
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var ceilings map[string]sizes
	if err := json.Unmarshal(text, &ceilings); err != nil {
		t.Fatal(err)
	}
	for what, got := range measureAll(t) {
		ceiling := ceilings[what]
		higher := false
		for _, f := range []struct {
			figure       string
			got, ceiling int
		}{
			{"complex", got.Complex, ceiling.Complex},
			{"most_complex", got.Highest, ceiling.Highest},
			{"long", got.Long, ceiling.Long},
			{"lines_of_longest", got.Longest, ceiling.Longest},
		} {
			switch {
			case f.got > f.ceiling:
				higher = true
				t.Errorf("%s.%s is %d and may be at most %d: divide the function that you made longer or more complex", what, f.figure, f.got, f.ceiling)
			case f.got < f.ceiling:
				t.Errorf("%s.%s is %d: lower the ceiling to %d in internal/arch/%s", what, f.figure, f.got, f.got, name)
			}
		}
		if higher {
			t.Logf("large functions in %s:\n%s", what, strings.Join(got.large, "\n"))
		}
	}
}

func TestComplexity(t *testing.T) {
	const source = `package p
var literal = func(a, b bool) bool { return a || b }
func f(xs []int, c chan int) {
	for i := 0; i < 3; i++ { if xs[i] == 0 && i > 1 { return } }
	for range xs {
		switch xs[0] {
		case 1, 2:
		default:
		}
	}
	select { case <-c: default: }
	func() { if xs == nil { return } }()
}
`
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "p.go", source, 0)
	if err != nil {
		t.Fatal(err)
	}
	var got sizes
	got.measure(fset, file)
	if want := (sizes{Highest: 8, Longest: 11}); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	if n := complexity(file.Decls[0]); n != 2 {
		t.Errorf("the literal has %d", n)
	}
}
