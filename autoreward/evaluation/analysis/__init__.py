"""What a training did, from its statistics and its validation episodes, without any model."""
