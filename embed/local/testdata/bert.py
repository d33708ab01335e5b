"""Writes a small BERT model with random weights into bert/, and the vectors that it gives, computed
here with nothing but the formulas, to bert/expected.json:

    python3 bert.py
"""
import json, math, os, random, struct

random.seed(11)
H, INNER, LAYERS, HEADS, PLACES, EPS = 12, 20, 2, 3, 16, 1e-12
words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "the", "ore", "is", "wash", "##ed", "coal", ".", "x"]
tensors = {}

def new(name, *shape):
    def fill(shape):
        if len(shape) == 1:
            return [struct.unpack("<f", struct.pack("<f", random.gauss(0, 0.5)))[0] for _ in range(shape[0])]
        return [fill(shape[1:]) for _ in range(shape[0])]
    tensors[name] = (shape, fill(shape))
    return tensors[name][1]

def linear(name, out, inn):
    return new(name + ".weight", out, inn), new(name + ".bias", out)

table = new("embeddings.word_embeddings.weight", len(words), H)
places = new("embeddings.position_embeddings.weight", PLACES, H)
kinds = new("embeddings.token_type_embeddings.weight", 2, H)
norm0 = new("embeddings.LayerNorm.weight", H), new("embeddings.LayerNorm.bias", H)
layers = []
for i in range(LAYERS):
    at = f"encoder.layer.{i}."
    layers.append({
        "q": linear(at + "attention.self.query", H, H), "k": linear(at + "attention.self.key", H, H), "v": linear(at + "attention.self.value", H, H),
        "o": linear(at + "attention.output.dense", H, H), "n1": (new(at + "attention.output.LayerNorm.weight", H), new(at + "attention.output.LayerNorm.bias", H)),
        "up": linear(at + "intermediate.dense", INNER, H), "down": linear(at + "output.dense", H, INNER),
        "n2": (new(at + "output.LayerNorm.weight", H), new(at + "output.LayerNorm.bias", H)),
    })

def apply(wb, x):
    return [sum(a * b for a, b in zip(row, x)) + c for row, c in zip(*wb)]

def norm(wb, x):
    mean = sum(x) / len(x)
    var = sum((a - mean) ** 2 for a in x) / len(x)
    return [(a - mean) / math.sqrt(var + EPS) * w + b for a, w, b in zip(x, *wb)]

def gelu(x):
    return x * 0.5 * (1 + math.erf(x / math.sqrt(2)))

def encode(ids):
    xs = [norm(norm0, [a + b + c for a, b, c in zip(table[t], places[i], kinds[0])]) for i, t in enumerate(ids)]
    for l in layers:
        q, k, v = ([apply(l[n], x) for x in xs] for n in "qkv")
        out = []
        for i in range(len(xs)):
            row = []
            for h in range(HEADS):
                part = slice(h * H // HEADS, (h + 1) * H // HEADS)
                scores = [math.exp(sum(a * b for a, b in zip(q[i][part], kj[part])) / math.sqrt(H // HEADS)) for kj in k]
                total = sum(scores)
                row += [sum(s / total * vj[part][c] for s, vj in zip(scores, v)) for c in range(H // HEADS)]
            out.append(row)
        xs = [norm(l["n1"], [a + b for a, b in zip(x, apply(l["o"], o))]) for x, o in zip(xs, out)]
        xs = [norm(l["n2"], [a + b for a, b in zip(x, apply(l["down"], [gelu(u) for u in apply(l["up"], x)]))]) for x in xs]
    return xs

texts = {"The ore is washed.": [4, 5, 6, 7, 8, 10], "coal": [9], "": [], "ore unknown x": [5, 1, 11]}
expected = {}
for text, ids in texts.items():
    rows = encode([2] + ids + [3])
    mean = [sum(c) / len(rows) for c in zip(*rows)]
    length = math.sqrt(sum(a * a for a in mean))
    expected[text] = {"mean": mean, "unit": [a / length for a in mean], "first": rows[0]}

os.makedirs("bert", exist_ok=True)
head, data = {}, b""
for name, (shape, values) in tensors.items():
    flat = values if len(shape) == 1 else [a for row in values for a in row]
    packed = struct.pack(f"<{len(flat)}f", *flat)
    head[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [len(data), len(data) + len(packed)]}
    data += packed
head = json.dumps(head).encode()
with open("bert/model.safetensors", "wb") as f:
    f.write(struct.pack("<Q", len(head)) + head + data)
special = lambda i: {"id": i, "content": words[i], "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
json.dump({"added_tokens": [special(i) for i in range(4)], "normalizer": {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None, "lowercase": True},
    "pre_tokenizer": {"type": "BertPreTokenizer"}, "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100, "vocab": {w: i for i, w in enumerate(words)}}}, open("bert/tokenizer.json", "w"))
json.dump({"model_type": "bert", "hidden_size": H, "intermediate_size": INNER, "num_hidden_layers": LAYERS, "num_attention_heads": HEADS, "max_position_embeddings": PLACES,
    "layer_norm_eps": EPS, "hidden_act": "gelu", "position_embedding_type": "absolute", "vocab_size": len(words)}, open("bert/config.json", "w"))
json.dump(expected, open("bert/expected.json", "w"), indent=0)
