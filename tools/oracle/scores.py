"""scores.py - what rouge-score, sacrebleu, scikit-learn and scipy say of made-up answers: the cases of tests/unit/score_cases.h.

    python3 -m venv V && V/bin/pip install rouge-score sacrebleu scikit-learn scipy && V/bin/python tools/oracle/scores.py > tests/unit/score_cases.h
"""
import random
import re
import string

import sacrebleu
from rouge_score import rouge_scorer
from scipy.stats import binomtest
from sklearn.metrics import f1_score

rng = random.Random(7)
WORDS = "the cat sat on a mat while An old dog slept near the river's edge, and 3 birds sang. Well-known songs (1990) Thé café naïve".split()
PAIRS = [("The cat sat.", "the cat sat"), ("", "nothing"), ("something", ""), ("", ""), ("a b c d e f", "f e d c b a"), ("aaaa", "aa"),
         ("Paris", "paris!"), ("42", "forty-two"), ("x", "x")]
for _ in range(14):
    pick = lambda: " ".join(rng.choice(WORDS) for _ in range(rng.randint(1, 14)))  # noqa: E731
    PAIRS.append((pick(), pick()))


def squad(a, b):
    def norm(s):
        s = "".join(c for c in s.lower() if c not in set(string.punctuation))
        return re.sub(r"\b(a|an|the)\b", " ", s).split()
    a, b = norm(a), norm(b)
    if not a or not b:
        return float(a == b)
    same = sum(min(a.count(w), b.count(w)) for w in set(a))
    return 0.0 if same == 0 else 2 * (same / len(a)) * (same / len(b)) / (same / len(a) + same / len(b))


scorer = rouge_scorer.RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=False)
quote = lambda s: '"' + s.replace("\\", "\\\\").replace('"', '\\"') + '"'  # noqa: E731
print("/* Made by tools/oracle/scores.py. */")
print("static const struct { const char *answer, *wanted; double f1, rouge1, rouge2, rouge_l, chrf; } pairs[] = {   /* rouge -1: not of ASCII */")
for a, b in PAIRS:
    ascii_only = (a + b).isascii()
    r = scorer.score(b, a)
    rouge = [r[k].fmeasure if ascii_only else -1 for k in ("rouge1", "rouge2", "rougeL")]
    print(f"    {{ {quote(a)}, {quote(b)}, {squad(a, b):.12g}, {rouge[0]:.12g}, {rouge[1]:.12g}, {rouge[2]:.12g}, "
          f"{sacrebleu.corpus_chrf([a], [[b]]).score:.12g} }},")
print("};")
print(f"static const double chrf_of_all = {sacrebleu.corpus_chrf([a for a, _ in PAIRS], [[b for _, b in PAIRS]]).score:.12g};")
print("static const struct { unsigned a, b; double p; } tests_of_mcnemar[] = {")
for a, b in ((0, 0), (1, 0), (3, 3), (5, 1), (2, 9), (0, 12), (30, 55), (400, 470), (1, 3000)):
    print(f"    {{ {a}, {b}, {binomtest(min(a, b), a + b, 0.5).pvalue if a + b else 1.0:.12g} }},")
print("};")
wanted = [rng.randrange(5) for _ in range(60)]
answered = [w if rng.random() < 0.6 else rng.randrange(6) for w in wanted]
print("static const int wanted[] = {", ", ".join(map(str, wanted)), "};\nstatic const int answered[] = {", ", ".join(map(str, answered)), "};")
print(f"static const double f1_of_five = {f1_score(wanted, answered, average='macro', labels=range(5)):.12g}, "
      f"f1_of_class_1 = {f1_score(wanted, answered, average=None, labels=[1])[0]:.12g};")
print("static const struct { unsigned right, n; double low, high; } intervals[] = {")
for k, n in ((0, 10), (10, 10), (7, 30), (163, 200), (1, 3080)):
    ci = binomtest(k, n).proportion_ci(method="wilson")
    print(f"    {{ {k}, {n}, {ci.low:.12g}, {ci.high:.12g} }},")
print("};")
