#!/usr/bin/env bash
# Wrong guess: with features=Features({"x": Value("string")}) the JSON loader of datasets keeps a string as it is.
#
# The loader lets pyarrow guess, and casts what it guessed to the features. Texts
# that all look like dates become timestamps, and then other texts: "2012-05-01"
# comes back as "2012-05-01 00:00:00". One text among them that is no date, and
# all come back as they were.
exec "$(dirname "$0")/in-venv" datasets==5.2.0 pyarrow==26.0.1 <<'PYTHON'
import datasets, json
datasets.disable_progress_bars()

def read(name, texts):
    with open(name, "w") as f:
        for text in texts:
            f.write(json.dumps({"x": text}) + "\n")
    features = datasets.Features({"x": datasets.Value("string")})
    return datasets.load_dataset("json", data_files=name, split="train", features=features)["x"][:]

dates = ["2012-05-01", "2012-05-02T10:00:00Z"]
print("datasets", datasets.__version__, "reads", dates, "as", read("a.jsonl", dates))
print("and with one more text as", read("b.jsonl", dates + ["none"]))
assert read("a.jsonl", dates) == ["2012-05-01 00:00:00", "2012-05-02 10:00:00"]
assert read("b.jsonl", dates + ["none"]) == dates + ["none"]
PYTHON
