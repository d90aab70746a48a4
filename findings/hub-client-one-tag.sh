#!/usr/bin/env bash
# Wrong guess: two files of a static mirror are two files after hf_hub_download, whatever the mirror's ETags.
#
# nginx and its like make an ETag of the time of change and the length. Files of
# one length that were copied in one second then have one tag. The client names
# the content in its cache by the tag alone: the second file becomes a link to the
# first one's content, without an error.
exec "$(dirname "$0")/in-venv" huggingface_hub==2.4.0 <<'PYTHON'
import http.server, os, tempfile, threading

# A static mirror: nginx makes an ETag of the time of change and the length.
FILES = {"a.txt": b"first file", "b.txt": b"other file"}

class Mirror(http.server.BaseHTTPRequestHandler):
    def do_HEAD(self):
        self.send(False)
    def do_GET(self):
        self.send(True)
    def send(self, body):
        content = FILES.get(self.path.rpartition("/")[2]) if "/resolve/" in self.path else None
        self.send_response(200 if content else 404)
        self.send_header("Content-Length", str(len(content or b"")))
        if content:
            self.send_header("X-Repo-Commit", "0123456789" * 4)
            self.send_header("ETag", '"%x-%x"' % (1700000000, len(content)))
        self.end_headers()
        if body and content:
            self.wfile.write(content)
    def log_message(self, *args):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Mirror)
threading.Thread(target=server.serve_forever, daemon=True).start()
os.environ["HF_ENDPOINT"] = f"http://127.0.0.1:{server.server_port}"
os.environ["HF_HOME"] = tempfile.mkdtemp()
os.environ["HF_HUB_OFFLINE"] = "0"
os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"

import huggingface_hub
got = {name: open(huggingface_hub.hf_hub_download("owner/repo", name), "rb").read() for name in FILES}
print("huggingface_hub", huggingface_hub.__version__, "downloads", got)
assert got == {"a.txt": b"first file", "b.txt": b"first file"}
PYTHON
