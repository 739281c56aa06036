"""Reads streamed answers: `collect` and `acollect` hand every chunk on unchanged, and hold the whole answer afterwards.

How the two protocols put an answer together stands in `assembly.py`. The one idea: tool calls appear only once the model has said
that it is done, so a stream that ends early has none that could run.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from ringfence_openai.assembly import Answer

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Iterable

T = TypeVar("T")


class CollectedStream(Answer, Iterator[T], Generic[T]):
    """A stream on its way to the caller; made by `collect`."""

    def __init__(self, stream: Iterable[T]) -> None:
        super().__init__()
        self._stream = stream
        self._chunks = iter(stream)

    def __next__(self) -> T:
        chunk = next(self._chunks)
        self.add(chunk)
        return chunk

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the stream and so its connection, where it can be closed."""
        getattr(self._stream, "close", lambda: None)()


class AsyncCollectedStream(Answer, AsyncIterator[T], Generic[T]):
    """As `CollectedStream`, for an async stream; made by `acollect`."""

    def __init__(self, stream: AsyncIterable[T]) -> None:
        super().__init__()
        self._stream: Any = stream
        self._chunks = aiter(stream)

    async def __anext__(self) -> T:
        chunk = await anext(self._chunks)
        self.add(chunk)
        return chunk

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the stream and so its connection, where it can be closed."""
        close = getattr(self._stream, "close", None) or getattr(self._stream, "aclose", None)
        if close is not None:
            await close()


def collect(stream: Iterable[T]) -> CollectedStream[T]:
    """Return an iterator over the same chunks that puts the answer together as they pass.

    Arguments:
        stream: what `create(..., stream=True)` returned, of Chat Completions or the Responses API, or any iterable of such
            chunks, as SDK objects or dicts.

    Raises:
        TypeError: while iterating, at something that is no chunk of either API.

    """
    return CollectedStream(stream)


def acollect(stream: AsyncIterable[T]) -> AsyncCollectedStream[T]:
    """As `collect`, for the stream of an async client."""
    return AsyncCollectedStream(stream)
