"""lm_eval_client.py - lm-evaluation-harness, unmodified, over /v1/completions of the server whose URL is the last word: the log-likelihoods that
it gets by echo, as token ids and as text, held against those of the same tokens when each is generated; texts against texts asked for here.

It is told no tokenizer: that there is none of its own needed it learns from /tokenizer_info."""
import json
import logging
import math
import os
import re
import subprocess
import sys
import urllib.request

os.environ.update(HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1", TQDM_DISABLE="1")
import lm_eval  # noqa: E402
from lm_eval.tasks import TaskManager  # noqa: E402

logging.disable(logging.WARNING)
here = os.path.dirname(os.path.abspath(__file__))
os.chdir(os.path.join(here, "lm_eval_tasks"))     # where the tasks' data are
sys.path.append(os.path.join(here, "..", "api"))
from wire import done, result  # noqa: E402

url = sys.argv[-1]


def post(path, body):
    r = urllib.request.Request(url + path, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(r) as answer:
        return json.load(answer)


def tokens(text):
    return post("/tokenize", {"content": text})["tokens"]


def forced(ids, last):
    """The log-probability of a token when it is what comes next, and whether it is the likeliest: by another way than echo."""
    lp = post("/v1/completions", {"model": "smollm2", "prompt": ids, "max_tokens": 1, "temperature": 0, "logprobs": 1, "logit_bias": {str(last): 100}})
    lp = lp["choices"][0]["logprobs"]
    return lp["token_logprobs"][0], lp["token_logprobs"][0] == max(lp["top_logprobs"][0].values())


def likelihood(context, more):
    whole, n = tokens(context + more), len(tokens(context))
    each = [forced(whole[:i], whole[i]) for i in range(n, len(whole))]
    return math.fsum(lp for lp, _ in each), all(greedy for _, greedy in each)


manager = TaskManager(include_path=os.path.join(here, "lm_eval_tasks"), include_defaults=False)
ITEMS = {name: [json.loads(line) for line in open(os.path.join(here, "lm_eval_tasks", name + ".jsonl"), encoding="utf-8")] for name in ("choice", "words")}
WANTED = [[likelihood(f"Question: {i['question']}\nAnswer:", " " + c) for c in i["choices"]] for i in ITEMS["choice"]]
SAID = [post("/v1/completions", {"model": "smollm2", "prompt": i["text"], "max_tokens": 4, "temperature": 0, "stop": ["\n", "."]})["choices"][0]["text"]
        for i in ITEMS["words"]]


def score(pick):
    return sum(max(range(len(w)), key=lambda k: pick(w[k][0], i["choices"][k])) == i["answer"] for w, i in zip(WANTED, ITEMS["choice"])) / len(WANTED)


ACC, NORM = score(lambda lp, _: lp), score(lambda lp, choice: lp / len(choice))
EXACT = sum(re.search("[A-Za-z]+", s)[0].lower() == i["word"].lower() for s, i in zip(SAID, ITEMS["words"])) / len(SAID)
result(ACC > 0.6 and EXACT > 0.6, "the model knows most of it", ACC, NORM, EXACT, SAID)
for name, more in (("token ids", {}), ("text", {"tokenized_requests": False}), ("token ids, four a request", {"batch_size": 4}),
                   ("text, four at once", {"tokenized_requests": False, "num_concurrent": 4})):
    r = lm_eval.simple_evaluate(model="local-completions", model_args=dict(model="smollm2", base_url=url + "/v1/completions", max_length=1024, **more),
                                tasks=["hearth_choice", "hearth_words"], task_manager=manager, log_samples=True, bootstrap_iters=0)
    choice, words = r["results"]["hearth_choice"], r["results"]["hearth_words"]
    got = [[tuple(x[0]) for x in s["resps"]] for s in sorted(r["samples"]["hearth_choice"], key=lambda s: s["doc_id"])]
    apart = [abs(a[0] - b[0]) for g, w in zip(got, WANTED) for a, b in zip(g, w)]
    result(len(apart) == 24 and max(apart) < 1e-5, name + ": every log-likelihood is that of the tokens generated", max(apart), got)
    result([[a[1] for a in g] for g in got] == [[b[1] for b in w] for w in WANTED], name + ": and whether it is the likeliest", got, WANTED)
    result((choice["acc,none"], choice["acc_norm,none"]) == (ACC, NORM), name + ": the scores", choice, ACC, NORM)
    said = [s["resps"][0][0] for s in sorted(r["samples"]["hearth_words"], key=lambda s: s["doc_id"])]
    result(said == SAID, name + ": texts", said, SAID)
    result(words["exact_match,word"] == EXACT, name + ": their score", words, EXACT)

# ---- `hearth eval` of the very same task files: item by item what lm-evaluation-harness got over the server ----

NAMES = ("choice", "words", "shots", "likely", "rolling", "answers")
mine = json.loads(subprocess.run([os.environ["HEARTH"], "eval", os.environ["HEARTH_TEST_MODEL"], *(name + ".yaml" for name in NAMES), "--ctx", "255", "--json", "--no-receipt"],
                                 capture_output=True, check=True).stdout)["tasks"]
theirs = lm_eval.simple_evaluate(model="local-completions", model_args=dict(model="smollm2", base_url=url + "/v1/completions", max_length=256),
                                 tasks=["hearth_" + name for name in NAMES], task_manager=manager, log_samples=True, bootstrap_iters=10)
for name, task in zip(NAMES, mine):
    scores = theirs["results"]["hearth_" + name]
    samples = sorted(theirs["samples"]["hearth_" + name], key=lambda s: s["doc_id"])
    apart = [0.0]
    for a, b in zip(task["samples"], samples):
        if task["output_type"] == "generate_until":
            apart.append(float(a["answer"] != b["resps"][0][0]))
        else:
            apart += [abs(p - float(r[0][0] if isinstance(r[0], (list, tuple)) else r[0])) for p, r in zip(a["logprobs"], b["resps"])]
        if task["output_type"] in ("multiple_choice", "loglikelihood"):
            apart += [float(g != r[0][1]) for g, r in zip(a["greedy"], b["resps"])]
            apart.append(float((a.get("system", "") + a["prompt"]) != b["arguments"][0][0]))
    result(len(samples) == len(task["samples"]) == task["items"] and max(apart) < (1e-2 if name == "rolling" else 1e-4),
           name + ": hearth eval gets what lm-evaluation-harness gets, item by item", max(apart), task["samples"][0], samples[0]["resps"])
    for s in task["scores"]:
        key = s["metric"] + "," + s["filter"]
        near = math.isclose(s["value"], scores[key], rel_tol=1e-5, abs_tol=1e-9)
        error = scores.get(s["metric"] + "_stderr," + s["filter"])
        if s["metric"] in ("acc", "acc_norm", "acc_bytes", "exact_match"):       # the others' it draws
            near = near and math.isclose(s["stderr"], error, rel_tol=1e-8)
        result(near, f"{name}: {s['metric']}", s, scores[key], error)
done()
