// Package pagetest opens pages in a browser and looks at them as a person would. Only
// tests import it.
package pagetest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// browser is a headless Chromium that is spoken to by the DevTools protocol
// over a pipe: messages of JSON that end with a zero byte.
type browser struct {
	t       *testing.T
	in      io.Writer
	session string

	mu      sync.Mutex
	next    int
	waiting map[int]chan message
	said    []string // what the console and the log said
	asked   []string // addresses that were asked for
	loaded  chan struct{}
	gone    chan struct{}
}

type message struct {
	ID     int             `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
	Result json.RawMessage `json:"result"`
	Error  json.RawMessage `json:"error"`
}

// openBrowser starts Chromium, or skips the test where there is none.
func openBrowser(t *testing.T) *browser {
	t.Helper()
	binary := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			binary = found
			break
		}
	}
	if binary == "" {
		if os.Getenv("LLMROUTER_REQUIRE_CHROMIUM") != "" {
			t.Fatal("no chromium, chromium-browser or google-chrome, and LLMROUTER_REQUIRE_CHROMIUM is set")
		}
		t.Skip("no chromium, chromium-browser or google-chrome: the page is not opened (Debian: apt-get install chromium)")
	}
	ours, theirs := pipe(t)
	back, write := pipe(t)
	profile, err := os.MkdirTemp("", "llmrouter-chromium-")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	command := exec.CommandContext(ctx, binary,
		"--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--hide-scrollbars",
		"--disable-background-networking", "--disable-component-update", "--remote-debugging-pipe", "--user-data-dir="+profile, "about:blank")
	command.ExtraFiles = []*os.File{ours, write} // 3 and 4
	command.WaitDelay = 5 * time.Second
	if err := command.Start(); err != nil {
		cancel()
		t.Fatal(err)
	}
	_ = ours.Close()
	_ = write.Close()
	b := &browser{t: t, in: theirs, waiting: map[int]chan message{}, loaded: make(chan struct{}, 1), gone: make(chan struct{})}
	go b.listen(back)
	t.Cleanup(func() {
		_ = theirs.Close() // Chromium ends with its pipe
		_ = command.Wait()
		cancel()
		<-b.gone
		removeProfile(t, profile)
	})
	var target struct{ TargetID string }
	b.call("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var attached struct{ SessionID string }
	b.call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	b.session = attached.SessionID
	for _, domain := range []string{"Page.enable", "Runtime.enable", "Log.enable", "Network.enable"} {
		b.call(domain, nil, nil)
	}
	return b
}

// removeProfile removes Chromium's folder. Processes that Chromium started may
// outlive it by a moment and still write there, so that the first tries can
// find the folder filled anew; a folder that stays is no fault of the page.
func removeProfile(t *testing.T, dir string) {
	t.Helper()
	var err error
	for range 50 {
		if err = os.RemoveAll(dir); err == nil {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Logf("chromium's folder stays: %v", err)
}

func pipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	return r, w
}

func (b *browser) listen(from io.ReadCloser) {
	defer close(b.gone)
	defer from.Close()
	r := bufio.NewReaderSize(from, 1<<20)
	for {
		text, err := r.ReadBytes(0)
		if err != nil {
			return
		}
		var m message
		if err := json.Unmarshal(bytes.TrimSuffix(text, []byte{0}), &m); err != nil {
			return
		}
		b.mu.Lock()
		switch m.Method {
		case "Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded":
			b.said = append(b.said, string(m.Params))
		case "Network.requestWillBeSent":
			var p struct{ Request struct{ URL string } }
			_ = json.Unmarshal(m.Params, &p) // an empty address fails the test
			b.asked = append(b.asked, p.Request.URL)
		case "Page.loadEventFired":
			select {
			case b.loaded <- struct{}{}:
			default:
			}
		}
		waiting := b.waiting[m.ID]
		delete(b.waiting, m.ID)
		b.mu.Unlock()
		if waiting != nil {
			waiting <- m
		}
	}
}

// call sends a command and waits for its result.
func (b *browser) call(method string, params, result any) {
	b.t.Helper()
	answer := make(chan message, 1)
	b.mu.Lock()
	b.next++
	id := b.next
	b.waiting[id] = answer
	b.mu.Unlock()
	if params == nil {
		params = map[string]any{}
	}
	command := map[string]any{"id": id, "method": method, "params": params}
	if b.session != "" {
		command["sessionId"] = b.session
	}
	text, err := json.Marshal(command)
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := b.in.Write(append(text, 0)); err != nil {
		b.t.Fatalf("%s: %v", method, err)
	}
	select {
	case m := <-answer:
		if m.Error != nil {
			b.t.Fatalf("%s: %s", method, m.Error)
		}
		if result != nil {
			if err := json.Unmarshal(m.Result, result); err != nil {
				b.t.Fatalf("%s: %v", method, err)
			}
		}
	case <-b.gone:
		b.t.Fatalf("%s: chromium has ended", method)
	case <-time.After(time.Minute):
		b.t.Fatalf("%s: no answer", method)
	}
}

// open shows a file in a window.
func (b *browser) open(file string, width int, dark bool) {
	b.t.Helper()
	scheme := map[bool]string{true: "dark", false: "light"}[dark]
	b.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": width < 600}, nil)
	b.call("Emulation.setEmulatedMedia", map[string]any{"features": []any{map[string]string{"name": "prefers-color-scheme", "value": scheme}}}, nil)
	b.call("Page.navigate", map[string]any{"url": "file://" + filepath.ToSlash(file)}, nil)
	select {
	case <-b.loaded:
	case <-time.After(time.Minute):
		b.t.Fatal("the page does not load")
	}
}

// eval runs JavaScript and gives its value.
func (b *browser) eval(script string, value any) {
	b.t.Helper()
	var r struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails json.RawMessage
	}
	b.call("Runtime.evaluate", map[string]any{"expression": script, "returnByValue": true}, &r)
	if r.ExceptionDetails != nil {
		b.t.Fatalf("%s: %s", script, r.ExceptionDetails)
	}
	if err := json.Unmarshal(r.Result.Value, value); err != nil {
		b.t.Fatalf("%s: %v", script, err)
	}
}

// look tells of the page what a person would see.
const look = `(() => {
	const seen = e => { const r = e.getBoundingClientRect(); return r.width > 0 && r.height > 0; };
	const figures = [...document.querySelectorAll('figure svg')].filter(seen);
	const letters = figures.flatMap(f => [...f.querySelectorAll('text')].map(t => {
		const scale = f.getBoundingClientRect().width / f.viewBox.baseVal.width;
		return parseFloat(t.getAttribute('font-size')) * scale;
	}));
	const out = figures.flatMap(f => [...f.querySelectorAll('text')].filter(t => {
		const r = t.getBoundingClientRect(), b = f.getBoundingClientRect();
		return r.left < b.left - 2 || r.right > b.right + 2 || r.top < b.top - 2 || r.bottom > b.bottom + 2;
	}).map(t => f.getAttribute('aria-labelledby') + ': ' + t.textContent));
	const covered = figures.flatMap(f => {
		const boxes = [...f.querySelectorAll('text')].map(t => [t, t.getBoundingClientRect()]).filter(b => !b[0].hasAttribute('transform'));
		const bad = [];
		for (let i = 0; i < boxes.length; i++) for (let j = i + 1; j < boxes.length; j++) {
			const a = boxes[i][1], b = boxes[j][1];
			const w = Math.min(a.right, b.right) - Math.max(a.left, b.left), h = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
			if (w > 2 && h > a.height * 0.45) bad.push(f.getAttribute('aria-labelledby') + ': ' + boxes[i][0].textContent + ' / ' + boxes[j][0].textContent);
		}
		return bad;
	});
	const range = document.createRange();
	let selected = '';
	if (figures.length) { range.selectNodeContents(figures[0]); getSelection().removeAllRanges(); getSelection().addRange(range); selected = getSelection().toString(); getSelection().removeAllRanges(); }
	return {
		figures: figures.map(f => f.querySelector('title').id.replace(/-(wide|narrow)-t$/, '')),
		narrow: figures.filter(f => f.classList.contains('narrow')).length,
		overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
		smallest: Math.min(...letters), out, covered, selected,
		background: getComputedStyle(document.body).backgroundColor,
		ink: figures.length ? getComputedStyle(figures[0].querySelector('.f-text')).fill : '',
		tables: document.querySelectorAll('table').length,
		unnamed: [...document.querySelectorAll('table')].filter(t => !t.querySelector('th[scope=col]') || !t.querySelector('th[scope=row]')).length,
		scripts: document.scripts.length,
		height: document.documentElement.scrollHeight,
	};
})()`

// Page is a page to look at.
type Page struct {
	File string
	// Figures are the ids of its figures, of which the first says "mean performance".
	Figures []string
}

// InBrowser opens pages below a folder in Chromium, on a phone and on a desk, in the
// light and in the dark: all figures are there, nothing is on the console, nothing is
// asked for, the page is no wider than the window, no label leaves its figure or
// covers another. With LLMROUTER_SCREENSHOTS it leaves pictures in that folder. It
// skips where there is no Chromium, and fails there with LLMROUTER_REQUIRE_CHROMIUM.
func InBrowser(t *testing.T, dir string, pages map[string]Page) {
	t.Helper()
	b := openBrowser(t)
	for name, page := range pages {
		for _, width := range []int{390, 1280} {
			for _, dark := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%d/dark=%v", name, width, dark), func(t *testing.T) {
					b.t = t
					b.open(page.File, width, dark)
					var s sight
					b.eval(look, &s)
					s.checkFigures(t, page.Figures, width)
					s.checkPage(t, dark)
					if to := os.Getenv("LLMROUTER_SCREENSHOTS"); to != "" {
						b.picture(filepath.Join(to, fmt.Sprintf("%s-%d-%s.png", name, width, map[bool]string{true: "dark", false: "light"}[dark])), width, s.Height)
					}
				})
			}
		}
	}
	b.t = t
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.said) > 0 {
		t.Errorf("the console says %q", b.said)
	}
	if len(b.asked) == 0 {
		t.Error("no request was seen, not even for the page")
	}
	for _, url := range b.asked {
		if !strings.HasPrefix(url, "file://"+dir) && !strings.HasPrefix(url, "data:") && url != "about:blank" {
			t.Errorf("the page asks for %s", url)
		}
	}
}

// sight is what look sees.
type sight struct {
	Figures          []string
	Narrow, Overflow int
	Smallest         float64
	Out, Covered     []string
	Selected         string
	Background, Ink  string
	Tables, Unnamed  int
	Scripts          int
	Height           float64
}

// checkFigures holds that the figures are there, made for the width, and can be read.
func (s *sight) checkFigures(t *testing.T, figures []string, width int) {
	t.Helper()
	got, want := slices.Sorted(slices.Values(s.Figures)), slices.Sorted(slices.Values(figures))
	if !slices.Equal(got, want) {
		t.Errorf("figures %v, want %v", got, want)
	}
	if want := map[bool]int{true: len(figures), false: 0}[width < 600]; s.Narrow != want {
		t.Errorf("%d figures are made for a phone, want %d", s.Narrow, want)
	}
	if s.Smallest < 8 {
		t.Errorf("letters of %.1f pixels", s.Smallest)
	}
	if len(s.Out) > 0 {
		t.Errorf("text outside of its figure: %q", s.Out)
	}
	if len(s.Covered) > 0 {
		t.Errorf("text on text: %q", s.Covered)
	}
	if !strings.Contains(s.Selected, "mean performance") {
		t.Errorf("the text of the first figure cannot be selected: %q", s.Selected)
	}
}

// checkPage holds the page against the window and its setting.
func (s *sight) checkPage(t *testing.T, dark bool) {
	t.Helper()
	if s.Overflow > 0 {
		t.Errorf("the page is %d pixels wider than the window", s.Overflow)
	}
	if isDark := s.Background == "rgb(20, 23, 26)"; isDark != dark || s.Ink == "rgb(0, 0, 0)" {
		t.Errorf("the background is %s, letters are %s", s.Background, s.Ink)
	}
	if s.Tables == 0 || s.Unnamed > 0 || s.Scripts > 0 {
		t.Errorf("%d tables, %d without headers, %d scripts", s.Tables, s.Unnamed, s.Scripts)
	}
}

// picture takes a screenshot of the whole page.
func (b *browser) picture(name string, width int, height float64) {
	b.t.Helper()
	var shot struct{ Data string }
	b.call("Page.captureScreenshot", map[string]any{
		"captureBeyondViewport": true, "clip": map[string]any{"x": 0, "y": 0, "width": width, "height": height, "scale": 1},
	}, &shot)
	image, err := base64.StdEncoding.DecodeString(shot.Data)
	if err == nil {
		err = os.WriteFile(name, image, 0o644)
	}
	if err != nil {
		b.t.Error(err)
	}
}
