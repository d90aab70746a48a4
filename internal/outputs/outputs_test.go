package outputs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCheckDistinct(t *testing.T) {
	dir := t.TempDir()
	real, link := filepath.Join(dir, "real"), filepath.Join(dir, "link")
	if err := os.WriteFile(real, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Symlink(real, link), os.Mkdir(filepath.Join(dir, "folder"), 0o777), os.Symlink("folder", filepath.Join(dir, "same"))); err != nil {
		t.Skip(err)
	}
	t.Chdir(dir)
	for name, tt := range map[string]struct {
		written, read []File
		want          []string // in the error; none: no error
	}{
		"different files":   {written: []File{{"a", "x"}, {"b", "y"}}, read: []File{{"c", "z"}, {"d", "z"}}},
		"no files":          {written: []File{{"a", ""}, {"b", ""}}, read: []File{{"c", ""}}},
		"the folder":        {written: []File{{"a", dir}}, read: []File{{"c", ""}}},
		"written twice":     {written: []File{{"a", "x"}, {"b", filepath.Join(dir, "x")}}, want: []string{"a and b are the same file, " + filepath.Join(dir, "x")}},
		"read and linked":   {written: []File{{"a", "link"}, {"b", "real"}}, read: []File{{"c", "real"}}, want: []string{"c and a are the same file, link", "a and b are the same file, real"}},
		"in linked folders": {written: []File{{"a", "same/new/x"}, {"b", "folder/new/x"}}, want: []string{"a and b are the same file, folder/new/x"}},
	} {
		t.Run(name, func(t *testing.T) {
			err := CheckDistinct(tt.written, tt.read)
			if (err != nil) != (tt.want != nil) {
				t.Fatal(err)
			}
			for _, text := range tt.want {
				if !strings.Contains(err.Error(), text) {
					t.Errorf("%q is not in %v", text, err)
				}
			}
		})
	}
}

func TestCheckWritable(t *testing.T) {
	dir := t.TempDir()
	good := File{"the good one", filepath.Join(dir, "made", "x")}
	if err := CheckWritable(nil, good); err != nil {
		t.Fatal(err)
	}
	err := CheckWritable(nil, good, File{"the bad one", dir}) // a folder
	if err == nil || !strings.Contains(err.Error(), "the bad one: ") {
		t.Errorf("%v", err)
	}
	if left, err := os.ReadDir(filepath.Dir(good.Path)); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if _, err := os.Stat(good.Path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
}
