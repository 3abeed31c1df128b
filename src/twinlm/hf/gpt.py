"""Hugging Face's names for a GPT-1 (`model_type: openai-gpt`)."""

from typing import Any

from twinlm.hf.layout import Head, Layout, Size
from twinlm.hf.names import Rename

PREFIX = "transformer."
_LAYER = f"{PREFIX}h.{{}}."

BLOCKS = [
    Rename(f"blocks.{{}}.{ours}.{kind}", (f"{_LAYER}{theirs}.{kind}",), transposed=transposed)
    for ours, theirs, is_linear in [
        ("attention.query_key_value", "attn.c_attn", True),
        ("attention.output", "attn.c_proj", True),
        ("attention_norm", "ln_1", False),
        ("feed_forward.expand", "mlp.c_fc", True),
        ("feed_forward.contract", "mlp.c_proj", True),
        ("feed_forward_norm", "ln_2", False),
    ]
    for kind, transposed in [("weight", is_linear), ("bias", False)]
]
"""Linear maps are stored the other way round, after the one-wide convolutions of the released code."""

TABLE = [
    Rename("token_embedding.weight", (f"{PREFIX}tokens_embed.weight",)),
    Rename("position_embedding.weight", (f"{PREFIX}positions_embed.weight",)),
    *BLOCKS,
]

SIZES = (
    Size("n_positions", "max_length", 512),
    Size("n_embd", "width", 768),
    Size("n_layer", "layers", 12),
    Size("n_head", "heads", 12),
)
DROPOUTS = ("resid_pdrop", "embd_pdrop", "attn_pdrop")
DEMANDS: dict[str, tuple[Any, ...]] = {
    "tie_word_embeddings": (True,),
    "is_decoder": (False, True),
    "add_cross_attention": (False,),
    "is_encoder_decoder": (False,),
    "pruned_heads": ({}, None),
    "quantization_config": (None,),
    # Other names of the sizes, which transformers would take as well.
    "hidden_size": (None,),
    "num_hidden_layers": (None,),
    "num_attention_heads": (None,),
    "max_position_embeddings": (None,),
}
BUFFERS = r"(transformer\.)?(position_ids|h\.\d+\.attn\.(bias|masked_bias))"

LAYOUT = Layout(
    model_type="openai-gpt",
    family="gpt",
    fixed={"norm": "post", "both_sides": False},
    prefix=PREFIX,
    table=TABLE,
    sizes=(Size("vocab_size", "vocab_size", 40_478), *SIZES),
    dropouts=DROPOUTS,
    epsilon="layer_norm_epsilon",
    epsilon_default=1e-5,
    # Under this model type "gelu" is the tanh form.
    demands={"afn": ("gelu",), **DEMANDS},
    says={"afn": "gelu"},
    copies={"lm_head.weight": f"{PREFIX}tokens_embed.weight"},
    buffers=BUFFERS,
    other_heads=("multiple_choice_head.", "score.", "classifier.", "qa_outputs."),
    bodies={"OpenAIGPTLMHeadModel": (), "OpenAIGPTModel": (), "OpenAIGPTDoubleHeadsModel": ()},
    bare="OpenAIGPTModel",
    heads={
        "classification": Head("OpenAIGPTForSequenceClassification", "score", is_biased=False),
        "similarity": Head("OpenAIGPTForSequenceClassification", "score", is_biased=False),
    },
)
