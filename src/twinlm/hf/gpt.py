"""Hugging Face's names for a GPT-1 (`model_type: openai-gpt`)."""

from twinlm.hf.names import Rename

TABLE = [
    Rename("token_embedding.weight", ("tokens_embed.weight",)),
    Rename("position_embedding.weight", ("positions_embed.weight",)),
    Rename("blocks.{}.attention.query_key_value.weight", ("h.{}.attn.c_attn.weight",), transposed=True),
    Rename("blocks.{}.attention.query_key_value.bias", ("h.{}.attn.c_attn.bias",)),
    Rename("blocks.{}.attention.output.weight", ("h.{}.attn.c_proj.weight",), transposed=True),
    Rename("blocks.{}.attention.output.bias", ("h.{}.attn.c_proj.bias",)),
    Rename("blocks.{}.attention_norm.weight", ("h.{}.ln_1.weight",)),
    Rename("blocks.{}.attention_norm.bias", ("h.{}.ln_1.bias",)),
    Rename("blocks.{}.feed_forward.expand.weight", ("h.{}.mlp.c_fc.weight",), transposed=True),
    Rename("blocks.{}.feed_forward.expand.bias", ("h.{}.mlp.c_fc.bias",)),
    Rename("blocks.{}.feed_forward.contract.weight", ("h.{}.mlp.c_proj.weight",), transposed=True),
    Rename("blocks.{}.feed_forward.contract.bias", ("h.{}.mlp.c_proj.bias",)),
    Rename("blocks.{}.feed_forward_norm.weight", ("h.{}.ln_2.weight",)),
    Rename("blocks.{}.feed_forward_norm.bias", ("h.{}.ln_2.bias",)),
]
