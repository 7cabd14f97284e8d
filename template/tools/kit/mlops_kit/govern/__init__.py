"""The room of what stands around a model: charter, risks, responsible AI, governance, costs."""
