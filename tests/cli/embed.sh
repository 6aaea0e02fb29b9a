#!/bin/sh
# hearth embed: vectors as JSON lines and as raw floats, prompts, lines that are too long; a folder as sentence-transformers leaves it, and
# everything that can be wrong with one.
. "$(dirname "$0")/tap.sh"
tap_begin 39
[ -x "$HEARTH" ] || { echo "$HEARTH is not there" >&2; exit 1; }
HEARTH_HOME=$TAP_TMP/home; export HEARTH_HOME; mkdir "$HEARTH_HOME"
cd "$TAP_TMP" || exit 1
hearth() { "$HEARTH" "$@" > out 2> err < lines; status=$?; out=$(cat out); err=$(cat err); }
printf 'some words\nother words here\n\nsome words\n' > lines
"$B/tests/tools/make_model" g.gguf family=gemma-embedding layers=2 width=64 heads=4 kv_heads=1 head_width=16 ffn=96 vocab=380 window=8 dense=96 context=64 &&
    "$B/tests/tools/make_model" l.gguf layers=2 width=64 heads=4 kv_heads=2 ffn=96 vocab=400 || exit 1

# ---- the command ----
hearth embed ./g.gguf
is "a line for each line" "$status $(wc -l < out | tr -d ' ')" "0 4"
is "each is JSON with a vector of length 1" "$(python3 -c 'import json, math
rows = [json.loads(line) for line in open("out")]
print([r["line"] for r in rows], {len(r["embedding"]) for r in rows}, all(abs(math.hypot(*r["embedding"]) - 1) < 1e-6 for r in rows), rows[0]["embedding"] == rows[3]["embedding"])')" \
    "[1, 2, 3, 4] {64} True True"
cp out json; hearth embed ./g.gguf --raw
is "raw: the same numbers, little-endian" "$status $(python3 -c 'import json, struct
raw = open("out", "rb").read()
print(struct.unpack(f"<{len(raw) // 4}f", raw) == tuple(struct.unpack("<f", struct.pack("<f", x))[0] for line in open("json") for x in json.loads(line)["embedding"]))')" "0 True"
cp out raw; hearth embed ./g.gguf --raw --threads 1; is "with one thread too" "$(cmp raw out && echo same)" same
hearth embed ./g.gguf lines --similarity "some words"
has "similarity with itself" "$(sed -n 1p out)" '"similarity":1}'
hearth embed ./g.gguf lines --similarity x --raw; has "not both" "$status $err" "2 hearth: --raw and --similarity: one of the two"
hearth embed ./g.gguf --dimensions 8; is "fewer numbers" "$status $(python3 -c 'import json; print(len(json.loads(open("out").readline())["embedding"]))')" "0 8"
hearth embed ./g.gguf --dimensions 65; has "not more" "$status $err" "--dimensions: 65, but vectors of this model have 64 numbers"
hearth embed ./g.gguf --prompt-name query; has "no prompts" "$status $err" 'prompt "query": the model has no prompts'
hearth embed ./g.gguf --prefix "x: "; is "a prefix changes it" "$status $(cmp -s json out || echo other)" "0 other"
for i in 1 2 3 4 5 6 7; do printf 'many words in a line of many words '; done > long; cp long lines
hearth embed ./g.gguf; has "too long" "$status $err" "1 hearth: line 1: a text of "
has "it says what to do" "$err" "allowed: at most 64; --truncate leaves its end out"
hearth embed ./g.gguf --truncate; has "cut" "$status $out" '0 {"line":1,"tokens":64,'
printf 'some words\n' > lines
hearth embed ./l.gguf; has "a model that answers embeds too" "$status $out" '0 {"line":1,"tokens":'
hearth run ./g.gguf hello; has "and one that embeds does not answer" "$status $err" "makes embeddings of texts (hearth embed), and no text"
hearth perplexity ./g.gguf long --ctx 8; has "nor is it scored" "$status $err" "makes embeddings of texts"
hearth show ./g.gguf; has "show" "$out" "embedding: it makes vectors of texts"

