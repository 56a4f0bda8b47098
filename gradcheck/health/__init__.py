"""Health of a training: what is sampled of it, the rules that judge the samples, and the report they make."""
