"""Hugging Face's names for a BERT with its pre-training heads (`model_type: bert`)."""

from twinlm.hf.layout import Choice, Head, Layout, Size
from twinlm.hf.names import Rename

_LAYER = "bert.encoder.layer.{}."

TABLE = [
    Rename("token_embedding.weight", ("bert.embeddings.word_embeddings.weight",)),
    Rename("position_embedding.weight", ("bert.embeddings.position_embeddings.weight",)),
    Rename("segment_embedding.weight", ("bert.embeddings.token_type_embeddings.weight",)),
    Rename("embedding_norm.weight", ("bert.embeddings.LayerNorm.weight",)),
    Rename("embedding_norm.bias", ("bert.embeddings.LayerNorm.bias",)),
    *(
        Rename(
            f"blocks.{{}}.attention.query_key_value.{kind}",
            tuple(f"{_LAYER}attention.self.{part}.{kind}" for part in ("query", "key", "value")),
        )
        for kind in ("weight", "bias")
    ),
    *(
        Rename(f"blocks.{{}}.{ours}.{kind}", (f"{_LAYER}{theirs}.{kind}",))
        for ours, theirs in [
            ("attention.output", "attention.output.dense"),
            ("attention_norm", "attention.output.LayerNorm"),
            ("feed_forward.expand", "intermediate.dense"),
            ("feed_forward.contract", "output.dense"),
            ("feed_forward_norm", "output.LayerNorm"),
        ]
        for kind in ("weight", "bias")
    ),
    Rename("pooler.weight", ("bert.pooler.dense.weight",)),
    Rename("pooler.bias", ("bert.pooler.dense.bias",)),
    Rename("masked_token_head.transform.weight", ("cls.predictions.transform.dense.weight",)),
    Rename("masked_token_head.transform.bias", ("cls.predictions.transform.dense.bias",)),
    Rename("masked_token_head.norm.weight", ("cls.predictions.transform.LayerNorm.weight",)),
    Rename("masked_token_head.norm.bias", ("cls.predictions.transform.LayerNorm.bias",)),
    Rename("masked_token_head.bias_V", ("cls.predictions.bias",)),
    Rename("next_sentence_head.weight", ("cls.seq_relationship.weight",)),
    Rename("next_sentence_head.bias", ("cls.seq_relationship.bias",)),
]

_HEADLESS = ("masked_token_head", "next_sentence_head")

LAYOUT = Layout(
    model_type="bert",
    family="bert",
    prefix="bert.",
    table=TABLE,
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
    # transformers 5 has no such key, but CTranslate2's converter asks for it.
    says={"position_embedding_type": "absolute"},
    parts={
        "pooler": "pooler.",
        "masked_token_head": "masked_token_head.",
        "next_sentence_head": "next_sentence_head.",
    },
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
        "classification": Head("BertForSequenceClassification", "classifier", lacks=_HEADLESS),
        "similarity": Head("BertForSequenceClassification", "classifier", lacks=_HEADLESS),
        "choice": Head("BertForMultipleChoice", "classifier", lacks=_HEADLESS),
        "tagging": Head("BertForTokenClassification", "classifier", lacks=("pooler", *_HEADLESS)),
        "span_qa": Head("BertForQuestionAnswering", "qa_outputs", lacks=("pooler", *_HEADLESS)),
    },
)
