"""A watch for trainings that others write the loop of, each over :func:`gradcheck.watch`.

- :mod:`gradcheck.callbacks.lightning` and :mod:`gradcheck.callbacks.pytorch_lightning`: a callback of Lightning's
  Trainer, by the name under which it is imported
- :mod:`gradcheck.callbacks.transformers`: a callback of Hugging Face's Trainer
- :mod:`gradcheck.callbacks.tensorboard`: what a watch measures and finds, for TensorBoard
"""
