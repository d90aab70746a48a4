// Downloads files into a cache with the JavaScript client of Hugging Face, file
// by file or as a snapshot, and prints what it did as one JSON object. At a
// branch it lists the repository first.
import { downloadFileToCacheDir, listFiles, snapshotDownload } from "@huggingface/hub";

const [hubUrl, name, cacheDir, revision, how, ...paths] = process.argv.slice(1);
const repo = { type: "dataset", name };
console.debug = () => {};
const listed = [];
if (revision === "main") {
	for await (const f of listFiles({ repo, recursive: true, hubUrl })) {
		if (f.type === "file") {
			listed.push({ Path: f.path, Size: f.size, BlobID: f.oid, SHA256: f.lfs?.oid ?? "" });
		}
	}
}
const local = [];
if (how === "snapshot" && revision === "main") {
	const root = await snapshotDownload({ repo, revision, cacheDir, hubUrl });
	local.push(...paths.map((path) => `${root}/${path}`));
} else {
	for (const path of paths) {
		local.push(await downloadFileToCacheDir({ repo, path, revision, cacheDir, hubUrl }));
	}
}
console.log(JSON.stringify({ listed, local }));
