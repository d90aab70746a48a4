// Package hub downloads files of dataset and model repositories from the
// Hugging Face hub over its public HTTP API and keeps them in a cache laid out
// as the Python client (huggingface_hub) lays it out, so that both share one
// copy on disk.
//
//	client, err := hub.New(hub.OptionsFromEnv(os.Getenv))
//	if err != nil {
//		return err
//	}
//	name, err := client.Download(ctx, hub.Dataset("openai/gsm8k"), "main/test-00000-of-00001.parquet")
//
// # What is promised
//
//   - A file under its name in the cache is whole. It is written to a temporary
//     name, its SHA-256 (large files) or its git blob SHA-1 (small ones) is
//     compared with what the hub announced, it is fsynced and then renamed.
//   - Any ETag will do. Where it is not one of these hashes (mirrors and proxies
//     write what they like), the commit's listing tells the hash, or, where the
//     cache has none, the size alone is compared.
//   - A cached file whose size is not that of the commit's listing, where the
//     cache has one, is not used: it is fetched again, or offline an error. At
//     a commit without a listing, a file of at most 16 MiB that is not what its
//     blob is named after is not used either; larger ones are believed.
//   - An interrupted download is resumed by the next attempt, also that of
//     another process, and the bytes taken over are hashed again. Where nothing
//     tells the content's hash, no part is taken over.
//   - Two processes that want the same file take turns by a file lock where the
//     file system has locks; where it has none, both download and neither harms
//     the other.
//   - A revision that is a commit is served from the cache without asking the
//     hub. A branch or tag is looked up at the hub each time; where the hub
//     cannot be reached, the commit seen last stands in (and is logged). In a
//     cache without references, as some clients leave it, that is for the default
//     revision the one commit of which there are files.
//   - All requests of the API go to the endpoint, the further pages of a listing
//     too, whatever server a mirror's answer names.
//   - The token goes to the hub's own origin (scheme, host and port) and to
//     nowhere else, however the hub redirects.
//
// # What it does not do
//
// It does not upload, does not write the Python client's shared Xet store
// (it reads caches that use it), and does not verify the content of ranges read
// through [RemoteFile], because the hub publishes hashes of whole files only.
package hub
