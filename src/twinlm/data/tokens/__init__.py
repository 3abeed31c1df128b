"""Token stores: documents as token ids on disk."""
