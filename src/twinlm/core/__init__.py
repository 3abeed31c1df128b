"""The transformer parts that GPT and BERT share. Nothing in here knows either of them.

Dimension key, the same in every file of this package (after Noam Shazeer, "Shape suffixes", 2024):

    B  sequences in a batch          D  width of the model
    L  positions in a sequence       H  attention heads
    M  positions that are looked at  K  width of one head (D = H * K)
    N  positions of a batch in one   F  width inside the feed-forward layer
       row, or some chosen ones      C  classes of a task, or choices
    V  entries of the vocabulary     G  decisions of a task, each on one or more sequences
                                     1  a broadcast dimension

A tensor's name ends in its dimensions: `hidden_BLD` has shape (B, L, D).
"""
