package embedding

import (
	"context"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/llmrouter-go/llmrouter/datasets/hub"
)

// Download brings the files of a published model that [Open] and
// [OpenLongformer] read into the client's cache, all from one commit, and returns the folder that
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
	parts := &modules{model: "."}
	if slices.Contains(names, modulesFile) {
		if dir, err = client.DownloadAll(ctx, repo, []string{modulesFile}); err != nil {
			return "", err
		}
		if parts, err = readModules(os.DirFS(dir)); err != nil {
			return "", err
		}
	}
	files, index, err := chooseFiles(names, parts)
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
	for i, name := range shards {
		shards[i] = path.Join(parts.model, name)
	}
	return client.DownloadAll(ctx, repo, append(files, shards...))
}

// chooseFiles selects what is read of a model's repository, which may hold the
// weights in several forms, each as large as the others. Where they come in
// shards, index is the file among these that lists them.
func chooseFiles(names []string, parts *modules) (files []string, index string, err error) {
	add := func(name string) bool {
		if slices.Contains(names, name) {
			files = append(files, name)
			return true
		}
		return false
	}
	of := func(name string) string { return path.Join(parts.model, name) }
	if !add(of(configFile)) {
		return nil, "", lacking(of(configFile))
	}
	for _, name := range slices.Concat(tokenizerSettings, sentenceFiles) {
		add(of(name))
	}
	if parts.pooling != "" {
		for _, name := range []string{modulesFile, promptsFile, path.Join(parts.pooling, configFile)} {
			add(name)
		}
	}
	complete := slices.IndexFunc(vocabularies, func(vocabulary []string) bool {
		return !slices.ContainsFunc(vocabulary, func(name string) bool { return !slices.Contains(names, of(name)) })
	})
	if complete < 0 {
		return nil, "", lacking("tokenizer.json", "vocab.json with merges.txt", "vocab.txt")
	}
	for _, name := range vocabularies[complete] {
		add(of(name))
	}
	for _, form := range checkpointForms {
		switch {
		case add(of(form.file)):
			return files, "", nil
		case add(of(form.index)):
			return files, of(form.index), nil
		}
	}
	return nil, "", lacking(checkpointNames()...)
}

// lacking says that none of these files was found.
func lacking(names ...string) error {
	return fmt.Errorf("the repository, or offline the cache, has none of %s", strings.Join(names, ", "))
}
