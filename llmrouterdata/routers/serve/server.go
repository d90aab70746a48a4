package serve

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"

	"golang.org/x/sync/semaphore"

	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/routers"
)

// Auto is the model that clients ask for to be routed.
const Auto = "auto"

// An Encoder turns texts into vectors, as the one does that the router was trained
// with; embedding.Encoder is one.
type Encoder interface {
	Encode(ctx context.Context, texts []string) ([][]float32, error)
}

// A Server answers chat completions. It is an [http.Handler], and any number of
// goroutines may use it.
type Server struct {
	o       Options // valid
	router  *routers.Router
	encoder Encoder
	client  *chat.Client
	targets map[string]chat.Target // by name
	ranked  []chat.Target          // those of the router, in its order
	names   []string               // of targets, in the order given
	handler http.Handler
	metrics *metrics
	log     trafficLog

	requests, bodies *semaphore.Weighted // how many requests, and bytes of them, there is room for
}

// New returns a server. Each model of the router must be among the targets, by its
// name; targets that the router does not know are reached by their names. The
// encoder must be the one that the router was trained with, which
// [routers.OpenOptions] checks.
func New(router *routers.Router, encoder Encoder, client *chat.Client, targets []chat.Target, o *Options) (*Server, error) {
	v, err := o.validate()
	if err != nil {
		return nil, err
	}
	if router == nil || encoder == nil || client == nil {
		return nil, errors.New("serve: a router, an encoder and a client are needed")
	}
	s := &Server{
		o: v, router: router, encoder: encoder, client: client, targets: map[string]chat.Target{},
		requests: semaphore.NewWeighted(int64(v.MaxRequests)), bodies: semaphore.NewWeighted(v.MaxBodies),
	}
	for _, t := range targets {
		if t.Name == Auto {
			return nil, fmt.Errorf("serve: a candidate is called %q, which is how clients ask to be routed", Auto)
		}
		s.targets[t.Name] = t
		s.names = append(s.names, t.Name)
	}
	var missing []string
	for _, m := range router.Models() {
		t, known := s.targets[m.Name]
		if !known {
			missing = append(missing, m.Name)
		}
		s.ranked = append(s.ranked, t)
	}
	if missing != nil {
		return nil, fmt.Errorf("serve: the router may choose %q, which no candidate is called", missing)
	}
	s.metrics = newMetrics()
	s.log = trafficLog{to: v.Log, logger: v.Logger, failures: s.metrics.logFailures}
	s.handler = s.routes()
	return s, nil
}

// routes is what answers which path.
func (s *Server) routes() http.Handler {
	behindToken := http.NewServeMux()
	behindToken.Handle("/v1/chat/completions", only(http.MethodPost, http.HandlerFunc(s.complete)))
	behindToken.Handle("/v1/models", only(http.MethodGet, http.HandlerFunc(s.listModels)))
	behindToken.Handle("/v1/models/{name...}", only(http.MethodGet, http.HandlerFunc(s.showModel)))
	behindToken.Handle("/metrics", only(http.MethodGet, s.metrics.handler()))
	behindToken.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		problem{http.StatusNotFound, invalid, "", "unknown_url", "unknown address: " + r.URL.Path, 0}.write(w)
	})
	all := http.NewServeMux()
	all.Handle("/healthz", only(http.MethodGet, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })))
	all.Handle("/", s.authorized(behindToken))
	pages := http.NewCrossOriginProtection() // a web page must not spend our money
	pages.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		problem{http.StatusForbidden, invalid, "", "foreign_origin", "requests of web pages of another origin are not answered", 0}.write(w)
	}))
	return pages.Handler(all)
}

