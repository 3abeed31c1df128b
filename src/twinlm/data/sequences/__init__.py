"""From token stores to training sequences: windows, pairs, masks, packing, order."""
