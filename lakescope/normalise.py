from lakescope.pipeline.normalise import Normalised, Normaliser  # noqa: F401  (moved; helpers still import this)
