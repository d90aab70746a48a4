"""Lets transformers load folders of BERT's and MPNet's tokenizer files and prints what ids and offsets it gives.

    python words.py > words.json    # null: as in the model's first folder
    python words.py TEXTS.json      # texts of one's own, a JSON list

The vocabulary is made here. A tokenizer.json is printed without it.
"""
import json
import os
import sys
import tempfile

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_VERBOSITY"] = "error"
sys.path.pop(0)  # this folder, where a file has the package's name

import tokenizers
import transformers

if transformers.__version__ != "5.24.0" or tokenizers.__version__ != "0.23.3":
    sys.exit("transformers 5.24.0 with tokenizers 0.23.3 is wanted, this is %s with %s" % (transformers.__version__, tokenizers.__version__))

LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
PIECES = (
    "the cat hello world cafe café CAFE Hello naive two person un aff able ing un## $ % - _ . , ! ? ' \" # [ ] < > / ( ) @ 你 好 ü ß ö é É i̇ ı İ ς σ Σ straße 한 국 어 한국 ก ข ा क ् ष ♥ 😀 … “ ” £ ~ + = ^ ` | \\ & * : ;"
).split() + ["##" + p for p in "s ed ing able person ly é e ß 好 # ا ل ı ̇ ş 국 어 ᅡ ᆨ ᆫ ् ा 0 42".split()]
SPECIALS = {
    "bert": ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"],
    "mpnet": ["<s>", "<pad>", "</s>", "[UNK]", "<mask>"],
}


def vocabulary(model):
    tokens = SPECIALS[model] + list(LETTERS) + ["##" + c for c in LETTERS] + PIECES
    return {t: i for i, t in enumerate(dict.fromkeys(tokens))}


VOCAB = {model: vocabulary(model) for model in SPECIALS}
N = {model: len(v) for model, v in VOCAB.items()}
EDIT = "unaffable, two-person café cafe\u0301 CAFÉ naïve"
TEXTS = [
    "", " ", "hello world", "Hello WORLD", "a\nb\tc\r\nd", "cost: $5.00?", "it's", "two-person", "(the order)", "x^2+y", "café", "CAFÉ", "cafe\u0301", "cafe\u0301\u0323s", "cafe\u0323\u0301s",
    "你好", "x你好y 好", "a  b", "a\u00a0b\u3000c\u2003d\u2028e\u1680f", "don't", "\"quoted\" “quoted”…", "1/2", "100%", "unaffable", "unaffables un##s ##s", EDIT,
    "a\u0000b\u0007c\ufffdd\u200be\u00adf\u0085g\x7fh\u2060i\ufeffj", "a\u000bb\u000cc", "x" * 100, "x" * 101, "é" * 100, "e\u0301" * 100 + " é", "é" * 101, "你" * 120, "a" + "\u0301" * 120, "a" * 99 + "?" + "b" * 101,
    "İstanbul I ı ışık Ş", "ΣΑΣ ΣΊΣΥΦΟΣ ς", "Straße STRASSE ẞ", "한국어 한국 각", "กขค ภาษา", "क्षा किताब", "مرحبا العربية", "עִבְרִית", "Việt Nam", "ﬁ ﬀ Ⅷ ½ ² ª", "😀 👩‍👩‍👧 ♥️ ❤", "🇩🇪", "\U00020000\U0002b740\U0002b820\U0002b920\U0002ceb0\U0002f800",
    "\u302e\u302fa \u1d165", "a\u0345\u0334b a\u0334\u0345b", "\u1734\u1735 \u166d\U000111c9", "\U00010400\U00010428 \ua7cb\u1c89 \U00016ea0", "\u07fd\u0898 \U0001e944", "\u061d \u2e52", "\ufdd0 \uffff \U0010ffff \ue000",
    "[MASK] hello [mask] [CLS][SEP]", "<mask> hello <MASK> <s> </s> <S>", "hello  <mask> \t<mask>the", "[UNK] [unk] [PAD] <pad>", "a <ent> b<ENT>c <ent><ent>", "the cat the cats _cat_ cat. éCATé Cat", "##TITLE# x ##", "Éclair <Éclair> <éclair> <e\u0301clair>", "hello<x>world <X>", "A B CD <a b>c", "the\u0301 cat\u0301",
    " leading and trailing ", "\n\n", "\u0301", "\u200b", "a\u0301\u200b\u0301b", "\u0041\u030a \u00c5 \u212b", "\u2126\u212a", "\u1e9b\u0323", "ỗ\u0323x", "\u3042\u3099 \u304c ガ",
] + ["the cat and the café and 你好 two-person hello [SEP] world " * 3]


