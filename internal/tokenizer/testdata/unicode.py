"""Prints what the tokenizers library knows of characters, as internal/tokenizer/unicode.txt holds it.

    python unicode.py > ../unicode.txt

Each of its rules follows the tables of another edition of Unicode, so each is asked about every character.
"""
import sys
import unicodedata

sys.path.pop(0)  # this folder, where a file has the package's name

import tokenizers
from tokenizers import normalizers, pre_tokenizers

if tokenizers.__version__ != "0.23.3":
    sys.exit("tokenizers 0.23.3 is wanted, this is " + tokenizers.__version__)

ALL = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
HANGUL = range(0xAC00, 0xD7A4)  # decomposed by a rule


def bert(**on):
    return normalizers.BertNormalizer(**{**dict(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=False), **on}).normalize_str


clean, chinese, strip, lower = bert(clean_text=True), bert(handle_chinese_chars=True), bert(strip_accents=True), bert(lowercase=True)
words = pre_tokenizers.BertPreTokenizer()
decompose = normalizers.NFD().normalize_str


def cut(c):
    return [w for w, _ in words.pre_tokenize_str("a" + chr(c) + "b")]


def moves(c):
    """Whether a character changes places with marks beside it: it has a class."""
    return decompose(chr(c) + "\u0334") != chr(c) + "\u0334" or decompose("\u0345" + chr(c)) != "\u0345" + chr(c)


def ranges(name, characters, value=lambda c: None):
    runs = []
    for c in characters:
        if runs and runs[-1][1] == c - 1 and value(c) == value(runs[-1][0]):
            runs[-1][1] = c
        else:
            runs.append([c, c])
    for a, b in runs:
        print(name, "%X" % a, "%X" % b, *([] if value(a) is None else [value(a)]))


print("# Made by testdata/unicode.py of tokenizers %s: ranges by the rule that holds for them, and mappings." % tokenizers.__version__)
ranges("removed", [c for c in ALL if clean("a%cb" % c) == "ab"])
ranges("blank", [c for c in ALL if clean("a%cb" % c) == "a b"])
ranges("chinese", [c for c in ALL if chinese(chr(c)) == " %c " % c])
ranges("space", [c for c in ALL if cut(c) == ["a", "b"]])
ranges("punctuation", [c for c in ALL if cut(c) == ["a", chr(c), "b"]])
ranges("mark", [c for c in ALL if strip("a%cb" % c) == "ab"])
ranges("class", [c for c in ALL if decompose(chr(c)) == chr(c) and moves(c)], lambda c: unicodedata.combining(chr(c)))


def mapping(name, change, but=()):
    """Characters that become one other, in runs of one step and one distance; the others with all that they become."""
    runs = []
    for c in ALL:
        new = [ord(x) for x in change(chr(c))]
        if new == [c] or c in but:
            continue
        if len(new) > 1:
            print(name, "%X" % c, *("%X" % x for x in new))
            continue
        r = runs[-1] if runs else None
        if r and new[0] - c == r[3] and (r[0] == r[1] and c - r[1] <= 2 or c - r[1] == r[2]):
            r[1], r[2] = c, c - r[1]
        else:
            runs.append([c, c, 1, new[0] - c])
    for a, b, step, distance in runs:
        if a == b:
            print(name, "%X" % a, "%X" % (a + distance))
        else:
            print(name + "-run", "%X" % a, "%X" % b, step, distance)


mapping("lower", lower)
mapping("decomposed", decompose, HANGUL)