# ---- a folder ----
cat > make.py <<'P'
import json, os, random, struct, sys
def tensors(path, shapes, seed=1):
    r, header, data = random.Random(seed), {}, b""
    for name, shape in shapes.items():
        n = 1
        for s in shape: n *= s
        mean = 1.0 if name.endswith("LayerNorm.weight") else 0.0
        block = struct.pack(f"<{n}f", *(mean + r.uniform(-0.3, 0.3) for _ in range(n)))
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [len(data), len(data) + len(block)]}
        data += block
    text = json.dumps(header).encode()
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    open(path, "wb").write(struct.pack("<Q", len(text)) + text + data)
def write(path, o):
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    json.dump(o, open(path, "w"))
def norm(n): return {n + ".LayerNorm.weight": (32,), n + ".LayerNorm.bias": (32,)}
def dense(n, i, o): return {n + ".weight": (o, i), n + ".bias": (o,)}
words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"] + list("abcdefghijklmnopqrstuvwxyz") + ["##" + c for c in "abcdefghijklmnopqrstuvwxyz"] + ["words", "some", "##s"]
t = {"embeddings.word_embeddings.weight": (len(words), 32), "embeddings.position_embeddings.weight": (40, 32),
     "embeddings.token_type_embeddings.weight": (2, 32)} | norm("embeddings")
for i in range(2):
    l = f"encoder.layer.{i}."
    for n in ("query", "key", "value"): t |= dense(l + "attention.self." + n, 32, 32)
    t |= dense(l + "attention.output.dense", 32, 32) | norm(l + "attention.output") | dense(l + "intermediate.dense", 32, 64)
    t |= dense(l + "output.dense", 64, 32) | norm(l + "output")
t |= dense("pooler.dense", 32, 32)
tensors("f/model.safetensors", {("bert." if len(sys.argv) > 1 else "") + n: s for n, s in t.items()})
tensors("f/2_Dense/model.safetensors", {"linear.weight": (48, 32)}, 2); tensors("f/3_Dense/model.safetensors", {"linear.weight": (16, 48)}, 3)
write("f/config.json", {"architectures": ["BertModel"], "hidden_size": 32, "intermediate_size": 64, "max_position_embeddings": 40, "hidden_act": "gelu",
      "num_attention_heads": 4, "num_hidden_layers": 2, "vocab_size": len(words), "layer_norm_eps": 1e-12, "pad_token_id": 0})
step = lambda i, kind: {"idx": i, "name": str(i), "path": f"{i}_{kind}" if i else "", "type": "sentence_transformers.models." + kind}
write("f/modules.json", [step(0, "Transformer"), step(1, "Pooling"), step(2, "Dense"), step(3, "Dense"), step(4, "Normalize")])
write("f/1_Pooling/config.json", {"word_embedding_dimension": 32, "pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True})
for i, (a, b) in ((2, (32, 48)), (3, (48, 16))):
    write(f"f/{i}_Dense/config.json", {"in_features": a, "out_features": b, "bias": False, "activation_function": "torch.nn.modules.linear.Identity"})
write("f/sentence_bert_config.json", {"max_seq_length": 12, "do_lower_case": False})
write("f/config_sentence_transformers.json", {"prompts": {"query": "q: ", "document": ""}, "default_prompt_name": None})
around = [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "[SEP]", "type_id": 0}}]
write("f/tokenizer.json", {"version": "1.0", "truncation": None, "padding": None, "added_tokens": [{"id": i, "special": True, "content": w, "single_word": False,
      "lstrip": False, "rstrip": False, "normalized": False} for i, w in enumerate(words[:4])], "normalizer": {"type": "BertNormalizer", "clean_text": True,
      "handle_chinese_chars": True, "strip_accents": None, "lowercase": True}, "pre_tokenizer": {"type": "BertPreTokenizer"}, "post_processor": {"type":
      "TemplateProcessing", "single": around, "pair": around, "special_tokens": {w: {"id": w, "ids": [i], "tokens": [w]} for i, w in ((2, "[CLS]"), (3, "[SEP]"))}},
      "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True}, "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
      "max_input_chars_per_word": 100, "vocab": {w: i for i, w in enumerate(words)}}})
