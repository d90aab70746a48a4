// Lists a repository and downloads files into a cache with the JavaScript
// client of Hugging Face, and prints what it did as one JSON object.
import { downloadFileToCacheDir, listFiles } from "@huggingface/hub";

const [hubUrl, name, cacheDir, ...paths] = process.argv.slice(1);
const repo = { type: "dataset", name };
console.debug = () => {};
const listed = [];
for await (const f of listFiles({ repo, recursive: true, hubUrl })) {
	if (f.type === "file") {
		listed.push({ Path: f.path, Size: f.size, BlobID: f.oid, SHA256: f.lfs?.oid ?? "" });
	}
}
const local = [];
for (const path of paths) {
	local.push(await downloadFileToCacheDir({ repo, path, cacheDir, hubUrl }));
}
console.log(JSON.stringify({ listed, local }));
