package hub

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
)

// ParquetRevision is where the hub keeps its own parquet conversion of
// datasets.
const ParquetRevision = "refs/convert/parquet"

// ErrPartial: the hub converted only the first part of a split to parquet.
var ErrPartial = errors.New("the hub's parquet export is cut short")

// Parquet finds the parquet files of a split of a dataset's configuration, in
// the order of their rows, and the repository pinned to the commit that holds
// them:
//
//   - at the revision of repo, as "config/split-00000-of-00001.parquet" (or in
//     folder "data", or at the root, for the configuration "default" or ""),
//   - else, when repo is at its default revision, in the hub's own conversion,
//     as "config/split/0000.parquet".
//
// Only names are looked at, not the card's patterns. A missing shard is an
// ErrIncomplete, an export that the hub cut short is ErrPartial, and none of either is
// ErrEntryNotFound.
func (c *Client) Parquet(ctx context.Context, repo Repo, config, split string) (Repo, []Entry, error) {
	repo, err := repo.normalize()
	if err != nil {
		return Repo{}, nil, err
	}
	t := c.about(repo, "")
	if repo.Type != TypeDataset {
		return Repo{}, nil, t.errorf("parquet splits are of datasets")
	}
	native, err := c.Pin(ctx, repo)
	if err != nil {
		return Repo{}, nil, err
	}
	entries, err := c.List(ctx, native)
	if err != nil {
		return Repo{}, nil, err
	}
	prefixes := []string{config + "/"}
	if config == "" || config == "default" {
		prefixes = []string{"default/", "data/", ""}
	}
	for _, prefix := range prefixes {
		found, err := nativeShards(entries, prefix, split)
		if err != nil {
			return Repo{}, nil, t.errorf("configuration %q, split %q: %w", config, split, err)
		}
		if len(found) > 0 {
			return native, found, nil
		}
	}
	none := &Error{Repo: repo, Path: path.Join(config, split+"-*.parquet"), Kind: ErrEntryNotFound, advice: "the repository has no parquet files of this split"}
	if repo.Revision != DefaultRevision && repo.Revision != ParquetRevision {
		return Repo{}, nil, none
	}
	converted := native
	if repo.Revision != ParquetRevision {
		if converted, err = c.Pin(ctx, repo.At(ParquetRevision)); err == nil {
			entries, err = c.List(ctx, converted)
		}
		if errors.Is(err, ErrRevisionNotFound) {
			return Repo{}, nil, none
		}
		if err != nil {
			return Repo{}, nil, err
		}
	}
	if config == "" {
		config = "default"
	}
	found, err := exportShards(entries, config, split)
	if err != nil {
		return Repo{}, nil, t.errorf("configuration %q, split %q: %w", config, split, err)
	}
	if len(found) == 0 {
		return Repo{}, nil, none
	}
	return converted, found, nil
}

// nativeShards picks "prefix + split + -i-of-n.parquet".
func nativeShards(entries []Entry, prefix, split string) ([]Entry, error) {
	return shardsWhere(entries, func(name string) (bool, error) {
		m := numberedShard.FindStringSubmatch(name)
		return m != nil && m[1] == prefix+split && m[4] == ".parquet", nil
	})
}

// exportShards picks "config/split/NNNN.parquet", and "config/split-partK/..."
// for splits of more than 10,000 shards.
func exportShards(entries []Entry, config, split string) ([]Entry, error) {
	return shardsWhere(entries, func(name string) (bool, error) {
		m := exportedShard.FindStringSubmatch(name)
		if m == nil {
			return false, nil
		}
		folder := m[1]
		if p := exportedPart.FindStringSubmatch(folder); p != nil {
			folder = p[1]
		}
		if folder == config+"/partial-"+split {
			return false, fmt.Errorf("%w (%s)", ErrPartial, name)
		}
		return folder == config+"/"+split, nil
	})
}

// shardsWhere returns the entries that belong together, in their order.
func shardsWhere(entries []Entry, belongs func(name string) (bool, error)) ([]Entry, error) {
	byName := map[string]Entry{}
	for _, e := range entries {
		ok, err := belongs(e.Path)
		if err != nil {
			return nil, err
		}
		if ok {
			byName[e.Path] = e
		}
	}
	names, err := Shards(slices.Collect(maps.Keys(byName)))
	if err != nil {
		return nil, err
	}
	found := make([]Entry, len(names))
	for i, name := range names {
		found[i] = byName[name]
	}
	return found, nil
}
