"""The transformer parts that GPT and BERT share. They know neither model.

Dimension key, the same in every file of the package (after Noam Shazeer, "Shape suffixes", 2024):

    B  sequences in a batch          D  width of the model
    L  positions in a sequence       H  attention heads
    M  positions that are attended   K  width of one head (D = H * K)
    N  some positions of a batch,    F  width inside the feed-forward layer
       in one row                    C  classes of a task, or choices
    V  entries of the vocabulary     G  decisions of a task, each on one or more sequences
                                     1  a broadcast dimension

A tensor's name ends in its dimensions: `hidden_BLD` has shape (B, L, D).
"""
