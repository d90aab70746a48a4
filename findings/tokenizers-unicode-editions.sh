#!/usr/bin/env bash
# Wrong guess: a tokenizer knows one edition of Unicode.
#
# BertNormalizer and BertPreTokenizer take each rule from another crate: accents
# (Mn) and punctuation (P) of an edition of 2015, decompositions of one before
# Unicode 13, lower case of a newer one than Python's own. So a later accent
# stays, and a letter of the newest edition is put in lower case.
exec "$(dirname "$0")/in-venv" tokenizers==0.23.3 <<'PYTHON'
import unicodedata
import tokenizers
from tokenizers import normalizers, pre_tokenizers

print("tokenizers", tokenizers.__version__, "beside Unicode", unicodedata.unidata_version)
strip = normalizers.BertNormalizer(clean_text=False, handle_chinese_chars=False, strip_accents=True, lowercase=False).normalize_str
lower = normalizers.BertNormalizer(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=True).normalize_str
cut = pre_tokenizers.BertPreTokenizer().pre_tokenize_str
accents = [c for c in map(chr, range(0x110000)) if unicodedata.category(c) == "Mn"]
kept = [c for c in accents if strip("a" + c) != "a"]
print(len(kept), "of", len(accents), "accents stay, U+%04X the first" % ord(kept[0]))
assert "\u1abf" in kept
signs = [c for c in map(chr, range(128, 0x110000)) if unicodedata.category(c)[0] == "P"]
joined = [c for c in signs if len(cut("a" + c + "b")) == 1]
print(len(joined), "of", len(signs), "punctuation marks part no words, U+%04X the first" % ord(joined[0]))
assert "\u2e52" in joined
assert lower("\U00016ea0") != "\U00016ea0", "lower case is older now"
assert normalizers.NFD().normalize_str("\U00011938") == "\U00011938", "decompositions are newer now"
print("U+16EA0, a letter of 2025, has a lower case; U+11938, of 2020, is not decomposed")
PYTHON
