// Package page makes self-contained HTML pages of figures and tables: they have no
// script, fetch nothing, and follow the reader's light or dark setting.
package page

import (
	"bytes"
	_ "embed"
	"html/template"
	"unicode/utf8"
)

//go:embed page.html
var pageText string

//go:embed style.css
var styleText string

//go:embed figure.css
var figureStyle string

// Page is what a page shows.
type Page struct {
	Title string
	// Facts are the numbers that one looks for first.
	Facts []Fact
	// Warnings are what is wrong; NoWarnings stands where there are none. A page
	// with neither has no place for them.
	Warnings   []Warning
	NoWarnings string
	Sections   []Section
}

// Fact is a number with its name.
type Fact struct{ Name, Value, Note string }

// Warning is something wrong with examples.
type Warning struct {
	Title, Meaning, Count string
	Examples              []string
	// Left is how many examples are left out.
	Left int
	// Open shows the examples before one asks for them.
	Open bool
}

// Section is a part of a page.
type Section struct {
	ID, Title string
	Text      []string
	Figures   []*Figure
	Tables    []*Table
}

// HTML makes the page.
func (p *Page) HTML() ([]byte, error) {
	pens := NewPens()
	t, err := template.New("page").Funcs(template.FuncMap{
		"style": func() template.CSS { return template.CSS(styleText + figureStyle) },
		"text":  func(texts, column int) bool { return column < texts },
		"long":  func(name string) bool { return utf8.RuneCountInString(name) > 24 },
		"svg": func(f *Figure) template.HTML { // our own drawing, in which names are escaped
			return template.HTML(f.svg(pens, wideWidth, "wide", "") + "\n" + f.svg(pens, narrowWidth, "narrow", ""))
		},
	}).Parse(pageText)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := t.Execute(&b, p); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
