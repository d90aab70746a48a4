package hub

import (
	"context"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
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
// error, an export that the hub cut short is ErrPartial, and none of either is
// ErrEntryNotFound.
func (c *Client) Parquet(ctx context.Context, repo Repo, config, split string) (Repo, []Entry, error) {
	repo, err := repo.normalize()
	if err != nil {
		return Repo{}, nil, err
	}
	t := target{repo: repo}
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
		converted, err = c.Pin(ctx, repo.At(ParquetRevision))
		if errors.Is(err, ErrRevisionNotFound) {
			return Repo{}, nil, none
		}
		if err != nil {
			return Repo{}, nil, err
		}
		if entries, err = c.List(ctx, converted); err != nil {
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

var nativeShard = regexp.MustCompile(`^-(\d{5})-of-(\d{5})(?:-[0-9a-f]{16})?\.parquet$`)

// nativeShards picks "prefix + split + -i-of-n.parquet" (older files carry 16
// hex digits more) and checks that all n are there, once.
func nativeShards(entries []Entry, prefix, split string) ([]Entry, error) {
	found := map[int]Entry{}
	total := -1
	for _, e := range entries {
		rest, ok := strings.CutPrefix(e.Path, prefix+split)
		if !ok {
			continue
		}
		m := nativeShard.FindStringSubmatch(rest)
		if m == nil {
			continue
		}
		i, _ := strconv.Atoi(m[1]) // five digits
		n, _ := strconv.Atoi(m[2])
		if _, twice := found[i]; twice || total >= 0 && n != total {
			return nil, fmt.Errorf("file %s belongs to another set of shards than its neighbours", e.Path)
		}
		found[i], total = e, n
	}
	return inOrder(found, max(total, 0))
}

var exportShard = regexp.MustCompile(`^(\d{4})\.parquet$`)

// exportShards picks "config/split/NNNN.parquet", and "config/split-partK/..."
// for splits of more than 10,000 shards.
func exportShards(entries []Entry, config, split string) ([]Entry, error) {
	parts := map[int]map[int]Entry{}
	for _, e := range entries {
		rest, ok := strings.CutPrefix(e.Path, config+"/")
		if !ok {
			continue
		}
		dir, file := path.Split(rest)
		dir = strings.TrimSuffix(dir, "/")
		m := exportShard.FindStringSubmatch(file)
		if m == nil {
			continue
		}
		if dir == "partial-"+split || strings.HasPrefix(dir, "partial-"+split+"-part") {
			return nil, fmt.Errorf("%w (%s)", ErrPartial, e.Path)
		}
		part := 0
		if dir != split {
			number, ok := strings.CutPrefix(dir, split+"-part")
			var err error
			if part, err = strconv.Atoi(number); !ok || err != nil || part < 0 {
				continue
			}
		}
		if parts[part] == nil {
			parts[part] = map[int]Entry{}
		}
		i, _ := strconv.Atoi(m[1]) // four digits
		parts[part][i] = e
	}
	numbers := make([]int, 0, len(parts))
	for k := range parts {
		numbers = append(numbers, k)
	}
	slices.Sort(numbers)
	var all []Entry
	for j, k := range numbers {
		if k != numbers[0]+j {
			return nil, fmt.Errorf("part %d of the shards is missing", numbers[0]+j)
		}
		files, err := inOrder(parts[k], len(parts[k]))
		if err != nil {
			return nil, err
		}
		all = append(all, files...)
	}
	return all, nil
}

// inOrder lists found[0] to found[n-1].
func inOrder(found map[int]Entry, n int) ([]Entry, error) {
	files := make([]Entry, 0, len(found))
	for i := range n {
		e, ok := found[i]
		if !ok {
			return nil, fmt.Errorf("shard %d of %d is missing", i, n)
		}
		files = append(files, e)
	}
	if len(files) != len(found) {
		return nil, fmt.Errorf("more shards than the %d announced", n)
	}
	return files, nil
}
