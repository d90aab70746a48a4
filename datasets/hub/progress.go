package hub

// Progress is one report on one file. Each file that Download or DownloadAll
// brings gets one with Done equal to Total at its end, also when it came from
// the cache; while it is transferred it gets about ten a second.
type Progress struct {
	// Repo is the repository as it was asked for; in DownloadAll, pinned to its
	// commit.
	Repo Repo
	// Path is the file's path in the repository.
	Path string
	// Done and Total count bytes. Done starts above 0 for a resumed download
	// and goes back when the server makes the transfer start over.
	Done, Total int64
	// Cached says that nothing had to be transferred.
	Cached bool
	// Finished marks the file's last report: it is in the cache, verified.
	Finished bool
}

func (c *Client) report(p Progress) {
	if c.o.Progress == nil {
		return
	}
	c.progressMu.Lock()
	defer c.progressMu.Unlock()
	c.o.Progress(p)
}
