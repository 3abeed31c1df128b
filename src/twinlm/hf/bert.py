"""Hugging Face's names for a BERT with its pre-training heads (`model_type: bert`)."""

from twinlm.hf.layout import Choice, Head, Layout, Rename, Size

_LAYER = "bert.encoder.layer.{}."

_TABLE = [
    Rename("token_embedding.weight", ("bert.embeddings.word_embeddings.weight",)),
    Rename("position_embedding.weight", ("bert.embeddings.position_embeddings.weight",)),
    Rename("segment_embedding.weight", ("bert.embeddings.token_type_embeddings.weight",)),
    *(
        Rename(
            f"blocks.{{}}.attention.query_key_value.{part}",
            tuple(f"{_LAYER}attention.self.{name}.{part}" for name in ("query", "key", "value")),
        )
        for part in ("weight", "bias")
    ),
    *(
        Rename(f"{ours}.{part}", (f"{theirs}.{part}",))
        for ours, theirs in [
            ("embedding_norm", "bert.embeddings.LayerNorm"),
            ("blocks.{}.attention.output", f"{_LAYER}attention.output.dense"),
            ("blocks.{}.attention_norm", f"{_LAYER}attention.output.LayerNorm"),
            ("blocks.{}.feed_forward.expand", f"{_LAYER}intermediate.dense"),
            ("blocks.{}.feed_forward.contract", f"{_LAYER}output.dense"),
            ("blocks.{}.feed_forward_norm", f"{_LAYER}output.LayerNorm"),
            ("pooler", "bert.pooler.dense"),
            ("masked_token_head.transform", "cls.predictions.transform.dense"),
            ("masked_token_head.norm", "cls.predictions.transform.LayerNorm"),
            ("next_sentence_head", "cls.seq_relationship"),
        ]
        for part in ("weight", "bias")
    ),
    Rename("masked_token_head.bias_V", ("cls.predictions.bias",)),
]

_HEADS = ("masked_token_head", "next_sentence_head")

BERT = Layout(
    model_type="bert",
    family="bert",
    prefix="bert.",
    table=_TABLE,
    sizes=(
        Size("vocab_size", "vocab_size", 30_522),
        Size("max_position_embeddings", "max_length", 512),
        Size("type_vocab_size", "segments", 2),
        Size("hidden_size", "width", 768),
        Size("num_hidden_layers", "layers", 12),
        Size("num_attention_heads", "heads", 12),
        Size("intermediate_size", "feed_forward", 3072),
    ),
    choices=(
        Choice(
            "hidden_act",
            "activation",
            {"gelu": "gelu", "gelu_new": "gelu_tanh", "gelu_pytorch_tanh": "gelu_tanh"},
        ),
    ),
    dropouts=("hidden_dropout_prob", "attention_probs_dropout_prob"),
    epsilon="layer_norm_eps",
    epsilon_default=1e-12,
    demands={
        "position_embedding_type": ("absolute",),
        "is_decoder": (False,),
        "add_cross_attention": (False,),
        "is_encoder_decoder": (False,),
        "tie_word_embeddings": (True,),
        "pruned_heads": ({}, None),
        "quantization_config": (None,),
    },
    # transformers 5 has no such key, but CTranslate2's converter needs it.
    says={"position_embedding_type": "absolute"},
    parts={part: f"{part}." for part in ("pooler", *_HEADS)},
    copies={
        "cls.predictions.decoder.weight": "bert.embeddings.word_embeddings.weight",
        "cls.predictions.decoder.bias": "cls.predictions.bias",
    },
    buffers=r"(bert\.)?embeddings\.(position_ids|token_type_ids)",
    other_heads=("classifier.", "qa_outputs."),
    bodies={
        "BertForPreTraining": ("pooler", "masked_token_head", "next_sentence_head"),
        "BertForMaskedLM": ("masked_token_head",),
        "BertForNextSentencePrediction": ("pooler", "next_sentence_head"),
        "BertModel": (),
    },
    bare="BertModel",
    heads={
        "classification": Head("BertForSequenceClassification", "classifier", lacks=_HEADS),
        "similarity": Head("BertForSequenceClassification", "classifier", lacks=_HEADS),
        "choice": Head("BertForMultipleChoice", "classifier", lacks=_HEADS),
        "tagging": Head("BertForTokenClassification", "classifier", lacks=("pooler", *_HEADS)),
        "span_qa": Head("BertForQuestionAnswering", "qa_outputs", lacks=("pooler", *_HEADS)),
    },
)
