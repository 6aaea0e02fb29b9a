"""Encoders of random weights as transformers saves them, in folders that sentence-transformers opens: for embeddings.py --random.

  bert     BertModel, WordPiece learnt here
  roberta  RobertaModel, byte-level BPE learnt here; positions from pad_token_id + 1 on
  xlmr     XLMRobertaModel, a Unigram model of sentencepiece with its table of replaced characters, as BGE-m3 and multilingual E5 have it
"""
import io
import json
import os

import sentencepiece
import torch
import transformers
from sentencepiece import sentencepiece_model_pb2 as pieces
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

NAMES = ("bert", "roberta", "xlmr")


def learn_wordpiece(lines):
    t = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    t.normalizer, t.pre_tokenizer, t.decoder = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer(), decoders.WordPiece()
    t.train_from_iterator(lines, trainers.WordPieceTrainer(vocab_size=4000, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], show_progress=False))
    t.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=[(s, t.token_to_id(s)) for s in ("[CLS]", "[SEP]")])
    return transformers.PreTrainedTokenizerFast(tokenizer_object=t, cls_token="[CLS]", sep_token="[SEP]", unk_token="[UNK]", pad_token="[PAD]", mask_token="[MASK]")


def learn_bpe(lines):
    t = Tokenizer(models.BPE())
    t.pre_tokenizer, t.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    t.train_from_iterator(lines, trainers.BpeTrainer(vocab_size=4000, special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"], show_progress=False,
                                                     initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    t.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
    return transformers.PreTrainedTokenizerFast(tokenizer_object=t, bos_token="<s>", eos_token="</s>", cls_token="<s>", sep_token="</s>", unk_token="<unk>",
                                                pad_token="<pad>", mask_token="<mask>")


def learn_unigram(lines):
    out = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(lines), model_writer=out, vocab_size=8000, model_type="unigram", character_coverage=0.999,
                                             minloglevel=2, num_threads=1)
    m = pieces.ModelProto.FromString(out.getvalue())
    vocab = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)] + [(p.piece, p.score) for p in m.pieces[3:]] + [("<mask>", 0.0)]
    return transformers.XLMRobertaTokenizer(vocab=vocab, _spm_precompiled_charsmap=m.normalizer_spec.precompiled_charsmap)


def make(name, folder, lines):
    tokenizer = {"bert": learn_wordpiece, "roberta": learn_bpe, "xlmr": learn_unigram}[name](lines)
    tokenizer.save_pretrained(folder)
    kind = {"bert": "Bert", "roberta": "Roberta", "xlmr": "XLMRoberta"}[name]
    config = getattr(transformers, kind + "Config")(
        vocab_size=len(tokenizer), hidden_size=96, num_hidden_layers=3, num_attention_heads=6, intermediate_size=160, type_vocab_size=2 if name == "bert" else 1,
        max_position_embeddings=256 if name == "bert" else 258, pad_token_id=tokenizer.pad_token_id, layer_norm_eps=1e-12 if name == "bert" else 1e-5)
    torch.manual_seed(len(name))
    model = getattr(transformers, kind + "Model")(config)
    for parameter in model.parameters():
        parameter.data += torch.randn_like(parameter) * (0.1 if parameter.dim() > 1 else 0.05)
    model.save_pretrained(folder)
    step = lambda i, kind: {"idx": i, "name": str(i), "path": f"{i}_{kind}" if i else "", "type": "sentence_transformers.models." + kind}
    first = name == "roberta"
    for path, o in (("modules.json", [step(0, "Transformer"), step(1, "Pooling"), step(2, "Normalize")]),
                    ("sentence_bert_config.json", {"max_seq_length": 200, "do_lower_case": False}),
                    ("1_Pooling/config.json", {"word_embedding_dimension": 96, "pooling_mode_cls_token": first, "pooling_mode_mean_tokens": not first}),
                    ("config_sentence_transformers.json", {"prompts": {"query": "query: ", "document": "passage: "}})):
        os.makedirs(os.path.dirname(os.path.join(folder, path)), exist_ok=True)
        with open(os.path.join(folder, path), "w") as f:
            json.dump(o, f)
