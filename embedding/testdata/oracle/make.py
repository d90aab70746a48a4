"""Makes the expected vectors of this folder with transformers and sentence-transformers.

    python make.py [FOLDER] [--minilm MODEL --queries FILE.jsonl --cases FILE.json]
    python make.py FOLDER --forms
    python make.py FOLDER --model MODEL --queries FILE.jsonl --count N

FOLDER is where the folders go, by default the one of this file. Each has the files of a small model but its weights, which
come from a seed as those of internal/seededweights do, and expected.json:

    seed, spread    of the weights ("tiny" or "base"); left out where the folder has weights of its own
    options         prompt, prompt_name
    texts, ids      and the token ids of each text
    vectors         of each text, [dim]
    last            by a text's place: its hidden states after the last layer, [tokens, dim]

With --minilm, minilm.json and minilm.safetensors are made too: the vectors of every n-th query of FILE.jsonl, 500 in all,
in float16, and the SHA-256 of their texts, which are not kept; and the texts of FILE.json.

With --forms, FOLDER gets models with weights instead, in the forms that folders have which transformers, sentence-transformers
and torch have written. With --model, FOLDER gets the expected.json of that model alone, for every n-th query, N in all, and the
texts of the small models.
"""
import argparse
import hashlib
import json
import os
import shutil
import sys
import tempfile

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_VERBOSITY"] = "error"

import numpy as np
import sentence_transformers
import torch
import transformers

WANTED = ("5.24.0", "6.2.0")
if (transformers.__version__, sentence_transformers.__version__) != WANTED:
    sys.exit("transformers %s and sentence-transformers %s are wanted" % WANTED)
torch.set_grad_enabled(False)
torch.set_num_threads(1)

# --- Weights: internal/seededweights in Python.

SPREADS = {"base": (0.02, 0.05, 0.02, 0.02, 0.1, 0.1), "tiny": (0.5, 0.3, 0.25, 0.2, 0.2, 0.2)}


def moments(name, spread):
    embedding, query_key, weight, bias, norm_weight, norm_bias = SPREADS[spread]
    if "LayerNorm" in name or "layer_norm" in name:
        return (1, norm_weight) if name.endswith("weight") else (0, norm_bias)
    if name.startswith("embeddings."):
        return 0, embedding
    if name.endswith(".bias"):
        return 0, bias
    return 0, query_key if ".query" in name or ".key" in name else weight


