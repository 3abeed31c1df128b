"""Hugging Face's names for GPT-1 (`model_type: openai-gpt`) and GPT-2 (`gpt2`)."""

from typing import Any

from twinlm.hf.layout import Head, Layout, Rename, Size

_PREFIX = "transformer."
_LAYER = f"{_PREFIX}h.{{}}."

# Linear layers are stored transposed, as the one-wide convolutions of the released code were.
_BLOCKS = [
    Rename(f"blocks.{{}}.{ours}.{part}", (f"{_LAYER}{theirs}.{part}",), transposed=transposed)
    for ours, theirs, is_linear in [
        ("attention.query_key_value", "attn.c_attn", True),
        ("attention.output", "attn.c_proj", True),
        ("attention_norm", "ln_1", False),
        ("feed_forward.expand", "mlp.c_fc", True),
        ("feed_forward.contract", "mlp.c_proj", True),
        ("feed_forward_norm", "ln_2", False),
    ]
    for part, transposed in [("weight", is_linear), ("bias", False)]
]
_SIZES = (Size("n_embd", "width", 768), Size("n_layer", "layers", 12), Size("n_head", "heads", 12))
_DEMANDS: dict[str, tuple[Any, ...]] = {
    "tie_word_embeddings": (True,),
    "is_decoder": (False, True),
    "add_cross_attention": (False,),
    "is_encoder_decoder": (False,),
    "pruned_heads": ({}, None),
    "quantization_config": (None,),
    # Other names of the sizes, which transformers would accept as well.
    "hidden_size": (None,),
    "num_hidden_layers": (None,),
    "num_attention_heads": (None,),
    "max_position_embeddings": (None,),
}
_COMMON: dict[str, Any] = {
    "family": "gpt",
    "repeats": {"n_ctx": "n_positions"},  # OpenAI's own files have both; some tools know only this one
    "prefix": _PREFIX,
    "dropouts": ("resid_pdrop", "embd_pdrop", "attn_pdrop"),
    "epsilon": "layer_norm_epsilon",
    "epsilon_default": 1e-5,
    "buffers": r"(transformer\.)?(position_ids|h\.\d+\.attn\.(bias|masked_bias))",
    "other_heads": ("multiple_choice_head.", "score.", "classifier.", "qa_outputs."),
}

GPT1 = Layout(
    **_COMMON,
    model_type="openai-gpt",
    fixed={"norm": "post", "both_sides": False, "summary": "token"},
    table=[
        Rename("token_embedding.weight", (f"{_PREFIX}tokens_embed.weight",)),
        Rename("position_embedding.weight", (f"{_PREFIX}positions_embed.weight",)),
        *_BLOCKS,
    ],
    sizes=(Size("vocab_size", "vocab_size", 40_478), Size("n_positions", "max_length", 512), *_SIZES),
    # Under this model type "gelu" is the tanh form.
    demands={"afn": ("gelu",), **_DEMANDS},
    says={"afn": "gelu"},
    copies={"lm_head.weight": f"{_PREFIX}tokens_embed.weight"},
    bodies={"OpenAIGPTLMHeadModel": (), "OpenAIGPTModel": (), "OpenAIGPTDoubleHeadsModel": ()},
    bare="OpenAIGPTModel",
    heads={
        "classification": Head("OpenAIGPTForSequenceClassification", "score", is_biased=False),
        "similarity": Head("OpenAIGPTForSequenceClassification", "score", is_biased=False),
    },
)

GPT2 = Layout(
    **_COMMON,
    model_type="gpt2",
    fixed={"norm": "pre", "both_sides": False, "summary": "token"},
    table=[
        Rename("token_embedding.weight", (f"{_PREFIX}wte.weight",)),
        Rename("position_embedding.weight", (f"{_PREFIX}wpe.weight",)),
        *_BLOCKS,
        Rename("final_norm.weight", (f"{_PREFIX}ln_f.weight",)),
        Rename("final_norm.bias", (f"{_PREFIX}ln_f.bias",)),
    ],
    sizes=(
        Size("vocab_size", "vocab_size", 50_257),
        Size("n_positions", "max_length", 1024),
        *_SIZES,
        Size("n_inner", "feed_forward", None),
    ),
    demands={
        "activation_function": ("gelu_new", "gelu_pytorch_tanh"),
        "scale_attn_weights": (True,),
        "scale_attn_by_inverse_layer_idx": (False,),
        **_DEMANDS,
    },
    says={"activation_function": "gelu_new"},
    copies={"lm_head.weight": f"{_PREFIX}wte.weight"},
    bodies={"GPT2LMHeadModel": (), "GPT2Model": (), "GPT2DoubleHeadsModel": ()},
    bare="GPT2Model",
    heads={
        "classification": Head("GPT2ForSequenceClassification", "score", is_biased=False),
        "similarity": Head("GPT2ForSequenceClassification", "score", is_biased=False),
        "tagging": Head("GPT2ForTokenClassification", "classifier"),
        "span_qa": Head("GPT2ForQuestionAnswering", "qa_outputs"),
    },
)
