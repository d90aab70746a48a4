package serve_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/llmrouter-go/llmrouter/internal/wordhash"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/routers"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/routers/serve"
)

// A server routes what it is asked, and logs what came of it. Here service stands
// for the candidates' service, router for what routers.Open gives, and a
// bag of words for the encoder.
func ExampleServer() {
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"choices":[{"message":{"role":"assistant","content":"It is 4."},"finish_reason":"stop"}]}`)
	}))
	defer service.Close()
	ctx := context.Background()
	router, err := exampleRouter(ctx)
	if err != nil {
		log.Fatal(err)
	}

	targets, err := chat.Resolve([]llmrouterdata.Candidate{{Name: "small", Model: "s-1"}, {Name: "large", Model: "l-1"}}, service.URL+"/v1", chat.Keys{}, nil)
	if err != nil {
		log.Fatal(err)
	}
	client, err := chat.New(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	var lines bytes.Buffer
	server, err := serve.New(router, wordhash.Encoder{}, client, targets, &serve.Options{Log: &lines})
	if err != nil {
		log.Fatal(err)
	}

	// server.Listen and server.Serve do so on an address.
	request := httptest.NewRequest("POST", "/v1/chat/completions", strings.NewReader(`{"model": "auto", "messages": [{"role": "user", "content": "What is 2 plus 2?"}]}`))
	answer := httptest.NewRecorder()
	server.ServeHTTP(answer, request)
	if err := server.Flush(ctx); err != nil {
		log.Fatal(err)
	}
	fmt.Println(answer.Header().Get("X-Router-Choice"), answer.Body)
	fmt.Println(strings.Contains(lines.String(), `"query":"What is 2 plus 2?"`))
	// Output:
	// small {"choices":[{"message":{"role":"assistant","content":"It is 4."},"finish_reason":"stop"}]}
	// true
}

// exampleRouter is fitted to a handful of sums and capitals.
func exampleRouter(ctx context.Context) (*routers.Router, error) {
	texts := []string{"What is 1 plus 2?", "What is 3 plus 4?", "Name the capital of France.", "Name the capital of Spain."}
	vectors, err := wordhash.Encoder{}.Encode(ctx, texts)
	if err != nil {
		return nil, err
	}
	var queries []routers.Query
	for i, text := range texts {
		capital := float64(i / 2)
		queries = append(queries, routers.Query{Task: "t", Text: text, Vector: vectors[i], Pairs: []routers.Pair{{Score: 1 - capital}, {Score: capital}}})
	}
	data, err := routers.NewData([]routers.Model{{Name: "small"}, {Name: "large"}}, queries)
	if err != nil {
		return nil, err
	}
	return routers.Fit(ctx, data, routers.Ridge{}, nil)
}
