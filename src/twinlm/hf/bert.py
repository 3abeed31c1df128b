"""Hugging Face's names for a BERT with its pre-training heads (`model_type: bert`)."""

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
