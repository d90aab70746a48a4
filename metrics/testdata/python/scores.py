"""The scores of package metrics as a Python programmer would write them.

The Go benchmarks are held against this file, and its answers against the same
golden vectors as Go's:

    scores.py check FOLDER      run the vectors of FOLDER/*.jsonl
    scores.py score             JSON lines [name, prediction, truth] on standard
                                input, a JSON line with the score for each
    scores.py time SECONDS      one JSON object {name: [[prediction, truth], ...]}
                                on standard input, {name: ns per pair} as answer
    scores.py unicode           print the version of Python's Unicode tables

Only the standard library is needed, Python 3.10 or later.
"""

import json
import re
import string
import sys
import time
import unicodedata
from collections import Counter
from pathlib import Path

ARTICLE = re.compile(r"\b(?:a|an|the)\b")
OPTION = re.compile(r"\(\s*[A-Za-z]\s*\)")
NUMERAL = re.compile(r"-?[0-9.,]+")
NO_PUNCTUATION = str.maketrans("", "", string.punctuation)
NO_MARKS = str.maketrans("", "", ",$.")
VERDICTS = frozenset(("yes", "no", "noanswer"))
SUFFIXES = ("ing", "ed", "er", "s")


def normalize(text):
    bare = text.lower().translate(NO_PUNCTUATION)
    return " ".join(ARTICLE.sub(" ", bare).split())


def last_option(text):
    options = OPTION.findall(text)
    return options[-1] if options else ""


def em(prediction, truth):
    return float(normalize(prediction) == normalize(truth))


def cem(prediction, truth):
    return float(normalize(truth) in normalize(prediction))


def f1_score(prediction, truth):
    p, t = normalize(prediction), normalize(truth)
    if p != t and (p in VERDICTS or t in VERDICTS):
        return 0.0, 0.0, 0.0
    p_words, t_words = p.split(), t.split()
    common = (Counter(p_words) & Counter(t_words)).total()
    if not common:
        return 0.0, 0.0, 0.0
    precision, recall = common / len(p_words), common / len(t_words)
    return 2 * precision * recall / (precision + recall), precision, recall


def f1(prediction, truth):
    return f1_score(prediction, truth)[0]


def cemf1(prediction, truth):
    return cem(prediction, truth) or f1(prediction, truth)


def em_mc(prediction, truth):
    return float(truth.strip().lower() in last_option(prediction).lower())


def gsm8k(prediction, truth):
    numerals = NUMERAL.findall(prediction)
    if not numerals:
        return 0.0
    answer = next((n for n in reversed(numerals) if n != "."), ".")
    want = truth.split("####")[-1].translate(NO_MARKS).strip()
    return float(answer.translate(NO_MARKS) == want)


def closed_group(text, begin):
    """Where the first group of text[begin:] ends, or None."""
    depth = 0
    for i in range(begin, len(text)):
        if text[i] == "{":
            depth += 1
        elif text[i] == "}":
            depth -= 1
            if depth == 0:
                return i + 1
    return None


def last_boxed(text):
    if "\\boxed " in text:
        return "\\boxed " + text.rpartition("\\boxed ")[2].partition("$")[0]
    begin = text.rfind("\\boxed")
    if begin < 0:
        begin = text.rfind("\\fbox")
    if begin < 0:
        return None
    end = closed_group(text, begin)
    return None if end is None else text[begin:end]


def remove_boxed(text):
    _, found, after = text.partition("\\boxed ")
    if found:
        return after
    _, found, after = text.partition("\\boxed{")
    if not found:
        return text
    if text.startswith("\\boxed{") and text.endswith("}"):
        return after[:-1]
    end = closed_group("{" + after, 0)
    return text if end is None else after[: end - 2]


def fix_sqrt(text):
    head, *tails = text.split("\\sqrt")
    return head + "".join(
        "\\sqrt" + (tail if tail[0] == "{" else "{" + tail[0] + "}" + tail[1:]) for tail in tails
    )


def fix_fracs(text):
    head, *tails = text.split("\\frac")
    parts = [head]
    for tail in tails:
        if tail[0] == "{":
            parts.append(tail)
        elif len(tail) < 2:
            return text
        elif tail[1] == "{":
            parts.append("{" + tail[0] + "}" + tail[1:])
        else:
            parts.append("{" + tail[0] + "}{" + tail[1] + "}" + tail[2:])
    return "\\frac".join(parts)


def fix_a_slash_b(text):
    if text.count("/") != 1:
        return text
    a, b = map(int, text.split("/"))
    return "\\frac{%d}{%d}" % (a, b) if text == f"{a}/{b}" else text


def remove_right_units(text):
    return text.partition("\\text{ ")[0]


