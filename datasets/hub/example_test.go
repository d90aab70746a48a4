package hub_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/llmrouter-go/llmrouter/datasets/hub"
	"github.com/llmrouter-go/llmrouter/internal/hubtest"
)

// pretendHub stands for huggingface.co, so that the examples run anywhere.
func pretendHub() (options *hub.Options, stop func()) {
	h, stopHub := hubtest.Start()
	h.Dataset("openai/gsm8k", map[string]string{
		"README.md":                         "Grade school maths.\n",
		"main/test-00000-of-00001.parquet":  "rows of test",
		"main/train-00000-of-00001.parquet": "rows of train",
	})
	h.Dataset("Idavidrein/gpqa", map[string]string{"gpqa_main.csv": "Question,Correct Answer\n"}).Gate("auto")
	cache, err := os.MkdirTemp("", "hub")
	if err != nil {
		panic(err)
	}
	return &hub.Options{Endpoint: h.URL, CacheDir: cache}, func() {
		stopHub()
		os.RemoveAll(cache)
	}
}

func Example() {
	// In a program: hub.OptionsFromEnv(os.Getenv).
	options, stop := pretendHub()
	defer stop()

	client, err := hub.New(options)
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	local, err := client.Download(ctx, hub.Dataset("openai/gsm8k"), "README.md")
	if err != nil {
		fmt.Println(err)
		return
	}
	text, err := os.ReadFile(local)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(string(text))

	// All of one split, from one commit.
	repo, files, err := client.Parquet(ctx, hub.Dataset("openai/gsm8k"), "main", "test")
	if err != nil {
		fmt.Println(err)
		return
	}
	var paths []string
	for _, f := range files {
		paths = append(paths, f.Path)
	}
	dir, err := client.DownloadAll(ctx, repo, paths)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, p := range paths {
		info, err := os.Stat(filepath.Join(dir, filepath.FromSlash(p)))
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(p, info.Size(), "bytes")
	}
	// Output:
	// Grade school maths.
	// main/test-00000-of-00001.parquet 12 bytes
}

// A benchmark behind a gate need not stop the others.
func ExampleClient_Download_gated() {
	options, stop := pretendHub()
	defer stop()
	client, err := hub.New(options)
	if err != nil {
		fmt.Println(err)
		return
	}
	for repo, path := range map[hub.Repo]string{hub.Dataset("Idavidrein/gpqa"): "gpqa_main.csv"} {
		_, err := client.Download(context.Background(), repo, path)
		if errors.Is(err, hub.ErrGated) {
			fmt.Println("left out:", repo) // err says which page to accept and which variable to set
			continue
		}
		if err != nil {
			fmt.Println(err)
		}
	}
	// Output: left out: dataset Idavidrein/gpqa
}

func ExampleClient_Open() {
	options, stop := pretendHub()
	defer stop()
	client, err := hub.New(options)
	if err != nil {
		fmt.Println(err)
		return
	}
	file, err := client.Open(context.Background(), hub.Dataset("openai/gsm8k"), "main/train-00000-of-00001.parquet")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer file.Close()
	tail := make([]byte, 5)
	if _, err := file.ReadAt(tail, file.Size()-int64(len(tail))); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s, the last of %d bytes\n", tail, file.Size())
	// Output: train, the last of 13 bytes
}
