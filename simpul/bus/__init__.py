"""Kafka: topics, envelopes, producer, consumer loop, dead letters. The only importer of kafka."""