def seeded(name, shape, seed, spread):
    mean, std = moments(name, spread)
    state = 0xCBF29CE484222325
    for c in name.encode():
        state = (state ^ c) * 0x100000001B3 % 2**64
    n = int(np.prod(shape))
    with np.errstate(over="ignore"):
        z = np.uint64(state ^ seed) + np.arange(1, n + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ z >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ z >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    parts = sum((z >> np.uint64(s) & np.uint64(0xFFFF)).astype(np.int64) for s in (0, 16, 32, 48))
    return torch.from_numpy((mean + (parts - 131070) * (std * 1.7320508075688772 / 65536)).astype(np.float32).reshape(shape))


# --- The folders.

LETTERS = "abcdefghijklmnopqrstuvwxyz"
PIECES = "the cat hello world cafe Hello two person un what is of in and ? . , - ' 你 好 é 1 2 ##s ##ing ##able ##er ##th".split()
TEXTS = [
    "", "hello world", "Hello WORLD, what is the cat?", "two-person café", "你好 world", "the cat's\n\tcafé\u200b and in the world", "unthinkable things", "<mask> [MASK] <s> [SEP]",
    "what is the cat of the world and " * 12, "ελληνικά " + "z" * 120, "naïve Ünïcödé e\u0301 ﬁ 한국",
]
BERT = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
MPNET = ["<s>", "<pad>", "</s>", "[UNK]", "<mask>"]


def words(specials):
    return list(dict.fromkeys(specials + list(LETTERS) + ["##" + c for c in LETTERS] + PIECES))


def bytes_vocabulary():
    alphabet = {b: chr(b) for b in [*range(33, 127), *range(161, 173), *range(174, 256)]}
    alphabet.update({b: chr(256 + i) for i, b in enumerate(b for b in range(256) if b not in alphabet)})
    merges = [m.split() for m in "t h|th e|Ġ the|c a|ca t|Ġ cat|h e|l l|he ll|hell o|i n|o r|w or|Ġ wor|Ã ©".split("|") if m]
    merges = [m for m in merges if m[0] != "Ġ" or m[1] in ("the", "cat", "wor")]
    tokens = ["<s>", "<pad>", "</s>", "<unk>"] + [alphabet[b] for b in range(256)] + [a + b for a, b in merges] + ["<mask>"]
    return {t: i for i, t in enumerate(tokens)}, merges


def config(model, heads, width, **more):
    sizes = dict(num_hidden_layers=2, num_attention_heads=heads, hidden_size=heads * width, intermediate_size=48, max_position_embeddings=40, hidden_act="gelu", layer_norm_eps=1e-12)
    sizes.update(more)
    return dict(model_type=model, **sizes)


def bert(heads=3, width=8, **more):
    v = words(BERT)
    return {"config.json": config("bert", heads, width, vocab_size=len(v), type_vocab_size=2, pad_token_id=0, **more), "vocab.txt": "".join(t + "\n" for t in v)}


def roberta(heads=2, width=12, **more):
    v, merges = bytes_vocabulary()
    return {
        "config.json": config("roberta", heads, width, vocab_size=len(v), type_vocab_size=1, pad_token_id=1, **{"layer_norm_eps": 1e-5, **more}),
        "vocab.json": v, "merges.txt": "#version: 0.2\n" + "".join(" ".join(m) + "\n" for m in merges),
    }


def mpnet(heads=2, width=20, **more):
    v = words(MPNET)
    return {"config.json": config("mpnet", heads, width, vocab_size=len(v), pad_token_id=1, relative_attention_num_buckets=32, **{"layer_norm_eps": 1e-5, **more}), "vocab.txt": "".join(t + "\n" for t in v)}


def sentences(files, mode, normalize=False, length=None, lower=False, old=True, at="", **prompts):
    """Makes a folder of sentence-transformers of one of transformers."""
    dim = files["config.json"]["hidden_size"]
    out = {os.path.join(at, n): v for n, v in files.items()}
    kinds = ["Transformer", "Pooling"] + ["Normalize"] * normalize
    paths = [at, "1_Pooling", "2_Normalize"]
    new = {"Transformer": "sentence_transformers.base.modules.transformer.Transformer", "Pooling": "sentence_transformers.sentence_transformer.modules.pooling.Pooling", "Normalize": "sentence_transformers.base.modules.normalize.Normalize"}
    out["modules.json"] = [{"idx": i, "name": str(i), "path": paths[i], "type": "sentence_transformers.models." + k if old else new[k]} for i, k in enumerate(kinds)]
    if old:
        keys = {"cls": "cls_token", "mean": "mean_tokens", "max": "max_tokens", "lasttoken": "lasttoken"}
        out["1_Pooling/config.json"] = dict({"word_embedding_dimension": dim}, **{"pooling_mode_" + k: m == mode for m, k in keys.items()})
    else:
        out["1_Pooling/config.json"] = {"embedding_dimension": dim, "pooling_mode": mode, "include_prompt": True}
    sentence = {"do_lower_case": lower}
    if length is not None:
        sentence["max_seq_length"] = length
    out[os.path.join(at, "sentence_bert_config.json")] = sentence
    if prompts:
        out["config_sentence_transformers.json"] = prompts
    return out


QUERY = {"prompts": {"query": "what is ", "passage": "the: "}, "default_prompt_name": None}
# name: files, options
FOLDERS = {
    "bert": (bert(),),
    "bert-cased": (dict(bert(width=16, heads=1, num_hidden_layers=1), **{"tokenizer_config.json": {"do_lower_case": False, "strip_accents": False, "tokenizer_class": "BertTokenizer", "model_max_length": 20}}),),
    "bert-mean": (sentences(bert(heads=4, width=8), "mean", normalize=True, length=16),),
    "bert-cls": (sentences(dict(bert(), **{"tokenizer_config.json": {"do_lower_case": False, "strip_accents": True}}), "cls", normalize=True, length=32, lower=True, **QUERY), {"prompt_name": "query"}),
    "bert-max": (sentences(bert(width=5), "max", old=False, at="0_Transformer"),),
    "bert-last": (sentences(bert(), "lasttoken", length=500, old=False, **dict(QUERY, default_prompt_name="passage")),),
    "roberta": (roberta(),),
    "roberta-mean": (sentences(dict(roberta(), **{"tokenizer_config.json": {"truncation_side": "left", "model_max_length": 24}}), "mean", normalize=True),),
    "mpnet": (mpnet(),),
    "mpnet-mean": (sentences(mpnet(max_position_embeddings=330, num_hidden_layers=1), "mean", normalize=True, length=300, old=False), {"prompt": "what is "}),
}


def put(folder, name, value):
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        f.write(value if isinstance(value, str) else json.dumps(value, ensure_ascii=True, indent=None) + "\n")


def numbers(tensor):
    return [float("%.9g" % x) for x in tensor.float().reshape(-1).tolist()]


def place(files):
    """Where the files of the transformer are."""
    return next(os.path.dirname(n) for n in files if os.path.basename(n) == "config.json" and "Pooling" not in n)


def write(folder, files, seed):
    """Writes a folder with its weights; gives the transformer."""
    for name, value in files.items():
        put(folder, name, value)
    at = place(files)
    c = dict(files[os.path.join(at, "config.json")])
    model = transformers.AutoModel.from_config(transformers.AutoConfig.for_model(c.pop("model_type"), **c)).eval()
    model.load_state_dict({n: t if n.endswith("_ids") else seeded(n, tuple(t.shape), seed, "tiny") for n, t in model.state_dict().items()})
    model.save_pretrained(os.path.join(folder, at))
    put(folder, os.path.join(at, "config.json"), files[os.path.join(at, "config.json")])
    return model


def expected(files, options, seed):
    with tempfile.TemporaryDirectory() as folder:
        model = write(folder, files, seed)
        at = place(files)
        st = sentence_transformers.SentenceTransformer(folder, device="cpu")
        positions = files[os.path.join(at, "config.json")]["max_position_embeddings"] - (0 if model.config.model_type == "bert" else 2)
        st.max_seq_length = min(st.max_seq_length, positions)  # beyond them torch fails
        kw = {k: v for k, v in options.items()}
        texts = TEXTS + (["what is the cat of the world and two " * 40] if positions > 200 else [])
        vectors = [st.encode(t, convert_to_tensor=True, show_progress_bar=False, **kw) for t in texts]
        prompt = options.get("prompt") or st.prompts.get(options.get("prompt_name") or st.default_prompt_name) or ""
        out = {"seed": seed, "spread": "tiny", "options": options, "texts": texts, "ids": [], "vectors": [numbers(v) for v in vectors], "last": {}}
        for i, t in enumerate(texts):
            features = st.tokenize([prompt + t])
            out["ids"].append(features["input_ids"][0].tolist())
            if i in (0, 2, 3, 11):
                rows = st[0].auto_model(input_ids=features["input_ids"], attention_mask=features["attention_mask"]).last_hidden_state[0]
                out["last"][str(i)] = numbers(rows if i != 11 else rows[:3])
        return out


# --- The forms of folders.


def narrowed(dtype):
    return lambda model, folder: model.to(dtype).save_pretrained(folder)


def in_shards(model, folder):
    os.remove(os.path.join(folder, "model.safetensors"))
    model.save_pretrained(folder, max_shard_size="8KB")


def by_torch(keys=lambda name: name, **more):
    def save(model, folder):
        os.remove(os.path.join(folder, "model.safetensors"))
        torch.save({keys(n): t for n, t in model.state_dict().items()}, os.path.join(folder, "pytorch_model.bin"), **more)
    return save


def as_language_model(model, folder):
    head = transformers.AutoModelForMaskedLM.from_config(model.config)
    head.base_model.load_state_dict(model.state_dict(), strict=False)
    head.save_pretrained(folder)


def with_tokenizer(tokens=(), specials=(), **settings):
    def save(model, folder):
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, **settings)
        added = tokenizer.add_tokens(list(tokens)) + tokenizer.add_special_tokens({"extra_special_tokens": list(specials)})
        if added:
            model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
            model.get_input_embeddings().weight[-added:] = torch.linspace(-1, 1, added * model.config.hidden_size).reshape(added, -1)
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    return save