// only lets through requests by one method.
func only(method string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != method && !(method == http.MethodGet && r.Method == http.MethodHead) {
			w.Header().Set("Allow", method)
			problem{http.StatusMethodNotAllowed, invalid, "", "method_not_allowed", "want " + method, 0}.write(w)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// authorized lets through who knows the token. Hashes are compared, so that the
// time tells nothing of it, its length included.
func (s *Server) authorized(next http.Handler) http.Handler {
	if *s.o.token == "" {
		return next
	}
	want := sha256.Sum256([]byte(*s.o.token))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		scheme, given, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		if got := sha256.Sum256([]byte(given)); !strings.EqualFold(scheme, "Bearer") || subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
			problem{http.StatusUnauthorized, invalid, "", "invalid_api_key", "the API key is not the server's access token", 0}.write(w)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// modelEntry is a model as clients list it.
type modelEntry struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	Created int64  `json:"created"`
	OwnedBy string `json:"owned_by"`
}

func (s *Server) entry(name string) modelEntry {
	owner := s.targets[name].Service
	if name == Auto {
		owner = "llmrouter"
	}
	return modelEntry{ID: name, Object: "model", OwnedBy: owner}
}

func (s *Server) listModels(w http.ResponseWriter, _ *http.Request) {
	list := []modelEntry{s.entry(Auto)}
	for _, name := range s.names {
		list = append(list, s.entry(name))
	}
	writeJSON(w, http.StatusOK, map[string]any{"object": "list", "data": list})
}

func (s *Server) showModel(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	if _, known := s.targets[name]; !known && name != Auto {
		unknownModel().write(w)
		return
	}
	writeJSON(w, http.StatusOK, s.entry(name))
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	text, _ := json.Marshal(v) // texts and numbers
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(text)
}

// ErrToken says that a server without a token was to listen where others than this
// machine can reach it.
var ErrToken = errors.New("serve: an access token is needed to listen on other addresses than this machine's own")

// Listen listens for [Server.Serve] on a TCP address. Without a token it must be one
// of this machine's own ([ErrToken]).
func (s *Server) Listen(ctx context.Context, address string) (net.Listener, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("serve: %w", err)
	}
	if err := s.admit(l); err != nil {
		return nil, err
	}
	return l, nil
}

// admit closes a listener that others than this machine can reach, where there is no
// token.
func (s *Server) admit(l net.Listener) error {
	if *s.o.token != "" || isLoopback(l.Addr().String()) {
		return nil
	}
	_ = l.Close()
	return ErrToken
}

// Flush waits until the lines of the requests answered so far are in the log, or
// until ctx ends.
func (s *Server) Flush(ctx context.Context) error { return s.log.flush(ctx) }

// Serve answers requests that come to l, which it closes, until Options.Drain is
// closed and what is under way is answered and logged (nil), or ctx ends, which cuts
// what is under way (ctx.Err()). Without a token l must be on a loopback address
// ([ErrToken]), and requests must name such a host, so that no web page reaches the
// server by a name of its own.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	if err := s.admit(l); err != nil {
		return err
	}
	handler := s.handler
	if *s.o.token == "" {
		handler = localHost(handler)
	}
	hs := &http.Server{
		Handler: handler, ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes,
		ReadTimeout: s.o.ReadTimeout, // of bodies that no handler asks for; a completion has as long for its own
		ErrorLog:    slog.NewLogLogger(s.o.Logger.Handler(), slog.LevelDebug),
	}
	served := make(chan error, 1)
	go func() { served <- hs.Serve(l) }()
	var shutdown sync.WaitGroup
	defer shutdown.Wait()
	ended := make(chan struct{})
	defer close(ended)
	shutdown.Go(func() {
		select {
		case <-s.o.Drain:
			if hs.Shutdown(ctx) == nil {
				return
			}
		case <-ctx.Done():
		case <-ended:
		}
		_ = hs.Close()
	})
	err := <-served
	if errors.Is(err, http.ErrServerClosed) {
		shutdown.Wait()
		if s.Flush(ctx) == nil {
			return ctx.Err()
		}
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastLines)
		defer cancel()
		return cmp.Or(s.Flush(late), ctx.Err())
	}
	return fmt.Errorf("serve: %w", err)
}

// isLoopback reports whether an address, with a port or without, is this
// machine's own.
func isLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		host = strings.Trim(address, "[]")
	}
	if strings.EqualFold(strings.TrimSuffix(host, "."), "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// localHost refuses requests for other hosts than this machine.
func localHost(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isLoopback(r.Host) {
			problem{http.StatusForbidden, invalid, "", "unknown_host", "without an access token, requests are taken for localhost alone", 0}.write(w)
			return
		}
		next.ServeHTTP(w, r)
	})
}
