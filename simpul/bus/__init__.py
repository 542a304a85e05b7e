"""Kafka: topics, producer, consumer loop, dead letters. The only importer of kafka.

Everywhere in this package a topic goes by its own name, such as `requests.dukcapil`; the prefix of the installation
is put before it on the way to the cluster and taken off on the way back.
"""