P
python3 make.py || exit 1
hearth embed ./f; has "a folder: 2 words and what stands around them, 16 numbers" "$status $(cut -c1-25 out) $(tr -cd , < out | wc -c | tr -d ' ')" '0 {"line":1,"tokens":4,"emb 17'
cp out plain; hearth embed ./f --prompt-name document; is "a prompt that is empty" "$(cmp plain out && echo same)" same
hearth embed ./f --prompt-name query; has "a prompt" "$out" '"tokens":6,'
hearth embed ./f --prompt-name other; has "another is not" "$status $err" 'prompt "other", allowed: query, document'
hearth show ./f; has "show names them" "$out" 'query: "q: "'
hearth convert f -o f.gguf && hearth embed ./f.gguf; is "written as GGUF, WordPiece and all, it makes the same" "$status $(cmp plain out && echo same)" "0 same"
printf 'some words some words some words some words some words some words\n' > kept; hearth embed ./f.gguf kept; has "and takes no longer texts" "$status $err" "1 hearth: line 1: a text of"
hearth trim ./f.gguf --text lines -o t.gguf; has "its vocabulary is not trimmed" "$status $err" "1 hearth: ./f.gguf: a tokenizer of the kind wordpiece"
hearth import f --name small; has "import" "$status $out" "0 imported small: bert, "
hearth embed small; is "by its name" "$(cmp plain out && echo same)" same
hearth run small hello; has "it is known not to answer" "$status $err" "small makes embeddings of texts"
python3 make.py bert; hearth embed ./f; is "names with bert. before them are the same" "$(cmp plain out && echo same)" same
wrong() { # WHAT FILE OLD NEW SENTENCE
    cp "f/$2" kept; sed -i "s#$3#$4#" "f/$2"; hearth embed ./f; has "$1" "$status $err" "$5"; cp kept "f/$2"
}
wrong "another pooling" 1_Pooling/config.json '"pooling_mode_mean_tokens": true' '"pooling_mode_max_tokens": true' "1_Pooling/config.json: pooling_mode_max_tokens is true, allowed: one of"
wrong "no pooling" 1_Pooling/config.json '"pooling_mode_mean_tokens": true' '"x": 1' "1_Pooling/config.json: no pooling_mode_... is true"
wrong "a width that is not the model's" 1_Pooling/config.json 32 33 "word_embedding_dimension is 33, allowed: 32"
wrong "a step that is not known" modules.json models.Normalize models.LSTM 'modules.json: step 4 is "LSTM", allowed: Transformer, Pooling, Dense, Normalize'
wrong "a path that leads elsewhere" modules.json '"path": "2_Dense"' '"path": "../2_Dense"' 'modules.json: the path of step 2 is "../2_Dense", allowed: 2_Dense'
wrong "an activation" 2_Dense/config.json linear.Identity activation.Tanh '2_Dense/config.json: activation_function is "torch.nn.modules.activation.Tanh", allowed: Identity'
wrong "another kind of position" config.json '"hidden_act"' '"position_embedding_type": "relative_key", "hidden_act"' 'position_embedding_type is "relative_key", allowed: absolute'

wrong "a text's length that is none" sentence_bert_config.json 12 -1 "sentence_bert_config.json: max_seq_length is not a whole number"
wrong "prompts that are none" config_sentence_transformers.json '"q: "' 7 'the prompt "query" is not a text'
rm -r f/3_Dense; hearth embed ./f; has "a folder that is missing" "$status $err" "3_Dense/config.json: no such file, which modules.json names"
tap_end
