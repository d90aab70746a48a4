package embedding

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/llmrouter-go/llmrouter/datasets/hub"
)

// Download brings the files of a published model that [OpenLongformer] reads
// into the client's cache, all from one commit, and returns the folder that
// holds them: the configuration, the tokenizer, and the weights in one form,
// as safetensors where there are such. What the cache has is not fetched again,
// and an interrupted download goes on where it was.
//
// A repository that lacks one of these is an error before the weights are
// fetched.
func Download(ctx context.Context, client *hub.Client, repo hub.Repo) (dir string, err error) {
	dir, err = download(ctx, client, repo)
	if err != nil {
		return "", fmt.Errorf("embedding: %s: %w", repo.ID, err)
	}
	return dir, nil
}

func download(ctx context.Context, client *hub.Client, repo hub.Repo) (dir string, err error) {
	// One commit for the list and the files.
	repo, err = client.Pin(ctx, repo)
	if err != nil {
		return "", err
	}
	entries, err := client.List(ctx, repo)
	if err != nil {
		return "", err
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Path
	}
	files, index, err := chooseFiles(names)
	if err != nil {
		return "", err
	}
	dir, err = client.DownloadAll(ctx, repo, files)
	if err != nil || index == "" {
		return dir, err
	}
	_, shards, err := readIndex(os.DirFS(dir), index)
	if err != nil {
		return "", err
	}
	return client.DownloadAll(ctx, repo, append(files, shards...))
}

// chooseFiles selects what is read of a model's repository, which may hold the
// weights in several forms, each as large as the others. Where they come in
// shards, index is the file among these that lists them.
func chooseFiles(names []string) (files []string, index string, err error) {
	has := func(name string) bool { return slices.Contains(names, name) }
	if !has(configFile) {
		return nil, "", errors.New("the repository has no " + configFile)
	}
	if !has(tokenizerNames[0]) && !(has(tokenizerNames[1]) && has(tokenizerNames[2])) {
		return nil, "", errors.New("the repository has neither tokenizer.json nor vocab.json with merges.txt")
	}
	tokenizer := tokenizerNames[:1]
	if !has(tokenizer[0]) {
		tokenizer = tokenizerNames[1:]
	}
	for _, name := range slices.Concat([]string{configFile}, tokenizerSettings, tokenizer) {
		if has(name) {
			files = append(files, name)
		}
	}
	for _, form := range checkpointForms {
		switch {
		case has(form.file):
			return append(files, form.file), "", nil
		case has(form.index):
			return append(files, form.index), form.index, nil
		}
	}
	return nil, "", fmt.Errorf("the repository has none of %s", strings.Join(checkpointNames(), ", "))
}
