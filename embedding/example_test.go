package embedding_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/llmrouter-go/llmrouter/embedding"
)

// smallModel stands for a published model, which would be some hundred MB.
func smallModel() embedding.Config {
	c := embedding.LongformerBase()
	c.VocabSize, c.HiddenSize, c.Layers, c.Heads, c.IntermediateSize = 300, 32, 2, 2, 64
	c.AttentionWindow = embedding.Windows{16, 16}
	return c
}

func ExampleOpenLongformer() {
	ctx := context.Background()
	// A folder with config.json, the weights and the tokenizer, as published.
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("longformer-example-%d", os.Getpid()))
	defer os.RemoveAll(dir)
	if err := os.CopyFS(dir, embedding.SeededModel(smallModel(), 1)); err != nil {
		log.Fatal(err)
	}

	model, err := embedding.OpenLongformer(ctx, dir, &embedding.LongformerOptions{
		Progress: func(done, total int) { fmt.Printf("%d of %d\n", done, total) },
	})
	if err != nil {
		log.Fatal(err)
	}
	defer model.Close()
	vectors, err := model.Encode(ctx, []string{"Which eats other creatures?", "What is 2+2?"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(vectors), "vectors of", model.Dim(), "numbers, by", model.Config().Layers, "layers")
	// Output:
	// 2 of 2
	// 2 vectors of 32 numbers, by 2 layers
}

func ExampleLongformer_Forward() {
	ctx := context.Background()
	model, err := embedding.OpenLongformerFS(ctx, embedding.SeededModel(smallModel(), 1), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer model.Close()
	// <s> sees every token, and every token sees it.
	question := embedding.Sequence{
		IDs:    []int32{0, 87, 104, 121, 35, 2},
		Global: []bool{true, false, false, false, false, false},
	}
	out, err := model.Forward(ctx, []embedding.Sequence{question}, &embedding.ForwardOptions{AllHidden: true})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(out[0].Hidden), "times", len(out[0].Hidden[0])/model.Dim(), "hidden states, and their mean of", len(out[0].Pooled), "numbers")
	// Output: 3 times 6 hidden states, and their mean of 32 numbers
}

// How many tokens does a text take, and which part of it does each cover?
func ExampleLongformer_Tokenize() {
	ctx := context.Background()
	model, err := embedding.OpenLongformerFS(ctx, embedding.SeededModel(smallModel(), 1), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer model.Close()
	const text = "2+2"
	tokens, err := model.Tokenize(ctx, text)
	if err != nil {
		log.Fatal(err)
	}
	for _, token := range tokens {
		fmt.Printf("%q ", text[token.Start:token.End])
	}
	fmt.Println()
	// Output: "" "2" "+" "2" ""
}

// A model of the large architecture takes 1.7 GB and needs none of it to be
// described.
func ExampleLongformerLarge() {
	c := embedding.LongformerLarge()
	fmt.Println(c.Layers, "layers", c.HiddenSize, "wide, up to", c.MaxTokens(), "tokens")
	// Output: 24 layers 1024 wide, up to 4096 tokens
}

func ExampleOpen() {
	ctx := context.Background()
	// A folder as sentence-transformers saves one; a published model would be
	// "sentence-transformers/all-MiniLM-L6-v2" and the like.
	model, err := embedding.OpenFS(ctx, embedding.SeededModel(smallModel(), 1), &embedding.Options{Normalize: true})
	if err != nil {
		log.Fatal(err)
	}
	defer model.Close()
	vectors, err := model.Encode(ctx, []string{"Which eats other creatures?"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(model.Architecture(), len(vectors[0]), model.MaxTokens())
	// Output:
	// longformer 32 4096
}
