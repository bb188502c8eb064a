"""Records restored as they come: Spark Structured Streaming from a folder or Kafka into the lake or Kafka."""
