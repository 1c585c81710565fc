"""Many windows: shards of Parquet scored by one process, by torchrun's or by Ray's."""