def token(content, **properties):
    return dict({"__type": "AddedToken", "content": content, "lstrip": False, "rstrip": False, "normalized": True, "single_word": False}, **properties)


def plain(content, **properties):
    t = token(content, **properties)
    del t["__type"]
    return t


def normal(**changes):
    return dict({"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None, "lowercase": True}, **changes)


def tokenizer(kind, *more, **parts):
    """tokenizer.json, with further added tokens and other parts."""
    v = VOCAB[kind]
    added = [dict(plain(t, normalized=False, lstrip=t == "<mask>"), id=v[t], special=True) for t in SPECIALS[kind]]
    for i, t in enumerate(more):
        added.append(dict({"id": v.get(t["content"], len(v) + i), "special": False}, **t))
    cls, sep = ("[CLS]", "[SEP]") if kind == "bert" else ("<s>", "</s>")
    value = {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": added, "normalizer": normal(),
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": cls, "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": sep, "type_id": 0}}],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}],
            "special_tokens": {t: {"id": t, "ids": [v[t]], "tokens": [t]} for t in (cls, sep)},
        },
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100},
    }
    value["model"].update(parts.pop("model", {}))
    value.update(parts)
    return value


def decoder(model, *tokens):
    d = {str(VOCAB[model][t]): dict(plain(t, normalized=False), special=True) for t in SPECIALS[model]}
    d.update({str(N[model] + i): dict({"special": False}, **t) for i, t in enumerate(tokens)})
    return {"added_tokens_decoder": d}


ENT = plain("<ent>")
CUT = {"truncation": {"direction": "Left", "max_length": 4, "strategy": "LongestFirst", "stride": 0}}
AS_IS = {"tokenizer_class": "PreTrainedTokenizerFast"}
CASED = {"do_lower_case": False}
TYPICAL = {
    "bert": {"do_lower_case": True, "unk_token": "[UNK]", "sep_token": "[SEP]", "pad_token": "[PAD]", "cls_token": "[CLS]", "mask_token": "[MASK]", "tokenize_chinese_chars": True, "strip_accents": None, "tokenizer_class": "BertTokenizer", "model_max_length": 512, "never_split": None, "do_basic_tokenize": True},
    "mpnet": {"do_lower_case": True, "bos_token": "<s>", "eos_token": "</s>", "sep_token": "</s>", "cls_token": "<s>", "unk_token": "[UNK]", "pad_token": "<pad>", "mask_token": "<mask>", "tokenizer_class": "MPNetTokenizer", "model_max_length": 512, "tokenize_chinese_chars": True, "strip_accents": None},
}