def saved_again(model, folder):
    st = sentence_transformers.SentenceTransformer(folder, device="cpu")
    st.max_seq_length = 15
    st.prompts = {"query": "what is "}
    for entry in os.listdir(folder):
        path = os.path.join(folder, entry)
        shutil.rmtree(path) if os.path.isdir(path) else os.remove(path)
    st.save_pretrained(folder)


FORMS = {  # name: files, what is done to them
    "float16": (bert(), narrowed(torch.float16)),
    "bfloat16": (sentences(roberta(), "cls"), narrowed(torch.bfloat16)),
    "shards": (sentences(mpnet(), "mean", normalize=True), in_shards),
    "bin": (sentences(bert(), "mean", length=20), by_torch()),
    "bin-legacy": (mpnet(), by_torch(_use_new_zipfile_serialization=False)),
    "bin-tensorflow-names": (bert(), by_torch(lambda n: "bert." + n.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"))),
    "language-model-bert": (bert(), as_language_model),
    "language-model-roberta": (roberta(), as_language_model),
    "language-model-mpnet": (sentences(mpnet(), "cls"), as_language_model),
    "tokenizer-bert": (bert(), with_tokenizer()),
    "tokenizer-cased": (sentences(bert(), "mean"), with_tokenizer(do_lower_case=False)),
    "tokenizer-roberta": (sentences(roberta(), "lasttoken"), with_tokenizer(add_prefix_space=True)),
    "tokenizer-mpnet": (mpnet(), with_tokenizer()),
    "added-bert": (bert(), with_tokenizer(["Ünïcödé", "two-person"], ["[Q]"])),
    "added-roberta": (sentences(roberta(), "mean"), with_tokenizer(["two-person", "hello world"], ["<q>"])),
    "added-mpnet": (sentences(mpnet(), "max"), with_tokenizer(["WORLD"])),
    "saved-again-bert": (sentences(bert(), "mean", normalize=True, length=16), saved_again),
    "saved-again-roberta": (sentences(roberta(), "cls"), saved_again),
    "saved-again-mpnet": (sentences(mpnet(), "lasttoken", at="0_Transformer"), saved_again),
    "saved-again-plain": (bert(), saved_again),
}
FORM_TEXTS = TEXTS + ["[Q] two-person <q> hello world", "WORLD world<s>[CLS]", "the cat <mask> [MASK]cat"]


def forms(root):
    for seed, (name, (files, change)) in enumerate(FORMS.items(), start=40):
        folder = os.path.join(root, name)
        model = write(folder, files, seed)
        at = os.path.join(folder, place(files))
        change(model, at if change is not saved_again else folder)
        st = sentence_transformers.SentenceTransformer(folder, device="cpu", model_kwargs={"dtype": torch.float32})
        positions = st[0].auto_model.config.max_position_embeddings - (0 if st[0].auto_model.config.model_type == "bert" else 2)
        st.max_seq_length = min(st.max_seq_length, positions)  # beyond them torch fails
        ids = [st.preprocess([t])["input_ids"][0].tolist() for t in FORM_TEXTS]
        vectors = [numbers(st.encode(t, convert_to_tensor=True, show_progress_bar=False)) for t in FORM_TEXTS]
        put(folder, "expected.json", {"options": {}, "texts": FORM_TEXTS, "ids": ids, "vectors": vectors})


# --- Published models.


def some(name, count):
    with open(name, encoding="utf-8") as f:
        queries = [json.loads(line)["query"] for line in f]
    step = len(queries) // count
    return queries[: count * step : step]


def published(a):
    texts = some(a.queries, a.count) + TEXTS
    st = sentence_transformers.SentenceTransformer(a.model, device="cpu")
    ids = [st.preprocess([t])["input_ids"][0].tolist() for t in texts]
    vectors = [numbers(st.encode(t, convert_to_tensor=True, show_progress_bar=False)) for t in texts]
    put(a.folder, "expected.json", {"options": {}, "texts": texts, "ids": ids, "vectors": vectors})


def minilm(a):
    queries = some(a.queries, 500)
    with open(a.cases, encoding="utf-8") as f:
        cases = json.load(f)
    st = sentence_transformers.SentenceTransformer(a.minilm, device="cpu")
    vectors = np.stack([st.encode(t, show_progress_bar=False) for t in queries + cases])
    digests = [hashlib.sha256(t.encode()).hexdigest()[:16] for t in queries]
    put(a.folder, "minilm.json", {"queries": digests, "cases": cases})
    from safetensors.numpy import save_file
    save_file({"vectors": vectors.astype(np.float16)}, os.path.join(a.folder, "minilm.safetensors"))


p = argparse.ArgumentParser()
p.add_argument("folder", nargs="?", default=os.path.dirname(os.path.abspath(__file__)))
p.add_argument("--minilm")
p.add_argument("--queries")
p.add_argument("--cases")
p.add_argument("--forms", action="store_true")
p.add_argument("--model")
p.add_argument("--count", type=int)
a = p.parse_args()
if a.model:
    sys.exit(published(a))
if a.forms:
    sys.exit(forms(a.folder))
for seed, (name, (files, *options)) in enumerate(FOLDERS.items(), start=5):
    folder = os.path.join(a.folder, name)
    shutil.rmtree(folder, ignore_errors=True)
    for file, value in files.items():
        put(folder, file, value)
    put(folder, "expected.json", expected(files, options[0] if options else {}, seed))
with open(os.path.join(a.folder, "buckets.json"), "w") as f:
    from transformers.models.mpnet.modeling_mpnet import MPNetEncoder
    json.dump(MPNetEncoder.relative_position_bucket(torch.arange(-600, 601), num_buckets=32).tolist(), f)
if a.minilm:
    minilm(a)