def normalize_latex(text):
    for old, new in (
        ("\n", ""), ("\\!", ""), ("\\\\", "\\"), ("tfrac", "frac"), ("dfrac", "frac"), ("\\left", ""),
        ("\\right", ""), ("^{\\circ}", ""), ("^\\circ", ""), ("\\$", ""),
    ):
        text = text.replace(old, new)
    text = remove_right_units(text)
    for old, new in (("\\%", ""), ("\\%", ""), (" .", " 0."), ("{.", "{0.")):
        text = text.replace(old, new)
    if text.startswith("."):
        text = "0" + text
    if text.count("=") == 1 and text.index("=") <= 2:
        text = text.partition("=")[2]
    text = fix_fracs(fix_sqrt(text).replace(" ", ""))
    return fix_a_slash_b("\\frac{1}{2}" if text == "0.5" else text)


def is_equiv(a, b):
    if a is None or b is None:
        return a is b
    try:
        return normalize_latex(a) == normalize_latex(b)
    except (IndexError, ValueError):
        return a == b


def math(prediction, truth):
    answer, boxed = last_boxed(prediction), last_boxed(truth)
    if answer is None:
        return 0.0
    return float(is_equiv(remove_boxed(answer), truth if boxed is None else remove_boxed(boxed)))


def stem(word):
    for suffix in SUFFIXES:
        if word.endswith(suffix) and len(word) > len(suffix) + 1:
            return word[: -len(suffix)]
    return word


def commongen_coverage(prediction, truth):
    concepts = [c.strip() for c in truth.split(",") if c.strip()]
    if not concepts:
        return 0.0
    words = {stem(word) for word in prediction.lower().split()}
    return sum(stem(c.lower()) in words for c in concepts) / len(concepts)


SCORES = {
    "em": em,
    "cem": cem,
    "cemf1": cemf1,
    "f1_score": f1,
    "em_mc": em_mc,
    "GSM8K": gsm8k,
    "MATH": math,
    "commongen_coverage": commongen_coverage,
}

# The functions of the golden vectors, with the names of their arguments.
PAIR = ("prediction", "ground_truth")
VECTORS = {
    "normalize_answer": (normalize, ("s",)),
    "normalize_answer_mc": (last_option, ("s",)),
    "exact_match_score": (em, PAIR),
    "exact_match_score_mc": (em_mc, PAIR),
    "cem_score": (cem, PAIR),
    "cemf1_score": (cemf1, PAIR),
    "f1_score": (lambda p, t: list(f1_score(p, t)), PAIR),
    "last_boxed_only_string": (last_boxed, ("s",)),
    "remove_boxed": (remove_boxed, ("s",)),
    "strip_string": (normalize_latex, ("s",)),
    "remove_right_units": (remove_right_units, ("s",)),
    "fix_fracs": (fix_fracs, ("s",)),
    "fix_sqrt": (fix_sqrt, ("s",)),
    "fix_a_slash_b": (fix_a_slash_b, ("s",)),
    "is_equiv": (is_equiv, ("a", "b")),
}


def check(folder):
    ran = failed = 0
    for file in sorted(Path(folder).glob("*.jsonl")):
        with file.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                vector = json.loads(line)
                name, args, want = vector["fn"], vector["args"], vector["out"]
                if name == "eval_perf" and args["metric"] in ("GSM8K", "MATH", "em", "em_mc", "cem"):
                    if args["task_name"] in ("natural_qa", "trivia_qa", "squad", "boolq"):
                        continue
                    if not all(isinstance(args[a], str) for a in PAIR):
                        continue
                    function, names = SCORES[args["metric"]], PAIR
                elif name in VECTORS:
                    function, names = VECTORS[name]
                else:
                    continue
                try:
                    got = function(*(args[a] for a in names))
                except (IndexError, ValueError) as error:
                    got = {"error": type(error).__name__}
                ran += 1
                if got != want:
                    failed += 1
                    print(f"{file.name}:{number}: {name}: got {got!a}, want {want!a}")
    print(f"{ran} vectors, {failed} failed")
    return 1 if failed or not ran else 0


def serve():
    for line in sys.stdin:
        name, prediction, truth = json.loads(line)
        print(json.dumps(SCORES[name](prediction, truth)))


def measure(seconds):
    out = {}
    for name, pairs in json.load(sys.stdin).items():
        function = SCORES[name]
        best = float("inf")
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            begin = time.perf_counter_ns()
            for prediction, truth in pairs:
                function(prediction, truth)
            best = min(best, (time.perf_counter_ns() - begin) / len(pairs))
        out[name] = best
    json.dump(out, sys.stdout)


def main(args):
    match args:
        case ["check", folder]:
            return check(folder)
        case ["unicode"]:
            print(unicodedata.unidata_version)
            return 0
        case ["score"]:
            return serve()
        case ["time", seconds]:
            return measure(float(seconds))
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
