"""Lets transformers load folders of tokenizer files and prints what ids it gives.

    python transformers.py > transformers.json
    python transformers.py TEXTS.json      # texts of one's own, a JSON list

The vocabulary is made here: RoBERTa's special tokens, the 256 bytes and a few
merges. A tokenizer.json is printed without it.
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

MERGES = [m.split() for m in "t h|th e|Ġ the|Ġ t|c a|ca t|Ġ cat|h e|l l|he ll|hell o|Ġ hello|o r|w or|wor l|worl d|Ġ w|Ġw or|Ġwor l|Ġworl d|i n|e r|a n|Ġ a|Ġa n|# #|Ġ Ġ|Ã ©".split("|")]
ALPHABET = {b: chr(b) for b in [*range(33, 127), *range(161, 173), *range(174, 256)]}
ALPHABET.update({b: chr(256 + i) for i, b in enumerate(b for b in range(256) if b not in ALPHABET)})
TOKENS = ["<s>", "<pad>", "</s>", "<unk>"] + [ALPHABET[b] for b in range(256)] + [a + b for a, b in MERGES] + ["<mask>"]
VOCAB = {t: i for i, t in enumerate(TOKENS)}
N = len(VOCAB)

TEXTS = [
    "", "hello world", " the cat", "the <ent> cat", "<ent>", "hello <mask> the", "a <mask>", "<mask><mask>  <mask> ", "hello  \t<mask>\n the",
    "<s> hello </s>", "<pad><unk> <s></s>", "##TITLE# x", "a ##TITLE# b##", "cat the cats scat cat_ cat, éçat cat\u200d cat", "(cat) cat", "<ent><ent> <ent>x",
    "a <e1> b <e2> c <e3> d", "the <a> <b> <c> the <mask> <x> <y> <a>", "  <ent>  <ent>  ", "<ent> \n<ent>\n", "hello<ent>world <ent>\u3000\u0085<ent>the", "[X] [X]] [[X]]", "é<ent>é café",
    "the cat and the cat and the cat and the cat", "the cat <ent> hello <mask> world </s> the cat and the cat", "aaa bb ab aab aaab", "x hello x", "hello_world hello", "NEW word NEWword new", "None <none>", "\ufeff<ent>\u00a0<mask>", "1 2<ent>3  4", "<mask", "<<ent>>",
]


def token(content, **properties):
    return dict({"__type": "AddedToken", "content": content, "lstrip": False, "rstrip": False, "normalized": True, "single_word": False}, **properties)


def plain(content, **properties):
    t = token(content, **properties)
    del t["__type"]
    return t


def tokenizer(*more, edit=None):
    """tokenizer.json, with further added tokens."""
    added = [dict(plain(t, lstrip=t == "<mask>", normalized=t != "<mask>"), id=VOCAB[t], special=True) for t in ("<s>", "<pad>", "</s>", "<unk>", "<mask>")]
    for i, t in enumerate(more):
        added.append(dict({"id": VOCAB.get(t["content"], N + i), "special": False}, **t))
    value = {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": added, "normalizer": None,
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
        "post_processor": {"type": "RobertaProcessing", "sep": ["</s>", 2], "cls": ["<s>", 0], "trim_offsets": True, "add_prefix_space": False},
        "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
        "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": "", "end_of_word_suffix": "", "fuse_unk": False, "byte_fallback": False, "ignore_merges": False},
    }
    if edit:
        edit(value)
    return value


def decoder(*tokens):
    """added_tokens_decoder with the special tokens and others."""
    d = {str(VOCAB[t]): dict(plain(t, lstrip=t == "<mask>", normalized=t != "<mask>"), special=True) for t in ("<s>", "<pad>", "</s>", "<unk>", "<mask>")}
    d.update({str(N + i): dict({"special": False}, **t) for i, t in enumerate(tokens)})
    return {"added_tokens_decoder": d}


def changed(part, **values):
    return tokenizer(edit=lambda t: t[part].update(values))


def replaced(**values):
    return tokenizer(edit=lambda t: t.update(values))


TEMPLATE = {
    "type": "TemplateProcessing",
    "single": [{"SpecialToken": {"id": "<pad>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "</s>", "type_id": 0}}],
    "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}],
    "special_tokens": {"<pad>": {"id": "<pad>", "ids": [1], "tokens": ["<pad>"]}, "</s>": {"id": "</s>", "ids": [2], "tokens": ["</s>"]}},
}
ENT = plain("<ent>")
CUT = {"truncation": {"direction": "Left", "max_length": 4, "strategy": "LongestFirst", "stride": 0}}
AS_IS = {"tokenizer_class": "PreTrainedTokenizerFast"}

# name: tokenizer.json (None: vocab.json and merges.txt), tokenizer_config.json,
# special_tokens_map.json, added_tokens.json
FOLDERS = {
    "vocabulary": (None,),
    "vocabulary, prefix": (None, {"add_prefix_space": True}),
    "vocabulary, mask strips": (None, {"mask_token": token("<mask>", lstrip=True)}),
    "vocabulary, mask is text": (None, {"mask_token": "<mask>"}),
    "vocabulary, mask in the map": (None, {}, {"mask_token": plain("<mask>", lstrip=True, rstrip=True)}),
    "vocabulary, map over settings": (None, {"mask_token": token("<mask>", lstrip=True)}, {"mask_token": plain("<mask>", rstrip=True)}),
    "vocabulary, list over map": (None, decoder(ENT), {"mask_token": plain("<mask>", rstrip=True)}, {"<e1>": N + 1}),
    "vocabulary, added": (None, {}, {}, {"<ent>": N}),
    "vocabulary, added and special": (None, {}, {"additional_special_tokens": ["<ent>"]}, {"<ent>": N}),
    "vocabulary, added and special by its newer name": (None, {"extra_special_tokens": ["<ent>"]}, {}, {"<ent>": N, "<e1>": N + 1}),
    "vocabulary, added with a gap": (None, {}, {}, {"<b>": N + 30, "<a>": N + 40, "<c>": N + 20, "hello": N + 2}),
    "vocabulary, added in it": (None, {}, {}, {"hello": 77, "cat": 5}),
    "vocabulary, added mask": (None, {}, {}, {"<mask>": N - 1, "</s>": 2}),
    "vocabulary, listed": (None, decoder(plain("<a>", lstrip=True), plain("<b>", rstrip=True), plain("<c>", lstrip=True, rstrip=True))),
    "vocabulary, listed alone": (None, {"added_tokens_decoder": {str(N): {"content": "<ent>"}}}),
    "vocabulary, literal": (None, {"split_special_tokens": True}),
    "vocabulary, literal and added": (None, {"split_special_tokens": True}, {"additional_special_tokens": ["<e1>"]}, {"<ent>": N, "<e1>": N + 1}),
    "vocabulary, literal and listed": (None, dict(decoder(ENT, plain("<e1>", special=True)), split_special_tokens=True)),
    "vocabulary, left": (None, {"truncation_side": "left"}),
    "vocabulary, other ends": (None, {"cls_token": "<pad>", "sep_token": token("<end>")}),
    "vocabulary, no mask named": (None, {"mask_token": None, "pad_token": None}),
    "vocabulary, bos": (None, {"bos_token": "<x>", "eos_token": "<y>", "add_bos_token": False, "add_eos_token": True}),
    "vocabulary, extras": (None, {"extra_special_tokens": ["<e1>", token("<e2>", lstrip=True)], "additional_special_tokens": ["<e3>"]}),
    "vocabulary, extras twice": (None, {"additional_special_tokens": ["<e2>"]}, {"additional_special_tokens": ["<e1>"], "extra_special_tokens": ["<e3>"]}),
    "vocabulary, names of its own": (None, {"ent_token": "<ent>", "extra_special_tokens": {"x_token": "<x>", "y_token": "<y>"}}),
    "vocabulary, map with a name of its own": (None, {}, {"ent_token": "<ent>"}),
    "vocabulary, single words": (None, decoder(plain("cat", single_word=True), plain("cat the", single_word=True), plain("hello", single_word=True, normalized=False))),
    "vocabulary, single word that strips": (None, decoder(plain("cat", single_word=True, lstrip=True, rstrip=True))),
    "vocabulary, overlaps": (None, decoder(plain("##"), plain("#TITLE#", normalized=False, special=True))),
    "vocabulary, overlaps the other way": (None, decoder(plain("##", normalized=False), plain("#TITLE#"))),
    "vocabulary, nested": (None, decoder(plain("[X]"), plain("[[X]]", normalized=False), plain("[X]]"))),
    "vocabulary, letters": (None, decoder(plain("a"), plain("ab", normalized=False), plain("aa"), plain("aab", normalized=False))),
    "vocabulary, white space": (None, decoder(plain(" ", normalized=True), plain("\n", normalized=False), plain("<ent>", lstrip=True, rstrip=True, normalized=False))),
    "vocabulary, white space with prefix": (None, dict(decoder(plain(" "), plain("<ent>", rstrip=True)), add_prefix_space=True)),
    "vocabulary, literal single word": (None, dict(decoder(plain("cat", single_word=True, special=True), plain("the", special=True)), split_special_tokens=True)),
    "json": (tokenizer(),),
    "json, prefix": (tokenizer(), {"add_prefix_space": True, "tokenizer_class": "LongformerTokenizer"}),
    "json, prefix of its own": (changed("pre_tokenizer", add_prefix_space=True),),
    "json, prefix of its own and of the settings": (changed("pre_tokenizer", add_prefix_space=True), {"add_prefix_space": False}),
    "json, left": (tokenizer(), {"truncation_side": "left", "tokenizer_class": "RobertaTokenizerFast"}),
    "json, left by itself": (replaced(**CUT),),
    "json, left by itself, right by the settings": (replaced(**CUT), {"truncation_side": "right"}),
    "json, added": (tokenizer(ENT, plain("<e1>", lstrip=True, normalized=False)),),
    "json, added, with a gap": (tokenizer(dict(ENT, id=N + 20), dict(plain("<e1>"), id=N + 10)),),
    "json, added, list in settings": (tokenizer(ENT), decoder(plain("<e1>", lstrip=True))),
    "json, added, empty list in settings": (tokenizer(ENT), {"added_tokens_decoder": {}}),
    "json, added, other files": (tokenizer(ENT), {}, {"mask_token": plain("<mask>", rstrip=True)}, {"<e1>": N, "<e2>": N + 1}),
    "json, mask of the settings": (tokenizer(), {"mask_token": token("<mask>")}),
    "json, other start": (tokenizer(), {"cls_token": "<x>"}),
    "json, literal": (tokenizer(ENT), {"split_special_tokens": True}),
    "json, no effect": (tokenizer(), {"trim_offsets": False, "model_max_length": 7, "clean_up_tokenization_spaces": True, "add_bos_token": False, "add_eos_token": False, "errors": "strict", "bos_token": "<s>", "tokenizer_class": "RobertaTokenizer", "padding_side": "left"}),
    "json, overlaps": (tokenizer(plain("##"), plain("#TITLE#", normalized=False, special=True)),),
    "json, no ends of its own": (replaced(post_processor=None),),
    "json, template": (replaced(post_processor=TEMPLATE),),
    "json, whole words": (changed("model", ignore_merges=True),),
    "as it is": (changed("pre_tokenizer", add_prefix_space=True), dict(AS_IS, add_prefix_space=False)),
    "as it is, template": (replaced(post_processor=TEMPLATE), dict(AS_IS, cls_token="<x>", ent_token="<ent>")),
    "as it is, no ends": (replaced(post_processor=None), dict(AS_IS, extra_special_tokens=["<e1>"])),
    "as it is, added, with a gap": (tokenizer(dict(ENT, id=N + 20)), dict(AS_IS, **decoder(plain("<e1>")))),
    "as it is, left": (replaced(**CUT), {"tokenizer_class": "TokenizersBackend"}),
    "as it is, whole words": (changed("model", ignore_merges=True), AS_IS),
    "as it is, other properties": (tokenizer(ENT), dict(AS_IS, **decoder(plain("<ent>", lstrip=True)))),
    "of an unknown class": (replaced(post_processor=TEMPLATE), {"tokenizer_class": "SomeTokenizer"}),
    "bart": (replaced(post_processor=TEMPLATE), {"tokenizer_class": "BartTokenizer"}),
    "led": (replaced(post_processor=TEMPLATE), {"tokenizer_class": "LEDTokenizerFast"}),
}
NAMES = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json")


def limits(name):
    """The numbers of tokens to cut at; 0: not at all."""
    return (0, 8) if "left" in name or name in ("json", "vocabulary") else (0,)


def whole(file, value):
    if file != "tokenizer.json":
        return value
    return dict(value, model=dict(value["model"], vocab=VOCAB, merges=[" ".join(m) for m in MERGES]))


def ids(name, files, texts):
    with tempfile.TemporaryDirectory() as folder:
        def write(file, text):
            with open(os.path.join(folder, file), "w", encoding="utf-8") as f:
                f.write(text)
        write("config.json", json.dumps({"model_type": "longformer", "architectures": ["LongformerModel"]}))
        if "tokenizer.json" not in files:
            write("vocab.json", json.dumps(VOCAB))
            write("merges.txt", "#version: 0.2\n" + "".join(" ".join(m) + "\n" for m in MERGES))
        for file, value in files.items():
            write(file, json.dumps(whole(file, value)))
        t = transformers.AutoTokenizer.from_pretrained(folder)
        return {str(n): t(texts, truncation=n > 0, max_length=n or None)["input_ids"] for n in limits(name)}


texts = TEXTS
if len(sys.argv) > 1:
    with open(sys.argv[1], encoding="utf-8") as f:
        texts = json.load(f)
out = {"vocab": VOCAB, "merges": [" ".join(m) for m in MERGES], "texts": texts, "folders": []}
for name, values in FOLDERS.items():
    files = {n: v for n, v in zip(NAMES, values) if v is not None}
    out["folders"].append({"name": name, "files": files, "ids": ids(name, files, texts)})
print(json.dumps(out, ensure_ascii=True, separators=(",", ":")).replace('{"name"', '\n{"name"'))
