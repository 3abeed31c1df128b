"""Hugging Face's names for a GPT-2 (`model_type: gpt2`): GPT-1's but for embeddings and last norm."""

from twinlm.hf.gpt import BLOCKS, BUFFERS, DEMANDS, DROPOUTS, PREFIX, SIZES
from twinlm.hf.layout import Head, Layout, Size
from twinlm.hf.names import Rename

TABLE = [
    Rename("token_embedding.weight", (f"{PREFIX}wte.weight",)),
    Rename("position_embedding.weight", (f"{PREFIX}wpe.weight",)),
    *BLOCKS,
    Rename("final_norm.weight", (f"{PREFIX}ln_f.weight",)),
    Rename("final_norm.bias", (f"{PREFIX}ln_f.bias",)),
]

_SIZES = tuple(Size(size.theirs, size.ours, 1024) if size.ours == "max_length" else size for size in SIZES)

LAYOUT = Layout(
    model_type="gpt2",
    family="gpt",
    fixed={"norm": "pre", "both_sides": False},
    prefix=PREFIX,
    table=TABLE,
    sizes=(Size("vocab_size", "vocab_size", 50_257), *_SIZES, Size("n_inner", "feed_forward", None)),
    dropouts=DROPOUTS,
    epsilon="layer_norm_epsilon",
    epsilon_default=1e-5,
    demands={
        "activation_function": ("gelu_new", "gelu_pytorch_tanh"),
        "scale_attn_weights": (True,),
        "scale_attn_by_inverse_layer_idx": (False,),
        **DEMANDS,
    },
    says={"activation_function": "gelu_new"},
    copies={"lm_head.weight": f"{PREFIX}wte.weight"},
    buffers=BUFFERS,
    other_heads=("multiple_choice_head.", "score.", "classifier.", "qa_outputs."),
    bodies={"GPT2LMHeadModel": (), "GPT2Model": (), "GPT2DoubleHeadsModel": ()},
    bare="GPT2Model",
    heads={
        "classification": Head("GPT2ForSequenceClassification", "score", is_biased=False),
        "similarity": Head("GPT2ForSequenceClassification", "score", is_biased=False),
        "tagging": Head("GPT2ForTokenClassification", "classifier"),
        "span_qa": Head("GPT2ForQuestionAnswering", "qa_outputs"),
    },
)
