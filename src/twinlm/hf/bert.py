"""Hugging Face's names for a BERT with its pre-training heads.

`model_type: bert` normalizes after each sum; `megatron-bert` (Shoeybi et al. 2019) before each layer.
"""

from typing import Any

from twinlm.hf.layout import Choice, Head, Layout, Rename, Size

_LAYER = "bert.encoder.layer.{}."


def _table(norms: dict[str, str]) -> list[Rename]:
    """Return the names of all tensors, with those of the norms, ours -> theirs."""
    return [
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
            for ours, theirs in {
                **norms,
                "blocks.{}.attention.output": f"{_LAYER}attention.output.dense",
                "blocks.{}.feed_forward.expand": f"{_LAYER}intermediate.dense",
                "blocks.{}.feed_forward.contract": f"{_LAYER}output.dense",
                "pooler": "bert.pooler.dense",
                "masked_token_head.transform": "cls.predictions.transform.dense",
                "masked_token_head.norm": "cls.predictions.transform.LayerNorm",
                "next_sentence_head": "cls.seq_relationship",
            }.items()
            for part in ("weight", "bias")
        ),
        Rename("masked_token_head.bias_V", ("cls.predictions.bias",)),
    ]


_HEADS = ("masked_token_head", "next_sentence_head")


_COMMON: dict[str, Any] = {
    "family": "bert",
    "prefix": "bert.",
    "choices": (
        Choice(
            "hidden_act",
            "activation",
            {"gelu": "gelu", "gelu_new": "gelu_tanh", "gelu_pytorch_tanh": "gelu_tanh"},
        ),
    ),
    "dropouts": ("hidden_dropout_prob", "attention_probs_dropout_prob"),
    "epsilon": "layer_norm_eps",
    "epsilon_default": 1e-12,
    "demands": {
        "position_embedding_type": ("absolute",),
        "is_decoder": (False,),
        "add_cross_attention": (False,),
        "is_encoder_decoder": (False,),
        "tie_word_embeddings": (True,),
        "pruned_heads": ({}, None),
        "quantization_config": (None,),
    },
    # transformers 5 has no such key, but CTranslate2's converter needs it.
    "says": {"position_embedding_type": "absolute"},
    "parts": {part: f"{part}." for part in ("pooler", *_HEADS)},
    "copies": {
        "cls.predictions.decoder.weight": "bert.embeddings.word_embeddings.weight",
        "cls.predictions.decoder.bias": "cls.predictions.bias",
    },
    "buffers": r"(bert\.)?embeddings\.(position_ids|token_type_ids)",
    "other_heads": ("classifier.", "qa_outputs."),
}


_SIZES = {
    "vocab_size": "vocab_size",
    "max_position_embeddings": "max_length",
    "type_vocab_size": "segments",
    "hidden_size": "width",
    "num_hidden_layers": "layers",
    "num_attention_heads": "heads",
    "intermediate_size": "feed_forward",
}


def _layout(
    model_type: str, classes: str, *, norm: str, norms: dict[str, str], defaults: tuple[int, ...]
) -> Layout:
    """Return one of the two model types; `classes` begins the names of its classes."""
    classifier = Head(f"{classes}ForSequenceClassification", "classifier", lacks=_HEADS)
    by_token = ("pooler", *_HEADS)
    return Layout(
        **_COMMON,
        model_type=model_type,
        fixed={"norm": norm, "summary": "token"},
        table=_table(norms),
        sizes=[Size(*names, default) for names, default in zip(_SIZES.items(), defaults, strict=True)],
        bodies={
            f"{classes}ForPreTraining": ("pooler", "masked_token_head", "next_sentence_head"),
            f"{classes}ForMaskedLM": ("masked_token_head",),
            f"{classes}ForNextSentencePrediction": ("pooler", "next_sentence_head"),
            f"{classes}Model": (),
        },
        bare=f"{classes}Model",
        heads={
            "classification": classifier,
            "similarity": classifier,
            "choice": Head(f"{classes}ForMultipleChoice", "classifier", lacks=_HEADS),
            "tagging": Head(f"{classes}ForTokenClassification", "classifier", lacks=by_token),
            "span_qa": Head(f"{classes}ForQuestionAnswering", "qa_outputs", lacks=by_token),
        },
    )


BERT = _layout(
    "bert",
    "Bert",
    norm="post",
    norms={
        "embedding_norm": "bert.embeddings.LayerNorm",
        "blocks.{}.attention_norm": f"{_LAYER}attention.output.LayerNorm",
        "blocks.{}.feed_forward_norm": f"{_LAYER}output.LayerNorm",
    },
    defaults=(30_522, 512, 2, 768, 12, 12, 3072),
)

MEGATRON_BERT = _layout(
    "megatron-bert",
    "MegatronBert",
    norm="pre",
    norms={
        "blocks.{}.attention_norm": f"{_LAYER}attention.ln",
        "blocks.{}.feed_forward_norm": f"{_LAYER}ln",
        "final_norm": "bert.encoder.ln",
    },
    defaults=(29_056, 512, 2, 1024, 24, 16, 4096),
)
