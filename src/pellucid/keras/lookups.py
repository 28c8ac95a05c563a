"""Words and whole numbers as numbers from 0: StringLookup and IntegerLookup, on arrays."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from pellucid.core.errors import ArgumentError
from pellucid.keras import blame
from pellucid.keras.arguments import bound, refuse, signature
from pellucid.keras.base import Layer
from pellucid.keras.tensors import KerasTensor, flat


class Lookup(Layer):
    """A vocabulary. It prepares arrays before a model; in a network there are numbers alone.

    Unknown entries have the number 0 (1 behind a mask), known ones follow.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        given, rest = bound(
            "layers", type(self).__name__, args, kwargs, ("dtype", "trainable")
        )  # fmt: skip
        super().__init__(name=given.name, **rest)
        given.only("num_oov_indices", 0, 1)
        given.only("output_mode", "int", "one_hot", "multi_hot", "count")
        self.output_mode, self.invert = given.output_mode, given.invert
        self.max_tokens, self._unknown = given.max_tokens, given.num_oov_indices
        self.mask_token, self.oov_token = given.mask_token, given.oov_token
        if "vocabulary_dtype" in given.values_:
            given.only("vocabulary_dtype", "int64")
        if "oov_method" in given.values_:
            given.only("oov_method", "floormod")
        for name in ("mask_token", "oov_token"):
            token = getattr(given, name)
            if token is not None and not isinstance(token, (str, int, np.integer)):
                refuse(type(self).__name__, name, token, "a token is a word or a whole number")
        if self.max_tokens is not None and self.max_tokens < 2:
            refuse(type(self).__name__, "max_tokens", self.max_tokens, "it must be 2 or more")
        self._words: list[Any] = []
        self._given = given.values_
        if given.vocabulary is not None:
            self.set_vocabulary(given.vocabulary)
        given.finish()

    def get_config(self) -> dict[str, Any]:
        """The arguments, with the words that `adapt` learned."""
        words = list(self._words) or None
        return {**self._given, **super().get_config(), "vocabulary": words}

    @property
    def _first(self) -> list[Any]:
        """What stands before the words."""
        mask = (
            [self.mask_token] if self.mask_token is not None and self.output_mode == "int" else []
        )
        return [*mask, *[self.oov_token] * self._unknown]

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """Gives the words, most frequent first."""
        if idf_weights is not None:
            refuse(type(self).__name__, "idf_weights", idf_weights, "words are counted alone")
        if isinstance(vocabulary, str):
            raise ArgumentError(
                f"keras.layers.{type(self).__name__}",
                "vocabulary must be a list, got the name of a file",
                "Read it: open(path).read().split().",
            )
        if not hasattr(vocabulary, "__iter__") or getattr(vocabulary, "ndim", 1) != 1:
            raise ArgumentError(
                f"keras.layers.{type(self).__name__}",
                f"vocabulary must be a list of words, got {vocabulary!r}",
            )
        words = [one.item() if isinstance(one, np.generic) else one for one in vocabulary]
        if not all(isinstance(one, (str, bytes, int, float)) for one in words):
            raise ArgumentError(
                f"keras.layers.{type(self).__name__}",
                f"vocabulary must be a list of words, got {vocabulary!r}",
            )
        first = self._first
        self._words = words[len(first) :] if first and words[: len(first)] == first else words
        if len(set(self._words)) < len(self._words):
            raise ArgumentError(f"keras.{self.name}", "vocabulary must hold each word once")

    def adapt(self, data: Any, steps: Any = None) -> None:
        """Learns the words of data: by how often they stand there, then backwards."""
        if steps is not None:
            refuse(type(self).__name__, "steps", steps, "data is an array")
        counts = Counter(self._listed(data))
        counts.pop(self.mask_token, None)
        words = sorted(counts, key=lambda one: (counts[one], one), reverse=True)
        most = None if self.max_tokens is None else self.max_tokens - len(self._first)
        self._words = words[:most]

    def _listed(self, data: Any) -> list[Any]:
        """All words of an array."""
        try:
            words = np.asarray(data).reshape(-1).tolist()
        except Exception:  # whatever an array-like raises
            words = [None]
        if not all(isinstance(one, (str, bytes, int, float)) for one in words):
            raise ArgumentError(
                f"keras.layers.{type(self).__name__}.adapt",
                f"data must be an array of words or of whole numbers, got {blame.shown(data)}",
            )
        return list(words)

    @blame.kinds("layers.get_vocabulary")
    def get_vocabulary(self, include_special_tokens: bool = True) -> list[Any]:
        """The words by their numbers."""
        return [*self._first, *self._words] if include_special_tokens else list(self._words)

    def vocabulary_size(self) -> int:
        """How many numbers there are."""
        return len(self._first) + len(self._words)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The numbers of an array of words; inverted, the words of numbers."""
        if kwargs or len(args) != 1 or any(isinstance(one, KerasTensor) for one in flat(args)):
            raise ArgumentError(
                f"keras.{self.name}",
                "lookups are made of arrays, before the network, got a tensor of one",
                "Call the layer on the array, and give fit the result: docs/keras.md.",
            )
        x = np.asarray(args[0])
        known = self.get_vocabulary()
        if self.invert:
            return np.array([known[int(one)] for one in x.reshape(-1)]).reshape(x.shape)
        first = len(self._first)
        places = {word: first + n for n, word in enumerate(self._words)}
        if self.mask_token is not None and self.output_mode == "int":
            places[self.mask_token] = 0
        other = first - 1 if self._unknown else -1
        numbers = np.array([places.get(one, other) for one in x.reshape(-1).tolist()], np.int64)
        if not self._unknown and (numbers < 0).any():
            word = x.reshape(-1)[int(np.argmax(numbers < 0))].item()
            raise ArgumentError(f"keras.{self.name}", f"there is no {word!r} in the vocabulary")
        numbers = numbers.reshape(x.shape)
        if self.output_mode == "int":
            return numbers
        rows = np.eye(len(known), dtype="float32")[numbers]
        if self.output_mode == "one_hot":
            return rows[..., 0, :] if x.ndim > 1 and x.shape[-1] == 1 else rows
        total = rows.sum(axis=-2) if x.ndim > 1 else rows
        return np.minimum(total, 1) if self.output_mode == "multi_hot" else total


class StringLookup(Lookup):
    """As keras.layers.StringLookup, on arrays."""

    __signature__ = signature("layers", "StringLookup")


class IntegerLookup(Lookup):
    """As keras.layers.IntegerLookup, on arrays."""

    __signature__ = signature("layers", "IntegerLookup")