def folders(model):
    """name: tokenizer.json (None: vocab.txt), tokenizer_config.json, special_tokens_map.json, added_tokens.json"""
    mine = lambda *more, **parts: tokenizer(model, *more, **parts)
    return {
        "words": (None,),
        "words, typical": (None, TYPICAL[model]),
        "words, cased": (None, CASED),
        "words, cased without accents": (None, {"do_lower_case": False, "strip_accents": True}),
        "words, with accents": (None, {"strip_accents": False}),
        "words, no Chinese": (None, {"tokenize_chinese_chars": False}),
        "words, mask strips": (None, {"mask_token": token("<mask>", lstrip=True, rstrip=True)}),
        "words, added": (None, {}, {}, {"<ent>": N[model], "<Éclair>": N[model] + 3, "hello": 77}),
        "words, listed": (None, decoder(model, ENT, plain("<x>", lstrip=True, normalized=False), plain("<Éclair>"), plain("<a b>"))),
        "words, single words": (None, decoder(model, plain("cat", single_word=True), plain("the", single_word=True, normalized=False))),
        "words, literal": (None, {"split_special_tokens": True}),
        "words, left": (None, {"truncation_side": "left"}),
        "words, other ends": (None, {"cls_token": "[UNK]", "sep_token": "hello", "unk_token": "the"}),
        "words, extras": (None, {"extra_special_tokens": ["<ent>", token("<X>", lstrip=True)]}),
        "json": (mine(),),
        "json, typical": (mine(), TYPICAL[model]),
        "json, cased by itself": (mine(normalizer=normal(lowercase=False)),),
        "json, cased by itself and the settings": (mine(normalizer=normal(lowercase=False)), CASED),
        "json, another model": (mine(model={"max_input_chars_per_word": 3, "unk_token": "the"}),),
        "json, added": (mine(ENT, plain("<Éclair>"), plain("<x>", rstrip=True, normalized=False), plain("a b")), TYPICAL[model]),
        "json, list in settings": (mine(ENT), dict(TYPICAL[model], **decoder(model, plain("<x>")))),
        "json, left by itself": (mine(**CUT),),
        "json, fast class": (mine(), {"tokenizer_class": TYPICAL[model]["tokenizer_class"] + "Fast"}),
        "as it is": (mine(), AS_IS),
        "as it is, cased": (mine(normalizer=normal(lowercase=False)), AS_IS),
        "as it is, bare": (mine(normalizer=None), AS_IS),
        "as it is, no cleaning": (mine(normalizer=normal(clean_text=False, handle_chinese_chars=False, strip_accents=True, lowercase=False)), AS_IS),
        "as it is, lower case first": (mine(ENT, plain("<Éclair>"), normalizer={"type": "Sequence", "normalizers": [{"type": "Lowercase"}, normal(lowercase=False)]}), AS_IS),
        "as it is, lower case": (mine(normalizer={"type": "Lowercase"}), AS_IS),
        "as it is, another model": (mine(model={"max_input_chars_per_word": 3, "unk_token": "the", "continuing_subword_prefix": "un"}), AS_IS),
        "as it is, no ends": (mine(post_processor=None), AS_IS),
        "as it is, added": (mine(ENT, plain("<Éclair>"), plain("a b", single_word=True)), AS_IS),
        "of the other family": (mine(), {"tokenizer_class": TYPICAL["bert" if model == "mpnet" else "mpnet"]["tokenizer_class"], "cls_token": SPECIALS[model][0], "sep_token": SPECIALS[model][2]}),
    }


NAMES = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json")


def limits(name):
    """The numbers of tokens to cut at; 0: not at all."""
    return (0, 8) if "left" in name or "typical" in name else (0,)


def write(folder, model, files):
    def put(file, text):
        with open(os.path.join(folder, file), "w", encoding="utf-8") as f:
            f.write(text)
    put("config.json", json.dumps({"model_type": model}))
    if "tokenizer.json" not in files:
        put("vocab.txt", "".join(t + "\n" for t in VOCAB[model]))
    for file, value in files.items():
        if file == "tokenizer.json":
            value = dict(value, model=dict(value["model"], vocab=VOCAB[model]))
        put(file, json.dumps(value))


def encode(model, name, files, texts):
    with tempfile.TemporaryDirectory() as folder:
        write(folder, model, files)
        t = transformers.AutoTokenizer.from_pretrained(folder)
        out = {}
        for n in limits(name):
            got = t(texts, truncation=n > 0, max_length=n or None, return_offsets_mapping=True)
            at = [[0] for _ in texts]  # bytes before each character
            for text, places in zip(texts, at):
                for c in text:
                    places.append(places[-1] + len(c.encode()))
            spans = [[x for a, b in o for x in (places[a], places[b])] for o, places in zip(got["offset_mapping"], at)]
            out[str(n)] = {"ids": got["input_ids"], "spans": spans}
        return out


texts = TEXTS
if len(sys.argv) > 1:
    with open(sys.argv[1], encoding="utf-8") as f:
        texts = json.load(f)
out = {"vocab": {m: list(v) for m, v in VOCAB.items()}, "texts": texts, "folders": []}
for model in SPECIALS:
    first = None
    for name, values in folders(model).items():
        files = {n: v for n, v in zip(NAMES, values) if v is not None}
        try:
            limited = encode(model, name, files, texts)
        except Exception as err:
            sys.exit("%s, %s: %s" % (model, name, err))
        if first is None:
            first = limited["0"]
        else:
            for encoded in limited.values():
                for i, same in enumerate(zip(encoded["ids"], encoded["spans"], first["ids"], first["spans"])):
                    if same[:2] == same[2:]:
                        encoded["ids"][i] = encoded["spans"][i] = None
        out["folders"].append({"name": name, "model": model, "files": files, "limits": limited})
print(json.dumps(out, ensure_ascii=True, separators=(",", ":")).replace('{"name"', '\n{"name"'))
