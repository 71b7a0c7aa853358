"""What the embedding vendors have in common: cut, ask in batches, check."""

from collections.abc import Sequence
from typing import Any, Literal

from providers import embedding

Kind = Literal["question", "passage"]


class VendorEmbedder:
    """One tenant's account at a vendor. A vendor's own class says how one batch is asked."""

    vendor: str
    batch: int  # texts in one call

    def __init__(
        self, *, api_key: str, base_url: str | None, model: str, dimensions: int | None, shortened: bool,
        allow_private: bool | None,
    ) -> None:  # fmt: skip
        self.api_key, self.base_url = api_key, base_url
        self.model, self.dimensions, self.shortened = model, dimensions, shortened
        # The vendor's own address is no business's choice: the installation's proxies may lead there.
        self.reach = allow_private if base_url else None

    def ask(self, kind: Kind, texts: list[str], *, seconds: float) -> list[Any]:
        """The vectors as the vendor gives them, in the order of the texts, at most `batch` of them."""
        raise NotImplementedError

    @property
    def known_model(self) -> str:
        """The id of its vectors; empty while nobody knows how many dimensions they have."""
        return self._id(self.dimensions) if self.dimensions else ""

    def url(self, usual: str, path: str) -> str:
        """Where a call goes."""
        return (self.base_url or usual).rstrip("/") + path

    def embed_question(self, text: str) -> tuple[str, Any]:
        """The model's id and the vector of one question."""
        model, vectors = self._embed("question", [text], seconds=embedding.QUESTION_SECONDS)
        return model, vectors[0]

    def embed_passages(self, texts: Sequence[str]) -> tuple[str, list[Any]]:
        """The model's id and a vector for each passage."""
        return self._embed("passage", texts, seconds=embedding.PASSAGES_SECONDS)

    def _embed(self, kind: Kind, texts: Sequence[str], *, seconds: float) -> tuple[str, list[Any]]:
        longest = embedding.QUESTION_CHARACTERS if kind == "question" else embedding.PASSAGE_CHARACTERS
        readable = [embedding.cut(text, longest=longest) for text in texts]
        vectors: list[Any] = []
        for start in range(0, len(readable), self.batch):
            some = readable[start : start + self.batch]
            rows = self.ask(kind, some, seconds=seconds)
            vectors += embedding.units(rows, count=len(some), dimensions=self.dimensions)
        return self._id(len(vectors[0]) if vectors else self.dimensions or 0), vectors

    def _id(self, dimensions: int) -> str:
        return embedding.model_id(
            self.vendor, base_url=self.base_url, model=self.model, dimensions=dimensions
        )
